"""Where kept answers are held: the protocol, and the store in this process's memory."""

from __future__ import annotations

from typing import Protocol

from cachetools import LRUCache

from bff_core.cache.entry import Entry
from bff_core.cache.slot import Slot

#: What an entry takes beside its ``size``: itself, its slot's tuple and the store's bookkeeping, in bytes. Measured in
#: a store that has been full for a while, when the tables of its dicts are at their largest, and rounded up.
OVERHEAD = 750


class Store(Protocol):
    """Holds entries by slot. What an implementation must keep:

    - it may forget any entry at any time, and never gives one under another slot than its own;
    - it never awaits: a lookup stands in the way of every field;
    - it holds at most the bytes it was made for, by the entries' own ``size``.
    """

    def get(self, slot: Slot) -> Entry | None:
        """The entry of a slot, None where there is none."""

    def put(self, slot: Slot, entry: Entry) -> None:
        """Hold an entry in the place of an earlier one; one that is too large is let go."""

    def drop(self, slot: Slot) -> None:
        """Forget the entry of a slot, if there is one."""


class MemoryStore:
    """The store of one process: what was used least recently makes room. ``max_bytes`` 0 holds nothing."""

    def __init__(self, max_bytes: int) -> None:
        self._entries: LRUCache[Slot, Entry] = LRUCache(max_bytes, getsizeof=_size)

    def get(self, slot: Slot) -> Entry | None:
        """The entry of a slot; it counts as used."""
        try:
            return self._entries[slot]  # ``get`` looks twice
        except KeyError:
            return None

    def put(self, slot: Slot, entry: Entry) -> None:
        """Hold an entry; what was used least recently goes."""
        self.drop(slot)  # an entry that is too large must not leave an older one in its place
        if _size(entry) <= self._entries.maxsize:
            self._entries[slot] = entry

    def drop(self, slot: Slot) -> None:
        """Forget the entry of a slot, if there is one."""
        self._entries.pop(slot, None)

    @property
    def bytes(self) -> int:
        """How many are held."""
        return int(self._entries.currsize)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<MemoryStore {len(self)} entries, {self.bytes} of {int(self._entries.maxsize)} bytes>"


def _size(entry: Entry) -> int:
    return entry.size + OVERHEAD
