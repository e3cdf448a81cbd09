"""A line of an order as a card."""

import strawberry

from bff_core.graphql.context import Info
from bff_core.graphql.link import link
from bff_core.graphql.view import computed, shown, view
from bff_mobile import wording
from bff_mobile.types.image import image_url
from services import orders, products


def _total(line: orders.OrderLine, info: Info) -> str:
    return wording.prices(line.unit_price, line.quantity, info.context.locale)


@view(orders.OrderLine, description="A product of an order, as it was sold.")
class OrderLineCard:
    """One product of an order."""

    id: strawberry.ID = shown("The line's id.")
    product_id: strawberry.ID = shown("The product's id, for `productScreen`.")
    name: str = shown("What the product was called.")
    quantity: int = shown("How many of it.")
    total: str = computed(_total, "What they cost together, worded for the locale.")
    image_url: str | None = link(
        products.by_id,
        key="product_id",
        show=image_url,
        description="A picture of the product for the width; null when there is none to be had.",
    )
