"""Reservations: pieces that are kept for an order, taken from the stock and given back at most once."""

import json
import sqlite3
from collections import Counter

from downstream_stubs.frame.database import Database, as_array
from downstream_stubs.frame.problems import INVALID_BODY, Kind, ProblemError
from downstream_stubs.products.models import Release, Reservation, ReservationOrder, ReservedLine, Stock

OUT_OF_STOCK = Kind("out-of-stock", 409, "There is not enough of it")
ALREADY_RESERVED = Kind("already-reserved", 409, "The order has a reservation")
RESERVATION_RELEASED = Kind("reservation-released", 409, "The order's reservation was given back")

_LOW = 5


class Reservations:
    """At most one reservation an order. Both methods write inside the transaction they are given."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve(self, connection: sqlite3.Connection, order: ReservationOrder) -> Reservation:
        """Take everything from the stock, or raise a problem and take nothing.

        422 for a product that does not exist; 409 for too few pieces, and for an order that has or had a reservation.
        """
        earlier = self._database.rows("SELECT is_released FROM reservations WHERE order_id = ?", [order.order_id])
        if earlier and earlier[0]["is_released"]:
            detail = f"What was kept for the order {order.order_id} was given back, or was never to be kept."
            raise ProblemError(RESERVATION_RELEASED, detail)
        if earlier:
            raise ProblemError(ALREADY_RESERVED, f"Something is kept for the order {order.order_id} under another key.")
        stock = self._stock([line.product_id for line in order.lines])
        unknown = [n for n, line in enumerate(order.lines) if line.product_id not in stock]
        if unknown:
            errors = [(f"lines.{n}.product_id", "there is no such product") for n in unknown]
            raise ProblemError(INVALID_BODY, f"Not acceptable: {', '.join(name for name, _ in errors)}.", errors=errors)
        wanted = Counter[str]()
        for line in order.lines:
            wanted[line.product_id] += line.quantity
        # A preorder takes nothing from the shelf, so there is no end to it.
        taken = {one: pieces for one, pieces in wanted.items() if stock[one].status != "preorder"}
        short = sorted((one for one, pieces in taken.items() if pieces > stock[one].available), key=int)
        if short:
            errors = [(one, f"{taken[one]} wanted, {stock[one].available} there") for one in short]
            detail = f"Too few of {', '.join(short)}."
            raise ProblemError(OUT_OF_STOCK, detail, errors=errors, extra={"product_ids": short})
        _move(connection, stock, {one: -pieces for one, pieces in taken.items()})
        sql = "INSERT INTO reservations (order_id, taken, is_released) VALUES (?, ?, 0)"
        number = connection.execute(sql, [order.order_id, json.dumps(taken)]).lastrowid
        lines = [ReservedLine(product_id=line.product_id, quantity=line.quantity) for line in order.lines]
        return Reservation(id=str(number), order_id=order.order_id, lines=lines)

    def release(self, connection: sqlite3.Connection, order_id: str) -> Release:
        """Give back what is kept for an order; without anything, see to it that nothing ever will be."""
        rows = self._database.rows("SELECT taken, is_released FROM reservations WHERE order_id = ?", [order_id])
        if not rows:
            # The request to reserve may still be under way, and must find its order gone.
            connection.execute(
                "INSERT INTO reservations (order_id, taken, is_released) VALUES (?, '{}', 1)", [order_id]
            )
            return Release(order_id=order_id, released=False)
        if rows[0]["is_released"]:
            return Release(order_id=order_id, released=False)
        taken: dict[str, int] = json.loads(rows[0]["taken"])
        _move(connection, self._stock(list(taken)), taken)
        connection.execute("UPDATE reservations SET is_released = 1 WHERE order_id = ?", [order_id])
        return Release(order_id=order_id, released=True)

    def _stock(self, ids: list[str]) -> dict[str, Stock]:
        sql = "SELECT stock FROM stock WHERE product_id IN (SELECT value FROM json_each(?)) ORDER BY n"
        found = [Stock.model_validate_json(row["stock"]) for row in self._database.rows(sql, [as_array(ids)])]
        return {one.product_id: one for one in found}


def _move(connection: sqlite3.Connection, stock: dict[str, Stock], pieces: dict[str, int]) -> None:
    """Add pieces to the stock of products, or take them where the number is negative."""
    for product_id, more in pieces.items():
        available = stock[product_id].available + more
        status = "out_of_stock" if available == 0 else "low" if available <= _LOW else "in_stock"
        after = stock[product_id].model_copy(update={"available": available, "status": status})
        connection.execute("UPDATE stock SET stock = ? WHERE product_id = ?", [after.model_dump_json(), product_id])
