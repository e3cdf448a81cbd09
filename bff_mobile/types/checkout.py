"""What buying came to, from the cart or once more, as the app shows it."""

from enum import Enum

import strawberry

from bff_core.graphql.context import Info
from bff_core.graphql.link import link
from bff_core.graphql.view import computed, shown, view
from bff_mobile import wording
from bff_mobile.phrases import phrase
from bff_mobile.types.cart_card import CartCard
from bff_mobile.types.choices import PaymentChoice
from bff_mobile.types.exact_money import ExactMoney
from bff_mobile.types.order_status import OrderStatusScreen
from bff_mobile.types.product_card import ProductCard
from bff_mobile.types.scarce_product import ScarceProduct
from services import orders, payments, products

#: Different products that a refusal names at most: as many as an order has.
MOST_PRODUCTS = 50


@view(orders.Order, description="It is bought: the order is placed, and its payment agreed to.")
class CheckoutDone:
    """The next screen."""

    order: OrderStatusScreen = computed(lambda order: order, "The order; its headline says thank you.")


def _declined(_refusal: orders.CardDeclined, info: Info) -> str:
    return phrase("card_declined", info.context.locale)


@view(orders.CardDeclined, description="Refused: the bank does not pay. The cart is as it was.")
class CardDeclined:
    """Another way to pay may do."""

    message: str = computed(_declined, "What to do about it, worded for the locale.")
    order_id: strawberry.ID = shown("The order that was cancelled for it, for `orderStatus`.")
    payment_choices: list[PaymentChoice] | None = link(
        payments.methods, description="What else could pay, the default first; null while nobody knows."
    )


def _came_to_nothing(_refusal: orders.CameToNothing, info: Info) -> str:
    return phrase("checkout_cancelled", info.context.locale)


@view(orders.CameToNothing, description="Refused: the order was begun and is cancelled. Nothing was paid.")
class CameToNothing:
    """To buy it after all is a new purchase, under a new idempotencyKey."""

    message: str = computed(_came_to_nothing, "What became of it, worded for the locale.")
    order_id: strawberry.ID = shown("The order that was cancelled, for `orderStatus`.")


def _out_of_stock(_refusal: orders.OutOfStock, info: Info) -> str:
    return phrase("out_of_stock", info.context.locale)


@view(orders.OutOfStock, description="Refused: there is not enough of something. Nothing was paid.")
class OutOfStock:
    """Fewer pieces, or without it, may do."""

    message: str = computed(_out_of_stock, "What to do about it, worded for the locale.")
    products: list[ScarceProduct] | None = link(
        products.by_id,
        key="product_ids",
        missing="drop",
        at_most=MOST_PRODUCTS,
        description="What there is not enough of, and how much there is; null while nobody knows.",
    )


def _total(refusal: orders.PriceChanged, info: Info) -> str:
    return wording.price(refusal.total, info.context.locale)


def _price_changed(refusal: orders.PriceChanged, info: Info) -> str:
    return phrase("price_changed", info.context.locale, total=_total(refusal, info))


@view(orders.PriceChanged, description="Refused: it costs something else than `expectedTotal`. Nothing was paid.")
class PriceChanged:
    """Who agrees to the new total says it as the one expected, under a new idempotencyKey."""

    message: str = computed(_price_changed, "What it costs now, in a sentence worded for the locale.")
    total: str = computed(_total, "What all of it costs now, shipping included, worded.")
    exact_total: ExactMoney = computed(lambda refusal: refusal.total, "The same, to say as `expectedTotal`.")
    products: list[ProductCard] | None = link(
        products.by_id,
        key="product_ids",
        missing="drop",
        at_most=MOST_PRODUCTS,
        description="What has another price than when it was last looked at; null while nobody knows.",
    )


def _stale(_refusal: orders.StaleCart, info: Info) -> str:
    return phrase("stale_cart", info.context.locale)


@view(orders.StaleCart, description="Refused: the cart is another by now, or is being bought already.")
class StaleCart:
    """Two bought or changed at once, such as a phone and a browser."""

    message: str = computed(_stale, "What to do about it, worded for the locale.")
    cart_version: int = shown("The version that it has now; say it when trying again.")
    cart: CartCard | None = link(orders.cart, description="The cart as it is now, to look at before trying again.")


@strawberry.enum(description="What became of a checkout.")
class CheckoutState(Enum):
    """The app's own words for the service's."""

    PLACED = strawberry.enum_value("placed", description="It is bought.")
    PENDING = strawberry.enum_value("pending", description="Whether it is paid is not known yet; ask again.")
    CANCELLED = strawberry.enum_value("cancelled", description="There is an order, and it came to nothing.")
    REFUSED = strawberry.enum_value("refused", description="There is no order.")
    UNKNOWN = strawberry.enum_value("unknown", description="A word of the service that this schema does not know yet.")


@strawberry.enum(description="Why a checkout came to nothing.")
class CheckoutProblem(Enum):
    """The app's own words for the service's, which says them as plain text."""

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


#: The phrase that says what to do about it; about the others there is only to say that it came to nothing.
_ENDED = {
    CheckoutProblem.CARD_DECLINED: "card_declined",
    CheckoutProblem.PAYMENT_REFUSED: "payment_refused",
    CheckoutProblem.OUT_OF_STOCK: "out_of_stock",
    CheckoutProblem.PRICE_CHANGED: "price_other",
    CheckoutProblem.STALE_CART: "stale_cart",
    CheckoutProblem.INVALID_INPUT: "invalid",
}


def _state(placement: orders.Placement) -> CheckoutState:
    return CheckoutState(placement.state.value)


def _problem(placement: orders.Placement) -> CheckoutProblem | None:
    return None if placement.problem is None else CheckoutProblem(placement.problem)


def _message(placement: orders.Placement, info: Info) -> str:
    locale = info.context.locale
    problem = _problem(placement)
    said = None if problem is None else _ENDED.get(problem)
    return phrase(said or f"checkout_{placement.state.value}", locale)


@view(orders.Placement, description="What became of what was bought under one idempotencyKey.")
class CheckoutOutcome:
    """For who lost the answer."""

    message: str = computed(_message, "What became of it, in a sentence worded for the locale.")
    state: CheckoutState = computed(_state, "What became of it.")
    problem: CheckoutProblem | None = computed(_problem, "Why it came to nothing; null unless it did.")
    # Asking what became of it brings a pending one to its end, so an order that was kept before is not the one it is.
    order: OrderStatusScreen | None = link(
        orders.current,
        key="order_id",
        fan_out=1,
        description="The order; null when it was refused before there was one.",
    )
