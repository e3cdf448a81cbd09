"""The comparison is not blind: an answer that differs from its prediction in any one thing does not pass."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import httpx
import pytest

from bff_core.testing.client import Reply
from tests.faults.cells import Cell
from tests.faults.comparison import check
from tests.faults.golden import Golden
from tests.faults.prediction import FALLBACKS, predict
from tests.faults.ways import WAYS
from tests.screens import SCREENS, Screen

Body = dict[str, Any]


def screen(name: str) -> Screen:
    """A screen by its name."""
    return next(one for one in SCREENS if str(one) == name)


def cell(name: str, service: str, way: str) -> Cell:
    """A cell by its names."""
    return Cell(screen(name), service, next(one for one in WAYS if one.name == way))


def passes(played: Cell, body: Body) -> bool:
    """Whether an answer passes for what was predicted of a cell."""
    try:
        check(predict(played), Golden.of(played.screen), Reply(200, body, httpx.Headers()))
    except AssertionError:
        return False
    return True


AUTHORS = cell("web-ProductPage", "users", "status-500")
SEARCH = cell("web-SearchPage", "products", "one-bad-of-many")


def without_authors() -> Body:
    """The product page as it must be without the user service."""
    data = deepcopy(Golden.of(AUTHORS.screen).data)
    edges = data["product"]["reviews"]["edges"]
    for edge in edges:
        edge["node"]["author"] = dict(FALLBACKS["web", "Review.author"])
    paths = [["product", "reviews", "edges", number, "node", "author"] for number in range(len(edges))]
    entry = {
        "path": "product.reviews.edges.node.author",
        "service": "users",
        "source": "fallback",
        "reason": "SERVICE_ERROR",
        "count": len(paths),
        "paths": paths,
    }
    return {"data": data, "extensions": {"degraded": [entry]}}


def thinned_search() -> Body:
    """The search page as it must be without its last row and one row's stock."""
    data = deepcopy(Golden.of(SEARCH.screen).data)
    edges = data["search"]["edges"]
    edges.pop()
    edges[2]["node"]["stock"] = None
    lost: list[list[str | int]] = [["search"], ["search", "edges", 2, "node", "stock"]]
    told = {"service": "products", "source": "omitted", "reason": "SERVICE_BAD_PAYLOAD", "count": 1}
    names = ["search", "search.edges.node.stock"]
    return {
        "data": data,
        "errors": [{"message": "", "path": path, "extensions": {"code": "SERVICE_BAD_PAYLOAD"}} for path in lost],
        "extensions": {"degraded": [{**told, "path": n, "paths": [path]} for n, path in zip(names, lost, strict=True)]},
    }


def test_what_was_predicted_passes() -> None:
    """The two answers that are changed below pass as they are, and so does a golden one where nothing is lost."""
    assert passes(AUTHORS, without_authors())
    assert passes(SEARCH, thinned_search())
    spared = cell("web-Refetch", "users", "hung")
    assert passes(spared, {"data": Golden.of(spared.screen).data})


def lose_more(body: Body) -> None:
    body["data"]["product"]["brand"] = None


def lose_less(body: Body) -> None:
    body["data"]["product"]["reviews"]["edges"][0]["node"]["author"]["displayName"] = "Somebody"


def another_value(body: Body) -> None:
    body["data"]["product"]["name"] += "!"


def say_nothing(body: Body) -> None:
    del body["extensions"]


def say_too_much(body: Body) -> None:
    body["extensions"]["degraded"].append({**body["extensions"]["degraded"][0], "path": "product.brand"})


def say_it_twice(body: Body) -> None:
    body["extensions"]["degraded"] *= 2


def another_code(body: Body) -> None:
    body["extensions"]["degraded"][0]["reason"] = "SERVICE_TIMEOUT"


def another_source(body: Body) -> None:
    body["extensions"]["degraded"][0]["source"] = "omitted"


def another_count(body: Body) -> None:
    body["extensions"]["degraded"][0]["count"] += 1


def another_path(body: Body) -> None:
    body["extensions"]["degraded"][0]["paths"][0] = ["product"]


def an_age(body: Body) -> None:
    body["extensions"]["degraded"][0]["ageMs"] = 5


def an_error(body: Body) -> None:
    path = body["extensions"]["degraded"][0]["paths"][0]
    body["errors"] = [{"message": "", "path": path, "extensions": {"code": "SERVICE_ERROR"}}]


def an_address(body: Body) -> None:
    body["extensions"]["note"] = "127.0.0.1"


@pytest.mark.parametrize(
    "change",
    [
        lose_more,
        lose_less,
        another_value,
        say_nothing,
        say_too_much,
        say_it_twice,
        another_code,
        another_source,
        another_count,
        another_path,
        an_age,
        an_error,
        an_address,
    ],
)
def test_a_replaced_value_told_otherwise_fails(change: Callable[[Body], None]) -> None:
    """Where fallbacks were predicted, any difference in data, degradations or errors fails."""
    body = without_authors()
    change(body)
    assert not passes(AUTHORS, body)


def lose_a_second_row(body: Body) -> None:
    body["data"]["search"]["edges"].pop()


def lose_another_row(body: Body) -> None:
    edges = body["data"]["search"]["edges"]
    edges[0] = deepcopy(Golden.of(SEARCH.screen).data["search"]["edges"][-1])


def lose_no_stock(body: Body) -> None:
    golden = Golden.of(SEARCH.screen).data["search"]["edges"]
    body["data"]["search"]["edges"][2]["node"]["stock"] = golden[2]["node"]["stock"]


def lose_a_second_stock(body: Body) -> None:
    body["data"]["search"]["edges"][3]["node"]["stock"] = None


def no_errors(body: Body) -> None:
    del body["errors"]


@pytest.mark.parametrize(
    "change", [lose_a_second_row, lose_another_row, lose_no_stock, lose_a_second_stock, no_errors, say_nothing]
)
def test_a_list_thinned_otherwise_fails(change: Callable[[Body], None]) -> None:
    """Where one row and one row's stock were predicted to be lost, neither more nor others nor fewer pass."""
    body = thinned_search()
    change(body)
    assert not passes(SEARCH, body)
