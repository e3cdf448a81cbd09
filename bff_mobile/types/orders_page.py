"""A page of somebody's orders."""

from collections.abc import Sequence

from bff_core.contract import Page
from bff_core.graphql.view import computed, view
from bff_mobile.types.order_card import OrderCard
from bff_mobile.types.paging import next_cursor
from services import orders


def _orders(page: Page[orders.Order]) -> Sequence[orders.Order]:
    return page.nodes


@view(Page[orders.Order], description="Orders of the signed-in user.")
class OrdersPage:
    """A few cards, and where they go on."""

    orders: list[OrderCard] = computed(_orders, "The orders of this page, the newest first.")
    next_cursor: str | None = computed(next_cursor, "What to pass as `after` for the next page; null on the last one.")
