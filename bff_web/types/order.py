"""An order, and lists of orders, as the web shows them to who placed them."""

from datetime import datetime
from enum import Enum

import strawberry

from bff_core.contract import Edge, Page
from bff_core.graphql.link import link
from bff_core.graphql.view import computed, shown, view
from bff_web.types.connection import PageInfo
from bff_web.types.money import Money
from bff_web.types.node import Node, encode
from bff_web.types.parcel import Parcel
from bff_web.types.payment import Payment
from bff_web.types.product import Product
from services import orders, payments, products


@strawberry.enum(description="Where an order stands.")
class OrderStatus(Enum):
    """The web's own words for the service's."""

    PENDING = strawberry.enum_value("pending", description="Placed; whether it is paid is not known yet.")
    PAID = strawberry.enum_value("paid", description="The payment is agreed to; nothing is packed yet.")
    PACKED = strawberry.enum_value("packed", description="It is packed and can still be cancelled.")
    SHIPPED = strawberry.enum_value("shipped", description="The carrier has it.")
    DELIVERED = strawberry.enum_value("delivered", description="It has arrived.")
    CANCELLED = strawberry.enum_value("cancelled", description="It is called off; `cancelReason` says why.")
    RETURNED = strawberry.enum_value("returned", description="It was sent back, and the money with it.")
    UNKNOWN = strawberry.enum_value("unknown", description="A word of the service that this schema does not know yet.")


@strawberry.enum(description="Why an order was cancelled.")
class CancelReason(Enum):
    """The web's own words for the service's, which says them as plain text."""

    CUSTOMER = strawberry.enum_value("customer", description="Who placed it called it off.")
    CARD_DECLINED = strawberry.enum_value("card-declined", description="The bank refused to pay for it.")
    PAYMENT_METHOD = strawberry.enum_value("payment-method", description="It could not be paid for in the way chosen.")
    PAYMENT_REFUSED = strawberry.enum_value(
        "payment-refused", description="The payment was refused for another reason."
    )
    OUT_OF_STOCK = strawberry.enum_value("out-of-stock", description="Something of it could not be had any more.")
    UNKNOWN = strawberry.enum_value("unknown", description="A word of the service that this schema does not know yet.")

    @classmethod
    def _missing_(cls, value: object) -> "CancelReason":
        return cls.UNKNOWN


def _id(order: orders.Order) -> strawberry.ID:
    return encode("Order", order.id)


def _status(order: orders.Order) -> OrderStatus:
    return OrderStatus(order.status.value)


def _cancel_reason(order: orders.Order) -> CancelReason | None:
    return None if order.cancel_reason is None else CancelReason(order.cancel_reason)


@view(orders.OrderLine, description="One product of an order, as it was sold.")
class OrderLine:
    """What was bought, at the price of that day; the product itself may have changed since."""

    id: strawberry.ID = shown("The line's id, which tells it from the others of its order.")
    name: str = shown("What the product was called when it was sold.")
    quantity: int = shown("How many pieces were bought.")
    unit_price: Money = shown("What one piece cost when it was sold.")
    product: Product | None = link(
        products.by_id, key="product_id", description="The product as it is now; null when it is not sold any more."
    )


@view(orders.ShippingAddress, description="Where an order goes.")
class ShippingAddress:
    """As it was when the order was placed; a later change of the customer's addresses does not reach it."""

    recipient: str = shown("Who takes it there.")
    line1: str = shown("Street and number.")
    line2: str | None = shown("What else the postman must know.")
    city: str = shown("The town.")
    postal_code: str = shown("The postal code.")
    country: str = shown("The ISO 3166 code of the country.")


@view(orders.Order, description="What somebody bought.")
class Order(Node):
    """An order with what belongs on its page; only who placed it ever sees it."""

    id: strawberry.ID = computed(_id, "A global id, opaque to clients.")
    number: str = shown('The number that people write in letters, such as "2026-000123".')
    status: OrderStatus = computed(_status, "Where it stands.")
    placed_at: datetime = shown("When it was placed.")
    lines: list[OrderLine] = shown("What was bought, at most 50 different products.", at_most=50, first=True)
    subtotal: Money = shown("What the lines cost together.")
    shipping: Money = shown("What sending it costs; an amount of zero when nothing.")
    total: Money = shown("What is to be paid: the subtotal and the shipping.")
    address: ShippingAddress = shown("Where it goes.")
    cancellable: bool = shown("Whether it can be cancelled now; shipping ends that.")
    cancel_reason: CancelReason | None = computed(_cancel_reason, "Why it was cancelled; null unless it is.")
    payment: Payment | None = link(
        payments.by_order,
        key="id",
        description="The latest payment; null when none was tried, or while the payment service does not answer.",
    )
    parcels: list[Parcel] | None = link(
        orders.parcels, key="id", description="The boxes it is sent in; empty before it is packed."
    )


@view(Edge[orders.Order], description="An order in a list.")
class OrderEdge:
    """Relay's edge."""

    cursor: str = shown("Resumes the list after this order.")
    node: Order = shown("The order.")


@view(Page[orders.Order], description="Orders of the signed-in user, newest first.")
class OrderConnection:
    """Relay's connection."""

    edges: list[OrderEdge] = shown("The orders of this page.")
    page_info: PageInfo = shown("Where this page stands.")
    total_count: int | None = shown("How many orders there are, of the status that was asked for.")


@view(orders.Order, description="The order is cancelled.")
class OrderCancelled:
    """What cancelling came to: nothing is sent, and the payment is void."""

    order: Order = computed(lambda order: order, "The order as it is now.")


def _status_now(refusal: orders.NotCancellable) -> OrderStatus:
    return OrderStatus(refusal.status.value)


@view(orders.NotCancellable, description="Refused: the order is too far on its way to be cancelled.")
class NotCancellable:
    """What is shipped can only be sent back."""

    status: OrderStatus = computed(_status_now, "Where it stands.")
