"""What is kept: windows that cannot be, and windows that do nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from bff_core.contract import Service
from bff_core.doctor.kept import idle_windows, private_answers, wrong_windows
from tests.doctor.clinic import bff, nests, settings, told


def test_a_window_that_the_declaration_does_not_allow_is_dangerous(tmp_path: Path) -> None:
    """Every problem of the windows is a finding with its key."""
    made = bff(
        tmp_path,
        "[services.nests.windows.'GET /nests']\nstale_s = 1\n[services.birds.windows.'GET /brids']\nfresh_s = 1\n",
    )
    found = list(wrong_windows(made, settings(made)))
    assert {finding.severity for finding in found} == {"dangerous"}
    assert [finding.sentence for finding in found] == [
        'services.birds.windows."GET /brids": birds has no such route; did you mean "GET /birds" or "GET /mine"?',
        'services.nests.windows."GET /nests".stale_s = 1: is declared no_stale, so it must be 0',
    ]


def test_windows_that_the_declaration_allows_are_well(tmp_path: Path) -> None:
    """Other windows for what is kept anyhow are nothing to tell."""
    made = bff(tmp_path, "[services.birds.windows.'GET /birds']\nfresh_s = 60\n")
    assert list(wrong_windows(made, settings(made))) == []


@pytest.mark.parametrize(("workers", "findings"), [("1", 0), ("2", 1)])
def test_several_workers_keep_nothing_private(tmp_path: Path, workers: str, findings: int) -> None:
    """With a second worker, what is private and would be kept is named; one worker keeps it."""
    made = bff(tmp_path)
    found = list(idle_windows(made, settings(made, CACHE__WORKERS=workers)))
    assert [(one.severity, one.about) for one in found] == [("warning", "cache.workers")] * findings
    assert [one.sentence for one in found] == [
        "2 workers share no store, so nothing that is private or that a write drops is kept: birds GET /mine"
    ] * findings


def test_several_workers_that_would_keep_nothing_private_are_well(tmp_path: Path) -> None:
    """Where nothing private is declared to be kept, the number of workers changes nothing."""
    made = bff(tmp_path, services=(Service("birds"), nests))
    assert list(idle_windows(made, settings(made, CACHE__WORKERS="4"))) == []


def test_a_cache_without_bytes_is_a_warning(tmp_path: Path) -> None:
    """With no bytes, every endpoint that declares windows is named, once and under that setting alone."""
    made = bff(tmp_path)
    spoilt = settings(made, CACHE__MAX_BYTES="0", CACHE__WORKERS="4")
    assert told(list(idle_windows(made, spoilt))) == {
        "cache.max_bytes": "nothing is kept, though windows are declared for birds GET /birds, birds GET /mine, "
        "nests GET /nests"
    }
    assert list(idle_windows(made, settings(made, CACHE__MAX_BYTES="1"))) == []


def test_a_cache_without_bytes_and_without_windows_is_well(tmp_path: Path) -> None:
    """Nobody misses a cache that nothing is declared for."""
    made = bff(tmp_path, services=(Service("birds"), Service("nests")))
    assert list(idle_windows(made, settings(made, CACHE__MAX_BYTES="0"))) == []


def test_private_answers_in_words(tmp_path: Path) -> None:
    """One line says whether private answers are kept, or why not."""
    made = bff(tmp_path)
    assert private_answers(settings(made)) == "kept in this process's memory"
    assert private_answers(settings(made, CACHE__WORKERS="4")) == "not kept: 4 workers share no store"
    assert private_answers(settings(made, CACHE__MAX_BYTES="0")) == "not kept: cache.max_bytes is 0"
