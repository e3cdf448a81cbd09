"""A service that keeps failing is left alone, answers are quick meanwhile, and it is asked again when it is well."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bff_core.app import Doubles, create_app
from bff_core.telemetry.facts import BreakerChanged
from bff_core.testing.client import client_for
from bff_core.testing.observer import RecordingObserver
from bff_web.app import web
from tests.conftest import Shop

ACCOUNT = (Path(__file__).parents[2] / "schema" / "operations" / "web" / "AccountPage.graphql").read_text()


async def test_breaker_through_the_whole_stack(shop: Shop) -> None:
    """Four failures open it; then nobody asks the service; after its timeout two good calls close it."""
    environment = {
        "SERVICES__USERS__RETRY__RETRIES": "0",
        "SERVICES__USERS__BREAKER__TIMEOUT_S": "0.1",
        "SERVICES__USERS__BREAKER__MAX_REQUESTS": "2",
        "CACHE__MAX_BYTES": "0",  # an old answer would stand in
    }
    observer = RecordingObserver()
    app = create_app(web, shop.settings(web, **environment), Doubles(observers=[observer]))
    async with client_for(app) as client:
        token = shop.token("7")
        assert (await client.query(ACCOUNT, token=token)).errors == []
        shop.heal()
        shop.fault("users", error_rate=1.0, status=503)
        codes = [(await client.query(ACCOUNT, token=token)).errors[0]["extensions"]["code"] for _ in range(4)]
        assert codes == ["SERVICE_ERROR"] * 4
        refused = await client.query(ACCOUNT, token=token)
        assert [error["extensions"]["code"] for error in refused.errors] == ["SERVICE_BREAKER_OPEN"]
        assert [entry["reason"] for entry in refused.degraded] == ["SERVICE_BREAKER_OPEN"]
        assert len(shop.calls("users")) == 4, "the breaker kept the fifth from the service"

        shop.heal()
        reply = refused
        async with asyncio.timeout(10):
            while reply.errors:  # until the breaker's own short timeout has passed
                reply = await client.query(ACCOUNT, token=token)
        assert reply.data["me"]["addresses"]
    assert [(fact.before, fact.after) for fact in observer.of(BreakerChanged)] == [
        ("closed", "open"),
        ("open", "half-open"),
        ("half-open", "closed"),
    ]
