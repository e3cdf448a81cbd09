"""The web BFF, declared: its schema, the services it calls and where its settings are."""

from pathlib import Path

import strawberry

from bff_core.bff import Bff, DemoUser
from bff_web.features.me import AccountPage
from bff_web.features.node import NodeRefetch
from bff_web.features.product import ProductPage
from bff_web.features.search import SearchPage
from bff_web.types.category import Category
from services import products, users


@strawberry.type(description="Everything the web can ask.")
class Query(ProductPage, SearchPage, AccountPage, NodeRefetch):
    """The root."""


#: Users of the development services to sign in as; the first is signed in when GraphiQL opens.
DEMO_USERS = (DemoUser("7", "User 7"), DemoUser("42", "User 42"), DemoUser("100", "User 100"))

web = Bff(
    name="web",
    query=Query,
    types=(Category,),
    services=(users.users, products.products),
    settings=Path(__file__).with_name("settings.toml"),
    keys=users.jwks,
    development_token=users.development_token,
    operations=Path(__file__).parents[1] / "schema" / "operations" / "web",
    demo_users=DEMO_USERS,
)
