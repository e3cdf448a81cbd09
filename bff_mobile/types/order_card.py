"""An order as a card in the list of orders."""

import strawberry

from bff_core.graphql.context import Info
from bff_core.graphql.link import Computed, link
from bff_core.graphql.view import computed, shown, view
from bff_mobile import wording
from bff_mobile.types.image import image_url
from bff_mobile.types.order_words import item_count, status_text, total_text
from services import orders, products


def _placed(order: orders.Order, info: Info) -> str:
    return wording.ago(order.placed_at, info.context.now, info.context.locale)


def _first_product(order: orders.Order) -> str | None:
    return order.lines[0].product_id if order.lines else None


@view(orders.Order, description="An order in a row of others.")
class OrderCard:
    """The least by which somebody knows an order again."""

    id: strawberry.ID = shown("The order's id, for `orderStatus`.")
    number: str = shown("The number to name to customer service.")
    status: str = computed(status_text, "Where it stands, worded for the locale.")
    placed: str = computed(_placed, "How long ago it was placed, worded.")
    total: str = computed(total_text, "What it costs in all, worded.")
    item_count: str = computed(item_count, "How many things it has, worded.")
    image_url: str | None = link(
        products.by_id,
        key=Computed(_first_product),
        show=image_url,
        description="A picture of its first product for the width; null when there is none to be had.",
    )
