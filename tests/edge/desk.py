"""A small BFF to test the edge with: words that anybody may read, a diary for who signs in, and fields that fail.

Nothing here is of the shop. Every service is a scripted transport; time is moved by hand.
"""

# mypy: disable-error-code="untyped-decorator"
# Strawberry types its decorators by a plugin that looks at whole packages.

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import httpx
import strawberry
from graphql import GraphQLError
from starlette.applications import Starlette
from strawberry.scalars import JSON

from bff_core.app import Doubles, create_app
from bff_core.bff import Bff
from bff_core.contract import JwkSet, Record, Service
from bff_core.errors import Bug, DeadlinePassed
from bff_core.graphql.context import Info
from bff_core.graphql.link import Argument, link
from bff_core.graphql.schema import Schema
from bff_core.graphql.view import shown, view
from bff_core.telemetry.facts import BugFound, RequestFinished
from bff_core.testing.client import Client, client_for
from bff_core.testing.clock import FakeClock
from bff_core.testing.observer import RecordingObserver
from bff_core.testing.tokens import TokenMint
from bff_core.testing.transport import Reply, ScriptedTransport, json_reply

#: Stands in messages that no client may read.
SECRET = "10.1.2.3"

words = Service("words")
diaries = Service("diaries")
issuer = Service("issuer")


class Word(Record):
    """A word."""

    id: str
    text: str


class Diary(Record):
    """What somebody noted."""

    owner: str
    latest: str


class Issued(Record):
    """A token, freshly issued."""

    access_token: str


word_by_id = words.batch("GET /words", keys="id", returns=Word, key="id", max_keys=20)
saying_by_id = words.batch(
    "GET /sayings", keys="id", returns=Word, key="id", max_keys=20, fresh=10, stale_if_error=600, negative=10
)
fable_by_id = words.batch(
    "GET /fables", keys="id", returns=Word, key="id", max_keys=20, fresh=20, stale=30, stale_if_error=300, negative=0
)
motto_by_id = words.batch(
    "GET /mottos", keys="id", returns=Word, key="id", max_keys=20, fresh=60, no_stale=True, varies=("locale", "client")
)
diary = diaries.get("GET /diary", returns=Diary, relay=True)
keys = issuer.get("GET /keys", returns=JwkSet)
token = issuer.get("GET /tokens/{user}", returns=Issued)


@view(Word, name="Word", description="A word.")
class WordView:
    """A word."""

    id: strawberry.ID = shown("An id.")
    text: str = shown("How it is written.")


@view(Diary, name="Diary", description="What somebody noted.")
class DiaryView:
    """A diary."""

    owner: str = shown("Whose it is.")
    latest: str = shown("The latest note.")


@strawberry.type(description="A value that two fields are read from.")
class Pair:
    """Plain, so that an error can stand inside an object."""

    @strawberry.field(description="Itself, repeated.")
    def repeated(self, times: Annotated[int, strawberry.argument(description="How often.")] = 2) -> str:
        """Needs nobody."""
        return "ab" * times


@strawberry.type(description="A type that knows none of its values.")
class Stranger:
    """What is returned for it is never one."""

    name: str = strawberry.field(description="A name.")

    @classmethod
    def is_type_of(cls, _value: object, _info: object) -> bool:
        """Never."""
        return False


@strawberry.type(description="Everything one can ask at the desk.")
class Query:
    """The root."""

    word: WordView | None = link(word_by_id, key=Argument("id", strawberry.ID, "An id."), description="One word.")
    saying: WordView | None = link(
        saying_by_id, key=Argument("id", strawberry.ID, "An id."), description="One saying, which is kept a while."
    )
    sayings: list[WordView | None] | None = link(
        saying_by_id, key=Argument("ids", list[strawberry.ID], "Ids."), description="Some sayings."
    )
    fable: WordView | None = link(
        fable_by_id, key=Argument("id", strawberry.ID, "An id."), description="One fable, which serves when it is old."
    )
    motto: WordView | None = link(
        motto_by_id, key=Argument("id", strawberry.ID, "An id."), description="One motto, of each language and client."
    )
    diary: DiaryView | None = link(diary, description="The reader's own diary.")

    @strawberry.field(description="The time at which the request began.")
    def now(self, info: Info) -> float:
        """Needs nobody."""
        return info.context.now

    @strawberry.field(description="Whom the BFF takes the reader for.")
    def reader(self, info: Info) -> str | None:
        """Looks where nothing declares it."""
        return info.context.scope.principal.subject

    @strawberry.field(description="The locale that the answer is worded for.")
    def locale(self, info: Info) -> str:
        """Needs nobody."""
        return info.context.locale

    @strawberry.field(description="What was said, that often.")
    def echo(
        self,
        text: Annotated[str, strawberry.argument(description="What to say.")] = "hey",
        times: Annotated[int, strawberry.argument(description="How often.")] = 1,
    ) -> str | None:
        """Needs nobody."""
        return text * times

    @strawberry.field(description="A value with fields of its own.")
    def pair(self) -> Pair | None:
        """Needs nobody."""
        return Pair()

    @strawberry.field(description="Fails by a bug of ours.")
    def bug(self) -> str | None:
        """Names an inner address."""
        raise Bug(f"{SECRET} is not what it should be")

    @strawberry.field(description="Fails by an exception nobody thought of.")
    def crash(self) -> str | None:
        """Names an inner address."""
        raise ValueError(f"cannot reach {SECRET}")

    @strawberry.field(description="Fails by an error made for GraphQL.")
    def graphql_error(self) -> str | None:
        """Names an inner address."""
        raise GraphQLError(f"{SECRET} says no")

    @strawberry.field(description="Fails by an error made for GraphQL over one of ours.")
    def wrapped(self) -> str | None:
        """Names an inner address."""
        raise GraphQLError(SECRET, original_error=DeadlinePassed(SECRET))

    @strawberry.field(description="Is of another type than it says.")
    def stranger(self) -> Stranger | None:
        """Names an inner address."""
        return Stranger(name=SECRET)

    @strawberry.field(description="Is null where it must not be.")
    def nothing(self) -> str:
        """As a record that does not keep its type."""
        return None  # type: ignore[return-value]  # the mistake this field is about

    @strawberry.field(description="Is larger than Int.")
    def huge(self) -> int | None:
        """Larger than 32 bits."""
        return 10_123_000_000

    @strawberry.field(description="Holds half of a surrogate pair.")
    def half(self) -> str | None:
        """Which UTF-8 cannot hold."""
        return "half \ud800 pair"

    @strawberry.field(description="Holds what JSON cannot.")
    def unwritable(self) -> JSON | None:
        """An object of ours."""
        return JSON({"it": object()})

    @strawberry.field(description="Never ends.")
    async def endless(self) -> str | None:
        """Until it is cancelled."""
        await asyncio.Event().wait()
        return None


@strawberry.type(description="What changes something.")
class Mutation:
    """The root of mutations."""

    @strawberry.mutation(description="Notes something.")
    def note(self) -> str | None:
        """Needs nobody."""
        return "noted"


class WritableBff(Bff):
    """A BFF with a mutation, ahead of the contract's commands."""

    @cached_property
    def strawberry_schema(self) -> Schema:
        """As every BFF's, and a mutation."""
        return Schema(query=Query, mutation=Mutation)


DESK = WritableBff(
    name="desk",
    query=Query,
    services=(words, diaries, issuer),
    settings=Path(__file__).with_name("desk.toml"),
    keys=keys,
    development_token=token,
)


def answer_word(request: httpx.Request) -> Reply:
    """Every word exists."""
    return json_reply([{"id": one, "text": f"word {one}"} for one in request.url.params.get_list("id")])


def answer_diary(request: httpx.Request) -> Reply:
    """The diary of whoever's token came."""
    return json_reply({"owner": "somebody", "latest": request.headers.get("authorization", "")[:6]})


@dataclass
class Desk:
    """The BFF with its doubles; ``client`` speaks to it, ``app`` is it."""

    app: Starlette
    client: Client
    clock: FakeClock
    observer: RecordingObserver
    mint: TokenMint
    transports: Mapping[str, ScriptedTransport]

    @property
    def token(self) -> str:
        """A valid token."""
        return self.mint.token(clock=self.clock)

    @property
    def request(self) -> RequestFinished:
        """The one fact of the one request so far."""
        (fact,) = self.observer.of(RequestFinished)
        return fact

    @property
    def bugs(self) -> list[str]:
        """Where bugs were found."""
        return [fact.where for fact in self.observer.of(BugFound)]

    async def post(self, content: bytes | str, **headers: str) -> httpx.Response:
        """POST these very bytes, as JSON unless a header says otherwise; ``x_y`` is the header ``x-y``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.http.post(
            "/graphql", content=content, headers={"content-type": "application/json", **named}
        )

    async def get(self, params: Any = None, **headers: str) -> httpx.Response:
        """GET with these parameters; ``x_y`` is the header ``x-y``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.http.get("/graphql", params=params, headers=named)


@dataclass
class Script:
    """How the services answer; a transport's responder each."""

    words: Any = answer_word
    diaries: Any = answer_diary
    issuer: Any = None
    held: tuple[str, ...] = field(default=())


@asynccontextmanager
async def desk(
    environment: Mapping[str, str] | None = None, *, script: Script | None = None, bff: Bff = DESK
) -> AsyncIterator[Desk]:
    """A desk that is open; ``environment`` keys are without the BFF's prefix.

    At its end nothing may be left: no task, no timer, no request, no permit, no open transport.
    """
    script = script or Script()
    clock, observer = FakeClock(), RecordingObserver()
    mint = TokenMint("http://issuer.test", "desk")
    responders = {
        "words": script.words,
        "diaries": script.diaries,
        "issuer": script.issuer or (lambda _: json_reply(mint.jwks())),
    }
    transports = {name: ScriptedTransport(responder) for name, responder in responders.items()}
    for name in script.held:
        transports[name].hold()
    settings = bff.load_settings({f"BFF_DESK__{key}": value for key, value in (environment or {}).items()})
    before = asyncio.all_tasks()
    app = create_app(
        bff,
        settings,
        Doubles(clock=clock, transports=lambda service: transports[service.name], observers=[observer]),
    )
    async with client_for(app) as client:
        await clock.settle()
        yield Desk(app, client, clock, observer, mint, transports)
        await clock.settle()
        for name in script.held:
            transports[name].let_go()
        await clock.settle()
        assert asyncio.all_tasks() == before, "a task is left"
        assert clock.timers == 0, f"a timer is left: {clock!r}"
    assert [transport.pending for transport in transports.values()] == [0, 0, 0]
    assert all(transport.closed for transport in transports.values())


def read_only(bff: Bff = DESK) -> Bff:
    """The same BFF without its mutation."""
    return Bff(**{name: getattr(replace(bff), name) for name in Bff.__dataclass_fields__})
