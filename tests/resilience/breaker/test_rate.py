"""Rate mode: enough calls within the window, and too many of them failed."""

from __future__ import annotations

from typing import Any

import pytest

from bff_core.resilience.breaker import Counts
from bff_core.resilience.breaker.rate import FailureRate
from tests.resilience.breaker.calls import BIT, Calls


def rated(**options: Any) -> Calls:
    """Calls through a breaker in rate mode: 10 s, 20 calls, a half."""
    return Calls(mode="rate", **options)


def test_half_of_twenty_opens() -> None:
    """Ten failures of twenty calls open it; one call fewer does not, nor one failure fewer."""
    calls = rated()
    calls.succeed(10)
    calls.fail(9)
    assert calls.state() == "closed"
    calls.fail()
    assert calls.changes == [("closed", "open")]
    calls = rated()
    calls.succeed(11)
    calls.fail(9)
    assert calls.state() == "closed"


def test_too_few_calls_say_nothing() -> None:
    """Nineteen failures in a row are not enough calls."""
    calls = rated()
    calls.fail(19)
    assert calls.state() == "closed"
    calls.fail()
    assert calls.state() == "open"


def test_it_opens_on_a_failure_only() -> None:
    """A success that makes the calls enough changes nothing, the next failure does."""
    calls = rated()
    calls.fail(19)
    calls.succeed()
    assert calls.state() == "closed"
    calls.fail()
    assert calls.state() == "open"


def test_calls_under_way_are_not_looked_at() -> None:
    """A hundred calls that have not ended do not hide that all that have ended failed."""
    calls = rated()
    calls.begin(100)
    calls.fail(20)
    assert calls.state() == "open"


def test_calls_that_do_not_count_are_none() -> None:
    """Twenty ends that say nothing are no calls of the window."""
    calls = rated()
    calls.ignore(20)
    calls.fail(19)
    assert calls.state() == "closed"


@pytest.mark.parametrize(("rate", "failures"), [(0.05, 1), (0.25, 5), (0.75, 15), (1.0, 20)])
def test_the_part_is_a_setting(rate: float, failures: int) -> None:
    """It opens at the part that is set, and below it not."""
    calls = rated(rate=rate)
    calls.succeed(20 - failures)
    calls.fail(failures - 1)
    assert calls.state() == "closed"
    calls.fail()
    assert calls.state() == "open"


async def test_the_window_slides() -> None:
    """Failures on both sides of any instant count together: ten now and ten seven seconds later open it."""
    for start in (0.0, 3.0, 5.5, 9.9, 12_345.6):
        calls = rated(start=start)
        calls.fail(10)
        await calls.advance(7)
        calls.fail(9)
        assert calls.state() == "closed"
        calls.fail()
        assert calls.state() == "open", start


@pytest.mark.parametrize("start", [0.0, 0.25, 0.5, 0.999, 77.7])
async def test_a_result_counts_for_nine_tenths_and_less_than_all_of_the_window(start: float) -> None:
    """Wherever in a tenth a failure falls, it counts 8.999 s later and not 10 s later."""
    for age, state in ((8.999, "open"), (10.0, "closed")):
        calls = rated(start=start, minimum_calls=2)
        calls.fail()
        await calls.advance(age)
        calls.fail()
        assert calls.state() == state


async def test_a_steady_half_opens_at_any_time() -> None:
    """With four calls a second of which every other fails, it opens when there were enough calls, not later."""
    calls = rated()
    for number in range(1, 21):
        assert calls.state() == "closed"
        if number % 2:
            calls.succeed()
        else:
            calls.fail()
        await calls.advance(0.25)
    assert calls.state() == "open"


async def test_failures_that_left_the_window_are_forgotten() -> None:
    """A few failures among many successes say little, however many failures there were before."""
    calls = rated()
    calls.fail(19)
    await calls.advance(10)
    calls.succeed(19)
    calls.fail()
    assert calls.state() == "closed"
    assert calls.breaker.counts.failures == 20


async def test_the_interval_is_not_looked_at() -> None:
    """The counts go on over the interval, and a call that began before it counts."""
    calls = rated(interval=1.0)
    (old,) = calls.begin()
    calls.fail(18)
    await calls.advance(5)
    old.failed()
    assert calls.breaker.counts == Counts(19, 0, 19, 0, 19)
    calls.fail()
    assert calls.state() == "open"


async def test_the_window_begins_anew_when_it_closes() -> None:
    """What led to the opening is not held against the time after it, however short that took."""
    calls = rated(timeout=1.0)
    calls.fail(20)
    await calls.advance(1 + BIT)
    calls.succeed(5)
    assert calls.state() == "closed"
    calls.fail(19)
    assert calls.state() == "closed"
    calls.fail()
    assert calls.state() == "open"


async def test_half_open_does_not_look_at_the_rate() -> None:
    """One failed probe opens it again, though one call is far below the least number."""
    calls = rated()
    calls.fail(20)
    await calls.advance(30 + BIT)
    calls.succeed(4)
    calls.fail()
    assert calls.state() == "open"


def test_memory_does_not_grow_with_calls() -> None:
    """However many results there are and however they are spread, the rule keeps one sum for each tenth."""
    rule = FailureRate(window=10.0, minimum_calls=20, rate=0.5)
    for number in range(3_000):
        rule.note(number % 2 == 0, number * 0.07)
        assert len(rule._slots) <= 10
    rule.begin()
    assert len(rule._slots) == 0
