"""Turns: so many at once, the rest first come, first served. What waits is a callback and no task."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Turns:
    """A bounded number of turns. Request scope: ``close`` forgets whoever waits."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: deque[Callable[[], None]] = deque()

    def take(self, begin: Callable[[], None]) -> None:
        """Call ``begin`` once there is a turn, now if there is one; ``give`` must follow what it began."""
        if self._free > 0:
            self._free -= 1
            begin()
        else:
            self._waiting.append(begin)

    def give(self) -> None:
        """End a turn: it goes to whoever waits longest."""
        if self._waiting:
            self._waiting.popleft()()
        else:
            self._free += 1

    def close(self) -> None:
        """Forget whoever waits."""
        self._waiting.clear()

    def __repr__(self) -> str:
        return f"<Turns free={self._free} waiting={len(self._waiting)}>"
