"""A hung service holds up nobody who does not need it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bff_core.app import Doubles, create_app
from bff_core.clock import SystemClock, Timer
from bff_core.edge.shedding import PROBE
from bff_core.telemetry.facts import CallFinished, RequestFinished
from bff_core.testing.client import client_for
from bff_core.testing.observer import RecordingObserver
from bff_web.app import web
from tests.conftest import Shop

OPERATIONS = Path(__file__).parents[2] / "schema" / "operations" / "web"
PERMITS = 3


class WatchedClock(SystemClock):
    """Notes every timer but the gate's looks at the loop: waiting for a permit is all of a guard that makes one."""

    def __init__(self) -> None:
        self.delays: list[float] = []

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """As the clock of production, and noted."""
        if delay != PROBE:
            self.delays.append(delay)
        return super().call_later(delay, callback)


async def test_hung_service_with_all_permits_taken_slows_nobody_else(shop: Shop) -> None:
    """With all permits of users taken by hung calls, a search makes its usual calls, waits on no guard, ends first."""
    account = (OPERATIONS / "AccountPage.graphql").read_text()
    search = (OPERATIONS / "SearchPage.graphql").read_text()
    clock, observer = WatchedClock(), RecordingObserver()
    settings = shop.settings(
        web,
        SERVICES__USERS__IN_FLIGHT=str(PERMITS),
        SERVICES__USERS__MAX_CONNECTIONS=str(PERMITS + 1),
        SERVICES__USERS__LONGEST_WAIT_MS="40",
        CACHE__MAX_BYTES="0",  # the search is asked twice
    )
    *tokens, late = [shop.token(str(user)) for user in range(1, PERMITS + 2)]  # nobody rides another's flight
    async with client_for(create_app(web, settings, Doubles(clock=clock, observers=[observer]))) as client:
        await client.query("{ __typename }", token=late)
        usual = await client.query(search, {"query": "lamp"})
        usual_calls = Counter(fact.endpoint for fact in observer.of(CallFinished) if fact.service == "products")

        shop.forget()
        shop.fault("users", hang=True)
        hung = [asyncio.create_task(client.query(account, token=token)) for token in tokens]
        await _arrived(shop, PERMITS)
        observer.facts.clear()
        clock.delays.clear()
        reply = await client.query(search, {"query": "lamp"})

        assert not any(task.done() for task in hung)
        assert reply.body == usual.body
        assert Counter(fact.endpoint for fact in observer.of(CallFinished)) == usual_calls
        assert len(clock.delays) == 1, "the request's own deadline, and no wait for a permit"
        assert [fact.operation for fact in observer.of(RequestFinished)] == ["SearchPage"]

        waiting = await client.query(account, token=late)
        assert {error["extensions"]["code"] for error in waiting.errors} == {"SERVICE_BUSY"}
        assert len(clock.delays) == 3, "its own deadline, and a wait for a permit that nobody gave back"
        shop.heal()
        await asyncio.gather(*hung)


async def _arrived(shop: Shop, calls: int) -> None:
    """Wait until the user service was asked so often; it notes a call when it arrives, also one that will hang."""
    async with asyncio.timeout(10):
        while len(shop.calls("users")) < calls:  # noqa: ASYNC110  # the service is in another thread: no event of ours
            await asyncio.sleep(0)
