"""The store: orders and their parcels in the data file."""

import json
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import TypeAdapter

from downstream_stubs.frame.cursor import Cursors
from downstream_stubs.frame.database import WritableDatabase
from downstream_stubs.history import order_number, shipping_cents
from downstream_stubs.orders.models import CANCELLABLE, Address, Order, OrderLine, OrderPage, OrderStatus, Parcel
from downstream_stubs.orders.money import money

_LINES = TypeAdapter(list[OrderLine])
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_BEFORE_ALL = 2**62


@dataclass(frozen=True, slots=True)
class DraftLine:
    """One product of an order; ``cents`` is the price of one piece."""

    product_id: str
    name: str
    quantity: int
    cents: int


@dataclass(frozen=True, slots=True)
class Draft:
    """An order that is not placed yet. ``cart_version`` is None unless it is an order of the cart."""

    user_id: str
    lines: tuple[DraftLine, ...]
    address: Address
    payment_method_id: str | None
    cart_version: int | None

    @property
    def subtotal_cents(self) -> int:
        """What the lines cost."""
        return sum(line.quantity * line.cents for line in self.lines)

    @property
    def shipping_cents(self) -> int:
        """What sending them costs."""
        return shipping_cents(self.subtotal_cents)


class OrderStore:
    """Orders by id, each as its owner sees it; another user's is as if it did not exist."""

    def __init__(self, database: WritableDatabase, cursors: Cursors) -> None:
        self._database = database
        self._cursors = cursors

    def order(self, user_id: str, order_id: str) -> Order | None:
        """One order."""
        found = self.orders(user_id, [order_id])
        return found[0] if found else None

    def orders(self, user_id: str, ids: Sequence[str]) -> list[Order]:
        """Those that are the user's, ordered by id as a number."""
        sql = "SELECT * FROM orders WHERE n IN (SELECT value FROM json_each(?)) AND user_id = ? ORDER BY n"
        return [_order(row) for row in self._database.rows(sql, [_numbers(ids), user_id])]

    def page(self, user_id: str, status: OrderStatus | None, limit: int, cursor: str | None) -> OrderPage:
        """One page of a user's orders, newest first. Raises a 400 problem naming `cursor` for a foreign one."""
        question = ("orders", user_id, status)
        # The order in which they were placed is that of their numbers, whatever the clock said.
        before = self._cursors.read(question, cursor)[0] if cursor is not None else _BEFORE_ALL
        scope, values = "FROM orders WHERE user_id = ? AND (? IS NULL OR status = ?)", [user_id, status, status]
        total: int = self._database.rows(f"SELECT count(*) {scope}", values)[0][0]
        rows = self._database.rows(
            f"SELECT * {scope} AND n < ? ORDER BY n DESC LIMIT ?",
            [*values, before, limit + 1],
        )
        shown = rows[:limit]
        cursors = [self._cursors.make(question, (row["n"],)) for row in shown]
        return OrderPage(
            items=[_order(row) for row in shown],
            cursors=cursors,
            next=cursors[-1] if len(rows) > limit else None,
            total=total,
        )

    def parcels(self, user_id: str, order_ids: Sequence[str]) -> list[Parcel]:
        """The parcels of those orders that are the user's, by order as a number, then by id."""
        sql = (
            "SELECT parcel FROM parcels JOIN orders ON orders.n = parcels.order_n"
            " WHERE orders.n IN (SELECT value FROM json_each(?)) AND user_id = ? ORDER BY orders.n, id"
        )
        rows = self._database.rows(sql, [_numbers(order_ids), user_id])
        return [Parcel.model_validate_json(row["parcel"]) for row in rows]


def insert(connection: sqlite3.Connection, draft: Draft, at: datetime) -> int:
    """A new, pending order; its n."""
    # What is answered holds the id, which is known only now.
    n: int = connection.execute("SELECT coalesce(max(n), 0) + 1 FROM orders").fetchone()[0]
    lines = [
        OrderLine(
            id=f"{n}-{position}",
            product_id=line.product_id,
            name=line.name,
            quantity=line.quantity,
            unit_price=money(line.cents),
        )
        for position, line in enumerate(draft.lines, 1)
    ]
    connection.execute(
        "INSERT INTO orders (n, user_id, status, placed_at, updated_at, subtotal_cents, shipping_cents, lines, address,"
        " payment_method_id, cart_version, step) VALUES (?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, 'begun')",
        [
            n,
            draft.user_id,
            at.isoformat(),
            at.isoformat(),
            draft.subtotal_cents,
            draft.shipping_cents,
            json.dumps([line.model_dump() for line in lines], ensure_ascii=False),
            draft.address.model_dump_json(),
            draft.payment_method_id,
            draft.cart_version,
        ],
    )
    return n


def lines_of(row: sqlite3.Row) -> list[OrderLine]:
    """The lines of an order in its row."""
    return _LINES.validate_json(row["lines"])


def number_of(order_id: str) -> int | None:
    """The n of an order by its id; None for what is no order's id."""
    # It is the number as text and nothing else: "007" is no order, nor is a number that no file can hold.
    return int(order_id) if _NUMBER.fullmatch(order_id) else None


def now() -> datetime:
    """The time, as it stands in the data: in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def _numbers(ids: Sequence[str]) -> str:
    return json.dumps([n for n in map(number_of, ids) if n is not None])


def _order(row: sqlite3.Row) -> Order:
    placed_at = datetime.fromisoformat(row["placed_at"])
    return Order(
        id=str(row["n"]),
        number=order_number(row["n"], placed_at),
        user_id=row["user_id"],
        status=row["status"],
        placed_at=placed_at,
        updated_at=datetime.fromisoformat(row["updated_at"]),
        lines=lines_of(row),
        subtotal=money(row["subtotal_cents"]),
        shipping=money(row["shipping_cents"]),
        total=money(row["subtotal_cents"] + row["shipping_cents"]),
        address=Address.model_validate_json(row["address"]),
        cancel_reason=row["cancel_reason"],
        cancellable=row["status"] in CANCELLABLE,
    )
