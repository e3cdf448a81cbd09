"""The seed: what everyone can pay with, and the payment of every past order that got that far."""

import sqlite3
from collections.abc import Iterator
from datetime import datetime

from downstream_stubs import history
from downstream_stubs.history import PastOrder

SOURCES = (history, *history.SOURCES)
"""The modules that decide what is written, beside this one."""

_SENT_BACK = "Sent back"
_GOODWILL = "For the trouble"

# At most one payment of an order holds: that is the file's business too, not only that of the code before it.
_TABLES = """
CREATE TABLE methods (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL, kind TEXT NOT NULL,
    brand TEXT, last4 TEXT, expires TEXT, holder TEXT NOT NULL, is_default INTEGER NOT NULL
);
CREATE TABLE payments (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL, order_id TEXT NOT NULL,
    cents INTEGER NOT NULL CHECK (cents > 0), status TEXT NOT NULL,
    method_id TEXT NOT NULL, kind TEXT NOT NULL, brand TEXT, last4 TEXT,
    created_s INTEGER NOT NULL, captured_s INTEGER
);
CREATE TABLE refunds (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, payment_n INTEGER NOT NULL REFERENCES payments,
    cents INTEGER NOT NULL CHECK (cents > 0), status TEXT NOT NULL, reason TEXT, created_s INTEGER NOT NULL
);
CREATE TABLE notices (n INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, user_id TEXT NOT NULL, order_id TEXT NOT NULL);
CREATE INDEX methods_of_user ON methods (user_id, n);
CREATE INDEX payments_of_order ON payments (user_id, order_id, n);
CREATE INDEX refunds_of_payment ON refunds (payment_n, n);
CREATE UNIQUE INDEX payment_that_holds ON payments (user_id, order_id)
    WHERE status IN ('authorised', 'captured', 'partly_refunded');
"""

_Row = tuple[object, ...]


def fill(connection: sqlite3.Connection) -> None:
    """Create and fill the tables."""
    orders = history.history()
    connection.executescript(_TABLES)
    connection.executemany("INSERT INTO methods VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", _methods())
    connection.executemany("INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _payments(orders))
    connection.executemany("INSERT INTO refunds VALUES (?, ?, ?, ?, ?, ?, ?)", _refunds(orders))


def payment_id(n: int) -> str:
    """The id of the n-th payment."""
    return f"pay-{n}"


def refund_id(n: int) -> str:
    """The id of the n-th refund."""
    return f"ref-{n}"


def _methods() -> Iterator[_Row]:
    for n, one in enumerate(history.methods(), 1):
        card = (one.brand, one.last4, one.expires)
        yield n, one.id, one.user_id, one.kind, *card, one.holder, one.is_default


def _payments(orders: list[PastOrder]) -> Iterator[_Row]:
    n = 0
    for order in orders:
        if (paid := order.payment) is None:
            continue
        n += 1
        method = (paid.method_id, paid.kind, paid.brand, paid.last4)
        times = (_second(paid.created_at), _second(paid.captured_at))
        yield n, payment_id(n), order.user_id, order.id, order.total_cents, paid.status, *method, *times


def _refunds(orders: list[PastOrder]) -> Iterator[_Row]:
    payments = (order for order in orders if order.payment is not None)
    n = 0
    for payment_n, order in enumerate(payments, 1):
        paid = order.payment
        if paid is None or not paid.refunded_cents:
            continue
        n += 1
        reason = _SENT_BACK if order.status == "returned" else _GOODWILL
        yield n, refund_id(n), payment_n, paid.refunded_cents, "done", reason, _second(paid.refunded_at)


def _second(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())
