"""The weight of a value: what Python really allocates for it, never less and not much more."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec
import pytest

from bff_core.cache.slot import Asker
from bff_core.cache.weight import weigh
from bff_core.contract import Edge, Page, PageInfo
from services.products import Product, StockStatus
from services.users import Address
from tests.cache.cattery import letters

#: What measuring takes for itself, and other threads meanwhile, bytes a value.
MEASURING = 16


def row(number: int, word: str = "boot") -> dict[str, Any]:
    """A product as its service sends it."""
    return {
        "id": f"p{number}",
        "sku": f"SKU-{number:06}",
        "name": f"Walking {word} number {number}",
        "description": f"What there is to say of {word} {number}. " * 6,
        "brand": f"Brand {number % 7}",
        "category_id": f"c{number % 20}",
        "price": {"amount": f"{number}.99", "currency": "EUR"},
        "images": [
            {"url": f"https://images.test/{number}/{n}.jpg", "alt": f"{word} {n}", "width": 1200, "height": 800}
            for n in range(3)
        ],
        "rating": {"average": 4.25, "count": 1000 + number},
        "tags": [f"tag-{number}-{n}" for n in range(4)],
        "attributes": [{"name": f"Attribute {n}", "value": f"{word} {number} {n}"} for n in range(5)],
        "related_ids": [f"p{number + n}" for n in range(1, 7)],
        "updated_at": "2026-01-02T03:04:05Z",
        "list_price": None,
    }


def product(word: str = "boot") -> Product:
    """One product, read from JSON as the codec does."""
    return msgspec.json.decode(msgspec.json.encode(row(7, word)), type=Product)


def page(word: str = "boot", rows: int = 20) -> Page[Product]:
    """A page of products."""
    read = msgspec.json.decode(msgspec.json.encode([row(number, word) for number in range(rows)]), type=list[Product])
    edges = tuple(Edge(f"cursor {number}", one) for number, one in enumerate(read))
    return Page(edges, PageInfo(True, False, "first cursor", "last cursor"), 5000)


def shown(word: str) -> Product:
    """A product that has been in an answer, so that it was written as JSON."""
    one = product(word)
    msgspec.json.encode(one)
    return one


def addresses() -> list[Address]:
    """A list that a get gives."""
    text = msgspec.json.encode(
        [
            {"id": f"a{n}", "label": "home", "recipient": f"R. {n}", "line1": f"{n} Road", "city": "Ulm"}
            | {"postal_code": f"890{n}", "country": "DE", "is_default": n == 0}
            for n in range(5)
        ]
    )
    return msgspec.json.decode(text, type=list[Address])


@dataclass
class Plain:
    """A dataclass; msgspec reads into those as well."""

    names: list[str]
    when: datetime


class Tracked(msgspec.Struct):
    """A struct that the garbage collector looks at."""

    name: str
    inner: Any


def plain() -> Plain:
    """A dataclass with something in it."""
    return msgspec.json.decode(b'{"names": ["one one", "two two"], "when": "2026-01-02T03:04:05Z"}', type=Plain)


def tree() -> dict[str, Any]:
    """JSON that nobody gave a type."""
    return dict(msgspec.json.decode(msgspec.json.encode({"tree": row(8), "numbers": [10**9 + n for n in range(30)]})))


def allocated(make: Callable[[], Any]) -> float:
    """Bytes that Python has taken for one value that ``make`` makes, and has not given back.

    The least of three measurements, of so many values that it weighs little what services take in their own threads
    meanwhile: other tests have started them, and each holds some kilobytes that it makes anew all the time.
    """
    times = 500 if weigh(make()) < 10_000 else 200
    return min(_allocated(make, times) for _ in range(3))


def _allocated(make: Callable[[], Any], times: int) -> float:
    kept: list[Any] = [None] * times
    make()  # what is made once only is not the value's
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(times):
            kept[number] = make()
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / times
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "make",
    [
        product,
        page,
        lambda: page(rows=1),
        addresses,
        tree,
        plain,
        lambda: product("Stiefel für Wölfe"),
        lambda: product("ботинок"),
        lambda: product("靴子"),
        lambda: page("🥾"),
        lambda: Tracked(str(123456), Tracked(str(1234567), [1.5 * len("abc")])),
        lambda: (str(10**30), int("1" + "0" * 30), frozenset([str(10**20)])),
        lambda: b"x" * len("abcdefgh") * 100,
        lambda: "x" * len("abcdefgh") * 100,
        lambda: {str(n): {str(n + 10_000)} for n in range(1000, 1020)},
        lambda: Asker(("http://issuer." + str(1234), str(5678), str(999)), frozenset([str(777)])).whose(letters),
    ],
)
def test_the_weight_is_what_python_takes(make: Callable[[], Any]) -> None:
    """For records, pages, lists, untyped JSON and texts of any script: no less than it is, and less than twice."""
    real = allocated(make)
    assert real - MEASURING <= weigh(make()) <= 2 * real


@pytest.mark.parametrize("word", ["boot", "Stiefel für Wölfe", "ботинок", "靴子", "🥾"])
def test_the_weight_holds_when_the_value_has_been_shown(word: str) -> None:
    """A text of other letters grows when it is first written as JSON; what was weighed before covers that."""
    kept = weigh(product(word))
    real = allocated(lambda: shown(word))
    assert real - MEASURING <= kept <= 2 * real


@pytest.mark.parametrize("value", [None, True, False, StockStatus.LOW, Enum, Product])
def test_what_there_is_one_of_weighs_nothing(value: object) -> None:
    """None, truth values, members of enums and types are there anyway."""
    assert weigh(value) == 0
    assert weigh([value] * 3) == weigh([0] * 3) - 3 * weigh(0)


def test_what_is_shared_counts_wherever_it_stands() -> None:
    """The same text in two places counts twice, since either place may be forgotten alone."""
    text = "x" * 1000
    assert weigh([text, text]) - weigh([text, None]) == weigh(text)


def test_half_of_a_surrogate_pair_can_be_weighed() -> None:
    """A key holds whatever text a client sent, also what no service would be sent."""
    assert weigh("\ud800") >= 2


def test_depth_is_no_matter() -> None:
    """A value nested deeper than Python's stack is weighed like any other."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert weigh(deep) > 100_000 * 56
    while deep:  # Python would free it by recursion
        deep = deep.pop()
