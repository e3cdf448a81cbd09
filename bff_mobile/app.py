"""The mobile BFF, declared: its schema, the services it calls and where its settings are."""

from pathlib import Path

import strawberry

from bff_core.bff import Bff, DemoUser
from bff_mobile.features.me import AccountScreen
from bff_mobile.features.product_screen import ProductScreens
from services import products, users


@strawberry.type(description="Everything the app can ask.")
class Query(ProductScreens, AccountScreen):
    """The root."""


#: Users of the development services to sign in as; the first is signed in when GraphiQL opens.
DEMO_USERS = (DemoUser("7", "User 7"), DemoUser("42", "User 42"), DemoUser("100", "User 100"))

mobile = Bff(
    name="mobile",
    query=Query,
    services=(users.users, products.products),
    settings=Path(__file__).with_name("settings.toml"),
    keys=users.jwks,
    development_token=users.development_token,
    operations=Path(__file__).parents[1] / "schema" / "operations" / "mobile",
    demo_users=DEMO_USERS,
)
