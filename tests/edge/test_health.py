"""Liveness and readiness as an orchestrator asks for them."""

from __future__ import annotations

import httpx
from starlette.applications import Starlette

from bff_core.edge.health import health_routes
from bff_core.telemetry.facts import KeySetChanged
from bff_core.testing.tokens import TokenMint
from bff_core.testing.transport import json_reply
from tests.edge.desk import Script, desk


async def test_ready_says_what_is_missing() -> None:
    """/readyz is 503 with every missing part by name, and 200 once nothing is missing."""
    missing = ["this", "that"]
    transport = httpx.ASGITransport(Starlette(routes=health_routes(lambda: missing)))
    async with httpx.AsyncClient(transport=transport, base_url="http://bff") as client:
        before = await client.get("/readyz")
        assert (await client.get("/healthz")).json() == {"status": "alive"}
        missing.clear()
        after = await client.get("/readyz")

    assert (before.status_code, before.json()) == (503, {"ready": False, "missing": ["this", "that"]})
    assert (after.status_code, after.json()) == (200, {"ready": True, "missing": []})


async def test_not_ready_before_the_keys_are_known() -> None:
    """A BFF with sign-in is alive at once, and ready when its issuer's keys are there."""
    async with desk(script=Script(held=("issuer",))) as room:
        before = await room.client.http.get("/readyz")
        alive = await room.client.http.get("/healthz")
        room.transports["issuer"].let_go()
        await room.clock.settle()
        after = await room.client.http.get("/readyz")

    assert (before.status_code, before.json()["missing"]) == (503, ["keys of the token issuer"])
    assert alive.status_code == 200
    assert (after.status_code, after.json()) == (200, {"ready": True, "missing": []})


async def test_ready_stays_ready_when_the_issuer_goes() -> None:
    """Keys once known serve on, so an issuer that fails later takes no BFF out of traffic."""
    mint, failing = TokenMint("http://issuer.test", "desk"), False

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(500) if failing else json_reply(mint.jwks())

    async with desk(script=Script(issuer=answer)) as room:
        failing = True
        await room.clock.advance(10_000)
        await room.client.query("{ locale }", token=room.token)
        await room.clock.settle()
        assert [fact.code for fact in room.observer.of(KeySetChanged)] == [None, "SERVICE_ERROR"]
        assert (await room.client.http.get("/readyz")).status_code == 200


async def test_nobody_writes_to_health() -> None:
    """Another method than GET and HEAD is a 405."""
    async with desk() as room:
        for path in ("/healthz", "/readyz"):
            assert (await room.client.http.post(path)).status_code == 405
            assert (await room.client.http.head(path)).status_code == 200
