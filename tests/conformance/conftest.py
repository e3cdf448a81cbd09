"""The audits run in the node project of tests/clients."""

from tests.clients.javascript import javascript

__all__ = ["javascript"]
