"""Single steps of the road, timed apart in tight loops; each is a share of one of the layers."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Coroutine, Mapping
from itertools import cycle
from typing import Any, cast

import graphql
import httpx
import msgspec
from prometheus_client import CollectorRegistry

from bench.bff import services
from bench.bff.app import bench
from bench.layers import CLOCK, SETTINGS, all_outcomes, query, with_strawberry
from bff_core.auth.keyset import KeySet, KeySetOptions
from bff_core.auth.tokens import TokenOptions, TokenVerifier
from bff_core.contract import JwkSet, Outcome
from bff_core.deadline import Deadline
from bff_core.edge.http import read_post
from bff_core.graphql.operations import Operations
from bff_core.outbound.codec import codec_for
from bff_core.outbound.target import BaseUrl
from bff_core.telemetry.facts import CallFinished, RequestFinished
from bff_core.telemetry.logs import LogObserver
from bff_core.telemetry.metrics import MetricsObserver
from bff_core.testing.tokens import TokenMint

ISSUER = "http://issuer"


class _Nowhere(io.StringIO):
    """Takes lines and keeps none; what the system takes for writing them is not in the figure."""

    def write(self, text: str) -> int:
        """Forget it."""
        return len(text)


async def steps(answers: Mapping[str, bytes], least_ms: float) -> list[tuple[str, float]]:
    """Name and microseconds of each step, in the order of the road."""
    text = query("d")
    body = msgspec.json.encode({"query": text})
    operations = Operations(bench.schema)
    operations.prepare(text)
    logs = LogObserver(bff=bench.name, stream=_Nowhere())
    mint = TokenMint(ISSUER, bench.name)
    verifier = await _verifier(mint, logs)
    header = f"Bearer {mint.token('7')}"
    await verifier.principal(header, 1.0)
    forgetful = await _verifier(mint, logs, remembered=1)
    by_turns = cycle([header, f"Bearer {mint.token('8')}"])
    data = cast(graphql.ExecutionResult, await with_strawberry(text, all_outcomes(answers))()).data
    items, vendors = codec_for(services.items), codec_for(services.vendors)
    ten = list(range(1, 11))
    base = BaseUrl(SETTINGS.services["upstream"].url)
    headers = [
        (b"host", base.host),
        (b"accept", b"application/json"),
        (b"x-deadline-ms", b"800"),
        (b"x-request-id", b"0123456789abcdef"),
    ]
    called = CallFinished("upstream", services.items.name, 1, 0.0, 0.002, 200, None)
    ended = RequestFinished(bench.name, "other", "", "anonymous", "0123456789abcdef", 200, 0.02, 3)
    metrics = MetricsObserver(CollectorRegistry(), bench.name)
    deadline = Deadline.after(CLOCK, 60.0)
    found: list[tuple[str, Callable[[], object]]] = [
        ("auth: a token seen before", lambda: _at_once(verifier.principal(header, 1.0))),
        ("auth: a token seen for the first time", lambda: _at_once(forgetful.principal(next(by_turns), 1.0))),
        ("reading the request's JSON", lambda: read_post(body)),
        ("prepare: a document seen before", lambda: operations.prepare(text)),
        ("one look at the deadline", lambda: deadline.left),
        ("a batch's query of 10 keys", lambda: vendors.ask(ten)),
        (
            "an httpx.Request, as the channel makes it",
            lambda: httpx.Request("GET", base.at("/items?page=1"), headers=headers, stream=httpx.ByteStream(b"")),
        ),
        (
            "an httpx.Response, as the transport makes it",
            lambda: httpx.Response(200, headers=headers, stream=httpx.ByteStream(answers["/vendors"])),
        ),
        ("codec: a batch of 10 rows", lambda: vendors.outcomes(ten, answers["/vendors"])),
        ("codec: a list of 50 items", lambda: items.outcomes([(1,)], answers["/items"])),
        ("encoding the answer of d", lambda: msgspec.json.encode({"data": data})),
        ("metrics of one call", lambda: metrics.observe(called)),
        ("metrics of one request", lambda: metrics.observe(ended)),
        ("the log line of one request", lambda: logs.observe(ended)),
    ]
    return [(name, _best(step, least_ms)) for name, step in found]


async def _verifier(mint: TokenMint, logs: LogObserver, remembered: int = 10_000) -> TokenVerifier:
    async def fetch() -> Outcome[JwkSet]:
        return Outcome("issuer", mint.jwks())

    keys = KeySet(fetch, CLOCK, KeySetOptions(), logs)
    await keys.key(mint.kid, 1.0)
    await keys.aclose()  # the keys stay known; nothing renews them
    return TokenVerifier(TokenOptions(ISSUER, bench.name, remembered=remembered), keys, CLOCK)


def _at_once(coroutine: Coroutine[Any, Any, object]) -> object:
    """Run a coroutine that awaits nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it awaits something")


def _best(step: Callable[[], object], least_ms: float) -> float:
    """Microseconds: the best of seven loops, each of at least ``least_ms`` milliseconds of CPU time."""
    count, best = 1, float("inf")
    for _ in range(7):
        while (took := _loop(step, count)) * 1000 < least_ms:
            count *= 2
        best = min(best, took / count)
    return best * 1e6


def _loop(step: Callable[[], object], count: int) -> float:
    start = time.process_time()
    for _ in range(count):
        step()
    return time.process_time() - start
