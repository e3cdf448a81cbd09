"""Two hundred checkouts at once while payments fail, hang and drop connections: nothing is bought twice.

Real services and connections; faults are switched by chance. What is true at the end stands in the services' own data.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from random import Random
from threading import Event, Thread
from typing import Any

from bff_core.app import create_app
from bff_core.testing.client import Client, client_for
from bff_web.app import web
from bff_web.types.node import encode
from tests.conftest import Shop

SEED = 11
#: So many users check out at once, and of each fourth the answer is asked for twice at once, under the same key.
CHECKOUTS = 160
TWICE = 40
#: So few products that many want the same.
PRODUCTS = ("1", "2", "3", "5", "8")
FAULT_LASTS = 0.05
#: What payments do while it lasts, by chance.
FAULTS: Sequence[Mapping[str, Any]] = [
    {"error_rate": 0.5, "status": 500},
    {"error_rate": 0.7, "status": 503},
    {"hang": True},
    {"drop": True},
    {"truncate": True},
    {"latency_ms": 30, "jitter_ms": 60},
]

ADD = """
mutation Add($product: ID!, $key: String!) {
  addToCart(input: {productId: $product, quantity: 1}, idempotencyKey: $key) {
    __typename
    ... on CartChanged { cart { version } }
  }
}
"""
CHECKOUT = """
mutation Checkout($version: Int!, $key: String!) {
  checkout(input: {cartVersion: $version}, idempotencyKey: $key) {
    __typename
    ... on CheckoutDone { order { id number } }
    ... on OutcomeUnknown { idempotencyKey reason }
  }
}
"""
OUTCOME = """
query Outcome($key: String!) {
  checkoutOutcome(idempotencyKey: $key) { state problem order { number } }
}
"""


@dataclass(frozen=True)
class Buyer:
    """A user with one product in their cart, and the key they check out under."""

    user: str
    token: str
    product: str
    version: int

    @property
    def key(self) -> str:
        """Of the checkout."""
        return f"checkout-{self.user}"


@contextmanager
def failing(shop: Shop) -> Iterator[Counter[str]]:
    """Payments fail now this way, now that, until the end of the block; counts how often each came."""
    over, seen, chance = Event(), Counter[str](), Random(SEED)

    def fail() -> None:
        while not over.is_set():
            fault = chance.choice(FAULTS)
            seen[next(iter(fault))] += 1
            shop.fault("payments", **fault)
            over.wait(FAULT_LASTS)
            shop.mend("payments")
            over.wait(FAULT_LASTS / 5)

    thread = Thread(target=fail, name="faults")
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
        shop.mend("payments")


async def a_buyer(client: Client, shop: Shop, number: int) -> Buyer:
    """Somebody who has put something into their cart."""
    user, product = str(number + 1), PRODUCTS[number % len(PRODUCTS)]
    token = await asyncio.to_thread(shop.token, user)
    reply = await client.query(ADD, {"product": encode("Product", product), "key": f"add-{user}"}, token=token)
    added = reply.data["addToCart"]
    assert added["__typename"] == "CartChanged", reply.body
    return Buyer(user, token, product, added["cart"]["version"])


async def checked_out(client: Client, buyer: Buyer) -> dict[str, Any]:
    """What a checkout answers."""
    reply = await client.query(CHECKOUT, {"version": buyer.version, "key": buyer.key}, token=buyer.token)
    assert reply.status == 200
    if reply.data["checkout"] is None:  # certainly not carried out
        return {"__typename": reply.errors[0]["extensions"]["code"]}
    return dict(reply.data["checkout"])


async def found_out(client: Client, buyer: Buyer) -> dict[str, Any]:
    """What became of it, once that is known; a checkout that never arrived is sent again under the same key."""
    async with asyncio.timeout(120):  # a hang, on a machine however busy
        while True:
            reply = await client.query(OUTCOME, {"key": buyer.key}, token=buyer.token)
            outcome = reply.data["checkoutOutcome"]
            if outcome is None and reply.errors == []:
                await checked_out(client, buyer)
            elif outcome is not None and outcome["state"] != "PENDING":
                return dict(outcome)


def rows(shop: Shop, service: str, sql: str) -> list[tuple[Any, ...]]:
    """What stands in a service's own data."""
    with closing(sqlite3.connect(f"file:{shop.data}/{service}.sqlite3?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


@dataclass(frozen=True)
class Books:
    """What the services know: who ordered, what was paid for, and how much is left of each product."""

    orders: Sequence[tuple[str, str, str]]
    payments: Sequence[tuple[str, str]]
    stock: Mapping[str, int]

    @classmethod
    def of(cls, shop: Shop) -> Books:
        """What they know now; orders as ``(id, user, status)``, payments as ``(order, status)``."""
        asked = shop.ask("products", "/stock/query", "POST", {"product_ids": list(PRODUCTS)})
        return cls(
            [
                (str(n), user, status)
                for n, user, status in rows(shop, "orders", "SELECT n, user_id, status FROM orders")
            ],
            [(order, status) for order, status in rows(shop, "payments", "SELECT order_id, status FROM payments")],
            {one["product_id"]: one["available"] for one in asked["data"]["items"]},
        )


async def test_two_hundred_checkouts_at_once_while_payments_fail(shop: Shop) -> None:
    """For each key at most one order and one payment, the stock adds up, and everybody finds out what happened."""
    settings = shop.settings(
        web,
        EDGE__BUDGET_MS="15000",
        SERVICES__ORDERS__ATTEMPT_TIMEOUT_MS="4000",
        SERVICES__ORDERS__CONNECT_TIMEOUT_MS="4000",
        SERVICES__ORDERS__IN_FLIGHT=str(CHECKOUTS + TWICE),
        SERVICES__ORDERS__MAX_CONNECTIONS=str(CHECKOUTS + TWICE + 1),
        SERVICES__ORDERS__BREAKER__METRICS_ONLY="true",
    )
    async with client_for(create_app(web, settings)) as client:
        await client.query("{ __typename }", token=await asyncio.to_thread(shop.token, "1"))
        before = await asyncio.to_thread(Books.of, shop)
        buyers = [await a_buyer(client, shop, number) for number in range(CHECKOUTS)]
        both = [*buyers, *buyers[:TWICE]]
        with failing(shop) as faults:
            answers = await asyncio.gather(*(checked_out(client, buyer) for buyer in both))
        assert len(faults) >= 3, f"seed {SEED}: too little went wrong: {faults}"
        outcomes = {buyer: await found_out(client, buyer) for buyer in buyers}
    after = await asyncio.to_thread(Books.of, shop)

    told = Counter(answer["__typename"] for answer in answers)
    assert told["CheckoutDone"] > 0, told
    assert told["OutcomeUnknown"] > 0, told
    old = {order for order, _, _ in before.orders}
    sold: Counter[str] = Counter()
    for buyer in buyers:
        made = [(order, status) for order, user, status in after.orders if user == buyer.user and order not in old]
        paid = [status for order, status in after.payments if order in dict(made)]
        where = f"seed {SEED}: {buyer}: {outcomes[buyer]}, orders {made}, payments {paid}"
        assert len(made) <= 1, where
        assert len(paid) <= 1, where
        if outcomes[buyer]["state"] == "PLACED":
            assert [status for _, status in made] == ["paid"], where
            assert paid == ["authorised"], where
            sold[buyer.product] += 1
        else:
            assert [status for _, status in made] in ([], ["cancelled"]), where
    for buyer, answer in zip(both, answers, strict=True):
        if answer["__typename"] == "CheckoutDone":  # whoever was told so has it, and so do both who asked
            assert answer["order"]["number"] == outcomes[buyer]["order"]["number"]
    assert {one: before.stock[one] - after.stock[one] for one in PRODUCTS} == {one: sold[one] for one in PRODUCTS}
