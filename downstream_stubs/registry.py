"""The registry: which services there are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from downstream_stubs import notifications, orders, payments, products, users
from downstream_stubs.frame.app import StubService
from downstream_stubs.frame.settings import ServiceSettings, Settings, load


@dataclass(frozen=True, slots=True)
class Stub(Generic[Settings]):
    """A service that can be run: the settings it takes, and how it is made from them."""

    settings: type[Settings]
    create_app: Callable[[Settings], StubService]

    def make(self, **given: object) -> StubService:
        """The service with these settings before those of the environment. Raises SettingsError."""
        return self.create_app(load(self.settings, **given))


STUBS: dict[
    str,
    Stub[users.UsersSettings]
    | Stub[products.ProductsSettings]
    | Stub[orders.OrdersSettings]
    | Stub[payments.PaymentsSettings]
    | Stub[notifications.NotificationsSettings],
] = {
    "users": Stub(users.UsersSettings, users.create_app),
    "products": Stub(products.ProductsSettings, products.create_app),
    "orders": Stub(orders.OrdersSettings, orders.create_app),
    "payments": Stub(payments.PaymentsSettings, payments.create_app),
    "notifications": Stub(notifications.NotificationsSettings, notifications.create_app),
}

SETTINGS: tuple[type[ServiceSettings], ...] = tuple(stub.settings for stub in STUBS.values())
