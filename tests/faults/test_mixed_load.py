"""A thousand requests of fifty users, a hundred at once, while services fail now this way, now that, and clients leave.

Nobody is given what is another's, and when all is over nothing is left: no permit, no flight, no task, no connection
but the pools' own, no memory. Services and connections are real ones; what chance does is the same in every run, and
what the machine makes of it is not.
"""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import cycle
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.types import Message, Scope

from bff_core.app import Doubles, create_app
from bff_core.cache.flights import Flight
from bff_core.clock import SystemClock
from bff_core.edge.pipeline import Journey
from bff_core.graphql.context import Context
from bff_core.graphql.ledger import Ledger
from bff_core.loading.scope import RequestScope
from bff_core.outbound.channel import Caller
from bff_core.outbound.transport import HttpTransport, TransportOptions
from bff_core.telemetry.facts import BugFound, Fact, FlightLanded
from bff_core.testing.client import Client, client_for
from bff_mobile.app import mobile
from bff_web.app import web
from tests.conftest import ISSUER, Shop
from tests.sockets import sockets_to

OPERATIONS = Path(__file__).parents[2] / "schema" / "operations"

#: What chance does in these tests; a failure names it.
SEED = 7
USERS = [str(number) for number in range(1, 51)]
REQUESTS = 1000
#: So many come at one instant, and each of the others when one of those before has ended.
AT_ONCE = 100
#: So long after it came a client may leave, in seconds.
STAYS = 1.0
#: What a round may keep more than the one before, in bytes: 0.3 kB for each of its requests. The first fills what is
#: kept for good, and which connections are at rest at its end is chance; but what leaks does so in every round.
MOST_GROWTH = 300_000
MOST_ROUNDS = 6
#: What has not come to rest, or recovered, after so many seconds of a machine however busy, never does.
A_HANG = 90.0

#: One after another, for ever, each for so many seconds; after so many of them all is well until somebody has been
#: answered whole, however slow the machine: else breakers that never close again would look like bad luck.
FAULT_LASTS, FAULTS_TO_A_CALM = 0.08, 4
FAULTS: Sequence[tuple[str, Mapping[str, Any]]] = [
    ("users", {"error_rate": 0.5, "status": 500}),
    ("products", {"hang": True}),
    ("users", {"drop": True}),
    ("products", {"garbage": True}),
    ("users", {"hang": True}),
    ("products", {"truncate": True}),
    ("users", {"error_rate": 1.0, "status": 429}),
    ("products", {"latency_ms": 20, "jitter_ms": 100}),
    ("users", {"garbage": True}),
    ("products", {"drop": True}),
    ("orders", {"truncate": True}),
    ("payments", {"hang": True}),
    ("orders", {"error_rate": 0.5, "status": 503}),
    ("payments", {"garbage": True}),
]

#: What a client may read while services fail. INTERNAL is none of them, and neither is a refusal of who is signed in.
CODES = {
    "DEADLINE_EXCEEDED",
    "SERVICE_BAD_PAYLOAD",
    "SERVICE_BREAKER_BUSY",
    "SERVICE_BREAKER_OPEN",
    "SERVICE_BUSY",
    "SERVICE_ERROR",
    "SERVICE_TIMEOUT",
    "SERVICE_UNREACHABLE",
}

#: What must be gone when the requests that made it are.
OF_A_REQUEST = (RequestScope, Flight, Journey, Ledger, Context, Caller)
#: Longer than anything of these settings is kept, or left alone. Seconds.
FORGOTTEN = 120.0
#: Everything is kept, and for so short that it is fresh, old and gone many times in a round.
SETTINGS = """
[edge]
port = 8000
budget_ms = 10000
known_clients = ["web-app", "ios"]

[documents]
policy = "open"

[shedding]
longest_lag_ms = 60000

[auth]
issuer = "{issuer}"
audience = "shop"

[logs]
level = "error"

[services.all]
in_flight = {in_flight}
waiting = 1000
longest_wait_ms = 4000
max_connections = {connections}
attempt_timeout_ms = 2000

[services.all.breaker]
timeout_s = 0.1

[services.users]
url = "{users}"

[services.users.windows]
"GET /me" = {{ fresh_s = 0.1, stale_s = 0.1, stale_if_error_s = 60 }}
"GET /me/addresses" = {{ fresh_s = 0.1, stale_s = 0.2, stale_if_error_s = 0 }}
"GET /me/preferences" = {{ fresh_s = 0.1, stale_s = 0, stale_if_error_s = 0 }}
"GET /profiles" = {{ fresh_s = 0.1, stale_s = 0.1, stale_if_error_s = 60 }}

[services.products]
url = "{products}"

[services.products.windows]
"GET /products" = {{ fresh_s = 0.1, stale_s = 0.1, stale_if_error_s = 60 }}
"GET /products/search" = {{ fresh_s = 0.1, stale_s = 0.2, stale_if_error_s = 0 }}
"GET /categories" = {{ fresh_s = 0.1, stale_s = 0, stale_if_error_s = 0 }}
"POST /stock/query" = {{ fresh_s = 0.05 }}
"GET /products/{{product_id}}/reviews" = {{ fresh_s = 0.1, stale_s = 0.1, stale_if_error_s = 0 }}

[services.orders]
url = "{orders}"

[services.orders.windows]
"GET /me/orders" = {{ fresh_s = 0.1, stale_s = 0.1, stale_if_error_s = 0 }}
"GET /parcels" = {{ fresh_s = 0.1, stale_s = 0, stale_if_error_s = 60 }}

[services.payments]
url = "{payments}"

[services.payments.windows]
"GET /payments" = {{ fresh_s = 0.05 }}
"GET /me/payment-methods" = {{ fresh_s = 0.1, stale_s = 0.1, stale_if_error_s = 0 }}

[services.notifications]
url = "{notifications}"

[services.notifications.windows]
"GET /me/notifications" = {{ fresh_s = 0.1, stale_s = 0.1, stale_if_error_s = 60 }}
"GET /me/notifications/unread-count" = {{ fresh_s = 0.1, stale_s = 0.1, stale_if_error_s = 60 }}
"""
#: Few, so that all of them are taken all the time, and what the pools hold at rest is little.
IN_FLIGHT, CONNECTIONS = 12, 16


@dataclass(frozen=True)
class Visit:
    """One request: of whom (None: of nobody in particular), for what, in which language."""

    bff: str
    operation: str
    variables: str = "{}"
    user: str | None = None
    locale: str = "en"
    narrow: bool = False

    @cached_property
    def request(self) -> bytes:
        """The body that asks for it."""
        text = (OPERATIONS / self.bff / f"{self.operation}.graphql").read_text(encoding="utf-8")
        return json.dumps({"query": text, "variables": json.loads(self.variables)}).encode()


#: What anybody may see, of nobody in particular.
PUBLIC = [
    *(Visit("web", "ProductPage", json.dumps({"id": f"UHJvZHVjdDo{letter}"})) for letter in "xyz0"),
    *(Visit("web", "SearchPage", json.dumps({"query": query})) for query in ("lamp", "chair")),
    Visit("web", "Refetch", json.dumps({"id": "UHJvZHVjdDo0"})),
    *(Visit("mobile", "ProductScreen", json.dumps({"id": one}), locale=tag) for one in "1234" for tag in ("en", "de")),
]

#: What shows a user's own data, and would show it to a token that does not reach so far.
PRIVATE = [
    Visit(bff, operation, user=user, narrow=narrow)
    for user in USERS
    for bff, operation in (("web", "AccountPage"), ("mobile", "MeScreen"))
    for narrow in (False, False, False, True)
] + [
    Visit(bff, operation, user=user, narrow=narrow)
    for user in USERS[:10]
    for bff, operation in (("web", "OrderHistory"), ("mobile", "Orders"))
    for narrow in (False, True)
]


class Visitor:
    """The client of one request, as a server shows it: sends its body, and leaves when it is told to."""

    def __init__(self, visit: Visit, token: str | None) -> None:
        self._visit = visit
        self._token = token
        self._sent = False
        self._left = asyncio.Event()
        self.status = 0
        self.body = b""

    async def go(self, app: Starlette) -> None:
        """Ask and be answered."""
        headers = {
            "content-type": "application/json",
            "accept": "application/json",
            "accept-language": self._visit.locale,
            "apollographql-client-name": "web-app" if self._visit.bff == "web" else "ios",
        }
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token}"
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("bff", 80),
        }
        await app(scope, self._receive, self._send)

    def leave(self) -> None:
        """Close the connection."""
        self._left.set()

    async def _receive(self) -> Message:
        if not self._sent:
            self._sent = True
            return {"type": "http.request", "body": self._visit.request, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.body += message.get("body", b"")


class Watch:
    """Keeps what was found of our own mistakes, and tells when a flight has landed; of all else it keeps nothing."""

    def __init__(self) -> None:
        self.bugs: list[BugFound] = []
        self.landed = asyncio.Event()

    def observe(self, fact: Fact) -> None:
        """Keep a bug; tell of a landing."""
        if isinstance(fact, BugFound):
            self.bugs.append(fact)
        elif isinstance(fact, FlightLanded):
            self.landed.set()


class Ahead(SystemClock):
    """The clock of production, which can be put forward once nothing waits for it."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def monotonic(self) -> float:
        """Seconds on a scale of its own."""
        return super().monotonic() + self._ahead

    def put_forward(self, seconds: float) -> None:
        """Let what was kept grow old, and what was left alone be tried again."""
        self._ahead += seconds


@dataclass(frozen=True)
class Pair:
    """Both BFFs over the same services, what they found wrong with themselves, and the tokens of those who visit."""

    apps: Mapping[str, Starlette]
    clients: Mapping[str, Client]
    transports: Sequence[HttpTransport]
    watch: Watch
    clock: Ahead
    tokens: Mapping[tuple[str, bool], str]

    def token(self, visit: Visit) -> str | None:
        """What a visit shows of its user."""
        return None if visit.user is None else self.tokens[visit.user, visit.narrow]

    async def ask(self, visit: Visit) -> tuple[int, Any]:
        """One request, to its end."""
        visitor = Visitor(visit, self.token(visit))
        await visitor.go(self.apps[visit.bff])
        return visitor.status, json.loads(visitor.body)

    async def under_way(self) -> Counter[str]:
        """What of each BFF is under way, as its metrics tell; nothing where all is at rest."""
        return await self._gauges("bff_bulkhead_in_flight", "bff_bulkhead_waiting", "bff_flights_under_way")

    async def not_closed(self) -> Counter[str]:
        """The breakers that are half-open or open."""
        return await self._gauges("bff_breaker_state")

    async def _gauges(self, *names: str) -> Counter[str]:
        """What of some metrics is more than 0."""
        found: Counter[str] = Counter()
        for bff, client in self.clients.items():
            for family in text_string_to_metric_families((await client.http.get("/metrics")).text):
                if family.name in names:
                    for sample in family.samples:
                        found[f"{bff} {sample.labels['service']} {sample.name}"] += int(sample.value)
        return +found


@asynccontextmanager
async def a_pair(shop: Shop, folder: Path, tokens: Mapping[tuple[str, bool], str]) -> AsyncIterator[Pair]:
    """Both BFFs, open."""
    file = folder / "settings.toml"
    file.write_text(SETTINGS.format(issuer=ISSUER, in_flight=IN_FLIGHT, connections=CONNECTIONS, **shop.urls))
    watch, clock, transports = Watch(), Ahead(), []

    def transport(_: object) -> HttpTransport:
        transports.append(HttpTransport(TransportOptions(max_connections=CONNECTIONS)))
        return transports[-1]

    async with AsyncExitStack() as stack:
        apps, clients = {}, {}
        for declared in (web, mobile):
            bff = replace(declared, settings=file)
            apps[bff.name] = create_app(
                bff, bff.load_settings({}), Doubles(clock, Random(SEED), transports=transport, observers=[watch])
            )
            clients[bff.name] = await stack.enter_async_context(client_for(apps[bff.name]))
            assert (await clients[bff.name].query("{ __typename }")).errors == []
        yield Pair(apps, clients, transports, watch, clock, tokens)


async def every_token(shop: Shop) -> Mapping[tuple[str, bool], str]:
    """For each user a token that reaches as far as the screens need, and one that reaches nothing of theirs."""

    def issue() -> Mapping[tuple[str, bool], str]:
        return {(user, narrow): shop.token(user, [] if narrow else None) for user in USERS for narrow in (False, True)}

    return await asyncio.to_thread(issue)


async def seen_while_all_is_well(pair: Pair) -> Mapping[Visit, Any]:
    """The data of every visit; nobody sees of themselves what another does."""
    data = {}
    for visit in {*PUBLIC, *PRIVATE}:
        status, body = await pair.ask(visit)
        assert status == 200
        assert [error["extensions"]["code"] for error in body.get("errors", [])] == ["FORBIDDEN"] * visit.narrow
        data[visit] = body["data"]
    own = {visit: seen["me"] for visit, seen in data.items() if visit.user and not visit.narrow and "me" in seen}
    assert all(me["id"] == visit.user for visit, me in own.items())
    assert len({me["email"] for me in own.values()}) == len(USERS)
    return data


@dataclass
class Round:
    """All requests at once while the services fail in turn, and what came of them.

    ``leaving``: the part of the clients that leave at some instant, one in four by its server's stopping.
    """

    pair: Pair
    shop: Shop
    seen: Mapping[Visit, Any]
    leaving: float
    whole: int = 0
    left: int = 0
    faults: int = 0
    calm_over: Event = field(default_factory=Event)
    told: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Ends when the last request has."""
        chance = Random(SEED)
        visits = [chance.choice(PUBLIC if chance.random() < 0.4 else PRIVATE) for _ in range(REQUESTS)]
        places = asyncio.Semaphore(AT_ONCE)
        with self._failing():
            tasks = [asyncio.create_task(self._go(visit, places, Random(SEED + n))) for n, visit in enumerate(visits)]
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ended:
            if isinstance(end, asyncio.CancelledError):
                self.left += 1
            elif end is not None:
                raise end

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """The services fail in turn, switched from a thread of its own: the loop has other things to do."""
        over = Event()

        def fail() -> None:
            for service, fault in cycle(FAULTS):
                self.shop.fault(service, **fault)
                self.faults += 1
                over.wait(FAULT_LASTS)
                self.shop.mend(service)
                if self.faults % FAULTS_TO_A_CALM == 0:
                    self.calm_over.clear()
                    if not over.is_set():
                        self.calm_over.wait()
                if over.is_set():
                    return

        failing = Thread(target=fail, name="faults")
        failing.start()
        try:
            yield
        finally:
            over.set()
            self.calm_over.set()
            failing.join()

    async def _go(self, visit: Visit, places: asyncio.Semaphore, chance: Random) -> None:
        async with places:
            await self._come(visit, chance)

    async def _come(self, visit: Visit, chance: Random) -> None:
        visitor, loop, own = Visitor(visit, self.pair.token(visit)), asyncio.get_running_loop(), asyncio.current_task()
        assert own is not None
        leave = own.cancel if chance.random() < 0.25 else visitor.leave
        leaves = loop.call_later(chance.random() * STAYS, leave) if chance.random() < self.leaving else None
        try:
            await visitor.go(self.pair.apps[visit.bff])
        finally:
            if leaves:
                leaves.cancel()
        if visitor.status == 499:
            assert leaves
            self.left += 1
        else:
            self._check(visit, visitor.status, json.loads(visitor.body))

    def _check(self, visit: Visit, status: int, body: Any) -> None:
        """A 200 with this visitor's own data, which says by known codes where and why it lacks some of them."""
        where = f"seed {SEED}: {visit} is answered {status} {body}"
        assert status == 200, where
        errors, degraded = body.get("errors", []), body.get("extensions", {}).get("degraded", [])
        codes = [error["extensions"]["code"] for error in errors] + [entry["reason"] for entry in degraded]
        assert set(codes) <= CODES | ({"FORBIDDEN"} if visit.narrow else set()), where
        omitted = {".".join(step for step in error.get("path", []) if isinstance(step, str)) for error in errors}
        fallback = {entry["path"] for entry in degraded if entry["source"] == "fallback"}
        for position, value, whole in differences(body["data"], self.seen[visit]):
            less = value is None or (isinstance(value, list) and all(one in whole for one in value))
            assert any(f"{position}.".startswith(f"{one}.") for one in fallback) or (
                less and any(not one or f"{position}.".startswith(f"{one}.") for one in omitted)
            ), f"{where}; nothing says why {position} is {value!r}"
        if not codes:
            self.whole += 1
            self.calm_over.set()
        self.told.update(set(codes))


def differences(one: Any, other: Any, position: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where the first is not the second, and what either is there; a position in a list stands without its number."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for name in one:
            yield from differences(one[name], other[name], f"{position}.{name}" if position else name)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for mine, theirs in zip(one, other, strict=True):
            yield from differences(mine, theirs, position)
    elif one != other:
        yield position, one, other


def of_requests() -> Counter[str]:
    """What this process holds of what a request makes."""
    gc.collect()
    return Counter(type(one).__name__ for one in gc.get_objects() if isinstance(one, OF_A_REQUEST))


async def recovered(pair: Pair) -> None:
    """Time has gone on and the services are well: calls go through, and every breaker closes; then all is forgotten.

    A breaker that lost the place of a probe would stay half-open for ever.
    """
    pair.clock.put_forward(FORGOTTEN)
    async with asyncio.timeout(A_HANG):
        while await pair.not_closed():
            for visit in PUBLIC + PRIVATE[:32] + PRIVATE[-32:]:
                await pair.ask(visit)
            pair.clock.put_forward(FORGOTTEN)
    pair.clock.put_forward(FORGOTTEN)


async def assert_at_rest(pair: Pair, tasks: set[asyncio.Task[Any]]) -> None:
    """Nothing is under way that began with a request; what refreshes and writes began has time to end."""
    async with asyncio.timeout(A_HANG):
        while True:
            pair.watch.landed.clear()
            if not await pair.under_way():
                break
            await pair.watch.landed.wait()
    assert asyncio.all_tasks() == tasks
    assert {(one.in_use, one.waiting) for one in (each.statistics() for each in pair.transports)} == {(0, 0)}
    assert pair.watch.bugs == []


@pytest.mark.parametrize("leaving", [0.0, 0.4], ids=["all stay", "some leave"])
async def test_a_thousand_requests_of_fifty_users_a_hundred_at_once(leaving: float, shop: Shop, tmp_path: Path) -> None:
    """Each is given their own data or told what is missing, and nothing is left when all is over."""
    tokens = await every_token(shop)
    others = {url: sockets_to(url) for url in shop.urls.values()}  # the services, which are in this process too
    async with a_pair(shop, tmp_path, tokens) as pair:
        seen = await seen_while_all_is_well(pair)
        tasks, before = asyncio.all_tasks(), of_requests()  # other tests may have left some in their tracebacks
        taken: list[int] = []
        tracemalloc.start()
        try:
            while len(taken) < 2 or taken[-1] - taken[-2] > MOST_GROWTH:
                assert len(taken) < MOST_ROUNDS, f"seed {SEED}: each round keeps more: {taken} bytes"
                one = Round(pair, shop, seen, leaving)
                await one.run()
                await assert_at_rest(pair, tasks)
                await recovered(pair)
                assert await seen_while_all_is_well(pair) == seen  # so that each round ends with the same answers kept
                await assert_at_rest(pair, tasks)
                await asyncio.to_thread(shop.forget)  # the services are in this process, too
                assert of_requests() == before
                taken.append(tracemalloc.get_traced_memory()[0])
                assert all(sockets_to(url) - others[url] <= 2 * CONNECTIONS for url in shop.urls.values())
                # All of this happened at all.
                assert one.faults >= 3
                assert one.whole > 0
                assert len(one.told) > 3
                assert (one.left > REQUESTS / 20) is (leaving > 0)
        finally:
            tracemalloc.stop()
    assert {url: sockets_to(url) for url in shop.urls.values() if sockets_to(url) > others[url]} == {}
