"""Fault switches: what may be asked for, what is sent, what is said."""

import math
from typing import Any

import pytest

from bff_core.demo.faults import Fault, FaultSwitches, in_words
from bff_core.demo.problem import DemoProblem


def test_only_what_was_asked_for_is_sent() -> None:
    """Defaults stay the service's own."""
    assert Fault(latency_ms=800, jitter_ms=0).body() == {"latency_ms": 800, "jitter_ms": 0}
    assert Fault(hang=True, error=0.3).body() == {"hang": True, "error_rate": 0.3}
    assert Fault(omit="one", spoil="one-of-many").body() == {"omit": "one", "spoil": "one-of-many"}
    assert Fault().empty
    assert not Fault(error=0).empty


def test_a_status_alone_is_for_every_answer() -> None:
    """--status 500 or --retry-after 9 means that everything fails so; with a share only the share does."""
    assert Fault(status=500).body() == {"error_rate": 1.0, "status": 500}
    assert Fault(status=500, error=0.5).body() == {"error_rate": 0.5, "status": 500}
    assert Fault(retry_after_s=9).body() == {"error_rate": 1.0, "retry_after_s": 9}
    assert Fault(retry_after_s=0, error=0.5).body() == {"error_rate": 0.5, "retry_after_s": 0}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"error": 1.5}, "--error is a share from 0 to 1, and 1.5 came."),
        ({"error": -0.1}, "--error is a share from 0 to 1, and -0.1 came."),
        ({"error": math.nan}, "--error is a share from 0 to 1, and nan came."),
        ({"latency_ms": -1}, "--latency is in milliseconds and at least 0, and -1 came."),
        ({"jitter_ms": -5}, "--jitter is in milliseconds and at least 0, and -5 came."),
        ({"retry_after_s": -1}, "--retry-after is in seconds and at least 0, and -1 came."),
        ({"status": 404}, "--status is 429 or from 500 to 599, and 404 came."),
        ({"status": 600}, "--status is 429 or from 500 to 599, and 600 came."),
    ],
)
def test_values_out_of_range_are_refused(asked: dict[str, Any], said: str) -> None:
    """Each range is checked before anything is sent."""
    with pytest.raises(DemoProblem) as caught:
        Fault(**asked)
    assert caught.value.sentence == said
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"hang": True}, "never answers"),
        ({"latency_ms": 800, "jitter_ms": 100}, "800 ms later and up to 100 ms more"),
        ({"error_rate": 0.3, "status": 503}, "answers 30% with status 503"),
        ({"latency_ms": 5, "drop": True}, "5 ms later, closes the connection without an answer"),
        ({"garbage": True}, "answers with what is no JSON"),
        ({"truncate": True}, "breaks off in the middle of an answer"),
        ({"huge": True}, "answers with far too much"),
        ({"error_rate": 1.0, "status": 429, "retry_after_s": 9}, "answers 100% with status 429 and asks to wait 9 s"),
        ({"omit": "one", "spoil": "none"}, "leaves out one element"),
        ({"omit": "none", "spoil": "one-of-many"}, "spoils one element of several"),
        (
            {"error_rate": 0.0, "status": 503, "hang": False, "omit": "none", "spoil": "none", "retry_after_s": None},
            "nothing wrong",
        ),
    ],
)
def test_what_is_in_force_is_told_in_words(entry: dict[str, Any], words: str) -> None:
    """Every switch has its words."""
    assert in_words(entry) == words


def test_a_service_that_is_not_there_is_one_sentence(free_port: Any) -> None:
    """The sentence names the service and its address."""
    url = f"http://127.0.0.1:{free_port()}/_faults"
    with pytest.raises(DemoProblem) as caught:
        FaultSwitches("users", url).show()
    assert caught.value.sentence == (
        f"users cannot be reached at {url}: nothing listens there; bff demo status says whether it runs."
    )
    assert caught.value.exit_code == 1
