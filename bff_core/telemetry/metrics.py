"""The observer that counts facts for Prometheus, the gauges it reads when asked, and the text that Prometheus reads.

Every label is a name from a bounded list: clients and operations are reduced to known ones before a fact is
made, codes and statuses are few. Time series are found by a dict of our own instead of the library's
``labels()``, which checks and locks each time; that halves the cost of a fact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from bff_core.errors import BulkheadFull
from bff_core.telemetry.facts import (
    NOT_ASKED,
    BreakerChanged,
    BreakerState,
    BugFound,
    CacheResult,
    CallFinished,
    Fact,
    FlightKind,
    FlightLanded,
    KeySetChanged,
    RequestFinished,
    RequestResult,
    RequestTurnedAway,
    result_of,
)

#: Seconds; close together where budgets of 1 and 2 s are won or lost.
REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0)

#: Seconds; one call is a part of a request and its attempt ends below a second.
CALL_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 2.0)

#: Seconds; nobody waits long for a permit.
WAIT_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.035, 0.05, 0.1)

#: The value of a breaker's gauge: the higher, the less goes through.
BREAKER_STATES: dict[BreakerState, int] = {"closed": 0, "half-open": 1, "open": 2}

#: The ``code`` of a call, a flight or a renewal that worked.
OK = "OK"


class BulkheadUse(Protocol):
    """How a bulkhead stands: permits out, callers waiting, and the most permits there are."""

    @property
    def in_flight(self) -> int:
        """Permits that are out."""

    @property
    def waiting(self) -> int:
        """Callers in the waiting room."""

    @property
    def limit(self) -> int:
        """Permits in all."""


class MetricsObserver:
    """Counts the facts of one BFF in ``registry``; one observer a registry. Process lifetime.

    ``slow_after``: seconds after which a request is counted as slow, under the service that held it up most. An average
    tells what most requests are made of, and that may be another service than the one that makes a few of them slow.

    A request whose client went away (499) counts as a request and not in the duration, which says how long
    answers take, nor in the critical path, which says of what that time was made.

    Likewise a call that was never sent is not timed: its 0 s would make a service that nobody may ask look quick. It
    counts as a rejection, unless it was given up; and its wait counts if it came as far as the waiting room, so that
    an open breaker does not make permits look plentiful. A call that was sent and cut off by the request's deadline
    is timed, under ``DEADLINE_EXCEEDED``, and is no rejection.
    """

    def __init__(self, registry: CollectorRegistry, bff: str, *, slow_after: float = inf) -> None:
        self._bff = bff
        self._slow_after = slow_after
        self._requests = Counter(
            "bff_requests",
            "GraphQL requests by HTTP status, 499 when the client went away first, and by how they ended for it.",
            ("bff", "client", "client_version", "operation", "status", "result"),
            registry=registry,
        )
        self._durations = Histogram(
            "bff_request_duration_seconds",
            "Time from the first byte of a request to the last byte of its answer.",
            ("bff", "client", "client_version", "operation"),
            buckets=REQUEST_BUCKETS,
            registry=registry,
        )
        # Sums and counts alone: the sums over all services are those of the duration, so that a share of them is a
        # share of the time that a client waits. Buckets would be as many series again for each service.
        self._paths = Summary(
            "bff_critical_path_seconds",
            "Time for which a service held requests up; service own is our own work.",
            ("bff", "client", "operation", "service"),
            registry=registry,
        )
        self._slow = Counter(
            "bff_slow_requests",
            "Requests that took longer than they should, by the service that held them up most; own is our own work.",
            ("bff", "client", "operation", "service"),
            registry=registry,
        )
        self._errors = Counter(
            "bff_graphql_errors",
            "Entries in the errors of answers, by extensions.code.",
            ("bff", "client", "client_version", "operation", "code"),
            registry=registry,
        )
        self._degraded = Counter(
            "bff_degraded",
            "Positions of answers that were degraded, by the service that failed and what stood in.",
            ("bff", "client", "client_version", "operation", "service", "source"),
            registry=registry,
        )
        self._cache = Counter(
            "bff_cache_results",
            "Keys that requests asked for, by how the record cache and the flights served them.",
            ("bff", "client", "operation", "service", "result"),
            registry=registry,
        )
        self._calls = Histogram(
            "bff_service_call_duration_seconds",
            "Time of a call that was sent to a service, without the wait for a permit; code OK or the error's.",
            ("bff", "service", "endpoint", "code"),
            buckets=CALL_BUCKETS,
            registry=registry,
        )
        self._waits = Histogram(
            "bff_service_wait_seconds",
            "Time a call waited for one of the service's permits, whether it got one or not.",
            ("bff", "service"),
            buckets=WAIT_BUCKETS,
            registry=registry,
        )
        self._rejections = Counter(
            "bff_service_rejections",
            "Calls that were not sent because a guard of ours refused them, by the error's code.",
            ("bff", "service", "code"),
            registry=registry,
        )
        self._retries = Counter(
            "bff_service_retries",
            "Attempts at a call after its first one.",
            ("bff", "service"),
            registry=registry,
        )
        self._flights = Counter(
            "bff_flights",
            "Calls that requests may share, by why they were made; code OK, the error's, or CANCELLED.",
            ("bff", "service", "kind", "code"),
            registry=registry,
        )
        self._flights_under_way = Gauge(
            "bff_flights_under_way",
            "Calls under way that requests may share.",
            ("bff", "service"),
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._in_flight = Gauge(
            "bff_bulkhead_in_flight",
            "Calls to the service that hold a permit now.",
            ("bff", "service"),
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._waiting = Gauge(
            "bff_bulkhead_waiting",
            "Calls that wait for a permit now.",
            ("bff", "service"),
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._limit = Gauge(
            "bff_bulkhead_limit",
            "The most calls to the service that may hold a permit.",
            ("bff", "service"),
            multiprocess_mode="livesum",
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
            multiprocess_mode="livemax",
            registry=registry,
        )
        self._breaker_changes = Counter(
            "bff_breaker_changes",
            "Changes of a breaker's state, by the state it came to.",
            ("bff", "service", "group", "state"),
            registry=registry,
        )
        self._turned_away = Counter(
            "bff_requests_turned_away",
            "Requests refused for what else is going on: overload, the end of the process, or a rate limit.",
            ("bff", "client", "reason"),
            registry=registry,
        )
        self._bugs = Counter("bff_bugs", "States that must not be, by room.", ("bff", "where"), registry=registry)
        self._watched: list[tuple[tuple[Gauge, ...], Callable[[], BulkheadUse], Callable[[], int]]] = []
        self._request_series: dict[tuple[str, str, str, int, RequestResult], tuple[Counter, Histogram]] = {}
        self._path_series: dict[tuple[str, str, str], Summary] = {}
        self._error_series: dict[tuple[str, str, str, str], Counter] = {}
        self._degraded_series: dict[tuple[str, str, str, tuple[str, str]], Counter] = {}
        self._cache_series: dict[tuple[str, str, str, CacheResult], Counter] = {}
        self._call_series: dict[tuple[str, str, str | None], tuple[Histogram, Histogram]] = {}
        self._unsent_series: dict[tuple[str, str | None], tuple[Counter | None, Histogram | None]] = {}
        self._retry_series: dict[str, Counter] = {}
        self._flight_series: dict[tuple[str, FlightKind, str | None], Counter] = {}

    def watch(self, service: str, bulkhead: Callable[[], BulkheadUse], flights: Callable[[], int]) -> None:
        """Show how a service's bulkhead stands, and how many flights are under way, as of the last ``look``.

        Both are called then and not before, so that what changes with every call costs nothing until somebody looks.
        """
        gauges = (self._in_flight, self._waiting, self._limit, self._flights_under_way)
        self._watched.append((tuple(gauge.labels(self._bff, service) for gauge in gauges), bulkhead, flights))

    def look(self) -> None:
        """Write down how everything that is watched stands now."""
        for (in_flight, waiting, limit, under_way), bulkhead, flights in self._watched:
            use = bulkhead()
            in_flight.set(use.in_flight)
            waiting.set(use.waiting)
            limit.set(use.limit)
            under_way.set(flights())

    def observe(self, fact: Fact) -> None:
        """Count one fact."""
        if isinstance(fact, CallFinished):
            self._call(fact)
        elif isinstance(fact, RequestFinished):
            self._request(fact)
        elif isinstance(fact, FlightLanded):
            self._flight(fact)
        elif isinstance(fact, KeySetChanged):
            self._renewals.labels(self._bff, fact.code or OK).inc()
        elif isinstance(fact, BreakerChanged):
            self._breakers.labels(self._bff, fact.service, fact.group).set(BREAKER_STATES[fact.after])
            self._breaker_changes.labels(self._bff, fact.service, fact.group, fact.after).inc()
        elif isinstance(fact, RequestTurnedAway):
            self._turned_away.labels(self._bff, fact.client, fact.reason).inc()
        elif isinstance(fact, BugFound):
            self._bugs.labels(self._bff, fact.where).inc()

    def _call(self, fact: CallFinished) -> None:
        if fact.attempt > 1:
            self._retried(fact.service)
        if not fact.sent:
            self._unsent(fact)
            return
        key = (fact.service, fact.endpoint, fact.code)
        series = self._call_series.get(key)
        if series is None:
            series = self._call_series[key] = (
                self._calls.labels(self._bff, fact.service, fact.endpoint, fact.code or OK),
                self._waits.labels(self._bff, fact.service),
            )
        series[0].observe(fact.seconds)
        series[1].observe(fact.waited)

    def _unsent(self, fact: CallFinished) -> None:
        key = (fact.service, fact.code)
        series = self._unsent_series.get(key)
        if series is None:
            refused = fact.code in NOT_ASKED
            # Who was given up unsent was waiting for a permit; of those refused only a bulkhead's came so far.
            waited = not refused or fact.code == BulkheadFull.code
            series = self._unsent_series[key] = (
                self._rejections.labels(self._bff, fact.service, fact.code) if refused else None,
                self._waits.labels(self._bff, fact.service) if waited else None,
            )
        rejections, waits = series
        if rejections is not None:
            rejections.inc()
        if waits is not None:
            waits.observe(fact.waited)

    def _retried(self, service: str) -> None:
        retries = self._retry_series.get(service)
        if retries is None:
            retries = self._retry_series[service] = self._retries.labels(self._bff, service)
        retries.inc()

    def _flight(self, fact: FlightLanded) -> None:
        key = (fact.service, fact.kind, fact.code)
        flights = self._flight_series.get(key)
        if flights is None:
            flights = self._flights.labels(self._bff, fact.service, fact.kind, fact.code or OK)
            self._flight_series[key] = flights
        flights.inc()

    def _request(self, fact: RequestFinished) -> None:
        client, version, operation = fact.client, fact.known_version, fact.operation
        key = (client, version, operation, fact.status, result_of(fact))
        series = self._request_series.get(key)
        if series is None:
            series = self._request_series[key] = (
                self._requests.labels(self._bff, client, version, operation, str(fact.status), key[-1]),
                self._durations.labels(self._bff, client, version, operation),
            )
        series[0].inc()
        if fact.status != 499:
            series[1].observe(fact.seconds)
            self._path(client, operation, fact.path)
            if fact.seconds > self._slow_after and fact.path:
                self._slow.labels(self._bff, client, operation, max(fact.path, key=fact.path.__getitem__)).inc()
        for code, count in fact.errors.items():
            errors = self._error_series.get((client, version, operation, code))
            if errors is None:
                errors = self._errors.labels(self._bff, client, version, operation, code)
                self._error_series[client, version, operation, code] = errors
            errors.inc(count)
        for at, count in fact.degraded.items():
            degraded = self._degraded_series.get((client, version, operation, at))
            if degraded is None:
                degraded = self._degraded.labels(self._bff, client, version, operation, *at)
                self._degraded_series[client, version, operation, at] = degraded
            degraded.inc(count)
        for (service, result), count in fact.cache.items():
            cached = self._cache_series.get((client, operation, service, result))
            if cached is None:
                cached = self._cache.labels(self._bff, client, operation, service, result)
                self._cache_series[client, operation, service, result] = cached
            cached.inc(count)

    def _path(self, client: str, operation: str, path: Mapping[str, float]) -> None:
        for service, seconds in path.items():
            held_up = self._path_series.get((client, operation, service))
            if held_up is None:
                held_up = self._paths.labels(self._bff, client, operation, service)
                self._path_series[client, operation, service] = held_up
            held_up.observe(seconds)


def render(registry: CollectorRegistry) -> tuple[bytes, str]:
    """All that the registry holds in Prometheus' text format, and the content type to send it with."""
    return generate_latest(registry), CONTENT_TYPE_LATEST
