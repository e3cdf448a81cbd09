"""The wait of the kernel: it ends at its instant, and leaves nothing behind when it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from bff_core.clock import SystemClock, sleep
from bff_core.testing.clock import FakeClock


async def test_a_wait_ends_at_its_instant() -> None:
    """Not before the seconds have passed, and as soon as they have."""
    clock = FakeClock()
    waits = asyncio.create_task(sleep(clock, 2.0))
    await clock.advance(1.999)
    assert not waits.done()
    await clock.advance(0.001)
    assert waits.done()
    assert clock.timers == 0


@pytest.mark.parametrize("seconds", [0.0, -1.0])
async def test_no_wait_lets_others_run_and_sets_no_timer(seconds: float) -> None:
    """Zero seconds need no clock, and still give way."""
    clock = FakeClock()
    seen: list[str] = []

    async def wait() -> None:
        asyncio.get_running_loop().call_soon(seen.append, "other")
        await sleep(clock, seconds)
        seen.append("after the wait")

    waits = asyncio.create_task(wait())
    await clock.settle()
    assert (waits.done(), seen) == (True, ["other", "after the wait"])
    assert clock.timers == 0


async def test_a_cancelled_wait_leaves_no_timer() -> None:
    """The cancellation passes through and the timer goes with it."""
    clock = FakeClock()
    waits = asyncio.create_task(sleep(clock, 2.0))
    await clock.settle()
    assert clock.timers == 1
    waits.cancel()
    await clock.settle()
    assert waits.cancelled()
    assert clock.timers == 0


class HeldClock(SystemClock):
    """A clock whose one timer fires when the test says so, within a turn of the loop."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> asyncio.Handle:
        """Keep the callback."""
        self.fire = callback
        return asyncio.Handle(callback, (), asyncio.get_running_loop())


@pytest.mark.parametrize("timer_first", [True, False])
async def test_cancelled_in_the_instant_of_waking(timer_first: bool) -> None:
    """The timer and a cancellation in one turn of the loop, in either order, end in the cancellation alone."""
    clock = HeldClock()
    waits = asyncio.create_task(sleep(clock, 2.0))
    await asyncio.sleep(0)
    for step in (clock.fire, waits.cancel) if timer_first else (waits.cancel, clock.fire):
        step()
    with pytest.raises(asyncio.CancelledError):
        await waits


async def test_the_clock_of_production_waits_too() -> None:
    """The same over a real loop."""
    await asyncio.wait_for(sleep(SystemClock(), 0.001), timeout=5)
