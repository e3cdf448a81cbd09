"""Facts as numbers for Prometheus: names, labels, counts, and the work a fact costs."""

from __future__ import annotations

import asyncio
import sys

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from bff_core.deadline import Deadline
from bff_core.errors import Rejected
from bff_core.resilience.bulkhead import Bulkhead, BulkheadOptions
from bff_core.telemetry.facts import (
    NOT_ASKED,
    NOT_THE_CLIENTS,
    BreakerChanged,
    BugFound,
    CacheResult,
    CallFinished,
    Fact,
    FlightKind,
    FlightLanded,
    KeySetChanged,
    Observer,
    RequestFinished,
)
from bff_core.telemetry.metrics import MetricsObserver, render
from bff_core.testing.clock import FakeClock


class Meters:
    """A metrics observer over its own registry, read as Prometheus reads it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = MetricsObserver(self.registry, "web", slow_after=1.0)
        self.observer: Observer = self.metrics

    def see(self, *facts: Fact) -> None:
        """Observe facts."""
        for fact in facts:
            self.observer.observe(fact)

    def value(self, name: str, **labels: str) -> float | None:
        """One sample, None where there is none; gauges as they stand now."""
        self.metrics.look()
        return self.registry.get_sample_value(name, {"bff": "web", **labels})


@pytest.fixture
def meters() -> Meters:
    return Meters()


def a_request(
    status: int = 200,
    seconds: float = 0.04,
    errors: dict[str, int] | None = None,
    degraded: dict[tuple[str, str], int] | None = None,
    cache: dict[tuple[str, CacheResult], int] | None = None,
    path: dict[str, float] | None = None,
    version: str = "1.2",
) -> RequestFinished:
    """A request of one client for one operation."""
    counts = (errors or {}, degraded or {}, cache or {})
    return RequestFinished(
        "web", "shop-web", "1.2-as-sent", "Product", "r1", status, seconds, 3, *counts, path or {}, version
    )


def a_call(code: str | None = None, seconds: float = 0.02, waited: float = 0.0, attempt: int = 1) -> CallFinished:
    """A call to one endpoint."""
    return CallFinished("users", "users GET /profiles", 3, waited, seconds, 200, code, attempt)


def unsent(code: str, waited: float = 0.0) -> CallFinished:
    """A call that was refused or given up before it was sent."""
    return CallFinished("users", "users GET /profiles", 3, waited, 0.0, None, code, sent=False)


def a_flight(kind: FlightKind = "read", code: str | None = None) -> FlightLanded:
    """A call that two requests waited for."""
    return FlightLanded("users", "users GET /profiles", kind, 3, 2, 0.03, code)


class Use:
    """A bulkhead of which one of three permits is out."""

    in_flight, waiting, limit = 1, 0, 3


OF_PATH = {"client": "shop-web", "operation": "Product"}
OF_REQUEST = OF_PATH | {"client_version": "1.2"}
OF_CALL = {"service": "users", "endpoint": "users GET /profiles"}


def test_requests_are_counted_by_status_and_timed(meters: Meters) -> None:
    """Each request counts once under its client, version, operation and status, its time falls into the buckets."""
    meters.see(a_request(seconds=0.04), a_request(seconds=1.4), a_request(status=400, seconds=0.001))
    assert meters.value("bff_requests_total", status="200", result="whole", **OF_REQUEST) == 2
    assert meters.value("bff_requests_total", status="400", result="refused", **OF_REQUEST) == 1
    assert meters.value("bff_request_duration_seconds_count", **OF_REQUEST) == 3
    assert meters.value("bff_request_duration_seconds_sum", **OF_REQUEST) == pytest.approx(1.441)
    assert meters.value("bff_request_duration_seconds_bucket", le="0.05", **OF_REQUEST) == 2
    assert meters.value("bff_request_duration_seconds_bucket", le="1.5", **OF_REQUEST) == 3


@pytest.mark.parametrize(
    ("status", "errors", "degraded", "result"),
    [
        (200, {}, {}, "whole"),
        (200, {}, {("users", "stale"): 1}, "degraded"),
        (200, {"SERVICE_TIMEOUT": 1}, {("users", "omitted"): 1}, "partial"),
        (200, {"AUTH_UNAVAILABLE": 1}, {}, "partial"),
        (200, {"DEADLINE_EXCEEDED": 1, "FORBIDDEN": 1}, {}, "partial"),
        (200, {"INTERNAL": 1, "SERVICE_TIMEOUT": 1}, {}, "failed"),
        (503, {"OVERLOADED": 1}, {}, "failed"),
        (200, {"UNAUTHENTICATED": 1, "NOT_FOUND": 2}, {}, "refused"),
        (200, {"FORBIDDEN": 1}, {("users", "fallback"): 1}, "degraded"),
        (405, {}, {}, "refused"),
        (499, {"SERVICE_TIMEOUT": 1}, {}, "gone"),
    ],
)
def test_a_request_counts_under_the_worst_that_its_client_got(
    meters: Meters, status: int, errors: dict[str, int], degraded: dict[tuple[str, str], int], result: str
) -> None:
    """One result a request: what is the client's own doing is told from what is a service's or ours."""
    meters.see(a_request(status, errors=errors, degraded=degraded))
    assert meters.value("bff_requests_total", status=str(status), result=result, **OF_REQUEST) == 1


def test_codes_that_are_not_the_clients_doing_are_those_of_services_and_ours() -> None:
    """Every code of the tree is on one side; a missing thing is nobody's fault."""
    assert NOT_ASKED | {"INTERNAL", "SERVICE_ERROR", "SERVICE_TIMEOUT", "SERVICE_BAD_PAYLOAD"} <= NOT_THE_CLIENTS
    assert NOT_THE_CLIENTS.isdisjoint({"NOT_FOUND", "BAD_REQUEST", "UNAUTHENTICATED", "FORBIDDEN", "TOO_COSTLY"})


def test_a_client_that_left_counts_but_is_not_timed(meters: Meters) -> None:
    """A request given up by its client is no answer time."""
    meters.see(a_request(status=499, seconds=0.001), a_request())
    assert meters.value("bff_requests_total", status="499", result="gone", **OF_REQUEST) == 1
    assert meters.value("bff_request_duration_seconds_count", **OF_REQUEST) == 1


def test_a_slow_request_counts_under_the_service_that_held_it_up_most(meters: Meters) -> None:
    """Only what took longer than it should counts, once, whatever else was on its path; nobody waits for a 499."""
    meters.see(a_request(seconds=1.5, path={"users": 0.3, "orders": 1.0, "own": 0.2}))
    meters.see(a_request(seconds=1.0, path={"users": 1.0, "own": 0.0}))
    meters.see(a_request(seconds=1.1, path={"users": 0.1, "own": 1.0}))
    meters.see(a_request(status=499, seconds=5.0, path={"users": 5.0, "own": 0.0}))
    slow = {one: meters.value("bff_slow_requests_total", service=one, **OF_PATH) for one in ("users", "orders", "own")}
    assert slow == {"users": None, "orders": 1, "own": 1}


def test_errors_and_degradations_count_positions(meters: Meters) -> None:
    """Errors count by code, degradations by service and source, each as often as the fact says."""
    for _ in range(2):
        meters.see(a_request(errors={"SERVICE_TIMEOUT": 3, "NOT_FOUND": 1}, degraded={("users", "fallback"): 4}))
    assert meters.value("bff_graphql_errors_total", code="SERVICE_TIMEOUT", **OF_REQUEST) == 6
    assert meters.value("bff_graphql_errors_total", code="NOT_FOUND", **OF_REQUEST) == 2
    assert meters.value("bff_degraded_total", service="users", source="fallback", **OF_REQUEST) == 8


def test_the_critical_path_adds_up_to_the_duration(meters: Meters) -> None:
    """Each service has its seconds and the number of requests that it held up; all of them are the requests' time."""
    meters.see(a_request(seconds=0.5, path={"users": 0.3, "own": 0.2}))
    meters.see(a_request(seconds=0.7, path={"users": 0.1, "orders": 0.5, "own": 0.1}, version="other"))
    meters.see(a_request(status=499, seconds=9.0, path={"users": 9.0, "own": 0.0}))
    services = ("users", "orders", "own")
    counts = [meters.value("bff_critical_path_seconds_count", service=one, **OF_PATH) for one in services]
    assert counts == [2, 1, 2]
    parts = [meters.value("bff_critical_path_seconds_sum", service=one, **OF_PATH) or 0.0 for one in services]
    assert parts == pytest.approx([0.4, 0.5, 0.3])
    whole = sum(
        meters.value("bff_request_duration_seconds_sum", **OF_PATH, client_version=version) or 0.0
        for version in ("1.2", "other")
    )
    assert whole == pytest.approx(sum(parts))


def test_calls_are_timed_by_their_end_and_waits_by_service(meters: Meters) -> None:
    """A call's time stands under its code, OK for success; its wait under the service alone."""
    meters.see(a_call(waited=0.004), a_call(), a_call("SERVICE_TIMEOUT", seconds=0.8, waited=0.03))
    assert meters.value("bff_service_call_duration_seconds_count", code="OK", **OF_CALL) == 2
    assert meters.value("bff_service_call_duration_seconds_count", code="SERVICE_TIMEOUT", **OF_CALL) == 1
    assert meters.value("bff_service_call_duration_seconds_sum", code="SERVICE_TIMEOUT", **OF_CALL) == 0.8
    assert meters.value("bff_service_wait_seconds_count", service="users") == 3
    assert meters.value("bff_service_wait_seconds_bucket", service="users", le="0.005") == 2


def test_keys_count_by_how_they_were_served(meters: Meters) -> None:
    """Each result counts as many keys as the fact says, under client, operation and service."""
    for _ in range(2):
        meters.see(a_request(cache={("products", "fresh"): 3, ("users", "fresh"): 1, ("users", "joined"): 2}))
    assert meters.value("bff_cache_results_total", service="products", result="fresh", **OF_PATH) == 6
    assert meters.value("bff_cache_results_total", service="users", result="fresh", **OF_PATH) == 2
    assert meters.value("bff_cache_results_total", service="users", result="joined", **OF_PATH) == 4
    assert meters.value("bff_cache_results_total", service="users", result="miss", **OF_PATH) is None


@pytest.mark.parametrize("code", ["SERVICE_BREAKER_OPEN", "SERVICE_BREAKER_BUSY", "SERVICE_BUSY", "DEADLINE_EXCEEDED"])
def test_a_call_that_was_refused_is_a_rejection_and_not_timed(meters: Meters, code: str) -> None:
    """What was never sent counts by its code, and its 0 s are no time that the service took."""
    meters.see(a_call(seconds=0.8), unsent(code), unsent(code))
    assert meters.value("bff_service_rejections_total", service="users", code=code) == 2
    assert meters.value("bff_service_call_duration_seconds_count", code=code, **OF_CALL) is None
    assert meters.value("bff_service_call_duration_seconds_count", code="OK", **OF_CALL) == 1


def test_only_who_came_to_the_waiting_room_counts_as_waiting(meters: Meters) -> None:
    """A full bulkhead and a caller who gave up there are waits; what the breaker or the deadline refused is none."""
    meters.see(unsent("SERVICE_BUSY", waited=0.05), unsent("CANCELLED", waited=0.01))
    assert meters.value("bff_service_wait_seconds_count", service="users") == 2
    assert meters.value("bff_service_wait_seconds_sum", service="users") == pytest.approx(0.06)
    meters.see(unsent("SERVICE_BREAKER_OPEN"), unsent("SERVICE_BREAKER_BUSY"), unsent("DEADLINE_EXCEEDED"))
    assert meters.value("bff_service_wait_seconds_count", service="users") == 2


def test_a_call_that_was_given_up_is_neither_timed_nor_rejected(meters: Meters) -> None:
    """Who left the waiting room was refused by nobody."""
    meters.see(unsent("CANCELLED", waited=0.01))
    assert meters.value("bff_service_rejections_total", service="users", code="CANCELLED") is None
    assert meters.value("bff_service_call_duration_seconds_count", code="CANCELLED", **OF_CALL) is None


def test_a_call_cut_off_by_the_deadline_is_timed_and_no_rejection(meters: Meters) -> None:
    """The service was asked and took that long, whatever code the call ended with."""
    meters.see(a_call("DEADLINE_EXCEEDED", seconds=0.3))
    assert meters.value("bff_service_call_duration_seconds_sum", code="DEADLINE_EXCEEDED", **OF_CALL) == 0.3
    assert meters.value("bff_service_rejections_total", service="users", code="DEADLINE_EXCEEDED") is None


def test_codes_of_what_was_not_asked_are_the_trees() -> None:
    """Every class under Rejected has its code among them, however deep it stands, and nobody else has."""
    kinds = [Rejected]
    for kind in kinds:
        kinds += [below for below in kind.__subclasses__() if below.__module__ == "bff_core.errors"]
    assert {kind.code for kind in kinds} == NOT_ASKED


def test_attempts_after_the_first_are_retries(meters: Meters) -> None:
    """Only second and later attempts count, by service, also those that a guard refused."""
    refused = CallFinished("users", "users GET /profiles", 3, 0.0, 0.0, None, "SERVICE_BREAKER_OPEN", 2, sent=False)
    meters.see(a_call("SERVICE_TIMEOUT"), a_call(attempt=2), a_call(attempt=3), refused)
    assert meters.value("bff_service_retries_total", service="users") == 3


def test_flights_count_by_kind_and_end(meters: Meters) -> None:
    """A flight counts once however many rode it, under why it was made and how it ended."""
    meters.see(a_flight(), a_flight(), a_flight("refresh"), a_flight("refresh", "SERVICE_ERROR"))
    meters.see(a_flight(code="CANCELLED"))
    assert meters.value("bff_flights_total", service="users", kind="read", code="OK") == 2
    assert meters.value("bff_flights_total", service="users", kind="refresh", code="OK") == 1
    assert meters.value("bff_flights_total", service="users", kind="refresh", code="SERVICE_ERROR") == 1
    assert meters.value("bff_flights_total", service="users", kind="read", code="CANCELLED") == 1


async def test_bulkheads_and_flights_are_read_when_prometheus_asks(meters: Meters) -> None:
    """Gauges say how a bulkhead and the flights stand at that instant, by service, with no fact in between."""
    clock = FakeClock()
    deadline = Deadline.after(clock, 10)
    users = Bulkhead("users", BulkheadOptions(in_flight=2, waiting=4), clock)
    products = Bulkhead("products", BulkheadOptions(in_flight=5), clock)
    flights = {"users": 0, "products": 7}
    meters.metrics.watch("users", users.statistics, lambda: flights["users"])
    meters.metrics.watch("products", products.statistics, lambda: flights["products"])

    def read(service: str) -> tuple[float | None, ...]:
        return tuple(
            meters.value(f"bff_{name}", service=service)
            for name in ("bulkhead_in_flight", "bulkhead_waiting", "bulkhead_limit", "flights_under_way")
        )

    assert (read("users"), read("products")) == ((0, 0, 2, 0), (0, 0, 5, 7))
    await users.acquire(deadline)
    await users.acquire(deadline)
    third = asyncio.ensure_future(users.acquire(deadline))
    await clock.settle()
    flights["users"] = 3
    assert (read("users"), read("products")) == ((2, 1, 2, 3), (0, 0, 5, 7))
    users.release()
    await third
    assert read("users") == (2, 0, 2, 3)
    users.release()
    users.release()
    flights["users"] = 0
    assert read("users") == (0, 0, 2, 0)


def test_a_gauge_costs_nothing_until_somebody_looks(meters: Meters) -> None:
    """Neither facts nor the registration ask a bulkhead how it stands; one look asks once for its three gauges."""
    asked = 0

    def statistics() -> Use:
        nonlocal asked
        asked += 1
        return Use()

    meters.metrics.watch("users", statistics, lambda: 0)
    meters.see(a_call(), a_request(), a_flight())
    assert asked == 0
    meters.metrics.look()
    assert asked == 1
    body, _ = render(meters.registry)
    assert asked == 1
    assert b'bff_bulkhead_limit{bff="web",service="users"} 3.0' in body


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
    assert one.value("bff_requests_total", status="200", result="whole", **OF_REQUEST) == 1
    assert two.value("bff_requests_total", status="200", result="whole", **OF_REQUEST) is None


def test_the_text_is_what_prometheus_reads(meters: Meters) -> None:
    """The rendered text parses, has every metric with its help, and says which format it is."""
    meters.see(a_request(errors={"X": 1}, degraded={("users", "fallback"): 1}, cache={("users", "fresh"): 1}))
    meters.see(
        a_request(seconds=2.0, path={"own": 0.1}), a_call(), a_call(attempt=2), unsent("SERVICE_BUSY"), a_flight()
    )
    meters.metrics.watch("users", Use, lambda: 0)
    meters.see(KeySetChanged((), None), BreakerChanged("users", "", "closed", "open"), BugFound("edge", "r", OSError()))
    body, content_type = render(meters.registry)
    assert content_type.startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(body.decode())}
    names = {
        "bff_requests",
        "bff_request_duration_seconds",
        "bff_critical_path_seconds",
        "bff_slow_requests",
        "bff_graphql_errors",
        "bff_degraded",
        "bff_cache_results",
        "bff_service_call_duration_seconds",
        "bff_service_wait_seconds",
        "bff_service_rejections",
        "bff_service_retries",
        "bff_flights",
        "bff_flights_under_way",
        "bff_bulkhead_in_flight",
        "bff_bulkhead_waiting",
        "bff_bulkhead_limit",
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
    facts: list[Fact] = [
        a_request(
            errors={"X": 1}, degraded={("users", "fallback"): 1}, cache={("users", "fresh"): 1}, path={"users": 0.1}
        ),
        a_call(),
        a_call(attempt=2),
        unsent("SERVICE_BUSY"),
        unsent("SERVICE_BREAKER_OPEN"),
        a_flight(),
    ]
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
