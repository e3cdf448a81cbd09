"""The codec of batches: keys into one request, and rows back to their keys."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff_core.contract import Batch, KeyStyle, Outcome, Record, Service
from bff_core.errors import BadPayload, BadRequest, NotFound
from bff_core.outbound.codec import Ask, codec_for

ANY_TEXT = r"(?s).*"


class Cat(Record):
    """A row with an id."""

    id: str
    age: int


class Renamed(Record):
    """A row whose key has another name at its service."""

    id: str = msgspec.field(name="catId")
    age: int


class Numbered(Record):
    """A row whose key is a number."""

    id: int
    age: int


class Kitten(Record):
    """A row with a composite key, one part of which has another name at its service."""

    mother: str
    number: int = msgspec.field(name="no")
    age: int = 0


def batch(
    style: KeyStyle = KeyStyle.REPEATED,
    returns: type[Any] = Cat,
    key: str | tuple[str, ...] = "id",
    *,
    keys: str = "ids",
    at: str = "items",
    many: bool = False,
) -> Batch[Any]:
    """A batch over cats that lets every text be a key."""
    service = Service("cats")
    declare = service.batch_many if many else service.batch
    return declare(
        "POST /cats" if style is KeyStyle.BODY else "GET /cats",
        keys=keys,
        returns=returns,
        key=key,
        max_keys=50,
        style=style,
        at=at,
        pattern=ANY_TEXT,
    )


def ask(endpoint: Batch[Any], *keys: Any) -> Ask:
    """What is sent for keys."""
    return codec_for(endpoint).ask(keys)


def outcomes(endpoint: Batch[Any], keys: list[Any], answer: Any) -> list[Outcome[Any]]:
    """What an answer means for keys; it is JSON already, or will be."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return codec_for(endpoint).outcomes(keys, body)


def values(endpoint: Batch[Any], keys: list[Any], *rows: Any) -> list[Any]:
    """The value for each key where the service answers with these rows, or the class of its error."""
    return [
        type(outcome.error) if outcome.error else outcome.value
        for outcome in outcomes(endpoint, keys, {"items": list(rows)})
    ]


# --- what is sent


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        (KeyStyle.REPEATED, Ask("/cats?ids=a&ids=b:1&ids=7")),
        (KeyStyle.COMMA, Ask("/cats?ids=a,b:1,7")),
        (KeyStyle.BODY, Ask("/cats", b'{"ids":["a","b:1",7]}')),
    ],
)
def test_keys_are_put_into_the_request_as_their_style_says(style: KeyStyle, expected: Ask) -> None:
    """Repeated or joined by commas in the query, or listed in a body, where numbers stay numbers."""
    assert ask(batch(style), "a", "b:1", 7) == expected


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        (KeyStyle.REPEATED, Ask("/cats?ids=a:1&ids=b:2")),
        (KeyStyle.COMMA, Ask("/cats?ids=a:1,b:2")),
        (KeyStyle.BODY, Ask("/cats", b'{"ids":[{"mother":"a","no":1},{"mother":"b","no":2}]}')),
    ],
)
def test_composite_keys_are_joined_or_sent_as_objects(style: KeyStyle, expected: Ask) -> None:
    """In a query parts are joined by a colon; in a body a key is an object with the service's names."""
    assert ask(batch(style, Kitten, ("mother", "number")), ("a", 1), ("b", 2)) == expected


HOSTILE = [
    "../x",
    "a?b",
    "%2f",
    "a#b",
    "a&ids=b",
    "a=b",
    "a+b",
    "a b",
    "a\x00b",
    "a\r\nb",
    "é",
    "猫",
    "\\",
    "//x",
    ";",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("style", [KeyStyle.REPEATED, KeyStyle.COMMA])
def test_a_hostile_key_stays_in_its_place(text: str, style: KeyStyle) -> None:
    """Whatever a key holds is quoted, so that path, other parameters and fragment are what was declared."""
    target = ask(batch(style), text, "b").target
    parts = urlsplit(httpx.URL("http://cats" + target).raw_path.decode())
    assert parts.path == "/cats"
    assert parts.fragment == ""
    expected = [("ids", text), ("ids", "b")] if style is KeyStyle.REPEATED else [("ids", f"{text},b")]
    assert parse_qsl(parts.query, keep_blank_values=True) == expected


@pytest.mark.parametrize("style", list(KeyStyle))
@pytest.mark.parametrize("composite", [False, True])
def test_half_a_surrogate_pair_is_the_clients_fault(style: KeyStyle, composite: bool) -> None:
    """A lone surrogate is no text: it is refused in one sentence and nothing is sent, in every style."""
    endpoint = batch(style, Kitten, ("mother", "number")) if composite else batch(style)
    with pytest.raises(BadRequest, match="half of a surrogate pair"):
        ask(endpoint, ("\ud800", 1) if composite else "\ud800")


# Whatever the endpoint accepts; and its text decides which key it is.
keys_of_text = st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5)


@given(keys=keys_of_text)
def test_any_accepted_repeated_key_is_read_back_exactly(keys: list[str]) -> None:
    """For every text that passes, decoding the query gives exactly the keys, and nothing leaves its place."""
    endpoint = batch(KeyStyle.REPEATED)
    keys = [key for key in keys if endpoint.accepts(key)] or ["x"]
    parts = urlsplit(httpx.URL("http://cats" + ask(endpoint, *keys).target).raw_path.decode())
    assert (parts.path, parts.fragment) == ("/cats", "")
    assert parse_qsl(parts.query, keep_blank_values=True) == [("ids", key) for key in keys]


@given(keys=keys_of_text)
def test_any_accepted_comma_key_is_read_back_exactly(keys: list[str]) -> None:
    """A service that decodes the query and splits it at the commas has exactly the keys."""
    endpoint = batch(KeyStyle.COMMA)
    keys = [key for key in keys if endpoint.accepts(key)] or ["x"]
    parts = urlsplit(httpx.URL("http://cats" + ask(endpoint, *keys).target).raw_path.decode())
    [(name, joined)] = parse_qsl(parts.query, keep_blank_values=True)
    assert (parts.path, parts.fragment, name) == ("/cats", "", "ids")
    assert joined.split(",") == keys


@given(keys=keys_of_text)
def test_any_accepted_body_key_is_read_back_exactly(keys: list[str]) -> None:
    """The body is JSON that holds exactly the keys; the target holds none of them."""
    endpoint = batch(KeyStyle.BODY)
    keys = [key for key in keys if endpoint.accepts(key)] or ["x"]
    asked = ask(endpoint, *keys)
    assert asked.target == "/cats"
    assert json.loads(asked.body or b"") == {"ids": keys}


@given(mother=st.text(st.characters(exclude_categories=["Cs"])), number=st.integers())
def test_any_accepted_composite_key_is_read_back_exactly(mother: str, number: int) -> None:
    """A service that splits at the colon has exactly the parts."""
    endpoint = batch(KeyStyle.COMMA, Kitten, ("mother", "number"))
    if not endpoint.accepts((mother, number)):
        mother = "x"
    query = urlsplit(ask(endpoint, (mother, number)).target).query
    assert unquote(query.removeprefix("ids=")).split(":") == [mother, str(number)]


class Colour(str, Enum):
    """An enum whose str() is its Python name."""

    RED = "red"


def test_an_enum_is_sent_as_its_word() -> None:
    """A key that is a member of an enum is sent, and matched, by the word that services use."""

    class Painted(Record):
        id: Colour
        age: int

    endpoint = batch(KeyStyle.REPEATED, Painted)
    assert ask(endpoint, Colour.RED).target == "/cats?ids=red"
    assert values(endpoint, [Colour.RED, "red"], {"id": "red", "age": 1}) == [Painted(id=Colour.RED, age=1)] * 2


def test_a_name_with_brackets_is_quoted() -> None:
    """Parameter names such as ``filter[id]`` are quoted like any other text, in both query styles."""
    for style in (KeyStyle.REPEATED, KeyStyle.COMMA):
        assert ask(batch(style, keys="filter[id]"), "a").target == "/cats?filter%5Bid%5D=a"


# --- what comes back


def row(id: Any, age: Any = 1) -> dict[str, Any]:
    """A row as the service sends it."""
    return {"id": id, "age": age}


def test_rows_come_back_in_the_order_of_the_keys() -> None:
    """The service's order means nothing, and rows nobody asked for are dropped."""
    got = values(batch(), ["c", "a", "b"], row("b", 2), row("zzz", 9), row("a", 1), row("c", 3))
    assert got == [Cat(id="c", age=3), Cat(id="a", age=1), Cat(id="b", age=2)]


def test_a_key_without_a_row_is_not_found() -> None:
    """What the service left out it does not have; the others are untouched."""
    assert values(batch(), ["a", "b"], row("b")) == [NotFound, Cat(id="b", age=1)]
    assert values(batch(), ["a"]) == [NotFound]


def test_the_first_of_two_rows_counts() -> None:
    """A service that gives two rows for one key is taken by its first word."""
    assert values(batch(), ["a"], row("a", 1), row("a", 2)) == [Cat(id="a", age=1)]


def test_numbers_and_texts_match_by_what_they_read_as() -> None:
    """A key 7 finds the row "7" and a key "7" the row 7, since an id in a query has no type."""
    assert values(batch(), [7], row("7")) == [Cat(id="7", age=1)]
    assert values(batch(returns=Numbered), ["7", 8], row(7), row(8)) == [
        Numbered(id=7, age=1),
        Numbered(id=8, age=1),
    ]


def test_a_renamed_key_is_found_by_the_name_of_the_service() -> None:
    """The key is read from the service's own name, in good rows and in bad ones."""
    got = values(batch(returns=Renamed), ["a", "b", "c"], {"catId": "b", "age": "?"}, {"catId": "a", "age": 1})
    assert got == [Renamed(id="a", age=1), BadPayload, NotFound]


def test_composite_keys_match_part_by_part() -> None:
    """Keys that would read the same when joined stay apart: rows are matched by attributes."""
    endpoint = batch(KeyStyle.BODY, Kitten, ("mother", "number"))
    got = values(endpoint, [("a", 1), ("a", 2), ("b", "1")], {"mother": "b", "no": 1}, {"mother": "a", "no": 1})
    assert got == [Kitten(mother="a", number=1), NotFound, Kitten(mother="b", number=1)]


@pytest.mark.parametrize(
    ("at", "answer"),
    [
        ("", [row("a")]),
        ("items", {"items": [row("a")], "total": 1}),
        ("data.cats.items", {"data": {"cats": {"items": [row("a")]}, "more": None}}),
    ],
)
def test_rows_are_found_under_the_response_path(at: str, answer: Any) -> None:
    """The list may be the answer itself or lie deep in it; what stands beside it is skipped."""
    assert outcomes(batch(at=at), ["a"], answer) == [Outcome("cats", Cat(id="a", age=1))]


def test_one_bad_element_is_that_keys_error() -> None:
    """A row that does not fit fails its own key, with element and field path; the others are whole."""
    answer = {"items": [row("a"), row("b", "old"), row("c")]}
    a, b, c, d = outcomes(batch(), ["a", "b", "c", "d"], answer)
    assert (a.value, c.value) == (Cat(id="a", age=1), Cat(id="c", age=1))
    assert isinstance(b.error, BadPayload)
    assert str(b.error) == "cats GET /cats: element 1: Expected `int`, got `str` - at `$.age`"
    assert b.error.service == "cats"
    assert isinstance(d.error, NotFound)


@pytest.mark.parametrize(
    "nameless",
    [{"age": 1}, {"id": None, "age": 1}, {"id": ["a"], "age": 1}, "a", 7, None, [], {"id": {}, "age": "?"}],
)
def test_a_row_that_cannot_say_its_key_makes_missing_keys_unknown(nameless: Any) -> None:
    """It may have been the missing key's row: NotFound would be a guess, so it is BadPayload."""
    a, b = outcomes(batch(), ["a", "b"], {"items": [row("a"), nameless]})
    assert a.value == Cat(id="a", age=1)
    assert isinstance(b.error, BadPayload)


def test_a_null_key_is_not_the_key_none() -> None:
    """A bad row whose key is null is nobody's; it must not pass for the row of a key that reads "None"."""
    endpoint = batch(many=True)
    [none] = outcomes(endpoint, ["None"], {"items": [row(None), row("x", "?")]})
    assert [str(flaw) for flaw in none.flaws] == ["cats GET /cats: element 0: Expected `str`, got `null` - at `$.id`"]


def test_a_good_row_wins_over_a_bad_one_of_the_same_key() -> None:
    """Where one of two rows for a key can be read, that is the answer."""
    assert values(batch(), ["a"], row("a", "?"), row("a", 2)) == [Cat(id="a", age=2)]


def test_many_rows_are_grouped_by_key_in_the_order_of_the_answer() -> None:
    """Any number of rows a key; a key without rows has an empty tuple, which is no error."""
    got = values(batch(many=True), ["a", "b", "c"], row("b", 1), row("a", 2), row("b", 3), row("z", 4))
    assert got == [(Cat(id="a", age=2),), (Cat(id="b", age=1), Cat(id="b", age=3)), ()]


def test_bad_rows_among_many_are_flaws_of_their_key() -> None:
    """Every bad row of a key is told, one error each; one without a key may be anybody's."""
    answer = {"items": [row("a", 1), row("a", "x"), row("a", "y"), row("b", 2), "?", row("z", "?")]}
    a, b = outcomes(batch(many=True), ["a", "b"], answer)
    assert a.value == (Cat(id="a", age=1),)
    assert [str(flaw)[:26] for flaw in a.flaws] == [
        "cats GET /cats: element 1:",
        "cats GET /cats: element 2:",
        "cats GET /cats: element 4:",
    ]
    assert b.value == (Cat(id="b", age=2),)
    assert [str(flaw)[:26] for flaw in b.flaws] == ["cats GET /cats: element 4:"]
    assert a.error is b.error is None
