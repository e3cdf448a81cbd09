"""Placing: from a cart, or from an earlier order, to a new one; once for one idempotency key."""

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from downstream_stubs.frame.auth import Caller
from downstream_stubs.frame.database import WritableDatabase
from downstream_stubs.frame.problems import (
    IDEMPOTENCY_KEY,
    IDEMPOTENCY_KEY_REUSED,
    INVALID_BODY,
    ProblemError,
)
from downstream_stubs.orders.carts import Carts, cents_of
from downstream_stubs.orders.models import Address, Checkout, Order, Placement, PlacementState, Terms
from downstream_stubs.orders.money import in_cents, money
from downstream_stubs.orders.placements import Kept, Placements, begin, refuse
from downstream_stubs.orders.problems import PRICE_CHANGED, STALE_CART, gone
from downstream_stubs.orders.settling import Settling
from downstream_stubs.orders.shop import Headers, Offer, Shop
from downstream_stubs.orders.store import Draft, DraftLine, OrderStore, insert, now


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who places an order under which key; ``headers`` are what is relayed of the request."""

    caller: Caller
    key: str
    headers: Headers

    @property
    def user_id(self) -> str:
        """Whose order it is."""
        return self.caller.subject


@dataclass(frozen=True, slots=True)
class _Wish:
    """A product that shall be bought; ``cents`` is what it cost when the buyer saw it."""

    product_id: str
    quantity: int
    cents: int


class Placing:
    """Places orders. What a key has led to is what it leads to again; a pending order goes on."""

    def __init__(
        self,
        database: WritableDatabase,
        store: OrderStore,
        carts: Carts,
        placements: Placements,
        shop: Shop,
        settling: Settling,
    ) -> None:
        self._database = database
        self._store = store
        self._carts = carts
        self._placements = placements
        self._shop = shop
        self._settling = settling

    async def of_cart(self, attempt: Attempt, checkout: Checkout) -> Order:
        """The paid order of what is in the cart. Raises the problems of ``settle`` and of what is refused before."""
        fingerprint = _fingerprint("cart", checkout)
        return await self._place(attempt, fingerprint, lambda: self._draft_of_cart(attempt, checkout))

    async def again(self, attempt: Attempt, earlier: Order, terms: Terms) -> Order:
        """The paid order of what was bought before and is still sold."""
        fingerprint = _fingerprint(f"order {earlier.id}", terms)
        return await self._place(attempt, fingerprint, lambda: self._draft_again(attempt, earlier, terms))

    async def placement(self, attempt: Attempt, *, may_settle: bool) -> Placement | None:
        """What came of a key; None if nothing was begun under it. A pending order goes on first, if it may."""
        kept = self._placements.find(attempt.user_id, attempt.key)
        if kept is None:
            return None
        if may_settle and kept.order_n is not None:
            # What it raises is in the placement by now, or the order is as pending as it was.
            with contextlib.suppress(ProblemError):
                await self._settling.settle(kept.order_n, attempt.headers)
            kept = self._placements.find(attempt.user_id, attempt.key) or kept
        return self._told(attempt, kept)

    async def _place(self, attempt: Attempt, fingerprint: str, draft: Callable[[], Awaitable[Draft]]) -> Order:
        kept = self._placements.find(attempt.user_id, attempt.key)
        if kept is None:
            kept = await self._begin(attempt, fingerprint, draft)
        if kept.fingerprint != fingerprint:
            reason = "used before for another order"
            raise ProblemError(
                IDEMPOTENCY_KEY_REUSED,
                f"The header {IDEMPOTENCY_KEY} holds a key that was {reason}.",
                errors=[(IDEMPOTENCY_KEY, reason)],
            )
        if kept.order_n is not None and kept.problem is None:
            await self._settling.settle(kept.order_n, attempt.headers)
            # It may be another process, or the buyer's change of mind, that brought it to its end.
            kept = self._placements.find(attempt.user_id, attempt.key) or kept
        if kept.problem is not None:
            raise kept.problem
        order = self._store.order(attempt.user_id, str(kept.order_n))
        if order is None:
            raise gone()
        return order

    async def _begin(self, attempt: Attempt, fingerprint: str, draft: Callable[[], Awaitable[Draft]]) -> Kept:
        try:
            drafted = await draft()
            with self._database.transaction() as connection:
                self._check_cart(connection, drafted)
                order_n = insert(connection, drafted, now())
                begin(connection, attempt.user_id, attempt.key, fingerprint, order_n)
        except ProblemError as problem:
            if problem.store:
                with self._database.transaction() as connection:
                    refuse(connection, attempt.user_id, attempt.key, fingerprint, problem)
            else:
                raise
        except sqlite3.IntegrityError:
            pass  # another process was as quick; what it began is what the key leads to
        kept = self._placements.find(attempt.user_id, attempt.key)
        if kept is None:
            raise gone()
        return kept

    async def _draft_of_cart(self, attempt: Attempt, checkout: Checkout) -> Draft:
        cart = self._carts.cart(attempt.user_id)
        if cart.version != checkout.cart_version:
            raise _stale(cart.version)
        if not cart.items:
            raise _invalid("cart", "there is nothing in it")
        cents = cents_of(cart)
        wishes = [_Wish(item.product_id, item.quantity, cents[item.product_id]) for item in cart.items]
        offers = await self._shop.offers([wish.product_id for wish in wishes], attempt.headers)
        gone = [wish.product_id for wish in wishes if wish.product_id not in offers]
        if gone:
            raise _invalid("cart", f"no longer sold: {', '.join(gone[:5])}")
        changed = {wish.product_id: offers[wish.product_id].cents for wish in wishes}
        if changed != cents:
            with self._database.transaction() as connection:
                self._carts.reprice(connection, attempt.user_id, changed)
        return await self._draft(attempt, wishes, offers, checkout, checkout.cart_version)

    async def _draft_again(self, attempt: Attempt, earlier: Order, terms: Terms) -> Draft:
        wishes = [
            _Wish(line.product_id, line.quantity, in_cents(line.unit_price.model_dump())) for line in earlier.lines
        ]
        offers = await self._shop.offers([wish.product_id for wish in wishes], attempt.headers)
        left = [wish for wish in wishes if wish.product_id in offers]
        if not left:
            raise _invalid("lines", "nothing of that order is sold any more")
        return await self._draft(attempt, left, offers, terms, None)

    async def _draft(
        self,
        attempt: Attempt,
        wishes: Sequence[_Wish],
        offers: dict[str, Offer],
        terms: Terms,
        cart_version: int | None,
    ) -> Draft:
        draft = Draft(
            user_id=attempt.user_id,
            lines=tuple(
                DraftLine(wish.product_id, offers[wish.product_id].name, wish.quantity, offers[wish.product_id].cents)
                for wish in wishes
            ),
            address=await self._address(attempt, terms.address_id),
            payment_method_id=terms.payment_method_id,
            cart_version=cart_version,
        )
        total = money(draft.subtotal_cents + draft.shipping_cents)
        if terms.expected_total is not None and terms.expected_total.model_dump() != total.model_dump():
            other = [wish.product_id for wish in wishes if offers[wish.product_id].cents != wish.cents]
            detail = f"It costs {total.amount} {total.currency} now."
            extra = {"total": total.model_dump(), "product_ids": other}
            raise ProblemError(PRICE_CHANGED, detail, extra=extra, store=True)
        return draft

    async def _address(self, attempt: Attempt, address_id: str | None) -> Address:
        known = await self._shop.addresses(attempt.headers)
        found = next((one for one in known if (one.is_default if address_id is None else one.id == address_id)), None)
        if found is None:
            raise _invalid("address_id", "the buyer has no such address" if address_id else "the buyer has no address")
        return Address.model_validate(found.model_dump(include=set(Address.model_fields)))

    def _check_cart(self, connection: sqlite3.Connection, draft: Draft) -> None:
        """What was looked at before other services were asked must still hold. Raises a 409 problem."""
        if draft.cart_version is None:
            return
        version = self._carts.cart(draft.user_id).version
        sql = "SELECT n FROM orders WHERE user_id = ? AND status = 'pending' AND cart_version = ?"
        under_way = connection.execute(sql, [draft.user_id, draft.cart_version]).fetchone()
        if version != draft.cart_version:
            raise _stale(version)
        if under_way is not None:
            # Under another key: two who order the same cart at once buy it once.
            detail = f"This cart is being ordered already, as {under_way[0]}."
            extra = {"cart_version": version, "order_id": str(under_way[0])}
            raise ProblemError(STALE_CART, detail, extra=extra, store=True)

    def _told(self, attempt: Attempt, kept: Kept) -> Placement:
        state: PlacementState
        order = None if kept.order_n is None else self._store.order(attempt.user_id, str(kept.order_n))
        if order is None:
            state = "refused"
        elif kept.problem is not None:
            state = "cancelled"
        else:
            state = "pending" if order.status == "pending" else "placed"
        return Placement(
            key=attempt.key,
            state=state,
            order_id=None if order is None else order.id,
            problem=None if kept.problem is None else kept.problem.kind.type,
        )


def _fingerprint(what: str, terms: Terms) -> str:
    canonical = json.dumps([what, terms.model_dump(mode="json", exclude_unset=True)], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _stale(version: int) -> ProblemError:
    detail = f"The cart is of version {version} by now."
    return ProblemError(STALE_CART, detail, extra={"cart_version": version}, store=True)


def _invalid(name: str, reason: str) -> ProblemError:
    return ProblemError(INVALID_BODY, f"Not acceptable: {name} ({reason}).", errors=[(name, reason)], store=True)
