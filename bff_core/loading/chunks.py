"""A sequence in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def chunks(sequence: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Pieces of ``size`` elements (the last may be smaller), in order; none for an empty sequence."""
    for start in range(0, len(sequence), size):
        yield sequence[start : start + size]
