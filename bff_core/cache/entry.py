"""One kept answer, and what it is good for at an instant."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class State(Enum):
    """What a kept answer is good for now: it serves; it serves and is asked for anew; only if asking fails; nothing."""

    FRESH = "fresh"
    STALE = "stale"
    IF_ERROR = "if error"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer that is kept: a value, or the service's word that there is no such thing (``missing``, for our logs).

    ``begun`` is the epoch in which the asking began, ``came`` when the answer came, the rest the ends of its windows,
    on the clock's monotonic scale. ``size`` is the bytes of the answer and of what it is kept under.
    """

    value: Any
    missing: str | None
    begun: int
    came: float
    fresh_until: float
    stale_until: float
    if_error_until: float
    size: int

    def state(self, now: float) -> State:
        """What the answer is good for at ``now``; a window's end is no part of it."""
        if now < self.fresh_until:
            return State.FRESH
        if now < self.stale_until:
            return State.STALE
        if now < self.if_error_until:
            return State.IF_ERROR
        return State.EXPIRED
