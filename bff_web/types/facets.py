"""How the products that a search found divide, as the web shows it."""

from bff_core.graphql.link import link
from bff_core.graphql.view import shown, view
from bff_web.types.category import Category
from bff_web.types.money import Money
from services import products


@view(products.CategoryFacet, description="How many of the products that were found stand on one shelf.")
class CategoryFacet:
    """A shelf and a count."""

    count: int = shown("How many of them stand there.")
    category: Category | None = link(
        products.categories,
        key="category_id",
        description="The shelf, whose id narrows the search to it; null when it is gone.",
    )


@view(products.BrandFacet, description="How many of the products that were found are of one brand.")
class BrandFacet:
    """A brand and a count."""

    brand: str = shown("The brand, as the argument `brand` of a search takes it.")
    count: int = shown("How many of them are of it.")


@view(products.PriceFacet, description="How many of the products that were found cost so much.")
class PriceFacet:
    """A span of prices and a count."""

    low: Money | None = shown("They cost this or more; null for the span that has no lower end.")
    high: Money | None = shown("They cost less than this; null for the span that has no upper end.")
    count: int = shown("How many of them cost so much.")


@view(products.Facets, description="How the products that were found divide.")
class SearchFacets:
    """Counts over all pages of a search."""

    total: int = shown("How many products were found.")
    categories: list[CategoryFacet] = shown(
        "By shelf, the fullest first; only the first 10.",
        at_most=10,
    )
    brands: list[BrandFacet] = shown("By brand, the most frequent first; only the first 10.", at_most=10)
    prices: list[PriceFacet] = shown("By price, the cheapest first; at most 10 spans.", at_most=10)
