"""A shelf of the catalogue as the web shows it."""

import strawberry

from bff_core.graphql.view import computed, shown, view
from bff_web.types.node import Node, encode
from services import products


def _id(category: products.Category) -> strawberry.ID:
    return encode("Category", category.id)


@view(products.Category, description="A shelf of the catalogue.")
class Category(Node):
    """A category by its global id."""

    id: strawberry.ID = computed(_id, "A global id, opaque to clients.")
    name: str = shown("What the shelf is called.")
    slug: str = shown("The name as it stands in the address of its page.")
    product_count: int = shown("How many products stand here.")
