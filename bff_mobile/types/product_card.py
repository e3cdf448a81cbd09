"""A product as a small card in a row of others."""

import strawberry

from bff_core.graphql.context import Info
from bff_core.graphql.view import computed, shown, view
from bff_mobile import wording
from bff_mobile.types.image import image_url
from services import products


def price_text(product: products.Product, info: Info) -> str:
    """The price, worded."""
    return wording.price(product.price, info.context.locale)


@view(products.Product, description="A product in a row of others.")
class ProductCard:
    """The least that makes somebody tap."""

    id: strawberry.ID = shown("The product's id, for `productScreen`.")
    name: str = shown("What it is called.")
    price: str = computed(price_text, "What it costs, worded for the locale.")
    image_url: str | None = computed(image_url, "One picture for the width.")
