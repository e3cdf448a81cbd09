"""Documents that clients registered themselves (APQ), as many as fit into the bytes that there are for them."""

from __future__ import annotations

from cachetools import LRUCache

from bff_core.documents.found import Found

#: What one entry takes besides its text, bytes: two hashes, the value and its place in the order.
OVERHEAD = 512


class Registrations:
    """An LRU by hash, bounded in bytes; of one process. A client whose document was let go registers it once more."""

    def __init__(self, max_bytes: int) -> None:
        self._kept: LRUCache[str, Found] = LRUCache(max_bytes, getsizeof=_size)

    def get(self, document: str) -> Found | None:
        """What was registered under this hash; it is then the last to be let go."""
        try:
            return self._kept[document]
        except KeyError:
            return None

    def keep(self, document: str, found: Found) -> None:
        """Register; the longest unused make room. A text larger than all of it is not kept."""
        if _size(found) <= self._kept.maxsize:
            self._kept[document] = found

    @property
    def size(self) -> int:
        """Bytes taken."""
        return int(self._kept.currsize)

    def __len__(self) -> int:
        return len(self._kept)


def _size(found: Found) -> int:
    # Four bytes a character at most: what Python takes for a text that holds a single wide one.
    return OVERHEAD + len(found.text) * (1 if found.text.isascii() else 4)
