"""The order service, put together."""

from fastapi import FastAPI

from downstream_stubs import history
from downstream_stubs.frame.app import StubService
from downstream_stubs.frame.auth import Verifier
from downstream_stubs.frame.cursor import Cursors
from downstream_stubs.frame.database import WritableDatabase
from downstream_stubs.frame.idempotency import Idempotency
from downstream_stubs.frame.keys import RemoteKeys
from downstream_stubs.orders import models, money, seed
from downstream_stubs.orders.carts import Carts
from downstream_stubs.orders.errands import Errands
from downstream_stubs.orders.placements import Placements
from downstream_stubs.orders.placing import Placing
from downstream_stubs.orders.routes import add_cart_routes, add_order_routes, add_placing_routes
from downstream_stubs.orders.settings import OrdersSettings
from downstream_stubs.orders.settling import Settling
from downstream_stubs.orders.shop import Shop
from downstream_stubs.orders.store import OrderStore


def create_app(settings: OrdersSettings) -> StubService:
    """The service for these settings; it touches no file before it is started."""
    sources = (models, money, seed, history, *history.SOURCES)
    database = WritableDatabase(settings.data_dir / "orders.sqlite3", seed.fill, sources)
    keys = RemoteKeys(settings.users_url)
    verifier = Verifier(settings.issuer, settings.audience, keys)
    idempotency = Idempotency(database)
    shop = Shop(settings)
    store, carts, placements = OrderStore(database, Cursors("orders")), Carts(database), Placements(database)
    errands = Errands(database, shop, settings.errand_pause_s)
    settling = Settling(database, carts, shop, errands)
    placing = Placing(database, store, carts, placements, shop, settling)

    def add(app: FastAPI) -> None:
        add_cart_routes(app, verifier, database, carts, shop, idempotency)
        add_placing_routes(app, verifier, store, placing, settling, idempotency)
        add_order_routes(app, verifier, store, errands)

    return StubService(
        title="Orders",
        description="What was bought and where it is, the cart, and how a cart becomes an order.",
        settings=settings,
        resources=(database,),
        add_routes=add,
        companions=(keys, shop, errands),
    )
