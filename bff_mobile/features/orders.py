"""The list of orders."""

import strawberry

from bff_core.graphql.link import link
from bff_mobile.types.orders_page import OrdersPage
from services import orders


@strawberry.type
class OrderList:
    """Root field of the list of orders."""

    orders: OrdersPage | None = link(
        orders.of_user,
        key={"status": None},
        page_size=5,
        most_rows=10,
        description="The signed-in user's orders, page by page.",
    )
