"""The hedge: when an answer is late, ask once more and take whichever comes first.

It stands inside the retry and makes the attempts of one call; each takes its own place at the breaker and its own
permit. Late means later than 95 of 100 calls to this service lately. The second attempt is charged to the retry
budget, and there is none while it would do harm: while the breaker is half-open (probes are counted) or the bulkhead
is crowded (the service is slow because it has too much to do).

Source: J. Dean and L. A. Barroso, "The Tail at Scale", 2013 (hedged requests, deferred to the 95th percentile).

Known flaw: the duration of an attempt that lost is not known, so the sample that the 95th percentile is taken from
leans to the fast side while hedges win. The budget bounds what comes of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from bff_core.clock import Clock
from bff_core.deadline import Deadline
from bff_core.errors import BffError, Rejected
from bff_core.resilience.budget import RetryBudget
from bff_core.resilience.bulkhead import BulkheadStatistics
from bff_core.resilience.latency import Latencies
from bff_core.resilience.retry import worth_repeating

T = TypeVar("T")

#: Told when a second attempt begins: how many seconds the first one has taken by then. Must be quick, must not raise.
OnHedge: TypeAlias = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class HedgeOptions:
    """Whether late calls are made a second time.

    ``enabled``: off unless asked for. ``crowded``: the part of the bulkhead's permits, 0 to 1, above which it is off.
    """

    enabled: bool = False
    crowded: float = 0.7

    def __post_init__(self) -> None:
        if not 0 <= self.crowded <= 1:
            raise ValueError(f"crowded 0 to 1 is expected, not {self}")


class Hedge:
    """Makes attempts at calls to one service; holds no state of its own between calls.

    ``bulkhead`` tells how the service's bulkhead stands and ``half_open`` whether its breaker is probing; both are
    asked in the instant in which a second attempt would begin.
    """

    def __init__(
        self,
        options: HedgeOptions,
        budget: RetryBudget,
        latencies: Latencies,
        clock: Clock,
        *,
        bulkhead: Callable[[], BulkheadStatistics],
        half_open: Callable[[], bool],
    ) -> None:
        self._options = options
        self._budget = budget
        self._latencies = latencies
        self._clock = clock
        self._bulkhead = bulkhead
        self._half_open = half_open

    async def run(
        self,
        attempt: Callable[[], Awaitable[T]],
        *,
        deadline: Deadline,
        read: bool,
        on_hedge: OnHedge | None = None,
    ) -> T:
        """What the first attempt to be answered brings: its value, or an error that another attempt would not change.

        An attempt that fails in a way that may pass, or that we refuse ourselves, leaves it to the other one; if both
        do, the first attempt's error is raised. Only a ``read`` is ever made twice. The attempt that lost is cancelled
        and has ended before this returns; a cancellation of the caller ends both.
        """
        delay = self._latencies.p95() if self._options.enabled and read else None
        if delay is None or delay >= deadline.left:
            return await attempt()
        attempts = [asyncio.ensure_future(attempt())]
        try:
            await self._until_late(attempts[0], delay)
            if attempts[0].done():
                return attempts[0].result()
            if self._affordable():
                if on_hedge is not None:
                    on_hedge(delay)
                attempts.append(asyncio.ensure_future(attempt()))
            return await _first_answer(attempts)
        finally:
            await _end(attempts)

    def _affordable(self) -> bool:
        """Whether nothing speaks against a second attempt; the budget is asked last, since asking spends."""
        if self._half_open():
            return False
        bulkhead = self._bulkhead()
        return bulkhead.in_flight <= self._options.crowded * bulkhead.limit and self._budget.take()

    async def _until_late(self, attempt: asyncio.Future[T], delay: float) -> None:
        late: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self._clock.call_later(delay, lambda: None if late.done() else late.set_result(None))
        try:
            await asyncio.wait((attempt, late), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            late.cancel()


async def _first_answer(attempts: Sequence[asyncio.Future[T]]) -> T:
    waiting = set(attempts)
    while waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for attempt in attempts:  # in their order: of two that end in one turn of the loop the first one wins
            if attempt in done and _is_answer(attempt):
                return attempt.result()
    return attempts[0].result()


def _is_answer(attempt: asyncio.Future[T]) -> bool:
    """Whether the other attempt could bring nothing better."""
    error = attempt.exception()  # an attempt that was cancelled from inside cancels the call, here
    return not (isinstance(error, BffError) and (isinstance(error, Rejected) or worth_repeating(error)))


async def _end(attempts: Sequence[asyncio.Future[T]]) -> None:
    # Also those that are over: asyncio takes it as a word that nobody will ask for their errors, and tells of none.
    under_way = [attempt for attempt in attempts if attempt.cancel()]
    if under_way:
        # An attempt that has been cancelled gives its permit back while it ends; nobody goes on before that.
        await asyncio.gather(*under_way, return_exceptions=True)
