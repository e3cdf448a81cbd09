"""The store: reads payments and methods from their data file, and writes what is paid, voided and given back.

What belongs to another user is not found. Each write takes the connection of its transaction (see
frame/database.py), so that two at once see each other's outcome.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from downstream_stubs.frame.database import WritableDatabase, as_array
from downstream_stubs.frame.problems import INVALID_BODY, NOT_FOUND, Kind, ProblemError
from downstream_stubs.history import CURRENCY, DECLINED_LAST4
from downstream_stubs.payments.models import (
    GivenMoney,
    Method,
    Money,
    Payment,
    PaymentOrder,
    Refund,
    RefundOrder,
    UsedMethod,
)
from downstream_stubs.payments.seed import payment_id, refund_id

CARD_DECLINED = Kind("card-declined", 402, "The card was declined")
ALREADY_PAID = Kind("already-paid", 409, "There is a payment of this order that holds")
NOT_VOIDABLE = Kind("not-voidable", 409, "The payment cannot be voided any more")
NOT_REFUNDABLE = Kind("not-refundable", 409, "There is nothing to give back")

_HOLDING = ("authorised", "captured", "partly_refunded")


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something to pay, checked so far that only the bank can say no."""

    user_id: str
    order_id: str
    cents: int
    method: Method


class Declined(ProblemError):
    """The bank said no to an attempt, which is to be remembered once the transaction is over: 402, kept by the key."""

    def __init__(self, attempt: Attempt) -> None:
        detail = "The bank says that the card has not enough money."
        super().__init__(CARD_DECLINED, detail, extra={"decline_code": "insufficient_funds"}, store=True)
        self.attempt = attempt


class PaymentStore:
    """Payments, refunds and methods by their owner. ``now`` tells the time of what is written."""

    def __init__(self, database: WritableDatabase, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    def methods(self, user_id: str) -> list[Method]:
        """What a user can pay with, the default one first."""
        rows = self._database.rows("SELECT * FROM methods WHERE user_id = ? ORDER BY is_default DESC, n", [user_id])
        return [_method(row) for row in rows]

    def payment(self, user_id: str, payment_id: str) -> Payment:
        """A user's payment. Raises a 404 problem, for another user's too."""
        rows = self._database.rows("SELECT * FROM payments WHERE id = ? AND user_id = ?", [payment_id, user_id])
        if not rows:
            raise ProblemError(NOT_FOUND, f"There is no payment {payment_id}.")
        return self._with_refunds(rows)[0]

    def latest(self, user_id: str, order_ids: Sequence[str]) -> list[Payment]:
        """The latest payment of each of these orders that the user has one of, ordered by order_id as a number."""
        rows = self._database.rows(
            "SELECT *, max(n) FROM payments WHERE user_id = ? AND order_id IN (SELECT value FROM json_each(?))"
            " GROUP BY order_id ORDER BY CAST(order_id AS INTEGER), order_id",
            [user_id, as_array(order_ids)],
        )
        return self._with_refunds(rows)

    def attempt(self, user_id: str, order: PaymentOrder) -> Attempt:
        """What a user wants to pay, made sure of. Raises 422 problems and a 409 `already-paid`."""
        cents = _cents(order.amount)
        mine, wanted = self.methods(user_id), order.method_id
        method = next((one for one in mine if (one.is_default if wanted is None else one.id == wanted)), None)
        if method is None:
            raise _invalid("method_id", "none of your payment methods")
        paid = next((one for one in self.latest(user_id, [order.order_id]) if one.status in _HOLDING), None)
        if paid is not None:
            detail = f"The payment {paid.id} of order {order.order_id} is {paid.status}."
            raise ProblemError(ALREADY_PAID, detail, extra={"payment_id": paid.id})
        return Attempt(user_id, order.order_id, cents, method)

    def authorise(self, connection: sqlite3.Connection, attempt: Attempt) -> Payment:
        """Pay. Raises Declined for a card without money."""
        if attempt.method.last4 == DECLINED_LAST4:
            raise Declined(attempt)
        return self._add(connection, attempt, "authorised")

    def remember(self, declined: Declined) -> None:
        """Keep what the bank said no to as a declined payment, in a transaction of its own."""
        with self._database.transaction() as connection:
            self._add(connection, declined.attempt, "declined")

    def void(self, connection: sqlite3.Connection, user_id: str, payment_id: str) -> Payment:
        """Give up a payment that was not captured; done already is done. Raises 404 and 409 problems."""
        payment = self.payment(user_id, payment_id)
        if payment.status == "voided":
            return payment
        if payment.status != "authorised":
            raise _standing(NOT_VOIDABLE, payment)
        connection.execute("UPDATE payments SET status = 'voided' WHERE id = ?", [payment_id])
        return self.payment(user_id, payment_id)

    def refund(self, connection: sqlite3.Connection, user_id: str, order: RefundOrder) -> Refund:
        """Give something back, and note that its owner is to be told. Raises 409 and 422 problems."""
        found = self.latest(user_id, [order.order_id])
        if not found:
            raise _invalid("order_id", "you have paid no such order")
        (payment,) = found
        if payment.status not in _HOLDING:
            raise _standing(NOT_REFUNDABLE, payment)
        left = _cents(payment.amount) - _cents(payment.refunded)
        cents = left if order.amount is None else _cents(order.amount)
        if cents > left:
            raise _invalid("amount", f"at most {_money(left).amount} is left")
        n = _next(connection, "refunds")
        connection.execute(
            "INSERT INTO refunds SELECT ?, ?, n, ?, 'done', ?, ? FROM payments WHERE id = ?",
            [n, refund_id(n), cents, order.reason, self._second(), payment.id],
        )
        status = "refunded" if cents == left else "partly_refunded"
        connection.execute("UPDATE payments SET status = ? WHERE id = ?", [status, payment.id])
        connection.execute(
            "INSERT INTO notices (key, user_id, order_id) VALUES (?, ?, ?)",
            [f"refund-{refund_id(n)}", user_id, payment.order_id],
        )
        return self.payment(user_id, payment.id).refunds[-1]

    def _add(self, connection: sqlite3.Connection, attempt: Attempt, status: str) -> Payment:
        n = _next(connection, "payments")
        method = attempt.method
        connection.execute(
            "INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            [
                n,
                payment_id(n),
                attempt.user_id,
                attempt.order_id,
                attempt.cents,
                status,
                method.id,
                method.kind,
                method.brand,
                method.last4,
                self._second(),
            ],
        )
        return self.payment(attempt.user_id, payment_id(n))

    def _with_refunds(self, rows: Iterable[sqlite3.Row]) -> list[Payment]:
        payments = list(rows)
        refunds: dict[int, list[sqlite3.Row]] = {row["n"]: [] for row in payments}
        for row in self._database.rows(
            "SELECT * FROM refunds WHERE payment_n IN (SELECT value FROM json_each(?)) ORDER BY n",
            [as_array([str(n) for n in refunds])],
        ):
            refunds[row["payment_n"]].append(row)
        return [_payment(row, refunds[row["n"]]) for row in payments]

    def _second(self) -> int:
        return int(self._now().timestamp())


def _next(connection: sqlite3.Connection, table: str) -> int:
    # Rows are never deleted, so the highest number is that of the last one; the tables are the two above.
    found: int = connection.execute(f"SELECT coalesce(max(n), 0) + 1 FROM {table}").fetchone()[0]  # noqa: S608
    return found


def _method(row: sqlite3.Row) -> Method:
    return Method(
        id=row["id"],
        kind=row["kind"],
        brand=row["brand"],
        last4=row["last4"],
        expires=row["expires"],
        holder=row["holder"],
        is_default=bool(row["is_default"]),
    )


def _payment(row: sqlite3.Row, refunds: Sequence[sqlite3.Row]) -> Payment:
    return Payment(
        id=row["id"],
        order_id=row["order_id"],
        user_id=row["user_id"],
        amount=_money(row["cents"]),
        status=row["status"],
        method=UsedMethod(id=row["method_id"], kind=row["kind"], brand=row["brand"], last4=row["last4"]),
        created_at=_time(row["created_s"]),
        captured_at=None if row["captured_s"] is None else _time(row["captured_s"]),
        refunded=_money(sum(one["cents"] for one in refunds)),
        refunds=[
            Refund(
                id=one["id"],
                payment_id=row["id"],
                order_id=row["order_id"],
                amount=_money(one["cents"]),
                status=one["status"],
                reason=one["reason"],
                created_at=_time(one["created_s"]),
            )
            for one in refunds
        ],
    )


def _time(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def _money(cents: int) -> Money:
    return Money(amount=f"{cents // 100}.{cents % 100:02}", currency=CURRENCY)


def _cents(money: Money | GivenMoney) -> int:
    """Raises a 422 problem for what was given in another currency than the shop's, and for nothing at all."""
    cents = int(money.amount.replace(".", ""))
    if isinstance(money, GivenMoney):
        if money.currency != CURRENCY:
            raise _invalid("amount.currency", f"must be {CURRENCY}")
        if cents == 0:
            raise _invalid("amount.amount", "must be more than nothing")
    return cents


def _invalid(name: str, reason: str) -> ProblemError:
    return ProblemError(INVALID_BODY, f"Not acceptable: {name} ({reason}).", errors=[(name, reason)])


def _standing(kind: Kind, payment: Payment) -> ProblemError:
    detail = f"The payment {payment.id} is {payment.status}."
    return ProblemError(kind, detail, extra={"status_now": payment.status})
