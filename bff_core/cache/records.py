"""The record cache: one answer a slot, served while its endpoint's windows allow.

    fresh           it serves
    stale           it serves, and is asked for anew in the background (stale-while-revalidate)
    if error        the service is asked; only where that fails it serves, as a degradation (stale-if-error)

Nothing is kept of an endpoint without windows, of an answer with flaws, or of an error. That there is no such thing is
kept for seconds. A 401, 403 or 404 ends an older answer at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from bff_core.cache.entry import Entry, State
from bff_core.cache.epochs import Epochs
from bff_core.cache.slot import EVERYBODY, Owner, Slot
from bff_core.cache.store import Store
from bff_core.cache.weight import weigh
from bff_core.clock import Clock
from bff_core.contract import Endpoint, Outcome, Source, Windows
from bff_core.errors import (
    AuthUnavailable,
    BadPayload,
    BadStatus,
    BffError,
    Forbidden,
    NotFound,
    Rejected,
    TimedOut,
    Unauthenticated,
    Unreachable,
)
from bff_core.telemetry.facts import CacheResult

#: Statuses below 500 that say the same as one above: not now.
NOT_NOW = (408, 429)

#: Statuses that end an older answer, where they come as BadStatus: from a batch, or for a call without a credential.
NO_MORE = (401, 403, 404)


@dataclass(frozen=True, slots=True)
class CacheOptions:
    """``windows`` by endpoint; what is not in it is not kept.

    ``jitter``: the largest part of a window that chance takes off, from 0 to 0.5, so that what came together does not
    expire together. ``elsewhere``: endpoints whose answers another process makes untrue, by a write that this one is
    not told of; nothing of them is kept, nor shared while it is on its way.
    """

    windows: Mapping[Endpoint[Any], Windows]
    jitter: float = 0.1
    elsewhere: frozenset[Endpoint[Any]] = frozenset()

    def __post_init__(self) -> None:
        if not 0 <= self.jitter <= 0.5:
            raise ValueError(f"jitter must be from 0 to 0.5, not {self.jitter}")


class Hit(NamedTuple):
    """A kept answer that serves; ``refresh`` says that it must be asked for anew."""

    outcome: Outcome[Any]
    result: CacheResult
    refresh: bool


class RecordCache:
    """The kept answers of one process, of all services."""

    def __init__(self, options: CacheOptions, store: Store, clock: Clock, random: Random | None = None) -> None:
        self._windows = {
            endpoint: windows for endpoint, windows in options.windows.items() if endpoint not in options.elsewhere
        }
        self._elsewhere = options.elsewhere
        self._jitter = options.jitter
        self._store = store
        self._clock = clock
        self._random = random or Random()
        self._epochs = Epochs()

    @property
    def epoch(self) -> int:
        """To be noted when a read begins, and said when its answer is kept."""
        return self._epochs.now

    def keeps(self, endpoint: Endpoint[Any]) -> bool:
        """Whether answers of an endpoint are kept at all."""
        return endpoint in self._windows

    def shares(self, endpoint: Endpoint[Any]) -> bool:
        """Whether a call under way may serve who asks after it began: only where every write is heard of here."""
        return endpoint not in self._elsewhere

    def look(self, slot: Slot) -> Hit | None:
        """The answer that serves without asking; None where the service must be asked."""
        if slot.endpoint not in self._windows:
            return None
        now = self._clock.monotonic()
        entry = self._held(slot, now)
        if entry is None:
            return None
        state = entry.state(now)
        if state is State.IF_ERROR:
            return None
        service = slot.endpoint.service
        if entry.missing is not None:
            missing = NotFound(entry.missing, service=service)
            return Hit(Outcome(service, error=missing, age=now - entry.came), "negative", False)
        outcome = Outcome(service, entry.value, source=Source.CACHED, age=now - entry.came)
        if state is State.FRESH:
            return Hit(outcome, "fresh", False)
        return Hit(outcome, "stale", True)

    def instead_of(self, slot: Slot, error: BffError) -> Outcome[Any] | None:
        """An old answer that stands in for the failure ``error``; None where there is none, or it may not."""
        if slot.endpoint not in self._windows or not may_be_stale(error):
            return None
        now = self._clock.monotonic()
        entry = self._held(slot, now)
        if entry is None or entry.missing is not None:
            return None
        age = now - entry.came
        return Outcome(slot.endpoint.service, entry.value, source=Source.STALE, age=age, reason=error)

    def keep(self, slot: Slot, outcome: Outcome[Any], begun: int) -> None:
        """Keep what the service said, if it may be kept; ``begun`` is the epoch in which the asking began."""
        windows = self._windows.get(slot.endpoint)
        if windows is None or not self._epochs.holds(slot, begun):
            return
        error = outcome.error
        if isinstance(error, NotFound) and windows.negative:
            # Its words and not itself: an error that was raised holds the frames it went through, a credential in them.
            self._store.put(slot, self._entry(slot, None, str(error), begun, Windows(windows.negative)))
        elif error is not None and ends_older(error):
            self._store.drop(slot)
        elif error is None and not outcome.flaws:
            self._store.put(slot, self._entry(slot, outcome.value, None, begun, windows))

    def drop(self, endpoints: Iterable[Endpoint[Any]], owner: Owner | None) -> None:
        """A write has ended: what ``owner`` was given of these endpoints is not true any more; see ``epochs.py``."""
        for endpoint in endpoints:
            self._epochs.drop(endpoint, owner)

    def holds(self, slot: Slot, begun: int) -> bool:
        """Whether an answer asked for in the epoch ``begun`` may still be kept and shared."""
        return self._epochs.holds(slot, begun)

    def _held(self, slot: Slot, now: float) -> Entry | None:
        """What is kept for a slot, as long as it is good for anything."""
        entry = self._store.get(slot)
        if entry is None:
            return None
        if entry.state(now) is State.EXPIRED or not self._epochs.holds(slot, entry.begun):
            self._store.drop(slot)
            return None
        return entry

    def _entry(self, slot: Slot, value: Any, missing: str | None, begun: int, windows: Windows) -> Entry:
        now = self._clock.monotonic()
        fresh = now + windows.fresh * (1 - self._jitter * self._random.random())
        return Entry(
            value=value,
            missing=missing,
            begun=begun,
            came=now,
            fresh_until=fresh,
            stale_until=fresh + windows.stale,
            if_error_until=fresh + max(windows.stale, windows.stale_if_error),
            size=weigh((slot.key, value, missing)) + _whose_weight(slot),
        )


def _whose_weight(slot: Slot) -> int:
    return 0 if slot.whose is EVERYBODY else weigh(slot.whose)


def may_be_stale(error: BffError) -> bool:
    """Whether an old answer may stand in for this failure: the service did not answer, could not, or was not asked.

    Never where it did answer: a 401, 403, 404 or another 4xx is its word. 408 and 429 say "not now", as a 5xx does.
    """
    if isinstance(error, BadStatus):
        return error.status >= 500 or error.status in NOT_NOW
    return isinstance(error, TimedOut | Unreachable | BadPayload | Rejected) and not isinstance(error, AuthUnavailable)


def ends_older(error: BffError) -> bool:
    """Whether this failure says that an older answer is not true any more, or not for whoever asked."""
    if isinstance(error, BadStatus):
        return error.status in NO_MORE
    return isinstance(error, NotFound | Unauthenticated | Forbidden)
