"""A service dies for a minute under steady traffic: how little it is asked meanwhile, how soon all is well again."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

import httpx
import pytest

from bff_core.app import Doubles, create_app
from bff_core.contract import Service
from bff_core.settings import ServiceSettings
from bff_core.telemetry.facts import BreakerChanged
from bff_core.testing.client import Client, client_for
from bff_core.testing.clock import FakeClock
from bff_core.testing.observer import RecordingObserver
from bff_core.testing.tokens import TokenMint
from bff_core.testing.transport import ScriptedTransport, json_reply
from bff_web.app import web

#: Searches a second, each with words of its own, so that none is spared by another's answer.
RATE = 10
MINUTE = 60.0

SEARCH = "query ($words: String!) { search(query: $words) { totalCount } }"
NOTHING_FOUND: dict[str, object] = {"items": [], "cursors": [], "next": None, "total": 0}

Reply = httpx.Response | Exception

#: What a dead service does with a call; None: it takes it and never answers.
DEAD: dict[str, Callable[[], Reply] | None] = {"refuses": lambda: httpx.ConnectError("refused"), "hangs": None}


class Products:
    """The product service, as a transport: well but between ``die`` and ``revive``."""

    def __init__(self) -> None:
        self.transport = ScriptedTransport(self._reply)
        self._dead: Callable[[], Reply] | None = None

    def die(self, how: str) -> None:
        """Every call fails from now on; those before are forgotten."""
        self.transport.requests.clear()
        self._dead = DEAD[how]
        if self._dead is None:
            self.transport.hold()

    def revive(self) -> None:
        """Every call is answered from now on."""
        self._dead = None
        self.transport.let_go()

    @property
    def calls(self) -> int:
        """How many it got."""
        return len(self.transport.requests)

    @property
    def first_attempts(self) -> int:
        """How many of them were the first at their question, and so were let through by the breaker."""
        return len(set(self.transport.targets))

    def _reply(self, _: httpx.Request) -> Reply:
        return self._dead() if self._dead else json_reply(NOTHING_FOUND)


class Shoppers:
    """Steady traffic. ``good`` and ``bad``: when each search was sent that was answered as ever, or was not."""

    def __init__(self, client: Client, clock: FakeClock) -> None:
        self.good: list[float] = []
        self.bad: list[float] = []
        self._client = client
        self._clock = clock
        self._searches: list[asyncio.Task[None]] = []

    async def search(self, seconds: float) -> None:
        """Go on for so long."""
        for _ in range(round(seconds * RATE)):
            self._searches.append(asyncio.create_task(self._search(len(self._searches))))
            await self._clock.advance(1 / RATE)

    async def leave(self) -> None:
        """Wait until every search has been answered."""
        await self._clock.advance(MINUTE)
        await asyncio.gather(*self._searches)

    async def _search(self, number: int) -> None:
        sent = self._clock.monotonic()
        reply = await self._client.query(SEARCH, {"words": str(number)})
        assert reply.status == 200
        well = reply.body == {"data": {"search": {"totalCount": 0}}}
        (self.good if well else self.bad).append(sent)


@dataclass(frozen=True)
class Mall:
    """The web over a scripted product service, with shoppers in it; ``settings`` are those of the service."""

    shoppers: Shoppers
    products: Products
    clock: FakeClock
    observer: RecordingObserver
    settings: ServiceSettings

    async def until_the_breaker_opens(self) -> None:
        """Go on searching for a moment until it opens once more."""
        changes = len(self.observer.of(BreakerChanged))
        while all(change.after != "open" for change in self.observer.of(BreakerChanged)[changes:]):
            assert self.clock.monotonic() < 3 * MINUTE, "it never does"
            await self.shoppers.search(1 / RATE)


@asynccontextmanager
async def open_mall(**environment: str) -> AsyncIterator[Mall]:
    """The web with the shop's own settings; ``environment`` are those of the product service that differ."""
    clock, products, observer = FakeClock(), Products(), RecordingObserver()
    mint = TokenMint("http://issuer.test", "shop")
    users = ScriptedTransport(lambda _: json_reply(mint.jwks()))

    def transport(service: Service) -> ScriptedTransport:
        return products.transport if service.name == "products" else users

    changed = {f"SERVICES__PRODUCTS__{key}": value for key, value in environment.items()}
    fixed = {"LOGS__LEVEL": "error", "DOCUMENTS__SAY_REGISTERED": "false"}
    settings = web.load_settings({f"BFF_WEB__{key}": value for key, value in (fixed | changed).items()})
    doubles = Doubles(clock=clock, random=Random(1), transports=transport, observers=[observer])
    async with client_for(create_app(web, settings, doubles)) as client:
        mall = Mall(Shoppers(client, clock), products, clock, observer, settings.services["products"])
        yield mall
        await mall.shoppers.leave()


@pytest.mark.parametrize("how", DEAD)
async def test_retries_of_a_minute_are_a_fifth(how: str) -> None:
    """Where the breaker only watches, a service dead for a minute gets 1.2 calls for each first attempt at most."""
    async with open_mall(BREAKER__METRICS_ONLY="true") as mall:
        await mall.shoppers.search(10)
        mall.products.die(how)
        await mall.shoppers.search(MINUTE)
        calls, first_attempts = mall.products.calls, mall.products.first_attempts
    assert first_attempts == MINUTE * RATE
    assert first_attempts < calls <= 1.2 * first_attempts


@pytest.mark.parametrize("how", DEAD)
async def test_dead_for_a_minute_and_back(how: str) -> None:
    """Dead, it gets what opens the breaker, then its probes; back, all is well after its timeout and one probing.

    It comes back at the worst instant, just when the breaker has opened again. Without the least number of retries that
    a quiet service is always granted, the fifth holds for so few calls, too.
    """
    async with open_mall(RETRY__BUDGET_MINIMUM="0") as mall:
        products, breaker = mall.products, mall.settings.breaker
        products.die(how)
        await mall.shoppers.search(MINUTE)
        await mall.until_the_breaker_opens()
        dead_for = mall.clock.monotonic()
        calls, first_attempts = products.calls, products.first_attempts
        products.revive()
        probing = breaker.max_requests / RATE
        await mall.shoppers.search(breaker.timeout_s + probing + 5)

    longest = mall.settings.attempt_timeout_ms / 1000 if how == "hangs" else 0.0
    probings = math.ceil(dead_for / breaker.timeout_s)
    assert calls <= 1.2 * first_attempts
    assert calls <= breaker.trip_after + 1 + RATE * longest + probings * breaker.max_requests
    assert min(mall.shoppers.good) >= dead_for - longest, "of what was asked while it was dead"
    assert max(mall.shoppers.bad) <= dead_for + breaker.timeout_s + probing
