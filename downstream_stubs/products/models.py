"""What the product service takes and answers."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from downstream_stubs.frame.parameters import Id


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
