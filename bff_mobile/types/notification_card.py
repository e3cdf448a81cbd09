"""A notification as a card."""

import strawberry

from bff_core.graphql.context import Info
from bff_core.graphql.view import computed, shown, view
from bff_mobile import wording
from bff_mobile.phrases import phrase
from services import notifications


def _title(notification: notifications.Notification, info: Info) -> str:
    if notification.kind is notifications.NotificationKind.UNKNOWN:
        return notification.title  # in English, which is better than nothing
    return phrase(f"notification_{notification.kind.value}", info.context.locale)


def _text(notification: notifications.Notification) -> str | None:
    return notification.body or None


def _when(notification: notifications.Notification, info: Info) -> str:
    return wording.ago(notification.created_at, info.context.now, info.context.locale)


def _is_unread(notification: notifications.Notification) -> bool:
    return notification.read_at is None


@view(notifications.Notification, description="Something the signed-in user was told.")
class NotificationCard:
    """One row of the inbox."""

    id: strawberry.ID = shown("The notification's id.")
    title: str = computed(_title, "What it is about, worded for the locale.")
    text: str | None = computed(_text, "What it says, in English.")
    when: str = computed(_when, "How long ago it came, worded.")
    is_unread: bool = computed(_is_unread, "Whether nobody has read it yet.")
    order_id: strawberry.ID | None = shown("The order it is about, for `orderStatus`.")
    product_id: strawberry.ID | None = shown("The product it is about, for `productScreen`.")
