"""Facts as numbers for Prometheus: names, labels, counts, and the work a fact costs."""

from __future__ import annotations

import sys

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from bff_core.telemetry.facts import (
    BreakerChanged,
    BugFound,
    CallFinished,
    Fact,
    KeySetChanged,
    Observer,
    RequestFinished,
)
from bff_core.telemetry.metrics import MetricsObserver, render


class Meters:
    """A metrics observer over its own registry, read as Prometheus reads it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.observer: Observer = MetricsObserver(self.registry, "web")

    def see(self, *facts: Fact) -> None:
        """Observe facts."""
        for fact in facts:
            self.observer.observe(fact)

    def value(self, name: str, **labels: str) -> float | None:
        """One sample, None where there is none."""
        return self.registry.get_sample_value(name, {"bff": "web", **labels})


@pytest.fixture
def meters() -> Meters:
    return Meters()


def a_request(
    status: int = 200,
    seconds: float = 0.04,
    errors: dict[str, int] | None = None,
    degraded: dict[tuple[str, str], int] | None = None,
) -> RequestFinished:
    """A request of one client for one operation."""
    return RequestFinished("web", "shop-web", "1.2", "Product", "r1", status, seconds, 3, errors or {}, degraded or {})


def a_call(code: str | None = None, seconds: float = 0.02, waited: float = 0.0) -> CallFinished:
    """A call to one endpoint."""
    return CallFinished("users", "users GET /profiles", 3, waited, seconds, 200, code)


OF_REQUEST = {"client": "shop-web", "operation": "Product"}
OF_CALL = {"service": "users", "endpoint": "users GET /profiles"}


def test_requests_are_counted_by_status_and_timed(meters: Meters) -> None:
    """Each request counts once under its client, operation and status, its time falls into the buckets."""
    meters.see(a_request(seconds=0.04), a_request(seconds=1.4), a_request(status=400, seconds=0.001))
    assert meters.value("bff_requests_total", status="200", **OF_REQUEST) == 2
    assert meters.value("bff_requests_total", status="400", **OF_REQUEST) == 1
    assert meters.value("bff_request_duration_seconds_count", **OF_REQUEST) == 3
    assert meters.value("bff_request_duration_seconds_sum", **OF_REQUEST) == pytest.approx(1.441)
    assert meters.value("bff_request_duration_seconds_bucket", le="0.05", **OF_REQUEST) == 2
    assert meters.value("bff_request_duration_seconds_bucket", le="1.5", **OF_REQUEST) == 3


def test_a_client_that_left_counts_but_is_not_timed(meters: Meters) -> None:
    """A request given up by its client is no answer time."""
    meters.see(a_request(status=499, seconds=0.001), a_request())
    assert meters.value("bff_requests_total", status="499", **OF_REQUEST) == 1
    assert meters.value("bff_request_duration_seconds_count", **OF_REQUEST) == 1


def test_errors_and_degradations_count_positions(meters: Meters) -> None:
    """Errors count by code, degradations by service and source, each as often as the fact says."""
    for _ in range(2):
        meters.see(a_request(errors={"SERVICE_TIMEOUT": 3, "NOT_FOUND": 1}, degraded={("users", "fallback"): 4}))
    assert meters.value("bff_graphql_errors_total", code="SERVICE_TIMEOUT", **OF_REQUEST) == 6
    assert meters.value("bff_graphql_errors_total", code="NOT_FOUND", **OF_REQUEST) == 2
    assert meters.value("bff_degraded_total", service="users", source="fallback") == 8


def test_calls_are_timed_by_their_end_and_waits_by_service(meters: Meters) -> None:
    """A call's time stands under its code, OK for success; its wait under the service alone."""
    meters.see(a_call(waited=0.004), a_call(), a_call("SERVICE_TIMEOUT", seconds=0.8, waited=0.03))
    assert meters.value("bff_service_call_duration_seconds_count", code="OK", **OF_CALL) == 2
    assert meters.value("bff_service_call_duration_seconds_count", code="SERVICE_TIMEOUT", **OF_CALL) == 1
    assert meters.value("bff_service_call_duration_seconds_sum", code="SERVICE_TIMEOUT", **OF_CALL) == 0.8
    assert meters.value("bff_service_wait_seconds_count", service="users") == 3
    assert meters.value("bff_service_wait_seconds_bucket", service="users", le="0.005") == 2


def test_renewals_and_bugs_are_counted(meters: Meters) -> None:
    """Tries to renew keys count by how they ended, bugs by room."""
    meters.see(KeySetChanged(("a",), None), KeySetChanged(("a",), "SERVICE_ERROR"), BugFound("edge", "r", OSError()))
    assert meters.value("bff_key_renewals_total", code="OK") == 1
    assert meters.value("bff_key_renewals_total", code="SERVICE_ERROR") == 1
    assert meters.value("bff_bugs_total", where="edge") == 1


def test_breakers_stand_as_they_last_changed(meters: Meters) -> None:
    """A breaker's gauge is 2 open, 1 half-open, 0 closed, apart by route group; each change counts by its end."""
    meters.see(BreakerChanged("users", "", "closed", "open"))
    assert meters.value("bff_breaker_state", service="users", group="") == 2
    assert meters.value("bff_breaker_state", service="users", group="search") is None
    meters.see(BreakerChanged("users", "", "open", "half-open"))
    assert meters.value("bff_breaker_state", service="users", group="") == 1
    meters.see(BreakerChanged("users", "", "half-open", "closed"), BreakerChanged("users", "search", "closed", "open"))
    assert meters.value("bff_breaker_state", service="users", group="") == 0
    meters.see(BreakerChanged("users", "", "closed", "open"))
    assert meters.value("bff_breaker_changes_total", service="users", group="", state="open") == 2
    assert meters.value("bff_breaker_changes_total", service="users", group="", state="closed") == 1
    assert meters.value("bff_breaker_changes_total", service="users", group="search", state="open") == 1


def test_registries_do_not_mix() -> None:
    """Two observers with a registry each count apart; nothing stands in a registry of the process."""
    one, two = Meters(), Meters()
    one.see(a_request())
    assert one.value("bff_requests_total", status="200", **OF_REQUEST) == 1
    assert two.value("bff_requests_total", status="200", **OF_REQUEST) is None


def test_the_text_is_what_prometheus_reads(meters: Meters) -> None:
    """The rendered text parses, has every metric with its help, and says which format it is."""
    meters.see(a_request(errors={"X": 1}, degraded={("users", "fallback"): 1}), a_call())
    meters.see(KeySetChanged((), None), BreakerChanged("users", "", "closed", "open"), BugFound("edge", "r", OSError()))
    body, content_type = render(meters.registry)
    assert content_type.startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(body.decode())}
    names = {
        "bff_requests",
        "bff_request_duration_seconds",
        "bff_graphql_errors",
        "bff_degraded",
        "bff_service_call_duration_seconds",
        "bff_service_wait_seconds",
        "bff_key_renewals",
        "bff_breaker_state",
        "bff_breaker_changes",
        "bff_bugs",
    }
    assert names <= set(families)
    for name in names:
        assert families[name].documentation.endswith(".")
        assert families[name].samples


def test_labels_are_escaped(meters: Meters) -> None:
    """A label with quotes and line breaks stays one sample with that label."""
    hostile = 'a"} 1\nbff_requests_total 99\\'
    meters.see(RequestFinished("web", hostile, "1", "Product", "r", 200, 0.1, 1))
    body, _ = render(meters.registry)
    samples = [
        sample
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
        if sample.name == "bff_requests_total"
    ]
    assert [(sample.labels["client"], sample.value) for sample in samples] == [(hostile, 1)]


def test_a_known_series_is_found_without_the_library(meters: Meters) -> None:
    """A fact whose series exists asks the library for no labels: that lookup would cost most."""
    facts: list[Fact] = [a_request(errors={"X": 1}, degraded={("users", "fallback"): 1}), a_call()]
    lookups = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal lookups
        code = getattr(frame, "f_code", None)
        if event == "call" and code is not None and code.co_name == "labels":
            lookups += 1

    meters.see(*facts)  # with tracing off: coverage and debuggers may use the same hook
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        for _ in range(10):
            meters.see(*facts)
        again = lookups
        meters.see(a_call("SERVICE_ERROR"))
    finally:
        sys.setprofile(before)
    assert again == 0
    assert lookups > 0
