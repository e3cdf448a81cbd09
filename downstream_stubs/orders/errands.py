"""Errands: what other services have to be told about an order, until they have been told.

An errand is written in the transaction that makes it necessary, so none is forgotten. It is run at once, again by the
next request about the order, and every few seconds; being told twice, the other service acts once.
"""

import asyncio
import contextlib
import logging
import sqlite3
from typing import Literal

from downstream_stubs.frame.database import WritableDatabase
from downstream_stubs.frame.peer import PeerProblem, PeerUnknown
from downstream_stubs.orders.shop import Shop

Notice = Literal["order_placed", "order_cancelled", "payment_declined"]

_HURRY_S = 1.0
_log = logging.getLogger("stubs.orders")


class Errands:
    """Runs what is due; a companion that looks after it every ``pause_s`` seconds."""

    def __init__(self, database: WritableDatabase, shop: Shop, pause_s: float) -> None:
        self._database = database
        self._shop = shop
        self._pause_s = pause_s
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look after what is due."""
        self._task = asyncio.create_task(self._look_after())

    async def stop(self) -> None:
        """End; what is due stays due."""
        if self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def hurry(self, order_n: int) -> None:
        """Run what is due for an order, but keep its buyer waiting a second at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HURRY_S):
                await self._run(order_n)

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(self._pause_s)
            try:
                for order_n in self._due():
                    await self._run(order_n)
            except sqlite3.Error as error:
                _log.warning("errands wait: %s", error)  # another process writes; the next round is soon

    def _due(self) -> list[int]:
        sql = "SELECT n FROM orders WHERE release_due UNION SELECT order_n FROM errands ORDER BY 1"
        return [row["n"] for row in self._database.rows(sql)]

    async def _run(self, order_n: int) -> None:
        order_id = str(order_n)
        if self._database.rows("SELECT 1 FROM orders WHERE n = ? AND release_due", [order_n]):
            try:
                await self._shop.release(order_id)
            except (PeerProblem, PeerUnknown) as error:
                _log.warning("the stock of order %s is not given back yet: %s", order_id, error)
            else:
                with self._database.transaction() as connection:
                    connection.execute("UPDATE orders SET release_due = 0 WHERE n = ?", [order_n])
        for row in self._database.rows("SELECT n, user_id, kind FROM errands WHERE order_n = ?", [order_n]):
            try:
                await self._shop.notify(row["user_id"], row["kind"], order_id)
            except PeerUnknown as error:
                _log.warning("the buyer of order %s is not told yet: %s", order_id, error)
                continue
            except PeerProblem as error:
                _log.warning("the buyer of order %s is never told: %s", order_id, error)
            with self._database.transaction() as connection:
                connection.execute("DELETE FROM errands WHERE kind = ? AND order_n = ?", [row["kind"], order_n])


def tell(connection: sqlite3.Connection, user_id: str, notice: Notice, order_n: int) -> None:
    """Have a buyer told what became of an order."""
    connection.execute(
        "INSERT OR IGNORE INTO errands (user_id, kind, order_n) VALUES (?, ?, ?)", [user_id, notice, order_n]
    )
