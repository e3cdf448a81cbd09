"""The time of one call against the time of a request."""

from __future__ import annotations

from pathlib import Path

import pytest

from bff_core.doctor.calls import late_calls
from tests.doctor.clinic import bff, settings


@pytest.mark.parametrize(
    ("budget", "reserve", "timeout", "retries"),
    [(1775, 50, 800, 1), (1825, 100, 800, 1), (900, 50, 800, 0), (2000, 50, 912, 1)],
)
def test_a_call_may_take_all_that_a_request_has(
    tmp_path: Path, budget: int, reserve: int, timeout: int, retries: int
) -> None:
    """Where the last attempt can end in time nothing is said; a millisecond less, and every service is named."""
    made = bff(tmp_path)
    just = {
        "EDGE__RESERVE_MS": str(reserve),
        "SERVICES__ALL__ATTEMPT_TIMEOUT_MS": str(timeout),
        "SERVICES__ALL__RETRY__RETRIES": str(retries),
    }
    assert list(late_calls(made, settings(made, EDGE__BUDGET_MS=str(budget), **just))) == []
    if timeout == 912:  # 1949 of 1950: the next whole number is one too many
        just["SERVICES__ALL__ATTEMPT_TIMEOUT_MS"] = "913"
    else:
        budget -= 1
    late = list(late_calls(made, settings(made, EDGE__BUDGET_MS=str(budget), **just)))
    assert [finding.about for finding in late] == [
        "services.birds.attempt_timeout_ms",
        "services.nests.attempt_timeout_ms",
    ]
    assert {finding.severity for finding in late} == {"dangerous"}


def test_the_sentence_has_the_sum_and_the_remedy_the_number(tmp_path: Path) -> None:
    """What takes how long is told, and the longest attempt that would fit."""
    made = bff(tmp_path, "[services.birds.retry]\nretries = 2\n")
    (late,) = late_calls(made, settings(made))
    assert late.sentence == (
        "a call may take 2625 ms (3 x (50 ms for a turn + 800 ms) + 75 ms between them), but a request waits for "
        "1950 ms: the last attempt is made for nobody"
    )
    assert late.remedy == "lower it to 575 or less, or lower retry.retries, or raise edge.budget_ms"
    mended = settings(made, SERVICES__BIRDS__ATTEMPT_TIMEOUT_MS="575")
    assert mended.services["birds"].longest_call_ms == 1950
    assert list(late_calls(made, mended)) == []


def test_a_remedy_that_is_none_is_not_offered(tmp_path: Path) -> None:
    """Without retries there are none to lower, and an attempt cannot be shorter than allowed."""
    made = bff(tmp_path)
    spoilt = settings(
        made,
        SERVICES__BIRDS__RETRY__RETRIES="0",
        SERVICES__BIRDS__LONGEST_WAIT_MS="1950",
        SERVICES__NESTS__RETRY__RETRIES="10",
        SERVICES__NESTS__RETRY__BASE_MS="250",
    )
    alone, often = late_calls(made, spoilt)
    assert alone.remedy == "raise edge.budget_ms"
    assert often.remedy == "lower retry.retries, or raise edge.budget_ms"
