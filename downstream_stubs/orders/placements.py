"""Placements: what came of each idempotency key under which an order was to be placed.

A placement is the order, or the problem, that its key led to. It is written in the transaction that makes the order,
so that a key never leads to two; and it stays, so that the same key leads to the same problem again.
"""

import json
import sqlite3
from dataclasses import dataclass

from downstream_stubs.frame.database import WritableDatabase
from downstream_stubs.frame.problems import Kind, ProblemError


@dataclass(frozen=True, slots=True)
class Kept:
    """What a key led to: an order, a problem, or an order that came to nothing by a problem."""

    fingerprint: str
    order_n: int | None
    problem: ProblemError | None


class Placements:
    """The placements of each user by key; a key of one user means nothing to another."""

    def __init__(self, database: WritableDatabase) -> None:
        self._database = database

    def find(self, user_id: str, key: str) -> Kept | None:
        """What a key led to; None if nothing was begun under it."""
        sql = "SELECT fingerprint, order_n, problem FROM placements WHERE user_id = ? AND key = ?"
        rows = self._database.rows(sql, [user_id, key])
        return _kept(rows[0]) if rows else None

    def of_order(self, order_n: int) -> Kept | None:
        """The placement that an order stems from."""
        sql = "SELECT fingerprint, order_n, problem FROM placements WHERE order_n = ?"
        rows = self._database.rows(sql, [order_n])
        return _kept(rows[0]) if rows else None


def begin(connection: sqlite3.Connection, user_id: str, key: str, fingerprint: str, order_n: int) -> None:
    """Keep that a key leads to an order. Raises sqlite3.IntegrityError if it leads somewhere already."""
    connection.execute("INSERT INTO placements VALUES (?, ?, ?, ?, NULL)", [user_id, key, fingerprint, order_n])


def refuse(connection: sqlite3.Connection, user_id: str, key: str, fingerprint: str, problem: ProblemError) -> None:
    """Keep that a key leads to a problem and no order, unless it leads somewhere already."""
    connection.execute(
        "INSERT OR IGNORE INTO placements VALUES (?, ?, ?, NULL, ?)", [user_id, key, fingerprint, _text(problem)]
    )


def end(connection: sqlite3.Connection, order_n: int, problem: ProblemError) -> None:
    """Keep that an order came to nothing by a problem."""
    connection.execute("UPDATE placements SET problem = ? WHERE order_n = ?", [_text(problem), order_n])


def _text(problem: ProblemError) -> str:
    kind = problem.kind
    return json.dumps([[kind.type, kind.status, kind.title], problem.detail, problem.errors, problem.extra])


def _kept(row: sqlite3.Row) -> Kept:
    problem = None
    if row["problem"] is not None:
        kind, detail, errors, extra = json.loads(row["problem"])
        pairs = [(name, reason) for name, reason in errors]
        problem = ProblemError(Kind(*kind), detail, errors=pairs, extra=extra, store=True)
    return Kept(row["fingerprint"], row["order_n"], problem)
