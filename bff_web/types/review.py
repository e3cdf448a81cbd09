"""A review, and a product's list of them, as the web shows it."""

from datetime import datetime

import strawberry

from bff_core.contract import Edge, Page
from bff_core.graphql.link import link
from bff_core.graphql.view import shown, view
from bff_web.types.connection import PageInfo
from bff_web.types.reviewer import SOMEBODY, Reviewer
from services import products, users


@view(products.Review, description="What one user says of one product.")
class Review:
    """A review with its author."""

    id: strawberry.ID = shown("The review's id.")
    rating: int = shown("From 1, bad, to 5, good.")
    title: str = shown("The review in a few words.")
    body: str = shown("The review.")
    verified_purchase: bool = shown("Whether the author bought the product here.")
    created_at: datetime = shown("When it was written.")
    author: Reviewer = link(users.profiles, key="author_id", fallback=SOMEBODY, description="Who wrote it.")


@view(Edge[products.Review], description="A review in a list.")
class ReviewEdge:
    """Relay's edge."""

    cursor: str = shown("Resumes the list after this review.")
    node: Review = shown("The review.")


@view(Page[products.Review], description="Reviews of a product, newest first.")
class ReviewConnection:
    """Relay's connection."""

    edges: list[ReviewEdge] = shown("The reviews of this page.")
    page_info: PageInfo = shown("Where this page stands.")
    total_count: int | None = shown("How many reviews there are.")
