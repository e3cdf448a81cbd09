"""Pieces of a sequence."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff_core.loading.chunks import chunks


@pytest.mark.parametrize(
    ("length", "pieces"),
    [(0, []), (1, [[0]]), (2, [[0, 1]]), (3, [[0, 1], [2]]), (4, [[0, 1], [2, 3]]), (5, [[0, 1], [2, 3], [4]])],
)
def test_the_last_piece_may_be_smaller(length: int, pieces: list[list[int]]) -> None:
    """Pieces are full but for the last one, none is empty, and an empty sequence has none."""
    assert list(chunks(list(range(length)), 2)) == pieces


@given(st.lists(st.integers()), st.integers(1, 12))
def test_nothing_is_lost_doubled_or_moved(elements: Sequence[int], size: int) -> None:
    """The pieces together are the sequence, in as few of them as can be."""
    pieces = list(chunks(elements, size))
    assert [element for piece in pieces for element in piece] == elements
    assert len(pieces) == -(-len(elements) // size)
    assert all(1 <= len(piece) <= size for piece in pieces)


def test_pieces_of_nothing_are_refused() -> None:
    """A size of 0 would never come to an end."""
    with pytest.raises(ValueError, match="must not be zero"):
        list(chunks([1], 0))
