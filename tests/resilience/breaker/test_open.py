"""Open: who is refused, until when, and what is dropped."""

from __future__ import annotations

import pytest

from bff_core.errors import BreakerOpen, Rejected
from bff_core.resilience.breaker import Counts
from tests.resilience.breaker.calls import BIT, Calls


async def test_calls_are_refused_and_told_when_to_come_back() -> None:
    """A refusal names the service and the seconds that are left; it is no request."""
    calls = Calls("users", "search")
    calls.fail(4)
    await calls.advance(10)
    with pytest.raises(BreakerOpen, match="users search: the breaker is open") as caught:
        calls.breaker.admit()
    assert isinstance(caught.value, Rejected)
    assert (caught.value.service, caught.value.retry_after) == ("users", 20)
    assert caught.value.code == "SERVICE_BREAKER_OPEN"
    statistics = calls.breaker.statistics()
    assert (statistics.state, statistics.counts, statistics.refused, statistics.retry_after) == (
        "open",
        Counts(),
        1,
        20,
    )


async def test_at_exactly_the_timeout_it_is_still_open() -> None:
    """At the timeout a call is refused, an instant later one is let through."""
    calls = Calls()
    calls.fail(4)
    await calls.advance(30)
    refusal = calls.refusal()
    assert isinstance(refusal, BreakerOpen)
    assert refusal.retry_after == 0
    assert calls.state() == "open"
    await calls.advance(BIT)
    assert calls.refusal() is None
    assert calls.changes == [("closed", "open"), ("open", "half-open")]


async def test_it_changes_when_looked_at_and_not_by_itself() -> None:
    """There is no timer: long after the timeout nothing was told, until somebody asks."""
    calls = Calls()
    calls.fail(4)
    await calls.advance(3_600)
    assert calls.clock.timers == 0
    assert calls.changes == [("closed", "open")]
    statistics = calls.breaker.statistics()
    assert (statistics.state, statistics.retry_after) == ("open", 0)
    assert "open" in repr(calls.breaker)
    assert calls.changes == [("closed", "open")]
    assert calls.state() == "half-open"
    assert calls.changes == [("closed", "open"), ("open", "half-open")]


async def test_the_timeout_runs_from_the_opening_and_no_refusal_prolongs_it() -> None:
    """However often it is asked, it is half-open after the timeout."""
    calls = Calls(timeout=5.0)
    calls.fail(4)
    for _ in range(5):
        assert calls.refusal() is not None
        await calls.advance(1)
    await calls.advance(BIT)
    assert calls.refusal() is None


@pytest.mark.parametrize("word", ["succeeded", "failed", "ignored"])
async def test_ends_of_calls_from_before_are_dropped(word: str) -> None:
    """Calls that were under way when it opened change nothing, neither while it is open nor half-open."""
    calls = Calls()
    old = calls.begin(8)
    calls.fail(4)
    getattr(old[0], word)()
    assert (calls.state(), calls.breaker.counts) == ("open", Counts())
    await calls.advance(30 + BIT)
    assert calls.state() == "half-open"
    for admission in old:
        getattr(admission, word)()
    assert (calls.state(), calls.breaker.counts) == ("half-open", Counts())


async def test_a_dropped_end_is_a_look_too() -> None:
    """The end of an old call finds it half-open after the timeout, although it counts in no generation."""
    calls = Calls()
    (old,) = calls.begin()
    await calls.half_open()
    old.failed()
    assert calls.changes == [("closed", "open"), ("open", "half-open")]
    assert calls.breaker.counts == Counts()
