"""The cart."""

import strawberry

from bff_core.graphql.link import link
from bff_mobile.types.cart_card import CartCard
from services import orders


@strawberry.type
class Cart:
    """Root field of the cart."""

    cart: CartCard | None = link(orders.cart, description="What the signed-in user means to buy; empty at first.")
