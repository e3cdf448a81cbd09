"""The composition root: from a BFF's declaration and its settings to an application; every part is made here.

    app = create_app(web)    # what a server runs

Tests call the same function with doubles.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bff_core.auth.keyset import KeySet, KeySetOptions
from bff_core.auth.tokens import TokenOptions, TokenVerifier
from bff_core.bff import Bff
from bff_core.cache.records import CacheOptions, RecordCache
from bff_core.cache.store import MemoryStore
from bff_core.clock import Clock, SystemClock
from bff_core.contract import Get, JwkSet, Outcome, Service
from bff_core.deadline import Deadline
from bff_core.documents.found import Found
from bff_core.documents.lookup import DocumentOptions, Documents
from bff_core.edge.address import Callers
from bff_core.edge.caching import CachingOptions
from bff_core.edge.client import KnownClients
from bff_core.edge.cors import Cors, CorsOptions
from bff_core.edge.endpoint import Defences, EndpointOptions, GraphQLEndpoint
from bff_core.edge.graphiql import DemoUser, Graphiql, Tab, graphiql_page, graphiql_routes, read_tabs
from bff_core.edge.health import health_routes
from bff_core.edge.http import Statuses
from bff_core.edge.pipeline import Pipeline, PipelineOptions
from bff_core.edge.rates import RateOptions, Rates
from bff_core.edge.schema_file import schema_route
from bff_core.edge.shedding import Gate, GateOptions
from bff_core.errors import Bug
from bff_core.graphql.executor import Executor, StrawberryExecutor
from bff_core.graphql.operations import Operations
from bff_core.loading.reads import Reads
from bff_core.outbound.channel import Caller, Channel, ChannelOptions, Transport
from bff_core.outbound.guards import GuardOptions, Guards
from bff_core.outbound.transport import HttpTransport, TransportOptions
from bff_core.resilience.breaker import BreakerOptions
from bff_core.resilience.budget import BudgetOptions
from bff_core.resilience.bulkhead import BulkheadOptions
from bff_core.resilience.hedge import HedgeOptions
from bff_core.resilience.retry import RetryOptions
from bff_core.settings import ServiceSettings, Settings, SettingsError
from bff_core.telemetry.facts import Fact, Observer
from bff_core.telemetry.logs import LogObserver
from bff_core.telemetry.metrics import MetricsObserver, render
from bff_core.telemetry.shared import SharedNumbers
from bff_core.windows import windows_in_force, written_elsewhere

Transports = Callable[[Service], Transport]

#: Seconds; how old what one worker says of another's bulkheads and flights may be.
LOOK_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Doubles:
    """What a test puts in the place of a real part; None keeps the real one."""

    clock: Clock | None = None
    random: Random | None = None
    transports: Transports | None = None
    executor: Executor | None = None
    observers: Sequence[Observer] = ()


def create_app(
    bff: Bff, settings: Settings | None = None, doubles: Doubles | None = None, *, numbers: SharedNumbers | None = None
) -> Starlette:
    """The application. Raises SettingsError and SchemaError for what must not start.

    ``numbers``: where this worker and the others keep theirs; None for one that serves alone.
    """
    return _Composition(bff, settings or bff.load_settings(), doubles or Doubles(), numbers).application()


class _Composition:
    """All parts of one running BFF; opened and closed by the application's lifespan."""

    def __init__(self, bff: Bff, settings: Settings, doubles: Doubles, numbers: SharedNumbers | None) -> None:
        self._bff = bff
        self._settings = settings
        self._clock = doubles.clock or SystemClock()
        self._random = doubles.random or Random()
        self._registry = CollectorRegistry()
        self._numbers = numbers
        self._meters = meters = MetricsObserver(self._registry, bff.name, slow_after=settings.edge.slow_after_ms / 1000)
        self._observer = _Observers(
            (
                LogObserver(settings.logs.level, bff=bff.name, clock=self._clock),
                meters,
                *doubles.observers,
            )
        )
        self._transports = doubles.transports or self._transport
        self._executor = doubles.executor
        self._channels = {service.name: self._channel(service) for service in bff.services}
        self._windows = windows_in_force(bff.services, settings)  # told also where nothing is kept
        records = self._records()
        self._reads = {
            name: Reads(channel, records, self._clock, self._observer, settings.services[name].longest_call_ms / 1000)
            for name, channel in self._channels.items()
        }
        for name, channel in self._channels.items():
            meters.watch(name, channel.bulkhead, self._reads[name].flights.under_way)
        rates, shedding = settings.rates, settings.shedding
        self._rates = Rates(
            RateOptions(rates.client_per_minute, rates.principal_per_minute), self._clock, self._observer
        )
        self._gate = Gate(
            GateOptions(
                most_requests=shedding.most_requests,
                longest_lag=shedding.longest_lag_ms / 1000,
                drain=shedding.drain_ms / 1000,
                grace=settings.edge.budget_ms / 1000 + 1,
            ),
            self._clock,
            self._observer,
        )
        self._keys = self._key_set()
        self._tabs = _tabs(bff)

    def application(self) -> Starlette:
        """Routes, middleware and lifespan."""
        edge = self._settings.edge
        routes: list[BaseRoute] = [
            Route("/graphql", self._endpoint(), methods=None),
            *health_routes(self._missing),
        ]
        if edge.metrics:
            routes.append(Route("/metrics", self._metrics))
        if edge.introspection:
            routes.append(schema_route(self._bff.schema))
        if edge.graphiql:
            routes += graphiql_routes(self._graphiql(), self._issue_token if self._bff.development_token else None)
        app = Starlette(routes=routes, lifespan=self._lifespan)
        app.state.gate = self._gate  # for whoever serves, and is told to end
        return app

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for channel in self._channels.values():
                stack.push_async_callback(channel.aclose)
            for reads in self._reads.values():  # before the channels, whose calls they make
                stack.push_async_callback(reads.aclose)
            if self._keys:
                stack.push_async_callback(self._keys.aclose)
                self._keys.start()
            if self._numbers:
                self._look()
                stack.callback(lambda: self._looking.cancel())
            yield

    def _endpoint(self) -> GraphQLEndpoint:
        edge = self._settings.edge
        pipeline = Pipeline(
            PipelineOptions(
                bff=self._bff.name,
                budget=edge.budget_ms / 1000,
                reserve=edge.reserve_ms / 1000,
                default_locale=edge.default_locale,
                operations=_names(self._bff),
                caching=CachingOptions(self._settings.caching.shared, self._settings.caching.timed_words_s),
            ),
            authenticator=self._authenticator(),
            documents=self._documents(),
            operations=Operations(
                self._bff.schema,
                self._settings.documents.cache_size,
                introspection=edge.introspection,
                limits=self._settings.limits.limits,
                windows=self._windows,
            ),
            executor=self._executor or StrawberryExecutor(self._bff.strawberry_schema),
            reads=self._reads,
            clock=self._clock,
            observer=self._observer,
            rates=self._rates,
        )
        page = self._graphiql() if edge.graphiql else None
        return GraphQLEndpoint(
            pipeline,
            KnownClients(edge.known_clients, edge.known_versions),
            self._observer,
            (lambda: graphiql_page(page)) if page else None,
            defences=Defences(
                Cors(CorsOptions(edge.allowed_origins, edge.credential_origins, edge.preflight_max_age_s)),
                Callers(edge.trusted_proxies),
                self._rates,
                self._gate,
            ),
            clock=self._clock,
            options=EndpointOptions(
                max_body_bytes=edge.max_body_bytes,
                max_header_bytes=edge.max_header_bytes,
                body_timeout=edge.body_timeout_ms / 1000,
                statuses=Statuses(422 if edge.status_422 else 400, 294 if edge.status_294 else 200),
            ),
        )

    def _documents(self) -> Documents:
        documents = self._settings.documents
        options = DocumentOptions(
            policy=documents.policy,
            apq_bytes=documents.apq_bytes if documents.apq else 0,
            say_registered=documents.say_registered,
        )
        return Documents(options, _known(self._bff))

    def _graphiql(self) -> Graphiql:
        signs_in = self._bff.development_token is not None
        users = self._bff.demo_users
        return Graphiql(
            title=self._bff.name,
            tabs=self._tabs,
            users=[DemoUser(user.id, user.label) for user in users] if signs_in else (),
            default_user=users[0].id if signs_in and users else None,
            token_url="/graphiql/token" if signs_in else None,
        )

    def _channel(self, service: Service) -> Channel:
        settings = self._settings.services[service.name]
        return Channel(
            service.name,
            ChannelOptions(settings.url, settings.attempt_timeout_ms / 1000),
            transport=self._transports(service),
            guards=self._guards(service.name, settings),
            clock=self._clock,
            observer=self._observer,
        )

    def _records(self) -> RecordCache:
        cache = self._settings.cache
        options = CacheOptions(
            self._windows if cache.max_bytes else {},
            jitter=cache.jitter_percent / 100,
            elsewhere=written_elsewhere(self._bff.services) if cache.workers > 1 else frozenset(),
        )
        return RecordCache(options, MemoryStore(cache.max_bytes), self._clock, self._random)

    def _guards(self, service: str, settings: ServiceSettings) -> Guards:
        retry, breaker = settings.retry, settings.breaker
        options = GuardOptions(
            retry=RetryOptions(retry.retries, retry.base_ms / 1000, retry.cap_ms / 1000),
            budget=BudgetOptions(retry.budget_percent / 100, retry.budget_minimum),
            hedge=HedgeOptions(enabled=retry.hedging),
            breaker=BreakerOptions(
                max_requests=breaker.max_requests,
                interval=breaker.interval_s,
                timeout=breaker.timeout_s,
                trip_after=breaker.trip_after,
                mode=breaker.mode,
                window=breaker.window_s,
                minimum_calls=breaker.minimum_calls,
                rate=breaker.rate_percent / 100,
                forced=breaker.forced,
                metrics_only=breaker.metrics_only,
            ),
            bulkhead=BulkheadOptions(settings.in_flight, settings.waiting, settings.longest_wait_ms / 1000),
        )
        return Guards(service, options, self._clock, self._observer, self._random)

    def _transport(self, service: Service) -> Transport:
        settings = self._settings.services[service.name]
        return HttpTransport(
            TransportOptions(
                max_connections=settings.max_connections,
                connect_timeout=settings.connect_timeout_ms / 1000,
                max_answer_bytes=settings.max_answer_bytes,
            )
        )

    def _key_set(self) -> KeySet | None:
        auth = self._settings.auth
        if self._bff.keys is None or auth is None:
            return None
        return KeySet(
            self._fetch_keys,
            self._clock,
            KeySetOptions(min_gap_s=auth.keys_min_gap_s, max_age_s=auth.keys_max_age_s),
            self._observer,
        )

    def _authenticator(self) -> TokenVerifier | None:
        auth = self._settings.auth
        if self._keys is None or auth is None:
            return None
        options = TokenOptions(auth.issuer, auth.audience, tuple(auth.algorithms), auth.leeway_s)
        return TokenVerifier(options, self._keys, self._clock)

    async def _fetch_keys(self) -> Outcome[JwkSet]:
        return await self._fetch(self._bff.keys, ())

    async def _issue_token(self, user: str) -> str:
        outcome = await self._fetch(self._bff.development_token, (user,))
        if outcome.value is None:
            raise outcome.error or Bug("an outcome holds neither a value nor an error")
        return str(outcome.value.access_token)

    async def _fetch(self, endpoint: Get[Any] | None, key: tuple[str, ...]) -> Outcome[Any]:
        """One call on the guarded road that belongs to no request."""
        if endpoint is None:
            raise LookupError("the BFF declares no such endpoint")
        caller = Caller(Deadline.after(self._clock, self._settings.edge.budget_ms / 1000))
        return (await self._channels[endpoint.service].fetch(endpoint, [key], caller))[0]

    def _missing(self) -> Sequence[str]:
        if self._gate.ending:
            return ["this process is ending"]
        if self._keys is None or self._keys.ready:
            return []
        self._keys.start()  # no request will make the next try while nobody sends us any
        return ["keys of the token issuer"]

    def _look(self) -> None:
        """Let the other workers know how this one stands, again and again: they cannot ask."""
        self._meters.look()
        self._looking = self._clock.call_later(LOOK_EVERY, self._look)

    async def _metrics(self, _: Request) -> Response:
        self._meters.look()
        body, content_type = self._numbers.render() if self._numbers else render(self._registry)
        return Response(body, media_type=content_type)


def _known(bff: Bff) -> Iterator[tuple[str, Found]]:
    """What stands in the manifests, by each id that a client may send."""
    for each in bff.trusted:
        name = each.operations[0].name if len(each.operations) == 1 else None
        found = Found(each.text, each.ids[0], name or None, registered=True, trusted=True)
        yield from ((document, found) for document in each.ids)


def _names(bff: Bff) -> frozenset[str]:
    """Of all operations that stand in the manifests."""
    return frozenset(named.name for each in bff.trusted for named in each.operations if named.name)


def _tabs(bff: Bff) -> Sequence[Tab]:
    try:
        return read_tabs(bff.operations) if bff.operations else ()
    except ValueError as exc:  # a file of variables that is no JSON object; the message names it
        raise SettingsError([str(exc)]) from exc


class _Observers:
    """One observer that tells several."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def observe(self, fact: Fact) -> None:
        """Tell each, in order."""
        for observer in self._observers:
            observer.observe(fact)
