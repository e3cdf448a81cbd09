"""Telling: what an observer sees and may do when a breaker's change is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bff_core.errors import BreakerOpen
from bff_core.resilience.breaker import Breaker, BreakerOptions, Counts, verdict
from bff_core.telemetry.facts import BreakerChanged, Fact
from bff_core.testing.clock import FakeClock
from tests.resilience.breaker.calls import BIT


class Busybody:
    """An observer that does something with the breaker at each change, and notes what it heard when it was done."""

    def __init__(self, does: Callable[[Breaker, BreakerChanged], None]) -> None:
        self.clock = FakeClock()
        self.heard: list[tuple[str, str]] = []
        self.depth = 0
        self.deepest = 0
        self._does = does
        self.breaker = Breaker("users", BreakerOptions(max_requests=1, trip_after=0), self.clock, self)

    def observe(self, fact: Fact) -> None:
        """Hear, and act."""
        assert isinstance(fact, BreakerChanged)
        self.heard.append((fact.before, fact.after))
        self.depth += 1
        self.deepest = max(self.deepest, self.depth)
        self._does(self.breaker, fact)
        self.depth -= 1


async def test_an_observer_sees_the_new_state() -> None:
    """At the time of telling, state, counts and statistics are those after the change."""
    seen: list[tuple[str, str, Counts, str]] = []

    def look(breaker: Breaker, fact: BreakerChanged) -> None:
        seen.append((fact.after, breaker.state, breaker.counts, breaker.statistics().state))

    observer = Busybody(look)
    observer.breaker.admit().failed()
    await observer.clock.advance(30 + BIT)
    observer.breaker.admit().succeeded()
    assert seen == [
        ("open", "open", Counts(), "open"),
        # The call whose begin made it half-open has its place already.
        ("half-open", "half-open", Counts(1, 0, 0, 0, 0), "half-open"),
        ("closed", "closed", Counts(), "closed"),
    ]


def test_an_observer_may_ask_to_be_let_through() -> None:
    """A call of an observer that hears of the opening is refused as any other."""
    refused: list[float | None] = []

    def call(breaker: Breaker, fact: BreakerChanged) -> None:
        with pytest.raises(BreakerOpen) as caught:
            breaker.admit()
        refused.append(caught.value.retry_after)

    observer = Busybody(call)
    observer.breaker.admit().failed()
    assert refused == [30]


async def test_what_an_observer_causes_is_told_afterwards_and_in_order() -> None:
    """An observer whose own calls close and open it again hears of both when it is done, not inside, one by one."""

    def probe_and_fail(breaker: Breaker, fact: BreakerChanged) -> None:
        if fact.after == "half-open":
            breaker.admit().succeeded()
            breaker.admit().failed()

    observer = Busybody(probe_and_fail)
    observer.breaker.admit().failed()
    await observer.clock.advance(30 + BIT)
    assert observer.breaker.state == "open"  # asked for when half-open was due, and true when it comes back
    assert observer.heard == [
        ("closed", "open"),
        ("open", "half-open"),
        ("half-open", "closed"),
        ("closed", "open"),
    ]
    assert observer.deepest == 1


async def test_an_observer_that_breaks_does_not_silence_the_next_change() -> None:
    """Observers must not raise; if one does, the breaker has changed all the same, and goes on telling."""

    def burst(breaker: Breaker, fact: BreakerChanged) -> None:
        if fact.after == "open":
            raise LookupError("a broken observer")

    observer = Busybody(burst)
    with pytest.raises(LookupError):
        observer.breaker.admit().failed()
    await observer.clock.advance(30 + BIT)
    assert observer.breaker.state == "half-open"
    assert observer.heard == [("closed", "open"), ("open", "half-open")]


def test_a_verdict_can_be_told_as_it_is() -> None:
    """An admission takes the verdict on its call's error."""
    observer = Busybody(lambda breaker, fact: None)
    observer.breaker.admit().ended(verdict(None))
    assert observer.breaker.counts == Counts(1, 1, 0, 1, 0)


def test_an_admission_shows_whether_it_is_over() -> None:
    """Its repr says whose it is until its call has ended."""
    observer = Busybody(lambda breaker, fact: None)
    admission = observer.breaker.admit()
    assert "users" in repr(admission)
    admission.succeeded()
    assert repr(admission) == "<Admission over>"
