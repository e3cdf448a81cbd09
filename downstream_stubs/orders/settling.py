"""Settling: the way of an order from begun to paid, or to nothing; a saga over three services.

    begun ── stock reserved ──▶ reserved ── about to ask for money ──▶ paying ── authorised ──▶ paid
      │                            │                                     │
      └──── out of stock           └──── the buyer stops it              └──── declined, refused
                 ▼                                 ▼                                ▼
             cancelled                cancelled, stock to release       cancelled, stock to release

Each step is written before the next is taken, and each question to another service has the order's id as its key. So
whoever finds an order half way, this process or another, may go on from where it is: asking again does nothing twice.
Where nobody knows what a step came to, the order stays pending. Once money may have been asked for, nothing but the
payment service's answer takes the order off its way.
"""

import sqlite3
from dataclasses import dataclass
from typing import Literal

from downstream_stubs.frame.database import WritableDatabase
from downstream_stubs.frame.peer import PeerProblem, PeerUnknown
from downstream_stubs.frame.problems import INVALID_BODY, ProblemError
from downstream_stubs.orders.carts import Carts
from downstream_stubs.orders.errands import Errands, Notice, tell
from downstream_stubs.orders.locks import Locks
from downstream_stubs.orders.models import CANCELLABLE, OrderLine, OrderStatus
from downstream_stubs.orders.placements import end
from downstream_stubs.orders.problems import (
    CARD_DECLINED,
    NOT_CANCELLABLE,
    ORDER_CANCELLED,
    OUT_OF_STOCK,
    PAYMENT_REFUSED,
    PAYMENT_UNKNOWN,
    RETRY_SOON,
    STOCK_UNKNOWN,
    gone,
)
from downstream_stubs.orders.shop import Headers, Shop, errors_of, refused_token, twice
from downstream_stubs.orders.store import lines_of, now

# Refusals that say "not now" rather than "no".
_NOT_NOW = frozenset((408, 425, 429))


@dataclass(frozen=True, slots=True)
class _Underway:
    """An order on its way."""

    n: int
    user_id: str
    status: OrderStatus
    step: str
    lines: tuple[OrderLine, ...]
    total_cents: int
    payment_method_id: str | None
    cart_version: int | None

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.n)

    @property
    def goods(self) -> list[tuple[str, int]]:
        """Product ids and how many of each."""
        return [(line.product_id, line.quantity) for line in self.lines]


class Settling:
    """Brings orders to an end, one request at a time for each."""

    def __init__(self, database: WritableDatabase, carts: Carts, shop: Shop, errands: Errands) -> None:
        self._database = database
        self._carts = carts
        self._shop = shop
        self._errands = errands
        self._locks = Locks()

    async def settle(self, order_n: int, headers: Headers) -> None:
        """Go on until the order is pending no more.

        Raises a 503 problem with the order's id if that cannot be told now, the problem that the order came to
        nothing by if it happens here, and a 401 or 403 problem if the payment service does not take the token.
        """
        try:
            async with self._locks.of(order_n):
                await self._settle(order_n, headers)
        except ProblemError:
            await self._errands.hurry(order_n)  # an order that came to nothing has stock to give back
            raise
        await self._errands.hurry(order_n)

    async def cancel(self, order_n: int, words: str | None, headers: Headers) -> None:
        """Stop an order: its payment is voided, its stock given back, its buyer told.

        Raises a 409 problem if it has got too far, and a 503 problem if it cannot be told what its payment is.
        """
        async with self._locks.of(order_n):
            order = self._underway(order_n)
            if order.status == "pending" and order.step == "paying":
                # There may be a payment on its way: it has to arrive before it can be voided.
                try:
                    await self._settle(order_n, headers)
                except ProblemError as problem:
                    if not problem.store:
                        raise
                order = self._underway(order_n)
            if order.status not in CANCELLABLE:
                raise _too_late(order.status)
            if order.status != "pending":
                await self._void(order, headers)
            self._stop(order, words)
        await self._errands.hurry(order_n)

    async def _settle(self, order_n: int, headers: Headers) -> None:
        order = self._underway(order_n)
        if order.status != "pending":
            return
        if order.step == "begun":
            await self._reserve(order)
        # Also from "paying": another process may have been cut off there.
        if self._advance(order_n, "paying"):
            await self._pay(order, headers)

    async def _reserve(self, order: _Underway) -> None:
        try:
            await twice(lambda: self._shop.reserve(order.id, order.goods))
        except PeerUnknown as error:
            raise _unknown(order, "stock") from error
        except PeerProblem as refusal:
            if refusal.status not in (409, 422):
                raise _unknown(order, "stock") from refusal
            missing = [one for one, _ in order.goods if one in errors_of(refusal)] or [one for one, _ in order.goods]
            detail = f"There is not enough of {', '.join(missing[:5])}; nothing was paid."
            extra = {"order_id": order.id, "product_ids": missing}
            problem = ProblemError(OUT_OF_STOCK, detail, extra=extra, store=True)
            # A reservation is all or nothing: there is nothing to give back.
            self._end(order, "out-of-stock", problem, holds_stock=False)
            raise problem from refusal
        self._advance(order.n, "reserved")

    async def _pay(self, order: _Underway, headers: Headers) -> None:
        try:
            await twice(lambda: self._shop.pay(order.id, order.total_cents, order.payment_method_id, headers))
        except PeerUnknown as error:
            raise _unknown(order, "payment") from error
        except PeerProblem as refusal:
            # An earlier attempt may have paid, whatever became of this one's token.
            if (token := refused_token(refusal)) is not None:
                raise token from refusal
            if refusal.status in _NOT_NOW:
                raise _unknown(order, "payment") from refusal
            reason, problem = _refused(order, refusal)
            notice: Notice | None = "payment_declined" if refusal.status == 402 else None
            self._end(order, reason, problem, holds_stock=True, notice=notice)
            raise problem from refusal
        self._paid(order)

    async def _void(self, order: _Underway, headers: Headers) -> None:
        try:
            payment = await self._shop.payment(order.id, headers)
            if payment is not None and payment.status == "authorised":
                await self._shop.void(payment.id, headers)
            elif payment is not None and payment.status in ("captured", "partly_refunded"):
                raise _too_late(order.status)
        except PeerUnknown as error:
            raise _unknown(order, "payment") from error
        except PeerProblem as refusal:
            if refusal.status == 409:
                raise _too_late(order.status) from refusal
            raise refused_token(refusal) or _unknown(order, "payment") from refusal

    def _underway(self, order_n: int) -> _Underway:
        rows = self._database.rows("SELECT * FROM orders WHERE n = ?", [order_n])
        if not rows:
            raise gone()
        row = rows[0]
        return _Underway(
            n=order_n,
            user_id=row["user_id"],
            status=row["status"],
            step=row["step"],
            lines=tuple(lines_of(row)),
            total_cents=row["subtotal_cents"] + row["shipping_cents"],
            payment_method_id=row["payment_method_id"],
            cart_version=row["cart_version"],
        )

    def _advance(self, order_n: int, step: str) -> bool:
        """Write a step; False if the order is pending no more, which only another process can have done."""
        with self._database.transaction() as connection:
            sql = "UPDATE orders SET step = ? WHERE n = ? AND status = 'pending'"
            return connection.execute(sql, [step, order_n]).rowcount == 1

    def _paid(self, order: _Underway) -> None:
        with self._database.transaction() as connection:
            if not _move(connection, order.n, "pending", "paid"):
                return
            if order.cart_version is not None:
                self._carts.take_out(connection, order.user_id, order.goods)
            tell(connection, order.user_id, "order_placed", order.n)

    def _end(
        self, order: _Underway, reason: str, problem: ProblemError, *, holds_stock: bool, notice: Notice | None = None
    ) -> None:
        with self._database.transaction() as connection:
            if not _move(connection, order.n, "pending", "cancelled"):
                return
            _mark(connection, order.n, reason, holds_stock=holds_stock)
            end(connection, order.n, problem)
            if notice is not None:
                tell(connection, order.user_id, notice, order.n)

    def _stop(self, order: _Underway, words: str | None) -> None:
        with self._database.transaction() as connection:
            # A pending one that another process has begun to pay for meanwhile goes on: its payment would be nobody's.
            if not _move(connection, order.n, order.status, "cancelled", unless_step="paying"):
                raise _unknown(order, "payment")
            _mark(connection, order.n, "customer", words, holds_stock=True)
            if order.status == "pending":
                detail = f"The order {order.id} was cancelled before it was paid."
                end(connection, order.n, ProblemError(ORDER_CANCELLED, detail, extra={"order_id": order.id}))
            tell(connection, order.user_id, "order_cancelled", order.n)


def _move(
    connection: sqlite3.Connection, order_n: int, status: OrderStatus, to: OrderStatus, unless_step: str = ""
) -> bool:
    """Give an order another status; False if another process has done so already."""
    sql = "UPDATE orders SET status = ?, step = 'settled', updated_at = ? WHERE n = ? AND status = ? AND step != ?"
    return connection.execute(sql, [to, now().isoformat(), order_n, status, unless_step]).rowcount == 1


def _mark(
    connection: sqlite3.Connection, order_n: int, reason: str, words: str | None = None, *, holds_stock: bool
) -> None:
    sql = "UPDATE orders SET cancel_reason = ?, cancel_words = ?, release_due = ? WHERE n = ?"
    connection.execute(sql, [reason, words, holds_stock, order_n])


def _refused(order: _Underway, refusal: PeerProblem) -> tuple[str, ProblemError]:
    """Why an order is cancelled that the payment service refused, as a word and as a problem."""
    extra = {"order_id": order.id}
    if refusal.status == 402:
        return "card-declined", ProblemError(
            CARD_DECLINED, f"The card was declined; the order {order.id} was cancelled.", extra=extra, store=True
        )
    reason = errors_of(refusal).get("method_id")
    if refusal.status == 422 and reason is not None:
        name = "payment_method_id"
        return "payment-method", ProblemError(
            INVALID_BODY, f"Not acceptable: {name} ({reason}).", errors=[(name, reason)], extra=extra, store=True
        )
    detail = f"The payment service refused ({refusal.status} {refusal.type}); the order {order.id} was cancelled."
    return "payment-refused", ProblemError(PAYMENT_REFUSED, detail, extra=extra, store=True)


def _unknown(order: _Underway, what: Literal["stock", "payment"]) -> ProblemError:
    kind = STOCK_UNKNOWN if what == "stock" else PAYMENT_UNKNOWN
    detail = f"The order {order.id} is {order.status}; ask again, under the same key, to have it go on."
    return ProblemError(kind, detail, headers=RETRY_SOON, extra={"order_id": order.id})


def _too_late(status: OrderStatus) -> ProblemError:
    # Not as `status`: that member is the HTTP status of every problem.
    return ProblemError(NOT_CANCELLABLE, f"The order is {status}.", extra={"status_now": status})
