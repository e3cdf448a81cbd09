"""Who wrote a review, as the web shows them."""

from bff_core.graphql.view import shown, view
from services import users

#: Stands in for a reviewer while the user service does not answer, or when the user is gone.
SOMEBODY = users.PublicProfile(id="", display_name="A customer")


@view(users.PublicProfile, description="Who wrote a review.")
class Reviewer:
    """The public side of a user."""

    display_name: str = shown("The name they chose to be seen by.")
    avatar_url: str | None = shown("Their picture.")
