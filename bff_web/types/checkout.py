"""What a checkout came to, as the web shows it."""

from enum import Enum

import strawberry

from bff_core.graphql.link import link
from bff_core.graphql.view import computed, shown, view
from bff_web.types.money import Money
from bff_web.types.order import Order
from bff_web.types.product import Product
from services import orders, products


@view(orders.Order, description="It is bought: the order is placed, and its payment agreed to.")
class CheckoutDone:
    """The cart is an order now."""

    order: Order = computed(lambda order: order, "The order.")


@view(orders.CardDeclined, description="Refused: the bank does not pay. The cart is as it was.")
class CardDeclined:
    """Another payment method may do."""

    # Not `order`, which cannot be null beside it in the union: an operation could not ask for both by one name.
    cancelled_order: Order | None = link(
        orders.by_id, key="order_id", description="The order that was cancelled for it."
    )


@view(orders.CameToNothing, description="Refused: the order was begun and is cancelled. Nothing was paid.")
class CameToNothing:
    """A new checkout, under a new key, may do."""

    cancelled_order: Order | None = link(
        orders.by_id, key="order_id", description="The order that was cancelled; its `cancelReason` says why."
    )


@view(
    orders.OutOfStock, description="Refused: there is not enough of something. Nothing was paid, the cart is as it was."
)
class OutOfStock:
    """Fewer pieces, or without it, may do."""

    products: list[Product] | None = link(
        products.by_id,
        key="product_ids",
        missing="drop",
        at_most=50,
        description="What there is not enough of; `stock` tells how much there is.",
    )


@view(orders.PriceChanged, description="Refused: it costs something else than `expectedTotal`. Nothing was paid.")
class PriceChanged:
    """The cart has the prices of now already; who agrees to the total says it as the one expected."""

    total: Money = shown("What all of it costs now, shipping included.")
    products: list[Product] | None = link(
        products.by_id,
        key="product_ids",
        missing="drop",
        at_most=50,
        description="What has another price than when it was put into the cart.",
    )


@strawberry.enum(description="What became of a checkout.")
class CheckoutState(Enum):
    """The web's own words for the service's."""

    PLACED = strawberry.enum_value("placed", description="It is bought.")
    PENDING = strawberry.enum_value("pending", description="Whether it is paid is not known yet; ask again.")
    CANCELLED = strawberry.enum_value("cancelled", description="There is an order, and it came to nothing.")
    REFUSED = strawberry.enum_value("refused", description="There is no order.")
    UNKNOWN = strawberry.enum_value("unknown", description="A word of the service that this schema does not know yet.")


@strawberry.enum(description="Why a checkout came to nothing.")
class CheckoutProblem(Enum):
    """The web's own words for the service's, which says them as plain text."""

    CARD_DECLINED = strawberry.enum_value("card-declined", description="The bank refused to pay for it.")
    PAYMENT_REFUSED = strawberry.enum_value("payment-refused", description="It could not be paid for otherwise.")
    OUT_OF_STOCK = strawberry.enum_value("out-of-stock", description="There was not enough of something.")
    PRICE_CHANGED = strawberry.enum_value("price-changed", description="It cost something else than was expected.")
    STALE_CART = strawberry.enum_value("stale-cart", description="The cart had been changed meanwhile.")
    INVALID_INPUT = strawberry.enum_value("invalid-body", description="The input was not acceptable.")
    ORDER_CANCELLED = strawberry.enum_value("order-cancelled", description="The customer called it off.")
    UNKNOWN = strawberry.enum_value("unknown", description="A word of the service that this schema does not know yet.")

    @classmethod
    def _missing_(cls, value: object) -> "CheckoutProblem":
        return cls.UNKNOWN


def _state(placement: orders.Placement) -> CheckoutState:
    return CheckoutState(placement.state.value)


def _problem(placement: orders.Placement) -> CheckoutProblem | None:
    return None if placement.problem is None else CheckoutProblem(placement.problem)


@view(orders.Placement, description="What became of the checkout that was sent under one idempotencyKey.")
class CheckoutOutcome:
    """For who lost the answer."""

    state: CheckoutState = computed(_state, "What became of it.")
    problem: CheckoutProblem | None = computed(_problem, "Why it came to nothing; null unless it did.")
    # Asking what became of it brings a pending one to its end, so an order that was kept before is not the one it is.
    order: Order | None = link(
        orders.current,
        key="order_id",
        fan_out=1,
        description="The order; null when it was refused before there was one.",
    )
