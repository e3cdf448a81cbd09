"""Commands: what a write says of itself, and each that cannot work."""

from __future__ import annotations

from collections.abc import Callable
from types import NoneType
from typing import Any

import pytest

from bff_core.contract import Command, DeclarationError, Record, Service


class Thing(Record):
    """What is read."""

    id: str


class NewThing(Record):
    """What is sent."""

    name: str


things = Service("things")
one = things.get("GET /things/{id}", returns=Thing)
some = things.batch("GET /things", keys="id", returns=Thing, key="id", max_keys=5)
listed = Service("others").page("GET /things", returns=Thing, max_limit=5)
made = Service("others").command("POST /things", returns=Thing, drops=[])

Declare = Callable[[Service], object]
FORM = "is not of the form 'POST or PUT or PATCH or DELETE /path/{parameter}'"

CANNOT_WORK: dict[str, tuple[Declare, str]] = {
    "read method": (
        lambda s: s.command("GET /things", returns=Thing, drops=[]),
        f"things: route 'GET /things' {FORM}",
    ),
    "method nobody knows": (
        lambda s: s.command("TRACE /things", returns=Thing, drops=[]),
        f"things: route 'TRACE /things' {FORM}",
    ),
    "climbing path": (
        lambda s: s.command("POST /things/..", returns=Thing, drops=[]),
        f"things: route 'POST /things/..' {FORM}",
    ),
    "parameter twice": (
        lambda s: s.command("PUT /a/{id}/b/{id}", returns=Thing, drops=[]),
        "things PUT /a/{id}/b/{id}: path parameter 'id' stands there twice",
    ),
    "problem that is no word": (
        lambda s: s.command("POST /things", returns=Thing, drops=[], problems={"a/b": Thing}),
        "things POST /things: a problem is named by the word its type ends with, not 'a/b'",
    ),
    "problem that is no record": (
        lambda s: s.command("POST /things", returns=Thing, drops=[], problems={"no": dict}),  # type: ignore[dict-item]  # the misuse
        "things POST /things: a problem is read as a record, so no is a Record class, not <class 'dict'>",
    ),
    "drops not said": (
        lambda s: s.command("POST /things", returns=Thing),
        "things POST /things: say in drops= which reads have answers that this write makes untrue; drops=[] says none",
    ),
    "drops is one endpoint": (
        lambda s: s.command("POST /things", returns=Thing, drops=one),  # type: ignore[call-overload]  # the misuse
        "things POST /things: drops is a list of endpoints, not <Get things GET /things/{id}>",
    ),
    "drops is a text": (
        lambda s: s.command("POST /things", returns=Thing, drops="one"),  # type: ignore[arg-type]  # the misuse
        "things POST /things: drops is a list of endpoints, not 'one'",
    ),
    "drops a name": (
        lambda s: s.command("POST /things", returns=Thing, drops=["one"]),  # type: ignore[list-item]  # the misuse
        "things POST /things: drops holds endpoints that read (get, batch, page), not 'one'",
    ),
    "drops a command": (
        lambda s: s.command("POST /things", returns=Thing, drops=[one, made]),
        "things POST /things: drops holds endpoints that read (get, batch, page), not <Command others POST /things>",
    ),
    "drops one twice": (
        lambda s: s.command("POST /things", returns=Thing, drops=[one, some, one]),
        "things POST /things: drops <Get things GET /things/{id}> twice",
    ),
    "body that is no record": (
        lambda s: s.command("POST /things", body=dict, returns=Thing, drops=[]),  # type: ignore[arg-type]  # the misuse
        "things POST /things: a body is a record, so body is a Record class, not <class 'dict'>",
    ),
    "answer that JSON cannot give": (
        lambda s: s.command("POST /things", returns=list[Thing | Service], drops=[]),
        "things POST /things: list[",
    ),
    "path into an answer nobody reads": (
        lambda s: s.command("POST /things", returns=None, at="data", drops=[]),
        "things POST /things: at='data' leads into an answer that returns=None says is not read",
    ),
    "kept": (
        lambda s: s.command("POST /things", returns=Thing, drops=[], fresh=5),
        "things POST /things: a write is never kept, so fresh has no meaning",
    ),
    "public and relayed": (
        lambda s: s.command("POST /things", returns=Thing, drops=[], relay=True, public=True),
        "things POST /things: relays the credential, so its answers are the caller's own; it cannot be public",
    ),
}


@pytest.mark.parametrize(("declare", "sentence"), CANNOT_WORK.values(), ids=CANNOT_WORK)
def test_a_command_that_cannot_work_says_why(declare: Declare, sentence: str) -> None:
    """A command that cannot work raises at once, names itself and what it lacks, and is not kept."""
    service = Service("things")
    with pytest.raises(DeclarationError) as caught:
        declare(service)
    assert str(caught.value).startswith(sentence)
    assert service.endpoints == ()


def test_a_command_is_one_of_the_endpoints() -> None:
    """It stands among the endpoints in order of declaration, and says what it sends, reads and drops."""
    service = Service("things")
    read = service.get("GET /things/{id}", returns=Thing)
    write = service.command(
        "PATCH /shelves/{shelf}/things/{id}",
        body=NewThing,
        returns=Thing,
        at="data.thing",
        drops=[read, listed],
        relay=True,
        scopes=["write"],
        group="writes",
    )
    assert service.endpoints == (read, write)
    assert (write.name, repr(write)) == (
        "things PATCH /shelves/{shelf}/things/{id}",
        "<Command things PATCH /shelves/{shelf}/things/{id}>",
    )
    assert (write.parameters, write.body, write.returns, write.at) == (
        ("shelf", "id"),
        NewThing,
        Thing,
        ("data", "thing"),
    )
    assert write.drops == (read, listed)
    assert (write.private, write.scopes, write.group, write.calls_for) == (True, frozenset({"write"}), "writes", 1)


def test_nothing_dropped_is_said_too() -> None:
    """An empty list states that no kept answer becomes untrue."""
    assert Service("things").command("POST /logins", returns=None, drops=[]).drops == ()


def test_an_answer_that_is_not_read_has_no_type() -> None:
    """``returns=None`` is the type of None."""
    assert Service("things").command("DELETE /things/{id}", returns=None, drops=[some]).returns is NoneType


@pytest.mark.parametrize(("method", "repeatable"), [("POST", False), ("PATCH", False), ("PUT", True), ("DELETE", True)])
def test_what_may_be_sent_twice_without_a_key(method: str, repeatable: bool) -> None:
    """PUT and DELETE are repeatable by HTTP's own definition, POST and PATCH are not."""
    command: Command[Any] = Service("things").command(f"{method} /things/{{id}}", returns=Thing, drops=[])
    assert command.repeatable is repeatable
    assert command.idempotency_key


def test_one_route_is_one_command() -> None:
    """A command is declared once; a batch that reads by POST on the same route is another thing."""
    service = Service("things")
    service.command("POST /things", returns=Thing, drops=[])
    with pytest.raises(DeclarationError, match=r"^things POST /things is declared twice$"):
        service.command("POST /things", returns=None, drops=[])
    service.batch("POST /things", keys="ids", returns=Thing, key="id", max_keys=5)
    assert len(service.endpoints) == 2


@pytest.mark.parametrize("value", ["", ".", "..", "../x", "a/b", "a?b", "a b", "a\n", "é", "\ud800", "x" * 101, None])
def test_a_hostile_id_is_not_accepted(value: object) -> None:
    """Every part of a command's key stands in the path, and is held to the pattern as a read's is."""
    rename = Service("things").command("PATCH /shelves/{shelf}/things/{id}", returns=Thing, drops=[])
    assert rename.accepts(("s", "7"))
    assert not rename.accepts(("s", value))
    assert not rename.accepts((value, "7"))


def test_a_command_without_parameters_accepts_the_empty_key() -> None:
    """There is nothing in its path to go wrong."""
    assert made.accepts(())


def test_a_pattern_of_ones_own_holds_for_a_command() -> None:
    """A command may be stricter than the rest."""
    digits = Service("things").command("DELETE /things/{id}", returns=None, drops=[], pattern="[0-9]+")
    assert digits.accepts(("12",))
    assert not digits.accepts(("12a",))


@pytest.mark.parametrize(
    ("said", "knows", "needs"), [(True, True, False), ("required", True, True), (False, False, False)]
)
def test_a_command_says_whether_it_knows_keys_and_whether_it_needs_one(said: Any, knows: bool, needs: bool) -> None:
    """One word says both."""
    command = Service("things").command("POST /things", returns=Thing, drops=[], idempotency_key=said)
    assert (command.idempotency_key, command.key_required) == (knows, needs)


def test_a_command_says_how_it_may_be_refused() -> None:
    """By the word of the problem, the record that it is read as; none unless it says so."""
    refusable = Service("things").command("POST /things", returns=Thing, drops=[], problems={"taken": NewThing})
    assert dict(refusable.problems) == {"taken": NewThing}
    assert dict(made.problems) == {}
