"""The retry: which errors, when, how often, at whose cost, and that no attempt begins too late."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import mean
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bff_core.deadline import Deadline
from bff_core.errors import (
    AuthUnavailable,
    BadPayload,
    BadRequest,
    BadStatus,
    BffError,
    Bug,
    BulkheadFull,
    DeadlinePassed,
    Forbidden,
    NotFound,
    Rejected,
    ServiceFault,
    TimedOut,
    Unauthenticated,
    Unreachable,
)
from bff_core.resilience.budget import BudgetOptions, RetryBudget
from bff_core.resilience.bulkhead import Bulkhead, BulkheadOptions
from bff_core.resilience.latency import Latencies
from bff_core.resilience.retry import Retry, RetryOptions, worth_repeating
from bff_core.testing.clock import FakeClock

PLENTY = 5.0  # seconds: a deadline that forbids no retry, and within the budget's window
BASE = 0.025  # seconds: the first backoff


class Highest(random.Random):
    """Chance that always draws the upper end: the longest wait there can be."""

    def uniform(self, a: float, b: float) -> float:
        """The upper end."""
        return b


class Lowest(random.Random):
    """Chance that always draws the lower end: no wait but the service's own."""

    def uniform(self, a: float, b: float) -> float:
        """The lower end."""
        return a


def unreachable() -> Unreachable:
    """The plainest error that is worth a retry."""
    return Unreachable("cats: refused", service="cats")


def status(number: int, retry_after: float | None = None) -> BadStatus:
    """An answer with that status."""
    return BadStatus(f"cats answered {number}", service="cats", status=number, retry_after=retry_after)


class Cats:
    """A service that ends one attempt after the other as it is told, and notes when each began.

    An outcome that is an error is raised, anything else is the value; the last one stays.
    """

    def __init__(self, clock: FakeClock, *outcomes: object) -> None:
        self.clock = clock
        self.outcomes = list(outcomes)
        self.began: list[float] = []

    async def attempt(self) -> object:
        """One attempt."""
        self.began.append(self.clock.monotonic())
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


@dataclass
class Road:
    """A retry with its parts in hand, and what it told."""

    clock: FakeClock
    budget: RetryBudget
    latencies: Latencies
    retry: Retry
    told: list[tuple[int, float, BffError]] = field(default_factory=list)

    def begin(self, cats: Cats, left: float = PLENTY, *, repeatable: bool = True) -> asyncio.Task[object]:
        """Begin a call."""
        return asyncio.create_task(
            self.retry.run(
                cats.attempt,
                deadline=Deadline.after(self.clock, left),
                repeatable=repeatable,
                on_retry=lambda *what: self.told.append(what),
            )
        )

    async def call(self, *outcomes: object, left: float = PLENTY, repeatable: bool = True) -> Cats:
        """Make a call whose attempts end so; whether it fails is not asked."""
        cats = Cats(self.clock, *outcomes)
        task = self.begin(cats, left, repeatable=repeatable)
        await self.clock.advance(left)
        assert task.done()
        task.exception()
        return cats

    @property
    def spent(self) -> tuple[int, int]:
        """Extra attempts taken from the budget, and those it refused."""
        statistics = self.budget.statistics()
        return statistics.extra, statistics.refused


@asynccontextmanager
async def road(
    options: RetryOptions | None = None,
    *,
    budget: BudgetOptions | None = None,
    chance: random.Random | None = None,
    clock: FakeClock | None = None,
) -> AsyncIterator[Road]:
    """A retry that waits as long as it may; no timer is left at the end."""
    clock = clock or FakeClock()
    shared = RetryBudget(budget or BudgetOptions(), clock)
    latencies = Latencies(least=1)
    chance = chance or Highest()
    yield Road(clock, shared, latencies, Retry(options or RetryOptions(), shared, latencies, clock, chance))
    assert clock.timers == 0


async def test_success_is_asked_once() -> None:
    """The first value is the value; nothing is waited for, spent or told, and the attempt earns."""
    async with road() as cat_road:
        cats = Cats(cat_road.clock, "purr")
        assert await cat_road.begin(cats) == "purr"
        assert cats.began == [0.0]
        assert cat_road.told == []
        assert (cat_road.spent, cat_road.budget.statistics().first) == ((0, 0), 1)


async def test_a_second_attempt_gives_the_value() -> None:
    """The caller sees the second attempt's value and nothing of the first one's error."""
    async with road() as cat_road:
        error = unreachable()
        cats = Cats(cat_road.clock, error, "purr")
        task = cat_road.begin(cats)
        await cat_road.clock.advance(BASE)
        assert task.result() == "purr"
        assert cats.began == [0.0, BASE]
        assert cat_road.told == [(1, BASE, error)]
        assert (cat_road.spent, cat_road.budget.statistics().first) == ((1, 0), 1)


async def test_the_wait_is_before_the_attempt_and_told_before_the_wait() -> None:
    """Until the wait is over there is one attempt, and whoever listens knows of the second one already."""
    async with road() as cat_road:
        cats = Cats(cat_road.clock, unreachable(), "purr")
        task = cat_road.begin(cats)
        await cat_road.clock.advance(BASE - 0.001)
        assert (len(cats.began), len(cat_road.told)) == (1, 1)
        await cat_road.clock.advance(0.001)
        assert (len(cats.began), task.done()) == (2, True)


async def test_the_last_error_is_raised_and_says_how_many_attempts_there_were() -> None:
    """Of two errors the second one climbs, itself, with a note."""
    async with road() as cat_road:
        last = status(503)
        cats = Cats(cat_road.clock, unreachable(), last)
        task = cat_road.begin(cats)
        await cat_road.clock.advance(BASE)
        assert task.exception() is last
        assert last.__notes__ == ["after 2 attempts"]
        assert last.__context__ is None  # the first error is over; it would be kept alive and logged as a cause
        assert len(cats.began) == 2


async def test_a_single_attempt_has_no_note() -> None:
    """An error that was not repeated climbs as it is."""
    async with road() as cat_road:
        error = NotFound("no such cat", service="cats")
        await cat_road.call(error)
        assert not hasattr(error, "__notes__")


WORTH: list[BffError] = [
    unreachable(),
    TimedOut("cats: no answer", service="cats"),
    status(502),
    status(503),
    status(504),
    status(503, retry_after=1.0),
    status(429, retry_after=1.0),
]


@pytest.mark.parametrize("error", WORTH, ids=repr)
async def test_an_error_that_may_pass_is_worth_one_more(error: BffError) -> None:
    """No connection, no answer in time, not now: two attempts and no third."""
    async with road() as cat_road:
        cats = await cat_road.call(error)
        assert len(cats.began) == 2
        assert cat_road.spent == (1, 0)


class Closed(Rejected):
    """A refusal of ours that the retry has never heard of, as the next guard will bring one."""


NOT_WORTH: list[BaseException] = [
    NotFound("no such cat", service="cats"),
    BadPayload("cats[0].name: expected str", service="cats"),
    ServiceFault("cats: something new", service="cats"),
    *(status(number) for number in (301, 400, 401, 403, 404, 408, 409, 422, 429, 500, 501)),
    status(500, retry_after=0.0),
    BulkheadFull("cats: full", service="cats", retry_after=0.01),
    DeadlinePassed("cats: no time", service="cats"),
    AuthUnavailable("no key"),
    Rejected("too much", retry_after=0.0),
    Closed("the guard is shut", retry_after=0.0),
    BadRequest("a cat has no number"),
    Unauthenticated("who?"),
    Forbidden("not you"),
    Bug("ours"),
    KeyError("ours, and not of the tree"),
]


@pytest.mark.parametrize("error", NOT_WORTH, ids=repr)
async def test_an_error_that_stays_is_not_repeated(error: BaseException) -> None:
    """What the service has decided, what we refused and what is our own bug: one attempt, nothing spent."""
    async with road() as cat_road:
        cats = Cats(cat_road.clock, error)
        task = cat_road.begin(cats)
        await cat_road.clock.settle()
        assert task.exception() is error
        assert len(cats.began) == 1
        assert (cat_road.spent, cat_road.told) == ((0, 0), [])


async def test_what_may_not_be_made_twice_is_made_once() -> None:
    """A write without an idempotency key gets its error at once, however well a retry would fit."""
    async with road() as cat_road:
        cats = await cat_road.call(unreachable(), "purr", repeatable=False)
        assert len(cats.began) == 1
        assert cat_road.spent == (0, 0)


@pytest.mark.parametrize("retries", [0, 1, 4])
async def test_no_more_attempts_than_the_options_say(retries: int) -> None:
    """So many retries and the first attempt, then the error."""
    async with road(RetryOptions(retries), budget=BudgetOptions(minimum=100)) as cat_road:
        cats = await cat_road.call(unreachable())
        assert len(cats.began) == retries + 1
        assert cat_road.spent == (retries, 0)


async def test_the_backoff_doubles_up_to_its_cap() -> None:
    """The longest waits are base, twice that, four times that, and never above the cap."""
    async with road(RetryOptions(6), budget=BudgetOptions(minimum=100)) as cat_road:
        await cat_road.call(unreachable())
        assert [wait for _, wait, _ in cat_road.told] == [0.025, 0.05, 0.1, 0.2, 0.25, 0.25]
        assert [number for number, _, _ in cat_road.told] == [1, 2, 3, 4, 5, 6]


async def test_the_jitter_is_full() -> None:
    """Waits of callers who failed together lie anywhere between nothing and the backoff, evenly."""
    async with road(budget=BudgetOptions(minimum=1_000), chance=random.Random(7)) as cat_road:
        for _ in range(500):
            await cat_road.call(unreachable(), left=1.0)
        waits = [wait for _, wait, _ in cat_road.told]
        assert len(waits) == 500
        assert 0 <= min(waits) < 0.02 * BASE
        assert 0.98 * BASE < max(waits) <= BASE
        assert mean(waits) == pytest.approx(BASE / 2, rel=0.1)


async def test_no_wait_at_all_is_a_wait() -> None:
    """The lower end of the jitter is an attempt at once."""
    async with road(chance=Lowest()) as cat_road:
        cats = await cat_road.call(unreachable(), "purr")
        assert cats.began == [0.0, 0.0]


@pytest.mark.parametrize("number", [429, 503])
async def test_retry_after_is_waited_for_before_the_jitter(number: int) -> None:
    """The service's own wait is the least, is not capped, and callers still do not come back together."""
    async with road() as cat_road:
        cats = await cat_road.call(status(number, retry_after=2.0), "purr")
        assert cats.began == [0.0, 2.0 + BASE]
    async with road(chance=Lowest()) as cat_road:
        cats = await cat_road.call(status(number, retry_after=2.0), "purr")
        assert cats.began == [0.0, 2.0]


@pytest.mark.parametrize(("left", "attempts"), [(1.5, 1), (2.0, 1), (2.001, 2)])
async def test_a_retry_after_beyond_the_deadline_is_no_retry(left: float, attempts: int) -> None:
    """If it does not fit, the error comes at once instead of at the deadline, and nothing is spent."""
    async with road(chance=Lowest()) as cat_road:
        cats = Cats(cat_road.clock, status(503, retry_after=2.0))
        task = cat_road.begin(cats, left)
        await cat_road.clock.settle()
        assert task.done() is (attempts == 1)
        await cat_road.clock.advance(2.0)
        assert isinstance(task.exception(), BadStatus)
        assert len(cats.began) == attempts
        assert cat_road.spent == (attempts - 1, 0)


@pytest.mark.parametrize(
    ("left", "attempts"), [(0.124, 1), (0.126, 2)], ids=["less than the median is left", "the median is left"]
)
async def test_no_retry_that_would_not_be_answered_in_time(left: float, attempts: int) -> None:
    """After the wait there must be time for as long as half of the calls take."""
    async with road() as cat_road:
        for seconds in (0.1, 0.01, 0.1, 0.1, 4.0):
            cat_road.latencies.note(seconds)
        cats = await cat_road.call(unreachable(), left=left)
        assert len(cats.began) == attempts
        assert cat_road.spent == (attempts - 1, 0)


async def test_exactly_the_median_is_enough() -> None:
    """Not below the median is in time."""
    async with road(chance=Lowest()) as cat_road:
        cat_road.latencies.note(0.5)
        cats = await cat_road.call(unreachable(), left=0.5)
        assert len(cats.began) == 2


@pytest.mark.parametrize(("left", "attempts"), [(0.0, 1), (BASE, 1), (BASE + 0.001, 2)])
async def test_while_nothing_is_known_of_the_service_any_time_left_will_do(left: float, attempts: int) -> None:
    """Without a median a retry needs only that the deadline is not there yet after the wait."""
    async with road() as cat_road:
        cats = await cat_road.call(unreachable(), left=left)
        assert len(cats.began) == attempts
        assert cat_road.spent == (attempts - 1, 0)


async def test_a_wait_that_ends_late_makes_no_attempt() -> None:
    """A loop that was busy past the deadline: the service's error is raised, not one about the time."""

    class Busy(FakeClock):
        def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
            return super().call_later(delay + 10, callback)

    async with road(clock=Busy()) as cat_road:
        error = unreachable()
        cats = Cats(cat_road.clock, error)
        task = cat_road.begin(cats, left=1.0)
        await cat_road.clock.advance(20)
        assert task.exception() is error
        assert len(cats.began) == 1
        assert not hasattr(error, "__notes__")


async def test_a_spent_budget_means_the_first_error_at_once() -> None:
    """No retry, no wait; the budget has counted the refusal."""
    async with road(budget=BudgetOptions(minimum=1)) as cat_road:
        await cat_road.call(unreachable(), left=1.0)
        error = unreachable()
        cats = Cats(cat_road.clock, error)
        task = cat_road.begin(cats)
        await cat_road.clock.settle()
        assert task.exception() is error
        assert len(cats.began) == 1
        assert cat_road.spent == (1, 1)


async def test_a_call_earns_before_it_spends() -> None:
    """The fifth failed call may be repeated on what the five have earned."""
    async with road(budget=BudgetOptions(minimum=0)) as cat_road:
        counts = [len((await cat_road.call(unreachable(), left=0.1)).began) for _ in range(10)]
        assert counts == [1, 1, 1, 1, 2, 1, 1, 1, 1, 2]


async def test_who_was_refused_by_us_earns_nothing() -> None:
    """A service behind an open breaker does not meet a full budget when it comes back."""
    async with road(budget=BudgetOptions(minimum=0)) as cat_road:
        for _ in range(100):
            await cat_road.call(Closed("the guard is shut"), left=0.05)
        assert cat_road.budget.statistics().first == 0


async def test_a_retry_earns_nothing() -> None:
    """Only first attempts do, else a share of a share would be added."""
    async with road(RetryOptions(5), budget=BudgetOptions(minimum=100)) as cat_road:
        await cat_road.call(unreachable(), left=1.0)
        assert cat_road.budget.statistics().first == 1
        await cat_road.call(unreachable(), "purr", left=1.0)
        assert cat_road.budget.statistics().first == 2


async def test_a_second_attempt_that_we_refuse_ends_the_call() -> None:
    """The last attempt's error is raised, also when that one found the way closed."""
    async with road(RetryOptions(5)) as cat_road:
        shut = Closed("the guard is shut")
        cats = Cats(cat_road.clock, unreachable(), shut)
        task = cat_road.begin(cats)
        await cat_road.clock.advance(BASE)
        assert task.exception() is shut
        assert shut.__notes__ == ["after 2 attempts"]
        assert len(cats.began) == 2


async def test_cancelled_during_the_wait() -> None:
    """The cancellation passes through, no attempt follows and no timer is left."""
    async with road() as cat_road:
        cats = Cats(cat_road.clock, unreachable())
        task = cat_road.begin(cats)
        await cat_road.clock.settle()
        assert cat_road.clock.timers == 1
        task.cancel()
        await cat_road.clock.settle()
        assert task.cancelled()
        assert cat_road.clock.timers == 0
        await cat_road.clock.advance(PLENTY)
        assert len(cats.began) == 1


async def test_cancelled_during_an_attempt() -> None:
    """A cancellation is no failure: it is not repeated and earns nothing."""
    async with road() as cat_road:
        cats = Cats(cat_road.clock, asyncio.CancelledError())
        task = cat_road.begin(cats)
        await cat_road.clock.settle()
        assert task.cancelled()
        assert len(cats.began) == 1
        assert (cat_road.spent, cat_road.budget.statistics().first) == ((0, 0), 0)


async def test_waiting_to_retry_holds_no_permit() -> None:
    """Each attempt takes a permit of its own; during the wait a neighbour has it."""
    async with road() as cat_road:
        clock = cat_road.clock
        bulkhead = Bulkhead("cats", BulkheadOptions(in_flight=1, waiting=0), clock)
        cats = Cats(clock, unreachable(), "purr")
        deadline = Deadline.after(clock, PLENTY)
        held: list[int] = []

        async def attempt() -> object:
            async with bulkhead.permit(deadline):
                held.append(bulkhead.statistics().in_flight)
                return await cats.attempt()

        task = asyncio.create_task(cat_road.retry.run(attempt, deadline=deadline, repeatable=True))
        await clock.settle()
        assert (len(cats.began), bulkhead.statistics().in_flight) == (1, 0)
        async with bulkhead.permit(deadline):
            await clock.advance(BASE / 2)
        await clock.advance(BASE / 2)
        assert task.result() == "purr"
        assert held == [1, 1]


async def test_nobody_need_listen() -> None:
    """Without a callback the call is repeated all the same."""
    async with road() as cat_road:
        cats = Cats(cat_road.clock, unreachable(), "purr")
        deadline = Deadline.after(cat_road.clock, PLENTY)
        task = asyncio.create_task(cat_road.retry.run(cats.attempt, deadline=deadline, repeatable=True))
        await cat_road.clock.advance(BASE)
        assert (task.result(), len(cats.began)) == ("purr", 2)


async def test_a_hundred_calls_that_fail_together_are_at_most_120() -> None:
    """The budget is shared by calls under way at the same time."""
    async with road(chance=random.Random(7)) as cat_road:
        cats = Cats(cat_road.clock, unreachable())
        tasks = [cat_road.begin(cats) for _ in range(100)]
        await cat_road.clock.advance(1)
        assert all(isinstance(task.exception(), Unreachable) for task in tasks)
        assert len(cats.began) == 120


async def test_a_service_dead_for_a_minute_is_asked_at_most_a_fifth_more() -> None:
    """Twenty calls a second for a minute, each of which fails: between 1.17 and 1.2 calls a first attempt."""
    async with road(chance=random.Random(7)) as cat_road:
        cats = Cats(cat_road.clock, unreachable())
        tasks = []
        for _ in range(20 * 60):
            tasks.append(cat_road.begin(cats, left=2.0))
            await cat_road.clock.advance(0.05)
        await cat_road.clock.advance(2.0)
        assert all(task.exception() for task in tasks)
        assert 1.17 <= len(cats.began) / len(tasks) <= 1.2


@pytest.mark.parametrize(
    "options",
    [
        {"retries": -1},
        {"retries": 11},
        {"base": 0.0},
        {"base": float("nan")},
        {"base": 0.3},
        {"cap": 0.01},
        {"cap": float("nan")},
        {"cap": float("inf")},
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    """The message says what is expected and what came."""
    with pytest.raises(ValueError, match="retries 0 to 10 and 0 s < base <= cap are expected, not RetryOptions"):
        RetryOptions(**options)  # type: ignore[arg-type]  # a float for a whole number is part of what is refused


# ---- over any sequence of outcomes and times

#: Made anew each time: an error that is raised again carries its old trace along.
OUTCOMES: Sequence[Callable[[], BffError | None]] = [
    lambda: None,
    unreachable,
    lambda: status(503),
    lambda: status(503, retry_after=1.0),
    lambda: status(429),
    lambda: NotFound("no such cat", service="cats"),
    lambda: Closed("the guard is shut"),
]


@dataclass
class Plan:
    """One call: seconds after the call before it, its deadline, and how each of its attempts ends after how long."""

    after: float
    left: float
    repeatable: bool
    attempts: list[tuple[float, Callable[[], BffError | None]]]


seconds = st.integers(0, 96).map(lambda n: n / 32)
attempts = st.lists(st.tuples(seconds, st.sampled_from(OUTCOMES)), min_size=4, max_size=4)
plans = st.lists(st.builds(Plan, seconds, seconds, st.booleans() | st.just(True), attempts), max_size=25)


@settings(deadline=None)
@given(plans=plans, minimum=st.integers(0, 2), retries=st.integers(0, 3), seed=st.integers(0, 3))
def test_never_beyond_the_budget_and_never_past_the_deadline(
    plans: list[Plan], minimum: int, retries: int, seed: int
) -> None:
    """Whatever calls come when and end how: each retry is allowed by every rule, seen from outside."""
    asyncio.run(replay(plans, minimum, retries, seed))


async def replay(plans: list[Plan], minimum: int, retries: int, seed: int) -> None:
    """Make the planned calls, each a task, and hold every retry to the rules."""
    budget = BudgetOptions(ratio=0.5, minimum=minimum, window=4.0)
    firsts: list[float] = []
    extras: list[float] = []
    chance = Highest() if seed == 0 else random.Random(seed)
    async with road(RetryOptions(retries, BASE, 4 * BASE), budget=budget, chance=chance) as cat_road:
        clock = cat_road.clock
        cat_road.latencies.note(0.25)

        def within_window(instants: list[float]) -> int:
            return sum(clock.monotonic() - at < budget.window for at in instants)

        async def call(plan: Plan) -> None:
            deadline = Deadline.after(clock, plan.left)
            began: list[float] = []
            waits: list[float] = []
            ended: list[BffError | None] = []

            async def attempt() -> None:
                number = len(began)
                began.append(clock.monotonic())
                assert number == len(waits)  # each retry was told before
                assert number == 0 or clock.monotonic() < deadline.at
                seconds, outcome = plan.attempts[number]
                ends = asyncio.Event()
                if seconds:
                    clock.call_later(seconds, ends.set)
                    await ends.wait()
                ended.append(error := outcome())
                if number == 0 and not isinstance(error, Rejected):
                    firsts.append(clock.monotonic())
                if error is not None:
                    raise error

            def on_retry(number: int, wait: float, error: BffError) -> None:
                extras.append(clock.monotonic())
                waits.append(wait)
                assert within_window(extras) <= max(minimum, budget.ratio * within_window(firsts))
                assert plan.repeatable
                assert number == len(began) <= retries
                assert error is ended[-1]
                assert worth_repeating(error)
                asked = error.retry_after or 0.0 if isinstance(error, BadStatus) else 0.0
                assert asked <= wait <= asked + min(4 * BASE, BASE * 2 ** (number - 1))
                assert deadline.left - wait >= 0.25

            raised = None
            try:
                await cat_road.retry.run(attempt, deadline=deadline, repeatable=plan.repeatable, on_retry=on_retry)
            except BffError as error:
                raised = error
            assert raised is ended[-1]
            assert len(began) == len(ended) == len(waits) + 1

        tasks = []
        for plan in plans:
            await clock.advance(plan.after)
            tasks.append(asyncio.create_task(call(plan)))
        await clock.advance(100)
        for task in tasks:
            task.result()
        assert cat_road.budget.statistics().refused + len(extras) <= len(plans) * retries
