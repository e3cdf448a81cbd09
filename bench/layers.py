"""One request as layers: each runs all of the one before and a part more, down to graphql-core's bare execution."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import graphql
import httpx
import msgspec
from starlette.types import ASGIApp, Message, Scope
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from bench.bff import services
from bench.bff.app import bench
from bench.measuring import Run
from bench.upstream import CannedTransport
from bff_core.app import Doubles, create_app
from bff_core.auth.principal import ANONYMOUS
from bff_core.cache.records import CacheOptions, RecordCache
from bff_core.cache.store import MemoryStore
from bff_core.clock import SystemClock
from bff_core.contract import Endpoint, Outcome
from bff_core.deadline import Deadline
from bff_core.documents.lookup import DocumentOptions, Documents
from bff_core.edge.client import Client, KnownClients
from bff_core.edge.endpoint import GraphQLEndpoint
from bff_core.edge.http import Asked
from bff_core.edge.pipeline import Pipeline, PipelineOptions, Sender
from bff_core.graphql.context import Context
from bff_core.graphql.executor import StrawberryExecutor
from bff_core.graphql.operations import Operation, Operations
from bff_core.loading.reads import Reads
from bff_core.loading.scope import RequestScope
from bff_core.outbound.channel import Channel, ChannelOptions
from bff_core.outbound.codec import codec_for
from bff_core.outbound.guards import GuardOptions, Guards
from bff_core.resilience.bulkhead import BulkheadOptions
from bff_core.telemetry.facts import Fact

Outcomes = Mapping[tuple[Endpoint[Any], Any], Outcome[Any]]

#: The number of the layer that is graphql-core's and Strawberry's execution: what comes after it is our own road.
EXECUTION = 2

#: The calls that each workload makes, wave by wave: endpoint and keys.
CALLS: Mapping[str, Sequence[tuple[Endpoint[Any], list[Any]]]] = {
    "a": [(services.posts, [()]), (services.users, list(range(1, 11)))],
    "b": [(services.posts, [()])],
    "c": [],
    "d": [(services.pages, [(1,)]), (services.items, [(1,)]), (services.vendors, list(range(1, 11)))],
}

CLOCK = SystemClock()
SETTINGS = bench.load_settings({})


@dataclass(frozen=True, slots=True)
class Layer:
    """What it adds to the layer before, and how to run one request through both."""

    adds: str
    run: Run


@dataclass(frozen=True, slots=True)
class Applications:
    """The whole application, three times: without its log line, as shipped, and shipped over real sockets."""

    quiet: ASGIApp
    shipped: ASGIApp
    sockets: ASGIApp


@contextlib.asynccontextmanager
async def applications(answers: Mapping[str, bytes], url: str) -> AsyncIterator[Applications]:
    """All three, open. ``answers`` stand in for the upstream of the first two, ``url`` is where the third asks."""
    canned = Doubles(transports=lambda _: CannedTransport(answers))
    nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: ASYNC230, SIM115  # never blocks; closed below
    with nowhere, contextlib.redirect_stdout(nowhere):  # where the log lines go
        apps = [
            create_app(bench, bench.load_settings({"BFF_BENCH__LOGS__LEVEL": "warning"}), canned),
            create_app(bench, SETTINGS, canned),
            create_app(bench, bench.load_settings({"BFF_BENCH__SERVICES__UPSTREAM__URL": url})),
        ]
        async with contextlib.AsyncExitStack() as stack:
            for app in apps:
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield Applications(*apps)


def query(workload: str) -> str:
    """The text of a workload's operation."""
    return (Path(__file__).parent / "queries" / f"{workload}.graphql").read_text(encoding="utf-8").strip()


def layers(workload: str, answers: Mapping[str, bytes], apps: Applications) -> list[Layer]:
    """The layers of one workload, the innermost first."""
    text = query(workload)
    body = msgspec.json.encode({"query": text})
    outcomes = all_outcomes(answers)
    operations = Operations(bench.schema, introspection=False)
    operation = operations.prepare(text)
    executor = StrawberryExecutor(bench.strawberry_schema)
    ready = {"upstream": _reads(cast(Channel, _ReadyChannel(outcomes)))}
    guarded = {"upstream": _reads(_channel(CannedTransport(answers)))}
    pipeline = Pipeline(
        PipelineOptions("bench", budget=60.0),
        authenticator=None,
        documents=Documents(DocumentOptions("open")),
        operations=operations,
        executor=executor,
        reads=guarded,
        clock=CLOCK,
        observer=_Deaf(),
    )

    def executed(open_scope: Callable[[], RequestScope]) -> Run:
        return _executed(executor, operation, open_scope)

    async def piped() -> object:
        journey = pipeline.begin(Sender("bench", Client()))
        answer = await pipeline.answer(Asked(text, {}, None, by_get=False), journey)
        pipeline.end(journey, 200)
        return answer

    return [
        Layer("graphql-core alone, values at hand", _bare(text, outcomes)),
        Layer("Strawberry's fields, our links", with_strawberry(text, outcomes)),
        Layer("awaiting them, by the shortest loader", executed(lambda: _Awaited(outcomes))),
        Layer("scope and loaders", executed(lambda: _scope(ready))),
        Layer("channel: guards, request, codec", executed(lambda: _scope(guarded))),
        Layer("pipeline: prepare, deadline, answer", piped),
        Layer("HTTP in and out, JSON", posted(GraphQLEndpoint(pipeline, KnownClients(()), _Deaf()), body)),
        Layer("Starlette's routing, metrics", posted(apps.quiet, body)),
        Layer("the log line", posted(apps.shipped, body)),
        Layer("HTTP engine: our own, over loopback", posted(apps.sockets, body)),
    ]


def execution(workload: str, answers: Mapping[str, bytes]) -> Run:
    """What every other figure is less: the operation executed with every value at hand."""
    outcomes = all_outcomes(answers)
    operation = Operations(bench.schema, introspection=False).prepare(query(workload))
    return _executed(StrawberryExecutor(bench.strawberry_schema), operation, lambda: _Awaited(outcomes))


def all_outcomes(answers: Mapping[str, bytes]) -> Outcomes:
    """What every call of the workloads gives, by endpoint and key."""
    found: dict[tuple[Endpoint[Any], Any], Outcome[Any]] = {}
    for endpoint, keys in (call for calls in CALLS.values() for call in calls):
        outcomes = codec_for(endpoint).outcomes(keys, answers[endpoint.path.replace("{id}", "1")])
        found |= {(endpoint, key): one for key, one in zip(keys, outcomes, strict=True)}
    return found


def with_strawberry(text: str, outcomes: Outcomes) -> Run:
    """graphql-core's execution of our schema: Strawberry's wrapping of each field is in it, and our links."""
    document = graphql.parse(text)

    async def run() -> graphql.ExecutionResult:
        result = graphql.execute(
            bench.schema,
            document,
            context_value=Context(_AtHand(outcomes)),
            executor_class=StrawberryGraphQLCoreExecutionContext,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]  # says bool where a TypeGuard is meant
        )
        assert isinstance(result, graphql.ExecutionResult)  # nothing is awaited
        return result

    return run


def posted(app: ASGIApp, body: bytes, *, authorization: str = "") -> Run:
    """One POST to an ASGI application, as a server hands it over; the client stays until it has its answer."""
    headers = [
        (b"host", b"127.0.0.1"),
        (b"content-type", b"application/json"),
        (b"accept", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *([(b"authorization", authorization.encode())] if authorization else []),
    ]

    async def run() -> object:
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "root_path": "",
            "query_string": b"",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[Message] = []

        async def receive() -> Message:
            if messages:
                return messages.pop()
            return cast(Message, await asyncio.get_running_loop().create_future())  # until the request is over

        async def send(message: Message) -> None:
            sent.append(message)

        await app(scope, receive, send)
        return sent[1]["body"]

    return run


class _Deaf:
    """An observer that hears nothing."""

    def observe(self, fact: Fact) -> None:
        """Pass over it."""


class _AtHand(RequestScope):
    """A scope whose every answer is known: nothing is awaited."""

    def __init__(self, outcomes: Outcomes) -> None:
        super().__init__(reads={}, deadline=Deadline.after(CLOCK, 60.0), clock=CLOCK, principal=ANONYMOUS)
        self._outcomes = outcomes

    def ask(self, endpoint: Endpoint[Any], key: Any, *, fan_out: int | None = None) -> Any:
        """The outcome itself."""
        return self._outcomes[endpoint, key]


class _Awaited(_AtHand):
    """A scope with the shortest loader there can be: a future a key, all of them done in the loop's next round."""

    def __init__(self, outcomes: Outcomes) -> None:
        super().__init__(outcomes)
        self._futures: dict[tuple[Endpoint[Any], Any], asyncio.Future[Outcome[Any]]] = {}
        self._open: list[tuple[Endpoint[Any], Any]] = []

    def ask(self, endpoint: Endpoint[Any], key: Any, *, fan_out: int | None = None) -> Any:
        """A future, shared by all who ask for this key."""
        future = self._futures.get((endpoint, key))
        if future is None:
            loop = asyncio.get_running_loop()
            future = self._futures[endpoint, key] = loop.create_future()
            if not self._open:
                loop.call_soon(self._answer)
            self._open.append((endpoint, key))
        return future

    def _answer(self) -> None:
        for at in self._open:
            self._futures[at].set_result(self._outcomes[at])
        self._open.clear()


class _ReadyChannel:
    """A channel that has every outcome at hand, so that only scope and loaders cost anything."""

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes

    service = "upstream"
    share = 1_000

    async def fetch(self, endpoint: Endpoint[Any], keys: Sequence[Any], caller: object) -> list[Outcome[Any]]:
        """One outcome a key."""
        return [self._outcomes[endpoint, key] for key in keys]


def _scope(reads: Mapping[str, Reads]) -> RequestScope:
    deadline = Deadline.after(CLOCK, 60.0)
    return RequestScope(reads=reads, deadline=deadline, clock=CLOCK, principal=ANONYMOUS, request_id="bench")


def _executed(executor: StrawberryExecutor, operation: Operation, open_scope: Callable[[], RequestScope]) -> Run:
    async def run() -> object:
        async with open_scope() as scope:
            return await executor.execute(operation, {}, Context(scope))

    return run


def _reads(channel: Channel) -> Reads:
    """Nothing is kept, so that every request makes its calls."""
    return Reads(channel, RecordCache(CacheOptions({}), MemoryStore(0), CLOCK), CLOCK, _Deaf(), longest_call=60.0)


def _channel(transport: httpx.AsyncBaseTransport) -> Channel:
    own = SETTINGS.services["upstream"]
    return Channel(
        "upstream",
        ChannelOptions(own.url, own.attempt_timeout_ms / 1000),
        transport=transport,
        guards=Guards(
            "upstream",
            GuardOptions(bulkhead=BulkheadOptions(own.in_flight, own.waiting, own.longest_wait_ms / 1000)),
            CLOCK,
            _Deaf(),
        ),
        clock=CLOCK,
        observer=_Deaf(),
    )


def _bare(text: str, outcomes: Outcomes) -> Run:
    """graphql-core on a schema of its own: the same types, resolvers that read an attribute or a dict."""
    schema = graphql.build_schema(graphql.print_schema(bench.schema))
    value = {at: outcome.value for at, outcome in outcomes.items()}
    links: Mapping[str, Callable[..., Any]] = {
        "Query.posts": lambda _root, _info: value[services.posts, ()],
        "Query.page": lambda _root, _info, **arguments: value[services.pages, (arguments["id"],)],
        "Query.greet": lambda _root, _info: "Hello World!",
        "Post.user": lambda post, _info: value[services.users, post.user_id],
        "Page.items": lambda page, _info: value[services.items, (page.id,)],
        "Item.vendor": lambda item, _info: value[services.vendors, item.vendor_id],
    }
    for name, kind in schema.type_map.items():
        if isinstance(kind, graphql.GraphQLObjectType) and not name.startswith("__"):
            ours = cast(graphql.GraphQLObjectType, bench.schema.type_map[name]).fields
            for field_name, field in kind.fields.items():
                attribute = ours[field_name].extensions["strawberry-definition"].python_name
                field.resolve = links.get(f"{name}.{field_name}") or _reader(attribute)
    document = graphql.parse(text)

    async def run() -> object:
        return graphql.execute(schema, document)

    return run


def _reader(attribute: str) -> Callable[..., Any]:
    return lambda source, _info: getattr(source, attribute)
