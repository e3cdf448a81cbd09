"""What marking notifications as read came to."""

from bff_core.graphql.context import Info
from bff_core.graphql.view import computed, shown, view
from bff_mobile.types.badge import badge_text
from services import notifications


def _badge(marked: notifications.Marked, info: Info) -> str | None:
    return badge_text(marked.unread, info.context.locale)


@view(notifications.Marked, description="The notifications are marked as read.")
class NotificationsRead:
    """What the badge says from now on."""

    updated: int = shown("How many of them were unread before.")
    unread_badge: str | None = computed(_badge, "How much is unread now, worded as `unreadBadge`; null for nothing.")
