"""The signed-in user's card."""

import strawberry

from bff_core.graphql.link import link
from bff_mobile.types.me_card import MeCard
from services import users


@strawberry.type
class AccountScreen:
    """Root field of all that is the signed-in user's own."""

    me: MeCard | None = link(users.me, description="The signed-in user; an error without a valid token.")
