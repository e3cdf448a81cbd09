"""What the tests of stock clients share."""

from tests.clients.javascript import javascript

__all__ = ["javascript"]
