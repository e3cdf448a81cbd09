"""The retry budget: how much a service may be asked on top of what callers asked for.

A service that fails is asked more, because everybody tries again, and so it fails more. One retry a call bounds
that at twice the load; a budget bounds it at a fifth more: retries and hedges together take at most ``ratio`` of
the first attempts of the last ``window`` seconds, and ``minimum`` where that is less, so that a service which is
seldom asked is retried at all.

Source: Finagle's ``RetryBudget`` (and tower's after it): counters in ten slots that expire one by one, so memory and
cost do not grow with the load. Two things differ. Finagle's minimum comes on top of the share; here it is a floor.
And slots make the window's edge coarse, which is always rounded against the retry: a first attempt leaves the count
up to a slot early, an extra one up to a slot late. Hence, exactly and at every instant: the extras of the last window
are at most ``max(minimum, ratio x first attempts of the last window)``, and fewer than ``minimum`` are never refused.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from bff_core.clock import Clock

#: Into how many slots a window is cut; the share of a steady load is between 9/10 of the ratio and the ratio.
SLOTS = 10

#: Slack for products of floats: 0.29 x 100 must allow 29.
_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class BudgetOptions:
    """How much more a service may be asked.

    ``ratio``: extra attempts per first attempt, 0 to 1. ``minimum``: extra attempts that a window always has, 0 to
    1000. ``window``: seconds, above 0.
    """

    ratio: float = 0.2
    minimum: int = 3
    window: float = 10.0

    def __post_init__(self) -> None:
        if not (0 <= self.ratio <= 1 and 0 <= self.minimum <= 1000 and 0 < self.window < float("inf")):
            raise ValueError(f"ratio 0 to 1, minimum 0 to 1000 and a finite window > 0 s are expected, not {self}")


@dataclass(frozen=True, slots=True)
class BudgetStatistics:
    """How a budget stands: first and extra attempts that count now, and how many more extra ones there are.

    ``refused`` counts since the budget was made, and never goes back.
    """

    first: int
    extra: int
    left: int
    refused: int


class RetryBudget:
    """What retries and hedges of one service share. Nothing here waits."""

    def __init__(self, options: BudgetOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        slot = options.window / SLOTS
        self._first = _Slots(SLOTS, slot)
        # The slot that is half outside the window still counts: else its younger half would be spent twice.
        self._extra = _Slots(SLOTS + 1, slot)
        # The floor needs no rounding, since it is small: the instants of the last ``minimum`` extras.
        self._latest: deque[float] = deque(maxlen=options.minimum)
        self._refused = 0

    def note_first(self) -> None:
        """A first attempt has reached the service; it earns ``ratio`` of an extra one."""
        self._first.add(self._clock.monotonic())

    def take(self) -> bool:
        """Spend one extra attempt; False where there is none left. Ask last: what is taken does not come back."""
        now = self._clock.monotonic()
        if max(self._of_floor(now), self._of_share(now)) < 1:
            self._refused += 1
            return False
        self._extra.add(now)
        self._latest.append(now)
        return True

    def statistics(self) -> BudgetStatistics:
        """How the budget stands now."""
        now = self._clock.monotonic()
        return BudgetStatistics(
            first=self._first.total(now),
            extra=self._extra.total(now),
            left=max(self._of_floor(now), self._of_share(now)),
            refused=self._refused,
        )

    def _of_floor(self, now: float) -> int:
        while self._latest and now - self._latest[0] >= self._options.window:
            self._latest.popleft()
        return self._options.minimum - len(self._latest)

    def _of_share(self, now: float) -> int:
        return int(self._options.ratio * self._first.total(now) + _SLACK) - self._extra.total(now)

    def __repr__(self) -> str:
        return f"<RetryBudget {self.statistics()}>"


class _Slots:
    """A count of what happened in this slot of time and the ``number - 1`` before it."""

    __slots__ = ("_at", "_counts", "_length", "_total")

    def __init__(self, number: int, length: float) -> None:
        self._length = length
        self._counts = [0] * number
        self._total = 0
        self._at: int | None = None

    def add(self, now: float) -> None:
        self._move(now)
        self._counts[int(now // self._length) % len(self._counts)] += 1
        self._total += 1

    def total(self, now: float) -> int:
        self._move(now)
        return self._total

    def _move(self, now: float) -> None:
        """Empty the slots that time has passed over, at most all of them."""
        at = int(now // self._length)
        gone = len(self._counts) if self._at is None else min(at - self._at, len(self._counts))
        for slot in range(at - gone + 1, at + 1):
            self._total -= self._counts[slot % len(self._counts)]
            self._counts[slot % len(self._counts)] = 0
        self._at = at
