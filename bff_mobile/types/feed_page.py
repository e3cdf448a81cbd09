"""A page of the feed."""

from collections.abc import Sequence

from bff_core.contract import Page
from bff_core.graphql.view import computed, view
from bff_mobile.types.paging import next_cursor
from bff_mobile.types.product_card import ProductCard
from services import products


def _products(page: Page[products.Product]) -> Sequence[products.Product]:
    return page.nodes


@view(Page[products.Product], description="Products that somebody may like.")
class FeedPage:
    """A few cards, and where they go on."""

    products: list[ProductCard] = computed(_products, "The products of this page.")
    next_cursor: str | None = computed(next_cursor, "What to pass as `after` for the next page; null on the last one.")
