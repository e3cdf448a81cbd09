"""A product, and lists of products, as the web shows them."""

from __future__ import annotations

from datetime import datetime

import strawberry

from bff_core.contract import Edge, Page
from bff_core.graphql.link import link
from bff_core.graphql.view import computed, shown, view
from bff_web.types.category import Category
from bff_web.types.connection import PageInfo
from bff_web.types.money import Money
from bff_web.types.node import Node, encode
from bff_web.types.review import ReviewConnection
from bff_web.types.stock import Stock
from services import products


@view(products.Image, description="A picture of a product.")
class Image:
    """As the image host keeps it."""

    url: str = shown("Where it is.")
    alt: str = shown("What is to be seen on it, for those who cannot.")
    width: int = shown("Pixels.")
    height: int = shown("Pixels.")


@view(products.Rating, description="What reviewers think on average.")
class Rating:
    """Average and count."""

    average: float | None = shown("From 1 to 5; null while there are no reviews.")
    count: int = shown("How many reviews there are.")


@view(products.Attribute, description="One fact about a product.")
class Attribute:
    """Name and value."""

    name: str = shown("What the fact is about.")
    value: str = shown("What it says.")


def _id(product: products.Product) -> strawberry.ID:
    return encode("Product", product.id)


@view(products.Product, description="A thing that is sold.")
class Product(Node):
    """A product with what belongs on its page."""

    id: strawberry.ID = computed(_id, "A global id, opaque to clients.")
    sku: str = shown("The article number.")
    name: str = shown("What it is called.")
    description: str = shown("What there is to say about it.")
    brand: str = shown("Who makes it.")
    price: Money = shown("What it costs now.")
    list_price: Money | None = shown("What it cost before a reduction.")
    images: list[Image] = shown("Pictures, the best first.")
    rating: Rating = shown("What reviewers think on average.")
    tags: list[str] = shown("Words it can be found by.")
    attributes: list[Attribute] = shown("Facts, such as its size.")
    updated_at: datetime = shown("When the catalogue last changed it.")
    category: Category | None = link(products.categories, key="category_id", description="The shelf it stands on.")
    stock: Stock | None = link(products.stock, key="id", description="Whether it can be had; null while nobody knows.")
    reviews: ReviewConnection | None = link(
        products.reviews, key="id", fan_out=4, page_size=10, description="Reviews, newest first."
    )
    related: list[Product] | None = link(
        products.by_id, key="related_ids", missing="drop", at_most=8, description="Products that go with it."
    )


@view(Edge[products.Product], description="A product in a list.")
class ProductEdge:
    """Relay's edge."""

    cursor: str = shown("Resumes the list after this product.")
    node: Product = shown("The product.")


@view(Page[products.Product], description="Products that were found.")
class ProductConnection:
    """Relay's connection."""

    edges: list[ProductEdge] = shown("The products of this page.")
    page_info: PageInfo = shown("Where this page stands.")
    total_count: int | None = shown("How many products were found.")
