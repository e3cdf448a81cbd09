"""``bff doctor``: what it prints of a BFF, as text or JSON, and how it ends."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.cli.conftest import Project

#: Settings that make the desk well, one of its findings being that it only counts what its breakers would do.
WELL = {"BFF_DESK__SERVICES__ALL__BREAKER__METRICS_ONLY": "false"}
DANGEROUS = {"BFF_DESK__SERVICES__WORDS__ATTEMPT_TIMEOUT_MS": "2000"}


@pytest.fixture
def two(project: Project) -> Project:
    """A project with a BFF that is well and the same without its settings."""
    project.write("pyproject.toml", '[tool.bff.apps]\ndesk = "tests.edge.desk:DESK"\nunset = "tests.cli.unset:UNSET"\n')
    return project


def described(text: str) -> dict[str, str]:
    """The lines that describe something: what stands before the first colon, and what after."""
    lines = (line.strip().partition(": ") for line in text.splitlines())
    return {name: rest for name, colon, rest in lines if colon}


def test_a_bff_that_is_well(project: Project) -> None:
    """What is in force is told with units, then that there is nothing to find; exit code 0."""
    result = project.bff("doctor", "desk", environment=WELL)
    assert (result.exit_code, result.stderr) == (0, "")
    out = result.stdout
    assert out.startswith("desk\n  a request has 2000 ms, 100 ms of them kept back to put the answer together\n")
    assert "\n  words at http://words.test\n" in out
    told = described(out)
    assert told["calls"] == "2 at once, 1 of one request; 4 more wait, each at most 50 ms; 4 connections"
    assert told["attempt"] == "800 ms, 250 ms of them to connect"
    assert told["retries"] == "none"
    assert told["longest call"] == "850 ms, with every attempt and every wait"
    assert told["breaker"] == (
        "opens when more than 3 failures follow one another, counted anew every 60 s; for 30 s, then 5 calls try it"
    )
    assert told["longest URL"] == "8000 bytes"
    assert told["cache"] == "67108864 bytes in each process, windows up to 10 % shorter, 1 worker"
    assert told["private answers"] == "kept in this process's memory"
    assert told["findings"] == "0 dangerous, 0 warnings"


def test_warnings_are_told_and_no_failure(project: Project) -> None:
    """A warning has its place, its reason and its remedy; exit code 0, and with --strict 1."""
    for arguments, code in ((["doctor"], 0), (["doctor", "--strict"], 1)):
        result = project.bff(*arguments)
        assert result.exit_code == code
        told = result.stdout
        assert "findings: 0 dangerous, 3 warnings\n" in told
        assert re.search(
            r"\n    warning: services\.words\.breaker\.metrics_only\n"
            r"      the breaker counts and refuses nobody: .+\n"
            r"      set it to false .+\n",
            told,
        )


def test_strict_is_content_where_there_is_nothing(project: Project) -> None:
    """--strict is about warnings: without any the exit code is 0."""
    assert project.bff("doctor", "--strict", environment=WELL).exit_code == 0


def test_what_is_dangerous_is_exit_code_1(project: Project) -> None:
    """A dangerous finding is told with all the rest, and ends with 1."""
    code, out, err = project.run("doctor", environment=WELL | DANGEROUS)
    assert (code, err) == (1, "")
    assert "findings: 1 dangerous, 0 warnings\n    dangerous: services.words.attempt_timeout_ms\n" in out
    assert "longest call: 2050 ms" in out


def test_settings_that_contradict_themselves_are_findings(project: Project) -> None:
    """A bulkhead as large as the pool stops the start; the doctor tells it as a finding, with exit code 1."""
    result = project.bff("doctor", environment={"BFF_DESK__SERVICES__WORDS__IN_FLIGHT": "4"})
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.splitlines()[:4] == [
        "desk",
        "  findings: 1 dangerous, 0 warnings",
        "    dangerous: settings",
        "      services.words.in_flight = 4 must be less than max_connections = 4",
    ]


def test_all_bffs_are_looked_at_unless_some_are_named(two: Project) -> None:
    """Without a name every BFF of the project is told, in its order; one that is not well leaves the others told."""
    every = two.bff("doctor")
    assert [line for line in every.stdout.splitlines() if re.fullmatch(r"\w+", line)] == ["desk", "desk"]
    assert every.exit_code == 1
    assert "nowhere.toml: cannot be read" in every.stdout
    one = two.bff("doctor", "desk", "desk")
    assert [line for line in one.stdout.splitlines() if re.fullmatch(r"\w+", line)] == ["desk"]
    assert one.exit_code == 0


def test_the_blast_radius_is_told_by_operation(project: Project) -> None:
    """Each own operation is told with what it loses without each service."""
    project.write("pyproject.toml", '[tool.bff.apps]\nours = "bff_web.app:web"\n')
    out = project.bff("doctor").stdout
    shown = out[out.index("  blast radius\n") :].splitlines()
    place = shown.index("    ProductPage")
    assert shown[place : place + 3] == [
        "    ProductPage",
        "      without products, null: product",
        "      without users, falls back: product.reviews.edges[].node.author",
    ]


def test_everything_as_json(project: Project) -> None:
    """The same for tools: numbers under the settings' own keys, findings and blast radius in parts."""
    result = project.bff("doctor", "--format", "json", environment=DANGEROUS)
    (told,) = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (1, "")
    assert set(told) == {"bff", "in_force", "findings", "blast_radius"}
    assert told["bff"] == "desk"
    words: dict[str, Any] = told["in_force"]["services"][0]
    assert (words["name"], words["share"], words["longest_call_ms"]) == ("words", 1, 2050)
    assert words["settings"]["attempt_timeout_ms"] == 2000
    assert told["in_force"]["edge"]["reserve_ms"] == 100
    assert told["findings"][0] == {
        "severity": "dangerous",
        "about": "services.words.attempt_timeout_ms",
        "sentence": "a call may take 2050 ms (1 x (50 ms for a turn + 2000 ms)), but a request waits for 1900 ms: "
        "the last attempt is made for nobody",
        "remedy": "lower it to 1850 or less, or raise edge.budget_ms",
    }


VARIANTS = {
    "retries": (
        {"RETRY__RETRIES": "3", "RETRY__HEDGING": "true", "ATTEMPT_TIMEOUT_MS": "300"},
        "3, after at most 25 ms, 50 ms, 100 ms; at most 20 % of the first attempts of 10 s, or 3; late ones are hedged",
    ),
    "breaker": (
        {"BREAKER__MODE": "rate", "BREAKER__MINIMUM_CALLS": "9", "BREAKER__METRICS_ONLY": "true"},
        "refuses nobody (metrics_only); opens when 50 % of 9 calls or more within 10 s failed; for 30 s, then 5 calls "
        "try it",
    ),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_each_way_to_set_a_guard_is_told_in_words(project: Project, name: str) -> None:
    """Retries with their waits and the hedge, and a breaker by rate that only counts."""
    keys, words = VARIANTS[name]
    environment = {f"BFF_DESK__SERVICES__ALL__{key}": value for key, value in keys.items()}
    result = project.bff("doctor", environment=environment)
    assert result.exit_code == 0
    assert described(result.stdout)[name] == words


def test_what_is_switched_off_is_told_in_words(project: Project) -> None:
    """A breaker that is forced open, one that never forgets, a cache without bytes, and a second worker."""
    off = {
        "BFF_DESK__SERVICES__ALL__BREAKER__METRICS_ONLY": "false",
        "BFF_DESK__SERVICES__ALL__BREAKER__FORCED": "open",
        "BFF_DESK__CACHE__MAX_BYTES": "0",
    }
    told = described(project.bff("doctor", environment=off).stdout)
    assert told["breaker"] == "forced open: no call goes through"
    assert told["cache"] == "off"
    assert told["private answers"] == "not kept: cache.max_bytes is 0"
    other = {**WELL, "BFF_DESK__SERVICES__ALL__BREAKER__INTERVAL_S": "0", "BFF_DESK__CACHE__WORKERS": "4"}
    told = described(project.bff("doctor", environment=other).stdout)
    assert told["breaker"].startswith("opens when more than 3 failures follow one another; for")
    assert told["cache"].endswith("4 workers")
    assert told["private answers"] == "not kept: 4 workers share no store"


def test_what_is_kept_is_told_by_endpoint(project: Project) -> None:
    """Each endpoint whose answers are kept is there with its windows, and private where it is."""
    project.write("pyproject.toml", '[tool.bff.apps]\nours = "tests.cli.keeping:KEEPING"\n')
    out = project.bff("doctor").stdout
    assert "    keeps words GET /words: fresh 5 s, stale 0 s, stale if error 60 s, negative 2 s\n" in out
    assert "    keeps words GET /mine: private, fresh 0.5 s, stale 0 s, stale if error 0 s, negative 2 s\n" in out
