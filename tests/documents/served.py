"""Both BFFs with other settings of their documents, over services that answer nothing but who signed a token."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from bff_core.app import Doubles, create_app
from bff_core.bff import Bff
from bff_core.telemetry.facts import RequestFinished
from bff_core.testing.client import Client, client_for
from bff_core.testing.clock import FakeClock
from bff_core.testing.observer import RecordingObserver
from bff_core.testing.tokens import TokenMint
from bff_core.testing.transport import ScriptedTransport, json_reply


@dataclass
class Served:
    """A BFF under a policy; ``calls`` counts what its services were asked, but for keys."""

    client: Client
    observer: RecordingObserver
    transports: Mapping[str, ScriptedTransport]

    @property
    def calls(self) -> int:
        """So far, of all services."""
        return sum(
            not request.url.path.endswith("jwks.json") for one in self.transports.values() for request in one.requests
        )

    @property
    def labels(self) -> list[str]:
        """The operation label of each request so far."""
        return [fact.operation for fact in self.observer.of(RequestFinished)]

    async def post(self, **asked: Any) -> httpx.Response:
        """A POST of this."""
        return await self.client.http.post("/graphql", json=asked)

    async def get(self, **asked: Any) -> httpx.Response:
        """A GET of this; what is no text goes as JSON."""
        params = {name: value if isinstance(value, str) else json.dumps(value) for name, value in asked.items()}
        return await self.client.http.get("/graphql", params=params)


@asynccontextmanager
async def served(bff: Bff, **documents: str) -> AsyncIterator[Served]:
    """The BFF with these settings of ``documents``; there is no retry, which would wait, and no breaker."""
    clock, observer, mint = FakeClock(), RecordingObserver(), TokenMint("http://issuer.test", "shop")

    def answer(request: httpx.Request) -> httpx.Response:
        return json_reply(mint.jwks()) if request.url.path.endswith("jwks.json") else json_reply({}, 500)

    transports = {service.name: ScriptedTransport(answer) for service in bff.services}
    given = {
        "AUTH__ISSUER": mint.issuer,
        "LOGS__LEVEL": "error",
        "SERVICES__ALL__RETRY__RETRIES": "0",
        "SERVICES__ALL__BREAKER__METRICS_ONLY": "true",
        **{f"DOCUMENTS__{key.upper()}": value for key, value in documents.items()},
    }
    settings = bff.load_settings({f"BFF_{bff.name.upper()}__{key}": value for key, value in given.items()})
    doubles = Doubles(clock=clock, transports=lambda service: transports[service.name], observers=[observer])
    async with client_for(create_app(bff, settings, doubles)) as client:
        await clock.settle()
        yield Served(client, observer, transports)
        await clock.settle()
