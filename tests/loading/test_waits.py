"""What a request waited for: since when, until when, and what was beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import httpx
import pytest

from bff_core.contract import Outcome
from bff_core.loading.scope import RequestScope
from bff_core.telemetry.critical_path import Wait
from tests.loading.town import BOB, House, Town, a_town, houses, mine, sweep, tower, well


def told(scope: RequestScope) -> list[tuple[float, float]]:
    """The waits for the town's service, in order; instants to a microsecond."""
    assert {wait.service for wait in scope.waits} <= {"town"}
    return sorted((round(wait.since, 6), round(wait.until, 6)) for wait in scope.waits)


async def begun(here: Town, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """The work as a task, as far as it comes by itself."""
    task = asyncio.ensure_future(work)
    await here.clock.settle()
    return task


async def test_a_call_of_its_own_counts_from_its_departure_to_its_landing() -> None:
    """One call for many keys is one wait, however many wait for it."""
    async with a_town() as here, here.scope() as scope:
        await here.clock.advance(0.25)
        here.hall.transport.hold()
        task = await begun(here, scope.load_many(houses, ["1", "2", "3", "1"]))
        await here.clock.advance(0.5)
        here.hall.transport.let_go()
        await task
        await here.clock.advance(0.125)
    assert told(scope) == [(0.25, 0.75)]
    assert here.hall.targets == ["GET /houses?ids=1,2,3"]


async def test_a_joined_call_counts_from_the_joining() -> None:
    """What another request began counts from when this one began to wait, and for each with its own beginning."""
    async with a_town() as here, here.scope() as first, here.scope() as second:
        here.hall.transport.hold()
        one = await begun(here, first.load(tower, "1"))
        await here.clock.advance(0.5)
        two = await begun(here, second.load(tower, "1"))
        await here.clock.advance(0.25)
        here.hall.transport.let_go()
        await asyncio.gather(one, two)
    assert (told(first), told(second)) == ([(0.0, 0.75)], [(0.5, 0.75)])
    assert len(here.hall.targets) == 1


async def test_what_is_kept_is_no_wait_and_neither_is_its_refresh() -> None:
    """A fresh answer takes no time; a stale one serves while it is asked for anew, for which nobody waits."""
    async with a_town() as here:
        await here.ask(tower, "1")
        async with here.scope() as fresh:
            await fresh.load(tower, "1")
        await here.clock.advance(15)
        here.hall.transport.hold()
        async with here.scope() as stale:
            await stale.load(tower, "1")
            await here.clock.advance(0.5)
        here.hall.transport.let_go()
        await here.clock.settle()
    assert (told(fresh), told(stale)) == ([], [])
    assert len(here.hall.targets) == 2


async def test_joining_a_refresh_is_a_wait() -> None:
    """Who has nothing to serve and finds the answer on its way waits from then on."""
    async with a_town() as here:
        await here.ask(tower, "1")
        await here.clock.advance(29)
        here.hall.transport.hold()
        await here.ask(tower, "1")
        await here.clock.advance(1.25)
        async with here.scope() as scope:
            task = await begun(here, scope.load(tower, "1"))
            await here.clock.advance(0.125)
            here.hall.transport.let_go()
            await task
    assert told(scope) == [(30.25, 30.375)]
    assert len(here.hall.targets) == 2


async def test_waiting_for_a_turn_is_waiting_for_the_service() -> None:
    """What exceeds the request's share, or a fan-out, waits for the service from its departure on."""
    async with a_town(in_flight=8) as here, here.scope(request_id="r1") as scope:
        here.hall.by_hand = True
        task = await begun(here, _all(scope, ["1", "2", "3"]))
        assert len(here.hall.held) == 2
        await here.clock.advance(0.25)
        here.hall.end(here.hall.held[0], "answer")
        await here.clock.advance(0.25)
        for call in here.hall.held:
            here.hall.end(call, "answer")
        await task
    assert told(scope) == [(0.0, 0.25), (0.0, 0.5), (0.0, 0.5)]


async def _all(scope: RequestScope, keys: list[str]) -> list[Outcome[House]]:
    return await asyncio.gather(*(scope.load(well, key) for key in keys))


async def test_what_nobody_waited_for_is_no_wait() -> None:
    """A call whose asker went away, or that was asked for and never awaited, held nobody up."""
    async with a_town() as here, here.scope() as scope:
        here.hall.transport.hold()
        gone = await begun(here, scope.load(tower, "1"))
        scope.ask(tower, "2")
        await here.clock.advance(0.25)
        gone.cancel()
        await here.clock.advance(0.25)
        here.hall.transport.let_go()
        await here.clock.settle()
    assert told(scope) == []
    assert len(here.hall.targets) == 2


async def test_a_request_that_is_over_did_not_wait_for_what_goes_on() -> None:
    """Closing in order ends what still waits, and counts it as nothing."""
    async with a_town() as here:
        here.hall.transport.hold()
        async with here.scope() as scope:
            task = await begun(here, scope.load(tower, "1"))
            await here.clock.advance(0.25)
        assert (await task).error is not None
        assert told(scope) == []


async def test_the_deadline_ends_a_wait() -> None:
    """Who is handed an outcome by the deadline has waited until then, also in the row for a turn."""
    async with a_town(in_flight=4) as here:
        here.hall.transport.hold()
        async with here.scope(seconds=0.6) as scope:
            first = await begun(here, scope.load(well, "1"))
            await here.clock.advance(0.125)
            second = await begun(here, scope.load(well, "2"))
            await here.clock.advance(0.5)
            await asyncio.gather(first, second)
        assert told(scope) == [(0.0, 0.5), (0.125, 0.5)]
        assert len(here.hall.targets) == 1


@pytest.mark.parametrize("gives_up", [False, True], ids=["cancelled", "given up by its executor"])
async def test_a_request_that_is_cut_off_had_waited_until_then(gives_up: bool) -> None:
    """A client that left while a call was under way was held up by its service."""
    async with a_town() as here:
        here.hall.transport.hold()
        scope = here.scope()

        async def request() -> None:
            async with scope:
                try:
                    await asyncio.shield(load) if gives_up else await scope.load(tower, "1")
                except asyncio.CancelledError:
                    if gives_up:
                        scope.give_up()
                    raise

        load = asyncio.ensure_future(_later(scope))
        task = await begun(here, request())
        await here.clock.advance(0.25)
        task.cancel()
        await asyncio.wait([task])
        load.cancel()
        await asyncio.wait([load])
    assert told(scope) == [(0.0, 0.25)]


async def _later(scope: RequestScope) -> Outcome[House]:
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return await scope.load(tower, "1")


async def test_asking_alone_after_another_ones_refusal_is_a_second_wait() -> None:
    """A 401 that was said of another one's credential held this request up, and so does its own call after it."""
    async with (
        a_town() as here,
        here.scope(token="old", request_id="r1") as first,
        here.scope(token="new", request_id="r2") as second,
    ):
        here.hall.by_hand = True
        one = await begun(here, first.load(mine, ()))
        two = await begun(here, second.load(mine, ()))
        await here.clock.advance(0.25)
        here.hall.end(here.hall.held[0], "401")
        await here.clock.advance(0.5)
        here.hall.end(here.hall.held[0], "answer")
        await asyncio.gather(one, two)
    assert told(first) == [(0.0, 0.25)]
    assert told(second) == [(0.0, 0.25), (0.25, 0.75)]


async def test_a_write_is_waited_for_like_a_read() -> None:
    """A command counts from its sending to its end."""
    async with a_town() as here, here.scope(BOB) as scope:
        await here.clock.advance(0.25)
        here.hall.transport.hold()
        task = await begun(here, scope.send(sweep, ["1"]))
        await here.clock.advance(0.5)
        here.hall.transport.let_go()
        await task
    assert told(scope) == [(0.25, 0.75)]


async def test_an_answer_that_another_request_brought_ends_the_wait_for_a_turn() -> None:
    """Whose turn comes when the answer is kept already waited until then, without a call of its own."""
    async with (
        a_town(in_flight=4) as here,
        here.scope(request_id="r1") as scope,
        here.scope(request_id="r2") as other,
    ):
        here.hall.by_hand = True
        one = await begun(here, scope.load(well, "1"))
        two = await begun(here, scope.load(tower, "2"))
        three = await begun(here, other.load(tower, "2"))
        await here.clock.advance(0.25)
        here.hall.end(here.hall.held[1], "answer")
        await three
        await here.clock.advance(0.25)
        here.hall.end(here.hall.held[0], "answer")
        await asyncio.gather(one, two)
    assert told(scope) == [(0.0, 0.5), (0.0, 0.5)]
    assert len(here.hall.calls) == 2


async def test_a_failed_call_held_the_request_up_as_well() -> None:
    """How a call ended says nothing of how long it was waited for."""
    async with a_town() as here, here.scope() as scope:
        here.hall.answer = httpx.ConnectError("no")
        here.hall.transport.hold()
        task = await begun(here, scope.load(well, "1"))
        await here.clock.advance(0.5)
        here.hall.transport.let_go()
        assert (await task).error is not None
    assert scope.waits == [Wait("town", 0.0, 0.5)]
