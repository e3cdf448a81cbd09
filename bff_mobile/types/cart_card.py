"""The cart as a card."""

from collections.abc import Sequence

from bff_core.graphql.context import Info
from bff_core.graphql.link import link
from bff_core.graphql.view import computed, shown, view
from bff_mobile import wording
from bff_mobile.types.cart_line_card import CartLineCard
from bff_mobile.types.choices import AddressChoice, PaymentChoice
from bff_mobile.types.exact_money import ExactMoney
from services import orders, payments, users

#: Different products that a cart has at most, as the order service says.
MOST_LINES = 50


def _item_count(cart: orders.Cart, info: Info) -> str:
    return wording.items(sum(item.quantity for item in cart.items), info.context.locale)


def _total(cart: orders.Cart, info: Info) -> str:
    return wording.price(cart.total, info.context.locale)


def _lines(cart: orders.Cart) -> Sequence[orders.CartItem]:
    return cart.items


@view(orders.Cart, description="What the signed-in user means to buy.")
class CartCard:
    """The cart, ready to show and to check out."""

    version: int = shown("One more with each change; a checkout says which version it buys.")
    item_count: str = computed(_item_count, "How many things are in it, worded for the locale.")
    total: str = computed(_total, "What they cost together, shipping included, worded.")
    exact_total: ExactMoney = computed(lambda cart: cart.total, "The same, to say as `expectedTotal`.")
    lines: list[CartLineCard] = computed(_lines, "What is in it.", at_most=MOST_LINES)
    addresses: list[AddressChoice] | None = link(
        users.my_addresses, description="Where it may go, to choose from; null while nobody knows."
    )
    payment_choices: list[PaymentChoice] | None = link(
        payments.methods, description="What may pay for it, the default first; null while nobody knows."
    )
