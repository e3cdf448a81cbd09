"""The inbox, the number at its door, and what makes it smaller."""

from typing import Any

import strawberry

from bff_core.graphql.context import Info
from bff_core.graphql.link import Argument, link
from bff_core.graphql.write import Sent, write
from bff_web.types.node import key_for
from bff_web.types.notification import NotificationConnection, NotificationsRead
from bff_web.types.outcome import InvalidInput, KeyReused, OutcomeUnknown
from services import notifications


def _only_unread(wanted: bool) -> bool | None:
    return True if wanted else None  # the service's `unread=false` could as well mean: only what was read


def _number(count: notifications.UnreadCount, _info: Info) -> int:
    return count.unread


@strawberry.type
class InboxPage:
    """Root fields of what the signed-in user was told."""

    inbox: NotificationConnection | None = link(
        notifications.inbox,
        key={
            "unread": Argument(
                "unreadOnly", bool, "Leaves out what was read already.", default=False, convert=_only_unread
            )
        },
        page_size=20,
        description="What the signed-in user was told, newest first, page by page.",
    )
    unread_count: int | None = link(
        notifications.unread_count,
        show=_number,
        description="How much of it is unread, for a badge; null while the notification service does not answer.",
    )


@strawberry.input(description="What was read.")
class MarkReadInput:
    """Some notifications, or all."""

    ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Global ids of notifications, at most 100; null for all there are."
    )


_key = key_for("Notification")


def _mark(input: MarkReadInput) -> Sent:
    ids = None if input.ids is None else [_key(one) for one in input.ids]
    return Sent(body=notifications.MarkRead(ids=ids))


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
        ask="Ask for unreadCount, or send the same mutation again: what is read stays so.",
        description="Mark notifications as read; those that are, or are somebody else's, are left alone.",
    )
