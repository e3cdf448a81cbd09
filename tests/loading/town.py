"""A town to test sharing on: one service that tells in every answer what it was asked with, and how often it was told.

So an answer that reaches somebody else shows: it says whose credential, which locale and which client it was made for,
and, where requests have ids, which call brought it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from bff_core.auth.principal import ANONYMOUS, Credential, Principal
from bff_core.cache.records import CacheOptions, RecordCache
from bff_core.cache.store import MemoryStore
from bff_core.contract import Endpoint, KeyStyle, Record, Service, Windows
from bff_core.deadline import Deadline
from bff_core.loading.reads import Reads
from bff_core.loading.scope import RequestScope
from bff_core.outbound.channel import Channel, ChannelOptions
from bff_core.outbound.guards import GuardOptions, Guards
from bff_core.resilience.breaker import BreakerOptions
from bff_core.resilience.bulkhead import BulkheadOptions
from bff_core.resilience.retry import RetryOptions
from bff_core.testing.clock import FakeClock
from bff_core.testing.observer import RecordingObserver
from bff_core.testing.transport import Reply, ScriptedTransport, json_reply
from bff_core.windows import written_elsewhere

town = Service("town")


class House(Record):
    """What the service says of a key, and what it was asked with.

    ``call``: the number of the call that brought it, an index of ``Townhall.transport.requests``; only where the
    request that made it has an id.
    """

    id: str
    version: int
    credential: str | None = None
    locale: str | None = None
    client: str | None = None
    call: int | None = None


class Paint(Record):
    """What a house is painted with."""

    colour: str


houses = town.batch(
    "GET /houses",
    keys="ids",
    style=KeyStyle.COMMA,
    returns=House,
    key="id",
    at="items",
    max_keys=10,
    fresh=10,
    stale=20,
    stale_if_error=60,
    negative=2,
)
tower = town.get("GET /towers/{id}", returns=House, fresh=10, stale=20, stale_if_error=60)
market = town.get("GET /market/{id}", returns=House, fresh=10, no_stale=True)
well = town.get("GET /wells/{id}", returns=House)
mine = town.get("GET /mine", returns=House, relay=True, fresh=10, stale=20, stale_if_error=60)
keys_of = town.batch(
    "GET /keys", keys="ids", returns=House, key="id", at="items", max_keys=10, relay=True, scopes=("keys",), fresh=10
)
vault = town.get("GET /vaults/{id}", returns=House, public=False, fresh=10)
signs = town.get("GET /signs/{id}", returns=House, varies=("locale",), fresh=10)
doors = town.get("GET /doors/{id}", returns=House, varies=("client",), fresh=10)
letters = town.get("GET /letters/{id}", returns=House, relay=True, varies=("locale", "client"), fresh=10)
paint = town.command("POST /paint/{id}", body=Paint, returns=House, drops=[houses, mine], relay=True)
sweep = town.command("POST /sweep/{id}", returns=House, drops=[tower])
move = town.command("POST /moves/{id}", returns=House, drops=[vault, letters])

#: Two callers that differ in nothing but their subject.
ANN = Principal("ann", "issuer", "north", frozenset({"keys"}))
BOB = Principal("bob", "issuer", "north", frozenset({"keys"}))


@dataclass(eq=False)
class Call:
    """One call that the service answers by hand: who asked, for what, and how it ended (None: it has not).

    ``version`` is what was true when the call came, and that is what a read is answered with, however late; of a write
    that has ended, what it made true.
    """

    number: int
    request_id: str
    route: str
    keys: tuple[str, ...]
    version: int
    reply: asyncio.Future[Reply]
    ended: str | None = None

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return self.route.startswith("POST")

    def __repr__(self) -> str:
        return f"<call {self.number} of {self.request_id}: {self.route} {self.keys} {self.ended or 'held'}>"


class Townhall:
    """The service: ``version`` is raised by every write; ``answer`` stands in for all answers where it is set.

    With ``by_hand`` it answers no call until ``end`` is called for it; ``calls`` is all of these, oldest first. A write
    changes something at its last instant, also when that is its cancellation.
    """

    def __init__(self) -> None:
        self.version = 1
        self.unknown: set[str] = set()
        self.answer: Reply | None = None
        self.by_hand = False
        self.calls: list[Call] = []
        self.transport = ScriptedTransport(self._respond)

    @property
    def held(self) -> list[Call]:
        """The calls that wait for their answer, oldest first."""
        return [call for call in self.calls if call.ended is None]

    def end(self, call: Call, how: str) -> None:
        """End one call: ``answer`` it, say that its first key is ``missing``, ``lose`` it, or answer with a status."""
        if call.reply.done():
            return  # it is given up at this very instant
        call.ended = how
        if how == "lose":
            call.reply.set_result(httpx.ConnectError("lost"))
        elif how in ("answer", "missing"):
            call.reply.set_result(self._reply(self.transport.requests[call.number], call, how == "missing"))
        else:
            call.reply.set_result(httpx.Response(int(how)))

    def _respond(self, request: httpx.Request) -> Reply | Awaitable[Reply]:
        if self.by_hand:
            return self._answer_by_hand(request)
        if self.answer is not None:
            return self.answer
        if request.method == "POST":
            self.version += 1
        return self._reply(request)

    async def _answer_by_hand(self, request: httpx.Request) -> Reply:
        call = Call(
            number=self._number(request),
            request_id=request.headers["x-request-id"],
            route=f"{request.method} /{request.url.path.split('/')[1]}",
            keys=tuple(keys_asked(request)),
            version=self.version,
            reply=asyncio.get_running_loop().create_future(),
        )
        self.calls.append(call)
        try:
            return await call.reply
        finally:
            call.ended = call.ended or "cancelled"
            if call.writes:
                self.version += 1
                call.version = self.version

    def _reply(self, request: httpx.Request, call: Call | None = None, first_is_missing: bool = False) -> Reply:
        keys = keys_asked(request)
        known = [key for key in keys[first_is_missing:] if key not in self.unknown]
        version = self.version if call is None else call.version
        if request.url.params.get("ids") is not None:
            return json_reply({"items": [self._house(request, key, version) for key in known]})
        return json_reply(self._house(request, known[0], version)) if known else httpx.Response(404)

    def _house(self, request: httpx.Request, key: str, version: int) -> dict[str, Any]:
        headers = request.headers
        return {
            "id": key,
            "version": version,
            "credential": headers.get("authorization"),
            "locale": headers.get("accept-language"),
            "client": headers.get("x-client-name"),
            "call": self._number(request) if "x-request-id" in headers else None,
        }

    def _number(self, request: httpx.Request) -> int:
        return next(number for number, each in enumerate(self.transport.requests) if each is request)

    def fail(self, status: int = 500) -> None:
        """Answer everything with this status from now on."""
        self.answer = httpx.Response(status)

    def heal(self) -> None:
        """Answer again."""
        self.answer = None

    @property
    def targets(self) -> list[str]:
        """What was asked, in order."""
        return self.transport.targets


def keys_asked(request: httpx.Request) -> list[str]:
    """What a call asks for; a route without a key is called by its last part."""
    asked = [part for value in request.url.params.get_list("ids") for part in value.split(",")]
    return asked or [request.url.path.rsplit("/", 1)[-1]]


@dataclass
class Town:
    """The service, what requests share of it, and a clock moved by hand."""

    clock: FakeClock
    observer: RecordingObserver
    hall: Townhall
    reads: Reads
    channel: Channel
    store: MemoryStore
    scopes: list[RequestScope] = field(default_factory=list)

    def scope(
        self,
        principal: Principal = ANN,
        *,
        token: str | None = None,
        seconds: float = 2.0,
        locale: str = "en",
        client: str = "web",
        request_id: str = "",
    ) -> RequestScope:
        """A new request's scope, to be entered; its credential says whose it is."""
        credential = None if principal is ANONYMOUS else Credential(token or str(principal.subject))
        return RequestScope(
            reads={"town": self.reads},
            deadline=Deadline.after(self.clock, seconds),
            clock=self.clock,
            principal=principal,
            credential=credential,
            request_id=request_id,
            locale=locale,
            client=client,
            reserve=0.1,
        )

    async def ask(self, endpoint: Endpoint[Any], *keys: Any, **options: Any) -> list[Any]:
        """What a request of its own gets for these keys: the records, or the classes of the errors."""
        async with self.scope(**options) as scope:
            outcomes = await scope.load_many(endpoint, keys)
        return [outcome.value if outcome.error is None else type(outcome.error) for outcome in outcomes]

    async def version(self, endpoint: Endpoint[Any], key: Any, **options: Any) -> Any:
        """The version that a request of its own gets, or the class of the error."""
        (value,) = await self.ask(endpoint, key, **options)
        return value.version if isinstance(value, House) else value


@asynccontextmanager
async def a_town(
    *,
    windows: Mapping[Endpoint[Any], Windows] | None = None,
    workers: int = 1,
    in_flight: int = 20,
    longest_call: float = 1.6,
    jitter: float = 0.0,
) -> AsyncIterator[Town]:
    """A town with nothing kept; at its end no task, timer, call, permit or flight may be left."""
    before = _tasks()
    clock, observer, hall = FakeClock(), RecordingObserver(), Townhall()
    options = GuardOptions(
        retry=RetryOptions(retries=0),
        breaker=BreakerOptions(metrics_only=True),
        bulkhead=BulkheadOptions(in_flight=in_flight),
    )
    channel = Channel(
        "town",
        ChannelOptions(url="http://town.test", attempt_timeout=1.5),
        transport=hall.transport,
        guards=Guards("town", options, clock, observer),
        clock=clock,
        observer=observer,
    )
    declared = {one: one.policy.windows for one in town.endpoints if one.policy.windows is not None}
    store = MemoryStore(1_000_000)
    elsewhere = written_elsewhere([town]) if workers > 1 else frozenset()
    records = RecordCache(CacheOptions(windows or declared, jitter, elsewhere), store, clock, Random(7))
    reads = Reads(channel, records, clock, observer, longest_call)
    yield Town(clock, observer, hall, reads, channel, store)
    await clock.settle()
    assert _tasks() == before
    assert clock.timers == 0
    assert (hall.transport.pending, channel.bulkhead().in_flight, reads.flights.under_way()) == (0, 0, 0)
    await reads.aclose()
    await channel.aclose()


def _tasks() -> set[asyncio.Task[Any]]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
