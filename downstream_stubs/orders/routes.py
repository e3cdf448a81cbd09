"""The routes of the order service; all of them are about the token's subject alone."""

import sqlite3
from typing import Annotated

from fastapi import Depends, FastAPI, Path, Query, Request, Response, Security

from downstream_stubs.frame.auth import Caller, Verifier
from downstream_stubs.frame.caching import PRIVATE, cache_control
from downstream_stubs.frame.cursor import Cursor
from downstream_stubs.frame.database import WritableDatabase
from downstream_stubs.frame.idempotency import Idempotency, Key, OptionalKey, RequiredKey
from downstream_stubs.frame.openapi import refusals
from downstream_stubs.frame.parameters import COMMA_SEPARATED, CommaIdList, Id
from downstream_stubs.frame.peer import relayed
from downstream_stubs.frame.problems import INVALID_BODY, NOT_FOUND, ProblemError
from downstream_stubs.orders.carts import Carts
from downstream_stubs.orders.errands import Errands
from downstream_stubs.orders.models import (
    Cancellation,
    Cart,
    Checkout,
    ItemChange,
    NewItem,
    Order,
    OrderPage,
    OrderProblem,
    Orders,
    OrderStatus,
    Parcels,
    Placement,
    PriceProblem,
    StaleCartProblem,
    StatusProblem,
    StockProblem,
    Terms,
)
from downstream_stubs.orders.placing import Attempt, Placing
from downstream_stubs.orders.problems import (
    CARD_DECLINED,
    NOT_CANCELLABLE,
    ORDER_CANCELLED,
    OUT_OF_STOCK,
    PAYMENT_REFUSED,
    PAYMENT_UNKNOWN,
    PRICE_CHANGED,
    SERVICE_UNAVAILABLE,
    STALE_CART,
    STOCK_UNKNOWN,
)
from downstream_stubs.orders.settling import Settling
from downstream_stubs.orders.shop import Shop
from downstream_stubs.orders.store import OrderStore

_PRIVATE = [Depends(cache_control(PRIVATE))]
_READ, _WRITE = "orders:read", "orders:write"
# The token is shown to the services that are asked on the way, so it has to open their doors too.
_PLACE = (_WRITE, "profile:read", "payments:write")
_CANCEL = (_WRITE, "payments:read", "payments:write")

_UNPLACED = (
    (CARD_DECLINED, OrderProblem),
    (PRICE_CHANGED, PriceProblem),
    (OUT_OF_STOCK, StockProblem),
    (PAYMENT_REFUSED, OrderProblem),
    (ORDER_CANCELLED, OrderProblem),
    (STOCK_UNKNOWN, OrderProblem),
    (PAYMENT_UNKNOWN, OrderProblem),
    SERVICE_UNAVAILABLE,
)
_IDS = Query(
    min_length=1,
    max_length=50,
    description="1 to 50 ids of orders, separated by commas",
    json_schema_extra={COMMA_SEPARATED: True},
)


def add_order_routes(app: FastAPI, verifier: Verifier, store: OrderStore, errands: Errands) -> None:
    """Add what reads orders and parcels."""
    reader = Security(verifier, scopes=[_READ])

    @app.get("/orders", dependencies=_PRIVATE, tags=["orders"])
    async def read_orders(ids: Annotated[CommaIdList, _IDS], caller: Annotated[Caller, reader]) -> Orders:
        """Orders by id: unknown ones and those of others are left out, the rest is ordered by id as a number."""
        return Orders(items=store.orders(caller.subject, ids))

    @app.get("/orders/{order_id}", dependencies=_PRIVATE, tags=["orders"])
    async def read_order(order_id: Annotated[Id, Path()], caller: Annotated[Caller, reader]) -> Order:
        """One order."""
        order = _existing(store, caller, order_id)
        await errands.hurry(int(order.id))
        return order

    @app.get("/me/orders", dependencies=_PRIVATE, tags=["orders"])
    async def read_my_orders(
        caller: Annotated[Caller, reader],
        status: Annotated[OrderStatus | None, Query(description="only orders that stand so")] = None,
        limit: Annotated[int, Query(ge=1, le=50, description="most items on the page")] = 20,
        cursor: Annotated[
            Cursor | None, Query(description="from `cursors` or `next` of an answer to the same question")
        ] = None,
    ) -> OrderPage:
        """One page of the caller's orders, newest first; a keyset cursor, so that new orders move nothing."""
        return store.page(caller.subject, status, limit, cursor)

    @app.get("/parcels", dependencies=_PRIVATE, tags=["parcels"])
    async def read_parcels(order_ids: Annotated[CommaIdList, _IDS], caller: Annotated[Caller, reader]) -> Parcels:
        """The parcels of orders: none, one or some of each; those of other people's orders are left out."""
        return Parcels(items=store.parcels(caller.subject, order_ids))


def add_cart_routes(
    app: FastAPI, verifier: Verifier, database: WritableDatabase, carts: Carts, shop: Shop, idempotency: Idempotency
) -> None:
    """Add what reads and changes the cart."""
    reader, writer = Security(verifier, scopes=[_READ]), Security(verifier, scopes=[_WRITE])
    stale = (STALE_CART, StaleCartProblem)

    @app.get("/me/cart", dependencies=_PRIVATE, tags=["cart"])
    async def read_cart(caller: Annotated[Caller, reader]) -> Cart:
        """The caller's cart; an empty one of version 0 for who has never used it."""
        return carts.cart(caller.subject)

    @app.post(
        "/me/cart/items",
        response_model=Cart,
        dependencies=_PRIVATE,
        tags=["cart"],
        responses=refusals(stale, SERVICE_UNAVAILABLE),
    )
    async def add_item(
        request: Request, item: NewItem, caller: Annotated[Caller, writer], key: OptionalKey = None
    ) -> Response:
        """Put pieces of a product into the cart, on top of those that are there, at the price it has now."""
        # Asked for before the transaction, in which nothing may wait; so also for an answer that is given again.
        offers = await shop.offers([item.product_id], relayed(request))
        offer = offers.get(item.product_id)
        if offer is None:
            reason = "there is no such product"
            raise ProblemError(INVALID_BODY, f"Not acceptable: product_id ({reason}).", errors=[("product_id", reason)])

        def write(connection: sqlite3.Connection) -> tuple[int, Cart]:
            user_id = caller.subject
            return 200, carts.add(connection, user_id, item.product_id, item.quantity, offer.cents, item.version)

        return idempotency.written(request, caller.subject, key, item, write)

    @app.put("/me/cart/items/{product_id}", dependencies=_PRIVATE, tags=["cart"], responses=refusals(stale))
    async def change_item(
        product_id: Annotated[Id, Path()], change: ItemChange, caller: Annotated[Caller, writer]
    ) -> Cart:
        """Hold another number of pieces of a product that is in the cart."""
        with database.transaction() as connection:
            return carts.change(connection, caller.subject, product_id, change.quantity, change.version)

    @app.delete("/me/cart/items/{product_id}", dependencies=_PRIVATE, tags=["cart"])
    async def remove_item(product_id: Annotated[Id, Path()], caller: Annotated[Caller, writer]) -> Cart:
        """Take a product out of the cart, whether it was in there or not."""
        with database.transaction() as connection:
            return carts.remove(connection, caller.subject, product_id)


def add_placing_routes(
    app: FastAPI, verifier: Verifier, store: OrderStore, placing: Placing, settling: Settling, idempotency: Idempotency
) -> None:
    """Add what makes orders, and what stops them."""
    reader = Security(verifier, scopes=[_READ])
    placer, canceller = Security(verifier, scopes=_PLACE), Security(verifier, scopes=_CANCEL)

    @app.post(
        "/orders",
        status_code=201,
        response_model=Order,
        dependencies=_PRIVATE,
        tags=["placing"],
        responses=refusals((STALE_CART, StaleCartProblem), *_UNPLACED),
    )
    async def place_order(
        request: Request, checkout: Checkout, caller: Annotated[Caller, placer], key: RequiredKey
    ) -> Response:
        """Order what is in the cart: it is reserved, paid, and taken out of the cart.

        The token must also have profile:read and payments:write. After a 503 the same key goes on with the same
        order, and `/placements/{key}` tells what came of it.
        """

        async def perform() -> tuple[int, Order]:
            return 201, await placing.of_cart(Attempt(caller, key, relayed(request)), checkout)

        return await idempotency.once(request, caller.subject, key, checkout, perform)

    @app.post(
        "/orders/{order_id}/reorder",
        status_code=201,
        response_model=Order,
        dependencies=_PRIVATE,
        tags=["placing"],
        responses=refusals(*_UNPLACED),
    )
    async def reorder(
        request: Request,
        order_id: Annotated[Id, Path()],
        terms: Terms,
        caller: Annotated[Caller, placer],
        key: RequiredKey,
    ) -> Response:
        """Order again what is still sold of an earlier order, at the prices of now; the cart has no part in it.

        The token must also have profile:read and payments:write.
        """
        earlier = _existing(store, caller, order_id)

        async def perform() -> tuple[int, Order]:
            return 201, await placing.again(Attempt(caller, key, relayed(request)), earlier, terms)

        return await idempotency.once(request, caller.subject, key, terms, perform)

    @app.post(
        "/orders/{order_id}/cancel",
        response_model=Order,
        dependencies=_PRIVATE,
        tags=["placing"],
        responses=refusals((NOT_CANCELLABLE, StatusProblem), (PAYMENT_UNKNOWN, OrderProblem)),
    )
    async def cancel_order(
        request: Request,
        order_id: Annotated[Id, Path()],
        caller: Annotated[Caller, canceller],
        cancellation: Cancellation | None = None,
        key: OptionalKey = None,
    ) -> Response:
        """Stop an order that is not shipped: its payment is voided and its stock given back.

        The token must also have payments:read and payments:write.
        """
        order = _existing(store, caller, order_id)
        words = None if cancellation is None else cancellation.reason

        async def perform() -> tuple[int, Order]:
            await settling.cancel(int(order.id), words, relayed(request))
            return 200, _existing(store, caller, order_id)

        return await idempotency.once(request, caller.subject, key, cancellation, perform)

    @app.get("/placements/{key:path}", dependencies=_PRIVATE, tags=["placing"])
    async def read_placement(
        request: Request, key: Annotated[Key, Path()], caller: Annotated[Caller, reader]
    ) -> Placement:
        """What came of placing an order under an idempotency key.

        A pending order is tried to be brought to its end first, if the token could have placed it.
        """
        may_settle = caller.scopes.issuperset(_PLACE)
        placement = await placing.placement(Attempt(caller, key, relayed(request)), may_settle=may_settle)
        if placement is None:
            raise ProblemError(NOT_FOUND, "Nothing was begun under this key.")
        return placement


def _existing(store: OrderStore, caller: Caller, order_id: str) -> Order:
    # Another user's order is as if it did not exist: that there is one is nobody else's business.
    order = store.order(caller.subject, order_id)
    if order is None:
        raise ProblemError(NOT_FOUND, f"There is no order {order_id}.")
    return order
