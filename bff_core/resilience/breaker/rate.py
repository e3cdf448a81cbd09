"""The rule of the rate mode: too large a part of the calls of the last seconds failed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from bff_core.resilience.breaker.counts import Counts

#: Parts of the window. It slides by one of them at a time, so that it takes so much memory and no more.
SLOTS = 10


@dataclass(slots=True)
class _Slot:
    """Results of a tenth of the window; ``number`` counts the tenths since the clock's zero."""

    number: int
    calls: int = 0
    failures: int = 0


class FailureRate:
    """Met when at least ``minimum_calls`` ended within the window and at least ``rate`` of them failed.

    ``window``: in the clock's unit. A result counts for nine tenths of it at least and for less than all of it, as it
    goes with its whole tenth. Only calls that have ended are looked at; those under way say nothing yet.
    """

    def __init__(self, window: float, minimum_calls: int, rate: float) -> None:
        self._window = window
        self._minimum_calls = minimum_calls
        self._rate = rate
        self._slots: deque[_Slot] = deque()

    def begin(self) -> None:
        """Forget the window: what led to a change is not held against the time after it."""
        self._slots.clear()

    def note(self, failed: bool, now: float) -> None:
        """Count a result in its tenth, and drop the tenths that the window has left behind."""
        number = int(now * SLOTS // self._window)
        if not self._slots or self._slots[-1].number != number:
            self._slots.append(_Slot(number))
        while self._slots[0].number <= number - SLOTS:
            self._slots.popleft()
        self._slots[-1].calls += 1
        self._slots[-1].failures += failed

    def met(self, counts: Counts) -> bool:
        """Whether there were enough calls and too many of them failed. The window ends with the last result noted."""
        calls = sum(slot.calls for slot in self._slots)
        failures = sum(slot.failures for slot in self._slots)
        return calls >= self._minimum_calls and failures / calls >= self._rate

    def __repr__(self) -> str:
        return f"{self._rate:.0%} failures of {self._minimum_calls} or more calls in {self._window:g} s"
