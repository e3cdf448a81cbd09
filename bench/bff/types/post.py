"""A post and who wrote it."""

from bench.bff import services
from bff_core.graphql.link import link
from bff_core.graphql.view import shown, view


@view(services.User, description="Who writes posts.")
class User:
    """A user, reduced to what the workloads ask."""

    id: int = shown("The user's number.")
    name: str = shown("The full name.")
    email: str = shown("Where letters go.")


@view(services.Post, description="What somebody wrote.")
class Post:
    """A post with its user beside it."""

    id: int = shown("The post's number.")
    user_id: int = shown("The number of who wrote it.")
    title: str = shown("The headline.")
    body: str = shown("The text.")
    user: User | None = link(services.users, key="user_id", description="Who wrote it.")
