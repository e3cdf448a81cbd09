"""A review as a card."""

import strawberry

from bff_core.graphql.context import Info
from bff_core.graphql.link import link
from bff_core.graphql.view import computed, shown, view
from bff_mobile import wording
from bff_mobile.phrases import phrase
from services import products, users

#: Stands in for a reviewer while the user service does not answer, or when the user is gone.
NOBODY = users.PublicProfile(id="", display_name="")


def _author(profile: users.PublicProfile, info: Info) -> str:
    return profile.display_name or phrase("somebody", info.context.locale)


def _when(review: products.Review, info: Info) -> str:
    return wording.ago(review.created_at, info.context.now, info.context.locale)


@view(products.Review, description="What one user says of a product.")
class ReviewCard:
    """A review with its author's name and age in words."""

    id: strawberry.ID = shown("The review's id.")
    rating: int = shown("From 1, bad, to 5, good.")
    title: str = shown("The review in a few words.")
    body: str = shown("The review.")
    when: str = computed(_when, "How long ago, worded for the locale.")
    written: str = computed(_when, "As `when`.", deprecation_reason="Use `when`; served until 2027-06-30.")
    author: str = link(users.profiles, key="author_id", fallback=NOBODY, show=_author, description="The author's name.")
