"""What the app writes, over the real services: each mutation, each refusal in four languages, what is read after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import httpx
import pytest

from bff_core.app import create_app
from bff_core.contract import FieldProblem
from bff_core.testing.client import Client, Reply, client_for
from bff_mobile.app import mobile
from bff_mobile.types.checkout import CheckoutProblem, CheckoutState
from bff_mobile.types.device import Platform
from bff_mobile.types.outcome import field_of
from services import notifications, orders
from tests.conftest import Shop

OPERATIONS = Path(__file__).parents[2] / "schema" / "operations" / "mobile"

#: Of the seed: the cart of user 42 holds one piece of this product, at this total.
IN_CART, TOTAL = "4098", {"amount": "173.90", "currency": "EUR"}
#: Orders of user 42: all of it can be had, of the second product 5 pieces; and one whose product is sold out.
OLD_ORDER, SCARCE, SOLD_OUT_ORDER = "19712", "3807", "19620"
#: The second card of user 42 is declined.
DECLINED_CARD = "42-pm2"

LANGUAGES = ("en", "es", "de", "ja")

#: Time enough for services that run beside all the tests.
PATIENT = {"EDGE__BUDGET_MS": "8000", "SERVICES__ALL__ATTEMPT_TIMEOUT_MS": "3000"}

#: All that a write can make untrue.
SEEN = """query ($order: ID!, $product: ID!) {
  cart { version total lines { productId } }
  orders(first: 2) { orders { number status } }
  orderStatus(id: $order) { status payment parcels { status } }
  productScreen(id: $product) { availability }
  unreadBadge
  inbox(first: 2) { notifications { title isUnread orderId } }
}"""


def document(name: str) -> str:
    """The text of one of the app's operations."""
    return (OPERATIONS / f"{name}.graphql").read_text(encoding="utf-8")


@dataclass(frozen=True)
class App:
    """The mobile BFF over the shop, and whose phone it is."""

    client: Client
    shop: Shop
    token: str

    async def send(
        self, name: str, input: Mapping[str, Any] | None = None, key: str | None = None, locale: str = "en"
    ) -> Reply:
        """One of the app's operations, with what its variables are called everywhere."""
        sent = {name: value for name, value in (("input", input), ("key", key)) if value is not None}
        return await self.client.query(document(name), sent, token=self.token, headers={"accept-language": locale})

    async def write(
        self, name: str, input: Mapping[str, Any], key: str | None = None, locale: str = "en"
    ) -> dict[str, Any]:
        """What a mutation shows; nothing is an error."""
        reply = await self.send(name, input, key, locale)
        assert (reply.errors, reply.degraded) == ([], []), reply.body
        (shown,) = reply.data.values()
        return dict(shown)

    async def outcome(self, key: str, locale: str = "en") -> Any:
        """What became of a purchase."""
        reply = await self.send("CheckoutOutcome", key=key, locale=locale)
        assert reply.errors == [], reply.body
        return reply.data["checkoutOutcome"]

    async def ask(self, query: str) -> Any:
        """The data of an operation that is no screen; nothing is an error."""
        reply = await self.client.query(query, token=self.token)
        assert (reply.errors, reply.degraded) == ([], []), reply.body
        return reply.data

    async def seen(self) -> dict[str, Any]:
        """All that a write can make untrue."""
        reply = await self.client.query(SEEN, {"order": OLD_ORDER, "product": SCARCE}, token=self.token)
        assert (reply.errors, reply.degraded) == ([], []), reply.body
        return dict(reply.data)

    async def newest(self) -> str:
        """The number of the newest order."""
        return str((await self.ask("{ orders(first: 1) { orders { number } } }"))["orders"]["orders"][0]["number"])

    async def put(self, product: str) -> None:
        """Put one piece of a product into the cart, at the service and past the BFF, as a browser would."""
        async with httpx.AsyncClient(base_url=self.shop.urls["orders"]) as browser:
            body = {"product_id": product, "quantity": 1}
            reply = await browser.post("/me/cart/items", json=body, headers={"authorization": f"Bearer {self.token}"})
            assert reply.status_code == 200

    def calls(self, *methods: str, service: str = "orders") -> list[str]:
        """What was asked of a service by these methods."""
        found = self.shop.calls(service)
        return [f"{call['method']} {call['path']}" for call in found if call["method"] in methods]


@asynccontextmanager
async def an_app(shop: Shop, user: str = "42", **settings: str) -> AsyncIterator[App]:
    """The BFF, opened and closed; the issuer's keys are there."""
    token = shop.token(user)
    async with client_for(create_app(mobile, shop.settings(mobile, **(PATIENT | settings)))) as client:
        await client.query("{ __typename }", token=token)
        yield App(client, shop, token)


def codes(reply: Reply) -> list[str]:
    """The code of each error."""
    return [error["extensions"]["code"] for error in reply.errors]


# Buying


async def test_a_cart_becomes_an_order_and_that_one_more(shop: Shop) -> None:
    """From the last look to the order's screen by one call a write; what the app had agreed to is what is bought."""
    async with an_app(shop) as app:
        cart = (await app.send("CheckoutScreen")).data["cart"]
        assert (cart["total"], cart["exactTotal"]) == ("€173.90", TOTAL)
        (other,) = (one for one in cart["addresses"] if not one["isDefault"])
        (card,) = (one for one in cart["paymentChoices"] if one["isDefault"])
        before = await app.seen()
        shop.forget()

        bought = {
            "cartVersion": cart["version"],
            "expectedTotal": cart["exactTotal"],
            "addressId": other["id"],
            "paymentMethodId": card["id"],
        }
        done = await app.write("Checkout", bought, "story-1")
        order = done.pop("order")
        assert done == {"__typename": "CheckoutDone"}
        assert (order["headline"], order["total"]) == ("Thank you, your order is confirmed", cart["total"])
        assert (order["address"], order["payment"]) == (other["text"], f"{card['text']} - authorised")
        assert [line["productId"] for line in order["lines"]] == [IN_CART]
        assert app.calls("POST") == ["POST /orders"]
        after = await app.seen()
        assert (after["cart"]["version"], after["cart"]["lines"]) == (2, [])
        assert after["orders"]["orders"][1] == before["orders"]["orders"][0]
        assert after["orders"]["orders"][0]["status"] == "Confirmed"
        assert after["inbox"]["notifications"][0] == {
            "title": "We have your order",
            "isUnread": True,
            "orderId": order["id"],
        }
        assert int(after["unreadBadge"]) == int(before["unreadBadge"]) + 1

        shop.forget()
        again = (await app.write("Reorder", {"orderId": order["id"], "expectedTotal": TOTAL}, "story-2"))["order"]
        assert again["id"] != order["id"]
        own = ("headline", "total", "payment")
        assert {name: again[name] for name in own} == {name: order[name] for name in own}
        assert again["address"] != order["address"]  # as the customer has it now: the default one
        assert app.calls("POST") == [f"POST /orders/{order['id']}/reorder"]
        assert (await app.seen())["cart"] == after["cart"]


@pytest.mark.parametrize(
    ("name", "input", "other"),
    [
        ("Checkout", {"cartVersion": 1}, {"cartVersion": 1, "addressId": "42-2"}),
        ("Reorder", {"orderId": OLD_ORDER}, {"orderId": OLD_ORDER, "addressId": "42-2"}),
    ],
)
async def test_the_same_key_is_the_same_order(
    shop: Shop, name: str, input: dict[str, Any], other: dict[str, Any]
) -> None:
    """At once or later, it is answered alike and bought once; another input under it is refused."""
    async with an_app(shop) as app:
        before = await app.newest()
        shop.forget()
        both = await asyncio.gather(*(app.write(name, input, "once") for _ in range(2)))
        assert [shown["__typename"] for shown in both] == ["CheckoutDone", "CheckoutDone"]
        assert await app.write(name, input, "once") == both[0] == both[1]
        reused = await app.write(name, other, "once")
        assert reused == {
            "__typename": "KeyReused",
            "message": "This was sent before with other details. Please start again.",
        }
        assert len(app.calls("POST")) == 4
        assert app.calls("POST", service="payments") == ["POST /payments"]
        two = (await app.ask("{ orders(first: 2) { orders { id number } } }"))["orders"]["orders"]
        assert (two[0]["id"], two[1]["number"]) == (both[0]["order"]["id"], before)


async def test_a_declined_card_leaves_the_cart_and_offers_the_others(shop: Shop) -> None:
    """The order that was tried is cancelled and told; the same cart is bought with another card, under another key."""
    async with an_app(shop) as app:
        before = await app.seen()
        declined = await app.write("Checkout", {"cartVersion": 1, "paymentMethodId": DECLINED_CARD}, "card-1")
        assert (declined["__typename"], declined["message"]) == (
            "CardDeclined",
            "Your card was declined. Please choose another way to pay.",
        )
        assert [choice["id"] for choice in declined["paymentChoices"]] == ["42-pm1", "42-pm2"]
        after = await app.seen()
        assert after["cart"] == before["cart"]
        assert after["inbox"]["notifications"][0]["title"] == "Your payment was declined"
        outcome = await app.outcome("card-1")
        assert (outcome["message"], outcome["state"], outcome["problem"]) == (
            declined["message"],
            "CANCELLED",
            "CARD_DECLINED",
        )
        assert (outcome["order"]["id"], outcome["order"]["status"]) == (declined["orderId"], "Cancelled")
        chosen = {"cartVersion": 1, "paymentMethodId": declined["paymentChoices"][0]["id"]}
        assert (await app.write("Checkout", chosen, "card-2"))["__typename"] == "CheckoutDone"


async def test_a_purchase_that_was_called_off_meanwhile_came_to_nothing(shop: Shop) -> None:
    """Another device cancelled the pending order; the same key says so, in the language of whoever asks."""
    async with an_app(shop) as app:
        shop.fault("products", route="POST /stock/reservations", error_rate=1.0, status=500)
        assert (await app.write("Checkout", {"cartVersion": 1}, "off"))["__typename"] == "OutcomeUnknown"
        shop.mend("products")
        order = (await app.ask("{ orders(first: 1) { orders { id } } }"))["orders"]["orders"][0]["id"]
        async with httpx.AsyncClient(base_url=shop.urls["orders"]) as browser:
            headers = {"authorization": f"Bearer {app.token}"}
            assert (await browser.post(f"/orders/{order}/cancel", json={}, headers=headers)).status_code == 200
        for locale, message in (("en", "Your order was cancelled."), ("de", "Ihre Bestellung wurde storniert.")):
            shown = await app.write("Checkout", {"cartVersion": 1}, "off", locale)
            assert shown == {"__typename": "CameToNothing", "message": message, "orderId": order}


async def test_what_is_out_of_stock_is_a_card_with_how_much_there_is(shop: Shop) -> None:
    """From the cart or once more; nothing is paid, and it is known to have come to nothing."""
    async with an_app(shop) as app:
        shop.forget()
        refused = await app.write("Reorder", {"orderId": SOLD_OUT_ORDER}, "stock-1")
        (card,) = refused["products"]
        assert (refused["__typename"], refused["message"]) == (
            "OutOfStock",
            "There is not enough left of what you chose.",
        )
        assert (card["id"], card["availability"]) == ("2182", "Sold out")
        await app.put("2182")
        refused = await app.write("Checkout", {"cartVersion": 2}, "stock-2")
        assert (refused["__typename"], refused["products"]) == ("OutOfStock", [card])
        assert app.calls("POST", service="payments") == []
        for key in ("stock-1", "stock-2"):
            outcome = await app.outcome(key)
            assert (outcome["state"], outcome["problem"]) == ("CANCELLED", "OUT_OF_STOCK")


@pytest.mark.parametrize(
    ("name", "input", "total"),
    [("Checkout", {"cartVersion": 1}, "€173.90"), ("Reorder", {"orderId": OLD_ORDER}, "€399.94")],
)
async def test_another_total_than_expected_is_not_bought(
    shop: Shop, name: str, input: dict[str, Any], total: str
) -> None:
    """The refusal says what it costs, in words and to the cent; who agrees to that buys it under another key."""
    async with an_app(shop) as app:
        before = await app.newest()
        cheap = {"expectedTotal": {"amount": "1.00", "currency": "EUR"}}
        refused = await app.write(name, input | cheap, "price-1")
        exact = refused.pop("exactTotal")
        assert refused == {
            "__typename": "PriceChanged",
            "message": f"The total is now {total}. Please confirm it.",
            "total": total,
            "products": [],
        }
        assert await app.outcome("price-1") == {
            "message": "The price has changed.",
            "state": "REFUSED",
            "problem": "PRICE_CHANGED",
            "order": None,
        }
        assert await app.newest() == before
        done = await app.write(name, input | {"expectedTotal": exact}, "price-2")
        assert (done["__typename"], done["order"]["total"]) == ("CheckoutDone", total)


async def test_a_cart_that_was_changed_in_a_browser_is_shown_as_it_is(shop: Shop) -> None:
    """The refusal brings the cart of now, and not the one that had been kept."""
    async with an_app(shop) as app:
        assert (await app.seen())["cart"]["version"] == 1
        await app.put("889")
        stale = await app.write("Checkout", {"cartVersion": 1}, "stale-1")
        cart = stale.pop("cart")
        assert stale == {
            "__typename": "StaleCart",
            "message": "Your cart has changed. Please look at it again.",
            "cartVersion": 2,
        }
        assert (cart["version"], [line["productId"] for line in cart["lines"]]) == (2, [IN_CART, "889"])
        agreed = {"cartVersion": cart["version"], "expectedTotal": cart["exactTotal"]}
        assert (await app.write("Checkout", agreed, "stale-2"))["__typename"] == "CheckoutDone"


@pytest.mark.parametrize(
    ("name", "input", "fields", "message"),
    [
        (
            "Checkout",
            {"cartVersion": 1, "addressId": "7-1"},
            ["addressId"],
            "We cannot send it to this address. Please choose another one.",
        ),
        (
            "Checkout",
            {"cartVersion": 1, "paymentMethodId": "7-pm1"},
            ["paymentMethodId"],
            "You cannot pay this way. Please choose another one.",
        ),
        (
            "Checkout",
            {"cartVersion": 1, "expectedTotal": {"amount": "ten", "currency": "euro"}},
            ["expectedTotal.amount", "expectedTotal.currency"],
            "Something is not right. Please check what you entered.",
        ),
        (
            "Checkout",
            {"cartVersion": -1},
            ["cartVersion"],
            "Something is not right. Please check what you entered.",
        ),
        (
            "Reorder",
            {"orderId": OLD_ORDER, "addressId": "7-1"},
            ["addressId"],
            "We cannot send it to this address. Please choose another one.",
        ),
        (
            "Reorder",
            {"orderId": OLD_ORDER, "paymentMethodId": "7-pm1"},
            ["paymentMethodId"],
            "You cannot pay this way. Please choose another one.",
        ),
        (
            "MarkRead",
            {"ids": [str(n) for n in range(101)]},
            ["ids"],
            "Something is not right. Please check what you entered.",
        ),
        (
            "RegisterDevice",
            {"deviceId": "phone-1", "platform": "IOS", "token": "", "appVersion": "3 14"},
            ["token", "appVersion"],
            "Something is not right. Please check what you entered.",
        ),
    ],
)
async def test_what_is_not_acceptable_is_told_by_field(
    shop: Shop, name: str, input: dict[str, Any], fields: list[str], message: str
) -> None:
    """A sentence for who uses the app, and for who writes it the fields by this schema's names; it is no error."""
    async with an_app(shop) as app:
        refused = await app.write(name, input, None if name == "RegisterDevice" else "invalid-1")
        assert (refused["__typename"], refused["message"]) == ("InvalidInput", message)
        assert [error["field"] for error in refused["errors"]] == fields
        assert all(error["reason"] for error in refused["errors"])


async def test_an_empty_cart_is_not_bought(shop: Shop) -> None:
    """The sentence is about the cart, and the outcome says the same."""
    async with an_app(shop, "7") as app:
        refused = await app.write("Checkout", {"cartVersion": 0}, "empty-1")
        assert (refused["__typename"], refused["errors"][0]["field"]) == ("InvalidInput", "cart")
        assert refused["message"] == "Please check your cart: it is empty, or something in it is no longer sold."
        outcome = await app.outcome("empty-1")
        assert (outcome["state"], outcome["problem"], outcome["order"]) == ("REFUSED", "INVALID_INPUT", None)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("expected_total.amount", "expectedTotal.amount"),
        ("method_id", "paymentMethodId"),
        ("ids.3", "ids.3"),
        ("body", "input"),
        ("lines", "lines"),
    ],
)
def test_a_services_name_becomes_this_schemas(name: str, field: str) -> None:
    """In camel case along the path, and by its own name where the service has another one."""
    assert field_of(FieldProblem(name=name, reason="")) == field


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("Checkout", {"cartVersion": 1, "paymentMethodId": DECLINED_CARD}, "CardDeclined"),
    ("Checkout", {"cartVersion": 1, "expectedTotal": {"amount": "1.00", "currency": "EUR"}}, "PriceChanged"),
    ("Checkout", {"cartVersion": 9}, "StaleCart"),
    ("Checkout", {"cartVersion": 1, "addressId": "7-1"}, "InvalidInput"),
    ("Reorder", {"orderId": SOLD_OUT_ORDER}, "OutOfStock"),
]


async def test_every_refusal_speaks_the_language_of_the_request(shop: Shop) -> None:
    """Its message, what it costs, and what becomes known of it later are other words in each of the four languages."""
    async with an_app(shop) as app:
        for number, (name, sent, member) in enumerate(REFUSED):
            said, later = set(), set()
            for locale in LANGUAGES:
                key = f"{locale}-{number}"
                shown = await app.write(name, sent, key, locale)
                assert shown["__typename"] == member
                said.add(shown["message"])
                later.add((await app.outcome(key, locale))["message"])
            assert (len(said), len(later)) == (4, 4), (said, later)
            if member == "PriceChanged":
                assert {"€173.90", "173,90\xa0€"} == {found for text in said for found in _amounts(text)}


def _amounts(text: str) -> list[str]:
    return [amount for amount in ("€173.90", "173,90\xa0€") if amount in text]


# When an answer is lost


async def test_a_checkout_whose_answer_is_lost_is_found_again(shop: Shop) -> None:
    """The service was asked twice and did it once: its answers were cut off. The key tells the order."""
    async with an_app(shop) as app:
        before = await app.newest()
        shop.forget()
        shop.fault("orders", route="POST /orders", truncate=True)
        lost = await app.write("Checkout", {"cartVersion": 1}, "lost-1")
        assert (lost["__typename"], lost["idempotencyKey"]) == ("OutcomeUnknown", "lost-1")
        assert (lost["message"], lost["ask"]) == (
            "We do not know yet whether this worked. If you try again, nothing is done twice.",
            "Ask checkoutOutcome with this idempotencyKey, or send the same mutation again with it.",
        )
        assert app.calls("POST") == ["POST /orders"] * 2
        shop.mend("orders")
        outcome = await app.outcome("lost-1")
        assert (outcome["message"], outcome["state"], outcome["problem"]) == ("Your order was placed.", "PLACED", None)
        assert outcome["order"]["status"] == "Confirmed"
        done = await app.write("Checkout", {"cartVersion": 1}, "lost-1")
        assert done["order"]["id"] == outcome["order"]["id"]
        two = (await app.ask("{ orders(first: 2) { orders { id number } } }"))["orders"]["orders"]
        assert (two[0]["id"], two[1]["number"]) == (outcome["order"]["id"], before)


@pytest.mark.parametrize(
    ("name", "route", "input"),
    [
        ("Checkout", "POST /orders", {"cartVersion": 1}),
        ("Reorder", "POST /orders/{order_id}/reorder", {"orderId": OLD_ORDER}),
    ],
)
async def test_a_purchase_that_hangs_is_unknown_and_done_once(
    shop: Shop, name: str, route: str, input: dict[str, Any]
) -> None:
    """In time, as data; nothing has arrived as far as the key tells, and sent again under it, it is bought."""
    async with an_app(shop, SERVICES__ORDERS__ATTEMPT_TIMEOUT_MS="300") as app:
        before = await app.newest()
        shop.fault("orders", route=route, hang=True)
        unknown = await app.write(name, input, "hung-1")
        assert (unknown["__typename"], unknown["reason"]) == ("OutcomeUnknown", "SERVICE_TIMEOUT")
        shop.mend("orders")
    async with an_app(shop) as app:
        done = await app.write(name, input, "hung-1")
        assert done["__typename"] == "CheckoutDone", done
        outcome = await app.outcome("hung-1")
        assert (outcome["state"], outcome["order"]["id"]) == ("PLACED", done["order"]["id"])
        two = (await app.ask("{ orders(first: 2) { orders { id number } } }"))["orders"]["orders"]
        assert (two[0]["id"], two[1]["number"]) == (done["order"]["id"], before)


async def test_a_checkout_that_waits_for_its_payment_is_pending_until_that_is_known(shop: Shop) -> None:
    """Payments fail: the order is there and not paid. Once they are well, asking for it brings it to its end."""
    async with an_app(shop) as app:
        shop.fault("payments", route="POST /payments", error_rate=1.0, status=500)
        unknown = await app.write("Checkout", {"cartVersion": 1}, "pending-1")
        assert unknown["__typename"] == "OutcomeUnknown"
        outcome = await app.outcome("pending-1")
        assert (outcome["message"], outcome["state"]) == ("We are checking your payment.", "PENDING")
        assert outcome["order"]["headline"] == "We are checking your payment"
        shop.mend("payments")
        outcome = await app.outcome("pending-1")
        assert (outcome["state"], outcome["order"]["status"]) == ("PLACED", "Confirmed")
        assert outcome["order"]["payment"].endswith(" - authorised")


async def test_a_key_that_nobody_has_used_has_no_outcome(shop: Shop) -> None:
    """Null, and no error: nothing has arrived. What cannot be a key is refused without a call."""
    async with an_app(shop) as app:
        assert await app.outcome("never") is None
        shop.forget()
        assert codes(await app.send("CheckoutOutcome", key="a/b")) == ["BAD_REQUEST"]
        assert app.calls("GET") == []


def test_the_app_has_a_word_for_each_word_of_the_services() -> None:
    """Each state and each refusal of the order service, each platform; what it says beyond that is UNKNOWN."""
    states: type[Enum] = CheckoutState
    problems: type[Enum] = CheckoutProblem
    platforms: type[Enum] = Platform
    refusals = {*orders.place.problems, *orders.reorder.problems} - {"idempotency-key-reused"}
    assert {one.value for one in states} == {one.value for one in orders.PlacementState}
    assert {one.value for one in platforms} == {one.value for one in notifications.Platform}
    assert refusals <= {one.value for one in problems}
    assert problems("of-tomorrow") is CheckoutProblem.UNKNOWN


# Whose it is


async def test_a_strangers_order_is_out_of_reach(shop: Shop) -> None:
    """Nobody else can buy it once more, read it, or learn what became of its checkout."""
    async with an_app(shop) as owner, an_app(shop, "7") as stranger:
        done = await owner.write("Checkout", {"cartVersion": 1}, "mine")
        number = await stranger.newest()
        assert await stranger.outcome("mine") is None
        for order in (done["order"]["id"], OLD_ORDER):
            again = await stranger.send("Reorder", {"orderId": order}, f"theirs-{order}")
            assert (again.data, codes(again)) == ({"reorder": None}, ["NOT_FOUND"])
            assert await stranger.ask(f'{{ orderStatus(id: "{order}") {{ number }} }}') == {"orderStatus": None}
        assert await stranger.newest() == number


@pytest.mark.parametrize(
    ("name", "input", "key"),
    [
        ("Checkout", {"cartVersion": 1}, "k"),
        ("Reorder", {"orderId": OLD_ORDER}, "k"),
        ("MarkRead", {}, "k"),
        ("RegisterDevice", {"deviceId": "p", "platform": "IOS", "token": "t", "appVersion": "1"}, None),
    ],
)
async def test_who_may_only_read_does_not_write(shop: Shop, name: str, input: dict[str, Any], key: str | None) -> None:
    """A token without the scope is refused, and so is nobody at all; no service is asked."""
    async with an_app(shop) as app:
        reading = ["orders:read", "payments:read", "profile:read", "notifications:read"]
        reader = App(app.client, shop, shop.token("42", reading))
        shop.forget()
        assert codes(await reader.send(name, input, key)) == ["FORBIDDEN"]
        sent = {"input": input} | ({"key": key} if key else {})
        assert codes(await app.client.query(document(name), sent)) == ["UNAUTHENTICATED"]
        assert [app.calls("POST", "PUT", service=service) for service in shop.urls] == [[]] * len(shop.urls)


# The inbox and the device


async def test_notifications_are_read_by_their_own_reader(shop: Shop) -> None:
    """Some, then all; those of somebody else are left alone, and the badge follows until there is none."""
    async with an_app(shop, "7") as app, an_app(shop) as stranger:
        query = "{ inbox(first: 2) { notifications { id isUnread } } unreadBadge }"
        found = await app.ask(query)
        first, second = found["inbox"]["notifications"]
        left = int(found["unreadBadge"])
        assert first["isUnread"]
        assert second["isUnread"]
        theirs = (await stranger.ask("{ unreadBadge }"))["unreadBadge"]
        alone = {"__typename": "NotificationsRead", "updated": 0, "unreadBadge": theirs}
        assert await stranger.write("MarkRead", {"ids": [first["id"]]}) == alone
        some = await app.write("MarkRead", {"ids": [first["id"]]}, "read-1")
        assert (some["updated"], some["unreadBadge"]) == (1, str(left - 1))
        assert await app.write("MarkRead", {"ids": [first["id"]]}, "read-1") == some
        reused = await app.write("MarkRead", {"ids": [second["id"]]}, "read-1")
        assert reused["__typename"] == "KeyReused"
        after = await app.ask(query)
        assert [one["isUnread"] for one in after["inbox"]["notifications"]] == [False, True]
        assert after["unreadBadge"] == str(left - 1)
        every = await app.write("MarkRead", {})
        assert (every["updated"], every["unreadBadge"]) == (left - 1, None)
        assert (await app.ask("{ unreadBadge }"))["unreadBadge"] is None


DEVICE = {"deviceId": "phone-1", "platform": "ANDROID", "token": "push-token", "appVersion": "3.14.1"}


@pytest.mark.parametrize(
    ("locale", "told"), [("de-AT", "de-AT"), ("ja", "ja-JP"), ("en", "en-US"), ("xx", "en-US"), ("es-419", "es-ES")]
)
async def test_a_device_is_told_things_in_the_language_of_its_request(shop: Shop, locale: str, told: str) -> None:
    """At each start of the app by one PUT; where the request names no country, that of the language."""
    async with an_app(shop) as app:
        shop.forget()
        for _ in range(2):
            assert await app.write("RegisterDevice", DEVICE, locale=locale) == {
                "__typename": "DeviceRegistered",
                "id": "phone-1",
            }
        sent = [call["body_ids"] for call in shop.calls("notifications")]
        device = {"platform": "android", "token": "push-token", "app_version": "3.14.1", "locale": told}
        assert sent == [device, device]
        assert app.calls("PUT", service="notifications") == ["PUT /me/devices/phone-1"] * 2


async def test_a_device_whose_id_fits_into_no_path_is_not_asked_about(shop: Shop) -> None:
    """There is no such device, as far as anybody could ask: an error, and no call."""
    async with an_app(shop) as app:
        shop.forget()
        reply = await app.send("RegisterDevice", DEVICE | {"deviceId": "my phone/1"})
        assert (reply.data, codes(reply)) == ({"registerDevice": None}, ["NOT_FOUND"])
        assert app.calls("PUT", service="notifications") == []


async def test_a_device_whose_registration_is_lost_is_registered_at_the_next_start(shop: Shop) -> None:
    """A PUT is sent again by itself, and then it is unknown; without a key, for it takes none."""
    async with an_app(shop) as app:
        shop.forget()
        shop.fault("notifications", truncate=True)
        lost = await app.write("RegisterDevice", DEVICE)
        assert lost["__typename"] == "OutcomeUnknown"
        assert "no harm" in lost["ask"]
        assert app.calls("PUT", service="notifications") == ["PUT /me/devices/phone-1"] * 2
        shop.mend("notifications")
        assert (await app.write("RegisterDevice", DEVICE))["__typename"] == "DeviceRegistered"


# What is read after a write


STORY: list[tuple[str, dict[str, Any], str | None]] = [
    ("Checkout", {"cartVersion": 1, "paymentMethodId": DECLINED_CARD}, "story-1"),
    ("Checkout", {"cartVersion": 1}, "story-2"),
    ("Reorder", {"orderId": OLD_ORDER}, "story-3"),
    ("MarkRead", {}, None),
]


@pytest.mark.parametrize("elsewhere", [False, True], ids=["the same process", "another process"])
async def test_whoever_wrote_reads_it(shop: Shop, elsewhere: bool) -> None:
    """After each write every screen is as the services have it, though all of it had been read just before.

    Through the process that wrote, whose cache drops what the write makes untrue; and through another one, which is
    not told and so keeps nothing that can be written.
    """
    workers = {"CACHE__WORKERS": "2"} if elsewhere else {}
    async with (
        an_app(shop, **workers) as app,
        an_app(shop, **workers) as other,
        an_app(shop, CACHE__MAX_BYTES="0") as truth,
    ):
        reader = other if elsewhere else app
        before = await reader.seen()
        for name, sent, key in STORY:
            await app.write(name, sent, key)
            after = await reader.seen()
            assert after == await truth.seen(), name
            assert after != before, name
            before = after
