"""Bench: the whole road with everything on and nothing cached, beside the same endpoint written by hand, in one run.

    python -m bench.beside                       # a table on standard output, in about a minute
    python -m bench.beside --workloads a --rounds 31

Both are called through ASGI in this process and ask the same upstream over loopback, one request after another, so that
the ratio does not depend on the machine. What "everything on" means stands in bench/README.md.

The road apart from execution is measured twice. As a difference: the whole road less the execution with every value at
hand (the third row of ``bench.road``); a small difference of two large figures, which shakes with the machine. And
alone: the same application with an executor that executes nothing. It asks the request's scope for every key at every
position, as the operation would, waits for the outcomes, and gives an answer that is ready. The second is the figure
to read; that the first agrees with it shows that nothing was left out.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import httpx
import msgspec
import uvloop
from starlette.applications import Starlette

from bench.bff import services
from bench.bff.app import bench
from bench.hand import Endpoint as ByHand
from bench.layers import all_outcomes, execution, posted, query
from bench.measuring import Run, interleaved, upstream, versions
from bench.upstream import CannedTransport, as_bytes, make_rows
from bff_core.app import Doubles, create_app
from bff_core.contract import Endpoint, JwkSet, Outcome, Service
from bff_core.graphql.context import Context
from bff_core.graphql.executor import Execution
from bff_core.graphql.operations import Operation
from bff_core.outbound.transport import HttpTransport, TransportOptions
from bff_core.testing.tokens import TokenMint

#: Keys at every position of a workload, wave by wave: each position asks for its own, also for one that others ask for.
Waves = Sequence[Sequence[tuple[Endpoint[Any], Any]]]

ISSUER = "http://issuer"
issuer = Service("issuer")
keys = issuer.get("GET /keys", returns=JwkSet)

#: The bench with sign-in.
guarded = replace(bench, services=(*bench.services, issuer), keys=keys)


def waves(workload: str, answers: Mapping[str, bytes]) -> Waves:
    """What the operation asks for."""
    outcomes = all_outcomes(answers)
    posts, items = outcomes[services.posts, ()].value or [], outcomes[services.items, (1,)].value or []
    found: Mapping[str, Waves] = {
        "a": [[(services.posts, ())], [(services.users, post.user_id) for post in posts]],
        "b": [[(services.posts, ())]],
        "c": [],
        "d": [
            [(services.pages, (1,))],
            [(services.items, (1,))],
            [(services.vendors, item.vendor_id) for item in items],
        ],
    }
    return found[workload]


class Asking:
    """An executor that executes nothing: it asks for ``waves``, waits for the outcomes and answers with ``data``."""

    def __init__(self) -> None:
        self.waves: Waves = ()
        self.data: dict[str, Any] = {}

    async def execute(self, operation: Operation, variables: Mapping[str, Any], context: Context) -> Execution:
        """Ask for everything, as an operation would."""
        for wave in self.waves:
            asked = [context.scope.ask(endpoint, key) for endpoint, key in wave]
            for one in asked:
                outcome = one if isinstance(one, Outcome) else await one
                if outcome.error is not None:
                    raise outcome.error
        return Execution(self.data, (), started=True)


@dataclass(frozen=True, slots=True)
class Pair:
    """The road and the endpoint by hand, both running; ``alone`` is the road with ``asking`` for its executor."""

    whole: Starlette
    alone: Starlette
    asking: Asking
    by_hand: Starlette
    authorization: str


@contextlib.asynccontextmanager
async def pair(url: str, answers: Mapping[str, bytes]) -> AsyncIterator[Pair]:
    """Everything on, over real sockets to ``url``; the issuer's keys alone come from memory."""
    mint, asking = TokenMint(ISSUER, bench.name), Asking()
    settings = guarded.load_settings(
        {
            "BFF_BENCH__SERVICES__UPSTREAM__URL": url,
            "BFF_BENCH__SERVICES__ISSUER__URL": ISSUER,
            "BFF_BENCH__AUTH__ISSUER": ISSUER,
            "BFF_BENCH__AUTH__AUDIENCE": bench.name,
        }
    )

    def transport(service: Service) -> httpx.AsyncBaseTransport:
        if service is issuer:
            return CannedTransport({"/keys": msgspec.json.encode(mint.jwks())})
        own = settings.services[service.name]
        return HttpTransport(TransportOptions(own.max_connections, own.connect_timeout_ms / 1000))

    by_hand = ByHand(url, {name: query(name) for name in "abcd"}).application()
    nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: ASYNC230, SIM115  # never blocks; closed below
    with nowhere, contextlib.redirect_stdout(nowhere):  # where the log lines go
        whole = create_app(guarded, settings, Doubles(transports=transport))
        alone = create_app(guarded, settings, Doubles(transports=transport, executor=asking))
        async with contextlib.AsyncExitStack() as stack:
            for app in (whole, alone, by_hand):
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield Pair(whole, alone, asking, by_hand, f"Bearer {mint.token('7', ttl=36_000)}")


def runs(workload: str, answers: Mapping[str, bytes], both: Pair) -> list[Run]:
    """Execution, the whole road, the road alone, and the endpoint by hand, for one workload."""
    body = msgspec.json.encode({"query": query(workload)})
    own = posted(both.alone, body, authorization=both.authorization)
    asked = waves(workload, answers)
    ready: dict[str, Any] = {}

    async def alone() -> object:
        if not ready:
            ready.update(msgspec.json.decode(cast(bytes, await whole()))["data"])
        both.asking.waves, both.asking.data = asked, ready
        return await own()

    whole = posted(both.whole, body, authorization=both.authorization)
    return [execution(workload, answers), whole, alone, posted(both.by_hand, body)]


def line(workload: str, found: Sequence[Sequence[float]]) -> str:
    """One row of the table: medians, and the median of each round's ratio with its smallest and largest."""
    executed, whole, alone, by_hand = found
    ratios = [own / hand for own, hand in zip(alone, by_hand, strict=True)]
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    medians = [statistics.median(figures) for figures in found]
    difference = statistics.median(all_ - part for all_, part in zip(whole, executed, strict=True))
    cells = [*(f"{median:.0f}" for median in medians), f"{difference:.0f}"]
    return f"| {workload} | {cells[1]} | {cells[0]} | {cells[4]} | {cells[2]} | {cells[3]} | {spread} |"


async def everything(workloads: Sequence[str], rounds: int, least_ms: float, url: str) -> str:
    """The table."""
    answers = as_bytes(make_rows())
    lines = [
        "| | the whole road, µs | execution | the difference | **the road alone** | **by hand** | **ratio** |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    async with pair(url, answers) as both:
        for workload in workloads:
            measured = await interleaved(runs(workload, answers, both), rounds, least_ms)
            lines.append(line(workload, measured))
    return "\n".join(lines)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--workloads", default="a,b,d", help="which of a, b, c, d (default a,b,d)")
    parser.add_argument("--rounds", type=int, default=15, help="measured rounds (default 15)")
    parser.add_argument("--least-ms", type=float, default=100, help="CPU time of one measurement (default 100)")
    options = parser.parse_args()
    with upstream() as url:
        print(uvloop.run(everything(options.workloads.split(","), options.rounds, options.least_ms, url)))
    print(f"\n{versions()}")


if __name__ == "__main__":
    main()
