"""Scopes over the edge: what a token holds decides by field, before any service is asked, and once a request."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any

import httpx
import pytest
import strawberry

from bff_core.auth.principal import Credential, Principal
from bff_core.documents.lookup import DocumentOptions, Documents
from bff_core.edge.client import Client
from bff_core.edge.http import Asked
from bff_core.edge.pipeline import Pipeline, PipelineOptions, Sender
from bff_core.graphql.callplan import CallPlan
from bff_core.graphql.executor import StrawberryExecutor
from bff_core.graphql.operations import Operation, Operations
from bff_core.graphql.schema import Schema
from bff_core.graphql.view import computed, view
from bff_core.testing.client import Reply
from bff_core.testing.clock import FakeClock
from bff_core.testing.observer import RecordingObserver
from tests.edge.desk import Desk, Script, Word, desk
from tests.edge.locked import LOCKED

SCOPES = ("word:id", "word:origin", "secret:read", "memoir:read", "notes:read")
EVERYTHING = '{ word(id: "1") { id text origin } secret(id: "2") { text } memoir { latest } notes { latest } }'

SIGN_IN = ("UNAUTHENTICATED", "Sign in to see this.")
TOO_NARROW = ("FORBIDDEN", "The credential does not reach this far.")
LATER = ("AUTH_UNAVAILABLE", "Signing in cannot be verified right now.")


def shown(reply: Reply) -> dict[str, tuple[str, str]]:
    """Code and message of each error, by path."""
    return {".".join(one["path"]): (one["extensions"]["code"], one["message"]) for one in reply.errors}


def asked(room: Desk) -> list[str]:
    """What the services were asked, but for the issuer."""
    return [target for name in ("words", "diaries") for target in room.transports[name].targets]


@pytest.mark.parametrize(
    ("scopes", "keys", "error"),
    [
        (None, None, SIGN_IN),
        (("other",), None, TOO_NARROW),
        ((), None, TOO_NARROW),
        (SCOPES, httpx.Response(500), LATER),
    ],
)
async def test_who_may_not_see_it_is_told_at_each_place(scopes: Any, keys: Any, error: tuple[str, str]) -> None:
    """HTTP 200, what is for everybody is there, the rest is null and in ``errors``; only the word was asked for."""
    script = Script(issuer=keys and (lambda _: keys))
    async with desk(script=script, bff=LOCKED) as room:
        token = None if scopes is None else room.mint.token(clock=room.clock, scopes=scopes)
        reply = await room.client.query(EVERYTHING, token=token)
        assert reply.status == 200
        assert reply.data == {
            "word": {"id": None, "text": "word 1", "origin": None},
            "secret": None,
            "memoir": None,
            "notes": None,
        }
        assert shown(reply) == dict.fromkeys(("word.id", "word.origin", "secret", "memoir", "notes"), error)
        assert asked(room) == ["GET /words?id=1"]
        assert room.request.calls == 1
        assert room.bugs == []


@pytest.mark.parametrize("scopes", [None, ("other",)])
async def test_a_refusal_is_no_degradation(scopes: Any) -> None:
    """The client's fault stands in ``errors`` alone, whichever kind of place it is."""
    async with desk(bff=LOCKED) as room:
        token = None if scopes is None else room.mint.token(clock=room.clock, scopes=scopes)
        reply = await room.client.query(EVERYTHING, token=token)
        assert reply.degraded == []
        assert "x-degraded" not in reply.headers


async def test_who_holds_the_scopes_sees_everything() -> None:
    """One call each, and the credential goes to the diaries alone."""
    async with desk(bff=LOCKED) as room:
        room.transports["diaries"]
        reply = await room.client.query(EVERYTHING, token=room.mint.token(clock=room.clock, scopes=SCOPES))
        assert (reply.status, reply.errors) == (200, [])
        assert reply.data == {
            "word": {"id": "1", "text": "word 1", "origin": "origin of 1"},
            "secret": {"text": "word 2"},
            "memoir": {"latest": "Bearer"},
            "notes": {"latest": "Bearer"},
        }
        assert sorted(asked(room)) == ["GET /diary", "GET /notes", "GET /words?id=1&id=2"]


@pytest.mark.parametrize("missing", SCOPES)
async def test_each_scope_opens_its_own_place(missing: str) -> None:
    """Who lacks one loses one place."""
    places = dict(zip(SCOPES, ("word.id", "word.origin", "secret", "memoir", "notes"), strict=True))
    async with desk(bff=LOCKED) as room:
        token = room.mint.token(clock=room.clock, scopes=set(SCOPES) - {missing})
        reply = await room.client.query(EVERYTHING, token=token)
        assert shown(reply) == {places[missing]: TOO_NARROW}


async def test_the_same_document_is_judged_for_each_request() -> None:
    """The operation is prepared once; what is denied is not remembered from one request to the next."""
    async with desk(bff=LOCKED) as room:
        wide = room.mint.token(clock=room.clock, scopes=SCOPES)
        for token, there in ((None, False), (wide, True), (None, False)):
            reply = await room.client.query('{ secret(id: "1") { text } }', token=token)
            assert reply.data == {"secret": {"text": "word 1"} if there else None}


# Once a request -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counted(CallPlan):
    """A plan that notes how often it was asked what is denied."""

    asked: list[frozenset[str]] = field(default_factory=list)

    def denied(self, held: frozenset[str]) -> frozenset[str]:
        """As every plan, and noted."""
        self.asked.append(held)
        return super().denied(held)


class Counting(Operations):
    """Operations whose plans are counted."""

    def __init__(self, schema: Schema) -> None:
        super().__init__(schema._schema)
        self.plans: list[Counted] = []

    def prepare(self, text: str, name: str | None = None) -> Operation:
        """As always, but for the plan."""
        operation = super().prepare(text, name)
        plan = Counted(**{one.name: getattr(operation.plan, one.name) for one in fields(CallPlan)})
        self.plans.append(plan)
        return replace(operation, plan=plan)


class Reader:
    """Whoever asks is somebody who may read lengths."""

    async def principal(self, authorization: str | None, within: float) -> tuple[Principal, Credential | None]:
        """The same for everybody."""
        return Principal("7", scopes=frozenset({"length"})), None


@view(Word, name="Word", description="A word.")
class AllScoped:
    """A word of which all needs scopes."""

    text: str | None = computed(lambda word: word.text, "How it is written.", scopes=["text"])
    length: int | None = computed(lambda word: len(word.text), "How long it is.", scopes=["length"])


def _words(number: Annotated[int, strawberry.argument(description="How many.")]) -> list[AllScoped]:
    return [Word(id=str(one), text="word") for one in range(number)]  # type: ignore[misc]  # a record is the value


@strawberry.type(description="Everything one can ask.")
class Words:
    """The root; needs no service."""

    words: list[AllScoped] = strawberry.field(resolver=_words, description="So many words.")


async def test_what_is_denied_is_computed_once_a_request() -> None:
    """However many places need scopes, the plan is asked once, for the scopes of this principal."""
    schema = Schema(query=Words)
    operations, clock = Counting(schema), FakeClock()
    pipeline = Pipeline(
        PipelineOptions("words"),
        authenticator=Reader(),
        documents=Documents(DocumentOptions("open")),
        operations=operations,
        executor=StrawberryExecutor(schema),
        reads={},
        clock=clock,
        observer=RecordingObserver(),
    )
    for request in (1, 2):
        journey = pipeline.begin(Sender(f"request-{request}", Client()))
        answer = await pipeline.answer(Asked("{ words(number: 30) { text length } }", {}, None, by_get=False), journey)
        assert answer.data == {"words": [{"text": None, "length": 4}] * 30}
        assert [one["extensions"]["code"] for one in answer.errors] == ["FORBIDDEN"] * 30
        assert answer.extensions == {}
        assert operations.plans[-1].asked == [frozenset({"length"})]
    assert len(operations.plans) == 2
