"""The payment service, put together."""

from fastapi import FastAPI

from downstream_stubs.frame.app import StubService
from downstream_stubs.frame.auth import Verifier
from downstream_stubs.frame.database import WritableDatabase
from downstream_stubs.frame.idempotency import Idempotency
from downstream_stubs.frame.keys import RemoteKeys
from downstream_stubs.frame.peer import Peer
from downstream_stubs.payments import seed
from downstream_stubs.payments.notices import TIMEOUT_S, Notices
from downstream_stubs.payments.routes import add_routes
from downstream_stubs.payments.settings import PaymentsSettings
from downstream_stubs.payments.store import PaymentStore


def create_app(settings: PaymentsSettings) -> StubService:
    """The service for these settings; it touches no file before it is started."""
    database = WritableDatabase(settings.data_dir / "payments.sqlite3", seed.fill, (*seed.SOURCES, seed))
    keys = RemoteKeys(settings.users_url)
    notifications = Peer("notifications", settings.notifications_url, TIMEOUT_S)
    store = PaymentStore(database)
    notices = Notices(database, notifications, settings.service_key)
    verifier = Verifier(settings.issuer, settings.audience, keys)

    def add(app: FastAPI) -> None:
        add_routes(app, store, Idempotency(database), notices, verifier)

    return StubService(
        title="Payments",
        description="What was paid for the shop's orders, and what users can pay with; a bank that never sees money.",
        settings=settings,
        resources=(database,),
        companions=(keys, notifications),
        add_routes=add,
    )
