"""Options: their defaults, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest

from bff_core.resilience.breaker import BreakerOptions


def test_defaults_are_those_of_the_documents() -> None:
    """Five probes, 60 s, 30 s, the fourth failure in a row; in rate mode half of twenty calls in 10 s."""
    assert BreakerOptions() == BreakerOptions(
        max_requests=5,
        interval=60.0,
        timeout=30.0,
        trip_after=3,
        mode="consecutive",
        window=10.0,
        minimum_calls=20,
        rate=0.5,
        forced="none",
        metrics_only=False,
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"max_requests": 0}, "max_requests of 1 or more, not 0"),
        ({"interval": -1.0}, "an interval of 0 s or more, not -1.0"),
        ({"interval": math.nan}, "an interval of 0 s or more, not nan"),
        ({"interval": math.inf}, "an interval of 0 s or more, not inf"),
        ({"timeout": 0}, "a timeout above 0 s, not 0"),
        ({"timeout": math.nan}, "a timeout above 0 s, not nan"),
        ({"timeout": math.inf}, "a timeout above 0 s, not inf"),
        ({"trip_after": -1}, "trip_after of 0 or more, not -1"),
        ({"mode": "count"}, 'the mode "consecutive" or "rate", not "count"'),
        ({"window": 0}, "a window above 0 s, not 0"),
        ({"window": math.inf}, "a window above 0 s, not inf"),
        ({"minimum_calls": 0}, "minimum_calls of 1 or more, not 0"),
        ({"rate": 0}, "a rate above 0 and up to 1, not 0"),
        ({"rate": 1.01}, "a rate above 0 and up to 1, not 1.01"),
        ({"rate": math.nan}, "a rate above 0 and up to 1, not nan"),
        ({"forced": "closed"}, '"none" or "open" for forced, not "closed"'),
        ({"forced": "open", "metrics_only": True}, "not both forced open and metrics only"),
    ],
)
def test_what_is_out_of_range_is_refused(options: dict[str, Any], sentence: str) -> None:
    """One sentence says what is wanted and what came."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole sentence is compared
        BreakerOptions(**options)
    assert str(caught.value) == f"a breaker wants {sentence}"


def test_what_is_at_the_edge_is_taken() -> None:
    """The least and the most of each range are in it."""
    BreakerOptions(max_requests=1, interval=0, timeout=1e-9, trip_after=0, window=1e-9, minimum_calls=1, rate=1)


def test_the_rule_says_what_it_waits_for() -> None:
    """Each mode's rule reads as a sentence."""
    assert repr(BreakerOptions().rule()) == "more than 3 consecutive failures"
    assert repr(BreakerOptions(mode="rate").rule()) == "50% failures of 20 or more calls in 10 s"
