"""A clock that tests move by hand; nothing sleeps and every timer fires at its exact instant."""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from types import TracebackType

#: Slack for sums of floats: a timer at 0.3 must fire after three steps of 0.1. Seconds.
_SLACK = 1e-9

#: After so many rounds of the loop without rest something runs in circles.
_MOST_ROUNDS = 10_000


@dataclass(order=True, slots=True)
class _FakeTimer:
    at: float
    number: int
    callback: Callable[[], None] = field(compare=False)
    context: contextvars.Context = field(compare=False)
    over: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Forget the callback; harmless when it has run."""
        self.over = True


class FakeClock:
    """A ``bff_core.clock.Clock`` whose time stands still until ``advance`` moves it; durations are seconds.

    ``start`` is the first monotonic instant, ``wall`` the seconds since 1970 at it; both move together.
    """

    def __init__(self, start: float = 0.0, wall: float = 1_700_000_000.0) -> None:
        self._now = start
        self._offset = wall - start
        self._timers: list[_FakeTimer] = []
        self._made = 0
        self._settling = 0

    def __repr__(self) -> str:
        return f"<FakeClock now={self._now:g} timers={self.timers}>"

    @property
    def timers(self) -> int:
        """How many timers wait for their instant; 0 shows that nothing was left behind."""
        return sum(not timer.over for timer in self._timers)

    def monotonic(self) -> float:
        """The instant that ``advance`` has reached."""
        return self._now

    def wall(self) -> float:
        """Seconds since 1970 UTC at that instant."""
        return self._offset + self._now

    def call_later(self, delay: float, callback: Callable[[], None]) -> _FakeTimer:
        """Run ``callback`` on the loop once ``advance`` reaches the instant; never before."""
        self._made += 1
        timer = _FakeTimer(self._now + max(0.0, delay), self._made, callback, contextvars.copy_context())
        heapq.heappush(self._timers, timer)
        return timer

    def timeout(self, delay: float) -> AbstractAsyncContextManager[object]:
        """As ``asyncio.timeout``: TimeoutError once ``advance`` reaches the instant."""
        return _FakeTimeout(self, delay)

    async def advance(self, seconds: float) -> None:
        """Move time on and fire each timer at its instant; tasks run until idle in between.

        An error of a timer's callback is raised here.
        """
        if seconds < 0:
            raise ValueError(f"time only moves forward: advance wants 0 or more seconds, not {seconds}")
        target = self._now + seconds
        await self.settle()
        while self._timers and self._timers[0].at <= target + _SLACK:
            timer = heapq.heappop(self._timers)
            if timer.over:
                continue
            self._now = max(self._now, timer.at)
            await self._fire(timer)
        self._now = max(self._now, target)
        await self.settle()

    def block(self, seconds: float) -> None:
        """Let time pass as it does while the loop is busy: timers become due and fire late, at the next ``advance``."""
        if seconds < 0:
            raise ValueError(f"time only moves forward: block wants 0 or more seconds, not {seconds}")
        self._now += seconds

    async def settle(self) -> None:
        """Wait until every other task is blocked: the loop has no callback left to run.

        Sockets and threads are not waited for. RuntimeError when the loop does not come to rest.
        """
        # Only asyncio's own loop shows its queue; it is the one that tests run on.
        ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]  # no public way to ask "idle?"
        self._settling += 1
        try:
            for _ in range(_MOST_ROUNDS):
                await asyncio.sleep(0)
                # Others who settle stand in the queue as well, once each: they must not wait for one another.
                if len(ready) < self._settling:
                    return
        finally:
            self._settling -= 1
        raise RuntimeError(f"the loop did not come to rest within {_MOST_ROUNDS} rounds")

    async def _fire(self, timer: _FakeTimer) -> None:
        errors: list[Exception] = []

        def run() -> None:
            try:
                timer.callback()
            except Exception as error:
                errors.append(error)

        timer.over = True
        # Through the loop, as a real timer: the callback must not see the test as its current task.
        asyncio.get_running_loop().call_soon(run, context=timer.context)
        await self.settle()
        if errors:
            raise errors[0]


class _FakeTimeout(AbstractAsyncContextManager[object]):
    """asyncio's own timeout, told by the fake clock when it is due.

    So it tells a caller's cancellation from its own, as the real one does.
    """

    def __init__(self, clock: FakeClock, delay: float) -> None:
        self._clock = clock
        self._delay = delay
        self._timeout = asyncio.timeout(None)
        self._timer: _FakeTimer | None = None

    async def __aenter__(self) -> object:
        await self._timeout.__aenter__()
        if self._delay <= 0:
            self._expire()
        else:
            self._timer = self._clock.call_later(self._delay, self._expire)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer:
            self._timer.cancel()
        # It swallows nothing: it lets the error pass or raises TimeoutError in its place.
        await self._timeout.__aexit__(kind, error, trace)

    def _expire(self) -> None:
        self._timeout.reschedule(asyncio.get_running_loop().time())
