"""What the product service answers about products it is asked for by id."""

import httpx
import pytest


def test_products_come_by_id(products: httpx.Client) -> None:
    """The repeated parameter; unknown ids are left out, twice is once, the order is that of the ids."""
    answer = products.get("/products?id=30&id=4&id=none&id=4&id=100")
    assert answer.status_code == 200
    assert [one["id"] for one in answer.json()["items"]] == ["4", "30", "100"]
    assert answer.headers["cache-control"] == "public, max-age=60"


def test_one_product_is_the_same_alone(products: httpx.Client) -> None:
    """The single form answers what stands in the list."""
    (listed,) = products.get("/products?id=4").json()["items"]
    alone = products.get("/products/4")
    assert alone.json() == listed
    assert alone.headers["cache-control"] == "public, max-age=60"


def test_unknown_product_is_a_404(products: httpx.Client) -> None:
    """A product that is not there is a problem that says so, for its reviews too."""
    for path in ("/products/5001", "/products/5001/reviews", "/products/0004"):
        answer = products.get(path)
        assert (answer.status_code, answer.json()["type"]) == (404, "not-found")
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query",
    ["", "id=", "id=1,2", "id=%C3%A9", "id=" + "9" * 41, "&".join(f"id={n}" for n in range(51))],
)
def test_bad_product_ids_are_named(products: httpx.Client, query: str) -> None:
    """Missing, empty, malformed or too many ids are a 400 that names the parameter."""
    answer = products.get(f"/products?{query}")
    assert answer.status_code == 400
    assert {error["name"] for error in answer.json()["errors"]} == {"id"}


def test_fifty_products_are_allowed(products: httpx.Client) -> None:
    """The bound on ids includes 50."""
    query = "&".join(f"id={n}" for n in range(1, 51))
    assert len(products.get(f"/products?{query}").json()["items"]) == 50


def test_bad_id_in_the_path_is_named(products: httpx.Client) -> None:
    """An id with other characters than an id has is a 400, not a 404."""
    for path in ("/products/a%20b", "/products/%00", "/products/" + "9" * 41):
        answer = products.get(path)
        assert answer.status_code == 400
        assert [error["name"] for error in answer.json()["errors"]] == ["product_id"]


def test_categories_form_a_tree(products: httpx.Client) -> None:
    """24 categories in two levels; a group counts what is below it."""
    items = products.get("/categories").json()["items"]
    assert [one["id"] for one in items] == [str(n) for n in range(1, 25)]
    assert len({one["slug"] for one in items}) == 24
    groups = [one for one in items if one["parent_id"] is None]
    assert len(groups) == 6
    assert sum(one["product_count"] for one in groups) == 5_000
    for group in groups:
        below = [one for one in items if one["parent_id"] == group["id"]]
        assert sum(one["product_count"] for one in below) == group["product_count"]


def test_categories_by_id(products: httpx.Client) -> None:
    """The filter takes comma-separated ids, leaves unknown ones out, and names bad ones."""
    answer = products.get("/categories", params={"ids": "12,3,99"})
    assert [one["id"] for one in answer.json()["items"]] == ["3", "12"]
    for query in ("ids=", "ids=1,,2", "ids=1&ids=2", "ids=" + ",".join(["1"] * 101)):
        bad = products.get(f"/categories?{query}")
        assert bad.status_code == 400
        assert {error["name"] for error in bad.json()["errors"]} == {"ids"}


def test_stock_is_asked_by_post(products: httpx.Client) -> None:
    """Stock stands one level down, by id, without unknown products, and may not be kept unasked."""
    answer = products.post("/stock/query", json={"product_ids": ["20", "3", "none", "3"]})
    assert answer.status_code == 200
    items = answer.json()["data"]["items"]
    assert [one["product_id"] for one in items] == ["3", "20"]
    assert set(items[0]) == {"product_id", "available", "status", "restock_at"}
    assert answer.headers["cache-control"] == "no-cache"


def test_stock_makes_sense(products: httpx.Client) -> None:
    """Every status occurs, and what is out of stock has nothing available."""
    seen = set()
    for start in range(1, 501, 100):
        ids = [str(n) for n in range(start, start + 100)]
        for one in products.post("/stock/query", json={"product_ids": ids}).json()["data"]["items"]:
            seen.add(one["status"])
            assert (one["available"] > 0) == (one["status"] in ("in_stock", "low"))
    assert seen == {"in_stock", "low", "out_of_stock", "preorder"}


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({}, "product_ids"),
        ({"product_ids": []}, "product_ids"),
        ({"product_ids": ["1"] * 101}, "product_ids"),
        ({"product_ids": "1"}, "product_ids"),
        ({"product_ids": None}, "product_ids"),
        ({"product_ids": ["1", ""]}, "product_ids.1"),
        ({"product_ids": [1]}, "product_ids.0"),
        ({"product_ids": [{"a": []}]}, "product_ids.0"),
        ({"product_ids": ["1"], "warehouse": "x"}, "warehouse"),
        ([], "body"),
        (None, "body"),
    ],
)
def test_bad_stock_questions_are_named(products: httpx.Client, body: object, name: str) -> None:
    """A missing, unknown or unacceptable field is a 422 that names it."""
    answer = products.post("/stock/query", json=body)
    assert answer.status_code == 422
    assert [error["name"] for error in answer.json()["errors"]] == [name]
