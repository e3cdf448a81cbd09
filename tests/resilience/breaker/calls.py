"""Calls through one breaker, on a clock that a test moves by hand."""

from __future__ import annotations

from typing import Any

from bff_core.errors import BreakerBusy, BreakerOpen
from bff_core.resilience.breaker import Admission, Breaker, BreakerOptions
from bff_core.telemetry.facts import BreakerChanged, BreakerState
from bff_core.testing.clock import FakeClock
from bff_core.testing.observer import RecordingObserver

#: Seconds: an instant later, well above what floats lose here.
BIT = 0.001


class Calls:
    """A breaker with the default options, but for the changes, and verbs to drive it."""

    def __init__(self, service: str = "users", group: str = "", start: float = 0.0, **options: Any) -> None:
        self.clock = FakeClock(start)
        self.observer = RecordingObserver()
        self.breaker = Breaker(service, BreakerOptions(**options), self.clock, self.observer, group)

    @property
    def changes(self) -> list[tuple[str, str]]:
        """What was told, in order: from, to."""
        return [(fact.before, fact.after) for fact in self.observer.of(BreakerChanged)]

    def state(self) -> BreakerState:
        """The state, looked at; a method, as types would take a property for constant between two calls."""
        return self.breaker.state

    def begin(self, calls: int = 1) -> list[Admission]:
        """Begin calls that are all let through and stay under way."""
        return [self.breaker.admit() for _ in range(calls)]

    def succeed(self, calls: int = 1) -> None:
        """Calls that end well, one after another."""
        for _ in range(calls):
            self.breaker.admit().succeeded()

    def fail(self, calls: int = 1) -> None:
        """Calls that fail, one after another."""
        for _ in range(calls):
            self.breaker.admit().failed()

    def ignore(self, calls: int = 1) -> None:
        """Calls that do not count, one after another."""
        for _ in range(calls):
            self.breaker.admit().ignored()

    def refusal(self) -> BreakerOpen | BreakerBusy | None:
        """How one call more is refused, None when it is let through (and does not count)."""
        try:
            self.breaker.admit().ignored()
        except (BreakerOpen, BreakerBusy) as error:
            return error
        return None

    async def advance(self, seconds: float) -> None:
        """Move time on."""
        await self.clock.advance(seconds)

    async def half_open(self) -> None:
        """From closed, by failures in a row and the timeout, to half-open; untold so far, as nobody has looked."""
        self.fail(4)
        await self.advance(30 + BIT)
