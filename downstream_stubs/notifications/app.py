"""The notification service, put together."""

from fastapi import FastAPI

from downstream_stubs.frame.app import StubService
from downstream_stubs.frame.auth import Verifier
from downstream_stubs.frame.cursor import Cursors
from downstream_stubs.frame.database import WritableDatabase
from downstream_stubs.frame.idempotency import Idempotency
from downstream_stubs.frame.keys import RemoteKeys
from downstream_stubs.frame.service_key import ServiceKey
from downstream_stubs.notifications import seed
from downstream_stubs.notifications.routes import add_routes
from downstream_stubs.notifications.settings import NotificationsSettings
from downstream_stubs.notifications.store import NotificationStore


def create_app(settings: NotificationsSettings) -> StubService:
    """The service for these settings; it touches no file before it is started."""
    database = WritableDatabase(settings.data_dir / "notifications.sqlite3", seed.fill, (*seed.SOURCES, seed))
    keys = RemoteKeys(settings.users_url)
    store = NotificationStore(database, Cursors("notifications"))
    verifier = Verifier(settings.issuer, settings.audience, keys)

    def add(app: FastAPI) -> None:
        add_routes(app, store, Idempotency(database), verifier, ServiceKey(settings))

    return StubService(
        title="Notifications",
        description="What the shop's users were told, and the devices that are told too; nothing leaves the house.",
        settings=settings,
        resources=(database,),
        companions=(keys,),
        add_routes=add,
    )
