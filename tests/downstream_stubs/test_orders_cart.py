"""The cart: what is in it, what it costs, and who has seen it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

Bearer = Callable[..., dict[str, str]]
AT_ONCE = 8


@pytest.fixture
def caller(bearer: Bearer, products: httpx.Client) -> dict[str, str]:
    """The header of user 7; the products are as they were."""
    return bearer("7")


def add(
    orders: httpx.Client, caller: dict[str, str], product_id: str, quantity: int = 1, **more: Any
) -> httpx.Response:
    key = more.pop("key", None)
    headers = {**caller, **({"idempotency-key": key} if key else {})}
    return orders.post("/me/cart/items", json={"product_id": product_id, "quantity": quantity, **more}, headers=headers)


def cart_of(orders: httpx.Client, caller: dict[str, str]) -> dict[str, Any]:
    return dict(orders.get("/me/cart", headers=caller).json())


def held(cart: dict[str, Any]) -> list[tuple[str, int]]:
    return [(item["product_id"], item["quantity"]) for item in cart["items"]]


def euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def test_everybody_has_an_empty_one(orders: httpx.Client, caller: dict[str, str]) -> None:
    """A cart that was never used is there, empty, of version 0."""
    cart = cart_of(orders, caller)
    assert set(cart) == {"id", "version", "items", "subtotal", "shipping", "total", "updated_at"}
    assert (cart["version"], cart["items"], cart["total"]) == (0, [], euros("0.00"))


def test_some_mean_to_buy_again(orders: httpx.Client, bearer: Bearer) -> None:
    """User 42, and each tenth user, has what was ordered last in the cart, one piece of each."""
    for user_id in ("42", "100"):
        headers = bearer(user_id)
        (last,) = orders.get("/me/orders", params={"limit": 1}, headers=headers).json()["items"]
        assert held(cart_of(orders, headers)) == [(line["product_id"], 1) for line in last["lines"]]


def test_adding_adds(orders: httpx.Client, products: httpx.Client, caller: dict[str, str]) -> None:
    """What is added comes on top, oldest item first, at the price of the product service; the version rises by one."""
    price = products.get("/products/3").json()["price"]
    assert held(add(orders, caller, "3").json()) == [("3", 1)]
    assert held(add(orders, caller, "1", 2).json()) == [("3", 1), ("1", 2)]
    cart = add(orders, caller, "3", 4).json()
    assert (held(cart), cart["version"]) == ([("3", 5), ("1", 2)], 3)
    assert cart["items"][0]["unit_price"] == price
    assert cart == cart_of(orders, caller)


def test_total_is_what_an_order_would_be_paid_with(
    orders: httpx.Client, products: httpx.Client, caller: dict[str, str]
) -> None:
    """The total is that of the items with shipping, which is free from 50.00 on."""
    cheap = products.get("/products/search", params={"sort": "price_asc", "limit": 1}).json()["items"][0]
    cost = int(cheap["price"]["amount"].replace(".", ""))
    cart = add(orders, caller, cheap["id"]).json()
    assert cart["subtotal"] == cheap["price"]
    assert cart["shipping"] == euros("4.90")
    assert cart["total"] == euros(f"{(cost + 490) / 100:.2f}")
    enough = -(-5_000 // cost)
    cart = orders.put(f"/me/cart/items/{cheap['id']}", json={"quantity": enough}, headers=caller).json()
    assert cart["shipping"] == euros("0.00")
    assert cart["total"] == cart["subtotal"] == euros(f"{cost * enough / 100:.2f}")


def test_carts_are_apart(orders: httpx.Client, caller: dict[str, str], bearer: Bearer) -> None:
    """What one puts in is in no other's cart."""
    add(orders, caller, "3")
    assert cart_of(orders, bearer("8"))["items"] == []


def test_changing_and_removing(orders: httpx.Client, caller: dict[str, str]) -> None:
    """A quantity is replaced, a product removed; what changes nothing leaves the version as it was."""
    add(orders, caller, "3", 2)
    changed = orders.put("/me/cart/items/3", json={"quantity": 9}, headers=caller).json()
    assert (held(changed), changed["version"]) == ([("3", 9)], 2)
    again = orders.put("/me/cart/items/3", json={"quantity": 9}, headers=caller).json()
    assert again == changed
    assert orders.put("/me/cart/items/4", json={"quantity": 9}, headers=caller).status_code == 404
    removed = orders.delete("/me/cart/items/3", headers=caller).json()
    assert (removed["items"], removed["version"]) == ([], 3)
    assert orders.delete("/me/cart/items/3", headers=caller).json() == removed
    assert orders.delete("/me/cart/items/nothing", headers=caller).json() == removed


def test_a_cart_that_was_changed_is_told(orders: httpx.Client, caller: dict[str, str]) -> None:
    """Who has seen an older cart changes nothing and is given the one that there is."""
    add(orders, caller, "3")
    for answer in (
        add(orders, caller, "4", version=0),
        orders.put("/me/cart/items/3", json={"quantity": 2, "version": 7}, headers=caller),
    ):
        assert (answer.status_code, answer.json()["type"]) == (409, "stale-cart")
        assert answer.json()["cart"] == cart_of(orders, caller)
        assert answer.json()["cart_version"] == 1
    assert add(orders, caller, "4", version=1).json()["version"] == 2


def test_unknown_products_are_refused(orders: httpx.Client, caller: dict[str, str]) -> None:
    """What is not sold cannot be put in."""
    answer = add(orders, caller, "5001")
    assert (answer.status_code, [one["name"] for one in answer.json()["errors"]]) == (422, ["product_id"])
    assert cart_of(orders, caller)["version"] == 0


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"product_id": "3", "quantity": 0}, "quantity"),
        ({"product_id": "3", "quantity": 100}, "quantity"),
        ({"product_id": "3", "quantity": "1"}, "quantity"),
        ({"product_id": "", "quantity": 1}, "product_id"),
        ({"quantity": 1}, "product_id"),
        ({"product_id": "3", "quantity": 1, "price": "0.01"}, "price"),
        ({"product_id": "3", "quantity": 1, "version": -1}, "version"),
    ],
)
def test_bad_items_are_named(orders: httpx.Client, caller: dict[str, str], body: dict[str, Any], name: str) -> None:
    """A field out of range, of another type, missing or unknown is a 422 that names it."""
    answer = orders.post("/me/cart/items", json=body, headers=caller)
    assert (answer.status_code, [one["name"] for one in answer.json()["errors"]]) == (422, [name])


def test_a_cart_is_bounded(orders: httpx.Client, caller: dict[str, str]) -> None:
    """A cart holds 99 pieces of a product and 50 products."""
    assert add(orders, caller, "1", 60).status_code == 200
    answer = add(orders, caller, "1", 40)
    assert (answer.status_code, answer.json()["errors"][0]["name"]) == (422, "quantity")
    for n in range(2, 51):
        assert add(orders, caller, str(n)).status_code == 200
    answer = add(orders, caller, "51")
    assert (answer.status_code, answer.json()["errors"][0]["name"]) == (422, "product_id")
    assert len(cart_of(orders, caller)["items"]) == 50


def test_one_key_adds_once(orders: httpx.Client, caller: dict[str, str]) -> None:
    """Sent again under the same key, also at once, pieces are added once; with another body the key is refused."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: add(orders, caller, "3", 2, key="a"), range(AT_ONCE)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert held(cart_of(orders, caller)) == [("3", 2)]
    reused = add(orders, caller, "3", 3, key="a")
    assert (reused.status_code, reused.json()["type"]) == (422, "idempotency-key-reused")


def test_all_of_many_at_once_are_counted(orders: httpx.Client, caller: dict[str, str]) -> None:
    """Adding at once loses nothing; of those who have seen the same version one is let in."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda _: add(orders, caller, "3"), range(AT_ONCE)))
        cart = cart_of(orders, caller)
        assert (held(cart), cart["version"]) == ([("3", AT_ONCE)], AT_ONCE)
        answers = list(pool.map(lambda _: add(orders, caller, "3", version=AT_ONCE), range(AT_ONCE)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * (AT_ONCE - 1)


@pytest.mark.parametrize("fault", [{"drop": True}, {"error_rate": 1.0}, {"garbage": True}, {"spoil": "one"}])
def test_without_prices_nothing_is_added(
    orders: httpx.Client, products: httpx.Client, caller: dict[str, str], fault: dict[str, Any]
) -> None:
    """While the product service does not tell a price, the answer is 503 and the cart is as it was."""
    products.put("/_faults", json={"route": "GET /products", **fault})
    answer = add(orders, caller, "3")
    assert (answer.status_code, answer.json()["type"]) == (503, "service-unavailable")
    assert answer.headers["retry-after"] == "1"
    assert cart_of(orders, caller)["version"] == 0


def test_reset_empties_carts(orders: httpx.Client, caller: dict[str, str]) -> None:
    """After a reset everybody has an empty cart again."""
    add(orders, caller, "3")
    orders.post("/_reset")
    assert cart_of(orders, caller)["version"] == 0
