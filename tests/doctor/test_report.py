"""Everything about one BFF put together; and that the shop's own are well."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.bff.app import bench
from bff_core.bff import Bff
from bff_core.contract import Windows
from bff_core.doctor import Finding, dangers, examine, report
from bff_mobile.app import mobile
from bff_web.app import web
from tests.doctor.clinic import bff, settings


@pytest.mark.parametrize("own", [web, mobile, bench], ids=lambda own: str(own.name))
def test_our_own_bffs_are_not_dangerous(own: Bff) -> None:
    """What is served by the project itself has no dangerous finding, as its file stands."""
    assert [str(one) for one in examine(own, own.load_settings({})) if one.severity == "dangerous"] == []


def test_what_is_dangerous_comes_first(tmp_path: Path) -> None:
    """Every topic is looked at: the dangers are those that serving refuses, and the warnings follow."""
    (tmp_path / "Broken.graphql").write_text("{")
    made = bff(tmp_path, "[services.nests.windows.'GET /nests']\nstale_s = 1\n", operations=tmp_path)
    spoilt = settings(
        made,
        EDGE__BUDGET_MS="1774",
        EDGE__HOST="0.0.0.0",
        EDGE__INTROSPECTION="true",
        CACHE__WORKERS="2",
        SERVICES__BIRDS__MAX_URL_BYTES="256",
        SERVICES__BIRDS__IN_FLIGHT="4",
        SERVICES__BIRDS__BREAKER__METRICS_ONLY="true",
        SERVICES__NESTS__BREAKER__INTERVAL_S="0.01",
    )
    found = examine(made, spoilt)
    assert [(one.severity, one.about) for one in found] == [
        ("dangerous", "settings"),
        ("dangerous", "services.birds.attempt_timeout_ms"),
        ("dangerous", "services.nests.attempt_timeout_ms"),
        ("dangerous", "birds GET /birds"),
        ("dangerous", "services.nests.breaker.trip_after"),
        ("warning", "cache.workers"),
        ("warning", "services.birds.breaker.metrics_only"),
        ("warning", "Bird.song"),
        ("warning", "edge.introspection"),
        ("warning", "Bird.nest"),
        ("warning", "operations"),
    ]
    assert dangers(made, spoilt) == found[:5]


def test_a_report_has_what_is_in_force(tmp_path: Path) -> None:
    """Settings and what follows from them: the share, the longest call, the windows as they are set."""
    made = bff(tmp_path, "[services.birds.windows.'GET /birds']\nfresh_s = 60\n")
    told = report(made)
    assert told.in_force is not None
    birds, nests = told.in_force.services
    assert (birds.name, birds.share, birds.longest_call_ms) == ("birds", 5, 1725)
    assert [(one.name, one.private, one.windows) for one in birds.kept] == [
        ("birds GET /birds", False, Windows(60, 30)),
        ("birds GET /mine", True, Windows(2)),
    ]
    assert [one.name for one in nests.kept] == ["nests GET /nests"]
    assert told.in_force.private_answers == "kept in this process's memory"
    assert told.dangerous == 0
    assert [one.about for one in told.findings] == ["Bird.nest"]


def test_a_report_on_wrong_windows_shows_those_declared(tmp_path: Path) -> None:
    """Where the overrides cannot be, the declared windows are shown beside the finding."""
    told = report(bff(tmp_path, "[services.birds.windows.'GET /brids']\nfresh_s = 60\n"))
    assert told.in_force is not None
    assert told.in_force.services[0].kept[0].windows == Windows(5, 30)
    assert told.dangerous == 1


def test_settings_that_contradict_themselves_are_findings(tmp_path: Path) -> None:
    """What stops the start by itself is told as dangerous, a line each; what would be in force nobody can say."""
    made = bff(tmp_path, "in_flight = 32\nconnect_timeout_ms = 900\n")
    told = report(made)
    assert (told.in_force, told.blast_radius) == (None, ())
    assert [(one.severity, one.about, one.sentence) for one in told.findings] == [
        ("dangerous", "settings", "services.nests.in_flight = 32 must be less than max_connections = 32"),
        (
            "dangerous",
            "settings",
            "services.nests.connect_timeout_ms = 900 must not be more than attempt_timeout_ms = 800",
        ),
    ]


def test_a_finding_says_what_why_and_what_to_do() -> None:
    """As text a finding is its severity and place, its sentence and its remedy, a line each."""
    assert str(Finding("warning", "here", "so it is", "do that")) == "warning: here\n  so it is\n  do that"
