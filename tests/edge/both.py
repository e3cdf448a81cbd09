"""Both BFFs over scripted services, for tests that hold whatever a BFF is about."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from bff_core.app import Doubles, create_app
from bff_core.bff import Bff
from bff_core.contract import Service
from bff_core.testing.client import Client, client_for
from bff_core.testing.observer import RecordingObserver
from bff_core.testing.tokens import TokenMint
from bff_core.testing.transport import Reply, ScriptedTransport, json_reply


@dataclass
class Bench:
    """One BFF whose services answer by a script; what each was asked. ``token`` has every scope there is."""

    client: Client
    bff: Bff
    transports: dict[str, ScriptedTransport]
    observer: RecordingObserver
    mint: TokenMint
    token: str

    def asked(self) -> Iterator[tuple[Service, httpx.Request]]:
        """Everything that was asked since the last look."""
        for service in self.bff.services:
            requests = self.transports[service.name].requests
            yield from ((service, request) for request in requests)
            requests.clear()


def know_nothing(_: httpx.Request) -> Reply:
    """There is no such thing."""
    return json_reply({}, 404)


@asynccontextmanager
async def bench(
    bff: Bff,
    environment: Mapping[str, str] | None = None,
    answer: Callable[[httpx.Request], Reply] = know_nothing,
) -> AsyncIterator[Bench]:
    """The BFF over scripted services: keys for whoever asks for them, and ``answer`` for all else."""
    mint = TokenMint("http://issuer.test", "shop")
    assert bff.keys is not None
    keys = bff.keys.path

    def answer_all(request: httpx.Request) -> Reply:
        return json_reply(mint.jwks()) if request.url.path == keys else answer(request)

    transports = {service.name: ScriptedTransport(answer_all) for service in bff.services}
    prefix = f"BFF_{bff.name.upper()}__"
    told = {"AUTH__ISSUER": "http://issuer.test", "LOGS__LEVEL": "error", **(environment or {})}
    settings = bff.load_settings({prefix + key: value for key, value in told.items()})
    observer = RecordingObserver()
    app = create_app(bff, settings, Doubles(transports=lambda one: transports[one.name], observers=[observer]))
    scopes = sorted({scope for service in bff.services for one in service.endpoints for scope in one.policy.scopes})
    async with client_for(app) as client:
        made = Bench(client, bff, transports, observer, mint, mint.token(scopes=scopes))
        await client.query("{ __typename }", token=made.token)  # the keys are there now
        list(made.asked())
        yield made
