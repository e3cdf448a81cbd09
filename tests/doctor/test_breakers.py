"""The breakers: whether they can ever open, and whether they are in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from bff_core.doctor.breakers import blind_breakers, idle_breakers
from tests.doctor.clinic import bff, settings, told


def breaker(**keys: str) -> dict[str, str]:
    """Settings of the birds' breaker."""
    return {f"SERVICES__BIRDS__BREAKER__{key.upper()}": value for key, value in keys.items()}


@pytest.mark.parametrize(
    ("in_flight", "timeout", "window", "enough"),
    [(20, 800, "10", 250), (1, 800, "8", 10), (7, 700, "0.7", 7), (20, 800, "0.1", 2)],
)
def test_a_rate_needs_the_calls_that_a_hung_service_lets_end(
    tmp_path: Path, in_flight: int, timeout: int, window: str, enough: int
) -> None:
    """As many calls as can end in a window are enough, also where the number is a float's; one more is dangerous."""
    made = bff(tmp_path)
    service = {
        "SERVICES__BIRDS__IN_FLIGHT": str(in_flight),
        "SERVICES__BIRDS__ATTEMPT_TIMEOUT_MS": str(timeout),
    }
    for minimum, findings in ((enough, 0), (enough + 1, 1)):
        spoilt = settings(made, **service, **breaker(mode="rate", window_s=window, minimum_calls=str(minimum)))
        found = list(blind_breakers(made, spoilt))
        assert [(one.severity, one.about) for one in found] == [
            ("dangerous", "services.birds.breaker.minimum_calls")
        ] * findings


@pytest.mark.parametrize(("interval", "trip_after", "findings"), [("0.12", "2", 0), ("0.12", "3", 1), ("0", "9999", 0)])
def test_a_run_of_failures_must_fit_into_the_interval(
    tmp_path: Path, interval: str, trip_after: str, findings: int
) -> None:
    """In 0.12 s three calls of 0.8 s can end, twenty at a time; a breaker that never forgets has all the time."""
    made = bff(tmp_path)
    found = list(blind_breakers(made, settings(made, **breaker(interval_s=interval, trip_after=trip_after))))
    assert [one.about for one in found] == ["services.birds.breaker.trip_after"] * findings


def test_the_interval_does_not_matter_to_a_rate(tmp_path: Path) -> None:
    """Rate mode looks at its window alone, and the other mode at its interval alone."""
    made = bff(tmp_path)
    assert list(blind_breakers(made, settings(made, **breaker(mode="rate", interval_s="0.001")))) == []
    assert list(blind_breakers(made, settings(made, **breaker(window_s="0.1", minimum_calls="100000")))) == []


def test_the_sentence_counts(tmp_path: Path) -> None:
    """How many calls are needed and how many can end is told, with what to change."""
    made = bff(tmp_path)
    (found,) = blind_breakers(made, settings(made, **breaker(mode="rate", window_s="0.5")))
    assert found.sentence == (
        "it takes 20 calls within 0.5 s to open, but while the service hangs at most 12.5 end in that time "
        "(20 at once, 800 ms each), so it never opens"
    )
    assert found.remedy == "lower minimum_calls, or raise window_s"


def test_a_breaker_that_is_forced_open_needs_no_calls(tmp_path: Path) -> None:
    """What is open by order is a warning, and not blind."""
    made = bff(tmp_path)
    spoilt = settings(made, **breaker(mode="rate", window_s="0.1", forced="open"))
    assert list(blind_breakers(made, spoilt)) == []
    (found,) = idle_breakers(made, spoilt)
    assert (found.severity, found.about) == ("warning", "services.birds.breaker.forced")


def test_a_breaker_that_only_counts_is_a_warning(tmp_path: Path) -> None:
    """metrics_only is told with what a hung service costs then; breakers in force are not told."""
    made = bff(tmp_path)
    assert list(idle_breakers(made, settings(made))) == []
    assert told(list(idle_breakers(made, settings(made, **breaker(metrics_only="true"))))) == {
        "services.birds.breaker.metrics_only": (
            "the breaker counts and refuses nobody: while the service hangs, every call to it takes its 1725 ms"
        )
    }
