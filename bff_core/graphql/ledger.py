"""The ledger of degradations: what one answer lacks or replaces, where, why and because of which service.

Only links write to it. A value that a fallback or an old value replaced stands in ``extensions.degraded`` and not in
``errors``; a value that was left out stands in both, with the same path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from bff_core.errors import BffError

#: How many full paths an entry lists; the count goes on.
MOST_PATHS = 20

ResponsePath = Sequence[str | int]


class DegradedSource(str, Enum):
    """What stands in the place of the value: an older one, the link's fallback, or nothing."""

    STALE = "stale"
    FALLBACK = "fallback"
    OMITTED = "omitted"


@dataclass(slots=True)
class Degradation:
    """One entry per position, service, source and reason.

    ``path`` is the position (field names, no indexes), ``paths`` the first full paths, ``count`` how many there are.
    ``age`` is the greatest of its values' in seconds, and says nothing where the source is not stale.
    """

    path: str
    service: str
    source: DegradedSource
    reason: str
    count: int = 0
    paths: list[list[str | int]] = field(default_factory=list)
    age: float = 0.0

    def shown(self) -> dict[str, Any]:
        """The entry as it stands in ``extensions.degraded``; ``ageMs`` is there for stale values alone."""
        aged = {"ageMs": round(self.age * 1000)} if self.source is DegradedSource.STALE else {}
        return {
            "path": self.path,
            "service": self.service,
            "source": self.source.value,
            **aged,
            "reason": self.reason,
            "count": self.count,
            "paths": self.paths,
        }


class Ledger:
    """What one request's answer lacks or replaces. Request scope."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str, DegradedSource, str], Degradation] = {}
        self.partial: list[tuple[list[str | int], BffError]] = []
        self._closed = False

    def enter(
        self,
        path: ResponsePath,
        service: str,
        source: DegradedSource,
        error: BffError,
        age: float | None = None,
    ) -> None:
        """Note one value that is replaced or left out; nothing once the ledger is closed.

        ``age`` is a stale value's, in seconds.
        """
        if self._closed:
            return
        position = ".".join(step for step in path if isinstance(step, str))
        key = (position, service, source, error.code)
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = Degradation(position, service, source, error.code)
        entry.count += 1
        if age is not None and age > entry.age:
            entry.age = age
        if len(entry.paths) < MOST_PATHS:
            entry.paths.append(list(path))

    def enter_partial(self, path: ResponsePath, service: str, error: BffError) -> None:
        """Note a list at ``path`` that lacks an element; ``partial`` holds the error that the answer shows for it."""
        if self._closed:
            return
        self.enter(path, service, DegradedSource.OMITTED, error)
        self.partial.append((list(path), error))

    def close(self) -> None:
        """Note nothing more: the answer stands, and what still ends has no part in it."""
        self._closed = True

    @property
    def entries(self) -> Sequence[Degradation]:
        """Every entry, in the order in which they were first met."""
        return tuple(self._entries.values())

    @property
    def counts(self) -> Mapping[tuple[str, str], int]:
        """How many values are replaced or left out, by ``(service, source)``."""
        counts: dict[tuple[str, str], int] = {}
        for entry in self._entries.values():
            at = (entry.service, entry.source.value)
            counts[at] = counts.get(at, 0) + entry.count
        return counts

    def __bool__(self) -> bool:
        return bool(self._entries)
