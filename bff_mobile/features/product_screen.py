"""The product screen."""

import strawberry

from bff_core.graphql.link import Argument, link
from bff_mobile.types.product_screen import ProductScreen
from services import products


@strawberry.type
class ProductScreens:
    """Root field of the product screen."""

    product_screen: ProductScreen | None = link(
        products.by_id,
        key=Argument("id", strawberry.ID, "The product's id."),
        description="Everything on the product screen.",
    )
