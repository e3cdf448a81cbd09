"""The rule of the consecutive mode, and the default: too many failures in a row."""

from __future__ import annotations

from bff_core.resilience.breaker.counts import Counts


class ConsecutiveFailures:
    """Met when more than ``over`` failures follow one another: with 3, the fourth opens."""

    def __init__(self, over: int) -> None:
        self._over = over

    def begin(self) -> None:
        """Nothing to forget: the counts are the machine's."""

    def note(self, failed: bool, now: float) -> None:
        """Nothing to note: the counts are the machine's."""

    def met(self, counts: Counts) -> bool:
        """Whether the run of failures is longer than ``over``."""
        return counts.consecutive_failures > self._over

    def __repr__(self) -> str:
        return f"more than {self._over} consecutive failures"
