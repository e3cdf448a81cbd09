"""What the notification service takes and answers."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from downstream_stubs.frame.parameters import Id

Kind = Literal[
    "welcome",
    "order_placed",
    "order_shipped",
    "order_delivered",
    "order_cancelled",
    "payment_declined",
    "refund_done",
    "price_drop",
]
Platform = Literal["ios", "android"]
Locale = Annotated[
    str, Field(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?-[A-Z]{2}$", max_length=11, description="BCP 47: de-DE")
]


class Notification(BaseModel):
    """Something a user was told, in English."""

    id: str
    kind: Kind
    title: str
    body: str
    created_at: datetime
    read_at: datetime | None = Field(description="null while it is unread")
    order_id: str | None = Field(description="the order it is about, if any")
    product_id: str | None = Field(description="the product it is about, if any")


class Notifications(BaseModel):
    """Those of the asked notifications that are the caller's, oldest first."""

    items: list[Notification]


class NotificationPage(BaseModel):
    """Some of a user's notifications, newest first."""

    items: list[Notification]
    cursors: list[str] = Field(description="one per item; the page that begins after it")
    next: str | None = Field(description="the cursor of the next page; null on the last one")
    total: int = Field(ge=0, description="number of notifications on all pages")


class UnreadCount(BaseModel):
    """How many notifications a user has not read."""

    unread: int = Field(ge=0)


class ReadOrder(BaseModel):
    """Which notifications have been read."""

    model_config = ConfigDict(extra="forbid", strict=True)

    ids: Annotated[list[Id], Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="1 to 100 ids; null: all of the caller's"
    )


class ReadOutcome(BaseModel):
    """What became of it."""

    updated: int = Field(ge=0, description="how many were unread and are read now")
    unread: int = Field(ge=0, description="how many are left")


class DeviceOrder(BaseModel):
    """A device that is to be told."""

    model_config = ConfigDict(extra="forbid", strict=True)

    platform: Platform
    token: str = Field(min_length=1, max_length=400, description="where the platform delivers to; never shown again")
    app_version: str = Field(min_length=1, max_length=40, pattern=r"^[0-9A-Za-z.+_-]+$", description="such as 3.14.1")
    locale: Locale


class Device(BaseModel):
    """A device of a user that is told too."""

    id: str
    platform: Platform
    app_version: str
    locale: str
    registered_at: datetime = Field(description="when this user registered it first")


class Devices(BaseModel):
    """A user's devices, the first registered one first."""

    items: list[Device]


class NotificationOrder(BaseModel):
    """What a service has to tell a user."""

    model_config = ConfigDict(extra="forbid", strict=True)

    user_id: Id
    kind: Kind
    order_id: Id | None = Field(default=None, description="needed where it is about an order")
    product_id: Id | None = Field(default=None, description="needed where it is about a product")
