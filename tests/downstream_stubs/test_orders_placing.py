"""From a cart to a paid order, and back: over the real services."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from downstream_stubs.history import REGULARS
from tests.downstream_stubs.market import Market, fault, mend

Bearer = Callable[..., dict[str, str]]
AT_ONCE = 6
#: Two products of which there are many, and one that is gone.
PLENTY, ALSO, GONE = "1", "7", "4808"
RESERVE, RELEASE, PAY = (
    "POST /stock/reservations",
    "POST /stock/reservations/{order_id}/release",
    "POST /payments",
)


def untouched(market: Market, before: int) -> None:
    """Nothing was reserved and nothing asked for money."""
    assert market.stock(PLENTY) == before
    assert market.asked(market.products, RESERVE) == []
    assert market.asked(market.payments, PAY) == []
    assert market.order_ids() == []


def refused(answer: httpx.Response, status: int, type: str) -> dict[str, Any]:
    """The problem, which must be this one."""
    assert (answer.status_code, answer.json()["type"]) == (status, type), answer.text
    return dict(answer.json())


def test_a_cart_becomes_an_order(market: Market) -> None:
    """What is in the cart is reserved, paid and told of; the order has it, and the cart is empty."""
    before = market.stock(PLENTY)
    cart = market.add(PLENTY, 2)
    answer = market.place("k", expected_total=cart["total"])
    assert answer.status_code == 201, answer.text
    order = answer.json()
    assert (order["status"], order["total"], order["cancellable"]) == ("paid", cart["total"], True)
    assert [(line["product_id"], line["quantity"]) for line in order["lines"]] == [(PLENTY, 2)]
    assert market.order(order["id"]) == order
    assert market.order_ids() == [order["id"]]
    assert market.stock(PLENTY) == before - 2
    payment = market.payment(order["id"])
    assert payment is not None
    assert (payment["status"], payment["amount"]) == ("authorised", order["total"])
    assert market.notices(order["id"]) == ["order_placed"]
    assert (market.cart()["items"], market.cart()["version"]) == ([], cart["version"] + 1)
    assert market.placement("k").json() == {
        "key": "k",
        "state": "placed",
        "order_id": order["id"],
        "problem": None,
    }


def test_the_default_address_and_another(market: Market, users: httpx.Client, bearer: Bearer) -> None:
    """Without an address it goes to the default one, otherwise to the one that is named, if it is the buyer's."""
    for user_id in REGULARS:
        buyer = market.by(bearer(user_id))
        addresses = users.get("/me/addresses", headers=buyer.token).json()["items"]
        for address_id, expected in ((None, addresses[0]), (addresses[-1]["id"], addresses[-1])):
            buyer.add(PLENTY)
            order = buyer.place(f"to {address_id}", address_id=address_id).json()
            assert order["address"] == {name: expected[name] for name in order["address"]}
    market.add(PLENTY)
    problem = refused(market.place("theirs", address_id="42-1"), 422, "invalid-body")
    assert [one["name"] for one in problem["errors"]] == ["address_id"]


def test_the_same_key_is_the_same_order(market: Market) -> None:
    """Sent again under the same key the answer is the same, and nothing happens again."""
    cart = market.add(PLENTY)
    first = market.place("k", cart_version=cart["version"])
    market.add(PLENTY)
    again = market.place("k", cart_version=cart["version"])
    assert (again.status_code, again.text) == (201, first.text)
    assert again.headers["idempotent-replayed"] == "true"
    assert len(market.asked(market.payments, PAY)) == len(market.asked(market.products, RESERVE)) == 1
    assert len(market.cart()["items"]) == 1


def test_one_key_at_once_is_one_order(market: Market) -> None:
    """Many requests under one key at once make one order, one payment and one reservation."""
    before = market.stock(PLENTY)
    version = market.add(PLENTY)["version"]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: market.place("k", cart_version=version), range(AT_ONCE)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert market.order_ids() == [answers[0].json()["id"]]
    assert len(market.asked(market.payments, PAY)) == len(market.asked(market.products, RESERVE)) == 1
    assert market.stock(PLENTY) == before - 1


def test_one_cart_at_once_is_one_order(market: Market) -> None:
    """Under different keys at once the same cart is bought once; the others are told that it is stale."""
    before = market.stock(PLENTY)
    version = market.add(PLENTY)["version"]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda n: market.place(f"k{n}", cart_version=version), range(AT_ONCE)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * (AT_ONCE - 1)
    assert {answer.json()["type"] for answer in answers if answer.status_code == 409} == {"stale-cart"}
    assert len(market.order_ids()) == len(market.asked(market.payments, PAY)) == 1
    assert market.stock(PLENTY) == before - 1


def test_a_key_is_for_one_request(market: Market) -> None:
    """Another body, or another route, under a key that led to an order is refused; another user's key is another."""
    version = market.add(PLENTY)["version"]
    order = market.place("k", cart_version=version).json()
    refused(market.place("k", cart_version=version, address_id="7-1"), 422, "idempotency-key-reused")
    refused(market.reorder(order["id"], "k"), 422, "idempotency-key-reused")
    assert len(market.order_ids()) == 1


def test_keys_of_two_users_are_two(market: Market, bearer: Bearer) -> None:
    """What one has placed under a key is not there for another, who may use it too."""
    other = market.by(bearer("8"))
    market.add(PLENTY)
    market.place("k")
    refused(other.placement("k"), 404, "not-found")
    other.add(PLENTY)
    assert other.place("k").json()["user_id"] == "8"


@pytest.mark.parametrize("key", ["a/b", "50%", "a key with words", "?x=1#y", "k" * 255])
def test_any_key_is_found_again(market: Market, key: str) -> None:
    """Whatever a key consists of, what came of it is told when it is quoted in the path."""
    refused(market.place(key), 422, "invalid-body")
    found = market.placement(quoted(key))
    assert found.json() == {"key": key, "state": "refused", "order_id": None, "problem": "invalid-body"}


def quoted(key: str) -> str:
    return "".join(f"%{byte:02X}" for byte in key.encode())


def test_a_key_is_needed(market: Market) -> None:
    """Without a key nothing is placed."""
    version = market.add(PLENTY)["version"]
    answer = market.orders.post("/orders", json={"cart_version": version}, headers=market.token)
    refused(answer, 400, "idempotency-key-missing")
    assert market.order_ids() == []


def test_another_cart_than_was_seen(market: Market) -> None:
    """An order of an older cart is refused with the version that there is, also when the key is sent again."""
    before = market.stock(PLENTY)
    version = market.add(PLENTY)["version"]
    for _ in range(2):
        problem = refused(market.place("k", cart_version=version - 1), 409, "stale-cart")
        assert problem["cart_version"] == version
    untouched(market, before)
    assert market.placement("k").json()["state"] == "refused"
    assert market.placement("k").json()["problem"] == "stale-cart"


def test_an_empty_cart(market: Market) -> None:
    """There is nothing to order in an empty cart."""
    problem = refused(market.place("k"), 422, "invalid-body")
    assert [one["name"] for one in problem["errors"]] == ["cart"]


def test_another_price_than_was_seen(market: Market, data_dir: Path) -> None:
    """It is not bought for another price than the buyer expects; the cart then has the prices of now."""
    cart = market.add(PLENTY, 2)
    with closing(sqlite3.connect(data_dir / "orders.sqlite3")) as connection, connection:
        connection.execute("UPDATE cart_items SET cents = 100 WHERE user_id = '7'")
    seen = market.cart()
    assert seen["total"]["amount"] == "6.90"
    problem = refused(market.place("k", expected_total=seen["total"]), 409, "price-changed")
    assert (problem["total"], problem["product_ids"]) == (cart["total"], [PLENTY])
    assert market.cart() == cart
    assert market.order_ids() == []
    assert market.placement("k").json()["state"] == "refused"
    assert market.place("k2", expected_total=problem["total"]).status_code == 201


def test_what_is_put_in_meanwhile_stays(market: Market, data_dir: Path) -> None:
    """Only what was ordered leaves the cart."""
    cart = market.add(PLENTY)
    fault(market.payments, PAY, drop=True)
    refused(market.place("k", cart_version=cart["version"]), 503, "payment-unknown")
    market.add(PLENTY, 2)
    market.add("3")
    mend(market.payments)
    assert market.place("k", cart_version=cart["version"]).status_code == 201
    assert [(one["product_id"], one["quantity"]) for one in market.cart()["items"]] == [(PLENTY, 2), ("3", 1)]


def test_a_declined_card(market: Market) -> None:
    """The order is cancelled, the stock given back, the buyer told; the key stays with that; another card may pay."""
    before = market.stock(PLENTY)
    cart = market.add(PLENTY, 3)
    first = market.place("k", payment_method_id="7-pm2")
    order_id = refused(first, 402, "card-declined")["order_id"]
    assert market.stock(PLENTY) == before
    assert market.notices(order_id) == ["payment_declined"]
    order = market.order(order_id)
    assert (order["status"], order["cancel_reason"]) == ("cancelled", "card-declined")
    assert market.cart() == cart
    assert market.placement("k").json() == {
        "key": "k",
        "state": "cancelled",
        "order_id": order_id,
        "problem": "card-declined",
    }
    again = market.place("k", payment_method_id="7-pm2")
    assert (again.status_code, again.content) == (402, first.content)
    assert len(market.asked(market.payments, PAY)) == 1
    assert market.place("k2", payment_method_id="7-pm1").json()["status"] == "paid"
    assert market.stock(PLENTY) == before - 3


def test_an_unknown_card(market: Market) -> None:
    """Somebody else's method is named as at fault, and the order comes to nothing."""
    before = market.stock(PLENTY)
    market.add(PLENTY)
    problem = refused(market.place("k", payment_method_id="42-pm1"), 422, "invalid-body")
    assert [one["name"] for one in problem["errors"]] == ["payment_method_id"]
    assert market.stock(PLENTY) == before
    assert market.order(problem["order_id"])["status"] == "cancelled"


def test_what_is_not_there_is_not_paid(market: Market) -> None:
    """With one product gone nothing is taken of the others, nothing is paid, and the order is cancelled."""
    before = market.stock(PLENTY)
    market.add(PLENTY)
    market.add(GONE)
    problem = refused(market.place("k"), 409, "out-of-stock")
    assert problem["product_ids"] == [GONE]
    order = market.order(problem["order_id"])
    assert (order["status"], order["cancel_reason"]) == ("cancelled", "out-of-stock")
    assert market.stock(PLENTY) == before
    assert market.asked(market.payments, PAY) == []
    refused(market.place("k"), 409, "out-of-stock")
    assert market.placement("k").json()["state"] == "cancelled"


def test_the_last_pieces_are_sold_once(market: Market, bearer: Bearer) -> None:
    """Of many buyers at once as many get a piece as there are; what was sold and what is left add up."""
    found = market.products.get("/products/search", params={"limit": 50}).json()["items"]
    scarce = next(one["id"] for one in found if 1 <= market.stock(one["id"]) <= 5)
    before = market.stock(scarce)
    buyers = [market.by(bearer(str(n))) for n in range(11, 11 + before + 3) if n % 10]
    for buyer in buyers:
        buyer.add(scarce)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda buyer: buyer.place("k"), buyers))
    sold = [answer for answer in answers if answer.status_code == 201]
    assert len(sold) == min(before, len(buyers))
    assert {answer.json()["type"] for answer in answers if answer not in sold} <= {"out-of-stock"}
    assert market.stock(scarce) == before - len(sold)


@pytest.mark.parametrize(("service", "route"), [("products", "GET /products"), ("users", "GET /me/addresses")])
def test_without_what_is_needed_nothing_begins(market: Market, users: httpx.Client, service: str, route: str) -> None:
    """While prices or addresses are not told, nothing is begun; the same key begins when they are."""
    client = users if service == "users" else market.products
    market.add(PLENTY)
    fault(client, route, error_rate=1.0)
    refused(market.place("k"), 503, "service-unavailable")
    refused(market.placement("k"), 404, "not-found")
    assert market.order_ids() == []
    mend(client)
    assert market.place("k").status_code == 201


@pytest.mark.parametrize("missing", ["orders:write", "profile:read", "payments:write"])
def test_the_token_must_open_all_doors(market: Market, bearer: Bearer, missing: str) -> None:
    """A token that lacks a scope for any service on the way places nothing."""
    market.add(PLENTY)
    scopes = {"orders:read", "orders:write", "profile:read", "payments:write"} - {missing}
    refused(market.by(bearer("7", scopes=sorted(scopes))).place("k"), 403, "insufficient-scope")
    assert market.order_ids() == []


def test_buying_again(market: Market) -> None:
    """An earlier order is bought again at the prices of now; the cart has no part in it."""
    market.add(ALSO)
    market.add(PLENTY, 2)
    first = market.place("k").json()
    cart = market.add("4")
    answer = market.reorder(first["id"], "again", expected_total=first["total"])
    assert answer.status_code == 201, answer.text
    again = answer.json()
    assert again["id"] != first["id"]
    assert [(one["product_id"], one["quantity"]) for one in again["lines"]] == [(ALSO, 1), (PLENTY, 2)]
    assert market.cart() == cart
    assert market.reorder(first["id"], "again", expected_total=first["total"]).text == answer.text
    dear = {"amount": "0.01", "currency": "EUR"}
    assert (
        refused(market.reorder(first["id"], "dear", expected_total=dear), 409, "price-changed")["total"]
        == first["total"]
    )
    assert len(market.order_ids()) == 2


def test_an_order_is_stopped(market: Market) -> None:
    """Its payment is voided, its stock given back, its buyer told; stopped twice it is too late."""
    before = market.stock(PLENTY)
    market.add(PLENTY, 2)
    order_id = market.place("k").json()["id"]
    answer = market.cancel(order_id, reason="A mistake")
    assert answer.status_code == 200, answer.text
    assert answer.json() == market.order(order_id)
    assert (answer.json()["status"], answer.json()["cancel_reason"]) == ("cancelled", "customer")
    assert not answer.json()["cancellable"]
    payment = market.payment(order_id)
    assert payment is not None
    assert payment["status"] == "voided"
    assert market.stock(PLENTY) == before
    assert market.notices(order_id) == ["order_placed", "order_cancelled"]
    assert refused(market.cancel(order_id), 409, "not-cancellable")["status_now"] == "cancelled"
    assert market.stock(PLENTY) == before
    assert market.placement("k").json()["state"] == "placed"


def test_stopped_under_a_key_it_is_answered_again(market: Market) -> None:
    """Sent again under its key, the stopping is answered as it was."""
    headers = {**market.token, "idempotency-key": "stop"}
    first = market.orders.post("/orders/20000/cancel", headers=headers)
    again = market.orders.post("/orders/20000/cancel", headers=headers)
    assert (first.status_code, again.status_code, again.text) == (200, 200, first.text)


def test_what_is_sent_cannot_be_stopped(market: Market) -> None:
    """A shipped order goes on, and its payment stays."""
    page = market.orders.get("/me/orders", params={"status": "shipped"}, headers=market.token).json()
    order_id = page["items"][0]["id"]
    payment = market.payment(order_id)
    assert refused(market.cancel(order_id), 409, "not-cancellable")["status_now"] == "shipped"
    assert market.payment(order_id) == payment


def test_stopped_at_once_it_is_stopped_once(market: Market) -> None:
    """Of many who stop an order one does; the stock comes back once."""
    before = market.stock(PLENTY)
    market.add(PLENTY)
    order_id = market.place("k").json()["id"]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: market.cancel(order_id), range(AT_ONCE)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * (AT_ONCE - 1)
    assert market.stock(PLENTY) == before
    assert market.notices(order_id) == ["order_placed", "order_cancelled"]


def test_after_a_reset_all_is_as_it_was(market: Market) -> None:
    """After a reset of all services the same order under the same key is the same order."""
    ids = []
    for _ in range(2):
        market.add(PLENTY)
        ids.append(market.place("k").json()["id"])
        for service in (market.orders, market.products, market.payments, market.notifications):
            service.post("/_reset")
    assert ids == ["20001", "20001"]
