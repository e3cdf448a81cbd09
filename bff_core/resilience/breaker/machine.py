"""The machine: states, generations and counts, moved by hand; it reads no clock and tells nobody.

It is gobreaker's, and what is easily got wrong is on purpose:

- Nothing happens by itself. Every ``begin``, ``finish`` and ``look`` first moves the machine to the instant given: from
  open to half-open, or in the closed state to cleared counts.
- Ends are strict: at exactly the end of the timeout it is still open, at exactly the end of the interval the counts are
  still there.
- The interval is neither a sliding window nor a grid. It runs from the making, the closing, or the look that cleared.
- A clearing begins a generation as a change does, so a call that began before it counts no more.
- Half-open admits ``max_requests`` in all, not at a time, and has no end in time: probes that never report leave it
  refusing. Whoever admits a call must say how it ended.
- The rule is asked after a failure only, and a change clears all counts, the failure's that caused it too.

Instants are numbers of any unit and only compared and added, so integers stay integers.
"""

from __future__ import annotations

from enum import Enum, auto

from bff_core.resilience.breaker.counts import Counts
from bff_core.resilience.breaker.rule import TripRule
from bff_core.resilience.breaker.verdict import Verdict
from bff_core.telemetry.facts import BreakerState

#: A change of state: from, to.
Change = tuple[BreakerState, BreakerState]


class Refusal(Enum):
    """Why a call may not begin."""

    OPEN = auto()
    BUSY = auto()


class Machine:
    """One breaker's state, without its surroundings.

    ``changes`` lists the changes of state that nobody has been told of, oldest first; its driver empties it after
    a step, when the machine has arrived and can be asked and driven again.
    """

    def __init__(self, max_requests: int, interval: float, timeout: float, rule: TripRule, now: float) -> None:
        self.state: BreakerState = "closed"
        self.counts = Counts()
        self.changes: list[Change] = []
        self.generation = 0
        #: When the generation ends, at the first look later than this; None for never.
        self.end: float | None = None
        self._max_requests = max_requests
        self._interval = interval
        self._timeout = timeout
        self._rule = rule
        self._begin_generation(now)

    def look(self, now: float) -> None:
        """Move to ``now``."""
        if self.end is None or not self.end < now:
            return
        if self.state == "open":
            self._change("half-open", now)
        else:
            self._begin_generation(now)

    def begin(self, now: float) -> int | Refusal:
        """Admit a call, and say in which generation, or refuse it."""
        self.look(now)
        if self.state == "open":
            return Refusal.OPEN
        if self.state == "half-open" and self.counts.requests >= self._max_requests:
            return Refusal.BUSY
        self.counts = self.counts.admitted()
        return self.generation

    def finish(self, generation: int, verdict: Verdict, now: float) -> None:
        """A call that was admitted in ``generation`` has ended; to be said once a call."""
        self.look(now)
        if generation != self.generation:
            return
        if verdict is Verdict.IGNORED:
            self.counts = self.counts.withdrawn()
        elif verdict is Verdict.SUCCESS:
            self._succeed(now)
        else:
            self._fail(now)

    def _succeed(self, now: float) -> None:
        self.counts = self.counts.succeeded()
        if self.state == "closed":
            self._rule.note(False, now)
        elif self.counts.consecutive_successes >= self._max_requests:
            self._change("closed", now)

    def _fail(self, now: float) -> None:
        if self.state == "half-open":
            self._change("open", now)
            return
        self.counts = self.counts.failed()
        self._rule.note(True, now)
        if self._rule.met(self.counts):
            self._change("open", now)

    def _change(self, state: BreakerState, now: float) -> None:
        self.changes.append((self.state, state))
        self.state = state
        self._begin_generation(now)

    def _begin_generation(self, now: float) -> None:
        self.generation += 1
        self.counts = Counts()
        self._rule.begin()
        if self.state == "open":
            self.end = now + self._timeout
        elif self.state == "closed" and self._interval > 0:
            self.end = now + self._interval
        else:
            self.end = None
