"""The clock that tests move by hand: its order, its timeouts and its rest."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from bff_core.clock import Clock, SystemClock
from bff_core.testing.clock import FakeClock


async def test_time_stands_still_until_moved() -> None:
    """Monotonic and wall time move together and only by advance."""
    clock: Clock = (fake := FakeClock(start=5.0, wall=1000.0))
    assert (clock.monotonic(), clock.wall()) == (5.0, 1000.0)
    await fake.advance(2.5)
    assert (clock.monotonic(), clock.wall()) == (7.5, 1002.5)


async def test_time_does_not_run_backwards() -> None:
    """A negative step is refused."""
    with pytest.raises(ValueError, match="forward"):
        await FakeClock().advance(-1)


async def test_timers_fire_in_order_each_at_its_own_instant() -> None:
    """One long step sees each timer at its instant, in order of time and then of making."""
    clock = FakeClock()
    seen: list[tuple[str, float]] = []
    for name, delay in (("late", 3.0), ("first", 1.0), ("second", 1.0), ("beyond", 9.0)):
        clock.call_later(delay, lambda name=name: seen.append((name, clock.monotonic())))  # type: ignore[misc]  # default argument
    await clock.advance(4.0)
    assert seen == [("first", 1.0), ("second", 1.0), ("late", 3.0)]
    assert clock.timers == 1


async def test_a_cancelled_timer_stays_silent() -> None:
    """Cancel before the instant means never; cancel after it harms nothing."""
    clock = FakeClock()
    seen: list[int] = []
    clock.call_later(1.0, lambda: seen.append(1)).cancel()
    kept = clock.call_later(1.0, lambda: seen.append(2))
    await clock.advance(1.0)
    kept.cancel()
    assert seen == [2]
    assert clock.timers == 0


async def test_small_steps_add_up() -> None:
    """Ten steps of 0.1 reach a timer at 1.0, whatever floats say of their sum."""
    clock = FakeClock()
    seen: list[int] = []
    clock.call_later(1.0, lambda: seen.append(1))
    for _ in range(10):
        await clock.advance(0.1)
    assert seen == [1]


async def test_tasks_run_between_two_timers() -> None:
    """What the first timer wakes has ended before the second fires, and may set timers that fire too."""
    clock = FakeClock()
    woken = asyncio.Event()
    order: list[str] = []

    async def work() -> None:
        await woken.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        order.append("work")
        clock.call_later(0.25, lambda: order.append("nested"))

    task = asyncio.create_task(work())
    clock.call_later(1.0, woken.set)
    clock.call_later(1.5, lambda: order.append("second"))
    await clock.advance(2.0)
    assert order == ["work", "nested", "second"]
    await task


async def test_an_error_of_a_timer_is_raised_by_advance() -> None:
    """A callback that breaks fails the test that moved the time."""
    clock = FakeClock()

    def burst() -> None:
        raise LookupError("burst")

    clock.call_later(1.0, burst)
    with pytest.raises(LookupError, match="burst"):
        await clock.advance(1.0)


async def test_a_callback_runs_outside_any_task() -> None:
    """As with a real timer, the callback does not see the test as its current task."""
    clock = FakeClock()
    seen: list[object] = []
    clock.call_later(1.0, lambda: seen.append(asyncio.current_task()))
    await clock.advance(1.0)
    assert seen == [None]


async def test_a_timeout_ends_the_body_at_its_instant() -> None:
    """The body is cancelled and TimeoutError raised exactly when the time has come."""
    clock = FakeClock()
    ended: list[float] = []

    async def body() -> None:
        try:
            async with clock.timeout(2.0):
                await asyncio.Event().wait()
        except TimeoutError:
            ended.append(clock.monotonic())

    task = asyncio.create_task(body())
    await clock.advance(1.9)
    assert not ended
    await clock.advance(5.0)
    assert ended == [2.0]
    await task


async def test_a_body_in_time_leaves_no_timer() -> None:
    """A body that ends in time passes its value and leaves nothing behind."""
    clock = FakeClock()
    async with clock.timeout(2.0):
        pass
    assert clock.timers == 0


@pytest.mark.parametrize("delay", [0.0, -1.0])
async def test_no_time_at_all(delay: float) -> None:
    """A timeout of zero or less ends the body at its first wait, without a step of the clock."""
    with pytest.raises(TimeoutError):
        async with FakeClock().timeout(delay):
            await asyncio.Event().wait()


async def test_a_callers_cancellation_is_no_timeout() -> None:
    """A cancellation from outside passes through as such, and so does the body's own TimeoutError."""
    clock = FakeClock()

    async def body() -> None:
        async with clock.timeout(2.0):
            await asyncio.Event().wait()

    task = asyncio.create_task(body())
    await clock.settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.timers == 0
    with pytest.raises(TimeoutError, match="my own"):
        async with clock.timeout(2.0):
            raise TimeoutError("my own")


async def test_settle_waits_for_long_chains() -> None:
    """Settle returns only when a chain of many steps has come to its end."""
    clock = FakeClock()
    steps = 0

    async def chain() -> None:
        nonlocal steps
        for _ in range(500):
            await asyncio.sleep(0)
            steps += 1

    task = asyncio.create_task(chain())
    await clock.settle()
    assert steps == 500
    await task


async def test_two_may_settle_at_once() -> None:
    """Those who settle do not wait for one another."""
    clock = FakeClock()
    await asyncio.gather(clock.settle(), clock.settle(), clock.settle())


async def test_a_loop_that_never_rests_is_reported() -> None:
    """A task that runs in circles is an error, not a test that hangs."""
    clock = FakeClock()

    async def circle() -> None:
        for _ in itertools.count():
            await asyncio.sleep(0)

    task = asyncio.create_task(circle())
    with pytest.raises(RuntimeError, match="rest"):
        await clock.settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_system_clock_keeps_the_same_promises() -> None:
    """The double's promises on order and timeouts hold for the real clock too."""
    clock: Clock = SystemClock()
    fired = asyncio.Event()
    clock.call_later(0.001, fired.set)
    await asyncio.wait_for(fired.wait(), 5)
    with pytest.raises(TimeoutError):
        async with clock.timeout(0.001):
            await asyncio.Event().wait()


async def test_a_blocked_loop_fires_its_timers_late() -> None:
    """Time that passes while the loop is busy makes timers due, and they fire when it is free, at the later instant."""
    clock = FakeClock()
    fired: list[float] = []
    clock.call_later(1.0, lambda: fired.append(clock.monotonic()))
    clock.block(3.0)
    assert (clock.monotonic(), fired, clock.timers) == (3.0, [], 1)
    await clock.advance(0)
    assert fired == [3.0]
    with pytest.raises(ValueError, match="forward"):
        clock.block(-1)
