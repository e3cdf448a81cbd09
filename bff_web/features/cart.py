"""The cart page: what is in the cart, and what changes it."""

from typing import Any

import strawberry

from bff_core.graphql.link import link
from bff_core.graphql.write import Sent, write
from bff_web.types.cart import Cart, CartChanged, StaleCart
from bff_web.types.node import key_for
from bff_web.types.outcome import InvalidInput, KeyReused, OutcomeUnknown
from services import orders

_PRODUCT_ID = "The product's global id."
_VERSION = "The version of the cart that this is meant for; null for whatever it is."
#: A change of the cart is not remembered under a name of its own: the cart itself tells.
_ASK = "Ask for the cart: it shows whether this was done."


@strawberry.input(description="What to put into the cart.")
class AddToCartInput:
    """On top of what is there."""

    product_id: strawberry.ID = strawberry.field(description=_PRODUCT_ID)
    quantity: int = strawberry.field(default=1, description="How many pieces, from 1 to 99 of one product in all.")
    cart_version: int | None = strawberry.field(default=None, description=_VERSION)


@strawberry.input(description="How many pieces of a product the cart is to hold.")
class ChangeCartItemInput:
    """Instead of what is there."""

    product_id: strawberry.ID = strawberry.field(description=_PRODUCT_ID)
    quantity: int = strawberry.field(
        description="How many pieces, from 1 to 99; removeFromCart takes the last one out."
    )
    cart_version: int | None = strawberry.field(default=None, description=_VERSION)


@strawberry.input(description="What to take out of the cart.")
class RemoveFromCartInput:
    """All of one product."""

    product_id: strawberry.ID = strawberry.field(description=_PRODUCT_ID)


_key = key_for("Product")


def _add(input: AddToCartInput) -> Sent:
    return Sent(
        body=orders.AddItem(product_id=_key(input.product_id), quantity=input.quantity, version=input.cart_version)
    )


def _change(input: ChangeCartItemInput) -> Sent:
    return Sent((_key(input.product_id),), orders.SetQuantity(quantity=input.quantity, version=input.cart_version))


def _remove(input: RemoveFromCartInput) -> Sent:
    return Sent((_key(input.product_id),))


@strawberry.type
class CartPage:
    """Root field of the cart page."""

    cart: Cart | None = link(
        orders.cart, description="The signed-in user's cart; everybody has one, empty until something is put in."
    )


@strawberry.type
class CartMutations:
    """What changes the cart."""

    add_to_cart: Any = write(
        orders.add_item,
        name="AddToCartResult",
        input=AddToCartInput,
        send=_add,
        done=CartChanged,
        refusals=(StaleCart, InvalidInput, KeyReused),
        unknown=OutcomeUnknown,
        ask=f"{_ASK} With an idempotencyKey you may as well send the same mutation again.",
        description="Put pieces of a product into the cart, on top of those that are in there.",
    )
    change_cart_item: Any = write(
        orders.set_quantity,
        name="ChangeCartItemResult",
        input=ChangeCartItemInput,
        send=_change,
        done=CartChanged,
        refusals=(StaleCart, InvalidInput),
        unknown=OutcomeUnknown,
        ask=f"{_ASK} Without a cartVersion it does no harm to send the same mutation again.",
        description="Hold another number of pieces of a product that is in the cart; NOT_FOUND when it is not.",
    )
    remove_from_cart: Any = write(
        orders.remove_item,
        name="RemoveFromCartResult",
        input=RemoveFromCartInput,
        send=_remove,
        done=CartChanged,
        unknown=OutcomeUnknown,
        ask=f"{_ASK} It does no harm to send the same mutation again.",
        description="Take a product out of the cart, whether it is in there or not.",
    )
