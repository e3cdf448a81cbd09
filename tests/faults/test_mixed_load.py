"""A thousand requests of fifty users at once, while the services fail now this way, now that, and clients leave.

Nobody is given what is another's, and when all is over nothing is left: no permit, no flight, no task, no connection
but the pools' own, no memory.
"""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.types import Message, Scope

from bff_core.app import Doubles, create_app
from bff_core.outbound.transport import HttpTransport, TransportOptions
from bff_core.telemetry.facts import BugFound, Fact
from bff_core.testing.client import Client, client_for
from bff_mobile.app import mobile
from bff_web.app import web
from tests.conftest import ISSUER, Shop

OPERATIONS = Path(__file__).parents[2] / "schema" / "operations"

#: What chance does in these tests; a failure names it.
SEED = 7
USERS = [str(number) for number in range(1, 51)]
REQUESTS = 1000
#: What the last of several rounds may keep more than the one before, in bytes: 1,000 requests, 0.3 kB each.
MOST_GROWTH = 300_000

#: One after another, for ever, as fast as the services take them; between any two they are well.
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

#: Everything is kept, and for so short that it is fresh, old and gone many times in a round.
SETTINGS = """
[edge]
port = 8000
budget_ms = 6000
known_clients = ["web-app", "ios"]

[auth]
issuer = "{issuer}"
audience = "shop"

[logs]
level = "error"

[services.all]
in_flight = {in_flight}
waiting = 1000
longest_wait_ms = 500
max_connections = {connections}
attempt_timeout_ms = 400

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
"""
IN_FLIGHT, CONNECTIONS = 40, 64


@dataclass(frozen=True)
class Visit:
    """One request: of whom (None: of nobody in particular), for what, in which language."""

    bff: str
    operation: str
    variables: str = "{}"
    user: str | None = None
    locale: str = "en"
    narrow: bool = False

    @property
    def request(self) -> bytes:
        """The body that asks for it."""
        text = (OPERATIONS / self.bff / f"{self.operation}.graphql").read_text(encoding="utf-8")
        return json.dumps({"query": text, "variables": json.loads(self.variables)}).encode()


def private_visits(user: str) -> Iterator[Visit]:
    """What shows a user's own data, and would show it to a token that reaches less far."""
    for narrow in (False, True):
        yield Visit("web", "AccountPage", user=user, narrow=narrow)
        yield Visit("mobile", "MeScreen", user=user, narrow=narrow)


PUBLIC = [
    *(
        Visit("web", "ProductPage", json.dumps({"id": node}))
        for node in ("UHJvZHVjdDox", "UHJvZHVjdDoy", "UHJvZHVjdDoz")
    ),
    *(Visit("web", "SearchPage", json.dumps({"query": query})) for query in ("lamp", "chair")),
    Visit("web", "Refetch", json.dumps({"id": "UHJvZHVjdDo0"})),
    *(
        Visit("mobile", "ProductScreen", json.dumps({"id": one}), locale=lang)
        for one in "1234"
        for lang in ("en", "de")
    ),
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


class Bugs:
    """Keeps what was found of our own mistakes, and nothing else."""

    def __init__(self) -> None:
        self.found: list[BugFound] = []

    def observe(self, fact: Fact) -> None:
        """Keep a bug."""
        if isinstance(fact, BugFound):
            self.found.append(fact)


@dataclass(frozen=True)
class Pair:
    """Both BFFs over the same services, what they found wrong with themselves, and the tokens of those who visit."""

    apps: Mapping[str, Starlette]
    clients: Mapping[str, Client]
    transports: Sequence[HttpTransport]
    bugs: Bugs
    tokens: Mapping[tuple[str, bool], str]

    def token(self, visit: Visit) -> str | None:
        """What a visit shows of its user."""
        return None if visit.user is None else self.tokens[visit.user, visit.narrow]

    async def ask(self, visit: Visit) -> tuple[int, Any]:
        """One request, to its end."""
        visitor = Visitor(visit, self.token(visit))
        await visitor.go(self.apps[visit.bff])
        return visitor.status, json.loads(visitor.body)

    async def gauges(self) -> Counter[str]:
        """What of each BFF is under way, as its metrics tell; nothing where all is at rest."""
        under_way: Counter[str] = Counter()
        for name, client in self.clients.items():
            for family in text_string_to_metric_families((await client.http.get("/metrics")).text):
                if family.name in ("bff_bulkhead_in_flight", "bff_bulkhead_waiting", "bff_flights_under_way"):
                    for sample in family.samples:
                        under_way[f"{name} {sample.labels['service']} {sample.name}"] += int(sample.value)
        return +under_way


@asynccontextmanager
async def a_pair(shop: Shop, folder: Path, tokens: Mapping[tuple[str, bool], str]) -> AsyncIterator[Pair]:
    """Both BFFs, open."""
    file = folder / "settings.toml"
    file.write_text(SETTINGS.format(issuer=ISSUER, in_flight=IN_FLIGHT, connections=CONNECTIONS, **shop.urls))
    bugs, transports = Bugs(), []

    def transport(_: object) -> HttpTransport:
        transports.append(HttpTransport(TransportOptions(max_connections=CONNECTIONS)))
        return transports[-1]

    async with AsyncExitStack() as stack:
        apps, clients = {}, {}
        for declared in (web, mobile):
            bff = replace(declared, settings=file)
            apps[bff.name] = create_app(
                bff, bff.load_settings({}), Doubles(random=Random(SEED), transports=transport, observers=[bugs])
            )
            clients[bff.name] = await stack.enter_async_context(client_for(apps[bff.name]))
            assert (await clients[bff.name].query("{ __typename }")).errors == []
        yield Pair(apps, clients, transports, bugs, tokens)


async def every_token(shop: Shop) -> Mapping[tuple[str, bool], str]:
    """For each user a token that reaches as far as the screens need, and one that reaches nothing of theirs."""

    def issue() -> Mapping[tuple[str, bool], str]:
        return {(user, narrow): shop.token(user, [] if narrow else None) for user in USERS for narrow in (False, True)}

    return await asyncio.to_thread(issue)


async def own_data(pair: Pair) -> Mapping[Visit, Any]:
    """What each user sees of their own while all is well; nobody sees what another does."""
    visits = [visit for user in USERS for visit in private_visits(user) if not visit.narrow]
    answers = [await pair.ask(visit) for visit in visits]
    assert [status for status, _ in answers] == [200] * len(visits)
    seen = {visit: body["data"]["me"] for visit, (_, body) in zip(visits, answers, strict=True)}
    assert all(me["id"] == visit.user for visit, me in seen.items())
    assert len({json.dumps(me, sort_keys=True) for me in seen.values()}) == len(visits)
    return seen


def assert_own(visit: Visit, status: int, body: Any, own: Mapping[Visit, Any]) -> None:
    """An answer is a 200 whose every value is this visitor's own, and says by known codes what it lacks."""
    assert status == 200, (SEED, visit, body)
    codes = {error["extensions"]["code"] for error in body.get("errors", ())}
    assert codes <= CODES | ({"FORBIDDEN"} if visit.narrow else set()), (SEED, visit, codes)
    if visit.user is None:
        return
    me = body["data"]["me"]
    assert me is None or not visit.narrow, (SEED, visit, me)
    if me is not None:
        assert of(me, own[visit]), (SEED, visit, me)
    elif not visit.narrow:
        assert codes, (SEED, visit)


def of(part: Any, whole: Any) -> bool:
    """Whether one answer is another with parts left out: values null, rows of lists gone."""
    if part is None:
        return True
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(name in whole and of(one, whole[name]) for name, one in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and all(any(of(one, other) for other in whole) for one in part)
    return bool(part == whole)


async def a_round(pair: Pair, shop: Shop, own: Mapping[Visit, Any], chance: Random, leaving: float = 0.0) -> int:
    """All requests at once while the services fail in turn; how many were answered. ``leaving``: of one, who leaves."""
    visits = [visit for user in USERS for visit in private_visits(user)] * 3
    visits += chance.choices(PUBLIC, k=REQUESTS - len(visits))
    chance.shuffle(visits)
    over = asyncio.Event()

    async def faults() -> None:
        number = 0
        while not over.is_set():
            service, fault = FAULTS[number % len(FAULTS)]
            await asyncio.to_thread(shop.fault, service, **fault)
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), 0.08)
            await asyncio.to_thread(shop.heal)
            number += 1

    async def one(visit: Visit) -> bool:
        visitor = Visitor(visit, pair.token(visit))
        if chance.random() < leaving:
            asyncio.get_running_loop().call_later(chance.random(), visitor.leave)
        await visitor.go(pair.apps[visit.bff])
        if visitor.status == 499:
            return False
        assert_own(visit, visitor.status, json.loads(visitor.body), own)
        return True

    failing = asyncio.create_task(faults())
    try:
        answered = await asyncio.gather(*map(one, visits))
    finally:
        over.set()
        await failing
    return sum(answered)


async def assert_at_rest(pair: Pair, tasks: int) -> None:
    """Nothing is under way that began with a request; what a refresh began has time to end."""
    async with asyncio.timeout(10):
        # Over real sockets nothing tells when the last one is gone.
        while await pair.gauges() or len(asyncio.all_tasks()) > tasks:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    for transport in pair.transports:
        standing = transport.statistics()
        assert (standing.in_use, standing.waiting) == (0, 0)
    assert pair.bugs.found == []


async def test_a_thousand_requests_of_fifty_users_while_services_fail(shop: Shop, tmp_path: Path) -> None:
    """Each is answered with its user's own or less, and nothing is left when all is over."""
    tokens, chance = await every_token(shop), Random(SEED)
    async with a_pair(shop, tmp_path, tokens) as pair:
        own = await own_data(pair)
        tasks = len(asyncio.all_tasks())
        assert await a_round(pair, shop, own, chance) == REQUESTS
        await assert_at_rest(pair, tasks)
        again = await own_data(pair)
        assert again == own


async def test_clients_that_leave_take_nothing_along_and_leave_nothing(shop: Shop, tmp_path: Path) -> None:
    """With every third client leaving at some instant, the others are answered as ever and memory does not grow."""
    tokens, chance = await every_token(shop), Random(SEED)
    async with a_pair(shop, tmp_path, tokens) as pair:
        own = await own_data(pair)
        tasks = len(asyncio.all_tasks())
        left: list[int] = []
        taken: list[int] = []
        tracemalloc.start()
        try:
            for _ in range(3):
                left.append(REQUESTS - await a_round(pair, shop, own, chance, leaving=1 / 3))
                await assert_at_rest(pair, tasks)
                gc.collect()
                taken.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
        assert min(left) > 0
        # The first round fills what is kept for good; after that each round gives back what it takes.
        assert taken[2] - taken[1] < MOST_GROWTH, (SEED, taken)
