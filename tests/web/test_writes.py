"""What the web writes, over the real services: each mutation, each refusal, and that whoever wrote reads it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from bff_core.app import create_app
from bff_core.contract import FieldProblem
from bff_core.testing.client import Client, Reply, client_for
from bff_web.app import web
from bff_web.types.checkout import CheckoutProblem
from bff_web.types.node import encode
from bff_web.types.outcome import field_of
from services import orders
from tests.conftest import Shop

OPERATIONS = Path(__file__).parents[2] / "schema" / "operations" / "web"

#: Of the seed: what can be had, and what cannot.
KEYBOARD, STRIP, FLASK = encode("Product", "1"), encode("Product", "7"), encode("Product", "2")
#: Of the seed: orders of user 7 that are paid for, and that have arrived; the second card of user 7 is declined.
PAID, DELIVERED = encode("Order", "20000"), encode("Order", "19192")
DECLINED_CARD = "7-pm2"

#: All that a write can make untrue.
SEEN = """query ($keyboard: ID!, $paid: ID!, $delivered: ID!) {
  me { name phone }
  cart { version total { amount currency } items { quantity product { id } } }
  orders(first: 2) { totalCount edges { node { number status payment { status } } } }
  paid: order(id: $paid) { status cancellable payment { status } parcels { status } }
  delivered: order(id: $delivered) { status payment { status refunded { amount } } }
  product(id: $keyboard) { stock { available } }
  unreadCount
  inbox(first: 2) { totalCount edges { node { kind isRead } } }
}"""


def document(name: str) -> str:
    """The text of one of the web's operations."""
    return (OPERATIONS / f"{name}.graphql").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Till:
    """The web BFF over the shop, and who stands at it."""

    client: Client
    shop: Shop
    token: str

    async def send(self, name: str, input: Mapping[str, Any] | None = None, key: str | None = None) -> Reply:
        """One of the web's operations, with what its variables are called everywhere."""
        sent = {name: value for name, value in (("input", input), ("key", key)) if value is not None}
        return await self.client.query(document(name), sent, token=self.token)

    async def write(self, name: str, input: Mapping[str, Any], key: str | None = None) -> dict[str, Any]:
        """What a mutation shows; nothing is an error."""
        reply = await self.send(name, input, key)
        assert (reply.errors, reply.degraded) == ([], []), reply.body
        (shown,) = reply.data.values()
        return dict(shown)

    async def add(self, product: str, quantity: int = 1) -> dict[str, Any]:
        """The cart after something was put in."""
        shown = await self.write("AddToCart", {"productId": product, "quantity": quantity})
        assert shown["__typename"] == "CartChanged", shown
        return dict(shown["cart"])

    async def outcome(self, key: str) -> Any:
        """What became of a checkout."""
        reply = await self.send("CheckoutOutcome", key=key)
        assert reply.errors == [], reply.body
        return reply.data["checkoutOutcome"]

    async def seen(self) -> dict[str, Any]:
        """All that a write can make untrue."""
        asked = {"keyboard": KEYBOARD, "paid": PAID, "delivered": DELIVERED}
        reply = await self.client.query(SEEN, asked, token=self.token)
        assert (reply.errors, reply.degraded) == ([], []), reply.body
        return dict(reply.data)

    async def placed(self) -> int:
        """How many orders there are of who stands here."""
        reply = await self.client.query("{ orders(first: 1) { totalCount } }", token=self.token)
        return int(reply.data["orders"]["totalCount"])

    def calls(self, *methods: str) -> list[str]:
        """What was asked of the order service by these methods; it is asked by the BFF alone."""
        found = self.shop.calls("orders")
        return [f"{call['method']} {call['path']}" for call in found if call["method"] in methods]


@asynccontextmanager
async def a_till(shop: Shop, user: str = "7", **settings: str) -> AsyncIterator[Till]:
    """The BFF, opened and closed; the issuer's keys are there."""
    token = shop.token(user)
    async with client_for(create_app(web, shop.settings(web, **settings))) as client:
        await client.query("{ __typename }", token=token)
        yield Till(client, shop, token)


def codes(reply: Reply) -> list[str]:
    """The code of each error."""
    return [error["extensions"]["code"] for error in reply.errors]


async def test_a_cart_becomes_an_order_that_is_cancelled(shop: Shop) -> None:
    """From the first product to the voided payment, one call a write; each screen shows what was just done."""
    async with a_till(shop) as till:
        before = await till.seen()
        shop.forget()
        cart = await till.add(KEYBOARD, 2)
        assert (cart["version"], cart["items"][0]["quantity"]) == (1, 2)
        cart = await till.add(STRIP)
        changed = await till.write("ChangeCartItem", {"productId": STRIP, "quantity": 3, "cartVersion": 2})
        assert [item["quantity"] for item in changed["cart"]["items"]] == [2, 3]
        removed = await till.write("RemoveFromCart", {"productId": STRIP})
        assert (removed["cart"]["version"], len(removed["cart"]["items"])) == (4, 1)

        bought = {"cartVersion": 4, "expectedTotal": removed["cart"]["total"], "addressId": "7-2"}
        done = await till.write("Checkout", bought, "story-1")
        assert done["__typename"] == "CheckoutDone"
        order = done["order"]
        assert (order["status"], order["payment"]["status"]) == ("PAID", "AUTHORISED")
        assert order["total"] == removed["cart"]["total"]
        assert till.calls("POST", "PUT", "DELETE") == [
            "POST /me/cart/items",
            "POST /me/cart/items",
            "PUT /me/cart/items/7",
            "DELETE /me/cart/items/7",
            "POST /orders",
        ]
        after = await till.seen()
        assert (after["cart"]["items"], after["cart"]["version"]) == ([], 5)
        assert after["orders"]["totalCount"] == before["orders"]["totalCount"] + 1
        assert after["orders"]["edges"][0]["node"]["number"] == order["number"]
        assert after["product"]["stock"]["available"] == before["product"]["stock"]["available"] - 2
        assert after["unreadCount"] == before["unreadCount"] + 1
        assert after["inbox"]["edges"][0]["node"] == {"kind": "ORDER_PLACED", "isRead": False}

        cancelled = await till.write("CancelOrder", {"orderId": order["id"], "reason": "Too many."}, "story-2")
        assert cancelled["__typename"] == "OrderCancelled"
        assert cancelled["order"] == {
            "id": order["id"],
            "number": order["number"],
            "status": "CANCELLED",
            "cancellable": False,
            "cancelReason": "CUSTOMER",
            "payment": {"status": "VOIDED"},
        }
        last = await till.seen()
        assert last["product"] == before["product"]
        assert last["inbox"]["edges"][0]["node"]["kind"] == "ORDER_CANCELLED"

        again = await till.write("CancelOrder", {"orderId": order["id"]})
        assert again == {"__typename": "NotCancellable", "status": "CANCELLED"}
        refused = await till.write("Refund", {"orderId": order["id"]}, "story-3")
        assert refused == {"__typename": "NotRefundable", "status": "VOIDED"}


async def test_money_goes_back_in_parts(shop: Shop) -> None:
    """Some, then the rest, then there is nothing left; the same key gives the same refund and no second one."""
    async with a_till(shop) as till:
        some = {"orderId": DELIVERED, "amount": {"amount": "10.00", "currency": "EUR"}, "reason": "Broken."}
        first = await till.write("Refund", some, "refund-1")
        assert first["refund"] | {"id": ""} == {
            "id": "",
            "amount": {"amount": "10.00", "currency": "EUR"},
            "status": "DONE",
            "reason": "Broken.",
        }
        assert first["order"]["payment"]["status"] == "PARTLY_REFUNDED"
        assert await till.write("Refund", some, "refund-1") == first
        other = await till.write("Refund", some | {"reason": "Lost."}, "refund-1")
        assert other["__typename"] == "KeyReused"
        rest = await till.write("Refund", {"orderId": DELIVERED}, "refund-2")
        assert rest["order"]["payment"]["status"] == "REFUNDED"
        assert len(rest["order"]["payment"]["refunds"]) == 2
        none = await till.write("Refund", {"orderId": DELIVERED}, "refund-3")
        assert none == {"__typename": "NotRefundable", "status": "REFUNDED"}


async def test_a_checkout_under_the_same_key_is_the_same_order(shop: Shop) -> None:
    """At once or later, it is answered alike and bought once; another input under it is refused."""
    async with a_till(shop) as till:
        count = await till.placed()
        await till.add(KEYBOARD)
        shop.forget()
        both = await asyncio.gather(*(till.write("Checkout", {"cartVersion": 1}, "once") for _ in range(2)))
        assert [shown["__typename"] for shown in both] == ["CheckoutDone", "CheckoutDone"]
        assert await till.write("Checkout", {"cartVersion": 1}, "once") == both[0] == both[1]
        reused = await till.write("Checkout", {"cartVersion": 2}, "once")
        assert (reused["__typename"], "take a new one" in reused["message"]) == ("KeyReused", True)
        assert till.calls("POST") == ["POST /orders"] * 4
        assert await till.placed() == count + 1


async def test_a_document_full_of_checkouts_buys_once(shop: Shop) -> None:
    """Aliases with one key are one order; with keys of their own they follow one another, and meet an emptied cart."""
    fields = [
        f'c{n}: checkout(input: {{cartVersion: 1}}, idempotencyKey: "{key}") {{ __typename }}'
        for n, key in enumerate(("same", "same", "other", "same", "third"))
    ]
    async with a_till(shop) as till:
        count = await till.placed()
        await till.add(KEYBOARD)
        reply = await till.client.query(f"mutation {{ {' '.join(fields)} }}", token=till.token)
        shown = [one["__typename"] for one in reply.data.values()]
        assert shown == ["CheckoutDone", "CheckoutDone", "StaleCart", "CheckoutDone", "StaleCart"]
        assert await till.placed() == count + 1


async def test_a_declined_card_leaves_the_cart_and_the_stock(shop: Shop) -> None:
    """The order that was tried is cancelled and told; the same cart is bought with another card, under another key."""
    async with a_till(shop) as till:
        before = await till.seen()
        cart = await till.add(KEYBOARD)
        declined = await till.write("Checkout", {"cartVersion": 1, "paymentMethodId": DECLINED_CARD}, "card-1")
        assert (declined["__typename"], declined["cancelledOrder"]["status"]) == ("CardDeclined", "CANCELLED")
        after = await till.seen()
        assert after["cart"]["version"] == cart["version"]
        assert after["product"] == before["product"]
        assert after["inbox"]["edges"][0]["node"]["kind"] == "PAYMENT_DECLINED"
        outcome = await till.outcome("card-1")
        assert (outcome["state"], outcome["problem"]) == ("CANCELLED", "CARD_DECLINED")
        assert outcome["order"]["number"] == declined["cancelledOrder"]["number"]
        done = await till.write("Checkout", {"cartVersion": 1}, "card-2")
        assert done["__typename"] == "CheckoutDone"


async def test_a_checkout_whose_order_was_cancelled_meanwhile_came_to_nothing(shop: Shop) -> None:
    """Its buyer called the pending order off; the same key says so, with the order, and buys nothing."""
    async with a_till(shop) as till:
        await till.add(KEYBOARD)
        count = await till.placed()
        shop.fault("products", route="POST /stock/reservations", error_rate=1.0, status=500)
        assert (await till.write("Checkout", {"cartVersion": 1}, "off"))["__typename"] == "OutcomeUnknown"
        read = await till.client.query("{ orders(first: 1) { nodes: edges { node { id status } } } }", token=till.token)
        pending = read.data["orders"]["nodes"][0]["node"]
        assert pending["status"] == "PENDING"
        shop.mend("products")
        assert (await till.write("CancelOrder", {"orderId": pending["id"]}))["__typename"] == "OrderCancelled"
        shown = await till.write("Checkout", {"cartVersion": 1}, "off")
        assert shown["__typename"] == "CameToNothing"
        order = shown["cancelledOrder"]
        assert (order["id"], order["status"], order["cancelReason"]) == (pending["id"], "CANCELLED", "CUSTOMER")
        assert await till.placed() == count + 1


async def test_what_is_out_of_stock_is_named(shop: Shop) -> None:
    """With how much of it there is; nothing is paid, and the checkout is known to have come to nothing."""
    async with a_till(shop) as till:
        await till.add(KEYBOARD)
        await till.add(FLASK)
        shop.forget()
        refused = await till.write("Checkout", {"cartVersion": 2}, "stock-1")
        assert refused["__typename"] == "OutOfStock"
        assert [(one["id"], one["stock"]["available"]) for one in refused["products"]] == [(FLASK, 0)]
        assert shop.calls("payments") == []
        outcome = await till.outcome("stock-1")
        assert (outcome["state"], outcome["problem"]) == ("CANCELLED", "OUT_OF_STOCK")


async def test_another_total_than_expected_is_not_bought(shop: Shop) -> None:
    """The refusal says what it costs; who agrees to that buys it under another key."""
    async with a_till(shop) as till:
        cart = await till.add(KEYBOARD)
        count = await till.placed()
        cheap = {"cartVersion": 1, "expectedTotal": {"amount": "1.00", "currency": "EUR"}}
        refused = await till.write("Checkout", cheap, "price-1")
        assert refused == {"__typename": "PriceChanged", "total": cart["total"], "products": []}
        assert await till.outcome("price-1") == {"state": "REFUSED", "problem": "PRICE_CHANGED", "order": None}
        assert await till.placed() == count
        done = await till.write("Checkout", {"cartVersion": 1, "expectedTotal": refused["total"]}, "price-2")
        assert done["__typename"] == "CheckoutDone"


async def test_a_cart_that_was_changed_meanwhile_is_shown_as_it_is(shop: Shop) -> None:
    """Each change that was meant for an older cart is refused, with the cart of now and not one that was kept."""
    async with a_till(shop) as till, a_till(shop) as elsewhere:
        await till.add(KEYBOARD)
        await till.seen()
        await elsewhere.add(KEYBOARD)
        tries: list[tuple[str, dict[str, Any], str | None]] = [
            ("AddToCart", {"productId": STRIP, "cartVersion": 1}, None),
            ("ChangeCartItem", {"productId": KEYBOARD, "quantity": 9, "cartVersion": 1}, None),
            ("Checkout", {"cartVersion": 1}, "stale-1"),
        ]
        for name, sent, key in tries:
            stale = await till.write(name, sent, key)
            assert (stale["__typename"], stale["cartVersion"]) == ("StaleCart", 2)
            assert stale["currentCart"]["version"] == 2
            assert [item["quantity"] for item in stale["currentCart"]["items"]] == [2]
        assert await till.outcome("stale-1") == {"state": "REFUSED", "problem": "STALE_CART", "order": None}


EURO = {"amount": "9999.00", "currency": "EUR"}


@pytest.mark.parametrize(
    ("name", "input", "fields"),
    [
        ("AddToCart", {"productId": KEYBOARD, "quantity": 0}, ["quantity"]),
        ("AddToCart", {"productId": KEYBOARD, "quantity": 100, "cartVersion": -1}, ["quantity", "cartVersion"]),
        ("AddToCart", {"productId": encode("Product", "nothing")}, ["productId"]),
        ("ChangeCartItem", {"productId": KEYBOARD, "quantity": 0}, ["quantity"]),
        ("Checkout", {"cartVersion": 0}, ["cart"]),
        ("Checkout", {"cartVersion": -1}, ["cartVersion"]),
        ("Checkout", {"cartVersion": 1, "addressId": "42-1"}, ["addressId"]),
        ("Checkout", {"cartVersion": 1, "paymentMethodId": "42-pm1"}, ["paymentMethodId"]),
        (
            "Checkout",
            {"cartVersion": 1, "expectedTotal": {"amount": "ten", "currency": "euro"}},
            ["expectedTotal.amount", "expectedTotal.currency"],
        ),
        ("CancelOrder", {"orderId": PAID, "reason": "x" * 201}, ["reason"]),
        ("Refund", {"orderId": DELIVERED, "amount": EURO}, ["amount"]),
        ("UpdateProfile", {"givenName": "", "familyName": ""}, ["givenName", "familyName"]),
        ("UpdateProfile", {"phone": "call me", "locale": "x"}, ["phone", "locale"]),
        ("MarkRead", {"ids": [encode("Notification", str(n)) for n in range(101)]}, ["ids"]),
    ],
)
async def test_what_is_not_acceptable_is_told_by_field(
    shop: Shop, name: str, input: dict[str, Any], fields: list[str]
) -> None:
    """Under the names of this schema, with a reason; nothing is done, and it is no error."""
    async with a_till(shop) as till:
        if input.get("cartVersion") == 1:
            await till.add(KEYBOARD)
        keyless = name == "ChangeCartItem"
        refused = await till.write(name, input, None if keyless else "invalid-1")
        assert refused["__typename"] == "InvalidInput"
        assert [error["field"] for error in refused["errors"]] == fields
        assert all(error["reason"] for error in refused["errors"])


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("expected_total.amount", "expectedTotal.amount"),
        ("version", "cartVersion"),
        ("method_id", "paymentMethodId"),
        ("ids.3", "ids.3"),
        ("body", "input"),
        ("cart", "cart"),
    ],
)
def test_a_services_name_becomes_this_schemas(name: str, field: str) -> None:
    """In camel case along the path, and by its own name where the service has another one."""
    assert field_of(FieldProblem(name=name, reason="")) == field


@pytest.mark.parametrize(
    ("name", "input"),
    [
        ("AddToCart", {"productId": PAID}),
        ("ChangeCartItem", {"productId": PAID, "quantity": 1}),
        ("RemoveFromCart", {"productId": PAID}),
        ("CancelOrder", {"orderId": KEYBOARD}),
        ("Refund", {"orderId": KEYBOARD}),
        ("MarkRead", {"ids": [PAID]}),
        ("MarkRead", {"ids": ["7"]}),
        ("UpdateProfile", {"givenName": None}),
    ],
)
async def test_what_nobody_could_carry_out_is_not_sent(shop: Shop, name: str, input: dict[str, Any]) -> None:
    """The id of something else, or null for what everybody has, is the client's mistake and reaches no service."""
    async with a_till(shop) as till:
        shop.forget()
        keyless = name in ("ChangeCartItem", "RemoveFromCart")
        reply = await till.send(name, input, None if keyless else "k")
        assert codes(reply) == ["BAD_REQUEST"]
        assert [shop.calls(service) for service in shop.urls] == [[]] * len(shop.urls)


async def test_what_is_not_in_the_cart_cannot_be_changed_there(shop: Shop) -> None:
    """NOT_FOUND: there is nothing that this would be a change of."""
    async with a_till(shop) as till:
        reply = await till.send("ChangeCartItem", {"productId": KEYBOARD, "quantity": 2})
        assert (reply.data, codes(reply)) == ({"changeCartItem": None}, ["NOT_FOUND"])


async def test_a_strangers_order_is_out_of_reach(shop: Shop) -> None:
    """Nobody else can cancel it, have its money, read it, or learn what became of its checkout; it stays as it is."""
    async with a_till(shop) as owner, a_till(shop, "42") as stranger:
        await owner.add(KEYBOARD)
        assert (await owner.write("Checkout", {"cartVersion": 1}, "mine"))["__typename"] == "CheckoutDone"
        before = await owner.seen()
        assert await stranger.outcome("mine") is None
        cancelled = await stranger.send("CancelOrder", {"orderId": PAID})
        assert (cancelled.data, codes(cancelled)) == ({"cancelOrder": None}, ["NOT_FOUND"])
        money = await stranger.write("Refund", {"orderId": DELIVERED}, "theirs")
        assert (money["__typename"], [one["field"] for one in money["errors"]]) == ("InvalidInput", ["orderId"])
        read = await stranger.client.query(
            "query ($id: ID!) { order(id: $id) { number } }", {"id": PAID}, token=stranger.token
        )
        assert (read.data, read.errors) == ({"order": None}, [])
        assert await owner.seen() == before


async def test_who_may_only_read_does_not_write(shop: Shop) -> None:
    """A token without the scope is refused, and no service is asked."""
    async with a_till(shop) as till:
        reader = Till(till.client, shop, shop.token("7", ["orders:read", "payments:read", "profile:read"]))
        shop.forget()
        for name, sent in (("AddToCart", {"productId": KEYBOARD}), ("Checkout", {"cartVersion": 0})):
            reply = await reader.send(name, sent, "k")
            assert codes(reply) == ["FORBIDDEN"]
        assert till.calls("POST") == []


IMPATIENT = {"SERVICES__ORDERS__ATTEMPT_TIMEOUT_MS": "300"}


async def test_a_checkout_whose_answer_is_lost_is_found_again(shop: Shop) -> None:
    """The service did it twice over, once: its answers were cut off. The key tells the order, and gives the answer."""
    async with a_till(shop) as till:
        count = await till.placed()
        await till.add(KEYBOARD)
        shop.forget()
        shop.fault("orders", route="POST /orders", truncate=True)
        lost = await till.write("Checkout", {"cartVersion": 1}, "lost-1")
        assert (lost["__typename"], lost["idempotencyKey"]) == ("OutcomeUnknown", "lost-1")
        assert "checkoutOutcome" in lost["ask"]
        assert till.calls("POST") == ["POST /orders"] * 2
        shop.mend("orders")
        outcome = await till.outcome("lost-1")
        assert (outcome["state"], outcome["problem"], outcome["order"]["status"]) == ("PLACED", None, "PAID")
        done = await till.write("Checkout", {"cartVersion": 1}, "lost-1")
        assert done["order"]["number"] == outcome["order"]["number"]
        assert await till.placed() == count + 1


async def test_a_checkout_that_hangs_is_unknown_and_done_once(shop: Shop) -> None:
    """In time, as data; sent again under its key it is bought, and whatever still hung buys nothing more."""
    async with a_till(shop, **IMPATIENT) as till:
        count = await till.placed()
        await till.add(KEYBOARD)
        shop.fault("orders", route="POST /orders", hang=True)
        unknown = await till.write("Checkout", {"cartVersion": 1}, "hung-1")
        assert (unknown["__typename"], unknown["reason"]) == ("OutcomeUnknown", "SERVICE_TIMEOUT")
        shop.mend("orders")
    async with a_till(shop) as till:
        done = await till.write("Checkout", {"cartVersion": 1}, "hung-1")
        assert done["__typename"] == "CheckoutDone", done
        outcome = await till.outcome("hung-1")
        assert (outcome["state"], outcome["order"]["number"]) == ("PLACED", done["order"]["number"])
        assert await till.placed() == count + 1


async def test_a_checkout_that_waits_for_its_payment_is_pending_until_that_is_known(shop: Shop) -> None:
    """Payments fail: the order is there and not paid. Once they are well, asking for it brings it to its end."""
    async with a_till(shop) as till:
        await till.add(KEYBOARD)
        shop.fault("payments", route="POST /payments", error_rate=1.0, status=500)
        unknown = await till.write("Checkout", {"cartVersion": 1}, "pending-1")
        assert unknown["__typename"] == "OutcomeUnknown"
        outcome = await till.outcome("pending-1")
        assert (outcome["state"], outcome["order"]["status"]) == ("PENDING", "PENDING")
        shop.mend("payments")
        outcome = await till.outcome("pending-1")
        assert (outcome["state"], outcome["problem"]) == ("PLACED", None)
        assert (outcome["order"]["status"], outcome["order"]["payment"]["status"]) == ("PAID", "AUTHORISED")


async def test_a_profile_changes_where_something_was_said(shop: Shop) -> None:
    """What is left out stays, null takes the telephone number away, and the name follows its parts."""
    async with a_till(shop) as till:
        first = await till.write("UpdateProfile", {"givenName": "Ada", "phone": "+4930123456"})
        me = first["me"]
        assert (me["givenName"], me["name"], me["phone"]) == ("Ada", f"Ada {me['familyName']}", "+4930123456")
        second = await till.write("UpdateProfile", {"phone": None})
        assert second["me"] == me | {"phone": None}
        assert (await till.seen())["me"] == {"name": me["name"], "phone": None}


async def test_notifications_are_read_by_their_own_reader(shop: Shop) -> None:
    """Some, then all; those of somebody else are left alone, and the badge follows."""
    async with a_till(shop) as till, a_till(shop, "42") as stranger:
        query = "{ inbox(first: 2, unreadOnly: true) { edges { node { id } } } unreadCount }"
        found = (await till.client.query(query, token=till.token)).data
        first, second = (edge["node"]["id"] for edge in found["inbox"]["edges"])
        left = found["unreadCount"]
        theirs = (await stranger.seen())["unreadCount"]
        assert await stranger.write("MarkRead", {"ids": [first]}) == {
            "__typename": "NotificationsRead",
            "updated": 0,
            "unreadCount": theirs,
        }
        some = await till.write("MarkRead", {"ids": [first]})
        assert (some["updated"], some["unreadCount"]) == (1, left - 1)
        assert (await till.client.query(query, token=till.token)).data["inbox"]["edges"][0]["node"]["id"] == second
        every = await till.write("MarkRead", {})
        assert (every["updated"], every["unreadCount"]) == (left - 1, 0)
        assert (await till.seen())["unreadCount"] == 0


STORY: list[tuple[str, dict[str, Any], str | None]] = [
    ("AddToCart", {"productId": KEYBOARD, "quantity": 2}, None),
    ("ChangeCartItem", {"productId": KEYBOARD, "quantity": 1}, None),
    ("Checkout", {"cartVersion": 2, "paymentMethodId": DECLINED_CARD}, "story-1"),
    ("Checkout", {"cartVersion": 2}, "story-2"),
    ("CancelOrder", {"orderId": PAID}, None),
    ("Refund", {"orderId": DELIVERED}, "story-3"),
    ("MarkRead", {}, None),
    ("UpdateProfile", {"phone": "+4930123456"}, None),
    ("AddToCart", {"productId": STRIP}, None),
    ("RemoveFromCart", {"productId": STRIP}, None),
]


@pytest.mark.parametrize("elsewhere", [False, True], ids=["the same process", "another process"])
async def test_whoever_wrote_reads_it(shop: Shop, elsewhere: bool) -> None:
    """After each write every screen is as the services have it, though all of it had been read just before.

    Through the process that wrote, whose cache drops what the write makes untrue; and through another one, which is
    not told and so keeps nothing that can be written.
    """
    workers = {"CACHE__WORKERS": "2"} if elsewhere else {}
    async with (
        a_till(shop, **workers) as till,
        a_till(shop, **workers) as other,
        a_till(shop, CACHE__MAX_BYTES="0") as truth,
    ):
        reader = other if elsewhere else till
        before = await reader.seen()
        for name, sent, key in STORY:
            await till.write(name, sent, key)
            after = await reader.seen()
            assert after == await truth.seen(), name
            assert after != before, name
            before = after


def test_the_web_has_a_word_for_each_end_of_a_checkout() -> None:
    """Each refusal that the order service's declaration knows has one; what it says beyond that is UNKNOWN."""
    words: type[Enum] = CheckoutProblem
    assert set(orders.place.problems) - {"idempotency-key-reused"} <= {member.value for member in words}
    assert words("of-tomorrow") is CheckoutProblem.UNKNOWN
