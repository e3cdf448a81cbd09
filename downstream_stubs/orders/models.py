"""What the order service takes and answers."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from downstream_stubs.frame.parameters import Id
from downstream_stubs.frame.problems import Problem

OrderStatus = Literal["pending", "paid", "packed", "shipped", "delivered", "cancelled", "returned"]
ParcelStatus = Literal["preparing", "in_transit", "out_for_delivery", "delivered"]
PlacementState = Literal["placed", "pending", "cancelled", "refused"]

CANCELLABLE: frozenset[OrderStatus] = frozenset(("pending", "paid", "packed"))
"""Where an order stands that can still be stopped."""

MOST_OF_ONE = 99
"""How many pieces of one product a cart may hold."""

MOST_PRODUCTS = 50
"""How many products a cart may hold: as many as the product service tells the prices of at once."""


class Money(BaseModel):
    """An amount, as text so that nothing is rounded on the way."""

    amount: str = Field(pattern=r"^[0-9]+\.[0-9]{2}$", description="decimal")
    currency: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217")


class OrderLine(BaseModel):
    """One product of an order, as it was sold."""

    id: str
    product_id: str = Field(description="an id of the product service")
    name: str
    quantity: int = Field(ge=1)
    unit_price: Money


class Address(BaseModel):
    """Where an order goes; as it was when the order was placed."""

    recipient: str
    line1: str
    line2: str | None
    city: str
    postal_code: str
    country: str = Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2")


class Order(BaseModel):
    """What somebody bought."""

    id: str
    number: str = Field(description="what the buyer calls it")
    user_id: str = Field(description="an id of the user service")
    status: OrderStatus = Field(description="pending: it is not known yet whether it is paid")
    placed_at: datetime
    updated_at: datetime
    lines: list[OrderLine]
    subtotal: Money = Field(description="all lines")
    shipping: Money
    total: Money = Field(description="subtotal and shipping: what is paid")
    address: Address
    cancel_reason: str | None = Field(description="a word: customer, card-declined, out-of-stock; null if it stands")
    cancellable: bool = Field(description="whether the buyer can still stop it")


class Orders(BaseModel):
    """Those of the asked orders that are the caller's, ordered by id as a number."""

    items: list[Order]


class OrderPage(BaseModel):
    """Some of the caller's orders, newest first."""

    items: list[Order]
    cursors: list[str] = Field(description="one per item; the page that begins after it")
    next: str | None = Field(description="the cursor of the next page; null on the last one")
    total: int = Field(ge=0, description="number of orders on all pages")


class ParcelEvent(BaseModel):
    """Something that happened to a parcel."""

    at: datetime
    place: str
    status: ParcelStatus


class Parcel(BaseModel):
    """A box of an order on its way."""

    id: str
    order_id: str
    carrier: str
    tracking_number: str
    status: ParcelStatus
    shipped_at: datetime | None
    expected_at: datetime | None = Field(description="null until it is shipped")
    delivered_at: datetime | None
    events: list[ParcelEvent] = Field(description="newest first")


class Parcels(BaseModel):
    """The parcels of those of the asked orders that are the caller's, by order as a number, then by id."""

    items: list[Parcel]


class CartItem(BaseModel):
    """A product that somebody means to buy."""

    product_id: str = Field(description="an id of the product service")
    quantity: int = Field(ge=1, le=MOST_OF_ONE)
    unit_price: Money = Field(description="what it cost when it was last looked up")
    added_at: datetime


class Cart(BaseModel):
    """What somebody means to buy, oldest item first."""

    id: str
    version: int = Field(ge=0, description="one more with each change; prices brought up to date are none")
    items: list[CartItem]
    subtotal: Money = Field(description="all items")
    shipping: Money
    total: Money = Field(description="subtotal and shipping: what an order of this cart would be paid with")
    updated_at: datetime


Quantity = Annotated[int, Field(ge=1, le=MOST_OF_ONE, description="pieces")]
CartVersion = Annotated[int, Field(ge=0, le=2**53, description="of the cart that the caller has seen")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class NewItem(_Body):
    """What is put into the cart, on top of what is there."""

    product_id: Id = Field(description="an id of the product service")
    quantity: Quantity
    version: CartVersion | None = Field(default=None, description="of the cart that the caller has seen; null: any")


class ItemChange(_Body):
    """How many of a product the cart shall hold."""

    quantity: Quantity
    version: CartVersion | None = Field(default=None, description="of the cart that the caller has seen; null: any")


class ExpectedMoney(_Body):
    """An amount that the caller has seen."""

    amount: str = Field(pattern=r"^[0-9]{1,9}\.[0-9]{2}$", max_length=12, description="decimal", examples=["12.99"])
    currency: str = Field(pattern=r"^[A-Z]{3}$", max_length=3, description="ISO 4217")


class Terms(_Body):
    """How an order shall be sent and paid."""

    expected_total: ExpectedMoney | None = Field(
        default=None, description="what the caller means to pay, shipping included; null: whatever it costs"
    )
    address_id: Id | None = Field(default=None, description="one of the caller's addresses; null: the default one")
    payment_method_id: Id | None = Field(default=None, description="one of the caller's; null: the default one")


class Checkout(Terms):
    """An order of what is in the cart."""

    cart_version: CartVersion


class Cancellation(_Body):
    """Why an order is stopped."""

    reason: str | None = Field(default=None, max_length=200, description="in the buyer's words")


class Placement(BaseModel):
    """What came of placing an order under an idempotency key."""

    key: str
    state: PlacementState = Field(
        description="placed: paid for; pending: not known yet; cancelled: the order came to nothing;"
        " refused: there is no order"
    )
    order_id: str | None = Field(description="null if it was refused")
    problem: str | None = Field(description="the type of the problem that ended it; null unless one did")


class StaleCartProblem(Problem):
    """The cart is another than the caller has seen, or is being ordered already: which one it is."""

    cart_version: int
    cart: Cart | None = Field(default=None, description="the cart itself, where it was to be changed")
    order_id: str | None = Field(default=None, description="the pending order that the cart is becoming")


class PriceProblem(Problem):
    """It costs something else than the caller means to pay."""

    total: Money = Field(description="what it costs now, shipping included")
    product_ids: list[str] = Field(description="products whose price is another than when it was last looked up")


class StockProblem(Problem):
    """There is not enough of some products; nothing was paid."""

    product_ids: list[str]
    order_id: str = Field(description="the order that was cancelled for it")


class OrderProblem(Problem):
    """It went wrong with an order that exists."""

    order_id: str


class StatusProblem(Problem):
    """The order has got too far for this."""

    status_now: OrderStatus
