"""What the order service answers about orders and parcels."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import httpx
import pytest

from downstream_stubs.history import ORDERS, PastOrder
from downstream_stubs.orders import OrdersSettings

Bearer = Callable[..., dict[str, str]]
Past = Sequence[PastOrder]
PRIVATE = ("/orders?ids=1", "/orders/20000", "/me/orders", "/parcels?order_ids=1", "/me/cart", "/placements/x")


def all_pages(orders: httpx.Client, headers: dict[str, str], **query: str | int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        params = {**query, **({"cursor": cursor} if cursor else {})}
        page = orders.get("/me/orders", params=params, headers=headers).json()
        found += page["items"]
        assert len(page["cursors"]) == len(page["items"])
        assert page["total"] >= len(found)
        cursor = page["next"]
        if cursor is None:
            assert page["total"] == len(found)
            return found


def cents(money: dict[str, str]) -> int:
    assert money["currency"] == "EUR"
    return int(money["amount"].replace(".", ""))


def test_settings() -> None:
    """Without any setting the service stands on the port of the demo and knows the others there."""
    settings = OrdersSettings()
    assert (settings.host, settings.port) == ("127.0.0.1", 9003)
    others = [settings.users_url, settings.products_url, settings.payments_url, settings.notifications_url]
    assert others == [f"http://127.0.0.1:{port}" for port in (9001, 9002, 9004, 9005)]


def test_orders_are_those_of_history(orders: httpx.Client, bearer: Bearer, past: Past) -> None:
    """A user has the orders that history tells of, the latest first, each with all that belongs to it."""
    expected = [order for order in reversed(past) if order.user_id == "7"]
    found = all_pages(orders, bearer("7"), limit=50)
    assert [one["id"] for one in found] == [order.id for order in expected]
    for one, order in zip(found, expected, strict=True):
        assert set(one) == {
            "id",
            "number",
            "user_id",
            "status",
            "placed_at",
            "updated_at",
            "lines",
            "subtotal",
            "shipping",
            "total",
            "address",
            "cancel_reason",
            "cancellable",
        }
        assert (one["number"], one["user_id"], one["status"]) == (order.number, "7", order.status)
        assert one["placed_at"].endswith("Z")
        assert [(line["product_id"], line["quantity"], cents(line["unit_price"])) for line in one["lines"]] == [
            (line.product_id, line.quantity, line.cents) for line in order.lines
        ]
        assert cents(one["subtotal"]) == order.subtotal_cents
        assert cents(one["total"]) == cents(one["subtotal"]) + cents(one["shipping"])
        assert one["cancellable"] == (order.status in ("paid", "packed"))
        assert one["cancel_reason"] == order.cancel_reason


def test_lines_are_of_products_that_are_sold(orders: httpx.Client, products: httpx.Client, bearer: Bearer) -> None:
    """What was bought is known to the product service under the name it has there."""
    lines = {line["product_id"]: line["name"] for one in all_pages(orders, bearer("42")) for line in one["lines"]}
    ids = sorted(lines)[:50]
    items = products.get("/products", params={"id": ids}).json()["items"]
    assert {one["id"]: one["name"] for one in items} == {one: lines[one] for one in ids}


def test_orders_went_to_the_buyers_addresses(orders: httpx.Client, users: httpx.Client, bearer: Bearer) -> None:
    """Each order went to an address that the user service knows."""
    items = users.get("/me/addresses", headers=bearer("100")).json()["items"]
    known = [{name: one[name] for name in one if name not in ("id", "label", "is_default")} for one in items]
    for one in all_pages(orders, bearer("100")):
        assert one["address"] in known


def test_orders_by_id(orders: httpx.Client, bearer: Bearer, past: Past) -> None:
    """By id: whatever the order of the question, by number; unknown ids and other people's are left out."""
    own = [order.id for order in past if order.user_id == "7"][-3:]
    other = next(order.id for order in past if order.user_id == "42")
    asked = [own[2], "nothing", other, own[0], f"0{own[1]}", own[1], own[0], str(ORDERS + 1), "9" * 40]
    answer = orders.get("/orders", params={"ids": ",".join(asked)}, headers=bearer("7"))
    assert [one["id"] for one in answer.json()["items"]] == own
    assert answer.json()["items"][0] == orders.get(f"/orders/{own[0]}", headers=bearer("7")).json()


def test_other_peoples_orders_do_not_exist(orders: httpx.Client, bearer: Bearer, past: Past) -> None:
    """An order of somebody else is answered like one that there is not, on every route."""
    theirs = next(order.id for order in reversed(past) if order.user_id == "42" and order.parcels)
    headers = bearer("7")
    for order_id in (theirs, str(ORDERS + 1)):
        for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/reorder")):
            body: dict[str, str] | None = {} if method == "POST" else None
            answer = orders.request(
                method, f"/orders/{order_id}{path}", headers={**headers, "idempotency-key": "x"}, json=body
            )
            assert answer.status_code == 404, path
            assert answer.json()["detail"] == f"There is no order {order_id}."
    assert orders.get("/orders", params={"ids": theirs}, headers=headers).json() == {"items": []}
    assert orders.get("/parcels", params={"order_ids": theirs}, headers=headers).json() == {"items": []}
    assert orders.get("/parcels", params={"order_ids": theirs}, headers=bearer("42")).json()["items"]


@pytest.mark.parametrize("path", PRIVATE)
def test_everything_is_private(orders: httpx.Client, bearer: Bearer, path: str) -> None:
    """Without a token 401, with one that lacks the scope 403; what is answered is stored nowhere."""
    assert orders.get(path).status_code == 401
    refused = orders.get(path, headers=bearer("7", scopes=["orders:write", "profile:read"]))
    assert (refused.status_code, refused.json()["type"]) == (403, "insufficient-scope")
    answer = orders.get(path, headers=bearer("7", scopes=["orders:read"]))
    assert answer.status_code in (200, 404)
    assert answer.headers["cache-control"] in ("private, no-store", "no-store")


def test_pages_by_status(orders: httpx.Client, bearer: Bearer, past: Past) -> None:
    """A page may be of orders that stand the same; its cursor fits no other question."""
    headers = bearer("7")
    expected = [order.id for order in reversed(past) if order.user_id == "7" and order.status == "delivered"]
    found = all_pages(orders, headers, status="delivered", limit=20)
    assert [one["id"] for one in found] == expected
    page = orders.get("/me/orders", params={"status": "delivered", "limit": 1}, headers=headers).json()
    for params, who in (({}, headers), ({"status": "paid"}, headers), ({"status": "delivered"}, bearer("42"))):
        answer = orders.get("/me/orders", params={**params, "cursor": page["next"]}, headers=who)
        assert (answer.status_code, answer.json()["errors"][0]["name"]) == (400, "cursor")


def test_who_never_bought_has_an_empty_page(orders: httpx.Client, bearer: Bearer, past: Past) -> None:
    """A user without orders gets a page with nothing on it."""
    nobody = min({str(n) for n in range(1, 1_001)} - {order.user_id for order in past})
    answer = orders.get("/me/orders", headers=bearer(nobody))
    assert answer.json() == {"items": [], "cursors": [], "next": None, "total": 0}


@pytest.mark.parametrize("path", ["/orders", "/parcels"])
def test_at_most_fifty(orders: httpx.Client, bearer: Bearer, path: str) -> None:
    """Fifty ids are answered, fifty-one are a 400 that names the parameter, none likewise."""
    name = "ids" if path == "/orders" else "order_ids"
    headers = bearer("7")
    ids = [str(n) for n in range(1, 52)]
    assert orders.get(path, params={name: ",".join(ids[:50])}, headers=headers).status_code == 200
    for bad in (",".join(ids), "", "1,,2", "a b"):
        answer = orders.get(path, params={name: bad}, headers=headers)
        assert (answer.status_code, {one["name"] for one in answer.json()["errors"]}) == (400, {name})


def test_parcels_of_orders(orders: httpx.Client, bearer: Bearer, past: Past) -> None:
    """Parcels come by order, then by their own number; an order may have none, one or two; newest event first."""
    by_count = {len(order.parcels): order for order in past if order.user_id == "7"}
    wanted = sorted(by_count.values(), key=lambda order: order.n)
    assert sorted(by_count) == [0, 1, 2]
    ids = ",".join(order.id for order in reversed(wanted))
    items = orders.get("/parcels", params={"order_ids": ids}, headers=bearer("7")).json()["items"]
    assert [one["id"] for one in items] == [parcel.id for order in wanted for parcel in order.parcels]
    for one in items:
        assert one["order_id"] == one["id"].rsplit("-", 1)[0]
        assert one["events"]
        assert one["events"][0]["status"] == one["status"]
        assert all(newer["at"] >= older["at"] for newer, older in pairwise(one["events"]))
