"""The feed that the app opens with."""

import strawberry

from bff_core.graphql.link import link
from bff_mobile.types.feed_page import FeedPage
from services import products


@strawberry.type
class Feed:
    """Root field of the feed."""

    feed: FeedPage | None = link(
        products.recommendations, most_rows=20, description="Products that somebody may like, page by page."
    )
