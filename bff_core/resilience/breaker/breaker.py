"""The breaker as a guard: the machine on a clock, with its changes told to an observer.

A state change is told after the machine has arrived, outside of any step of it, so an observer may ask or drive the
breaker that speaks to it. What it causes is told after what it was told, never inside, in order.

For one event loop: a breaker is one worker's, and of one BFF. It is not made for several threads.
"""

from __future__ import annotations

from dataclasses import dataclass

from bff_core.clock import Clock
from bff_core.errors import BreakerBusy, BreakerOpen
from bff_core.resilience.breaker.counts import Counts
from bff_core.resilience.breaker.machine import Machine, Refusal
from bff_core.resilience.breaker.options import BreakerOptions
from bff_core.resilience.breaker.rule import TripRule
from bff_core.resilience.breaker.verdict import Verdict
from bff_core.telemetry.facts import BreakerChanged, BreakerState, Observer


@dataclass(frozen=True, slots=True)
class BreakerStatistics:
    """How a breaker stood when it was last used.

    ``state`` is the last one told of: a change that is due shows with the next call. ``refused`` counts calls since the
    start that were refused, or with ``metrics_only`` would have been. ``retry_after``: seconds until it can be
    half-open, None unless it is open by itself.
    """

    state: BreakerState
    counts: Counts
    refused: int
    retry_after: float | None


class Breaker:
    """Lets calls to one service, or one route group of it, through or refuses them. Process lifetime.

    ``group`` is "" for the whole service. ``rule`` decides in place of the rule of the options' mode. A breaker that is
    forced open says so once, when it is made, as a change from closed.
    """

    def __init__(
        self,
        service: str,
        options: BreakerOptions,
        clock: Clock,
        observer: Observer,
        group: str = "",
        *,
        rule: TripRule | None = None,
    ) -> None:
        self._service = service
        self._group = group
        self._name = f"{service} {group}" if group else service
        self._options = options
        self._clock = clock
        self._observer = observer
        self._machine = Machine(
            options.max_requests,
            options.interval if options.mode == "consecutive" else 0,
            options.timeout,
            rule or options.rule(),
            clock.monotonic(),
        )
        self._forced_open = options.forced == "open"
        self._refused = 0
        self._telling = False
        if self._forced_open:
            observer.observe(BreakerChanged(service, group, "closed", "open"))

    @property
    def state(self) -> BreakerState:
        """The state now. Asking is a look: it makes the change that is due."""
        if self._forced_open:
            return "open"
        self._machine.look(self._clock.monotonic())
        self._tell()
        return self._machine.state

    @property
    def counts(self) -> Counts:
        """The counts of the generation that the last look found; asking moves nothing."""
        return self._machine.counts

    def statistics(self) -> BreakerStatistics:
        """How it stands; asking moves nothing, so whoever watches changes nothing."""
        return BreakerStatistics(
            "open" if self._forced_open else self._machine.state,
            self._machine.counts,
            self._refused,
            self._retry_after(),
        )

    def admit(self) -> Admission:
        """Let one call through; it must say how it ended, in the end.

        BreakerOpen, with the seconds left where they are known, while open; BreakerBusy when half-open has all its
        probes. Never waits.
        """
        if self._forced_open:
            self._refused += 1
            raise BreakerOpen(f"{self._name}: the breaker is forced open", service=self._service)
        generation = self._machine.begin(self._clock.monotonic())
        self._tell()
        if not isinstance(generation, Refusal):
            return Admission(self, generation)
        self._refused += 1
        if self._options.metrics_only:
            # As it was refused in the machine's eyes, its end means nothing to it: all changes are those of a breaker
            # that does refuse.
            return Admission(self, None)
        if generation is Refusal.BUSY:
            raise BreakerBusy(f"{self._name}: the breaker is half-open and has all its probes", service=self._service)
        left = self._retry_after()
        raise BreakerOpen(f"{self._name}: the breaker is open", service=self._service, retry_after=left)

    def finish(self, generation: int, verdict: Verdict) -> None:
        """How a call that was admitted in ``generation`` ended; only its Admission calls this."""
        self._machine.finish(generation, verdict, self._clock.monotonic())
        self._tell()

    def _retry_after(self) -> float | None:
        if self._machine.state != "open" or self._machine.end is None:
            return None
        return max(self._machine.end - self._clock.monotonic(), 0)

    def _tell(self) -> None:
        changes = self._machine.changes
        if not changes or self._telling:  # whoever is telling already will find what was added
            return
        self._telling = True
        try:
            while changes:
                before, after = changes.pop(0)
                self._observer.observe(BreakerChanged(self._service, self._group, before, after))
        finally:
            self._telling = False

    def __repr__(self) -> str:
        return f"<Breaker {self._name}: {self.statistics()}>"


class Admission:
    """One call's way through the breaker. The first word on how it ended counts, later ones change nothing.

    So a ``finally`` may say ``ignored()`` for whatever came in between, a cancellation above all. It may be said at any
    time, in any order among calls; what is said after the breaker has changed means nothing to it.
    """

    __slots__ = ("_breaker", "_generation")

    def __init__(self, breaker: Breaker, generation: int | None) -> None:
        self._breaker = breaker
        #: None when there is nothing to say, or no more.
        self._generation = generation

    def succeeded(self) -> None:
        """The service is well."""
        self.ended(Verdict.SUCCESS)

    def failed(self) -> None:
        """The service is not well."""
        self.ended(Verdict.FAILURE)

    def ignored(self) -> None:
        """The call says nothing about the service; its place is free again, as if it had never been asked for."""
        self.ended(Verdict.IGNORED)

    def ended(self, verdict: Verdict) -> None:
        """The call ended so, as ``verdict`` judges."""
        generation, self._generation = self._generation, None
        if generation is not None:
            self._breaker.finish(generation, verdict)

    def __repr__(self) -> str:
        return "<Admission over>" if self._generation is None else f"<Admission to {self._breaker!r}>"
