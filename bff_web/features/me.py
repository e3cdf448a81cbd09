"""The signed-in user's own pages."""

import strawberry

from bff_core.graphql.link import link
from bff_web.types.customer import Customer
from services import users


@strawberry.type
class AccountPage:
    """Root field of all that is the signed-in user's own."""

    me: Customer | None = link(users.me, description="The signed-in user; an error without a valid token.")
