"""Epochs: what was read before a write ended is neither kept nor joined after it.

A drop makes every answer of an endpoint untrue that one owner (or, for a public endpoint, anybody) was given. It is one
counter: each drop raises it and is remembered under (endpoint, owner); a read notes the counter when it begins, and
holds as long as no drop of its endpoint and owner came later. So a read that begins before a write ends is dropped by
it, also when it ends after the write: it may have been answered before the write was done.

Of each endpoint and owner the last drop is remembered, and of these the latest ``REMEMBERED``. The oldest is forgotten
first, and raises its endpoint's floor, below which nothing of the endpoint holds: what it would have dropped is dropped
still, and so are other owners' answers as old as that. A public endpoint has one drop only, and loses nothing.
"""

from __future__ import annotations

from typing import Any

from cachetools import FIFOCache

from bff_core.cache.slot import Owner, Slot
from bff_core.contract import Endpoint

#: How many drops are remembered apart; they take some 4 MB.
REMEMBERED = 10_000

Dropped = tuple[Endpoint[Any], Owner | None]


class Epochs:
    """The drops of one process."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._now = 0
        self._floors: dict[Endpoint[Any], int] = {}
        self._drops = _Drops(remembered, self._floors)

    @property
    def now(self) -> int:
        """The epoch in which a read begins now."""
        return self._now

    def drop(self, endpoint: Endpoint[Any], owner: Owner | None) -> None:
        """What was read of an endpoint holds no more: for this owner, or for all where the endpoint is public."""
        self._now += 1
        self._drops[endpoint, owner if endpoint.private else None] = self._now

    def holds(self, slot: Slot, begun: int) -> bool:
        """Whether what began in the epoch ``begun`` is still true of the slot."""
        if begun == self._now:
            return True  # most looks end here, where writes are rare
        endpoint = slot.endpoint
        return begun >= self._drops.get((endpoint, slot.whose.owner), 0) and begun >= self._floors.get(endpoint, 0)

    def __repr__(self) -> str:
        return f"<Epochs now={self._now} remembered={len(self._drops)} endpoints with a floor={len(self._floors)}>"


class _Drops(FIFOCache[Dropped, int]):
    """The last drop of each endpoint and owner, oldest first; what it forgets becomes its endpoint's floor."""

    def __init__(self, most: int, floors: dict[Endpoint[Any], int]) -> None:
        super().__init__(most)
        self._floors = floors

    def popitem(self) -> tuple[Dropped, int]:
        """Forget the oldest; a floor only rises, since what is forgotten later is newer."""
        dropped, epoch = super().popitem()
        self._floors[dropped[0]] = epoch
        return dropped, epoch
