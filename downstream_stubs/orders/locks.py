"""Locks: who works on the same order works on it one after the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Locks:
    """A lock per order, gone when nobody holds it or waits for it.

    Another process has locks of its own: between processes the data file decides.
    """

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    def __repr__(self) -> str:
        return f"<Locks {len(self._locks)} orders>"

    @asynccontextmanager
    async def of(self, order_n: int) -> AsyncIterator[None]:
        """Wait until nobody else works on an order, and be the one who does."""
        lock = self._locks.setdefault(order_n, asyncio.Lock())
        async with lock:
            yield
