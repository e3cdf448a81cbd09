"""The bulkhead: how many calls to one service may be under way, and how many more may wait how long.

A service that hangs fills its own bulkhead and nobody else's. Permits are handed out first come, first
served. Whoever waits may be cancelled at any instant; the permit it was about to get goes to the next one
(the race is named where it is handled). The bulkhead must be strictly smaller than the transport's pool, so
that the pool never queues.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from types import TracebackType

from bff_core.clock import Clock
from bff_core.deadline import Deadline
from bff_core.errors import BulkheadFull

#: The largest part of what is left of a deadline that may be spent waiting for a permit.
WAITING_SHARE = 0.1

#: One request may hold one part of so many of a bulkhead, so that no request can take all of it.
SHARES = 4


@dataclass(frozen=True, slots=True)
class BulkheadOptions:
    """How large a bulkhead is.

    ``in_flight``: calls at once, 1 or more. ``waiting``: callers in the waiting room, 0 or more.
    ``longest_wait``: seconds, above 0; the wait also ends after 10 % of what is left of the caller's
    deadline.
    """

    in_flight: int = 20
    waiting: int = 40
    longest_wait: float = 0.05

    def __post_init__(self) -> None:
        if self.in_flight < 1 or self.waiting < 0 or not self.longest_wait > 0:  # so that NaN is refused too
            raise ValueError(f"in_flight >= 1, waiting >= 0 and longest_wait > 0 s are expected, not {self}")


@dataclass(frozen=True, slots=True)
class BulkheadStatistics:
    """How a bulkhead stands: permits out, callers waiting, and the most permits there are."""

    in_flight: int
    waiting: int
    limit: int


class Bulkhead:
    """A bounded number of permits with a bounded waiting room, for one service."""

    def __init__(self, service: str, options: BulkheadOptions, clock: Clock) -> None:
        self._service = service
        self._options = options
        self._clock = clock
        self._in_flight = 0
        self._waiters: deque[asyncio.Future[None]] = deque()

    def permit(self, deadline: Deadline) -> Permit:
        """A permit for one call, to be held by ``async with``; entering it waits or raises BulkheadFull."""
        return Permit(self, deadline)

    @property
    def share(self) -> int:
        """How many permits one request may hold at once: a quarter of them, at least one."""
        return max(1, self._options.in_flight // SHARES)

    def statistics(self) -> BulkheadStatistics:
        """How the bulkhead stands now."""
        return BulkheadStatistics(self._in_flight, len(self._waiters), self._options.in_flight)

    async def acquire(self, deadline: Deadline) -> None:
        """Take a permit, waiting within the limits; every acquire that returns needs one ``release``."""
        # Nobody is overtaken: while anybody waits every permit is out, since a release hands its permit on.
        if self._in_flight < self._options.in_flight:
            self._in_flight += 1
            return
        longest = min(self._options.longest_wait, WAITING_SHARE * deadline.left)
        if longest <= 0:
            raise self._full("there is no time left to wait")
        if len(self._waiters) >= self._options.waiting:
            raise self._full("the waiting room is full")
        await self._wait(longest)

    def release(self) -> None:
        """Give a permit back; the first one waiting has it at once."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)  # the permit changes hands, so the count stays
                return
        self._in_flight -= 1

    async def _wait(self, longest: float) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        timer = self._clock.call_later(longest, lambda: self._give_up(waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                # Cancelled between being handed the permit and waking up: else it would be lost for good.
                self.release()
            raise
        finally:
            timer.cancel()
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def _give_up(self, waiter: asyncio.Future[None]) -> None:
        if not waiter.done():
            waiter.set_exception(self._full("the wait was too long"))

    def _full(self, why: str) -> BulkheadFull:
        return BulkheadFull(
            f"{self._service}: {self._in_flight} calls are under way and {why}",
            service=self._service,
            retry_after=self._options.longest_wait,
        )

    def __repr__(self) -> str:
        return f"<Bulkhead {self._service}: {self.statistics()}>"


class Permit:
    """One call's right to be under way."""

    __slots__ = ("_bulkhead", "_deadline")

    def __init__(self, bulkhead: Bulkhead, deadline: Deadline) -> None:
        self._bulkhead = bulkhead
        self._deadline = deadline

    async def __aenter__(self) -> None:
        await self._bulkhead.acquire(self._deadline)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bulkhead.release()
