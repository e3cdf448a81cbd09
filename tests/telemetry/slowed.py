"""Both BFFs over services that take time, by a clock that is moved by hand; one of them may be slower than the rest."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from bff_core.app import Doubles, create_app
from bff_core.bff import Bff
from bff_core.clock import sleep
from bff_core.telemetry.facts import RequestFinished
from bff_core.testing.client import Client, Reply, client_for
from bff_core.testing.clock import FakeClock
from bff_core.testing.observer import RecordingObserver
from bff_core.testing.tokens import TokenMint
from bff_core.testing.transport import ScriptedTransport, json_reply
from tests.screens import Screen
from tests.web.counter import SCOPES, answer

#: Seconds that a call takes by itself; more than a step, so that waves are told apart.
USUAL = 0.02
STEP = 0.004

KEYS = "/.well-known/jwks.json"


@dataclass
class Slowed:
    """One BFF, open. ``slow``: seconds that a call to these services takes on top. ``failing``: calls yet to fail."""

    bff: Bff
    client: Client
    clock: FakeClock
    mint: TokenMint
    observer: RecordingObserver
    transports: Mapping[str, ScriptedTransport]
    slow: dict[str, float]
    failing: Counter[str]

    async def show(self, screen: Screen, client: str, **headers: str) -> tuple[Reply, RequestFinished]:
        """Answer one screen while time goes on; the reply, and the fact of its end."""
        sent = {"apollographql-client-name": client, **headers}
        token = self.mint.token(scopes=SCOPES, clock=self.clock)
        asked = asyncio.ensure_future(self.client.query(screen.text, screen.variables, token=token, headers=sent))
        await self.clock.settle()
        while not asked.done():
            await self.clock.advance(STEP)
        return await asked, self.observer.of(RequestFinished)[-1]

    async def series(self) -> dict[str, float]:
        """Every sample of /metrics: name and labels as they stand there, and the value."""
        text = (await self.client.http.get("/metrics")).text
        lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {series: float(value) for series, _, value in lines}

    @property
    def calls(self) -> Counter[str]:
        """How often each service was asked, without the issuer's keys."""
        asked = {name: one.requests for name, one in self.transports.items()}
        return Counter({name: sum(one.url.path != KEYS for one in requests) for name, requests in asked.items()})


@asynccontextmanager
async def slowed(bff: Bff, **environment: str) -> AsyncIterator[Slowed]:
    """A BFF with its own settings, but for retries and kept answers: there are none."""
    clock, mint, observer = FakeClock(), TokenMint("http://issuer.test", "shop"), RecordingObserver()
    slow: dict[str, float] = {}
    failing: Counter[str] = Counter()

    def transport(service: str) -> ScriptedTransport:
        async def respond(request: httpx.Request) -> httpx.Response:
            if request.url.path == KEYS:
                return json_reply(mint.jwks())
            await sleep(clock, USUAL + slow.get(service, 0.0))
            failing[service] -= 1
            return httpx.Response(503) if failing[service] >= 0 else answer(request)

        return ScriptedTransport(respond)

    transports = {service.name: transport(service.name) for service in bff.services}
    values = {
        "AUTH__ISSUER": mint.issuer,
        "LOGS__LEVEL": "error",
        "CACHE__MAX_BYTES": "0",
        "SERVICES__ALL__RETRY__RETRIES": "0",
        **environment,
    }
    settings = bff.load_settings({f"BFF_{bff.name.upper()}__{key}": value for key, value in values.items()})
    doubles = Doubles(clock=clock, transports=lambda one: transports[one.name], observers=[observer])
    async with client_for(create_app(bff, settings, doubles)) as client:
        await clock.settle()
        yield Slowed(bff, client, clock, mint, observer, transports, slow, failing)
        await clock.settle()
