"""The home page."""

import strawberry

from bff_core.graphql.link import link
from bff_web.types.product import ProductConnection
from services import products


@strawberry.type
class HomePage:
    """Root field of the home page that is for everybody; orders and unread count have files of their own."""

    recommendations: ProductConnection | None = link(
        products.recommendations,
        page_size=8,
        description="Products worth a look, page by page: well rated by many and in stock; the same for everybody.",
    )
