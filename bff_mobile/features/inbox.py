"""The inbox, its badge, and what makes it smaller."""

from typing import Any

import strawberry

from bff_core.graphql.context import Info
from bff_core.graphql.link import link
from bff_core.graphql.write import Sent, write
from bff_mobile.types.badge import MOST_COUNTED, badge_text
from bff_mobile.types.inbox_page import InboxPage
from bff_mobile.types.notifications_read import NotificationsRead
from bff_mobile.types.outcome import InvalidInput, KeyReused, OutcomeUnknown
from services import notifications


def _badge(count: notifications.UnreadCount, info: Info) -> str | None:
    return badge_text(count.unread, info.context.locale)


@strawberry.type
class Inbox:
    """Root fields of the inbox."""

    inbox: InboxPage | None = link(
        notifications.inbox,
        key={"unread": None},
        most_rows=20,
        description="What the signed-in user was told, page by page.",
    )
    unread_badge: str | None = link(
        notifications.unread_count,
        show=_badge,
        description=f"How many notifications are unread, worded, {MOST_COUNTED}+ for more; null for none.",
    )


@strawberry.input(description="What was read.")
class MarkReadInput:
    """Some notifications, or all."""

    ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Ids of notifications, at most 100; null for all there are."
    )


def _mark(input: MarkReadInput) -> Sent:
    return Sent(body=notifications.MarkRead(ids=None if input.ids is None else list(input.ids)))


@strawberry.type
class InboxMutations:
    """What changes the inbox."""

    mark_read: Any = write(
        notifications.mark_read,
        name="MarkReadResult",
        input=MarkReadInput,
        send=_mark,
        done=NotificationsRead,
        refusals=(InvalidInput, KeyReused),
        unknown=OutcomeUnknown,
        ask="Ask for unreadBadge, or send the same mutation again: what is read stays so.",
        description="Mark notifications as read; those that are, or are somebody else's, are left alone.",
    )
