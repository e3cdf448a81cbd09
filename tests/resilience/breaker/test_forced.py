"""Forced open, and metrics only: what an operator may ask of a breaker."""

from __future__ import annotations

import pytest

from bff_core.errors import BreakerBusy, BreakerOpen
from bff_core.resilience.breaker import Counts
from tests.resilience.breaker.calls import BIT, Calls


async def test_forced_open_refuses_whatever_happens() -> None:
    """Every call is refused, at any time, without a time to come back."""
    calls = Calls("users", "search", forced="open")
    for _ in range(3):
        with pytest.raises(BreakerOpen, match="users search: the breaker is forced open") as caught:
            calls.breaker.admit()
        assert (caught.value.service, caught.value.retry_after) == ("users", None)
        await calls.advance(100)
    assert calls.state() == "open"
    statistics = calls.breaker.statistics()
    assert (statistics.state, statistics.counts, statistics.refused, statistics.retry_after) == (
        "open",
        Counts(),
        3,
        None,
    )


async def test_forced_open_is_told_once() -> None:
    """Whoever watches learns of it when the breaker is made, and hears no more."""
    calls = Calls(forced="open")
    assert calls.changes == [("closed", "open")]
    await calls.advance(100)
    assert calls.state() == "open"
    assert calls.changes == [("closed", "open")]
    assert Calls().changes == []


async def test_metrics_only_admits_every_call() -> None:
    """Open or half-open with all its probes, it lets every call through and counts those it would have refused."""
    calls = Calls(metrics_only=True)
    calls.fail(4)
    assert calls.state() == "open"
    calls.begin(3)
    assert calls.breaker.statistics().refused == 3
    await calls.advance(30 + BIT)
    calls.begin(7)
    assert calls.breaker.statistics().refused == 5
    assert calls.breaker.counts == Counts(5, 0, 0, 0, 0)


async def test_metrics_only_does_what_a_breaker_that_refuses_would_do() -> None:
    """Given the same calls, it changes when the refusing one does, counts the same, and refuses as many in name."""
    real, dry = Calls(), Calls(metrics_only=True)
    for number in range(400):
        for calls in (real, dry):
            try:
                admission = calls.breaker.admit()
            except (BreakerOpen, BreakerBusy):
                pass
            else:
                # Its run of failures is longer than the breaker waits, its run of successes long enough to close.
                admission.failed() if number % 97 < 60 else admission.succeeded()
            await calls.advance(0.7)
        assert real.state() == dry.state()
        assert real.breaker.counts == dry.breaker.counts
    assert real.changes == dry.changes
    assert {after for _, after in real.changes} == {"open", "half-open", "closed"}
    assert real.breaker.statistics().refused == dry.breaker.statistics().refused > 0


async def test_the_end_of_a_call_let_through_for_metrics_is_no_look() -> None:
    """A breaker that refuses would never hear of its end, so it moves nothing."""
    calls = Calls(metrics_only=True)
    calls.fail(4)
    (through,) = calls.begin()
    await calls.advance(30 + BIT)
    through.failed()
    assert calls.changes == [("closed", "open")]
    assert calls.breaker.statistics().state == "open"
