"""The bulkhead: permits, the waiting room, and every race in which a permit could be lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bff_core.deadline import Deadline
from bff_core.errors import BulkheadFull
from bff_core.resilience.bulkhead import Bulkhead, BulkheadOptions, BulkheadStatistics
from bff_core.testing.clock import FakeClock

PLENTY = 1_000.0  # seconds: a deadline that shortens no wait
WAIT = 0.05  # seconds: the longest wait of these bulkheads


class Calls:
    """Calls through one bulkhead: each holds its permit until it is told to end."""

    def __init__(self, bulkhead: Bulkhead, clock: FakeClock) -> None:
        self.bulkhead = bulkhead
        self.clock = clock
        self.order: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, name: str, left: float = PLENTY) -> asyncio.Task[None]:
        """Begin a call; it may have to wait."""
        self._ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._call(name, Deadline.after(self.clock, left)), name=name)
        return self.tasks[name]

    async def _call(self, name: str, deadline: Deadline) -> None:
        async with self.bulkhead.permit(deadline):
            self.order.append(name)
            await self._ends[name].wait()

    def end(self, name: str) -> None:
        """Let the call end once the loop gets to it."""
        self._ends[name].set()

    async def close(self) -> None:
        """Cancel whatever is still under way."""
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


@asynccontextmanager
async def calls(in_flight: int = 1, waiting: int = 10, clock: FakeClock | None = None) -> AsyncIterator[Calls]:
    """Calls through a new bulkhead, which has all its permits and nobody waiting at the end."""
    clock = clock or FakeClock()
    bulkhead = Bulkhead("cats", BulkheadOptions(in_flight, waiting, WAIT), clock)
    through = Calls(bulkhead, clock)
    try:
        yield through
    finally:
        await through.close()
    assert bulkhead.statistics() == BulkheadStatistics(0, 0, in_flight)
    assert clock.timers == 0


def stands(through: Calls) -> tuple[int, int]:
    """Permits out, and callers waiting."""
    statistics = through.bulkhead.statistics()
    return statistics.in_flight, statistics.waiting


async def test_permits_are_had_at_once_while_there_are_some() -> None:
    """As many calls as there are permits go ahead without waiting; the next one waits."""
    async with calls(in_flight=3) as through:
        for name in "abcd":
            through.begin(name)
        await through.clock.settle()
        assert through.order == ["a", "b", "c"]
        assert through.bulkhead.statistics() == BulkheadStatistics(3, 1, 3)


async def test_first_come_first_served() -> None:
    """A permit that comes back goes to whoever has waited longest."""
    async with calls() as through:
        for name in "abcd":
            through.begin(name)
        for name in "abcd":
            await through.clock.settle()
            through.end(name)
        await through.clock.settle()
        assert through.order == ["a", "b", "c", "d"]


async def test_nobody_overtakes_who_waits() -> None:
    """A call that comes in the very instant a permit is handed over stands behind it."""
    async with calls() as through:
        through.begin("a")
        await through.clock.settle()
        through.begin("waits")
        await through.clock.settle()
        through.end("a")
        through.begin("late")
        await through.clock.settle()
        assert through.order == ["a", "waits"]
        assert stands(through) == (1, 1)


async def test_a_full_waiting_room_refuses_at_once() -> None:
    """One more than may wait is told so without waiting, with what is under way and when to come back."""
    async with calls(in_flight=2, waiting=1) as through:
        for name in "abc":
            through.begin(name)
        await through.clock.settle()
        with pytest.raises(BulkheadFull) as caught:
            await through.begin("d")
        assert str(caught.value) == "cats: 2 calls are under way and the waiting room is full"
        assert (caught.value.service, caught.value.retry_after) == ("cats", WAIT)
        assert stands(through) == (2, 1)


async def test_without_a_waiting_room_nobody_waits() -> None:
    """``waiting=0``: a permit now, or a refusal now."""
    async with calls(waiting=0) as through:
        through.begin("a")
        await through.clock.settle()
        with pytest.raises(BulkheadFull, match="the waiting room is full"):
            await through.begin("b")


@pytest.mark.parametrize(
    ("left", "longest"),
    [(PLENTY, WAIT), (0.5, WAIT), (0.4, 0.04), (0.1, 0.01)],
    ids=["option", "equal", "deadline", "short deadline"],
)
async def test_the_longest_wait_is_the_smaller_of_its_own_and_a_tenth_of_what_is_left(
    left: float, longest: float
) -> None:
    """Waiting ends at the option or at 10 % of the deadline, whichever is first, and not before."""
    async with calls() as through:
        through.begin("a")
        await through.clock.settle()
        waits = through.begin("b", left)
        await through.clock.advance(longest - 0.001)
        assert not waits.done()
        await through.clock.advance(0.001)
        assert waits.done()
        error = waits.exception()
        assert isinstance(error, BulkheadFull)
        assert str(error) == "cats: 1 calls are under way and the wait was too long"
        assert error.retry_after == WAIT
        assert stands(through) == (1, 0)


async def test_no_time_left_means_no_wait() -> None:
    """A caller whose deadline has passed is refused without taking a place in the waiting room."""
    async with calls() as through:
        through.begin("a")
        await through.clock.settle()
        with pytest.raises(BulkheadFull, match="there is no time left to wait"):
            await through.begin("b", left=0)
        assert stands(through) == (1, 0)


async def test_a_failing_call_gives_its_permit_back() -> None:
    """An exception in the body passes through and the permit comes back."""
    async with calls() as through:
        with pytest.raises(KeyError):
            async with through.bulkhead.permit(Deadline.after(through.clock, 1)):
                raise KeyError
        assert stands(through) == (0, 0)


async def test_cancelled_under_way_gives_the_permit_to_the_next() -> None:
    """The permit of a cancelled call goes to whoever waits."""
    async with calls() as through:
        first = through.begin("a")
        through.begin("b")
        await through.clock.settle()
        first.cancel()
        await through.clock.settle()
        assert through.order == ["a", "b"]
        assert stands(through) == (1, 0)


async def test_cancelled_while_waiting_leaves_the_queue() -> None:
    """Whoever is cancelled while waiting takes no permit, and the one behind is next."""
    async with calls() as through:
        for name in "abc":
            through.begin(name)
        await through.clock.settle()
        through.tasks["b"].cancel()
        await through.clock.settle()
        assert stands(through) == (1, 1)
        through.end("a")
        await through.clock.settle()
        assert through.order == ["a", "c"]


async def test_cancelled_exactly_after_being_handed_the_permit() -> None:
    """A cancellation between being handed the permit and waking up hands it on, or it is lost."""
    async with calls() as through:
        held = through.bulkhead
        await held.acquire(Deadline.after(through.clock, PLENTY))
        waits, behind = through.begin("b"), through.begin("c")
        await through.clock.settle()
        held.release()  # b has been handed the permit and has not run since
        waits.cancel()
        await through.clock.settle()
        assert waits.cancelled()
        assert through.order == ["c"]
        assert stands(through) == (1, 0)
        assert not behind.done()


async def test_cancelled_exactly_after_being_handed_the_last_permit() -> None:
    """The same with nobody behind: the permit is free again."""
    async with calls() as through:
        await through.bulkhead.acquire(Deadline.after(through.clock, PLENTY))
        waits = through.begin("b")
        await through.clock.settle()
        through.bulkhead.release()
        waits.cancel()
        await through.clock.settle()
        assert stands(through) == (0, 0)


async def test_cancelled_before_the_permit_comes_back() -> None:
    """The cancellation first, the permit in the same instant: the permit passes over who is cancelled."""
    async with calls() as through:
        await through.bulkhead.acquire(Deadline.after(through.clock, PLENTY))
        waits = through.begin("b")
        through.begin("c")
        await through.clock.settle()
        waits.cancel()
        through.bulkhead.release()
        await through.clock.settle()
        assert through.order == ["c"]


class TimersByHand(FakeClock):
    """Time stands still; a test fires the timers itself, in the middle of a turn of the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.due: list[Callable[[], None]] = []

    def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
        """Keep the callback for the test."""
        self.due.append(callback)
        return super().call_later(delay, callback)


async def test_cancelled_exactly_after_the_wait_was_too_long() -> None:
    """Refused and cancelled in one instant: it ends cancelled, and neither takes nor gives a permit."""
    clock = TimersByHand()
    async with calls(clock=clock) as through:
        through.begin("a")
        await clock.settle()
        waits = through.begin("b")
        await clock.settle()
        clock.due[0]()
        waits.cancel()
        await clock.settle()
        assert waits.cancelled()
        assert stands(through) == (1, 0)


async def test_too_late_and_released_in_one_instant() -> None:
    """A permit that comes back after a refusal that nobody has noticed yet goes to the one behind."""
    clock = TimersByHand()
    async with calls(clock=clock) as through:
        await through.bulkhead.acquire(Deadline.after(clock, PLENTY))
        late = through.begin("b")
        through.begin("c")
        await clock.settle()
        clock.due[0]()
        through.bulkhead.release()
        await clock.settle()
        assert isinstance(late.exception(), BulkheadFull)
        assert through.order == ["c"]
        assert stands(through) == (1, 0)


async def test_released_and_too_late_in_one_instant() -> None:
    """Whoever was handed the permit keeps it, though its wait ends before it wakes up."""
    clock = TimersByHand()
    async with calls(clock=clock) as through:
        await through.bulkhead.acquire(Deadline.after(clock, PLENTY))
        through.begin("b")
        await clock.settle()
        through.bulkhead.release()
        clock.due[0]()
        await clock.settle()
        assert through.order == ["b"]
        assert stands(through) == (1, 0)


@pytest.mark.parametrize("seed", range(10))
async def test_no_slot_is_lost_in_a_thousand_random_rounds(seed: int) -> None:
    """Begin, end, cancel and wait in any order: never too many at once, and all permits come back."""
    chance = random.Random(seed)
    async with calls(in_flight=3, waiting=4) as through:
        for number in range(100):
            for _ in range(chance.randrange(4)):
                name = f"{number}.{len(through.tasks)}"
                through.begin(name, left=chance.choice([PLENTY, 0.2, 0.01]))
                if chance.random() < 0.3:
                    through.end(name)  # will end as soon as it is admitted
            begun = [name for name, task in through.tasks.items() if not task.done()]
            for name in chance.sample(begun, len(begun) // 2):
                if chance.random() < 0.5:
                    through.end(name)
                if chance.random() < 0.3:
                    through.tasks[name].cancel()
            if chance.random() < 0.5:
                await through.clock.advance(chance.choice([0.001, 0.01, 0.05]))
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)  # one turn of the loop, so that others are caught half-way
            in_flight, waiting = stands(through)
            assert in_flight <= 3
            assert waiting <= 4
        for name in through.tasks:
            through.end(name)
        await through.clock.advance(PLENTY)
        assert stands(through) == (0, 0)
        assert len(through.order) > 50
        for name in "xyz":
            through.begin(name)
        await through.clock.settle()
        assert through.order[-3:] == ["x", "y", "z"]  # all three permits can be had again


async def test_a_hung_service_touches_no_other() -> None:
    """With every permit and every waiting place of one service taken, another's are all there."""
    async with calls(in_flight=2, waiting=1) as hung, calls(in_flight=2) as well:
        for name in "abc":
            hung.begin(name)
        await hung.clock.settle()
        with pytest.raises(BulkheadFull):
            await hung.begin("d")
        assert stands(well) == (0, 0)
        for name in "ab":
            well.begin(name)
            well.end(name)
        await well.clock.settle()
        assert well.order == ["a", "b"]
        assert well.clock.monotonic() == 0
        assert stands(hung) == (2, 1)


@pytest.mark.parametrize("options", [(0, 1, 0.1), (1, -1, 0.1), (1, 1, 0.0), (1, 1, float("nan"))], ids=str)
def test_options_that_cannot_work_are_refused(options: tuple[int, int, float]) -> None:
    """A bulkhead without permits, or with a wait that is no length of time, is refused when it is made."""
    with pytest.raises(ValueError, match="in_flight >= 1, waiting >= 0 and longest_wait > 0 s are expected"):
        BulkheadOptions(*options)


def test_its_repr_tells_how_it_stands() -> None:
    """A reader sees the service and the permits."""
    bulkhead = Bulkhead("cats", BulkheadOptions(2, 0), FakeClock())
    assert repr(bulkhead) == "<Bulkhead cats: BulkheadStatistics(in_flight=0, waiting=0, limit=2)>"
