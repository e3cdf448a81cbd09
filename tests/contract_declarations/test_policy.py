"""Policies: what an endpoint says beside its route, its defaults, and each that contradicts itself."""

from __future__ import annotations

from typing import Any

import pytest

from bff_core.contract import DeclarationError, Record, Service, Windows
from bff_core.contract.policy import Settled, settle


class Thing(Record):
    """A thing."""

    id: str


def settled(**policy: Any) -> Settled:
    """The policy of an endpoint called "here"."""
    return settle("here", policy)  # type: ignore[arg-type]  # misuse is among what is tested


CANNOT_WORK: dict[str, tuple[dict[str, Any], str]] = {
    "public and relayed": (
        {"relay": True, "public": True},
        "relays the credential, so its answers are the caller's own; it cannot be public",
    ),
    "scopes is a text": (
        {"relay": True, "scopes": "read"},
        "scopes is a list of scopes, not 'read'",
    ),
    "scopes without relay": (
        {"scopes": ["read"]},
        "scopes need relay=True, or the service could not check them",
    ),
    "varies is a text": ({"varies": "locale"}, "varies is a list of locale and client, not 'locale'"),
    "varies by something else": (
        {"varies": ["locale", "moon"]},
        "varies is a list of locale and client, not 'moon'",
    ),
    "no pattern": (
        {"pattern": "["},
        "pattern '[' is no regular expression: unterminated character set at position 0",
    ),
    "no_stale and stale": (
        {"fresh": 1, "stale": 1, "no_stale": True},
        "says no_stale, and how long it may be stale; it can only be one of them",
    ),
    "no_stale and stale_if_error": (
        {"fresh": 1, "stale_if_error": 1, "no_stale": True},
        "says no_stale, and how long it may be stale; it can only be one of them",
    ),
    "stale without fresh": (
        {"stale": 1},
        "nothing of it is kept without fresh=, so it has no other window",
    ),
    "stale_if_error without fresh": (
        {"stale_if_error": 1},
        "nothing of it is kept without fresh=, so it has no other window",
    ),
    "negative without fresh": (
        {"negative": 0},
        "nothing of it is kept without fresh=, so it has no other window",
    ),
    "fresh for no time": (
        {"fresh": 0},
        "fresh must be above 0 and every window 0 or more seconds, not Windows(fresh=0, stale=0.0, "
        "stale_if_error=0.0, negative=2.0)",
    ),
    "unknown word": (
        {"cached": 5},
        "there is no 'cached' to say; relay, scopes, public, varies, pattern, group, fresh, stale, stale_if_error, "
        "negative, no_stale are",
    ),
}


@pytest.mark.parametrize(("policy", "sentence"), CANNOT_WORK.values(), ids=CANNOT_WORK)
def test_a_policy_that_cannot_work_says_why(policy: dict[str, Any], sentence: str) -> None:
    """What contradicts itself raises, names its endpoint and says what is wrong."""
    with pytest.raises(DeclarationError) as caught:
        settled(**policy)
    assert str(caught.value) == f"here: {sentence}"


def test_every_kind_of_endpoint_is_held_to_it() -> None:
    """Each way to declare an endpoint takes the same words and refuses the same."""
    things = Service("things")
    odd: Any = {"relay": True, "public": True}
    declarations: dict[str, Any] = {
        "get": lambda: things.get("GET /t", returns=Thing, **odd),
        "batch": lambda: things.batch("GET /t", keys="id", returns=Thing, key="id", max_keys=1, **odd),
        "batch_many": lambda: things.batch_many("GET /t", keys="id", returns=Thing, key="id", max_keys=1, **odd),
        "page": lambda: things.page("GET /t", returns=Thing, max_limit=1, **odd),
        "command": lambda: things.command("POST /t", returns=Thing, drops=[], **odd),
    }
    for declare in declarations.values():
        with pytest.raises(DeclarationError, match=r"^things (GET|POST) /t: relays the credential"):
            declare()
    assert things.endpoints == ()


def test_nothing_said_is_public_and_never_kept() -> None:
    """An endpoint that says nothing takes no credential, answers everybody alike and is not kept."""
    plain = settled()
    assert (plain.relay, plain.private, plain.scopes, plain.varies) == (False, False, frozenset(), frozenset())
    assert (plain.windows, plain.no_stale, plain.group) == (None, False, "")
    assert plain.pattern.fullmatch("a-b_c.d:e~f")
    assert not plain.pattern.fullmatch("a/b")


@pytest.mark.parametrize(
    ("policy", "private"),
    [
        ({}, False),
        ({"public": True}, False),
        ({"public": False}, True),
        ({"relay": True}, True),
        ({"relay": True, "public": False}, True),
    ],
)
def test_whose_an_answer_is(policy: dict[str, Any], private: bool) -> None:
    """Relaying makes private; what is not relayed is public unless it says otherwise."""
    assert settled(**policy).private is private


def test_scopes_and_words_are_kept_once() -> None:
    """Lists become sets."""
    policy = settled(relay=True, scopes=["a", "a", "b"], varies=["client", "locale", "client"])
    assert policy.scopes == {"a", "b"}
    assert policy.varies == {"locale", "client"}


def test_windows_are_as_said() -> None:
    """Each window has its place; what is not said is the default of ``Windows``."""
    assert settled(fresh=5).windows == Windows(5)
    assert settled(fresh=5, stale=6, stale_if_error=7, negative=8).windows == Windows(5, 6, 7, 8)


def test_no_stale_may_be_fresh() -> None:
    """An answer that is never served old may still be kept for a while."""
    policy = settled(fresh=1, no_stale=True)
    assert (policy.no_stale, policy.windows) == (True, Windows(1))


@pytest.mark.parametrize("word", ["fresh", "stale", "stale_if_error", "negative", "no_stale"])
def test_a_write_says_nothing_of_keeping(word: str) -> None:
    """The answer of a write is never kept, so no word about keeping has a meaning there, whatever its value."""
    with pytest.raises(DeclarationError) as caught:
        settle("here", {word: 0}, kept=False)  # type: ignore[misc]  # one word after another
    assert str(caught.value) == f"here: a write is never kept, so {word} has no meaning"


def test_a_write_says_all_the_rest() -> None:
    """Whose it is, what it varies by and what guards it is said as everywhere."""
    policy = settle("here", {"relay": True, "scopes": ["buy"], "varies": ["locale"], "group": "pay"}, kept=False)
    assert (policy.private, policy.scopes, policy.varies, policy.group) == (
        True,
        frozenset({"buy"}),
        frozenset({"locale"}),
        "pay",
    )
    assert policy.windows is None
