"""The product page."""

import strawberry

from bff_core.graphql.link import Argument, link
from bff_web.types.node import key_for
from bff_web.types.product import Product
from services import products


@strawberry.type
class ProductPage:
    """Root field of the product page."""

    product: Product | None = link(
        products.by_id,
        key=Argument("id", strawberry.ID, "The product's global id.", convert=key_for("Product")),
        description="One product, with all that belongs on its page.",
    )
