"""Prometheus' rules and Grafana's dashboards, held to promtool, to the runbook and to the metrics that there are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary

from bff_core.telemetry.facts import CacheResult, FlightKind, RequestResult, TurnedAwayFor
from bff_core.telemetry.metrics import MetricsObserver
from tests.docs.pages import ROOT

PROMETHEUS = ROOT / "deploy" / "prometheus"
GRAFANA = ROOT / "deploy" / "grafana"
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))

#: Alerts in PromQL, as Prometheus itself has them.
OWN_SERIES = {"up": {"job", "instance", "bff"}, "ALERTS": {"alertname", "alertstate", "severity"}}

#: What a label may say where that is a closed list.
WORDS: Mapping[str, frozenset[str]] = {
    "result": frozenset(get_args(RequestResult)) | frozenset(get_args(CacheResult)),
    "reason": frozenset(get_args(TurnedAwayFor)),
    "kind": frozenset(get_args(FlightKind)),
    "state": frozenset({"closed", "half-open", "open"}),
}


@dataclass(frozen=True)
class Query:
    """A PromQL expression, and where it stands."""

    where: str
    text: str

    @property
    def plain(self) -> str:
        """Without what Grafana puts in."""
        return self.text.replace("$__rate_interval", "5m").replace("$__range", "1h")

    def selectors(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Each series that is named, with its matchers: label to value."""
        for name, matchers in re.findall(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{([^}]*)\})?", _bare(self.plain)):
            if name.startswith("bff_") or name in OWN_SERIES:
                yield name, dict(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"', matchers))

    def groups(self) -> set[str]:
        """Labels by which something is added up or joined."""
        return {
            label.strip()
            for labels in re.findall(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)", self.text)
            for label in labels.split(",")
            if label.strip()
        }


def _bare(text: str) -> str:
    """Without the labels of groupings, which are no series."""
    return re.sub(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", r"\1", text)


def rules() -> list[dict[str, Any]]:
    """Every rule of every file."""
    files = sorted((PROMETHEUS / "rules").glob("*.yml"))
    found = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]
    return [rule for one in found for group in one["groups"] for rule in group["rules"]]


RULES = rules()
ALERTS = [rule for rule in RULES if "alert" in rule]
DASHBOARDS: dict[str, dict[str, Any]] = {
    file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted((GRAFANA / "dashboards").glob("*.json"))
}


def queries() -> list[Query]:
    """All of them: rules, those in the texts of alerts, the runbook's, and a dashboard's."""
    found = [Query(rule.get("alert") or rule["record"], rule["expr"]) for rule in RULES]
    runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    found += [Query(f"runbook: {text[:40]}", text) for text in re.findall(r"```promql\n(.*?)```", runbook, re.DOTALL)]
    for rule in ALERTS:
        for text in rule["annotations"].values():
            found += [
                Query(f"{rule['alert']}, in words", asked.replace("%q", '".*"'))
                for asked in re.findall(r"printf `?\"?(topk.*?)\"? \$labels", text)
            ]
    for name, board in DASHBOARDS.items():
        for panel in board["panels"]:
            found += [Query(f"{name}: {panel['title']}", target["expr"]) for target in panel["targets"]]
        for variable in board["templating"]["list"]:
            series = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert series, variable["name"]
            found.append(Query(f"{name}: ${variable['name']}", f"sum by ({series[2]}) ({series[1]})"))
        found += [Query(f"{name}: {one['name']}", one["expr"]) for one in board["annotations"]["list"]]
    return found


QUERIES = queries()


def exported() -> dict[str, set[str]]:
    """Every series that a BFF exports, or that a rule records, with its labels."""
    found: dict[str, set[str]] = {}
    for metric in vars(MetricsObserver(CollectorRegistry(), "web")).values():
        if not isinstance(metric, Counter | Gauge | Histogram | Summary):
            continue
        name, labels = metric._name, set(metric._labelnames)  # the library tells them in no other way
        suffixes = {Counter: ["_total"], Gauge: [""], Summary: ["_sum", "_count"], Histogram: ["_sum", "_count"]}
        for suffix in suffixes[type(metric)]:
            found[name + suffix] = labels
        if isinstance(metric, Histogram):
            found[name + "_bucket"] = labels | {"le"}
    for rule in RULES:
        if "record" in rule:
            by = re.search(r"sum by \(([^)]*)\)", rule["expr"])
            assert by, rule["record"]
            found[rule["record"]] = set(by[1].split(", "))
    return found | OWN_SERIES


EXPORTED = exported()


def promtool(*arguments: str | Path, folder: Path = PROMETHEUS) -> str:
    """Run promtool, which must be content."""
    found = shutil.which("promtool")
    assert found, "promtool is missing; on Debian: apt install prometheus"
    ran = subprocess.run([found, *map(str, arguments)], cwd=folder, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_configuration_and_its_rules_are_valid() -> None:
    """promtool reads the configuration and the rules that it names, and those are all that there are."""
    said = promtool("check", "config", "prometheus.yml")
    assert said.count("SUCCESS") >= 3
    named = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))["rule_files"]
    assert sorted(named) == sorted(f"rules/{file.name}" for file in (PROMETHEUS / "rules").glob("*.yml"))


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_rules_do_what_their_tests_say(file: Path) -> None:
    """promtool plays each story of series, and the alerts fire that should, and no other."""
    assert "SUCCESS" in promtool("test", "rules", file.name, folder=file.parent)


def test_every_alert_has_a_story() -> None:
    """Each alert, with each severity, is in a test of promtool's."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in TESTS)
    assert {rule["alert"] for rule in ALERTS} <= set(re.findall(r'alertname[:=] ?"?(\w+)', text))


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_every_alert_names_its_section_of_the_runbook(rule: dict[str, Any]) -> None:
    """What wakes somebody says in words what it is, and leads to a section that is there and names it."""
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["labels"]["severity"] in {"page", "ticket"}
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    sections = re.split(r"^## ", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    by_anchor = {re.sub(r"[^\w -]", "", one.splitlines()[0]).lower().replace(" ", "-"): one for one in sections}
    assert f"`{rule['alert']}`" in by_anchor[anchor]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.where)
def test_every_query_asks_for_what_there_is(query: Query) -> None:
    """Each series is one that a BFF exports or a rule records, with labels that it has and words that it says."""
    named = list(query.selectors())
    assert named
    for name, matchers in named:
        assert name in EXPORTED
        assert matchers.keys() <= EXPORTED[name]
        for label in matchers.keys() & WORDS.keys():
            assert set(matchers[label].split("|")) <= WORDS[label]
    assert query.groups() <= set().union(*(EXPORTED[name] for name, _ in named))


def test_every_query_is_promql(tmp_path: Path) -> None:
    """promtool can read each of them, once Grafana's own words are put in."""
    recorded = [
        {"record": f"query:{number}:q".replace(":", "_"), "expr": one.plain} for number, one in enumerate(QUERIES)
    ]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": recorded}]}), encoding="utf-8")
    assert f"{len(QUERIES)} rules found" in promtool("check", "rules", "--lint=none", file)


def test_every_metric_is_looked_at() -> None:
    """What a BFF exports is in a rule or on a dashboard: else nobody would miss it."""
    asked = {name for query in QUERIES for name, _ in query.selectors()}
    shown = {re.sub(r"_(total|sum|count|bucket)$", "", name) for name in asked}
    metrics = {re.sub(r"_(total|sum|count|bucket)$", "", name) for name in EXPORTED if name.startswith("bff_")}
    assert metrics - shown - {"bff_client", "bff_service"} == set()


def test_the_parts_of_grafana_fit() -> None:
    """Every panel reads from the source that is provisioned, has words that say what it shows, and an id of its own."""
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text(encoding="utf-8"))
    (uid,) = (one["uid"] for one in source["datasources"])
    assert len({board["uid"] for board in DASHBOARDS.values()}) == len(DASHBOARDS) == 2
    for board in DASHBOARDS.values():
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)
        for panel in board["panels"]:
            assert panel["datasource"]["uid"] == uid
            assert panel["description"].endswith(".")
            assert not _overlaps(panel, board["panels"])


def _overlaps(panel: dict[str, Any], panels: list[dict[str, Any]]) -> bool:
    def covers(one: dict[str, Any]) -> set[tuple[int, int]]:
        at = one["gridPos"]
        return {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}

    return any(other is not panel and covers(panel) & covers(other) for other in panels)


BROKEN: list[tuple[str, Callable[[Query], object]]] = [
    ("rate(bff_request_total[5m])", test_every_query_asks_for_what_there_is),
    ('rate(bff_requests_total{code="OK"}[5m])', test_every_query_asks_for_what_there_is),
    ('rate(bff_requests_total{result="bad"}[5m])', test_every_query_asks_for_what_there_is),
    ("sum by (service) (rate(bff_requests_total[5m]))", test_every_query_asks_for_what_there_is),
]


@pytest.mark.parametrize(("text", "check"), BROKEN)
def test_a_query_for_what_there_is_not_is_found(text: str, check: Callable[[Query], object]) -> None:
    """A misspelt name, a label that a metric lacks, a word that is never said, a grouping by another one's label."""
    with pytest.raises(AssertionError):
        check(Query("broken", text))
