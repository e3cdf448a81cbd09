"""How long a service takes when it answers: a retry asks whether there is time for it, a hedge when to be worried."""

from __future__ import annotations

from collections import deque


class Latencies:
    """The durations of the last ``size`` successful calls to one service, in seconds.

    ``least``: below so many calls nothing is known and every question is answered with None; 20 is the fewest of
    which a 95th percentile is not simply the longest. Percentiles are by nearest rank: always a duration that was seen.

    Known flaws: failures and timeouts are no part of it, so a service that slows down beyond the attempt's timeout
    looks as it did before; and a sample has no age, so after a quiet night the first calls are judged by yesterday.

    Cost (CPython 3.11, 128 calls): 0.1 microseconds to note one; 5 to sort, which happens only when somebody asks
    after a new one was noted. A sample kept in order costs 0.5 for each call: dearer while only failures ask.
    """

    def __init__(self, size: int = 128, *, least: int = 20) -> None:
        if not 1 <= least <= size:
            raise ValueError(f"1 <= least <= size is expected, not least={least} and size={size}")
        self._least = least
        self._sample: deque[float] = deque(maxlen=size)
        self._ordered: list[float] | None = None

    def note(self, seconds: float) -> None:
        """A call has succeeded in that time, from its permit to the end of its answer."""
        self._sample.append(seconds)
        self._ordered = None

    def median(self) -> float | None:
        """Half of the calls took at most that many seconds; None while too few are known."""
        return self._percentile(50)

    def p95(self) -> float | None:
        """95 of 100 calls took at most that many seconds; None while too few are known."""
        return self._percentile(95)

    def _percentile(self, percent: int) -> float | None:
        number = len(self._sample)
        if number < self._least:
            return None
        if self._ordered is None:
            self._ordered = sorted(self._sample)
        return self._ordered[-(-percent * number // 100) - 1]  # the rank rounded up, in whole numbers

    def __repr__(self) -> str:
        return f"<Latencies of {len(self._sample)} calls: median {self.median()} s, p95 {self.p95()} s>"
