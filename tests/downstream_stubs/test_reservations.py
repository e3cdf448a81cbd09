"""Reservations: pieces that are kept for an order."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from downstream_stubs.running import running

SERVICE = {"x-service-key": "shop-development"}


def stock(products: httpx.Client, *ids: str) -> dict[str, tuple[int, str]]:
    items = products.post("/stock/query", json={"product_ids": list(ids)}).json()["data"]["items"]
    return {one["product_id"]: (one["available"], one["status"]) for one in items}


def some(products: httpx.Client, status: str) -> tuple[str, int]:
    """The first product of that status, and how much of it there is."""
    found = stock(products, *(str(n) for n in range(1, 101)))
    return next((product, available) for product, (available, its) in found.items() if its == status)


def reserve(
    products: httpx.Client, order_id: str, wanted: dict[str, int] | list[tuple[str, int]], key: str | None = None
) -> httpx.Response:
    pairs = wanted.items() if isinstance(wanted, dict) else wanted
    lines = [{"product_id": product, "quantity": quantity} for product, quantity in pairs]
    headers = {**SERVICE, "idempotency-key": key or f"order-{order_id}"}
    return products.post("/stock/reservations", json={"order_id": order_id, "lines": lines}, headers=headers)


def release(products: httpx.Client, order_id: str) -> dict[str, Any]:
    answer = products.post(f"/stock/reservations/{order_id}/release", headers=SERVICE)
    assert answer.status_code == 200
    return dict(answer.json())


def test_pieces_are_taken_and_given_back(products: httpx.Client) -> None:
    """A reservation takes from what is available, its release gives back once, however often it is asked for."""
    product, available = some(products, "in_stock")
    answer = reserve(products, "1", {product: 3})
    assert (answer.status_code, answer.json()["order_id"]) == (201, "1")
    assert answer.json()["lines"] == [{"product_id": product, "quantity": 3}]
    assert stock(products, product)[product][0] == available - 3
    assert [release(products, "1")["released"] for _ in range(3)] == [True, False, False]
    assert stock(products, product)[product] == (available, "in_stock")


def test_status_follows_the_number(products: httpx.Client) -> None:
    """Five and fewer are low, none is out of stock, more are in stock again when they are given back."""
    product, available = next(
        (str(n), many) for n in range(1, 200) if 6 <= (many := stock(products, str(n))[str(n)][0]) <= 99
    )
    assert reserve(products, "1", {product: available - 5}).status_code == 201
    assert stock(products, product)[product] == (5, "low")
    assert reserve(products, "2", [(product, 3), (product, 2)]).status_code == 201
    assert stock(products, product)[product] == (0, "out_of_stock")
    release(products, "2")
    assert stock(products, product)[product] == (5, "low")
    release(products, "1")
    assert stock(products, product)[product] == (available, "in_stock")


def test_all_or_nothing(products: httpx.Client) -> None:
    """If one product is short nothing is taken; the problem names those that are, counted over all lines."""
    plenty, available = some(products, "in_stock")
    low, few = some(products, "low")
    out, _ = some(products, "out_of_stock")
    answer = reserve(products, "1", [(plenty, 1), (low, few), (low, 1), (out, 1)])
    assert (answer.status_code, answer.json()["type"]) == (409, "out-of-stock")
    assert answer.json()["product_ids"] == sorted((low, out), key=int)
    assert [error["name"] for error in answer.json()["errors"]] == answer.json()["product_ids"]
    assert f"{few + 1} wanted, {few} there" in [error["reason"] for error in answer.json()["errors"]]
    assert stock(products, plenty, low) == {plenty: (available, "in_stock"), low: (few, "low")}
    assert reserve(products, "1", [(plenty, 1)], key="another").status_code == 201


def test_preorders_have_no_end(products: httpx.Client) -> None:
    """What is not there yet may be reserved by anyone, stays a preorder, and gives nothing back."""
    product, _ = some(products, "preorder")
    for order_id in ("1", "2"):
        assert reserve(products, order_id, {product: 99}).status_code == 201
    assert release(products, "1")["released"]
    assert stock(products, product)[product] == (0, "preorder")


def test_unknown_products_are_named(products: httpx.Client) -> None:
    """A product that does not exist is a 422 with its place, before anything is taken."""
    product, available = some(products, "in_stock")
    answer = reserve(products, "1", [(product, 1), ("none", 1)])
    assert (answer.status_code, answer.json()["type"]) == (422, "invalid-body")
    assert [error["name"] for error in answer.json()["errors"]] == ["lines.1.product_id"]
    assert stock(products, product)[product][0] == available


def test_sent_again_it_takes_once(products: httpx.Client) -> None:
    """The same key is answered as before; another key for the same order is refused."""
    product, available = some(products, "in_stock")
    first, again = (reserve(products, "1", {product: 2}) for _ in range(2))
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    other = reserve(products, "1", {product: 2}, key="another")
    assert (other.status_code, other.json()["type"]) == (409, "already-reserved")
    assert stock(products, product)[product][0] == available - 2


def test_released_before_it_was_reserved(products: httpx.Client) -> None:
    """A release that overtakes its reservation wins: the reservation is refused and takes nothing."""
    product, available = some(products, "in_stock")
    assert release(products, "9") == {"order_id": "9", "released": False}
    for _ in range(2):
        answer = reserve(products, "9", {product: 1})
        assert (answer.status_code, answer.json()["type"]) == (409, "reservation-released")
    assert release(products, "9")["released"] is False
    assert stock(products, product)[product][0] == available


def test_only_services_may(products: httpx.Client) -> None:
    """Without the services' key, or with another, both routes are a 401 that says what is wanted."""
    body = {"order_id": "1", "lines": [{"product_id": "1", "quantity": 1}]}
    for headers in ({}, {"x-service-key": "guess"}, {"x-service-key": ""}, {"authorization": "Bearer x"}):
        for path in ("/stock/reservations", "/stock/reservations/1/release"):
            answer = products.post(path, json=body, headers={**headers, "idempotency-key": "k"})
            assert (answer.status_code, answer.json()["type"]) == (401, "service-key-needed")
            assert answer.headers["www-authenticate"] == "ServiceKey"


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ([], "lines"),
        ([{"product_id": "1", "quantity": 0}], "lines.0.quantity"),
        ([{"product_id": "1", "quantity": 100}], "lines.0.quantity"),
        ([{"product_id": "1", "quantity": "1"}], "lines.0.quantity"),
        ([{"product_id": "a b", "quantity": 1}], "lines.0.product_id"),
        ([{"product_id": "1", "quantity": 1, "price": 1}], "lines.0.price"),
        ([{"product_id": "1", "quantity": 1}] * 101, "lines"),
    ],
)
def test_bad_orders_are_named(products: httpx.Client, lines: object, name: str) -> None:
    """A line that cannot be is a 422 that names it."""
    headers = {**SERVICE, "idempotency-key": "k"}
    answer = products.post("/stock/reservations", json={"order_id": "1", "lines": lines}, headers=headers)
    assert answer.status_code == 422
    assert [error["name"] for error in answer.json()["errors"]] == [name]


def test_last_piece_goes_to_one(tmp_path: Path) -> None:
    """Of many that ask at once, over two processes with the same data, as many get something as there is."""
    with (
        running("products", data_dir=tmp_path) as one,
        running("products", data_dir=tmp_path) as other,
        httpx.Client(base_url=one, timeout=20) as first,
        httpx.Client(base_url=other, timeout=20) as second,
    ):
        product, few = some(first, "low")

        def ask(n: int) -> int:
            return reserve(second if n % 2 else first, str(n), {product: 1}).status_code

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, range(1, 21)))
        assert sorted(answers) == [201] * few + [409] * (20 - few)
        assert stock(first, product) == stock(second, product) == {product: (0, "out_of_stock")}
        assert second.post("/_reset").status_code == 204
        assert stock(first, product) == {product: (few, "low")}


def test_reset_gives_the_same_numbers(products: httpx.Client) -> None:
    """After a reset the stock is the seed's, and the same reservations get the same ids."""
    product, available = some(products, "in_stock")
    seen = []
    for _ in range(2):
        seen.append([reserve(products, order_id, {product: 1}).json() for order_id in ("5", "6")])
        products.post("/_reset")
        assert stock(products, product)[product] == (available, "in_stock")
    assert seen[0] == seen[1]
