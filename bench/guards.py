"""Bench: what each guard costs a call that goes well, which is what nearly every call does.

    python -m bench.guards                       # a table on standard output, in about half a minute
    python -m bench.guards --rounds 51

Each guard runs alone around a call that does nothing, as the channel sets it for this BFF, in loops of ``TIMES`` calls;
the guards take turns within a round, and the median of a guard's rounds is taken. The last row is the channel with all
of them, over a transport that has its answer at hand: what is more than the sum is the request, the answer and the way.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import httpx
import uvloop
from prometheus_client import CollectorRegistry

from bench.bff import services
from bench.bff.app import bench
from bench.layers import CLOCK, SETTINGS
from bench.measuring import Run, interleaved, versions
from bench.upstream import as_bytes, make_rows
from bff_core.deadline import Deadline
from bff_core.outbound.channel import Caller, Channel, ChannelOptions
from bff_core.outbound.codec import codec_for
from bff_core.outbound.guards import GuardOptions, Guards
from bff_core.resilience.breaker import verdict
from bff_core.resilience.bulkhead import BulkheadOptions
from bff_core.telemetry.facts import CallFinished, Fact, Observer
from bff_core.telemetry.metrics import MetricsObserver

#: Calls in one run of a guard.
TIMES = 100

#: Ten keys, as the workloads' batches have them.
KEYS = tuple(range(1, 11))


@dataclass(frozen=True, slots=True)
class Row:
    """A guard, and ``TIMES`` calls under it."""

    name: str
    run: Run


def rows(answers: Mapping[str, bytes]) -> list[Row]:
    """Every guard in the order of a call, outermost first, then the channel that composes them."""
    guards = _guards()
    deadline = Deadline.after(CLOCK, 3600.0)
    breaker, hedge = guards.breaker(""), guards.hedge("")
    codec = codec_for(services.users)
    metrics = MetricsObserver(CollectorRegistry(), bench.name)
    name = services.users.name

    async def call() -> None:
        """A call that does nothing."""

    def retried() -> Awaitable[None]:
        return guards.retry.run(call, deadline=deadline, repeatable=True)

    def hedged() -> Awaitable[None]:
        return hedge.run(call, deadline=deadline, read=True)

    async def permitted() -> None:
        async with guards.bulkhead.permit(deadline):
            await call()

    async def timed() -> None:
        async with CLOCK.timeout(10.0):
            await call()

    def admitted() -> None:
        admission = breaker.admit()
        admission.ended(verdict(None))
        admission.ignored()  # as the channel says at the end of every attempt

    def told() -> None:
        metrics.observe(CallFinished("upstream", name, 10, 0.0, 0.002, 200, None))

    return [
        Row("nothing: an awaited call, in each row below", _awaiting(call)),
        Row("retry, with the first attempt noted in the budget", _awaiting(retried)),
        Row("retry budget: that note alone", _calling(guards.budget.note_first)),
        Row("hedge, off", _awaiting(hedged)),
        Row("deadline: one look (a call takes about four)", _calling(lambda: deadline.left)),
        Row("breaker: let in, and told how it ended", _calling(admitted)),
        Row("bulkhead: a free permit, and back", _awaiting(permitted)),
        Row("attempt timeout", _awaiting(timed)),
        Row("latency noted", _calling(lambda: guards.latencies.note(0.002))),
        Row("codec: the request for 10 keys", _calling(lambda: codec.ask(KEYS))),
        Row("codec: 10 rows checked and matched to their keys", _calling(lambda: _read(codec.outcomes, answers))),
        Row("the call told, and counted by the metrics", _calling(told)),
        Row("the channel with all of it, 10 keys", _awaiting(_through(_guards(), answers, metrics))),
    ]


def table(found: Sequence[tuple[Row, Sequence[float]]]) -> str:
    """Markdown: each guard's median, smallest and largest round, in microseconds a call."""
    lines = ["| guard | µs a call | rounds |", "|---|---:|---:|"]
    for row, figures in found:
        each = [figure / TIMES for figure in figures]
        lines.append(f"| {row.name} | {statistics.median(each):.2f} | {min(each):.2f} to {max(each):.2f} |")
    return "\n".join(lines)


async def everything(rounds: int, least_ms: float) -> str:
    """The table."""
    all_rows = rows(as_bytes(make_rows()))
    found = await interleaved([row.run for row in all_rows], rounds, least_ms)
    return table(list(zip(all_rows, found, strict=True)))


def _guards() -> Guards:
    own = SETTINGS.services["upstream"]
    bulkhead = BulkheadOptions(own.in_flight, own.waiting, own.longest_wait_ms / 1000)
    return Guards("upstream", GuardOptions(bulkhead=bulkhead), CLOCK, _Deaf())


def _through(guards: Guards, answers: Mapping[str, bytes], observer: Observer) -> Callable[[], Awaitable[object]]:
    own = SETTINGS.services["upstream"]
    channel = Channel(
        "upstream",
        ChannelOptions(own.url, own.attempt_timeout_ms / 1000),
        transport=_AtHand(httpx.Response(200, content=answers["/users"])),
        guards=guards,
        clock=CLOCK,
        observer=observer,
    )
    caller = Caller(Deadline.after(CLOCK, 3600.0), request_id="0123456789abcdef")
    return lambda: channel.fetch(services.users, KEYS, caller)


def _read(outcomes: Callable[[Sequence[int], bytes], object], answers: Mapping[str, bytes]) -> None:
    outcomes(KEYS, answers["/users"])


def _awaiting(step: Callable[[], Awaitable[object]]) -> Run:
    async def run() -> None:
        for _ in range(TIMES):
            await step()

    return run


def _calling(step: Callable[[], object]) -> Run:
    async def run() -> None:
        for _ in range(TIMES):
            step()

    return run


class _AtHand(httpx.AsyncBaseTransport):
    """Gives one and the same answer."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """It."""
        return self._response


class _Deaf:
    """An observer that hears nothing."""

    def observe(self, fact: Fact) -> None:
        """Pass over it."""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=21, help="measured rounds (default 21)")
    parser.add_argument("--least-ms", type=float, default=50, help="CPU time of one measurement (default 50)")
    options = parser.parse_args()
    print(uvloop.run(everything(options.rounds, options.least_ms)))
    print(f"\n{versions()}")


if __name__ == "__main__":
    main()
