"""Product service: the catalogue, its categories, stock and reviews.

Contract: schema/services/products.json.
"""

from datetime import datetime

import msgspec

from bff_core.contract import KeyStyle, LenientEnum, Record, Service
from services.money import Money

products = Service("products")

#: What the service's document says an id is: it answers 422 to any other, and a batch's URL gets so long and no longer.
ID = "[A-Za-z0-9_-]{1,40}"


class Image(Record):
    """A picture of a product, as the image host keeps it."""

    url: str
    alt: str
    width: int
    height: int


class Rating(Record):
    """What reviewers think on average; None while there are no reviews."""

    average: float | None
    count: int


class Attribute(Record):
    """One fact about a product, as name and value."""

    name: str
    value: str


class Product(Record):
    """A thing that is sold."""

    id: str
    sku: str
    name: str
    description: str
    brand: str
    category_id: str
    price: Money
    images: list[Image]
    rating: Rating
    tags: list[str]
    attributes: list[Attribute]
    related_ids: list[str]
    updated_at: datetime
    list_price: Money | None = None


class Category(Record):
    """A shelf of the catalogue."""

    id: str
    name: str
    slug: str
    product_count: int


class StockStatus(LenientEnum):
    """Whether a product can be had."""

    IN_STOCK = "in_stock"
    LOW = "low"
    OUT_OF_STOCK = "out_of_stock"
    PREORDER = "preorder"
    UNKNOWN = "unknown"


class Stock(Record):
    """How much of a product there is."""

    product_id: str
    available: int
    status: StockStatus
    restock_at: datetime | None = None


class Review(Record):
    """What one user says of one product."""

    id: str
    author_id: str
    rating: int
    title: str
    body: str
    verified_purchase: bool
    created_at: datetime


class CategoryFacet(Record):
    """How many of the products that were found stand on one shelf."""

    category_id: str
    count: int


class BrandFacet(Record):
    """How many of the products that were found are of one brand."""

    brand: str
    count: int


class PriceFacet(Record):
    """How many of the products that were found cost so much: ``low`` or more and less than ``high``, where given."""

    count: int
    low: Money | None = msgspec.field(name="from", default=None)
    high: Money | None = msgspec.field(name="to", default=None)


class Facets(Record):
    """How the products that were found divide; categories and brands most frequent first, prices rising."""

    total: int
    categories: list[CategoryFacet]
    brands: list[BrandFacet]
    prices: list[PriceFacet]


by_id = products.batch(
    "GET /products",
    keys="id",
    returns=Product,
    key="id",
    at="items",
    max_keys=50,
    pattern=ID,
    fresh=10,
    stale=60,
    stale_if_error=600,
)
search = products.page(
    "GET /products/search",
    returns=Product,
    query=("q", "category_id", "brand", "sort"),
    total="total",
    max_limit=50,
    fresh=5,
    stale=30,
    stale_if_error=300,
)
facets = products.get(
    "GET /products/facets",
    returns=Facets,
    query=("q", "category_id", "brand"),
    fresh=30,
    stale=300,
    stale_if_error=3600,
)
recommendations = products.page(
    "GET /recommendations",
    returns=Product,
    total="total",
    max_limit=50,
    fresh=60,
    stale=600,
    stale_if_error=3600,
)
categories = products.batch(
    "GET /categories",
    keys="ids",
    style=KeyStyle.COMMA,
    returns=Category,
    key="id",
    at="items",
    max_keys=50,
    pattern=ID,
    fresh=60,
    stale=600,
    stale_if_error=3600,
)
stock = products.batch(
    "POST /stock/query",
    keys="product_ids",
    returns=Stock,
    key="product_id",
    at="data.items",
    max_keys=100,
    pattern=ID,
    fresh=1,
    no_stale=True,
)
reviews = products.page(
    "GET /products/{product_id}/reviews",
    returns=Review,
    total="total",
    max_limit=50,
    pattern=ID,
    fresh=30,
    stale=300,
    stale_if_error=3600,
)
