"""What is left of one request's time."""

from __future__ import annotations

from msgspec import Struct

from bff_core.clock import Clock


class Deadline(Struct, frozen=True):
    """The instant at which one request must have been answered.

    ``at`` is on the clock's monotonic scale, in seconds. One deadline travels down through every room; each limit below
    is the smaller of its own and what is left here.
    """

    clock: Clock
    at: float

    @classmethod
    def after(cls, clock: Clock, seconds: float) -> Deadline:
        """The deadline that many seconds from now."""
        return cls(clock, clock.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.at - self.clock.monotonic())

    def earlier(self, seconds: float) -> Deadline:
        """The deadline that ends ``seconds`` before this one: what is kept back is for putting the answer together."""
        return Deadline(self.clock, self.at - seconds)

    def within(self, seconds: float) -> float:
        """The smaller of a limit of one's own and what is left, in seconds."""
        return min(seconds, self.left)
