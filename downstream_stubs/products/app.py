"""The product service, put together."""

from fastapi import FastAPI

from downstream_stubs.frame.app import StubService
from downstream_stubs.frame.cursor import Cursors
from downstream_stubs.frame.database import WritableDatabase
from downstream_stubs.frame.idempotency import Idempotency
from downstream_stubs.products import assortment, models, seed
from downstream_stubs.products.reservations import Reservations
from downstream_stubs.products.routes import add_routes
from downstream_stubs.products.settings import ProductsSettings
from downstream_stubs.products.store import ProductStore


def create_app(settings: ProductsSettings) -> StubService:
    """The service for these settings; it touches no file before it is started."""
    database = WritableDatabase(settings.data_dir / "products.sqlite3", seed.fill, (models, assortment, seed))
    store = ProductStore(database, Cursors("products"))

    def add(app: FastAPI) -> None:
        add_routes(app, store, Reservations(database), Idempotency(database), settings)

    return StubService(
        title="Products",
        description="The shop's catalogue, its categories, stock and reviews.",
        settings=settings,
        resources=(database,),
        add_routes=add,
    )
