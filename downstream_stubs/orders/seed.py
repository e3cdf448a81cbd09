"""The seed: the 20,000 orders of history with their parcels, and what some users mean to buy again."""

import json
import sqlite3
from collections.abc import Sequence

from downstream_stubs.history import PastOrder, PastParcel, history
from downstream_stubs.orders.models import Address, OrderLine, Parcel, ParcelEvent
from downstream_stubs.orders.money import money

# `step` is how far an order has got on its way to being paid (see placing.py), `release_due` whether its stock has to
# be given back yet; `errands` are what other services have to be told yet (see errands.py).
_TABLES = """
CREATE TABLE orders (
    n INTEGER PRIMARY KEY, user_id TEXT NOT NULL, status TEXT NOT NULL,
    placed_at TEXT NOT NULL, updated_at TEXT NOT NULL, subtotal_cents INTEGER NOT NULL, shipping_cents INTEGER NOT NULL,
    lines TEXT NOT NULL, address TEXT NOT NULL, cancel_reason TEXT, cancel_words TEXT,
    step TEXT NOT NULL DEFAULT 'settled', payment_method_id TEXT, cart_version INTEGER,
    release_due INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE parcels (order_n INTEGER NOT NULL, id TEXT NOT NULL, parcel TEXT NOT NULL, PRIMARY KEY (order_n, id));
CREATE TABLE carts (user_id TEXT PRIMARY KEY, version INTEGER NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE cart_items (
    n INTEGER PRIMARY KEY, user_id TEXT NOT NULL, product_id TEXT NOT NULL,
    quantity INTEGER NOT NULL, cents INTEGER NOT NULL, added_at TEXT NOT NULL, UNIQUE (user_id, product_id)
);
CREATE TABLE placements (
    user_id TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, order_n INTEGER UNIQUE, problem TEXT,
    PRIMARY KEY (user_id, key)
) WITHOUT ROWID;
CREATE TABLE errands (
    n INTEGER PRIMARY KEY, user_id TEXT NOT NULL, kind TEXT NOT NULL, order_n INTEGER NOT NULL, UNIQUE (kind, order_n)
);
"""
_INDEXES = """
CREATE INDEX orders_of_user ON orders (user_id, n DESC);
CREATE INDEX orders_to_release ON orders (n) WHERE release_due;
"""


def fill(connection: sqlite3.Connection) -> None:
    """Create and fill the tables. What an order consists of is kept as the JSON that is answered."""
    past = history()
    connection.executescript(_TABLES)
    connection.executemany(
        "INSERT INTO orders (n, user_id, status, placed_at, updated_at, subtotal_cents, shipping_cents, lines, address,"
        " cancel_reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [_row(order) for order in past],
    )
    connection.executemany(
        "INSERT INTO parcels VALUES (?, ?, ?)",
        [(order.n, parcel.id, _parcel(order.id, parcel)) for order in past for parcel in order.parcels],
    )
    _fill_carts(connection, past)
    connection.executescript(_INDEXES)


def _fill_carts(connection: sqlite3.Connection, past: Sequence[PastOrder]) -> None:
    """Each tenth user, and user 42, has what they ordered last in the cart again, one piece of each."""
    last = {order.user_id: order for order in past}
    for user_id, order in last.items():
        if int(user_id) % 10 and user_id != "42":
            continue
        at = order.placed_at.isoformat()
        connection.execute("INSERT INTO carts VALUES (?, ?, ?)", (user_id, len(order.lines), at))
        connection.executemany(
            "INSERT INTO cart_items (user_id, product_id, quantity, cents, added_at) VALUES (?, ?, 1, ?, ?)",
            [(user_id, line.product_id, line.cents, at) for line in order.lines],
        )


def _row(order: PastOrder) -> tuple[int | str | None, ...]:
    lines = [
        OrderLine(
            id=f"{order.id}-{position}",
            product_id=line.product_id,
            name=line.name,
            quantity=line.quantity,
            unit_price=money(line.cents),
        )
        for position, line in enumerate(order.lines, 1)
    ]
    to = order.address
    address = Address(
        recipient=to.recipient,
        line1=to.line1,
        line2=to.line2,
        city=to.city,
        postal_code=to.postal_code,
        country=to.country,
    )
    return (
        order.n,
        order.user_id,
        order.status,
        order.placed_at.isoformat(),
        order.updated_at.isoformat(),
        order.subtotal_cents,
        order.shipping_cents,
        json.dumps([line.model_dump() for line in lines], ensure_ascii=False),
        address.model_dump_json(),
        order.cancel_reason,
    )


def _parcel(order_id: str, parcel: PastParcel) -> str:
    return Parcel(
        id=parcel.id,
        order_id=order_id,
        carrier=parcel.carrier,
        tracking_number=parcel.tracking_number,
        status=parcel.status,
        shipped_at=parcel.shipped_at,
        expected_at=parcel.expected_at,
        delivered_at=parcel.delivered_at,
        events=[ParcelEvent(at=event.at, place=event.place, status=event.status) for event in reversed(parcel.events)],
    ).model_dump_json()
