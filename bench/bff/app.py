"""The bench, declared: a BFF without sign-in over one service that is no shop's."""

from pathlib import Path

import strawberry

from bench.bff import services
from bench.bff.types.page import Page
from bench.bff.types.post import Post
from bff_core.bff import Bff
from bff_core.graphql.link import Argument, link


def _greet() -> str:
    return "Hello World!"


@strawberry.type(description="Everything the workloads ask.")
class Query:
    """The root."""

    posts: list[Post] | None = link(services.posts, description="Every post there is.")
    page: Page | None = link(
        services.pages, key=Argument("id", int, "The page's number."), description="One page with all that is on it."
    )

    greet: str = strawberry.field(
        resolver=_greet, description="A constant: what a request costs that asks a service for nothing."
    )


bench = Bff(
    name="bench", query=Query, services=(services.upstream,), settings=Path(__file__).with_name("settings.toml")
)
