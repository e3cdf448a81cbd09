"""The codec and answers that are none: always BadPayload, never another error or a wrong value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff_core.contract import Endpoint, LenientEnum, Record, Service
from bff_core.errors import BadPayload, BffError
from bff_core.outbound.codec import codec_for


class Mood(LenientEnum):
    """A word that its service may add to."""

    GOOD = "good"
    UNKNOWN = "?"


class Cat(Record):
    """A row."""

    id: str
    weight: float = 0.0
    mood: Mood = Mood.UNKNOWN


cats = Service("cats")
KINDS: dict[str, tuple[Endpoint[Any], list[Any]]] = {
    "get": (cats.get("GET /cats/{id}", returns=Cat, at="data"), [("a",)]),
    "batch": (cats.batch("GET /cats", keys="id", returns=Cat, key="id", max_keys=9, at="data"), ["a", "b"]),
    "many": (cats.batch_many("POST /cats", keys="id", returns=Cat, key="id", max_keys=9, at="data"), ["a"]),
    "page": (cats.page("GET /cats", returns=Cat, max_limit=9, items="data", cursors="c"), [(9, None)]),
}

each_kind = pytest.mark.parametrize(("endpoint", "keys"), KINDS.values(), ids=KINDS)

GARBAGE: dict[str, bytes] = {
    "nothing": b"",
    "html": b"<html>Bad Gateway</html>",
    "half": b'{"data": [{"id": "a"',
    "two": b'{"data": []} {"data": []}',
    "byte order mark": b'\xef\xbb\xbf{"data": []}',
    "null": b"null",
    "number": b"7",
    "text": b'"data"',
    "wrong outside": b'[{"id": "a"}]',
    "wrong path": b'{"items": [{"id": "a"}], "c": ["x"]}',
    "null inside": b'{"data": null, "c": []}',
    "text inside": b'{"data": "cats", "c": []}',
    "NaN": b'{"data": NaN, "c": []}',
    "NaN beside": b'{"data": [], "c": [], "x": NaN}',
    "Infinity": b'{"data": Infinity, "c": []}',
    "deep": b'{"data": ' + b"[" * 100_000,
    "deep beside": b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b', "data": [], "c": []}',
    "control character": b'{"data": [{"id": "\x00"}], "c": ["x"]}',
    "zeros": bytes(100),
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
}


@each_kind
@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_a_bad_payload(endpoint: Endpoint[Any], keys: list[Any], body: bytes) -> None:
    """An answer of which nothing can be read is one BadPayload that names the endpoint and the service."""
    with pytest.raises(BadPayload) as caught:
        codec_for(endpoint).outcomes(keys, body)
    assert str(caught.value).startswith(f"{endpoint.name}: ")
    assert caught.value.service == "cats"


@pytest.mark.parametrize(
    "element",
    [
        b'{"id": "a", "weight": 1e999}',
        b'{"id": "a", "weight": "heavy"}',
        b'{"id": "a", "mood": 7}',
        b'{"id": "a", "mood": null}',
    ],
)
def test_a_value_no_field_can_hold_is_its_elements_error(element: bytes) -> None:
    """Numbers beyond a float and words of another type fail the one element."""
    endpoint, keys = KINDS["batch"]
    body = b'{"data": [' + element + b', {"id": "b"}]}'
    bad, good = codec_for(endpoint).outcomes(keys, body)
    assert isinstance(bad.error, BadPayload)
    assert good.value == Cat(id="b")


def test_invalid_utf8_in_one_element_is_its_own_error() -> None:
    """Bytes that are no text fail the element they stand in, and its key is unknown if they stand in that."""
    endpoint, keys = KINDS["batch"]
    bad, good = codec_for(endpoint).outcomes(keys, b'{"data": [{"id": "\xff"}, {"id": "b"}]}')
    assert isinstance(bad.error, BadPayload)
    assert good.value == Cat(id="b")


# Bytes that look like an answer, so that random ones reach the inner rooms too.
pieces = st.sampled_from(
    [
        b'{"data":',
        b"[",
        b"]",
        b"{",
        b"}",
        b'"id"',
        b":",
        b'"a"',
        b",",
        b"null",
        b"1e9",
        b'"c"',
        b"\xff",
        b'"\\ud800"',
        b'"',
    ]
)
looking_like_json = st.lists(pieces | st.binary(max_size=3), max_size=30).map(b"".join)


@each_kind
@given(body=looking_like_json)
def test_random_bytes_raise_nothing_else(endpoint: Endpoint[Any], keys: list[Any], body: bytes) -> None:
    """Whatever bytes come, there is one outcome a key or a BadPayload; no error of msgspec's climbs."""
    try:
        outcomes = codec_for(endpoint).outcomes(keys, body)
    except BadPayload:
        return
    assert len(outcomes) == len(keys)
    assert all(o.error is None or isinstance(o.error, BffError) for o in outcomes)
