"""Writes: a mutation field shows what was done, each declared refusal, or that nobody knows, as data."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import strawberry

from bff_core import contract
from bff_core.app import Doubles, create_app
from bff_core.bff import Bff
from bff_core.contract import DeclarationError, Invalid, Record, Service, Unknown
from bff_core.errors import BadRequest
from bff_core.graphql.link import link
from bff_core.graphql.operations import Operations
from bff_core.graphql.schema import SchemaError, build_schema
from bff_core.graphql.view import computed, shown, view
from bff_core.graphql.write import Sent, write
from bff_core.telemetry.facts import CallFinished
from bff_core.testing.client import Client, Reply, client_for
from bff_core.testing.observer import RecordingObserver
from bff_core.testing.transport import ScriptedTransport, json_reply


class Pot(Record):
    """A pot of tea."""

    id: str
    cups: int


class TooHot(Record):
    """Refused: nobody can drink it yet."""

    degrees: int


class Pour(Record):
    """What is sent."""

    cups: int


pots = Service("pots")
pot = pots.get("GET /pot", returns=Pot, fresh=60)
lid = pots.get("GET /lid", returns=Pot, fresh=60)
pour = pots.command(
    "POST /pots/{id}/cups",
    body=Pour,
    returns=Pot,
    drops=[pot],
    problems={"too-hot": TooHot, "invalid-body": Invalid},
    idempotency_key="required",
)
rinse = pots.command("DELETE /pots/{id}/cups", returns=None, drops=[])
smash = pots.command("POST /smash", returns=Pot, drops=[pot], idempotency_key=False)


class Label(Record):
    """What is written on a pot, and in which language."""

    text: str
    locale: str


label = pots.command("PUT /label", body=Label, returns=None, drops=[])
greet = pots.command("PUT /greeting", body=Label, returns=None, drops=[])


@view(Pot, description="A pot.")
class PotView:
    """A pot."""

    cups: int = shown("How many.")
    lid: LidView | None = link(lid, description="What is on it.")


@view(Pot, description="A lid.")
class LidView:
    """A lid, which is a pot to its service."""

    id: strawberry.ID = shown("Which.")


@view(TooHot, description="Nobody can drink it yet.")
class TooHotView:
    """A refusal."""

    degrees: int = shown("How hot.")


@view(contract.FieldProblem, description="A part of the input that is at fault.")
class FieldView:
    """Name and reason."""

    name: str = shown("Which.")
    reason: str = shown("Why.")


@view(Invalid, description="Not acceptable.")
class InvalidView:
    """A refusal by field."""

    errors: list[FieldView] = shown("The parts at fault.")


@view(Unknown, description="Nobody knows.")
class UnknownView:
    """How to find out."""

    reason: str = shown("What came instead of an answer.")
    ask: str = shown("How to find out.")
    idempotency_key: str | None = shown("Under which to ask.")


@view(contract.Done, description="It is done.")
class DoneView:
    """Done."""

    done: bool = computed(lambda _: True, "Always true.")


@strawberry.input(description="What to pour.")
class PourInput:
    """The input."""

    pot: strawberry.ID
    cups: int


@strawberry.input(description="What to write on it.")
class LabelInput:
    """The input."""

    text: str


def _pour(input: PourInput) -> Sent:
    if input.cups > 90:
        raise BadRequest("cups must be 90 or less.")
    return Sent((input.pot,), Pour(cups=input.cups))


ASK = "Send it again with the same key."


@strawberry.type(description="Reads.")
class Query:
    """The root."""

    pot: PotView | None = link(pot, description="The pot.")


@strawberry.type(description="Writes.")
class Mutation:
    """The root of writes."""

    pour: Any = write(
        pour,
        name="PourResult",
        input=PourInput,
        send=_pour,
        done=PotView,
        refusals=(TooHotView, InvalidView),
        unknown=UnknownView,
        ask=ASK,
        description="Pour some.",
    )
    rinse: Any = write(
        rinse,
        name="RinseResult",
        send=lambda: Sent(("p",)),
        done=DoneView,
        unknown=UnknownView,
        ask=ASK,
        description="Rinse it.",
    )
    smash: Any = write(
        smash, name="SmashResult", send=Sent, done=PotView, unknown=UnknownView, ask=ASK, description="Smash it."
    )
    label: Any = write(
        label,
        name="LabelResult",
        input=LabelInput,
        send=lambda label, info: Sent(body=Label(text=label.text, locale=info.context.locale)),
        done=DoneView,
        unknown=UnknownView,
        ask=ASK,
        description="Write on it.",
    )
    greet: Any = write(
        greet,
        name="GreetResult",
        send=lambda info: Sent(body=Label(text="hello", locale=info.context.locale)),
        done=DoneView,
        unknown=UnknownView,
        ask=ASK,
        description="Write a greeting on it.",
    )


POUR = """
mutation Pour($cups: Int!, $key: String!) {
  pour(input: {pot: "p", cups: $cups}, idempotencyKey: $key) {
    __typename
    ... on PotView { cups lid { id } }
    ... on TooHotView { degrees }
    ... on InvalidView { errors { name reason } }
    ... on UnknownView { reason ask idempotencyKey }
  }
}
"""

SETTINGS = """
[edge]
port = 8000
[documents]
policy = "open"
[services.all]
attempt_timeout_ms = 500
[services.all.retry]
base_ms = 1
[services.pots]
url = "http://pots.test"
"""


def problem(status: int, type: str, **members: Any) -> httpx.Response:
    """A problem (RFC 9457)."""
    body = json.dumps({"type": type, "status": status, "title": "No", **members})
    return httpx.Response(status, content=body, headers={"content-type": "application/problem+json"})


@dataclass
class Kitchen:
    """A BFF over one service, whose answers to writes a test chooses; reads tell how many cups there are."""

    client: Client
    transport: ScriptedTransport
    observer: RecordingObserver
    answer: Callable[[httpx.Request], Any] = lambda request: json_reply({"id": "p", "cups": 1})
    cups: int = 0
    writes: list[httpx.Request] = field(default_factory=list)

    async def pour(self, cups: Any = 1, key: str = "k1", text: str = POUR) -> Reply:
        """One mutation."""
        return await self.client.query(text, {"cups": cups, "key": key})


@asynccontextmanager
async def a_kitchen(tmp_path: Path) -> AsyncIterator[Kitchen]:
    """The BFF, opened and closed."""

    def respond(request: httpx.Request) -> Any:
        if request.method == "GET":
            return json_reply({"id": "p", "cups": kitchen.cups})
        kitchen.writes.append(request)
        return kitchen.answer(request)

    file = tmp_path / "settings.toml"
    file.write_text(SETTINGS)
    bff = Bff(name="tea", query=Query, mutation=Mutation, services=(pots,), settings=file)
    transport, observer = ScriptedTransport(respond), RecordingObserver()
    app = create_app(bff, bff.load_settings({}), Doubles(transports=lambda _: transport, observers=[observer]))
    async with client_for(app) as client:
        kitchen = Kitchen(client, transport, observer)
        yield kitchen


async def test_a_write_shows_what_was_done_and_what_links_to_it(tmp_path: Path) -> None:
    """One call with the key of the client and the declared body, and one for what stands below it."""
    async with a_kitchen(tmp_path) as kitchen:
        reply = await kitchen.pour(3, "key-1")
        assert reply.body == {"data": {"pour": {"__typename": "PotView", "cups": 1, "lid": {"id": "p"}}}}
        (sent,) = kitchen.writes
        assert (sent.url.path, sent.headers["idempotency-key"], sent.content) == (
            "/pots/p/cups",
            "key-1",
            b'{"cups":3}',
        )
        assert [fact.endpoint for fact in kitchen.observer.of(CallFinished)] == [
            "pots POST /pots/{id}/cups",
            "pots GET /lid",
        ]


@pytest.mark.parametrize("word", ["too-hot", "https://problems.test/tea/too-hot", "/problems#too-hot"])
async def test_a_declared_refusal_is_data(tmp_path: Path, word: str) -> None:
    """Whatever stands before the word in the problem's type; it is no error, no degradation and no failure."""
    async with a_kitchen(tmp_path) as kitchen:
        kitchen.answer = lambda _: problem(409, word, degrees=95)
        reply = await kitchen.pour()
        assert reply.body == {"data": {"pour": {"__typename": "TooHotView", "degrees": 95}}}
        assert len(kitchen.writes) == 1
        assert [fact.code for fact in kitchen.observer.of(CallFinished)] == ["REFUSED"]


async def test_refusals_never_open_the_breaker(tmp_path: Path) -> None:
    """A service that says no is well, however often it does."""
    async with a_kitchen(tmp_path) as kitchen:
        kitchen.answer = lambda _: problem(409, "too-hot", degrees=95)
        replies = [await kitchen.pour(key=f"k{n}") for n in range(20)]
        assert {reply.data["pour"]["__typename"] for reply in replies} == {"TooHotView"}
        assert len(kitchen.writes) == 20


async def test_validation_errors_come_by_field(tmp_path: Path) -> None:
    """What the service says of each field stands there, in its order."""
    async with a_kitchen(tmp_path) as kitchen:
        errors = [{"name": "cups", "reason": "at most 9"}, {"name": "pot", "reason": "empty"}]
        kitchen.answer = lambda _: problem(422, "invalid-body", errors=errors)
        assert (await kitchen.pour(10)).data == {"pour": {"__typename": "InvalidView", "errors": errors}}


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: problem(409, "too-cold"),
        lambda _: problem(409, "too-hot", degrees="very"),
        lambda _: httpx.Response(409, content=b"no"),
    ],
    ids=["undeclared", "unreadable", "no problem"],
)
async def test_any_other_refusal_is_an_error(tmp_path: Path, answer: Callable[[httpx.Request], Any]) -> None:
    """Certainly not carried out: null with its code, and told as a degradation."""
    async with a_kitchen(tmp_path) as kitchen:
        kitchen.answer = answer
        reply = await kitchen.pour()
        assert reply.status == 200
        assert reply.data == {"pour": None}
        assert [error["extensions"]["code"] for error in reply.errors] == ["SERVICE_ERROR"]
        assert [(one["path"], one["source"]) for one in reply.degraded] == [("pour", "omitted")]


async def test_a_write_without_an_answer_is_unknown_and_says_how_to_ask(tmp_path: Path) -> None:
    """Sent twice under its key, and lost twice: data, no error, with the key to ask by."""
    async with a_kitchen(tmp_path) as kitchen:
        kitchen.answer = lambda _: httpx.ReadError("lost")
        reply = await kitchen.pour(key="mine")
        unknown = {"reason": "SERVICE_UNREACHABLE", "ask": ASK, "idempotencyKey": "mine"}
        assert reply.body == {"data": {"pour": {"__typename": "UnknownView", **unknown}}}
        assert [request.headers["idempotency-key"] for request in kitchen.writes] == ["mine", "mine"]


async def test_a_write_that_never_left_is_an_error(tmp_path: Path) -> None:
    """No connection: nobody got anything, so it is certainly not carried out."""
    async with a_kitchen(tmp_path) as kitchen:
        kitchen.answer = lambda _: httpx.ConnectError("refused")
        reply = await kitchen.pour()
        assert reply.data == {"pour": None}
        assert [error["extensions"]["code"] for error in reply.errors] == ["SERVICE_UNREACHABLE"]


async def test_without_a_key_a_post_is_sent_once(tmp_path: Path) -> None:
    """A command that knows no keys takes none, and its loss is unknown after one call."""
    async with a_kitchen(tmp_path) as kitchen:
        kitchen.answer = lambda _: httpx.ReadError("lost")
        text = "mutation { smash { ... on UnknownView { reason idempotencyKey } } }"
        reply = await kitchen.client.query(text)
        assert reply.data == {"smash": {"reason": "SERVICE_UNREACHABLE", "idempotencyKey": None}}
        assert len(kitchen.writes) == 1
        refused = await kitchen.client.query('mutation { smash(idempotencyKey: "k") { __typename } }')
        assert refused.errors[0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
        assert len(kitchen.writes) == 1


async def test_what_is_not_read_is_done(tmp_path: Path) -> None:
    """A command whose answer nobody reads shows that it is done."""
    async with a_kitchen(tmp_path) as kitchen:
        kitchen.answer = lambda _: httpx.Response(204)
        reply = await kitchen.client.query("mutation { rinse { ... on DoneView { done } } }")
        assert reply.body == {"data": {"rinse": {"done": True}}}


@pytest.mark.parametrize(
    ("text", "path", "body"),
    [
        ('mutation { label(input: {text: "tea"}) { __typename } }', "/label", {"text": "tea", "locale": "de"}),
        ("mutation { greet { __typename } }", "/greeting", {"text": "hello", "locale": "de"}),
    ],
    ids=["with an input", "without one"],
)
async def test_what_is_sent_may_depend_on_the_request(
    tmp_path: Path, text: str, path: str, body: dict[str, str]
) -> None:
    """What ``send`` makes of the input can say what the request says, such as its locale."""
    async with a_kitchen(tmp_path) as kitchen:
        kitchen.answer = lambda _: httpx.Response(204)
        reply = await kitchen.client.query(text, headers={"accept-language": "de"})
        assert reply.errors == []
        (sent,) = kitchen.writes
        assert (sent.url.path, json.loads(sent.content)) == (path, body)


@pytest.mark.parametrize("key", ["", ".", "..", " k", "a/b", "ключ", "x" * 101, "a\nb"])
async def test_a_key_that_nobody_could_ask_by_is_refused(tmp_path: Path, key: str) -> None:
    """BAD_REQUEST, and no call."""
    async with a_kitchen(tmp_path) as kitchen:
        reply = await kitchen.pour(key=key)
        assert [error["extensions"]["code"] for error in reply.errors] == ["BAD_REQUEST"]
        assert "idempotencyKey" in reply.errors[0]["message"]
        assert kitchen.writes == []


async def test_input_that_cannot_be_sent_is_the_clients_fault(tmp_path: Path) -> None:
    """What ``send`` refuses is told as it is, and makes no call."""
    async with a_kitchen(tmp_path) as kitchen:
        reply = await kitchen.pour(91)
        assert [error["message"] for error in reply.errors] == ["cups must be 90 or less."]
        assert kitchen.writes == []


async def test_a_required_key_is_required(tmp_path: Path) -> None:
    """The schema says so: a document without it is refused before anything is sent."""
    async with a_kitchen(tmp_path) as kitchen:
        reply = await kitchen.client.query('mutation { pour(input: {pot: "p", cups: 1}) { __typename } }')
        assert reply.errors[0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
        assert kitchen.writes == []


async def test_who_wrote_reads_what_was_written(tmp_path: Path) -> None:
    """A kept answer that a write drops is not served after it, and one that it does not drop is."""
    async with a_kitchen(tmp_path) as kitchen:
        read = "{ pot { cups lid { id } } }"
        before = await kitchen.client.query(read)
        kitchen.cups = 5
        assert (await kitchen.client.query(read)).body == before.body
        await kitchen.pour()
        assert (await kitchen.client.query(read)).data == {"pot": {"cups": 5, "lid": {"id": "p"}}}
        assert kitchen.transport.targets.count("GET /pot") == 2
        assert kitchen.transport.targets.count("GET /lid") == 1


async def test_writes_of_one_operation_follow_one_another(tmp_path: Path) -> None:
    """The second is sent when all below the first is there, as the plan says."""
    second = "two: smash { ... on PotView { cups lid { id } } }"
    text = POUR.rstrip().removesuffix("}") + second + "}"
    async with a_kitchen(tmp_path) as kitchen:
        reply = await kitchen.pour(text=text)
        assert reply.errors == []
        assert kitchen.transport.targets == ["POST /pots/p/cups", "GET /lid", "POST /smash"]
    schema = build_schema(Query, [pots], mutation=Mutation)._schema
    plan = Operations(schema).prepare(text).plan
    assert [(call.name, call.wave, call.calls) for call in plan.calls] == [
        ("pots POST /pots/{id}/cups", 1, 1),
        ("pots GET /lid", 2, 1),
        ("pots POST /smash", 3, 1),
        ("pots GET /lid", 4, 1),
    ]


def test_two_writes_of_one_command_are_two_calls_in_a_row() -> None:
    """They are never sent together, so the plan counts each, one after the other."""
    schema = build_schema(Query, [pots], mutation=Mutation)._schema
    plan = Operations(schema).prepare("mutation { a: smash { __typename } b: smash { __typename } }").plan
    assert [(call.name, call.wave, call.calls) for call in plan.calls] == [
        ("pots POST /smash", 1, 1),
        ("pots POST /smash", 2, 1),
    ]


def test_a_refusal_that_no_view_shows_stops_the_start() -> None:
    """Every declared problem has its member in the union."""
    with pytest.raises(DeclarationError, match=re.escape("may be refused by TooHot, which no view in `refusals`")):
        write(
            pour,
            name="R",
            input=PourInput,
            send=_pour,
            done=PotView,
            refusals=(InvalidView,),
            unknown=UnknownView,
            ask=ASK,
            description="Pour.",
        )


def test_a_member_for_what_cannot_arrive_stops_the_start() -> None:
    """A view over a record that the command never gives would be a promise."""
    with pytest.raises(DeclarationError, match="InvalidView is a view over nothing that can arrive"):
        write(
            smash,
            name="R",
            send=Sent,
            done=PotView,
            refusals=(InvalidView,),
            unknown=UnknownView,
            ask=ASK,
            description="Smash.",
        )


def test_a_write_below_query_stops_the_start() -> None:
    """Fields of a query run side by side, and a write has its order."""

    @strawberry.type(description="Reads.")
    class Hasty:
        pot: PotView | None = link(pot, description="The pot.")
        smash: Any = write(
            smash, name="HastyResult", send=Sent, done=PotView, unknown=UnknownView, ask=ASK, description="Smash it."
        )

    with pytest.raises(SchemaError, match=re.escape("Hasty.smash: writes, so it must stand at the root of Mutation")):
        build_schema(Hasty, [pots])


def test_a_link_at_the_root_of_mutation_stops_the_start() -> None:
    """What reads stands below Query."""

    @strawberry.type(description="Writes.")
    class Idle:
        pot: PotView | None = link(pot, description="The pot.")

    with pytest.raises(SchemaError, match=re.escape("Idle.pot: stands at the root of Mutation and does not write")):
        build_schema(Query, [pots], mutation=Idle)
