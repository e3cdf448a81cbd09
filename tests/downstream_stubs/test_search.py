"""Search and reviews: pages that go on where the one before ended."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

Page = dict[str, Any]


def pages(client: httpx.Client, path: str, **params: str | int) -> Iterator[Page]:
    cursor: dict[str, str] = {}
    while True:
        answer = client.get(path, params={**params, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["cursors"]) == len(page["items"])
        yield page
        if page["next"] is None:
            return
        assert page["next"] == page["cursors"][-1]
        cursor = {"cursor": page["next"]}


def everything(client: httpx.Client, path: str, **params: str | int) -> list[Page]:
    return [item for page in pages(client, path, **params) for item in page["items"]]


@pytest.mark.parametrize("sort", ["relevance", "price_asc", "price_desc", "newest", "rating"])
@pytest.mark.parametrize("q", ["", "lamp"])
def test_pages_are_the_whole_once(products: httpx.Client, sort: str, q: str) -> None:
    """Following the cursors gives each match once, in the same order as one long page, to the given total."""
    params: dict[str, str | int] = {"q": q, "sort": sort, "category_id": "10"}
    found = list(pages(products, "/products/search", limit=7, **params))
    ids = [item["id"] for page in found for item in page["items"]]
    assert len(ids) == len(set(ids)) == found[0]["total"] > 50
    assert {page["total"] for page in found} == {len(ids)}
    first = products.get("/products/search", params={**params, "limit": 50}).json()
    assert [item["id"] for item in first["items"]] == ids[:50]


def test_orders_are_what_they_say(products: httpx.Client) -> None:
    """Each order is that of its field, equal ones by id."""

    def price(item: Page) -> float:
        return float(item["price"]["amount"])

    orders: dict[str, Callable[[Page], float]] = {
        "price_asc": price,
        "price_desc": lambda item: -price(item),
        "rating": lambda item: -(item["rating"]["average"] or 0),
    }
    for sort, key in orders.items():
        items = everything(products, "/products/search", sort=sort, category_id="10", limit=50)
        assert items == sorted(items, key=lambda item: (key(item), int(item["id"])))
    newest = everything(products, "/products/search", sort="newest", category_id="10", limit=50)
    times = [item["created_at"] for item in newest]
    assert times == sorted(times, reverse=True)


def test_words_must_all_occur(products: httpx.Client) -> None:
    """Words are found in name, brand and tags, without regard to case, accents and plural; all must occur."""
    items = everything(products, "/products/search", q="LAMPS omori", limit=50)
    assert items
    for item in items:
        words = f"{item['name']} {item['brand']} {item['tags']}".lower()
        assert "lamp" in words
        assert "ōmori" in words
    tagged = products.get("/products/search", params={"q": "dimmable"}).json()
    assert tagged["total"] > 0
    assert all("dimmable" in item["tags"] for item in tagged["items"])


def test_best_match_comes_first(products: httpx.Client) -> None:
    """A word in the name outweighs the same word as a tag."""
    items = everything(products, "/products/search", q="jigsaw", limit=50)
    assert "Jigsaw" in str(items[0]["name"])


@pytest.mark.parametrize("q", ["zzzz", "!!!", "_", '"', "'; DROP TABLE products; --", "NEAR(", "*", "a AND", "\x00"])
def test_odd_words_find_little_and_break_nothing(products: httpx.Client, q: str) -> None:
    """Words that mean something to a database are words like others."""
    answer = products.get("/products/search", params={"q": q})
    assert answer.status_code == 200
    assert answer.json()["total"] < 100


def test_empty_words_find_everything(products: httpx.Client) -> None:
    """Without words the whole catalogue is found, by id, 20 at a time."""
    for params in ({}, {"q": ""}, {"q": "  "}):
        page = products.get("/products/search", params=params).json()
        assert page["total"] == 5_000
        assert [item["id"] for item in page["items"]] == [str(n) for n in range(1, 21)]


def test_group_contains_its_shelves(products: httpx.Client) -> None:
    """A category with others below finds what is in them; an unknown one finds nothing."""
    (group,) = products.get("/categories?ids=1").json()["items"]
    page = products.get("/products/search?category_id=1&limit=50").json()
    assert page["total"] == group["product_count"]
    assert {item["category_id"] for item in page["items"]} == {"7", "8", "9"}
    assert products.get("/products/search?category_id=99").json()["total"] == 0


def test_foreign_cursors_are_refused(products: httpx.Client) -> None:
    """A cursor of another question, or a made-up one, is a 400 that names it."""
    cursor = products.get("/products/search?q=lamp&sort=newest&category_id=10").json()["next"]
    reviews = next(
        page for n in range(1, 100) if (page := products.get(f"/products/{n}/reviews?limit=1").json())["next"]
    )["next"]
    assert products.get(f"/products/search?q=lamp&sort=newest&category_id=10&cursor={cursor}").status_code == 200
    for query in (
        f"q=desk&sort=newest&category_id=10&cursor={cursor}",
        f"q=lamp&sort=rating&category_id=10&cursor={cursor}",
        f"q=lamp&sort=newest&cursor={cursor}",
        f"q=lamp&sort=newest&category_id=10&cursor={cursor[:-1]}",
        f"q=lamp&sort=newest&category_id=10&cursor=A{cursor[1:]}",
        f"cursor={reviews}",
        "cursor=abc",
        "cursor=",
        "cursor=%FF%FE",
        "cursor=" + "A" * 257,
    ):
        answer = products.get(f"/products/search?{query}")
        assert answer.status_code == 400, query
        assert [error["name"] for error in answer.json()["errors"]] == ["cursor"]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"),
        ("limit=51", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("sort=best", "sort"),
        ("category_id=", "category_id"),
        ("q=" + "a" * 201, "q"),
        ("page=2", "page"),
        ("limit=1&limit=2", "limit"),
        ("cursor=a&cursor=b", "cursor"),
    ],
)
def test_bad_parameters_are_named(products: httpx.Client, query: str, name: str) -> None:
    """Out of range, of another kind, unknown or given twice: a 400 that names the parameter."""
    answer = products.get(f"/products/search?{query}")
    assert answer.status_code == 400
    assert [error["name"] for error in answer.json()["errors"]] == [name]


def test_reviews_are_newest_first(products: httpx.Client) -> None:
    """All pages of a product's reviews are its reviews, each once, the newest first, ten at a time."""
    some = products.get("/products/search?limit=50").json()["items"]
    product = max(some, key=lambda item: item["rating"]["count"])
    found = list(pages(products, f"/products/{product['id']}/reviews"))
    reviews = everything(products, f"/products/{product['id']}/reviews")
    assert len(found[0]["items"]) == 10
    assert found[0]["total"] == len(reviews) == product["rating"]["count"] > 10
    assert len({review["id"] for review in reviews}) == len(reviews)
    times = [str(review["created_at"]) for review in reviews]
    assert times == sorted(times, reverse=True)
    assert all(review["product_id"] == product["id"] for review in reviews)
    assert all(time >= product["created_at"] for time in times)


def test_page_may_begin_anywhere(products: httpx.Client) -> None:
    """Each item has a cursor of its own, behind which the rest follows."""
    page = products.get("/products/search?q=lamp&limit=5").json()
    rest = products.get(f"/products/search?q=lamp&limit=3&cursor={page['cursors'][1]}").json()
    assert [item["id"] for item in rest["items"]] == [item["id"] for item in page["items"][2:]]


def test_brand_is_exact(products: httpx.Client) -> None:
    """Only products of that brand, written as they write it; the cursors of another brand are foreign."""
    items = everything(products, "/products/search", q="lamp", brand="Ōmori", limit=50)
    assert items
    assert {item["brand"] for item in items} == {"Ōmori"}
    for other in ("ōmori", "Omori", "Ōmor", "%", ""):
        assert products.get("/products/search", params={"q": "lamp", "brand": other}).json()["total"] == 0
    cursor = products.get("/products/search", params={"brand": "Ōmori"}).json()["next"]
    assert products.get("/products/search", params={"brand": "Ōmori", "cursor": cursor}).status_code == 200
    for params in ({"cursor": cursor}, {"brand": "Fjellvei", "cursor": cursor}):
        assert products.get("/products/search", params=params).status_code == 400


@pytest.mark.parametrize(
    "params", [{"q": "lamp"}, {"category_id": "1"}, {"q": "dimmable", "brand": "Ōmori"}, {"category_id": "10"}]
)
def test_facets_count_the_matches(products: httpx.Client, params: dict[str, str | int]) -> None:
    """Each number is that of the products which the same search finds; the most frequent first, at most ten."""
    items = everything(products, "/products/search", limit=50, **params)
    answer = products.get("/products/facets", params=params)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=60")
    facets = answer.json()
    assert facets["total"] == len(items) > 0
    for name, field in (("categories", "category_id"), ("brands", "brand")):
        counts = Counter(item[field] for item in items)
        assert facets[name] == [
            {field: one, "count": count}
            for one, count in sorted(
                counts.items(), key=lambda pair: (-pair[1], int(pair[0]) if field == "category_id" else pair[0])
            )[:10]
        ]
    prices = [float(item["price"]["amount"]) for item in items]
    for band in facets["prices"]:
        least = float(band["from"]["amount"]) if band["from"] else 0
        above = float(band["to"]["amount"]) if band["to"] else float("inf")
        assert band["count"] == sum(least <= price < above for price in prices) > 0
    assert sum(band["count"] for band in facets["prices"]) == len(items)
    starts = [float(band["from"]["amount"]) if band["from"] else 0 for band in facets["prices"]]
    assert starts == sorted(starts)


def test_facets_of_everything(products: httpx.Client) -> None:
    """Without a question the whole catalogue is counted, ten of each kind; of nothing there are none."""
    facets = products.get("/products/facets").json()
    assert facets["total"] == 5_000 == sum(band["count"] for band in facets["prices"])
    assert (len(facets["categories"]), len(facets["brands"])) == (10, 10)
    assert facets["prices"][0]["from"] is None
    for q in ("zzzz", "!!!"):
        nothing = products.get("/products/facets", params={"q": q}).json()
        assert nothing == {"total": 0, "categories": [], "brands": [], "prices": []}
    assert products.get("/products/facets?limit=3").status_code == 400


def test_recommendations_are_good_and_there(products: httpx.Client) -> None:
    """All pages hold what several buyers rate well and what is in stock, each once, in the same order each time."""
    found = list(pages(products, "/recommendations", limit=50))
    items = [item for page in found for item in page["items"]]
    ids = [item["id"] for item in items]
    assert len(ids) == len(set(ids)) == found[0]["total"] > 300
    assert ids == [item["id"] for item in everything(products, "/recommendations", limit=49)]
    assert all(item["rating"]["average"] >= 4 and item["rating"]["count"] >= 5 for item in items)
    first, last = items[:50], items[-50:]
    for field in ("average", "count"):
        assert sum(item["rating"][field] for item in first) > sum(item["rating"][field] for item in last)
    for start in range(0, len(ids), 100):
        answer = products.post("/stock/query", json={"product_ids": ids[start : start + 100]}).json()
        assert all(one["available"] > 0 for one in answer["data"]["items"])
    foreign = products.get("/products/search").json()["next"]
    assert products.get(f"/recommendations?cursor={foreign}").status_code == 400


def test_what_sells_out_is_recommended_no_more(products: httpx.Client) -> None:
    """A product whose last piece was reserved leaves the list; the cursor behind it still goes on."""
    before = everything(products, "/recommendations", limit=50)
    some = {str(item["id"]) for item in before[:99]}
    stocks = products.post("/stock/query", json={"product_ids": sorted(some)}).json()["data"]["items"]
    gone = next(one for one in stocks if one["available"] <= 99)
    cursor = next(
        cursor
        for page in pages(products, "/recommendations", limit=50)
        for item, cursor in zip(page["items"], page["cursors"], strict=True)
        if item["id"] == gone["product_id"]
    )
    after_it = products.get(f"/recommendations?cursor={cursor}").json()["items"]
    line = {"product_id": gone["product_id"], "quantity": gone["available"]}
    headers = {"x-service-key": "shop-development", "idempotency-key": "k"}
    answer = products.post("/stock/reservations", json={"order_id": "1", "lines": [line]}, headers=headers)
    assert answer.status_code == 201
    left = [item["id"] for item in everything(products, "/recommendations", limit=50)]
    assert left == [item["id"] for item in before if item["id"] != gone["product_id"]]
    assert products.get(f"/recommendations?cursor={cursor}").json()["items"] == after_it
