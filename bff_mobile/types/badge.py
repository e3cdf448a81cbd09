"""The number at the inbox's door."""

from bff_mobile import wording
from bff_mobile.phrases import phrase

#: What a badge has room for.
MOST_COUNTED = 99


def badge_text(unread: int, locale: str) -> str | None:
    """How much is unread, worded: ``99+`` for more than there is room for; None for nothing."""
    if unread < 1:
        return None
    if unread > MOST_COUNTED:
        return phrase("more_than", locale, count=wording.number(MOST_COUNTED, locale))
    return wording.number(unread, locale)
