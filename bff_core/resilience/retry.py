"""The retry: once more, where that is safe, worth it, affordable and still in time.

It is the outermost guard of a call: every attempt takes its own place at the breaker and its own permit, and whoever
waits for the next attempt holds neither. An attempt is repeated only if all of this holds, asked in this order:

1. the call may be made twice (a read, or a write with an idempotency key) and has attempts left;
2. the error may be gone the next time (``worth_repeating``);
3. after the wait the deadline has not passed, and leaves at least the service's median;
4. the retry budget has one to spend. It is asked last, so that a retry which is not made costs nothing.

The wait is full jitter (M. Brooker, "Exponential Backoff And Jitter", 2015): uniform between 0 and the backoff, so
that callers who failed together do not come back together. A service's Retry-After is waited for first, jitter on top.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from bff_core.clock import Clock, sleep
from bff_core.deadline import Deadline
from bff_core.errors import BadStatus, BffError, Rejected, TimedOut, Unreachable
from bff_core.resilience.budget import RetryBudget
from bff_core.resilience.latency import Latencies

T = TypeVar("T")

#: Told before each wait: which retry is next (starts at 1), how long until then in seconds, and the error that led to
#: it. Must be quick and must not raise.
OnRetry: TypeAlias = Callable[[int, float, BffError], None]

#: Statuses by which a service or what stands before it says "not now". A 500 is not among them: the same question
#: most likely meets the same bug.
PASSING_STATUSES = frozenset({502, 503, 504})
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """How often and how soon a call is repeated.

    ``retries``: attempts after the first one, 0 to 10. ``base``: seconds, above 0; the backoff before retry n, n
    starting at 0, is ``base * 2**n``. ``cap``: seconds, at least ``base``; no backoff is longer. A Retry-After is not
    capped.
    """

    retries: int = 1
    base: float = 0.025
    cap: float = 0.25

    def __post_init__(self) -> None:
        if not (0 <= self.retries <= 10 and 0 < self.base <= self.cap < float("inf")):
            raise ValueError(f"retries 0 to 10 and 0 s < base <= cap are expected, not {self}")


class Retry:
    """Makes attempts at calls to one service; holds no state of its own between calls."""

    def __init__(
        self, options: RetryOptions, budget: RetryBudget, latencies: Latencies, clock: Clock, random: random.Random
    ) -> None:
        self._options = options
        self._budget = budget
        self._latencies = latencies
        self._clock = clock
        self._random = random

    async def run(
        self,
        attempt: Callable[[], Awaitable[T]],
        *,
        deadline: Deadline,
        repeatable: bool,
        on_retry: OnRetry | None = None,
    ) -> T:
        """The value of the first attempt that succeeds.

        ``attempt`` makes one attempt each time it is called; ``repeatable`` says that a second one does no harm even
        if the first was carried out. Raises the last attempt's error, with a note of how many there were if more than
        one. Cancellation passes through, also during the wait.
        """
        retries = 0
        while True:
            try:
                value = await attempt()
            except BffError as error:
                # Who was refused by us did not reach the service and earns nothing: a service that is down behind an
                # open breaker would otherwise meet a full budget when it comes back.
                if retries == 0 and not isinstance(error, Rejected):
                    self._budget.note_first()
                wait = self._wait(error, retries, deadline) if repeatable else None
                if wait is None:
                    _note(error, attempts=retries + 1)
                    raise
                retries += 1
                if on_retry is not None:
                    on_retry(retries, wait, error)
                await sleep(self._clock, wait)
                if deadline.left <= 0:  # a busy loop wakes late; this error says more than "no time left"
                    _note(error, attempts=retries)
                    raise
            else:
                if retries == 0:
                    self._budget.note_first()
                return value

    def _wait(self, error: BffError, retries: int, deadline: Deadline) -> float | None:
        """Seconds until the next attempt; None where there shall be none. Spends from the budget."""
        if retries >= self._options.retries or not worth_repeating(error):
            return None
        wait = self._random.uniform(0.0, min(self._options.cap, self._options.base * 2**retries))
        if isinstance(error, BadStatus) and error.retry_after is not None:
            wait += error.retry_after
        left = deadline.left - wait
        if left <= 0 or left < (self._latencies.median() or 0.0):
            return None
        return wait if self._budget.take() else None


def worth_repeating(error: BffError) -> bool:
    """Whether the same question may meet a better answer soon.

    Yes: no connection, no answer in time, 502, 503, 504; and 429 if the service says when to come back (without that,
    asking again is what it complains of). No: whatever the service has decided (other statuses, a missing thing, an
    answer that cannot be read) and whatever we refused ourselves: a full bulkhead has a waiting room of its own and
    an open breaker never queues.
    """
    if isinstance(error, BadStatus):
        if error.status == TOO_MANY_REQUESTS:
            return error.retry_after is not None
        return error.status in PASSING_STATUSES
    return isinstance(error, Unreachable | TimedOut)


def _note(error: BffError, *, attempts: int) -> None:
    if attempts > 1:
        error.add_note(f"after {attempts} attempts")
