"""Time as a parameter: every wait and every age in the kernel goes through a Clock, so that tests move time by hand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Timer(Protocol):
    """A callback that waits for its instant."""

    def cancel(self) -> None:
        """Forget the callback; harmless when it has run."""


class Clock(Protocol):
    """What the kernel needs to know of time. All durations are seconds."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps; only differences mean anything."""

    def wall(self) -> float:
        """Seconds since 1970 UTC; for token times and log lines, never for durations."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Run ``callback`` once, ``delay`` seconds from now, on the running event loop."""

    def timeout(self, delay: float) -> AbstractAsyncContextManager[object]:
        """Cancel the body after ``delay`` seconds and raise TimeoutError then.

        The body's own TimeoutError and a caller's cancellation pass through unchanged.
        """


class SystemClock:
    """The clock of production."""

    def monotonic(self) -> float:
        """The event loop's own time base, read without a loop."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970 UTC."""
        return time.time()

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """A timer of the running loop."""
        return asyncio.get_running_loop().call_later(delay, callback)

    def timeout(self, delay: float) -> AbstractAsyncContextManager[object]:
        """asyncio's own timeout, which tells itself from a caller's cancellation."""
        return asyncio.timeout(delay)


async def sleep(clock: Clock, seconds: float) -> None:
    """Wait for that many seconds of ``clock``; 0 or less lets others run once.

    Cancellation passes through at any instant, and no timer is left behind.
    """
    if seconds <= 0:
        await asyncio.sleep(0)
        return
    awake: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake() -> None:
        if not awake.done():  # a cancellation in the same instant was first
            awake.set_result(None)

    timer = clock.call_later(seconds, wake)
    try:
        await awake
    finally:
        timer.cancel()
