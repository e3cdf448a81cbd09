"""The mobile BFF, declared: its schema, the services it calls and where its settings are."""

from pathlib import Path

import strawberry

from bff_core.bff import Bff, DemoUser
from bff_mobile.features.cart import Cart
from bff_mobile.features.checkout import CheckoutAnswers, CheckoutMutations
from bff_mobile.features.device import DeviceMutations
from bff_mobile.features.feed import Feed
from bff_mobile.features.inbox import Inbox, InboxMutations
from bff_mobile.features.me import AccountScreen
from bff_mobile.features.order_status import OrderStatus
from bff_mobile.features.orders import OrderList
from bff_mobile.features.product_screen import ProductScreens
from services import notifications, orders, payments, products, users


@strawberry.type(description="Everything the app can ask.")
class Query(Feed, ProductScreens, OrderList, OrderStatus, Inbox, Cart, CheckoutAnswers, AccountScreen):
    """The root."""


@strawberry.type(description="Everything the app can do. Fields of one mutation are carried out one after the other.")
class Mutation(CheckoutMutations, InboxMutations, DeviceMutations):
    """The root of what writes."""


#: Users of the development services to sign in as; the first is signed in when GraphiQL opens.
DEMO_USERS = (DemoUser("7", "User 7"), DemoUser("42", "User 42"), DemoUser("100", "User 100"))

mobile = Bff(
    name="mobile",
    query=Query,
    mutation=Mutation,
    services=(
        users.users,
        products.products,
        orders.orders,
        payments.payments,
        notifications.notifications,
    ),
    settings=Path(__file__).with_name("settings.toml"),
    keys=users.jwks,
    development_token=users.development_token,
    operations=Path(__file__).parents[1] / "schema" / "operations" / "mobile",
    published=Path(__file__).parents[1] / "schema" / "published" / "mobile",
    demo_users=DEMO_USERS,
)
