"""The guards of one service: how they are set and made; ``channel.py`` composes them around a call."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from bff_core.clock import Clock
from bff_core.resilience.breaker import Breaker, BreakerOptions
from bff_core.resilience.budget import BudgetOptions, RetryBudget
from bff_core.resilience.bulkhead import Bulkhead, BulkheadOptions
from bff_core.resilience.hedge import Hedge, HedgeOptions
from bff_core.resilience.latency import Latencies
from bff_core.resilience.retry import Retry, RetryOptions
from bff_core.telemetry.facts import Observer


@dataclass(frozen=True, slots=True)
class GuardOptions:
    """How each guard of one service is set."""

    retry: RetryOptions = field(default_factory=RetryOptions)
    budget: BudgetOptions = field(default_factory=BudgetOptions)
    hedge: HedgeOptions = field(default_factory=HedgeOptions)
    breaker: BreakerOptions = field(default_factory=BreakerOptions)
    bulkhead: BulkheadOptions = field(default_factory=BulkheadOptions)


class Guards:
    """The guards of one service. Process scope; the state of each is this worker's and this BFF's alone.

    A breaker is made for each route group when the group is first asked. Retries and hedges share one ``budget``.
    """

    def __init__(
        self, service: str, options: GuardOptions, clock: Clock, observer: Observer, random: Random | None = None
    ) -> None:
        self._service = service
        self._options = options
        self._clock = clock
        self._observer = observer
        self.latencies = Latencies()
        self.bulkhead = Bulkhead(service, options.bulkhead, clock)
        self.budget = RetryBudget(options.budget, clock)
        self.retry = Retry(options.retry, self.budget, self.latencies, clock, random or Random())
        self.breakers: dict[str, Breaker] = {}
        self._hedges: dict[str, Hedge] = {}

    def breaker(self, group: str) -> Breaker:
        """The breaker of a route group; "" for the service's own."""
        breaker = self.breakers.get(group)
        if breaker is None:
            breaker = Breaker(self._service, self._options.breaker, self._clock, self._observer, group)
            self.breakers[group] = breaker
        return breaker

    def hedge(self, group: str) -> Hedge:
        """The hedge of a route group: it keeps still while the group's breaker is half-open."""
        hedge = self._hedges.get(group)
        if hedge is None:
            breaker = self.breaker(group)
            hedge = self._hedges[group] = Hedge(
                self._options.hedge,
                self.budget,
                self.latencies,
                self._clock,
                bulkhead=self.bulkhead.statistics,
                half_open=lambda: breaker.statistics().state == "half-open",
            )
        return hedge

    def __repr__(self) -> str:
        return f"<Guards {self._service}: {self.bulkhead!r} {list(self.breakers.values())!r}>"
