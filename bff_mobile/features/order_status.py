"""The screen of one order."""

import strawberry

from bff_core.graphql.link import Argument, link
from bff_mobile.types.order_status import OrderStatusScreen
from services import orders


@strawberry.type
class OrderStatus:
    """Root field of the screen of one order."""

    order_status: OrderStatusScreen | None = link(
        orders.by_id,
        key=Argument("id", strawberry.ID, "The order's id."),
        description="Everything on the screen of one order; null for one that is not the signed-in user's.",
    )
