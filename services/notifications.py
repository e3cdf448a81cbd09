"""Notification service: what somebody was told, how much of it is unread, and the devices that are told too.

Contract: schema/services/notifications.json.
"""

from datetime import datetime
from enum import Enum

from bff_core.contract import Invalid, KeyReused, KeyStyle, LenientEnum, Record, Service

notifications = Service("notifications")

#: What the service's document says an id is: it answers 422 to any other, and a batch's URL gets so long and no longer.
ID = "[A-Za-z0-9_-]{1,40}"

NOTIFICATIONS_READ = ("notifications:read",)
NOTIFICATIONS_WRITE = ("notifications:write",)


class NotificationKind(LenientEnum):
    """What a notification is about."""

    WELCOME = "welcome"
    ORDER_PLACED = "order_placed"
    ORDER_SHIPPED = "order_shipped"
    ORDER_DELIVERED = "order_delivered"
    ORDER_CANCELLED = "order_cancelled"
    PAYMENT_DECLINED = "payment_declined"
    REFUND_DONE = "refund_done"
    PRICE_DROP = "price_drop"
    UNKNOWN = "unknown"


class Notification(Record):
    """Something a user was told; ``title`` and ``body`` are in English."""

    id: str
    kind: NotificationKind
    title: str
    body: str
    created_at: datetime
    read_at: datetime | None = None
    order_id: str | None = None
    product_id: str | None = None


class UnreadCount(Record):
    """How many notifications nobody has read yet."""

    unread: int


by_id = notifications.batch(
    "GET /notifications",
    keys="ids",
    style=KeyStyle.COMMA,
    returns=Notification,
    key="id",
    at="items",
    max_keys=50,
    pattern=ID,
    relay=True,
    scopes=NOTIFICATIONS_READ,
    fresh=5,
    stale_if_error=300,
)
inbox = notifications.page(
    "GET /me/notifications",
    returns=Notification,
    query=("unread",),
    total="total",
    max_limit=50,
    relay=True,
    scopes=NOTIFICATIONS_READ,
    fresh=2,
    stale_if_error=300,
)
unread_count = notifications.get(
    "GET /me/notifications/unread-count",
    returns=UnreadCount,
    relay=True,
    scopes=NOTIFICATIONS_READ,
    fresh=2,
    stale_if_error=300,
)


class MarkRead(Record):
    """Which notifications were read; None is all of them."""

    ids: list[str] | None = None


class Marked(Record):
    """How many were marked, and how many are left unread."""

    updated: int
    unread: int


class Platform(str, Enum):
    """The systems that devices run."""

    IOS = "ios"
    ANDROID = "android"


class RegisterDevice(Record):
    """A device that is to be told things; ``token`` is its push service's."""

    platform: Platform
    token: str
    app_version: str
    locale: str


class Device(Record):
    """A device that is told things."""

    id: str
    platform: Platform
    registered_at: datetime


mark_read = notifications.command(
    "POST /me/notifications/read",
    body=MarkRead,
    returns=Marked,
    drops=[by_id, inbox, unread_count],
    relay=True,
    scopes=NOTIFICATIONS_WRITE,
    problems={"invalid-body": Invalid, "idempotency-key-reused": KeyReused},
)
register_device = notifications.command(
    "PUT /me/devices/{device_id}",
    body=RegisterDevice,
    returns=Device,
    drops=[],
    pattern=ID,
    relay=True,
    scopes=NOTIFICATIONS_WRITE,
    idempotency_key=False,
    problems={"invalid-body": Invalid},
)
