"""The cart as the web shows it."""

from datetime import datetime

from bff_core.graphql.link import link
from bff_core.graphql.view import computed, shown, view
from bff_web.types.money import Money
from bff_web.types.product import Product
from services import orders, products


@view(orders.CartItem, description="A product that somebody means to buy.")
class CartItem:
    """A product of the cart, with how many and at what price."""

    quantity: int = shown("How many pieces.")
    unit_price: Money = shown("What one piece cost when it was last looked up; the checkout tells when it changed.")
    added_at: datetime = shown("When it was put in.")
    product: Product | None = link(
        products.by_id, key="product_id", description="The product as it is now; null when it is not sold any more."
    )


@view(orders.Cart, description="What somebody means to buy.")
class Cart:
    """The signed-in user's only cart."""

    version: int = shown("One more with each change, from 0; say it when ordering, so that nothing changes unseen.")
    items: list[CartItem] = shown("What is in it, at most 50 different products.", at_most=50)
    total: Money = shown("What an order of all of it costs at these prices, shipping included.")
    updated_at: datetime = shown("When it last changed.")


@view(orders.Cart, description="The cart is as it was meant to be.")
class CartChanged:
    """What a change of the cart came to."""

    cart: Cart = computed(lambda cart: cart, "The cart as it is now.")


@view(orders.StaleCart, description="Refused: the cart was changed meanwhile, so this was meant for another one.")
class StaleCart:
    """Two changed the cart at once, such as two tabs of one browser."""

    cart_version: int = shown("The version that it has now; say it when trying again.")
    # Not `cart`, which cannot be null beside it in the union: an operation could not ask for both by one name.
    current_cart: Cart | None = link(orders.cart, description="The cart as it is now, to look at before trying again.")
