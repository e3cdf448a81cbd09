"""A line of the cart as a card."""

import strawberry

from bff_core.graphql.context import Info
from bff_core.graphql.link import link
from bff_core.graphql.view import computed, shown, view
from bff_mobile import wording
from bff_mobile.types.image import image_url
from services import orders, products


def _total(item: orders.CartItem, info: Info) -> str:
    return wording.prices(item.unit_price, item.quantity, info.context.locale)


def _name(product: products.Product, info: Info) -> str:
    return product.name


@view(orders.CartItem, description="A product in the cart.")
class CartLineCard:
    """One product that somebody means to buy."""

    product_id: strawberry.ID = shown("The product's id, for `productScreen`.")
    name: str | None = link(
        products.by_id, key="product_id", show=_name, description="What it is called; null while nobody knows."
    )
    quantity: int = shown("How many of it.")
    total: str = computed(_total, "What they cost together, worded for the locale.")
    image_url: str | None = link(
        products.by_id,
        key="product_id",
        show=image_url,
        description="A picture of the product for the width; null when there is none to be had.",
    )
