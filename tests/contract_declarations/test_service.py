"""Declarations: what a service and its endpoints say of themselves, and each one that cannot work."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest

from bff_core.contract import (
    Batch,
    DeclarationError,
    Endpoint,
    Get,
    KeyStyle,
    LenientEnum,
    Paged,
    Record,
    Service,
)
from bff_core.contract.service import wire_text


class Thing(Record):
    """Something with two fields that can be keys."""

    id: str
    shelf: str = ""


class Colour(LenientEnum):
    """A word that a service may add to."""

    RED = "red"
    UNKNOWN = "unknown"


def made() -> Service:
    """A service without endpoints."""
    return Service("things")


Declare = Callable[[Service], object]

CANNOT_WORK: dict[str, tuple[Declare, str]] = {
    "service name": (
        lambda _: Service("My-Things"),
        "service name 'My-Things': use lower-case letters, digits and underscores",
    ),
    "no path": (
        lambda s: s.get("GET things", returns=Thing),
        "things: route 'GET things' is not of the form 'GET /path/{parameter}'",
    ),
    "unknown method": (
        lambda s: s.batch("PATCH /things", keys="id", returns=Thing, key="id", max_keys=1),
        "things: route 'PATCH /things' is not of the form 'GET or POST /path/{parameter}'",
    ),
    "get by POST": (
        lambda s: s.get("POST /things", returns=Thing),
        "things: route 'POST /things' is not of the form 'GET /path/{parameter}'",
    ),
    "page by POST": (
        lambda s: s.page("POST /things", returns=Thing, max_limit=1),
        "things: route 'POST /things' is not of the form 'GET /path/{parameter}'",
    ),
    "parameter that is none": (
        lambda s: s.get("GET /things/{Id}", returns=Thing),
        "things: route 'GET /things/{Id}' is not of the form 'GET /path/{parameter}'",
    ),
    "open brace": (
        lambda s: s.get("GET /things/{id", returns=Thing),
        "things: route 'GET /things/{id' is not of the form 'GET /path/{parameter}'",
    ),
    "climbing path": (
        lambda s: s.get("GET /things/../users", returns=Thing),
        "things: route 'GET /things/../users' is not of the form 'GET /path/{parameter}'",
    ),
    "line break": (
        lambda s: s.get("GET /things\n", returns=Thing),
        "things: route 'GET /things\\n' is not of the form 'GET /path/{parameter}'",
    ),
    "query in the route": (
        lambda s: s.get("GET /things?all=1", returns=Thing),
        "things: route 'GET /things?all=1' is not of the form 'GET /path/{parameter}'",
    ),
    "path parameter twice": (
        lambda s: s.get("GET /a/{id}/b/{id}", returns=Thing),
        "things GET /a/{id}/b/{id}: path parameter 'id' stands there twice",
    ),
    "parameter in path and query": (
        lambda s: s.get("GET /things/{id}", returns=Thing, query=("id",)),
        "things GET /things/{id}: parameter 'id' stands there twice",
    ),
    "query parameter twice": (
        lambda s: s.get("GET /things", returns=Thing, query=("a", "a")),
        "things GET /things: query parameter 'a' stands there twice",
    ),
    "query name twice": (
        lambda s: s.get("GET /things", returns=Thing, query={"a": "x", "b": "x"}),
        "things GET /things: query parameter 'x' stands there twice",
    ),
    "query name that is the limit": (
        lambda s: s.page("GET /things", returns=Thing, max_limit=1, query=("limit",)),
        "things GET /things: query parameter 'limit' stands there twice",
    ),
    "query is a text": (
        lambda s: s.get("GET /things", returns=Thing, query="sort"),
        "things GET /things: query is a mapping or a list of names, not 'sort'",
    ),
    "scopes is a text": (
        lambda s: s.get("GET /things", returns=Thing, relay=True, scopes="read"),
        "things GET /things: scopes is a list of scopes, not 'read'",
    ),
    "scopes without relay": (
        lambda s: s.get("GET /things", returns=Thing, scopes=("read",)),
        "things GET /things: scopes need relay=True, or the service could not check them",
    ),
    "keys in the path": (
        lambda s: s.batch("GET /things/{id}", keys="id", returns=Thing, key="id", max_keys=1),
        "things GET /things/{id}: a batch takes its keys as 'id', not in the path",
    ),
    "body by GET": (
        lambda s: s.batch("GET /things", keys="id", returns=Thing, key="id", max_keys=1, style=KeyStyle.BODY),
        "things GET /things: keys in a body go with POST, keys in the query with GET",
    ),
    "query by POST": (
        lambda s: s.batch("POST /things", keys="id", returns=Thing, key="id", max_keys=1, style=KeyStyle.COMMA),
        "things POST /things: keys in a body go with POST, keys in the query with GET",
    ),
    "no keys at all": (
        lambda s: s.batch("GET /things", keys="id", returns=Thing, key="id", max_keys=0),
        "things GET /things: max_keys must be 1 or more, not 0",
    ),
    "no rows at all": (
        lambda s: s.page("GET /things", returns=Thing, max_limit=0),
        "things GET /things: max_limit must be 1 or more, not 0",
    ),
    "key that is no field": (
        lambda s: s.batch("GET /things", keys="id", returns=Thing, key="sku", max_keys=1),
        "things GET /things: key 'sku' is no field of Thing",
    ),
    "key without parts": (
        lambda s: s.batch("GET /things", keys="id", returns=Thing, key=(), max_keys=1),
        "things GET /things: key is a field of Thing or several different ones, not ()",
    ),
    "key part twice": (
        lambda s: s.batch("GET /things", keys="id", returns=Thing, key=("id", "id"), max_keys=1),
        "things GET /things: key is a field of Thing or several different ones, not ('id', 'id')",
    ),
    "batch of no record": (
        lambda s: s.batch("GET /things", keys="id", returns=dict, key="id", max_keys=1),  # type: ignore[type-var]  # the misuse under test
        "things GET /things: rows are records, so returns is a Record class, not <class 'dict'>",
    ),
    "page of no record": (
        lambda s: s.page("GET /things", returns=list[Thing], max_limit=1),  # type: ignore[type-var]  # the misuse under test
        "things GET /things: rows are records, so returns is a Record class, not list[",
    ),
    "type that JSON cannot give": (
        lambda s: s.get("GET /things", returns=list[Thing | Service]),
        "things GET /things: list[",
    ),
    "pattern that is none": (
        lambda s: s.get("GET /things/{id}", returns=Thing, pattern="["),
        "things GET /things/{id}: pattern '[' is no regular expression: unterminated character set",
    ),
}


@pytest.mark.parametrize(("declare", "sentence"), CANNOT_WORK.values(), ids=CANNOT_WORK)
def test_a_declaration_that_cannot_work_says_why(declare: Declare, sentence: str) -> None:
    """A declaration that cannot work raises at once, names itself and what it lacks, and is not kept."""
    service = made()
    with pytest.raises(DeclarationError) as caught:
        declare(service)
    assert str(caught.value).startswith(sentence)
    assert service.endpoints == ()


def test_a_route_is_declared_once_for_each_kind() -> None:
    """One route twice is refused for one kind of endpoint; another kind over it is another thing."""
    service = made()
    one = service.batch("GET /things", keys="id", returns=Thing, key="id", max_keys=5)
    with pytest.raises(DeclarationError, match=re.escape("things GET /things is declared twice")):
        service.batch("GET /things", keys="ids", returns=Thing, key="id", max_keys=5)
    all_of_them = service.get("GET /things", returns=list[Thing])
    assert service.endpoints == (one, all_of_them)


def test_another_method_or_another_service_is_another_route() -> None:
    """Method and service are part of an endpoint's name, so neither clashes."""
    service, other = made(), Service("others")
    read = service.batch("GET /things", keys="id", returns=Thing, key="id", max_keys=5)
    asked = service.batch("POST /things", keys="id", returns=Thing, key="id", max_keys=5)
    away = other.batch("GET /things", keys="id", returns=Thing, key="id", max_keys=5)
    assert [e.name for e in (read, asked, away)] == [
        "things GET /things",
        "things POST /things",
        "others GET /things",
    ]
    assert repr(read) == "<Batch things GET /things>"


def test_endpoints_are_equal_to_themselves_only() -> None:
    """Endpoints are kept in sets and maps by identity, so two that say the same stay apart."""
    one = made().get("GET /things/{id}", returns=Thing)
    same = made().get("GET /things/{id}", returns=Thing)
    assert one == one
    assert one != same
    assert len({one, same}) == 2


def test_a_get_lists_path_parameters_first() -> None:
    """The key of a get has a place for each path parameter, then for each query parameter, in order."""
    thing = made().get("GET /shelves/{shelf}/things/{id}", returns=Thing, query={"language": "lang"}, at="data.thing")
    assert isinstance(thing, Get)
    assert thing.parameters == ("shelf", "id", "language")
    assert thing.query == {"language": "lang"}
    assert thing.at == ("data", "thing")
    assert thing.identifiers(("s", "1", "any text")) == ["s", "1"]
    assert (thing.calls_for, thing.private, thing.scopes) == (1, False, frozenset())


def test_a_page_holds_limit_and_cursor_last() -> None:
    """Limit and cursor are no parameters of a page and no identifiers: they stand last in its key."""
    reviews = made().page("GET /things/{id}/reviews", returns=Thing, max_limit=50, query=("sort",))
    assert isinstance(reviews, Paged)
    assert reviews.parameters == ("id", "sort")
    assert reviews.identifiers(("1", "new", 10, "c / ?")) == ["1"]
    assert (reviews.items, reviews.cursors, reviews.next, reviews.total) == (
        ("items",),
        "cursors",
        "next",
        None,
    )
    assert reviews.calls_for == 1


@pytest.mark.parametrize(("route", "style"), [("GET /t", KeyStyle.REPEATED), ("POST /t", KeyStyle.BODY)])
def test_the_style_of_a_batch_follows_its_method(route: str, style: KeyStyle) -> None:
    """A batch that says no style repeats its ids in a GET's query and lists them in a POST's body."""
    things = made().batch(route, keys="ids", returns=Thing, key="id", max_keys=7)
    assert isinstance(things, Batch)
    assert things.style is style
    assert (things.calls_for, things.composite, things.many, things.at) == (7, False, False, ())


def test_many_rows_for_a_key_and_composite_keys_are_said() -> None:
    """``batch_many`` groups rows, and several attributes make a composite key."""
    things = made().batch_many("GET /t", keys="k", returns=Thing, key=["shelf", "id"], max_keys=2)
    assert things.many
    assert things.composite
    assert things.key == ("shelf", "id")


def test_relaying_makes_private_and_carries_scopes() -> None:
    """An endpoint that relays the credential is private and says which scopes it wants."""
    mine = made().get("GET /me", returns=Thing, relay=True, scopes=["read", "read"])
    assert mine.private
    assert mine.scopes == {"read"}


def get(pattern: str | None = None) -> Endpoint[Any]:
    """An endpoint with an id in its path and free text in its query."""
    more: dict[str, Any] = {} if pattern is None else {"pattern": pattern}
    return made().get("GET /things/{id}", returns=Thing, query=("text",), **more)


@pytest.mark.parametrize("value", ["7", 7, "a-b_c.d:e~f", "x" * 100, "...", Colour.RED])
def test_ordinary_ids_are_accepted(value: object) -> None:
    """Letters, digits and a few marks, up to 100 of them, can name something; free text is not looked at."""
    assert get().accepts((value, "any / text ?"))


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a?b",
        "a#b",
        "a%2fb",
        "a b",
        "a,b",
        "a\x00",
        "a\n",
        "é",
        "\ud800",
        "x" * 101,
        None,
    ],
)
def test_what_cannot_be_an_id_is_not_accepted(value: object) -> None:
    """Whatever could leave its place in a URL, or is too long, names nothing and is never sent."""
    assert not get().accepts((value, None))


@pytest.mark.parametrize("value", ["", ".", "..", None])
def test_no_pattern_lets_nothing_be_a_name(value: object) -> None:
    """Even a pattern that matches everything does not make an empty text, a dot segment or None an id."""
    assert not get(pattern=".*").accepts((value, None))
    assert get(pattern=".*").accepts(("a/b", None))


def test_a_pattern_of_ones_own_replaces_the_common_one() -> None:
    """An endpoint may be stricter than the rest, and the whole of the id must match."""
    digits = get(pattern="[0-9]+")
    assert digits.accepts(("12", None))
    assert digits.accepts((12, None))
    assert not digits.accepts(("12a", None))


def batch(key: str | tuple[str, ...], style: KeyStyle, pattern: str = ".*") -> Endpoint[Any]:
    """A batch whose pattern lets everything pass."""
    route = "POST /t" if style is KeyStyle.BODY else "GET /t"
    return made().batch(route, keys="k", returns=Thing, key=key, max_keys=9, style=style, pattern=pattern)


@pytest.mark.parametrize(
    ("style", "colon", "comma"),
    [(KeyStyle.REPEATED, False, True), (KeyStyle.COMMA, False, False), (KeyStyle.BODY, True, True)],
)
def test_a_composite_key_holds_no_joining_character(style: KeyStyle, colon: bool, comma: bool) -> None:
    """A part that holds a joining character would read as another key, so it names nothing."""
    things = batch(("shelf", "id"), style)
    assert things.accepts(("a", "b"))
    assert things.accepts(("a:b", "c")) is colon
    assert things.accepts(("a", "b,c")) is comma


@pytest.mark.parametrize(
    ("style", "comma"), [(KeyStyle.REPEATED, True), (KeyStyle.COMMA, False), (KeyStyle.BODY, True)]
)
def test_a_simple_key_may_hold_a_colon(style: KeyStyle, comma: bool) -> None:
    """Nothing is joined by a colon where a key has one part; a comma is a matter of the style."""
    assert batch("id", style).accepts("a:b")
    assert batch("id", style).accepts("a,b") is comma


@pytest.mark.parametrize("key", ["a", ("a",), ("a", "b", "c"), ("a", None), ("a", "")])
def test_a_composite_key_is_whole_or_not_accepted(key: object) -> None:
    """A key with too few, too many or empty parts names nothing."""
    assert not batch(("shelf", "id"), KeyStyle.REPEATED).accepts(key)


class Plain(str, Enum):
    """An enum as Python's library makes it, whose str() is its Python name."""

    WORD = "word"


def test_an_enum_is_matched_by_its_word() -> None:
    """The pattern is held to the word that is sent, not to the Python name of the member."""
    assert get(pattern="word").accepts((Plain.WORD, None))
    assert not get(pattern="Plain.*").accepts((Plain.WORD, None))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a b", "a b"),
        (7, "7"),
        (True, "true"),
        (Plain.WORD, "word"),
        (Colour.RED, "red"),
        (Decimal("1.50"), "1.50"),
        (datetime(2026, 5, 4, 12, tzinfo=UTC), "2026-05-04T12:00:00Z"),
    ],
)
def test_every_part_of_a_request_has_one_text(value: object, text: str) -> None:
    """Keys, parameters and rows are written and matched by the same plain text, which hashes as a text does."""
    assert wire_text(value) == text
    assert type(wire_text(value)) is str


def test_the_list_of_endpoints_is_no_way_in() -> None:
    """What ``endpoints`` gives is a picture: nobody adds to a service but by declaring."""
    service = made()
    before = service.endpoints
    service.get("GET /things", returns=Thing)
    assert before == ()
    assert len(service.endpoints) == 1
