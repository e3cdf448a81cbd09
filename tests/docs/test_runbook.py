"""The runbook names the metrics, log lines and codes that there are."""

from __future__ import annotations

import io
import json
from typing import get_args

from prometheus_client import CollectorRegistry, Counter

from bff_core.telemetry.facts import (
    BreakerChanged,
    BugFound,
    CacheResult,
    CallFinished,
    Fact,
    FlightLanded,
    KeySetChanged,
    RequestFinished,
    RequestTurnedAway,
)
from bff_core.telemetry.logs import LogObserver
from bff_core.telemetry.metrics import MetricsObserver
from tests.docs.pages import ROOT, code_in, tables

TABLES = {next(iter(rows[0])): rows for rows in tables(ROOT / "docs" / "runbook.md") if rows}
CALL = CallFinished("users", "users GET /me", 1, 0.0, 0.1, 500, "SERVICE_ERROR")
REQUEST = RequestFinished("web", "other", "", "anonymous", "r1", 200, 0.1, 1)
#: One of each kind of fact.
FACTS: tuple[Fact, ...] = (
    CALL,
    REQUEST,
    FlightLanded("users", "users GET /me", "read", 1, 2, 0.1, None),
    KeySetChanged((), None),
    BreakerChanged("users", "", "closed", "open"),
    RequestTurnedAway("requests", "other"),
    BugFound("graphql", "r1", ValueError("x")),
)


def told(column: str) -> set[str]:
    """What a table's first column has in backticks."""
    return {code for row in TABLES[column] for code in code_in(row[column])}


def test_metrics_are_those_that_there_are() -> None:
    """Every metric is in the table with its labels, under the name that Prometheus stores; and no other."""
    registry = CollectorRegistry()
    observer = MetricsObserver(registry, "web")
    made = {}
    for metric in vars(observer).values():
        if hasattr(metric, "_labelnames"):  # the library tells labels of a family in no other way
            name = metric._name + ("_total" if isinstance(metric, Counter) else "")
            made[name] = ", ".join(label for label in metric._labelnames if label != "bff")
    rows = {code_in(row["Metric"])[0]: row["Labels"] for row in TABLES["Metric"]}
    assert rows == made


def test_log_lines_are_those_that_are_written() -> None:
    """Every kind of line is in the table, with the fields that it has."""
    out = io.StringIO()
    observer = LogObserver("debug", stream=out)
    for fact in FACTS:
        observer.observe(fact)
    lines = {line["event"]: line for line in map(json.loads, out.getvalue().splitlines())}
    (column,) = (column for column in TABLES if column.startswith("Log line"))
    assert told(column) == set(lines)
    for row in TABLES[column]:
        (event,) = code_in(row[column])
        fields = set(row["Fields"].replace("trace", "exception").split(", "))
        assert fields <= set(lines[event]), event


def test_results_of_the_cache_are_those_that_there_are() -> None:
    """Every way in which a key can be served has its row, and no other."""
    assert told("Result") == set(get_args(CacheResult))


def test_codes_are_those_of_the_table_of_errors() -> None:
    """A code that an operator looks up is one that a client can read."""
    errors = next(rows for rows in tables(ROOT / "docs" / "errors.md") if rows and "Code" in rows[0])
    assert told("Code") <= {code for row in errors for code in code_in(row["Code"])}
