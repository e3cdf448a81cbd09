"""Room `downstream_stubs.orders`: what was bought and where it is, the cart, and how a cart becomes an order."""

from downstream_stubs.orders.app import create_app
from downstream_stubs.orders.settings import OrdersSettings

__all__ = ["OrdersSettings", "create_app"]
