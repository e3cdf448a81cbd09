"""The seed: a welcome for everyone, and what users were told in the last two months of history."""

import random
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from downstream_stubs import history
from downstream_stubs.history import NOW, REGULARS, PastOrder
from downstream_stubs.notifications.models import Kind

SOURCES = (history, *history.SOURCES)
"""The modules that decide what is written, beside this one."""

_SINCE = NOW - timedelta(days=60)
# Older ones have been read by everyone.
_READ_UNTIL = NOW - timedelta(days=14)
_UNREAD = 0.4
# Of a user who buys often, at least so many of the newest are unread.
_LATEST = 3
_TOLD = 5

_TABLES = """
CREATE TABLE notifications (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL, kind TEXT NOT NULL,
    order_id TEXT, product_id TEXT, created_s INTEGER NOT NULL, read_s INTEGER
);
CREATE TABLE devices (
    n INTEGER PRIMARY KEY, user_id TEXT NOT NULL, id TEXT NOT NULL, platform TEXT NOT NULL, token TEXT NOT NULL UNIQUE,
    app_version TEXT NOT NULL, locale TEXT NOT NULL, registered_s INTEGER NOT NULL, UNIQUE (user_id, id)
);
CREATE INDEX notifications_of_user ON notifications (user_id, created_s DESC, n DESC);
CREATE INDEX unread_of_user ON notifications (user_id) WHERE read_s IS NULL;
"""


@dataclass(frozen=True, slots=True)
class _Told:
    """Something a user was told."""

    at: datetime
    user_id: str
    kind: Kind
    order_id: str | None = None
    product_id: str | None = None


def fill(connection: sqlite3.Connection) -> None:
    """Create and fill the tables. What a notification says is no part of a row: its kind tells (see words.py)."""
    orders = history.history()
    told = [_Told(at, user_id, "welcome") for user_id, at in history.joined().items()]
    told += (one for one in (*_about_orders(orders), *_price_drops(orders)) if _SINCE <= one.at < NOW)
    told.sort(key=lambda one: one.at)
    connection.executescript(_TABLES)
    connection.executemany("INSERT INTO notifications VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _rows(told))


def notification_id(n: int) -> str:
    """The id of the n-th notification."""
    return f"ntf-{n}"


def _about_orders(orders: Iterable[PastOrder]) -> Iterator[_Told]:
    for order in orders:
        paid = order.payment
        times: dict[Kind, datetime | None] = {
            "order_placed": order.paid_at,
            "order_shipped": order.shipped_at,
            "order_delivered": order.delivered_at,
            "order_cancelled": order.cancelled_at if order.cancel_reason == "customer" else None,
            "payment_declined": order.cancelled_at if order.cancel_reason == "card-declined" else None,
            "refund_done": None if paid is None else paid.refunded_at,
        }
        for kind, at in times.items():
            if at is not None:
                yield _Told(at, order.user_id, kind, order_id=order.id)


def _price_drops(orders: Iterable[PastOrder]) -> Iterator[_Told]:
    """When a product is first sold for less than before, the last of those who paid more for it hear of it."""
    prices: dict[str, int] = {}
    buyers: dict[str, list[str]] = {}
    for order in orders:
        for line in order.lines:
            if line.cents < prices.get(line.product_id, line.cents):
                told = dict.fromkeys(one for one in buyers.pop(line.product_id) if one != order.user_id)
                for user_id in list(told)[-_TOLD:]:
                    yield _Told(order.placed_at, user_id, "price_drop", product_id=line.product_id)
            prices[line.product_id] = line.cents
            buyers.setdefault(line.product_id, []).append(order.user_id)


def _rows(told: list[_Told]) -> Iterator[tuple[object, ...]]:
    chance = random.Random(20_260_802)
    latest = {
        n for user_id in REGULARS for n in [n for n, one in enumerate(told, 1) if one.user_id == user_id][-_LATEST:]
    }
    for n, one in enumerate(told, 1):
        read_at = one.at + timedelta(seconds=chance.randint(60, 2 * 86_400))
        is_unread = (one.at >= _READ_UNTIL and chance.random() < _UNREAD) or read_at >= NOW or n in latest
        created_s, read_s = int(one.at.timestamp()), None if is_unread else int(read_at.timestamp())
        yield n, notification_id(n), one.user_id, one.kind, one.order_id, one.product_id, created_s, read_s
