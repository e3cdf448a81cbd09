"""A product that there is not enough of, as a card."""

import strawberry

from bff_core.graphql.link import link
from bff_core.graphql.view import computed, shown, view
from bff_mobile.types.image import image_url
from bff_mobile.types.stock_words import availability_text
from services import products


@view(products.Product, description="A product that there is not enough of.")
class ScarceProduct:
    """What it is, and how much of it there is."""

    id: strawberry.ID = shown("The product's id, for `productScreen`.")
    name: str = shown("What it is called.")
    image_url: str | None = computed(image_url, "One picture for the width.")
    availability: str | None = link(
        products.stock,
        key="id",
        show=availability_text,
        description="How much of it there is, worded; null while nobody knows.",
    )
