"""Order service: orders and their parcels, the cart, and how a checkout went.

Contract: schema/services/orders.json.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from bff_core.contract import Invalid, KeyReused, KeyStyle, LenientEnum, Record, Service
from services import notifications, payments, products
from services.money import Money

orders = Service("orders")

#: What the service's document says an id is: it answers 422 to any other, and a batch's URL gets so long and no longer.
ID = "[A-Za-z0-9_-]{1,40}"

ORDERS_READ = ("orders:read",)
ORDERS_WRITE = ("orders:write",)
#: Placing and cancelling an order asks other services in the caller's name.
ORDERS_PLACE = (*ORDERS_WRITE, "payments:write", "profile:read")
ORDERS_CANCEL = (*ORDERS_WRITE, "payments:read", "payments:write")


class OrderStatus(LenientEnum):
    """Where an order stands. ``PENDING``: whether it is paid is not known yet."""

    PENDING = "pending"
    PAID = "paid"
    PACKED = "packed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    RETURNED = "returned"
    UNKNOWN = "unknown"


class OrderLine(Record):
    """One product of an order, as it was sold."""

    id: str
    product_id: str
    name: str
    quantity: int
    unit_price: Money


class ShippingAddress(Record):
    """Where an order goes; as it was when the order was placed."""

    recipient: str
    line1: str
    city: str
    postal_code: str
    country: str
    line2: str | None = None


class Order(Record):
    """What somebody bought."""

    id: str
    number: str
    status: OrderStatus
    placed_at: datetime
    lines: list[OrderLine]
    subtotal: Money
    shipping: Money
    total: Money
    address: ShippingAddress
    cancellable: bool
    cancel_reason: str | None = None


class ParcelStatus(LenientEnum):
    """Where a parcel is."""

    PREPARING = "preparing"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    UNKNOWN = "unknown"


class ParcelEvent(Record):
    """Something that happened to a parcel."""

    at: datetime
    place: str
    status: ParcelStatus


class Parcel(Record):
    """A box of an order on its way; ``events`` newest first."""

    id: str
    order_id: str
    carrier: str
    tracking_number: str
    status: ParcelStatus
    events: list[ParcelEvent]
    shipped_at: datetime | None = None
    expected_at: datetime | None = None
    delivered_at: datetime | None = None


class CartItem(Record):
    """A product that somebody means to buy, at the price it had when it was last looked up."""

    product_id: str
    quantity: int
    unit_price: Money
    added_at: datetime


class Cart(Record):
    """What somebody means to buy. ``version`` is one more with each change; a cart that was never used has 0."""

    id: str
    version: int
    items: list[CartItem]
    total: Money
    updated_at: datetime


by_id = orders.batch(
    "GET /orders",
    keys="ids",
    style=KeyStyle.COMMA,
    returns=Order,
    key="id",
    at="items",
    max_keys=50,
    pattern=ID,
    relay=True,
    scopes=ORDERS_READ,
    fresh=5,
    stale_if_error=600,
)
#: As it is at this moment, never as it was kept: for who waits for it to change.
current = orders.get("GET /orders/{order_id}", returns=Order, pattern=ID, relay=True, scopes=ORDERS_READ)
of_user = orders.page(
    "GET /me/orders",
    returns=Order,
    query=("status",),
    total="total",
    max_limit=50,
    relay=True,
    scopes=ORDERS_READ,
    fresh=2,
    stale_if_error=600,
)
parcels = orders.batch_many(
    "GET /parcels",
    keys="order_ids",
    style=KeyStyle.COMMA,
    returns=Parcel,
    key="order_id",
    at="items",
    max_keys=50,
    pattern=ID,
    relay=True,
    scopes=ORDERS_READ,
    fresh=10,
    stale_if_error=600,
)
cart = orders.get("GET /me/cart", returns=Cart, relay=True, scopes=ORDERS_READ, fresh=2, no_stale=True)


class PlacementState(LenientEnum):
    """What became of a checkout. ``PENDING``: whether it is paid is not known yet; ``REFUSED``: there is no order."""

    PLACED = "placed"
    PENDING = "pending"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Placement(Record):
    """What became of the checkout under one idempotency key. ``problem``: why it was refused or cancelled."""

    key: str
    state: PlacementState
    order_id: str | None = None
    problem: str | None = None


placement = orders.get("GET /placements/{key}", returns=Placement, relay=True, scopes=ORDERS_READ)


class CardDeclined(Record):
    """Refused: the card was not charged; ``order_id`` is the order that was cancelled for it."""

    order_id: str


class CameToNothing(Record):
    """Refused: the order ``order_id`` was begun and is cancelled, by its buyer or since it could not be paid for."""

    order_id: str


class OutOfStock(Record):
    """Refused: there is not enough of these products."""

    product_ids: list[str]


class PriceChanged(Record):
    """Refused: it costs something else now."""

    total: Money
    product_ids: list[str]


class StaleCart(Record):
    """Refused: the cart was changed meanwhile, and is now at this version."""

    cart_version: int


class NotCancellable(Record):
    """Refused: the order is too far on its way."""

    status: OrderStatus = msgspec.field(name="status_now")


class AddItem(Record, omit_defaults=True):
    """What to put into the cart; ``version`` says which cart that is meant for."""

    product_id: str
    quantity: int
    version: int | None = None


class SetQuantity(Record, omit_defaults=True):
    """How many of a product there are to be in the cart."""

    quantity: int
    version: int | None = None


class PlaceOrder(Record):
    """What to buy: the cart at this version, for this total, to this address, with this method; None leaves it open."""

    cart_version: int
    expected_total: Money | None = None
    address_id: str | None = None
    payment_method_id: str | None = None


class Reorder(Record):
    """How to buy the lines of an earlier order again; None leaves it open."""

    expected_total: Money | None = None
    address_id: str | None = None
    payment_method_id: str | None = None


class Cancel(Record):
    """Why an order is not wanted any more."""

    reason: str | None = None


INVALID = {"invalid-body": Invalid}
REUSED = {"idempotency-key-reused": KeyReused}
STALE = {"stale-cart": StaleCart}

#: What placing or cancelling an order makes untrue, at every service that has a part in it.
_PLACED = (
    by_id,
    of_user,
    parcels,
    products.stock,
    payments.by_order,
    notifications.inbox,
    notifications.unread_count,
)
_NOT_PLACED: Mapping[str, type[Record]] = {
    "card-declined": CardDeclined,
    "payment-refused": CameToNothing,
    "order-cancelled": CameToNothing,
    "out-of-stock": OutOfStock,
    "price-changed": PriceChanged,
}

add_item = orders.command(
    "POST /me/cart/items",
    body=AddItem,
    returns=Cart,
    drops=[cart],
    relay=True,
    scopes=ORDERS_WRITE,
    problems={**INVALID, **REUSED, **STALE},
)
set_quantity = orders.command(
    "PUT /me/cart/items/{product_id}",
    body=SetQuantity,
    returns=Cart,
    drops=[cart],
    pattern=ID,
    relay=True,
    scopes=ORDERS_WRITE,
    idempotency_key=False,
    problems={**INVALID, **STALE},
)
remove_item = orders.command(
    "DELETE /me/cart/items/{product_id}",
    returns=Cart,
    drops=[cart],
    pattern=ID,
    relay=True,
    scopes=ORDERS_WRITE,
    idempotency_key=False,
)
place = orders.command(
    "POST /orders",
    body=PlaceOrder,
    returns=Order,
    drops=(cart, *_PLACED),
    relay=True,
    scopes=ORDERS_PLACE,
    idempotency_key="required",
    problems={**INVALID, **REUSED, **STALE, **_NOT_PLACED},
)
reorder = orders.command(
    "POST /orders/{order_id}/reorder",
    body=Reorder,
    returns=Order,
    drops=_PLACED,
    pattern=ID,
    relay=True,
    scopes=ORDERS_PLACE,
    idempotency_key="required",
    problems={**INVALID, **REUSED, **_NOT_PLACED},
)
cancel = orders.command(
    "POST /orders/{order_id}/cancel",
    body=Cancel,
    returns=Order,
    drops=_PLACED,
    pattern=ID,
    relay=True,
    scopes=ORDERS_CANCEL,
    problems={**INVALID, **REUSED, "not-cancellable": NotCancellable},
)
