"""Slots: equal exactly where what is sent is equal, so that nobody is given another one's answer."""

from __future__ import annotations

import enum
import json
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff_core.cache.slot import EVERYBODY, Asker, Slot, slot_key
from bff_core.contract import Endpoint
from bff_core.outbound.codec import codec_for
from tests.cache.cattery import basket, branded, by_id, by_two, in_body, letters, mine, search, slot_of, worded


class Word(str, enum.Enum):
    """A text in the clothes of an enum."""

    ONE = "1"
    A = "a"


class Number(enum.IntEnum):
    """A number in the clothes of an enum."""

    ONE = 1


#: The parts of a request that an answer depends on, as the declarations above say it in words.
DEPENDS: dict[Endpoint[Any], set[str]] = {
    by_id: set(),
    mine: {"issuer", "subject", "tenant", "scopes"},
    basket: {"issuer", "subject", "tenant", "scopes"},
    worded: {"locale"},
    branded: {"client"},
    letters: {"issuer", "subject", "tenant", "scopes", "locale", "client"},
}

#: One asker, and one who differs from it by a single part.
PARTS = {
    "issuer": ("http://issuer.test", "http://other.test"),
    "subject": ("7", "8"),
    "tenant": (None, "red"),
    "scopes": (frozenset({"read"}), frozenset({"read", "write"})),
    "locale": ("en", "de"),
    "client": ("web", "kiosk"),
}


def asking(parts: dict[str, Any]) -> Asker:
    """The asker made of these parts."""
    owner = (parts["issuer"], parts["subject"], parts["tenant"])
    return Asker(owner, parts["scopes"], parts["locale"], parts["client"])


BASE = {name: one for name, (one, _) in PARTS.items()}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("endpoint", DEPENDS, ids=lambda endpoint: endpoint.path)
def test_every_part_that_can_change_an_answer_is_told_apart(endpoint: Endpoint[Any], part: str) -> None:
    """Two who differ by one part share an answer exactly where the endpoint's answers do not depend on it."""
    other = BASE | {part: PARTS[part][1]}
    apart = asking(BASE).whose(endpoint) != asking(other).whose(endpoint)
    assert apart is (part in DEPENDS[endpoint])


def test_what_depends_on_nobody_is_everybodys() -> None:
    """A public endpoint that varies by nothing has one answer, whoever asks."""
    assert asking(BASE).whose(by_id) is EVERYBODY


def test_parts_do_not_run_into_each_other() -> None:
    """A tenant is no subject, and a locale is no client, also where their texts are the same."""
    one = Asker(("i", "a", "b"), frozenset(), "x", "")
    two = Asker(("i", "b", "a"), frozenset(), "", "x")
    assert one.whose(mine) != two.whose(mine)
    assert one.whose(letters)._replace(owner=None) != two.whose(letters)._replace(owner=None)
    assert one.whose(worded) != two.whose(branded)


@pytest.mark.parametrize("subject", [None, ""])
def test_nobody_is_not_somebody(subject: str | None) -> None:
    """Who sent no credential shares nothing private with anybody who did, whatever their name."""
    nobody, somebody = Asker((None, None, None)), Asker(("http://issuer.test", subject, None))
    assert nobody.whose(basket) != somebody.whose(basket)


@st.composite
def askers(draw: st.DrawFn) -> dict[str, Any]:
    """Askers that are often the same, or nearly."""
    return {
        "issuer": draw(st.sampled_from([None, "i", "j"])),
        "subject": draw(st.sampled_from([None, "", "a", "b"])),
        "tenant": draw(st.sampled_from([None, "", "a", "b"])),
        "scopes": frozenset(draw(st.lists(st.sampled_from(["a", "b"]), max_size=2))),
        "locale": draw(st.sampled_from(["", "a", "en"])),
        "client": draw(st.sampled_from(["", "a", "en"])),
    }


@given(askers(), askers(), st.sampled_from(list(DEPENDS)), st.sampled_from(list(DEPENDS)))
def test_two_share_an_answer_where_they_are_alike_in_all_it_depends_on(
    one: dict[str, Any], two: dict[str, Any], here: Endpoint[Any], there: Endpoint[Any]
) -> None:
    """Slots are equal if and only if the endpoint is the same and so is every part that its answers depend on."""
    alike = here is there and all(one[part] == two[part] for part in DEPENDS[here])
    slots = [Slot(endpoint, asking(who).whose(endpoint), "k") for who, endpoint in ((one, here), (two, there))]
    assert (slots[0] == slots[1]) is alike
    assert len(set(slots)) == (1 if alike else 2)


#: Keys that Python takes for each other, or that read alike in a URL.
LOOKALIKES = [True, 1, 1.0, "1", "true", "True", "1.0", Word.ONE, Number.ONE, (1,), ("1",), (True,), (None,), ("None",)]


@pytest.mark.parametrize(("one", "two"), list(combinations(LOOKALIKES, 2)), ids=repr)
def test_lookalikes_are_told_apart(one: Any, two: Any) -> None:
    """True, 1, 1.0, "1" and enums of them are different keys, alone and as a part of one."""
    assert slot_key(one) != slot_key(two)
    assert slot_key(("x", one)) != slot_key(("x", two))


@pytest.mark.parametrize("key", [1, True, Word.A, Number.ONE], ids=repr)
def test_no_key_of_two_texts_is_taken_for_one_part(key: Any) -> None:
    """What a key stands as in a slot cannot itself be sent as a key, in whatever words."""
    kind = type(key)
    texts = [(name, text) for name in (kind.__name__, kind.__qualname__, repr(kind)) for text in ("1", "true", "a")]
    assert slot_key(key) not in [slot_key(two) for two in texts]


def test_a_part_that_is_not_sent_is_no_text() -> None:
    """None says that a parameter is left out: that is neither the empty text nor the word, and its place counts."""
    keys = [(None, "a"), ("", "a"), ("None", "a"), ("null", "a"), ("a", None), ("a",), ("a", None, None)]
    assert len({slot_key(key) for key in keys}) == len(keys)


def test_a_plain_key_is_its_own() -> None:
    """Keys that are texts or whole numbers, alone or together, cost nothing to tell apart."""
    text = "".join(["a", "b"])
    assert slot_key(text) is text
    assert slot_key((text, None, 7)) == (text, None, 7)


PART = st.sampled_from(
    [
        "",
        "a",
        "1",
        "1.0",
        "true",
        "int",
        "str",
        "null",
        ":",
        ",",
        0,
        1,
        True,
        False,
        0.0,
        -0.0,
        1.0,
        1.5,
        *Word,
        *Number,
    ]
)
KEY = PART | st.lists(PART | st.none(), max_size=3).map(tuple)


def sent(key: Any) -> Any:
    """A key as a service reads it, with the type that says how: the model that slots are held to."""
    if isinstance(key, tuple):
        return ["parts", *([None] if part is None else sent(part) for part in key)]
    return [type(key).__qualname__, json.dumps(key.value if isinstance(key, enum.Enum) else key)]


@given(KEY, KEY)
def test_keys_are_equal_where_what_is_sent_is(one: Any, two: Any) -> None:
    """Two keys have one slot if and only if they are sent alike, part by part."""
    alike = sent(one) == sent(two)
    assert (slot_key(one) == slot_key(two)) is alike
    assert len({slot_key(one), slot_key(two)}) == (1 if alike else 2)


@given(st.sampled_from([by_id, in_body, by_two, search]), KEY, KEY)
def test_one_slot_is_one_request(endpoint: Endpoint[Any], one: Any, two: Any) -> None:
    """Keys of one slot ask for the same bytes, whichever way the endpoint puts keys into a request."""
    if slot_of(endpoint, one) == slot_of(endpoint, two):
        assert asked(endpoint, one) == asked(endpoint, two)


def asked(endpoint: Endpoint[Any], key: Any) -> Any:
    """What the codec sends for a key, or that it cannot send it."""
    try:
        return codec_for(endpoint).ask([fitting(endpoint, key)])
    except (ValueError, TypeError, IndexError) as error:
        return type(error)


def fitting(endpoint: Endpoint[Any], key: Any) -> Any:
    """A key with a limit and a cursor, where the endpoint is a page."""
    parts: Sequence[Any] = key if isinstance(key, tuple) else (key,)
    return (*parts, 10, None) if endpoint is search else key
