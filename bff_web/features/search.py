"""The search page."""

from enum import Enum

import strawberry

from bff_core.graphql.link import Argument, link
from bff_web.types.facets import SearchFacets
from bff_web.types.node import key_for
from bff_web.types.product import ProductConnection
from services import products


@strawberry.enum(description="What comes first in a search.")
class ProductSort(Enum):
    """The orders that the product service knows."""

    RELEVANCE = strawberry.enum_value("relevance", description="What fits the words best.")
    PRICE_ASCENDING = strawberry.enum_value("price_asc", description="The cheapest.")
    PRICE_DESCENDING = strawberry.enum_value("price_desc", description="The dearest.")
    NEWEST = strawberry.enum_value("newest", description="What was changed last.")
    RATING = strawberry.enum_value("rating", description="What reviewers like best.")


#: What is looked for: the same for the products that are found and for how they divide.
SOUGHT = {
    "q": Argument("query", str, "Words to look for; none finds everything.", default=""),
    "category_id": Argument(
        "category",
        strawberry.ID | None,
        "Only on this shelf: a category's global id.",
        default=None,
        convert=key_for("Category"),
    ),
    "brand": Argument("brand", str | None, "Only of this brand, spelt as the products have it.", default=None),
}


@strawberry.type
class SearchPage:
    """Root fields of the search page; the facets are no part of the search, so that both go out at once."""

    search: ProductConnection | None = link(
        products.search,
        key={
            **SOUGHT,
            "sort": Argument(
                "sort",
                ProductSort,
                "What comes first.",
                default=ProductSort.RELEVANCE,
                convert=lambda sort: sort.value,
            ),
        },
        page_size=20,
        description="Products that match, page by page.",
    )
    search_facets: SearchFacets | None = link(
        products.facets,
        key=SOUGHT,
        description="How all products that match divide by shelf, brand and price, to narrow a search by.",
    )
