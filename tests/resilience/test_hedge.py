"""The hedge: when a second attempt begins, which of the two is taken, and that none outlives the call."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from bff_core.deadline import Deadline
from bff_core.errors import BadPayload, BffError, Bug, BulkheadFull, NotFound, TimedOut, Unreachable
from bff_core.resilience.budget import BudgetOptions, RetryBudget
from bff_core.resilience.bulkhead import BulkheadStatistics
from bff_core.resilience.hedge import Hedge, HedgeOptions
from bff_core.resilience.latency import Latencies
from bff_core.testing.clock import FakeClock

PLENTY = 5.0  # seconds: a deadline that forbids no hedge
P95 = 0.1  # seconds: when a call is late


@dataclass
class Cats:
    """A service whose attempts stay under way until they are told to end, by their number from 0."""

    clock: FakeClock
    began: list[float] = field(default_factory=list)
    ends: list[asyncio.Future[str]] = field(default_factory=list)
    under_way: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def attempt(self) -> str:
        """One attempt."""
        self.began.append(self.clock.monotonic())
        self.ends.append(asyncio.get_running_loop().create_future())
        self.under_way += 1
        try:
            return await self.ends[-1]
        finally:
            await asyncio.sleep(0)  # to end takes a turn of the loop, as closing a connection does
            self.under_way -= 1
            self.over.set()

    def answer(self, number: int, value: str) -> None:
        """Let an attempt succeed."""
        self.ends[number].set_result(value)

    def fail(self, number: int, error: BaseException) -> None:
        """Let an attempt fail."""
        self.ends[number].set_exception(error)


@dataclass
class Road:
    """A hedge with its parts in hand."""

    clock: FakeClock
    budget: RetryBudget
    cats: Cats
    hedge: Hedge
    stands: list[BulkheadStatistics]
    half_open: list[bool]
    told: list[float] = field(default_factory=list)

    def begin(self, left: float = PLENTY, *, read: bool = True) -> asyncio.Task[str]:
        """Begin a call."""
        deadline = Deadline.after(self.clock, left)
        return asyncio.create_task(
            self.hedge.run(self.cats.attempt, deadline=deadline, read=read, on_hedge=self.told.append)
        )

    async def late(self, left: float = PLENTY) -> asyncio.Task[str]:
        """Begin a call and let it be late: two attempts are under way."""
        task = self.begin(left)
        await self.clock.advance(P95)
        assert self.cats.under_way == 2
        return task


@asynccontextmanager
async def road(enabled: bool = True, minimum: int = 3, known: bool = True) -> AsyncIterator[Road]:
    """A hedge of a service that answers 95 of 100 calls in 0.1 s; at the end no attempt and no timer is left."""
    clock = FakeClock()
    budget = RetryBudget(BudgetOptions(minimum=minimum), clock)
    latencies = Latencies(100)
    for number in range(100 if known else 19):
        latencies.note(0.01 if number < 90 else P95 if number < 95 else 9.0)
    stands, half_open = [BulkheadStatistics(1, 0, 20)], [False]
    hedge = Hedge(
        HedgeOptions(enabled),
        budget,
        latencies,
        clock,
        bulkhead=lambda: stands[0],
        half_open=lambda: half_open[0],
    )
    cats = Cats(clock)
    yield Road(clock, budget, cats, hedge, stands, half_open)
    assert (cats.under_way, clock.timers) == (0, 0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def ends(task: asyncio.Task[str], of: Road) -> BaseException | str:
    """What the call brings, now."""
    await of.clock.settle()
    assert task.done()
    return task.exception() or task.result()


async def alone(of: Road, *, read: bool = True, left: float = PLENTY) -> None:
    """A call that stays a single attempt however late it is, and spends nothing."""
    task = of.begin(left, read=read)
    await of.clock.advance(1.0)
    assert of.cats.began == [0.0]
    of.cats.answer(0, "purr")
    assert await ends(task, of) == "purr"
    assert (of.budget.statistics().extra, of.told) == (0, [])


async def test_a_call_in_time_is_made_once() -> None:
    """An answer before the 95th percentile is the answer; nothing is spent."""
    async with road() as cat_road:
        task = cat_road.begin()
        await cat_road.clock.advance(P95 - 0.001)
        cat_road.cats.answer(0, "purr")
        assert await ends(task, cat_road) == "purr"
        await cat_road.clock.advance(PLENTY)
        assert len(cat_road.cats.began) == 1
        assert cat_road.budget.statistics().extra == 0


async def test_a_late_call_is_made_twice_and_no_third_time() -> None:
    """The second attempt begins at the 95th percentile, is told and is charged to the budget."""
    async with road() as cat_road:
        task = await cat_road.late()
        await cat_road.clock.advance(1.0)
        assert cat_road.cats.began == [0.0, P95]
        assert cat_road.told == [P95]
        assert cat_road.budget.statistics().extra == 1
        cat_road.cats.answer(1, "purr")
        assert await ends(task, cat_road) == "purr"


@pytest.mark.parametrize("winner", [0, 1])
async def test_the_first_answer_wins_and_the_other_attempt_has_ended(winner: int) -> None:
    """Whichever attempt is answered; the other one is cancelled, and is over before the call is."""
    async with road() as cat_road:
        task = await cat_road.late()
        left: list[int] = []
        task.add_done_callback(lambda _: left.append(cat_road.cats.under_way))
        cat_road.cats.answer(winner, f"purr {winner}")
        assert await ends(task, cat_road) == f"purr {winner}"
        assert cat_road.cats.ends[1 - winner].cancelled()
        assert left == [0]


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(
    "error",
    [
        Unreachable("cats: refused", service="cats"),
        TimedOut("cats: late", service="cats"),
        BulkheadFull("cats: full", service="cats"),
    ],
    ids=repr,
)
async def test_an_attempt_that_fails_leaves_it_to_the_other(number: int, error: BffError) -> None:
    """A failure that may pass, or a refusal of ours, does not end the call while the other is under way."""
    async with road() as cat_road:
        task = await cat_road.late()
        cat_road.cats.fail(number, error)
        await cat_road.clock.settle()
        assert not task.done()
        cat_road.cats.answer(1 - number, "purr")
        assert await ends(task, cat_road) == "purr"


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(
    "error",
    [
        NotFound("no such cat", service="cats"),
        BadPayload("cats: not JSON", service="cats"),
        Bug("ours"),
        KeyError("ours"),
    ],
    ids=repr,
)
async def test_an_error_that_stays_is_an_answer(number: int, error: Exception) -> None:
    """What the other attempt would only say again is not waited for."""
    async with road() as cat_road:
        task = await cat_road.late()
        cat_road.cats.fail(number, error)
        assert await ends(task, cat_road) is error


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_if_both_fail_the_first_attempts_error_is_raised(order: tuple[int, int]) -> None:
    """Whichever failed first."""
    async with road() as cat_road:
        errors = [Unreachable("cats: refused", service="cats"), TimedOut("cats: late", service="cats")]
        task = await cat_road.late()
        for number in order:
            cat_road.cats.fail(number, errors[number])
            await cat_road.clock.settle()
        assert await ends(task, cat_road) is errors[0]


async def test_a_failure_in_time_is_left_to_the_retry() -> None:
    """The hedge is for late answers: an early error climbs at once, and nothing is spent."""
    async with road() as cat_road:
        error = Unreachable("cats: refused", service="cats")
        task = cat_road.begin()
        await cat_road.clock.settle()
        cat_road.cats.fail(0, error)
        assert await ends(task, cat_road) is error
        assert (len(cat_road.cats.began), cat_road.budget.statistics().extra) == (1, 0)


async def test_it_is_off_unless_asked_for() -> None:
    """The default options never make a second attempt."""
    assert not HedgeOptions().enabled
    async with road(enabled=False) as cat_road:
        await alone(cat_road)


async def test_only_reads_are_made_twice() -> None:
    """A write is made once, however late."""
    async with road() as cat_road:
        await alone(cat_road, read=False)


async def test_without_a_percentile_nothing_is_late() -> None:
    """While too few calls are known there is no second attempt."""
    async with road(known=False) as cat_road:
        await alone(cat_road)


async def test_half_open_means_no_second_attempt() -> None:
    """Probes are counted; it is the state in the instant of being late that matters."""
    async with road() as cat_road:
        cat_road.half_open[0] = True
        await alone(cat_road)


@pytest.mark.parametrize(("in_flight", "hedged"), [(14, True), (15, False)])
async def test_a_crowded_bulkhead_means_no_second_attempt(in_flight: int, hedged: bool) -> None:
    """Above 70 % of the permits there is none; at 70 % there is."""
    async with road() as cat_road:
        cat_road.stands[0] = BulkheadStatistics(in_flight, 0, 20)
        if not hedged:
            await alone(cat_road)
            return
        task = await cat_road.late()
        cat_road.cats.answer(0, "purr")
        assert await ends(task, cat_road) == "purr"


async def test_a_spent_budget_means_no_second_attempt() -> None:
    """Retries and hedges share one budget."""
    async with road(minimum=0) as cat_road:
        await alone(cat_road)
        assert cat_road.budget.statistics().refused == 1


async def test_no_second_attempt_at_or_after_the_deadline() -> None:
    """A call that would be late only when the request is over is made once, without a timer of the hedge's."""
    async with road() as cat_road:
        task = cat_road.begin(left=P95)
        await cat_road.clock.settle()
        assert cat_road.clock.timers == 0
        await cat_road.clock.advance(1.0)
        assert len(cat_road.cats.began) == 1
        cat_road.cats.answer(0, "purr")
        assert await ends(task, cat_road) == "purr"


@pytest.mark.parametrize("after", [0.0, P95], ids=["one attempt", "two attempts"])
async def test_a_cancelled_call_ends_its_attempts(after: float) -> None:
    """The cancellation passes through; by then no attempt is under way."""
    async with road() as cat_road:
        task = cat_road.begin()
        await cat_road.clock.advance(after)
        task.cancel()
        await cat_road.clock.settle()
        assert task.cancelled()
        assert cat_road.cats.under_way == 0
        assert all(end.cancelled() for end in cat_road.cats.ends)


async def test_cancelled_in_the_instant_of_a_failure() -> None:
    """The attempt's error, which nobody will ask for, is not told as forgotten when the attempt is collected."""
    heard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: heard.append(what))
    async with road() as cat_road:
        task = cat_road.begin()
        await cat_road.clock.settle()
        cat_road.cats.fail(0, Unreachable("cats: refused", service="cats"))
        await cat_road.cats.over.wait()
        task.cancel()  # the attempt has failed and the call does not know yet
        await cat_road.clock.settle()
        assert task.cancelled()
        del task
    cat_road.cats.ends.clear()
    gc.collect()
    assert heard == []


async def test_an_attempt_that_was_cancelled_from_inside_cancels_the_call() -> None:
    """As it would without a hedge; the other attempt ends too."""
    async with road() as cat_road:
        task = await cat_road.late()
        cat_road.cats.ends[1].cancel()
        await cat_road.clock.settle()
        assert task.cancelled()


@pytest.mark.parametrize("crowded", [-0.1, 1.1, float("nan")])
def test_options_out_of_range_are_refused(crowded: float) -> None:
    """The message says what is expected and what came."""
    with pytest.raises(ValueError, match="crowded 0 to 1 is expected, not HedgeOptions"):
        HedgeOptions(crowded=crowded)
