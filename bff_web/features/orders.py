"""The order history."""

import strawberry

from bff_core.errors import BadRequest
from bff_core.graphql.link import Argument, link
from bff_web.types.order import OrderConnection, OrderStatus
from services.orders import of_user


def _status(status: OrderStatus) -> str:
    if status is OrderStatus.UNKNOWN:
        raise BadRequest("status UNKNOWN stands for words that this schema does not know; it cannot be asked for.")
    return str(status.value)


@strawberry.type
class OrderHistory:
    """Root field of the order history."""

    orders: OrderConnection | None = link(
        of_user,
        key={
            "status": Argument(
                "status",
                OrderStatus | None,
                "Only orders that stand there; null for all. UNKNOWN cannot be asked for.",
                default=None,
                convert=_status,
            )
        },
        description="The signed-in user's orders, newest first, page by page.",
    )
