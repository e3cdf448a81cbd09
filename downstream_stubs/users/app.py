"""The user service, put together."""

from fastapi import FastAPI

from downstream_stubs.frame.app import StubService
from downstream_stubs.frame.database import WritableDatabase
from downstream_stubs.frame.idempotency import Idempotency
from downstream_stubs.users import models, people, seed
from downstream_stubs.users.keys import KeyRing
from downstream_stubs.users.routes import add_routes
from downstream_stubs.users.settings import UsersSettings
from downstream_stubs.users.store import UserStore


def create_app(settings: UsersSettings) -> StubService:
    """The service for these settings; it touches no file before it is started."""
    database = WritableDatabase(settings.data_dir / "users.sqlite3", seed.fill, (models, people, seed))
    keys = KeyRing(settings.data_dir / "users-keys.json")
    store = UserStore(database)

    def add(app: FastAPI) -> None:
        add_routes(app, store, Idempotency(database), keys, settings)

    return StubService(
        title="Users",
        description="The shop's customers, and the identity provider of development.",
        settings=settings,
        resources=(database, keys),
        add_routes=add,
    )
