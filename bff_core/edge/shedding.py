"""The gate before the pipeline: turns requests away before there is more to do than can be done in time.

    too many under way → the loop is late → the process is ending → in

Who is turned away is told at once and when to come back, and nothing was carried out: that request can be sent again.
What is under way is finished in time, instead of everybody's being late.

Late is a loop that runs a timer later than it was due: whatever came meanwhile, also from the services, waited as long.
The probe is one timer, and only while requests are under way.

Ending has two steps, so that a load balancer can notice: first the process says that it is not ready and answers as
ever, then it turns away what is new and finishes what is under way.
"""

from __future__ import annotations

from dataclasses import dataclass

from bff_core.clock import Clock, Timer
from bff_core.errors import Overloaded
from bff_core.telemetry.facts import Observer, RequestTurnedAway, TurnedAwayFor

#: Seconds between two looks at the loop. A look costs a few microseconds.
PROBE = 0.05

#: When to come back, in seconds: what is under way is then over, and another process has taken over.
RETRY_AFTER = 1.0


@dataclass(frozen=True, slots=True)
class GateOptions:
    """``most_requests``: answered at once by this process, 1 or more.

    Seconds: ``longest_lag``, how late the loop may be; ``drain``, how long an ending process goes on answering;
    ``grace``, how long it then waits for what is under way.
    """

    most_requests: int = 500
    longest_lag: float = 0.25
    drain: float = 0.0
    grace: float = 5.0


class Gate:
    """Process scope. Whoever got in must ``leave``, however it went."""

    def __init__(self, options: GateOptions, clock: Clock, observer: Observer) -> None:
        self._options = options
        self._clock = clock
        self._observer = observer
        self._probe: Timer | None = None
        self._due = self._late = 0.0
        self._ending_since: float | None = None
        self._closed = False
        self.under_way = 0

    def __repr__(self) -> str:
        state = "closed" if self._closed else "ending" if self.ending else "open"
        return f"<Gate {state} under_way={self.under_way}/{self._options.most_requests} lag={self.lag:.3f}>"

    @property
    def lag(self) -> float:
        """How late the loop is, in seconds, by the last look or one that is overdue; 0 while nothing is under way."""
        if self._probe is None:
            return 0.0
        return max(self._late, self._clock.monotonic() - self._due)

    @property
    def ending(self) -> bool:
        """Whether the process was told to end, so that nobody new should come."""
        return self._ending_since is not None

    def enter(self, client: str) -> None:
        """Let a request in. Raises Overloaded, and tells why; ``client`` is the label of who asks."""
        reason = self._reason()
        if reason is not None:
            self._observer.observe(RequestTurnedAway(reason, client))
            raise Overloaded(f"turned away: {reason}", retry_after=RETRY_AFTER)
        self.under_way += 1
        if self._probe is None:
            self._look_again()

    def leave(self) -> None:
        """One request is over."""
        self.under_way -= 1
        if not self.under_way and self._probe is not None:
            self._probe.cancel()
            self._probe, self._late = None, 0.0

    def end(self) -> bool:
        """Go on ending, or begin to; True when the process may stop now. Whoever serves asks again and again."""
        now = self._clock.monotonic()
        if self._ending_since is None:
            self._ending_since = now
        gone = now - self._ending_since
        self._closed = gone >= self._options.drain
        return self._closed and (not self.under_way or gone >= self._options.drain + self._options.grace)

    def _reason(self) -> TurnedAwayFor | None:
        if self.under_way >= self._options.most_requests:
            return "requests"
        if self.lag > self._options.longest_lag:
            return "lag"
        return "ending" if self._closed else None

    def _look_again(self) -> None:
        self._due = self._clock.monotonic() + PROBE
        self._probe = self._clock.call_later(PROBE, self._look)

    def _look(self) -> None:
        self._late = self._clock.monotonic() - self._due
        self._look_again()
