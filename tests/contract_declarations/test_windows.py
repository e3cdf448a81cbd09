"""Windows: how long a kept answer is of use, and those that cannot be."""

from __future__ import annotations

import math

import pytest

from bff_core.contract import Windows


def test_only_fresh_is_asked_for() -> None:
    """Without more being said an answer is never stale, and a missing thing stays missing for two seconds."""
    assert Windows(5) == Windows(fresh=5, stale=0, stale_if_error=0, negative=2)


@pytest.mark.parametrize(
    ("windows", "longest"),
    [
        (Windows(5), 5),
        (Windows(5, stale=10), 15),
        (Windows(5, stale_if_error=60), 65),
        (Windows(5, stale=10, stale_if_error=60), 65),
        (Windows(5, stale=60, stale_if_error=10), 65),
        (Windows(5, negative=100), 5),
    ],
)
def test_both_stale_windows_begin_where_fresh_ends(windows: Windows, longest: float) -> None:
    """A value is of use for its fresh time and the longer of its stale windows; a missing thing is no value."""
    assert windows.longest == longest


@pytest.mark.parametrize("name", ["stale", "stale_if_error", "negative"])
@pytest.mark.parametrize("time", [-0.001, math.inf, math.nan])
def test_a_window_is_a_time(name: str, time: float) -> None:
    """A window that is negative or has no end is refused, by name and value."""
    with pytest.raises(ValueError, match=rf"every window 0 or more seconds, not .*{name}={time}"):
        Windows(5, **{name: time})


@pytest.mark.parametrize("fresh", [0, -1, math.inf, math.nan])
def test_fresh_is_above_nothing(fresh: float) -> None:
    """An endpoint that keeps its answers for no time at all keeps none, and says so by leaving fresh out."""
    with pytest.raises(ValueError, match=r"fresh must be above 0"):
        Windows(fresh)


@pytest.mark.parametrize("name", ["stale", "stale_if_error", "negative"])
def test_every_window_but_fresh_may_be_nothing(name: str) -> None:
    """A window of 0 seconds is none."""
    assert getattr(Windows(5, **{name: 0}), name) == 0
