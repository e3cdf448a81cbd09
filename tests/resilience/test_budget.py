"""The retry budget: its share, its floor, its window, and that it never gives out more."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff_core.clock import Clock, SystemClock
from bff_core.resilience import budget as budget_module
from bff_core.resilience.budget import SLOTS, BudgetOptions, BudgetStatistics, RetryBudget
from bff_core.testing.clock import FakeClock

WINDOW = 10.0  # seconds
SLOT = WINDOW / SLOTS


def budget(clock: Clock | None = None, ratio: float = 0.2, minimum: int = 3) -> RetryBudget:
    """A budget over ten seconds."""
    return RetryBudget(BudgetOptions(ratio, minimum, WINDOW), clock or FakeClock())


def first(of: RetryBudget, times: int) -> None:
    """So many first attempts."""
    for _ in range(times):
        of.note_first()


def taken(of: RetryBudget, tries: int = 1_000) -> int:
    """How many of the tries were granted."""
    return sum(of.take() for _ in range(tries))


def test_the_floor_is_there_without_any_first_attempt() -> None:
    """A service that nobody has asked yet has its minimum."""
    assert taken(budget()) == 3


@pytest.mark.parametrize(
    ("attempts", "extras"), [(0, 3), (15, 3), (19, 3), (20, 4), (24, 4), (25, 5), (100, 20), (1_000, 200)]
)
def test_the_share_is_a_fifth_of_the_first_attempts_and_no_less_than_the_floor(attempts: int, extras: int) -> None:
    """The larger of the two, not their sum; a fraction of an extra attempt is none."""
    of = budget()
    first(of, attempts)
    assert taken(of) == extras


def test_a_share_that_floats_cannot_say_is_not_one_short() -> None:
    """0.29 of 100 is 29, although the product of the floats is a little less."""
    of = budget(ratio=0.29)
    first(of, 100)
    assert taken(of) == 29


def test_what_is_earned_while_some_is_spent() -> None:
    """First attempts in between earn more, and what was taken still counts."""
    of = budget()
    first(of, 100)
    assert taken(of, 15) == 15
    first(of, 50)
    assert taken(of) == 15


async def test_the_floor_comes_back_with_its_window() -> None:
    """Three at once, none for the rest of ten seconds, three again exactly then."""
    clock = FakeClock(start=0.7)  # not at the edge of a slot
    of = budget(clock)
    assert taken(of) == 3
    await clock.advance(WINDOW - 0.001)
    assert taken(of) == 0
    await clock.advance(0.001)
    assert taken(of) == 3


async def test_first_attempts_are_forgotten() -> None:
    """What was asked more than a window ago earns nothing any more."""
    clock = FakeClock()
    of = budget(clock)
    first(of, 100)
    await clock.advance(WINDOW)
    assert taken(of) == 3


async def test_first_attempts_count_for_nearly_the_whole_window() -> None:
    """A slot short of the window they still count."""
    clock = FakeClock(start=0.7)
    of = budget(clock)
    first(of, 100)
    await clock.advance(WINDOW - SLOT)
    assert taken(of) == 20


async def test_one_first_attempt_is_not_spent_twice() -> None:
    """Extras taken late in the life of their first attempts weigh on the next window's."""
    clock = FakeClock()
    of = budget(clock)
    first(of, 100)
    await clock.advance(9.75)
    assert taken(of) == 20
    await clock.advance(0.25)
    first(of, 100)
    assert taken(of) == 0
    await clock.advance(9.7)
    assert taken(of) == 0  # the window of those 20 is not over, nor is it told by the edge of a slot


async def test_a_steady_load_gets_nearly_its_fifth() -> None:
    """Over ten minutes of ten calls a second that all want a retry, extras are 18 to 20 % of them."""
    clock = FakeClock()
    of = budget(clock)
    attempts = extras = 0
    for _ in range(6_000):
        of.note_first()
        attempts += 1
        extras += of.take()
        await clock.advance(0.1)
    assert 0.18 <= extras / attempts <= 0.2


async def test_a_long_rest_forgets_everything() -> None:
    """After days without a call it stands as new, but for what it has refused."""
    clock = FakeClock()
    of = budget(clock)
    first(of, 50)
    assert taken(of, 11) == 10
    await clock.advance(1e6)
    assert of.statistics() == BudgetStatistics(first=0, extra=0, left=3, refused=1)


def test_its_statistics_tell_how_it_stands() -> None:
    """First and extra attempts in the window, what is left, and refusals since it was made."""
    of = budget()
    first(of, 30)
    taken(of, 8)
    assert of.statistics() == BudgetStatistics(first=30, extra=6, left=0, refused=2)
    first(of, 5)
    assert of.statistics() == BudgetStatistics(first=35, extra=6, left=1, refused=2)
    assert repr(of) == "<RetryBudget BudgetStatistics(first=35, extra=6, left=1, refused=2)>"


def test_no_floor_and_no_share_mean_no_extras() -> None:
    """Zero and zero switch retries and hedges off."""
    of = budget(ratio=0.0, minimum=0)
    first(of, 1_000)
    assert taken(of) == 0


def test_memory_does_not_grow_with_the_load() -> None:
    """Ten thousand calls within one window take no more memory than the first hundred."""
    of = budget()
    first(of, 100)
    taken(of, 100)
    tracemalloc.start()
    try:
        first(of, 5_000)
        taken(of, 5_000)
        own = tracemalloc.Filter(True, budget_module.__file__)  # other threads of the run take memory too
        grown = sum(one.size for one in tracemalloc.take_snapshot().filter_traces([own]).traces)
    finally:
        tracemalloc.stop()
    assert grown < 4_096  # bytes; a timestamp a call would be over a hundred thousand


@pytest.mark.parametrize(
    "options",
    [
        {"ratio": -0.1},
        {"ratio": 1.1},
        {"ratio": float("nan")},
        {"minimum": -1},
        {"minimum": 1001},
        {"window": 0.0},
        {"window": float("nan")},
        {"window": float("inf")},
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    """The message says what is expected and what came."""
    with pytest.raises(ValueError, match=r"ratio 0 to 1, minimum 0 to 1000 .* are expected, not BudgetOptions"):
        BudgetOptions(**options)  # type: ignore[arg-type]  # a float for a whole number is part of what is refused


# Quarters of a second and slots of one second: every instant is exact, so the oracle needs no slack.
steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(0, 60) | st.sampled_from([1, 2, 35, 37, 39, 41])),
        st.tuples(st.just("first"), st.integers(1, 12)),
        st.tuples(st.just("take"), st.integers(1, 4)),
    ),
    max_size=60,
)


class Hand(SystemClock):
    """A clock whose time is set: a budget waits for nothing, so no loop is needed."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        """The instant that was set."""
        return self.now


@given(steps=steps, minimum=st.integers(0, 4), ratio=st.sampled_from([0.0, 0.125, 0.25, 0.5, 1.0]))
def test_never_more_than_its_share_never_less_than_its_floor(
    steps: list[tuple[str, int]], minimum: int, ratio: float
) -> None:
    """Over any sequence, against lists of instants: a grant keeps the exact window's share, and a refusal has a reason.

    The reason: the floor of the exact window is used up, and so is the share, counted over a slot more of extras and a
    slot less of first attempts.
    """
    clock = Hand()
    of = RetryBudget(BudgetOptions(ratio, minimum, WINDOW), clock)
    firsts: list[float] = []
    extras: list[float] = []

    def within(instants: list[float], seconds: float) -> int:
        return sum(clock.now - at < seconds for at in instants)

    for what, number in steps:
        if what == "wait":
            clock.now += number / 4
        for _ in range(number if what == "first" else 0):
            of.note_first()
            firsts.append(clock.now)
        for _ in range(number if what == "take" else 0):
            left = of.statistics().left
            granted = of.take()
            assert granted is (left > 0)
            if granted:
                extras.append(clock.now)
                assert within(extras, WINDOW) <= max(minimum, ratio * within(firsts, WINDOW))
            else:
                assert within(extras, WINDOW) >= minimum
                assert within(extras, WINDOW + SLOT) + 1 > ratio * within(firsts, WINDOW - SLOT)
