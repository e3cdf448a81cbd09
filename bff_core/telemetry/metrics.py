"""The observer that counts facts for Prometheus, and the text that Prometheus reads.

Every label is a name from a bounded list: clients and operations are reduced to known ones before a fact is
made, codes and statuses are few. Time series are found by a dict of our own instead of the library's
``labels()``, which checks and locks each time; that halves the cost of a fact.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from bff_core.telemetry.facts import (
    BreakerChanged,
    BreakerState,
    BugFound,
    CallFinished,
    Fact,
    KeySetChanged,
    RequestFinished,
)

#: Seconds; close together where budgets of 1 and 2 s are won or lost.
REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0)

#: Seconds; one call is a part of a request and its attempt ends below a second.
CALL_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 2.0)

#: Seconds; nobody waits long for a permit.
WAIT_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.035, 0.05, 0.1)

#: The value of a breaker's gauge: the higher, the less goes through.
BREAKER_STATES: dict[BreakerState, int] = {"closed": 0, "half-open": 1, "open": 2}

#: The ``code`` of a call or a renewal that worked.
OK = "OK"


class MetricsObserver:
    """Counts the facts of one BFF in ``registry``; one observer a registry. Process lifetime.

    A request whose client went away (499) counts as a request and not in the duration, which says how long
    answers take.
    """

    def __init__(self, registry: CollectorRegistry, bff: str) -> None:
        self._bff = bff
        self._requests = Counter(
            "bff_requests",
            "GraphQL requests answered, by HTTP status; 499 when the client went away first.",
            ("bff", "client", "operation", "status"),
            registry=registry,
        )
        self._durations = Histogram(
            "bff_request_duration_seconds",
            "Time from the first byte of a request to the last byte of its answer.",
            ("bff", "client", "operation"),
            buckets=REQUEST_BUCKETS,
            registry=registry,
        )
        self._errors = Counter(
            "bff_graphql_errors",
            "Entries in the errors of answers, by extensions.code.",
            ("bff", "client", "operation", "code"),
            registry=registry,
        )
        self._degraded = Counter(
            "bff_degraded",
            "Positions of answers that were degraded, by the service that failed and what stood in.",
            ("bff", "service", "source"),
            registry=registry,
        )
        self._calls = Histogram(
            "bff_service_call_duration_seconds",
            "Time of a call to a service, without the wait for a permit; code OK or the error's.",
            ("bff", "service", "endpoint", "code"),
            buckets=CALL_BUCKETS,
            registry=registry,
        )
        self._waits = Histogram(
            "bff_service_wait_seconds",
            "Time a call waited for one of the service's permits.",
            ("bff", "service"),
            buckets=WAIT_BUCKETS,
            registry=registry,
        )
        self._retries = Counter(
            "bff_service_retries",
            "Attempts at a call after its first one.",
            ("bff", "service"),
            registry=registry,
        )
        self._renewals = Counter(
            "bff_key_renewals",
            "Tries to renew the issuer's keys; code OK or the error's.",
            ("bff", "code"),
            registry=registry,
        )
        self._breakers = Gauge(
            "bff_breaker_state",
            "How a breaker stands: 0 closed, 1 half-open, 2 open; missing until its first change.",
            ("bff", "service", "group"),
            registry=registry,
        )
        self._breaker_changes = Counter(
            "bff_breaker_changes",
            "Changes of a breaker's state, by the state it came to.",
            ("bff", "service", "group", "state"),
            registry=registry,
        )
        self._bugs = Counter("bff_bugs", "States that must not be, by room.", ("bff", "where"), registry=registry)
        self._request_series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._error_series: dict[tuple[str, str, str], Counter] = {}
        self._degraded_series: dict[tuple[str, str], Counter] = {}
        self._call_series: dict[tuple[str, str, str | None], tuple[Histogram, Histogram]] = {}

    def observe(self, fact: Fact) -> None:
        """Count one fact."""
        if isinstance(fact, CallFinished):
            self._call(fact)
        elif isinstance(fact, RequestFinished):
            self._request(fact)
        elif isinstance(fact, KeySetChanged):
            self._renewals.labels(self._bff, fact.code or OK).inc()
        elif isinstance(fact, BreakerChanged):
            self._breakers.labels(self._bff, fact.service, fact.group).set(BREAKER_STATES[fact.after])
            self._breaker_changes.labels(self._bff, fact.service, fact.group, fact.after).inc()
        elif isinstance(fact, BugFound):
            self._bugs.labels(self._bff, fact.where).inc()

    def _call(self, fact: CallFinished) -> None:
        key = (fact.service, fact.endpoint, fact.code)
        series = self._call_series.get(key)
        if series is None:
            series = self._call_series[key] = (
                self._calls.labels(self._bff, fact.service, fact.endpoint, fact.code or OK),
                self._waits.labels(self._bff, fact.service),
            )
        series[0].observe(fact.seconds)
        series[1].observe(fact.waited)
        if fact.attempt > 1:
            self._retries.labels(self._bff, fact.service).inc()

    def _request(self, fact: RequestFinished) -> None:
        client, operation = fact.client, fact.operation
        key = (client, operation, fact.status)
        series = self._request_series.get(key)
        if series is None:
            series = self._request_series[key] = (
                self._requests.labels(self._bff, client, operation, str(fact.status)),
                self._durations.labels(self._bff, client, operation),
            )
        series[0].inc()
        if fact.status != 499:
            series[1].observe(fact.seconds)
        for code, count in fact.errors.items():
            errors = self._error_series.get((client, operation, code))
            if errors is None:
                errors = self._errors.labels(self._bff, client, operation, code)
                self._error_series[client, operation, code] = errors
            errors.inc(count)
        for at, count in fact.degraded.items():
            degraded = self._degraded_series.get(at)
            if degraded is None:
                degraded = self._degraded_series[at] = self._degraded.labels(self._bff, *at)
            degraded.inc(count)


def render(registry: CollectorRegistry) -> tuple[bytes, str]:
    """All that the registry holds in Prometheus' text format, and the content type to send it with."""
    return generate_latest(registry), CONTENT_TYPE_LATEST
