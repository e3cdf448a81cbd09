"""The rolling sample of durations: what it knows, when it knows nothing, and what it forgets."""

from __future__ import annotations

import math
import random
from statistics import median_low

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff_core.resilience.latency import Latencies


def noted(seconds: list[float], size: int = 128, least: int = 20) -> Latencies:
    """A sample that was told of these calls, in this order."""
    latencies = Latencies(size, least=least)
    for duration in seconds:
        latencies.note(duration)
    return latencies


def test_nothing_is_known_of_too_few_calls() -> None:
    """One call fewer than ``least`` answers None; that one more answers."""
    latencies = Latencies()
    for _ in range(19):
        latencies.note(0.1)
    assert (latencies.median(), latencies.p95()) == (None, None)
    latencies.note(0.1)
    assert (latencies.median(), latencies.p95()) == (0.1, 0.1)


def test_percentiles_are_durations_that_were_seen() -> None:
    """Nearest rank: of 1 to 100 in any order the median is 50 and the 95th percentile 95."""
    seconds = [float(n) for n in range(1, 101)]
    random.Random(3).shuffle(seconds)
    latencies = noted(seconds)
    assert (latencies.median(), latencies.p95()) == (50.0, 95.0)


def test_the_fewest_calls_have_a_p95_below_the_longest() -> None:
    """With the default ``least`` one slow call among twenty is the longest and not the 95th percentile."""
    assert noted([0.1] * 19 + [9.0]).p95() == 0.1


def test_the_oldest_call_is_forgotten_first() -> None:
    """A full sample drops its oldest call for each new one."""
    latencies = noted([9.0] * 20, size=20)
    for _ in range(10):
        latencies.note(0.1)
    assert (latencies.median(), latencies.p95()) == (0.1, 9.0)
    for _ in range(9):
        latencies.note(0.1)
    assert latencies.p95() == 0.1  # one 9.0 of twenty is left


def test_a_new_call_is_seen_after_one_has_asked() -> None:
    """An answer is not kept beyond the next call."""
    latencies = noted([1.0], least=1)
    assert latencies.median() == 1.0
    latencies.note(0.5)
    assert latencies.median() == 0.5


@given(
    seconds=st.lists(st.floats(0, 100), max_size=60),
    size=st.integers(1, 30),
    least=st.integers(1, 30),
    ask_between=st.booleans(),
)
def test_it_is_the_plain_percentile_of_the_last_calls(
    seconds: list[float], size: int, least: int, ask_between: bool
) -> None:
    """Whatever was noted and asked before, the answer is that of sorting the last ``size`` calls."""
    least = min(least, size)
    latencies = Latencies(size, least=least)
    for duration in seconds:
        latencies.note(duration)
        if ask_between:
            latencies.median()
    last = seconds[-size:]
    if len(last) < least:
        assert (latencies.median(), latencies.p95()) == (None, None)
    else:
        assert latencies.median() == median_low(last)
        p95 = latencies.p95()
        assert p95 in last
        assert sum(duration <= p95 for duration in last) >= math.ceil(0.95 * len(last))
        assert sum(duration < p95 for duration in last) < math.ceil(0.95 * len(last))


@pytest.mark.parametrize(("size", "least"), [(0, 0), (5, 0), (5, 6)])
def test_a_sample_that_can_never_answer_is_refused(size: int, least: int) -> None:
    """``least`` is between 1 and the size, and the message says what came."""
    with pytest.raises(ValueError, match=f"1 <= least <= size is expected, not least={least} and size={size}"):
        Latencies(size, least=least)


def test_its_repr_tells_the_state() -> None:
    """A reader sees how many calls and what they say."""
    assert repr(noted([0.5], least=1)) == "<Latencies of 1 calls: median 0.5 s, p95 0.5 s>"
