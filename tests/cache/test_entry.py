"""Entries: what a kept answer is good for, instant by instant."""

from __future__ import annotations

import pytest

from bff_core.cache.entry import Entry, State

#: The smallest step of time that these tests make, seconds.
BIT = 0.001


def entry(fresh: float, stale: float, if_error: float) -> Entry:
    """An entry with these ends."""
    return Entry("value", None, 0, 100.0, fresh, stale, if_error, 0)


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (100.0, State.FRESH),
        (110.0 - BIT, State.FRESH),
        (110.0, State.STALE),
        (130.0 - BIT, State.STALE),
        (130.0, State.IF_ERROR),
        (160.0 - BIT, State.IF_ERROR),
        (160.0, State.EXPIRED),
        (1e9, State.EXPIRED),
    ],
)
def test_a_windows_end_is_no_part_of_it(now: float, state: State) -> None:
    """Each window holds up to its end and not at it."""
    assert entry(110, 130, 160).state(now) is state


@pytest.mark.parametrize(
    ("stale", "if_error", "at_the_end"),
    [(110, 110, State.EXPIRED), (110, 160, State.IF_ERROR), (130, 130, State.STALE)],
)
def test_a_window_of_no_length_is_skipped(stale: float, if_error: float, at_the_end: State) -> None:
    """Where a window is not declared, the next one that is begins at its place."""
    assert entry(110, stale, if_error).state(110 - BIT) is State.FRESH
    assert entry(110, stale, if_error).state(110) is at_the_end


@pytest.mark.parametrize(("stale", "if_error"), [(130, 130), (110, 160)])
def test_after_the_last_window_there_is_nothing(stale: float, if_error: float) -> None:
    """An answer whose windows have all ended is good for nothing, whichever of them was the last."""
    assert entry(110, stale, if_error).state(if_error - BIT) is not State.EXPIRED
    assert entry(110, stale, if_error).state(if_error) is State.EXPIRED
