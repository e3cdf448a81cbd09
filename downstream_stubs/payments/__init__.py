"""Room `downstream_stubs.payments`: what was paid for an order, what was given back, and what a user can pay with."""

from downstream_stubs.payments.app import create_app
from downstream_stubs.payments.settings import PaymentsSettings

__all__ = ["PaymentsSettings", "create_app"]
