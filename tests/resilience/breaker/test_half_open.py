"""Half-open: a few probes, and what they decide."""

from __future__ import annotations

import pytest

from bff_core.errors import BreakerBusy, Rejected
from bff_core.resilience.breaker import Counts
from tests.resilience.breaker.calls import BIT, Calls

OPENED = [("closed", "open"), ("open", "half-open")]


async def test_so_many_successes_close() -> None:
    """Four of five successes leave it half-open, the fifth closes it with clear counts."""
    calls = Calls()
    await calls.half_open()
    calls.succeed(4)
    assert calls.state() == "half-open"
    assert calls.breaker.counts == Counts(4, 4, 0, 4, 0)
    calls.succeed()
    assert calls.state() == "closed"
    assert calls.breaker.counts == Counts()
    assert calls.changes == [*OPENED, ("half-open", "closed")]


async def test_one_failure_opens_again_for_the_whole_timeout() -> None:
    """The first failure opens it, whatever succeeded before, and the timeout runs anew."""
    calls = Calls()
    await calls.half_open()
    calls.succeed(4)
    calls.fail()
    assert calls.changes == [*OPENED, ("half-open", "open")]
    await calls.advance(30)
    assert calls.state() == "open"
    await calls.advance(BIT)
    assert calls.state() == "half-open"


async def test_it_admits_so_many_in_all_and_not_at_a_time() -> None:
    """Places of probes that have succeeded are not given out again: the sixth is refused with a code of its own."""
    calls = Calls()
    await calls.half_open()
    calls.succeed(3)
    calls.begin(2)
    with pytest.raises(BreakerBusy, match="users: the breaker is half-open and has all its probes") as caught:
        calls.breaker.admit()
    assert isinstance(caught.value, Rejected)
    assert (caught.value.service, caught.value.retry_after) == ("users", None)
    assert caught.value.code == "SERVICE_BREAKER_BUSY"
    assert calls.breaker.counts == Counts(5, 3, 0, 3, 0)
    assert calls.breaker.statistics().refused == 1


async def test_probes_that_never_report_leave_it_refusing() -> None:
    """It has no limit in time: an hour later it still waits for its probes."""
    calls = Calls(max_requests=1)
    await calls.half_open()
    (probe,) = calls.begin()
    await calls.advance(3_600)
    assert isinstance(calls.refusal(), BreakerBusy)
    assert calls.breaker.statistics().retry_after is None
    probe.succeeded()
    assert calls.state() == "closed"


async def test_a_probe_that_does_not_count_gives_its_place_back() -> None:
    """Four successes and one cancelled probe do not refuse for ever: another probe may decide."""
    calls = Calls()
    await calls.half_open()
    calls.succeed(4)
    (probe,) = calls.begin()
    assert isinstance(calls.refusal(), BreakerBusy)
    probe.ignored()
    assert calls.breaker.counts == Counts(4, 4, 0, 4, 0)
    calls.succeed()
    assert calls.state() == "closed"


async def test_a_place_is_given_back_once() -> None:
    """However often a probe says that it does not count, it had one place."""
    calls = Calls(max_requests=2)
    await calls.half_open()
    first, _ = calls.begin(2)
    first.ignored()
    first.ignored()
    calls.begin()
    assert isinstance(calls.refusal(), BreakerBusy)


async def test_a_place_of_an_earlier_generation_is_not_given_back() -> None:
    """A probe of the last half-open that ends without counting makes no room in this one."""
    calls = Calls(max_requests=2)
    await calls.half_open()
    old, failing = calls.begin(2)
    failing.failed()
    await calls.advance(30 + BIT)
    calls.begin(2)
    old.ignored()
    assert calls.breaker.counts == Counts(2, 0, 0, 0, 0)
    assert isinstance(calls.refusal(), BreakerBusy)


@pytest.mark.parametrize("word", ["succeeded", "failed"])
async def test_a_probe_of_an_earlier_generation_decides_nothing(word: str) -> None:
    """However a probe of the last half-open ends, it neither opens this one nor helps to close it."""
    calls = Calls(max_requests=3)
    await calls.half_open()
    late, failing = calls.begin(2)
    failing.failed()
    await calls.advance(30 + BIT)
    calls.succeed(2)
    getattr(late, word)()
    assert calls.state() == "half-open"
    assert calls.breaker.counts == Counts(2, 2, 0, 2, 0)
    calls.succeed()
    assert calls.state() == "closed"


async def test_the_interval_after_closing_runs_from_the_closing() -> None:
    """Closed at some instant, the counts are cleared an interval after it."""
    calls = Calls()
    await calls.half_open()
    await calls.advance(17)
    calls.succeed(5)
    calls.fail(3)
    await calls.advance(60)
    calls.succeed()
    assert calls.breaker.counts == Counts(4, 1, 3, 1, 0)
    await calls.advance(BIT)
    calls.succeed()
    assert calls.breaker.counts == Counts(1, 1, 0, 1, 0)
