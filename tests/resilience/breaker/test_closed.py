"""Closed: what is counted, when counts are cleared, and what opens it."""

from __future__ import annotations

import pytest

from bff_core.resilience.breaker import Counts
from tests.resilience.breaker.calls import BIT, Calls


def test_the_fourth_failure_in_a_row_opens() -> None:
    """Three failures in a row leave it closed, the fourth opens it and clears the counts."""
    calls = Calls()
    calls.fail(3)
    assert calls.state() == "closed"
    assert calls.breaker.counts == Counts(3, 0, 3, 0, 3)
    calls.fail()
    assert calls.state() == "open"
    assert calls.breaker.counts == Counts()
    assert calls.changes == [("closed", "open")]


def test_a_success_ends_the_run() -> None:
    """Only failures in a row open it: a success between them begins the run anew."""
    calls = Calls()
    for _ in range(5):
        calls.fail(3)
        calls.succeed()
    assert calls.state() == "closed"
    assert calls.breaker.counts == Counts(20, 5, 15, 1, 0)


@pytest.mark.parametrize("over", [0, 1, 7])
def test_the_run_is_a_setting(over: int) -> None:
    """It opens on the failure after ``trip_after``, and not before."""
    calls = Calls(trip_after=over)
    calls.fail(over)
    assert calls.state() == "closed"
    calls.fail()
    assert calls.state() == "open"


def test_calls_under_way_are_counted_and_overlap() -> None:
    """Requests hold calls under way, and these may end in any order."""
    calls = Calls()
    first, second, third = calls.begin(3)
    assert calls.breaker.counts == Counts(3, 0, 0, 0, 0)
    third.failed()
    first.succeeded()
    assert calls.breaker.counts == Counts(3, 1, 1, 1, 0)
    second.failed()
    assert calls.breaker.counts == Counts(3, 1, 2, 0, 1)


async def test_counts_are_cleared_after_the_interval_and_not_at_it() -> None:
    """At exactly the interval the counts stay, an instant later they are gone, the consecutive ones too."""
    calls = Calls()
    calls.fail(3)
    await calls.advance(60)
    assert calls.state() == "closed"
    assert calls.breaker.counts == Counts(3, 0, 3, 0, 3)
    await calls.advance(BIT)
    assert calls.state() == "closed"
    assert calls.breaker.counts == Counts()
    calls.fail(3)
    assert calls.state() == "closed"
    assert calls.changes == []


async def test_the_interval_does_not_slide() -> None:
    """It runs from the making, not from the first call: a call just before its end is forgotten with it."""
    calls = Calls(start=1_000.0)
    await calls.advance(59)
    calls.fail(3)
    await calls.advance(1 + BIT)
    calls.fail()
    assert calls.breaker.counts == Counts(1, 0, 1, 0, 1)


async def test_the_next_interval_runs_from_the_look_that_ended_the_last() -> None:
    """It is no grid: looked at after 100 s, the next clearing is at 160 s and not at 120 s."""
    calls = Calls()
    await calls.advance(100)
    calls.fail(3)
    await calls.advance(60)
    calls.fail()
    assert calls.state() == "open"


async def test_no_interval_never_clears() -> None:
    """An interval of 0 keeps the counts for good."""
    calls = Calls(interval=0)
    calls.fail(3)
    await calls.advance(1e6)
    calls.fail()
    assert calls.state() == "open"


async def test_a_call_from_before_the_clearing_does_not_count() -> None:
    """From closed to closed is a new generation too: a call that began in the old one counts in none."""
    calls = Calls()
    (old,) = calls.begin()
    calls.fail(3)
    await calls.advance(60 + BIT)
    old.failed()
    assert calls.breaker.counts == Counts()
    assert calls.state() == "closed"


async def test_counts_are_read_without_a_look() -> None:
    """Reading the counts or the statistics moves nothing: they show what the last look found."""
    calls = Calls()
    calls.fail(2)
    await calls.advance(61)
    assert calls.breaker.counts.failures == 2
    assert calls.breaker.statistics().counts.failures == 2
    assert "failures=2" in repr(calls.breaker)
    assert calls.state() == "closed"
    assert calls.breaker.counts.failures == 0


def test_a_call_that_does_not_count_was_never_there() -> None:
    """Neither success nor failure: the run of failures goes on over it, and it is no request."""
    calls = Calls()
    calls.fail(3)
    calls.ignore(10)
    assert calls.breaker.counts == Counts(3, 0, 3, 0, 3)
    calls.fail()
    assert calls.state() == "open"


@pytest.mark.parametrize("word", ["succeeded", "failed", "ignored"])
@pytest.mark.parametrize("later", ["succeeded", "failed", "ignored"])
def test_the_first_word_on_a_call_counts(word: str, later: str) -> None:
    """An admission may be told again how its call ended, as a ``finally`` does, and nothing changes."""
    calls = Calls()
    calls.begin(2)
    (admission,) = calls.begin()
    getattr(admission, word)()
    counts = calls.breaker.counts
    getattr(admission, later)()
    assert calls.breaker.counts == counts
    assert (
        counts
        == {
            "succeeded": Counts(3, 1, 0, 1, 0),
            "failed": Counts(3, 0, 1, 0, 1),
            "ignored": Counts(2, 0, 0, 0, 0),
        }[word]
    )


def test_breakers_do_not_mix() -> None:
    """A service's route groups open apart, and say whose they are."""
    search, rest = Calls("products", "search"), Calls("products")
    search.fail(4)
    assert (search.state(), rest.state()) == ("open", "closed")
    assert repr(search.breaker).startswith("<Breaker products search: ")
    assert repr(rest.breaker).startswith("<Breaker products: ")
    assert [(fact.service, fact.group) for fact in search.observer.facts] == [("products", "search")]  # type: ignore[union-attr]  # it hears of nothing else
