"""Whether a product can be had, as the web shows it."""

from datetime import datetime
from enum import Enum

import strawberry

from bff_core.graphql.view import computed, shown, view
from services import products


@strawberry.enum(description="Whether a product can be had.")
class StockStatus(Enum):
    """The web's own words for the service's."""

    IN_STOCK = strawberry.enum_value("in_stock", description="It can be had at once.")
    LOW = strawberry.enum_value("low", description="It can be had, and few are left.")
    OUT_OF_STOCK = strawberry.enum_value("out_of_stock", description="It cannot be had now.")
    PREORDER = strawberry.enum_value("preorder", description="It can be ordered before it can be had.")
    UNKNOWN = strawberry.enum_value("unknown", description="A word of the service that this schema does not know yet.")


def _status(stock: products.Stock) -> StockStatus:
    return StockStatus(stock.status.value)


@view(products.Stock, description="How much of a product there is.")
class Stock:
    """Stock of one product."""

    status: StockStatus = computed(_status, "Whether it can be had.")
    available: int = shown("How many pieces can be had now.")
    restock_at: datetime | None = shown("When more is expected.")
