"""Typed settings of one BFF, from its TOML file and the environment; whatever does not fit stops the start.

    settings = load("web", ["users", "products"], Path("bff_web/settings.toml"))

Three layers, the later wins: the defaults below, the file, the environment; then ``services.all`` fills in
what a service does not set itself. A variable is named by the BFF and the key: ``BFF_WEB__EDGE__PORT`` is
``edge.port`` of the BFF "web"; lists are written with commas. Windows are set in the file alone, since no variable can
name a route. Nothing below this file reads the environment.

pydantic checks the values; pydantic-settings would read the environment too, but passes over names that it
does not know, and a misspelt variable must stop the start like any other misspelt key.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from bff_core.graphql.limits.limits import Limits

Origin = Literal["default", "file", "environment"]

#: What ``services.all`` cannot say, since it is another for each service.
_OWN = ("url", "windows")


class SettingsError(Exception):
    """Settings that cannot work. ``problems`` has one line each: the key, what came and what is allowed."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def _words(value: object) -> object:
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def _no_switch(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("switch", "a switch is no number")  # pydantic would read true as 1
    return value


def _some(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise PydanticCustomError("empty", "an empty list believes nobody")
    return value


def _url(value: object) -> object:
    if not isinstance(value, str):
        return value  # the field's own type says what is wrong
    try:
        parts = urlsplit(value)
    except ValueError:  # brackets that do not match
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("allowed is http://host:port or https://host:port, with a path if need be")
    if parts.username is not None or parts.password is not None:
        raise ValueError("allowed is a URL without user and password")
    if parts.query or parts.fragment:
        raise ValueError("allowed is a URL without query and fragment")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("allowed is a port from 0 to 65535") from None
    return value.rstrip("/")


def _origins(values: tuple[str, ...]) -> tuple[str, ...]:
    """Origins as browsers write them, which is how they are compared."""
    for value in values:
        if value == "localhost":
            continue
        try:
            parts = urlsplit(value)
            host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
            whole = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port is not None else "")
        except ValueError:  # brackets that do not match, or a port that is none
            whole, parts = "", urlsplit("")
        default = {"http": 80, "https": 443}.get(parts.scheme, 0)
        if not parts.scheme or not parts.hostname or value != whole or parts.port == default or "*" in value:
            raise ValueError(
                "allowed is each origin as a browser writes it, https://shop.example or http://host:8080 (small "
                "letters, no path, no default port, no '*'), or localhost for every port of this machine"
            )
    return values


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            ip_network(value)
        except ValueError:
            raise ValueError("allowed is each address or network, as 10.0.0.7, 10.0.0.0/8 or fd00::/8") from None
    return values


Whole = Annotated[int, BeforeValidator(_no_switch)]
Number = Annotated[float, BeforeValidator(_no_switch)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Url = Annotated[str, BeforeValidator(_url)]
Origins = Annotated[tuple[str, ...], BeforeValidator(_words), AfterValidator(_origins)]
Networks = Annotated[tuple[str, ...], BeforeValidator(_words), AfterValidator(_networks)]

# RSA alone, as the key set knows no other keys; and neither "none" nor HS*, which a public key signs.
Algorithm = Literal["RS256", "RS384", "RS512"]
Algorithms = Annotated[tuple[Algorithm, ...], BeforeValidator(_words), AfterValidator(_some)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class EdgeSettings(_Section):
    """``edge``: where the BFF listens, the time and bytes one request has, and what is shown."""

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on")
    port: Whole = Field(ge=0, le=65535, description="TCP port to listen on; 0 lets the system choose")
    workers: Whole = Field(
        default=1, ge=1, le=64, description="processes that `bff serve` starts, which share that port"
    )
    budget_ms: Whole = Field(default=2000, ge=50, le=60_000, description="time of one request, milliseconds")
    reserve_ms: Whole = Field(
        default=50,
        ge=0,
        le=10_000,
        description="kept back of the budget to put the answer together, milliseconds",
    )
    max_body_bytes: Whole = Field(
        default=1_048_576, ge=1024, le=104_857_600, description="largest request body taken, bytes"
    )
    max_header_bytes: Whole = Field(
        default=16_384,
        ge=4096,
        le=1_048_576,
        description="largest headers of a request taken, and longest first line, bytes each",
    )
    header_timeout_ms: Whole = Field(
        default=10_000,
        ge=50,
        le=600_000,
        description="time of a connection to send the headers of a request, from its beginning, milliseconds",
    )
    body_timeout_ms: Whole = Field(
        default=10_000, ge=50, le=600_000, description="time of a client to send the body of a request, milliseconds"
    )
    keep_alive_s: Whole = Field(
        default=75,
        ge=1,
        le=3600,
        description="how long a connection stays open between two requests, seconds; longer than a proxy before us "
        "keeps its own, or it sends a request into one that is just being closed",
    )
    trusted_proxies: Networks = Field(
        default=(),
        description="addresses or networks of the proxies before the BFF, whose X-Forwarded-For is believed",
    )
    allowed_origins: Origins = Field(
        default=(),
        description="origins whose web pages may use this BFF besides its own, as 'https://shop.example'; 'localhost' "
        "is every port of this machine by http, for development",
    )
    credential_origins: Origins = Field(
        default=(), description="those of allowed_origins whose pages may send cookies and the like along"
    )
    preflight_max_age_s: Whole = Field(
        default=600,
        ge=0,
        le=86_400,
        description="how long a browser may remember that an origin is allowed, seconds; browsers cap it themselves",
    )
    graphiql: bool = Field(default=False, description="serve GraphiQL to browsers")
    introspection: bool = Field(default=False, description="answer introspection, and serve /schema.graphql")
    status_422: bool = Field(
        default=False,
        description="answer what can be read and does not fit with 422 and not with 400, as the newest draft of "
        "GraphQL over HTTP has it; for application/graphql-response+json",
    )
    status_294: bool = Field(
        default=False,
        description="answer data beside errors with 294 and not with 200, as the newest draft of GraphQL over HTTP has "
        "it; for application/graphql-response+json",
    )
    metrics: bool = Field(default=True, description="serve /metrics")
    known_clients: Words = Field(default=(), description="client names used as labels; any other is counted as 'other'")
    known_versions: Words = Field(
        default=(), description="client versions used as labels; any other, and none, is counted as 'other'"
    )
    slow_ms: Whole | None = Field(
        default=None,
        ge=1,
        le=60_000,
        description="a request that takes longer is counted as slow, with the service that held it up most, "
        "milliseconds; half of the budget where it is not set",
    )
    default_locale: str = Field(
        default="en",
        pattern=r"^[a-z]{2,3}([-_][A-Za-z]{4})?([-_][A-Z]{2})?$",
        description="locale where the client names none, as 'en' or 'pt-BR'",
    )

    @model_validator(mode="after")
    def _no_contradiction(self) -> EdgeSettings:
        if self.reserve_ms * 2 >= self.budget_ms:
            raise ValueError(f"reserve_ms = {self.reserve_ms} must be less than half of budget_ms = {self.budget_ms}")
        if self.slow_ms is not None and self.slow_ms >= self.budget_ms:  # by then it is over
            raise ValueError(f"slow_ms = {self.slow_ms} must be less than budget_ms = {self.budget_ms}")
        if strangers := sorted(set(self.credential_origins) - set(self.allowed_origins)):
            raise ValueError(
                f"credential_origins = {', '.join(strangers)} must stand in allowed_origins too, or no page of theirs "
                "may ask at all"
            )
        return self

    @property
    def slow_after_ms(self) -> float:
        """The time after which a request counts as slow, milliseconds."""
        return self.budget_ms / 2 if self.slow_ms is None else self.slow_ms


class DocumentSettings(_Section):
    """``documents``: which documents run, and how many are kept."""

    policy: Literal["open", "registered", "trusted"] = Field(
        default="registered",
        description="which documents run: any, those registered (by a manifest, or by a client where apq is on), or "
        "those of a manifest and by their id alone",
    )
    apq: bool = Field(
        default=False,
        description="let clients register documents by their hash (automatic persisted queries); with policy "
        "'registered' every valid document can then be registered, so that it bounds what one is, not who made it",
    )
    apq_bytes: Whole = Field(
        default=8_388_608,
        ge=65_536,
        le=1_073_741_824,
        description="documents that clients registered, kept in memory by one process, bytes",
    )
    say_registered: bool = Field(
        default=False, description="say in extensions.document of each answer whether its document is registered"
    )
    cache_size: Whole = Field(default=1000, ge=10, le=100_000, description="parsed documents kept, number")

    @model_validator(mode="after")
    def _no_contradiction(self) -> DocumentSettings:
        if self.apq and self.policy == "trusted":
            raise ValueError("apq = true has no use with policy = trusted, which runs no document of a client's own")
        return self


class LimitSettings(_Section):
    """``limits``: the most that one document may be and ask for. Told before it runs; fragments count each spread."""

    document_bytes: Whole = Field(
        default=32_768, ge=1024, le=1_048_576, description="longest document that is looked at, bytes"
    )
    tokens: Whole = Field(
        default=800, ge=100, le=100_000, description="tokens of a document, at which the parser stops, number"
    )
    depth: Whole = Field(
        default=20, ge=3, le=150, description="fields below one another, number; tools ask introspection for 15"
    )
    aliases: Whole = Field(default=30, ge=0, le=10_000, description="fields of an operation by another name, number")
    root_fields: Whole = Field(
        default=20, ge=1, le=10_000, description="fields of an operation's root, so also writes of a mutation, number"
    )
    spreads: Whole = Field(default=100, ge=0, le=10_000, description="fragment spreads of an operation, number")
    directives: Whole = Field(default=50, ge=0, le=10_000, description="directives of an operation, number")
    directives_each: Whole = Field(default=4, ge=1, le=100, description="directives at one place, number")
    list_size: Whole = Field(
        default=200,
        ge=1,
        le=100_000,
        description="elements of a list that a client sends, and rows it may ask for in one place, number",
    )
    keys: Whole = Field(
        default=10_000,
        ge=10,
        le=10_000_000,
        description="keys that an operation may ask the services for, by its call plan, number",
    )
    cost: Whole = Field(
        default=10_000,
        ge=10,
        le=100_000_000,
        description="cost of an operation: objects of the answer, and call_cost for each call of its plan, number",
    )
    comparisons: Whole = Field(
        default=5000,
        ge=100,
        le=500_000,
        description="comparisons of fields that are named alike, at which validation stops, number",
    )
    call_cost: Whole = Field(default=10, ge=0, le=10_000, description="what one call to a service costs, number")
    assumed_list_size: Whole = Field(
        default=10, ge=1, le=10_000, description="elements of a list about which nobody says how long it gets, number"
    )

    @model_validator(mode="after")
    def _no_contradiction(self) -> LimitSettings:
        problems = []
        if self.tokens > self.document_bytes:
            problems.append(f"tokens = {self.tokens} must not be more than document_bytes = {self.document_bytes}")
        if self.directives_each > self.directives > 0:
            problems.append(
                f"directives_each = {self.directives_each} must not be more than directives = {self.directives}"
            )
        if self.call_cost > self.cost:
            problems.append(
                f"call_cost = {self.call_cost} must not be more than cost = {self.cost}: no call could be made"
            )
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def limits(self) -> Limits:
        """The same, as the kernel takes them."""
        return Limits(**self.model_dump())


class AuthSettings(_Section):
    """``auth``: whose tokens are believed, and how the issuer's keys are kept."""

    issuer: str = Field(min_length=1, description="what a token's iss must say")
    audience: str = Field(min_length=1, description="what a token's aud must hold")
    algorithms: Algorithms = Field(default=("RS256",), description="signature algorithms believed")
    leeway_s: Number = Field(default=5.0, ge=0, le=120, description="how far the issuer's clock may be off, seconds")
    keys_max_age_s: Number = Field(
        default=300.0,
        ge=10,
        le=86_400,
        description="age at which the keys are fetched anew in the background, seconds",
    )
    keys_min_gap_s: Number = Field(
        default=30.0, ge=1, le=3600, description="least time between two fetches of the keys, seconds"
    )

    @model_validator(mode="after")
    def _no_contradiction(self) -> AuthSettings:
        if self.keys_min_gap_s > self.keys_max_age_s:
            raise ValueError(
                f"keys_min_gap_s = {self.keys_min_gap_s:g} must not be more than "
                f"keys_max_age_s = {self.keys_max_age_s:g}"
            )
        return self


class CacheSettings(_Section):
    """``cache``: what is kept of the services' answers, as long as the windows of their endpoints say."""

    max_bytes: Whole = Field(
        default=67_108_864,
        ge=0,
        le=17_179_869_184,
        description="answers kept in memory by one process, bytes; 0 keeps nothing",
    )
    jitter_percent: Number = Field(
        default=10.0,
        ge=0,
        le=50,
        description="taken off a window at random, so that what came together does not expire together, per cent",
    )
    workers: Whole = Field(
        default=1,
        ge=1,
        le=1024,
        description="processes that serve this BFF at once, on all machines, edge.workers where not set; with more "
        "than one, answers that are private or that a write drops are not kept, since no store is shared",
    )


class CachingSettings(_Section):
    """``caching``: what caches in front of this BFF may do with its answers; how long is told by their windows."""

    shared: bool = Field(
        default=True,
        description="let caches that serve many keep answers that are the same for everybody, to registered documents "
        "asked for by id; off, every answer is its client's own",
    )
    timed_words_s: Whole = Field(
        default=60,
        ge=0,
        le=86_400,
        description="longest that they may keep, new or old, an answer with words such as '2 days ago', seconds",
    )


class RetrySettings(_Section):
    """``services.<name>.retry``: how a read that failed is asked again."""

    retries: Whole = Field(default=1, ge=0, le=10, description="attempts after the first one, number")
    base_ms: Whole = Field(
        default=25,
        ge=1,
        le=10_000,
        description="longest wait before the first retry, doubled for each more, milliseconds",
    )
    cap_ms: Whole = Field(default=250, ge=1, le=60_000, description="longest wait before any retry, milliseconds")
    budget_percent: Number = Field(
        default=20.0, ge=0, le=100, description="retries at most, of the first attempts of the last 10 s, per cent"
    )
    budget_minimum: Whole = Field(
        default=3, ge=0, le=1000, description="retries that 10 s always have, number; 0 leaves the percentage alone"
    )
    hedging: bool = Field(
        default=False, description="ask once more when an answer is later than 95 of 100 were; from the same budget"
    )

    @model_validator(mode="after")
    def _no_contradiction(self) -> RetrySettings:
        if self.base_ms > self.cap_ms:
            raise ValueError(f"base_ms = {self.base_ms} must not be more than cap_ms = {self.cap_ms}")
        return self

    @property
    def longest_backoffs_ms(self) -> tuple[int, ...]:
        """The longest wait before each retry, in order, milliseconds; a service's Retry-After comes on top."""
        return tuple(min(self.cap_ms, self.base_ms * 2**retry) for retry in range(self.retries))


class BreakerSettings(_Section):
    """``services.<name>.breaker``: when a service that fails is left alone; the first four are sony/gobreaker's."""

    max_requests: Whole = Field(
        default=5, ge=1, le=1000, description="calls that half-open admits, and successes that close it, number"
    )
    interval_s: Number = Field(
        default=60.0, ge=0, le=86_400, description="age at which the counts are cleared while closed, seconds; 0 never"
    )
    timeout_s: Number = Field(default=30.0, ge=0.1, le=86_400, description="how long it stays open, seconds")
    trip_after: Whole = Field(
        default=3, ge=0, le=10_000, description="it opens when more failures than this follow one another, number"
    )
    mode: Literal["consecutive", "rate"] = Field(default="consecutive", description="which rule opens it")
    window_s: Number = Field(default=10.0, ge=0.1, le=3600, description="how far rate mode looks back, seconds")
    minimum_calls: Whole = Field(
        default=20, ge=1, le=100_000, description="calls in the window before rate mode opens it, number"
    )
    rate_percent: Number = Field(
        default=50.0, ge=1, le=100, description="failures of those calls at which rate mode opens it, per cent"
    )
    forced: Literal["none", "open"] = Field(default="none", description="'open' refuses every call")
    metrics_only: bool = Field(default=False, description="count and report, but refuse nobody")

    @model_validator(mode="after")
    def _no_contradiction(self) -> BreakerSettings:
        if self.forced == "open" and self.metrics_only:
            raise ValueError("forced = open and metrics_only = true contradict each other")
        return self


class WindowSettings(_Section):
    """``services.<name>.windows."<route>"``: other windows than the endpoint declares, where set."""

    fresh_s: Number | None = Field(
        default=None, ge=0.001, le=604_800, description="how long an answer serves as if it were new, seconds"
    )
    stale_s: Number | None = Field(
        default=None, ge=0, le=604_800, description="how long after that it serves while it is asked for anew, seconds"
    )
    stale_if_error_s: Number | None = Field(
        default=None, ge=0, le=604_800, description="how long after it was fresh it serves when asking failed, seconds"
    )
    negative_s: Number | None = Field(
        default=None, ge=0, le=604_800, description="how long 'there is no such thing' serves, seconds"
    )


class ServiceSettings(_Section):
    """``services.<name>``: where one service is, what it may hold of us; ``services.all``: all but url and windows."""

    url: Url = Field(description="http(s) address of the service, without credentials and query")
    in_flight: Whole = Field(default=20, ge=1, le=1000, description="calls under way at once, number")
    waiting: Whole = Field(default=40, ge=0, le=10_000, description="calls that may wait for their turn, number")
    longest_wait_ms: Whole = Field(
        default=50,
        ge=1,
        le=10_000,
        description="longest wait for a turn, milliseconds; a tenth of what is left of the deadline if less",
    )
    attempt_timeout_ms: Whole = Field(default=800, ge=10, le=60_000, description="time of one attempt, milliseconds")
    connect_timeout_ms: Whole = Field(default=250, ge=10, le=60_000, description="time to connect, milliseconds")
    max_connections: Whole = Field(default=32, ge=2, le=2000, description="connections held open, number")
    max_answer_bytes: Whole = Field(
        default=4_194_304, ge=1024, le=268_435_456, description="largest answer taken, bytes"
    )
    max_url_bytes: Whole = Field(
        default=8000,
        ge=256,
        le=65_536,
        description="longest path and query that the service, or a proxy before it, takes, bytes",
    )
    retry: RetrySettings = RetrySettings()
    breaker: BreakerSettings = BreakerSettings()
    windows: dict[str, WindowSettings] = Field(
        default_factory=dict, description='by route as it is declared, "GET /products"'
    )

    @model_validator(mode="after")
    def _no_contradiction(self) -> ServiceSettings:
        problems = []
        if self.in_flight >= self.max_connections:
            # A pool that can queue is a second, unbounded waiting room that knows no deadline.
            problems.append(f"in_flight = {self.in_flight} must be less than max_connections = {self.max_connections}")
        if self.connect_timeout_ms > self.attempt_timeout_ms:
            problems.append(
                f"connect_timeout_ms = {self.connect_timeout_ms} must not be more than "
                f"attempt_timeout_ms = {self.attempt_timeout_ms}"
            )
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def longest_call_ms(self) -> int:
        """The longest that one call takes with every attempt and every wait, milliseconds.

        A service that says Retry-After is waited for on top of it, as long as the deadline of whoever asks allows.
        """
        attempts = self.retry.retries + 1
        return attempts * (self.longest_wait_ms + self.attempt_timeout_ms) + sum(self.retry.longest_backoffs_ms)


class RateSettings(_Section):
    """``rates``: how often somebody may ask; counted by each process for itself."""

    client_per_minute: Whole = Field(
        default=0,
        ge=0,
        le=10_000_000,
        description="requests a minute of one client at one address, number; 0 any. Behind a proxy set "
        "edge.trusted_proxies too, or everybody has the proxy's address",
    )
    principal_per_minute: Whole = Field(
        default=600,
        ge=0,
        le=10_000_000,
        description="requests a minute of whoever a verified token stands for, number; 0 any",
    )


class SheddingSettings(_Section):
    """``shedding``: when requests are turned away so that the others are in time, and how the process ends."""

    most_requests: Whole = Field(
        default=500, ge=1, le=100_000, description="requests that one process answers at once, number"
    )
    longest_lag_ms: Whole = Field(
        default=250,
        ge=10,
        le=60_000,
        description="how late the loop may be before requests are turned away, milliseconds",
    )
    drain_ms: Whole = Field(
        default=5000,
        ge=0,
        le=600_000,
        description="how long a process that is to end answers as ever while /readyz says no, milliseconds; longer "
        "than a load balancer takes to notice",
    )


class LogSettings(_Section):
    """``logs``: how much is written."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least level written")


class Settings(_Section):
    """All settings of one BFF, in force as long as the process lives."""

    bff: str = Field(description="the BFF's name; not a key of the file")
    edge: EdgeSettings
    documents: DocumentSettings = DocumentSettings()
    limits: LimitSettings = LimitSettings()
    auth: AuthSettings | None = Field(default=None, description="None where nobody signs in")
    cache: CacheSettings = CacheSettings()
    caching: CachingSettings = CachingSettings()
    services: dict[str, ServiceSettings] = Field(description="by name, exactly those that the BFF uses")
    rates: RateSettings = RateSettings()
    shedding: SheddingSettings = SheddingSettings()
    logs: LogSettings = LogSettings()

    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _no_contradiction(self) -> Settings:
        problems = [
            f"services.{name}.attempt_timeout_ms = {service.attempt_timeout_ms} must not be more than "
            f"edge.budget_ms = {self.edge.budget_ms}"
            for name, service in self.services.items()
            if service.attempt_timeout_ms > self.edge.budget_ms
        ]
        if "workers" in self.cache.model_fields_set and self.cache.workers < self.edge.workers:
            problems.append(
                f"cache.workers = {self.cache.workers} must not be less than edge.workers = {self.edge.workers}"
            )
        if problems:
            raise ValueError("\n".join(problems))
        return self


def load(bff: str, services: Sequence[str], file: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of the BFF ``bff``, which uses ``services``.

    ``environ`` None stands for the process's own. Raises SettingsError with a line for every problem found.
    """
    prefix = f"BFF_{bff.upper()}__"
    from_file = _read(file)
    from_environment, problems = _tree(prefix, os.environ if environ is None else environ)
    source = _Source(file, prefix, _flat(from_file), _flat(from_environment))
    problems += _without_routes(from_environment, source)
    values = _merge(from_file, from_environment)

    names = tuple(services)
    given = values.get("services", {})
    if isinstance(given, dict):
        values["services"], unknown = _overlay(given, names)
        problems += [source.unknown(f"services.{name}", (*names, "all")) for name in unknown]
        for own in _OWN:
            if own in _table(given.get("all")):
                text = f"each service has its own {own}; set services.<name>.{own}"
                problems.append(source.line(f"services.all.{own}", text))
    else:
        values["services"] = {}
        text = f"{_came(given)}; allowed is a section for each of {', '.join(names)}"
        problems.append(source.line("services", text))
    if "bff" in values:
        problems.append(source.unknown("bff", _known(Settings)))
    try:
        settings = Settings.model_validate({**values, "bff": bff})
    except ValidationError as error:
        problems += _problems(error, source)
    if problems:
        raise SettingsError(dict.fromkeys(problems))  # what stands in services.all is found once a service
    if "workers" not in settings.cache.model_fields_set:
        cache = settings.cache.model_copy(update={"workers": settings.edge.workers})
        settings = settings.model_copy(update={"cache": cache})
    settings._origins.update(dict.fromkeys(source.file, "file"), **dict.fromkeys(source.environment, "environment"))
    return settings


def describe(settings: Settings) -> list[str]:
    """Every setting in force as ``key = value (default|file|environment)``, by key; none is a secret.

    Of windows only those that are set: the others are as the endpoint declares.
    """
    origins = settings._origins
    lines = []
    for key, value in sorted(_flat(settings.model_dump(exclude={"bff"})).items()):
        if value is None and ".windows." in key:
            continue
        shown = ", ".join(map(str, value)) if isinstance(value, tuple) else value
        origin = origins.get(key) or origins.get(_in_all(key), "default")
        lines.append(f"{key} = {shown} ({origin})")
    return lines


class _Source:
    """Where each key was set, for the lines of a SettingsError."""

    def __init__(self, path: Path, prefix: str, file: Mapping[str, object], environment: Mapping[str, object]) -> None:
        self.path, self.prefix, self.file, self.environment = path, prefix, file, environment

    def line(self, key: str, text: str) -> str:
        """``key (where it was set): text``."""
        inside = f"{key}."
        if key in self.environment or any(one.startswith(inside) for one in self.environment):
            return f"{key} ({self.prefix}{key.replace('.', '__').upper()}): {text}"
        if key in self.file or any(one.startswith(inside) for one in self.file):
            return f"{key} ({self.path}): {text}"
        return f"{key}: {text}"

    def unknown(self, key: str, known: Iterable[str]) -> str:
        """The line for a key that nobody knows, with the nearest that are known."""
        known = sorted(known)
        near = difflib.get_close_matches(key.rpartition(".")[2], known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known here: {', '.join(known)}"
        return self.line(key, f"no such setting; {hint}")

    def given_for(self, key: str) -> str:
        """The key that set it: the same in ``services.all`` where the service itself does not."""
        fallback = _in_all(key)
        here = key in self.environment or key in self.file
        return fallback if not here and (fallback in self.environment or fallback in self.file) else key


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError([f"{file}: cannot be read ({error.strerror or error})"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"{file}: is not TOML in UTF-8: {error}"]) from error


def _tree(prefix: str, environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The variables with the prefix as nested tables; and a line for each that stands where a table is."""
    tree: dict[str, Any] = {}
    problems = []
    for name in sorted(environ):
        if not name.startswith(prefix):
            continue
        *path, leaf = name.removeprefix(prefix).lower().split("__")
        node: Any = tree
        for step in path:
            node = node.setdefault(step, {}) if isinstance(node, dict) else None
        if isinstance(node, dict):
            node[leaf] = environ[name]
        else:
            problems.append(f"{name}: a shorter variable sets the section it belongs to; keep one of the two")
    return tree, problems


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both_tables = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both_tables else value
    return merged


def _without_routes(environment: Mapping[str, Any], source: _Source) -> list[str]:
    """Take the windows out of the variables' tables, with a line for each: a variable cannot name a route."""
    services = _table(environment.get("services"))
    named = [name for name, table in services.items() if _table(table).pop("windows", None) is not None]
    text = "a variable cannot name a route; set windows in the file"
    return [source.line(f"services.{name}.windows", text) for name in named]


def _overlay(given: Mapping[str, Any], names: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Each used service's table laid over ``all``, and the names that nobody uses."""
    common = {key: value for key, value in _table(given.get("all")).items() if key not in _OWN}
    overlaid = {}
    for name in names:
        own = given.get(name, {})
        overlaid[name] = _merge(common, own) if isinstance(own, dict) else own
    return overlaid, [name for name in given if name != "all" and name not in names]


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat = {}
    for step, value in table.items():
        key = f"{prefix}{_quoted(step)}"
        flat.update(_flat(value, f"{key}.") if isinstance(value, dict) else {key: value})
    return flat


def _quoted(step: str) -> str:
    """A step of a key as TOML writes it: a route is quoted."""
    return step if re.fullmatch(r"[A-Za-z0-9_-]*", step) else f'"{step}"'


def _in_all(key: str) -> str:
    section, _, rest = key.partition(".")
    return f"services.all.{rest.partition('.')[2]}" if section == "services" else key


def _problems(error: ValidationError, source: _Source) -> list[str]:
    lines = []
    for one in error.errors(include_url=False):
        path = [step for step in one["loc"] if isinstance(step, str)]  # without the places in lists
        section, field = _find(path)
        key = source.given_for(".".join(map(_quoted, path)))
        match one["type"]:
            case "extra_forbidden":
                lines.append(source.unknown(key, _known(section)))
            case "missing":
                lines.append(source.line(key, f"missing; allowed is {_allowed(section, field)}"))
            case "value_error" if field is None:  # a contradiction between the keys of a section
                texts = str(one["ctx"]["error"]).splitlines()
                lines += [f"{key}.{text}" if key else text for text in texts]
            case "value_error":
                lines.append(source.line(key, f"{_came(one['input'])}; {one['ctx']['error']}"))
            case _:
                lines.append(source.line(key, f"{_came(one['input'])}; allowed is {_allowed(section, field)}"))
    return lines


def _find(path: Sequence[str]) -> tuple[type[_Section], FieldInfo | None]:
    """The innermost section on the way, and its field at the path's end; None where that is a section."""
    section: type[_Section] = Settings
    field = None
    steps = iter(path)
    for step in steps:
        field = section.model_fields.get(step)
        if field is None or (inner := _section_of(field)) is None:
            continue
        # In a table of sections the next step is a name (a service's, a route), also where a key is called the same.
        if get_origin(field.annotation) is not dict or next(steps, None) is not None:
            section, field = inner, None
    return section, field


def _section_of(field: FieldInfo) -> type[_Section] | None:
    kinds = (field.annotation, *get_args(field.annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, _Section)), None)


def _known(section: type[_Section]) -> list[str]:
    return [name for name in section.model_fields if name != "bff"]


def _came(value: object) -> str:
    if isinstance(value, str) and "@" in value:
        return "came a value that may hold a password, so it is not repeated here"
    shown = repr(value)
    return f"came {shown}" if len(shown) <= 80 else f"came {shown[:80]}…"


def _allowed(section: type[_Section], field: FieldInfo | None) -> str:
    if field is None:
        return f"a section with {', '.join(_known(section))}"
    kind = field.annotation
    if get_origin(kind) is dict:
        return f"a section for each, {field.description}"
    if NoneType in get_args(kind):
        (kind,) = (one for one in get_args(kind) if one is not NoneType)
        kind = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if kind is bool:
        return "true or false"
    if kind in (int, float):
        noun = "a whole number" if kind is int else "a number"
        return f"{noun} from {_limit(field, 'ge')} to {_limit(field, 'le')}"
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        return f"a list of {', '.join(get_args(inner)) if get_origin(inner) is Literal else 'words'}"
    return f"text: {field.description}"


def _limit(field: FieldInfo, name: str) -> object:
    return next(getattr(one, name) for one in field.metadata if hasattr(one, name))
