"""A notification, and the inbox of them, as the web shows it."""

from datetime import datetime
from enum import Enum

import strawberry

from bff_core.contract import Edge, Page
from bff_core.graphql.link import link
from bff_core.graphql.view import computed, shown, view
from bff_web.types.connection import PageInfo
from bff_web.types.node import Node, encode
from bff_web.types.order import Order
from bff_web.types.product import Product
from services import notifications, orders, products


@strawberry.enum(description="What a notification is about.")
class NotificationKind(Enum):
    """The web's own words for the service's."""

    WELCOME = strawberry.enum_value("welcome", description="The customer is new here.")
    ORDER_PLACED = strawberry.enum_value("order_placed", description="An order was placed and paid for.")
    ORDER_SHIPPED = strawberry.enum_value("order_shipped", description="An order is on its way.")
    ORDER_DELIVERED = strawberry.enum_value("order_delivered", description="An order has arrived.")
    ORDER_CANCELLED = strawberry.enum_value("order_cancelled", description="An order was called off.")
    PAYMENT_DECLINED = strawberry.enum_value("payment_declined", description="The bank refused to pay for an order.")
    REFUND_DONE = strawberry.enum_value("refund_done", description="The money for an order went back.")
    PRICE_DROP = strawberry.enum_value("price_drop", description="A product costs less than before.")
    UNKNOWN = strawberry.enum_value("unknown", description="A word of the service that this schema does not know yet.")


def _id(notification: notifications.Notification) -> strawberry.ID:
    return encode("Notification", notification.id)


def _kind(notification: notifications.Notification) -> NotificationKind:
    return NotificationKind(notification.kind.value)


def _is_read(notification: notifications.Notification) -> bool:
    return notification.read_at is not None


@view(notifications.Notification, description="Something the signed-in user was told.")
class Notification(Node):
    """A notification with what it is about; only who was told ever sees it."""

    id: strawberry.ID = computed(_id, "A global id, opaque to clients.")
    kind: NotificationKind = computed(_kind, "What it is about.")
    title: str = shown("It in a few words, in English.")
    body: str = shown("All of it, in English.")
    created_at: datetime = shown("When it was sent.")
    read_at: datetime | None = shown("When it was read; null while it is not.")
    is_read: bool = computed(_is_read, "Whether it was read.")
    order: Order | None = link(
        orders.by_id, key="order_id", description="The order it is about; null when it is about none."
    )
    product: Product | None = link(
        products.by_id, key="product_id", description="The product it is about; null when it is about none."
    )


@view(Edge[notifications.Notification], description="A notification in a list.")
class NotificationEdge:
    """Relay's edge."""

    cursor: str = shown("Resumes the list after this notification.")
    node: Notification = shown("The notification.")


@view(Page[notifications.Notification], description="What the signed-in user was told, newest first.")
class NotificationConnection:
    """Relay's connection."""

    edges: list[NotificationEdge] = shown("The notifications of this page.")
    page_info: PageInfo = shown("Where this page stands.")
    total_count: int | None = shown("How many there are; of the unread ones, when only these were asked for.")


@view(notifications.Marked, description="The notifications are marked as read.")
class NotificationsRead:
    """What marking came to."""

    updated: int = shown("How many of them were unread before.")
    unread_count: int = computed(lambda marked: marked.unread, "How much is unread now, for the badge.")
