"""The trip rule: what the machine asks, after a failure in the closed state, whether to open."""

from __future__ import annotations

from typing import Protocol

from bff_core.resilience.breaker.counts import Counts


class TripRule(Protocol):
    """Decides when a closed breaker opens. One rule belongs to one breaker, since it may remember.

    - It hears of every result that counts in the closed state, in order, and of nothing else.
    - It is asked after a failure only, when that failure stands in ``counts`` and has been noted.
    - It forgets what it noted when a generation begins.
    """

    def begin(self) -> None:
        """A generation has begun: nothing noted before it matters."""

    def note(self, failed: bool, now: float) -> None:
        """Take note of a result at the instant ``now``, in the clock's unit."""

    def met(self, counts: Counts) -> bool:
        """Whether to open. ``counts`` are the generation's; its requests hold calls that are still under way."""
