"""What the product service takes and answers."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from downstream_stubs.frame.parameters import Id
from downstream_stubs.frame.problems import Problem


class Money(BaseModel):
    """An amount, as text so that nothing is rounded on the way."""

    amount: str = Field(pattern=r"^[0-9]+\.[0-9]{2}$", description="decimal")
    currency: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217")


class Image(BaseModel):
    """A picture of a product."""

    url: str
    alt: str
    width: int = Field(ge=1, description="pixels")
    height: int = Field(ge=1, description="pixels")


class Rating(BaseModel):
    """What buyers think of a product on the whole."""

    average: float | None = Field(ge=1, le=5, description="of all reviews, to two decimals; null without any")
    count: int = Field(ge=0, description="number of reviews")


class Attribute(BaseModel):
    """A fact about a product."""

    name: str
    value: str


class Product(BaseModel):
    """Something the shop sells."""

    id: str
    sku: str
    name: str
    description: str
    brand: str
    category_id: str
    price: Money
    list_price: Money | None = Field(description="the former, higher price; null if it is not reduced")
    images: list[Image]
    rating: Rating
    tags: list[str]
    attributes: list[Attribute]
    related_ids: list[str] = Field(max_length=8, description="other products; never this one")
    created_at: datetime
    updated_at: datetime


class Products(BaseModel):
    """Those of the asked products that exist, ordered by id."""

    items: list[Product]


class ProductPage(BaseModel):
    """Some of the products that were found."""

    items: list[Product]
    cursors: list[str] = Field(description="one per item; the page that begins after it")
    next: str | None = Field(description="the cursor of the next page; null on the last one")
    total: int = Field(ge=0, description="number of products on all pages")


class CategoryCount(BaseModel):
    """How many of the found products stand in one category itself."""

    category_id: str
    count: int = Field(ge=1)


class BrandCount(BaseModel):
    """How many of the found products are of one brand."""

    brand: str
    count: int = Field(ge=1)


class PriceCount(BaseModel):
    """How many of the found products cost that much."""

    from_: Money | None = Field(alias="from", description="the least price; null if there is no bound")
    to: Money | None = Field(description="the first price above; null if there is no bound")
    count: int = Field(ge=1)


class Facets(BaseModel):
    """What the found products have in common: the ten most frequent of each kind, the most frequent first."""

    total: int = Field(ge=0, description="number of products found")
    categories: list[CategoryCount] = Field(max_length=10)
    brands: list[BrandCount] = Field(max_length=10)
    prices: list[PriceCount] = Field(max_length=10, description="rising; without the ranges that hold nothing")


class SortOrder(str, Enum):
    """How found products are ordered; equal ones by id."""

    RELEVANCE = "relevance"
    PRICE_ASC = "price_asc"
    PRICE_DESC = "price_desc"
    NEWEST = "newest"
    RATING = "rating"


class Category(BaseModel):
    """A shelf of the shop, or a group of shelves."""

    id: str
    name: str
    slug: str
    parent_id: str | None = Field(description="null for a group of shelves")
    product_count: int = Field(ge=0, description="products here and in the categories below")


class Categories(BaseModel):
    """Categories, ordered by id."""

    items: list[Category]


class StockQuery(BaseModel):
    """Whose stock is asked for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    product_ids: Annotated[list[Id], Field(min_length=1, max_length=100, description="1 to 100 ids")]


class Stock(BaseModel):
    """How much of a product is there."""

    product_id: str
    available: int = Field(ge=0, description="pieces")
    status: Literal["in_stock", "low", "out_of_stock", "preorder"]
    restock_at: datetime | None = Field(description="when more is expected; null if nothing is known")


class StockList(BaseModel):
    """The stock of those of the asked products that exist, ordered by id."""

    items: list[Stock]


class StockAnswer(BaseModel):
    """The stock, one level down."""

    data: StockList


class Wanted(BaseModel):
    """Pieces of one product."""

    model_config = ConfigDict(extra="forbid", strict=True)

    product_id: Id
    quantity: int = Field(ge=1, le=99, description="pieces")


class ReservationOrder(BaseModel):
    """What is to be kept for an order."""

    model_config = ConfigDict(extra="forbid", strict=True)

    order_id: Id = Field(description="of the order service; one reservation an order")
    lines: Annotated[list[Wanted], Field(min_length=1, max_length=100, description="a product may stand there twice")]


class ReservedLine(BaseModel):
    """Pieces of one product that are kept."""

    product_id: str
    quantity: int = Field(ge=1, description="pieces")


class Reservation(BaseModel):
    """What is kept for an order."""

    id: str
    order_id: str
    lines: list[ReservedLine]


class Release(BaseModel):
    """What became of an order's reservation."""

    order_id: str
    released: bool = Field(description="whether this request gave something back; true at most once an order")


class OutOfStock(Problem):
    """A problem that tells which products are short."""

    product_ids: list[str] | None = Field(default=None, description="those of which there are too few")


class Review(BaseModel):
    """What one buyer thinks of a product."""

    id: str
    product_id: str
    author_id: str = Field(description="an id of the user service")
    rating: int = Field(ge=1, le=5)
    title: str
    body: str
    verified_purchase: bool
    created_at: datetime


class ReviewPage(BaseModel):
    """Some of a product's reviews, newest first."""

    items: list[Review]
    cursors: list[str] = Field(description="one per item; the page that begins after it")
    next: str | None = Field(description="the cursor of the next page; null on the last one")
    total: int = Field(ge=0, description="number of reviews on all pages")
