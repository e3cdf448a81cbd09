"""The counts of one generation."""

from __future__ import annotations

from msgspec import Struct


class Counts(Struct, frozen=True):
    """What happened in one generation, all 0 when it begins.

    ``requests`` grows when a call is admitted, so it holds calls under way, and none that was refused. A success ends
    the run of consecutive failures and the other way round.
    """

    requests: int = 0
    successes: int = 0
    failures: int = 0
    consecutive_successes: int = 0
    consecutive_failures: int = 0

    def admitted(self) -> Counts:
        """One call more under way."""
        return Counts(
            self.requests + 1, self.successes, self.failures, self.consecutive_successes, self.consecutive_failures
        )

    def withdrawn(self) -> Counts:
        """One call less, as if it had never been asked for."""
        return Counts(
            self.requests - 1, self.successes, self.failures, self.consecutive_successes, self.consecutive_failures
        )

    def succeeded(self) -> Counts:
        """One success more."""
        return Counts(self.requests, self.successes + 1, self.failures, self.consecutive_successes + 1, 0)

    def failed(self) -> Counts:
        """One failure more."""
        return Counts(self.requests, self.successes, self.failures + 1, 0, self.consecutive_failures + 1)
