"""A cell, played for real: a fresh BFF over the running services, one of which fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field

from bff_core.app import Doubles, create_app
from bff_core.bff import Bff
from bff_core.clock import SystemClock
from bff_core.telemetry.facts import BreakerChanged
from bff_core.testing.client import Client, Reply, client_for
from bff_core.testing.observer import RecordingObserver
from tests.conftest import Shop
from tests.faults.cells import Cell
from tests.faults.golden import as_kept
from tests.faults.ways import Means
from tests.outbound.raw_server import nobody_listening

#: What holds in every cell unless its way says otherwise: retries and breakers that never run out by chance, and times
#: that two attempts fit into, so long that only what hangs is late on a busy machine.
EDGE = {"BUDGET_MS": "4000", "RESERVE_MS": "50"}
SERVICES = {
    "ATTEMPT_TIMEOUT_MS": "1800",
    "CONNECT_TIMEOUT_MS": "1800",
    "LONGEST_WAIT_MS": "50",
    "RETRY__RETRIES": "1",
    "RETRY__BASE_MS": "25",
    "RETRY__BUDGET_MINIMUM": "1000",
    "RETRY__HEDGING": "false",
    "BREAKER__TRIP_AFTER": "10000",
}

#: Nothing is kept, so that every answer is what the services say now; and windows that end when they say.
NO_CACHE = {"CACHE__MAX_BYTES": "0"}
CACHE = {"CACHE__JITTER_PERCENT": "0"}

#: Who holds a permit; nobody's screen.
HOLDER = "100"

#: An operation that calls a service once and, as nobody's but ``HOLDER``'s, asks for nothing that a screen asks for.
HOLDERS = {
    ("web", "users"): "{ me { id } }",
    ("web", "products"): '{ search(query: "held") { totalCount } }',
    ("mobile", "users"): "{ me { id } }",
    ("mobile", "products"): '{ productScreen(id: "2") { id } }',
    ("web", "orders"): "{ cart { version } }",
    ("web", "payments"): "{ me { paymentMethods { id } } }",
    ("web", "notifications"): "{ unreadCount }",
    ("mobile", "orders"): "{ cart { version } }",
    ("mobile", "payments"): "{ me { paymentMethods } }",
    ("mobile", "notifications"): "{ unreadBadge }",
}


class LeapingClock(SystemClock):
    """Another clock, which can leap: what was kept before is old at once. Its calendar and its timers go on as ever."""

    def __init__(self, below: SystemClock) -> None:
        self._below = below
        self._leapt = 0.0

    def leap(self, seconds: float) -> None:
        """Let so much time have passed."""
        self._leapt += seconds

    def monotonic(self) -> float:
        return self._below.monotonic() + self._leapt

    def wall(self) -> float:
        return self._below.wall()


@dataclass(frozen=True)
class Seen:
    """What came of it: the answer, how long it took and how long it may (seconds), the calls that each service got."""

    reply: Reply
    seconds: float
    budget: float
    calls: Mapping[str, int]
    breakers: list[BreakerChanged] = field(default_factory=list)


async def play(cell: Cell, shop: Shop) -> Seen:
    """Bring the cell about, ask for its screen once, and say what was seen."""
    screen = cell.screen
    token = shop.token(screen.user)
    sent = token if cell.signed_in else None
    observer = RecordingObserver()
    async with AsyncExitStack() as stack:
        environment = _environment(cell, shop)
        spare = stack.enter_context(ExitStack())
        if cell.way.means is Means.STOP:
            # Of the issuer there is one until its keys are known; nobody has asked another service before it stops.
            stopped = shop.another(cell.service) if cell.issuer and not cell.cold else nobody_listening()
            environment[f"SERVICES__{cell.service.upper()}__URL"] = spare.enter_context(stopped)
        if cell.cold and cell.way.fault:
            shop.fault(cell.service, route=cell.route, **cell.way.fault)
        settings = shop.settings(screen.bff, **environment)
        clock = LeapingClock(screen.clock)
        app = create_app(screen.bff, settings, Doubles(clock=clock, observers=[observer]))
        client = await stack.enter_async_context(client_for(app))
        if not cell.cold:
            # Waits for the issuer's keys; what it answers depends on the clock, and is nothing to us.
            await client.query("{ __typename }", token=token)
            if cell.issuer:
                spare.close()
            if cell.age is not None:
                async with asyncio.timeout(10):
                    # Again where a busy machine was too slow for the short times of the way.
                    while (await client.query(screen.text, screen.variables, token=sent)).degraded:
                        pass
                clock.leap(cell.age)
            await stack.enter_async_context(_beginning(cell, shop, client, sent))
        shop.forget()
        started = time.monotonic()
        reply = as_kept(await client.query(screen.text, screen.variables, token=sent))
        seconds = time.monotonic() - started
        calls = {service: _asked(shop, service, screen.bff) for service in shop.urls}
    changes = [fact for fact in observer.of(BreakerChanged) if fact.service == cell.service]
    return Seen(reply, seconds, settings.edge.budget_ms / 1000, calls, changes)


def _environment(cell: Cell, shop: Shop) -> dict[str, str]:
    """The settings of a cell, without the BFF's prefix."""
    settings = {f"EDGE__{key}": value for key, value in (EDGE | dict(cell.way.edge)).items()}
    settings |= NO_CACHE if cell.age is None else CACHE
    for service in shop.urls:
        own = SERVICES | dict(cell.way.everywhere)
        if service == cell.service:
            own |= cell.way.settings
            if cell.way.means is Means.BREAKER:
                own |= {"BREAKER__FORCED": "open"} if cell.cold else {"BREAKER__TRIP_AFTER": "0"}
        settings |= {f"SERVICES__{service.upper()}__{key}": value for key, value in own.items()}
    return settings


@asynccontextmanager
async def _beginning(cell: Cell, shop: Shop, client: Client, token: str | None) -> AsyncIterator[None]:
    """The service begins to fail, under a BFF that is up."""
    way, screen = cell.way, cell.screen
    holder_token = shop.token(HOLDER) if way.means is Means.BULKHEAD else None
    if way.means is Means.BREAKER:
        shop.fault(cell.service, error_rate=1.0, status=500)
        await client.query(screen.text, screen.variables, token=token)
        mend(cell, shop)
    elif way.fault:
        shop.fault(cell.service, route=cell.route, **way.fault)
    if way.means is not Means.BULKHEAD:
        yield
        return
    shop.forget()
    query = HOLDERS[screen.bff.name, cell.service]
    holder = asyncio.create_task(client.query(query, token=holder_token))
    try:
        async with asyncio.timeout(10):
            while not shop.calls(cell.service):  # noqa: ASYNC110  # the service is in another thread
                await asyncio.sleep(0)
        yield
    finally:
        shop.mend(cell.service)  # what hangs goes on
        await holder


def mend(cell: Cell, shop: Shop) -> None:
    """End what a cell has brought about, faults and writes."""
    shop.mend(cell.service)
    if cell.screen.writes:
        shop.reset()


def _asked(shop: Shop, service: str, bff: Bff) -> int:
    """How many calls a service got, but for the keys: when these are asked for again is another matter."""
    keys = bff.keys.path if bff.keys else None
    return sum(call["path"] != keys for call in shop.calls(service))
