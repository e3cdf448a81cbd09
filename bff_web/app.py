"""The web BFF, declared: its schema, the services it calls and where its settings are."""

from pathlib import Path

import strawberry

from bff_core.bff import Bff, DemoUser
from bff_web.features.cart import CartMutations, CartPage
from bff_web.features.checkout import CheckoutMutations, CheckoutPage
from bff_web.features.home import HomePage
from bff_web.features.inbox import InboxMutations, InboxPage
from bff_web.features.me import AccountMutations, AccountPage
from bff_web.features.node import NodeRefetch
from bff_web.features.order import OrderMutations, OrderPage
from bff_web.features.orders import OrderHistory
from bff_web.features.product import ProductPage
from bff_web.features.search import SearchPage
from bff_web.types.category import Category
from services import notifications, orders, payments, products, users


@strawberry.type(description="Everything the web can ask.")
class Query(
    HomePage,
    ProductPage,
    SearchPage,
    OrderHistory,
    OrderPage,
    CartPage,
    CheckoutPage,
    InboxPage,
    AccountPage,
    NodeRefetch,
):
    """The root."""


@strawberry.type(description="Everything the web can do. Fields of one mutation are carried out one after the other.")
class Mutation(CartMutations, CheckoutMutations, OrderMutations, InboxMutations, AccountMutations):
    """The root of what writes."""


#: Users of the development services to sign in as; the first is signed in when GraphiQL opens.
DEMO_USERS = (DemoUser("7", "User 7"), DemoUser("42", "User 42"), DemoUser("100", "User 100"))

web = Bff(
    name="web",
    query=Query,
    mutation=Mutation,
    types=(Category,),
    services=(users.users, products.products, orders.orders, payments.payments, notifications.notifications),
    settings=Path(__file__).with_name("settings.toml"),
    keys=users.jwks,
    development_token=users.development_token,
    operations=Path(__file__).parents[1] / "schema" / "operations" / "web",
    published=Path(__file__).parents[1] / "schema" / "published" / "web",
    demo_users=DEMO_USERS,
)
