"""Bench: what one call to a service costs in each HTTP engine, measured side by side in one run.

    python bench/transports.py                          # a table on standard output, in about a minute
    python bench/transports.py --sniffio DIR            # DIR: where `pip install --target DIR sniffio` put it

The upstream is a process of its own on the last core and answers 2 kB from memory; the caller is on the first
core, on uvloop as in production. Counted is the caller's CPU time, not wall time, so that other work on the
machine disturbs little; rounds are interleaved and the median of each candidate's rounds is taken. Read the
ratios, not the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import cast

import aiohttp
import httpx
import httpx_aiohttp
import uvloop

from bff_core.outbound.transport import HttpTransport

BODY = json.dumps({"items": [{"id": n, "name": f"thing number {n}"} for n in range(50)]}).encode()[:2048]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
PARALLEL = (1, 32)

Ask = Callable[[], Awaitable[bytes]]
Close = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to ask the upstream; `sniffio` says whether that module can be imported while it runs."""

    name: str
    open: Callable[[str], tuple[Ask, Close]]
    sniffio: bool = False


def through(make: Callable[[], httpx.AsyncBaseTransport]) -> Callable[[str], tuple[Ask, Close]]:
    """Ask as the channel does: a bare Request straight to the transport, its whole answer read."""

    def open_(url: str) -> tuple[Ask, Close]:
        transport = make()
        limits = dict.fromkeys(("connect", "read", "write", "pool"), 30.0)  # a busy machine is no failure

        async def ask() -> bytes:
            request = httpx.Request("GET", url, headers={"Accept": "application/json"}, extensions={"timeout": limits})
            response = await transport.handle_async_request(request)
            try:
                return await response.aread()
            finally:
                await response.aclose()

        return ask, transport.aclose

    return open_


def bare_aiohttp(url: str) -> tuple[Ask, Close]:
    """The limit: aiohttp with nothing of httpx around it."""
    session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    async def ask() -> bytes:
        async with session.get(url, headers={"Accept": "application/json"}) as response:
            return await response.read()

    return ask, session.close


CANDIDATES = (
    Candidate("httpx.AsyncHTTPTransport", through(lambda: httpx.AsyncHTTPTransport(trust_env=False))),
    Candidate(
        "httpx.AsyncHTTPTransport, sniffio importable",
        through(lambda: httpx.AsyncHTTPTransport(trust_env=False)),
        sniffio=True,
    ),
    Candidate("httpx_aiohttp.AiohttpTransport", through(httpx_aiohttp.AiohttpTransport)),
    Candidate("bff_core HttpTransport", through(HttpTransport)),
    Candidate("bare aiohttp (the limit)", bare_aiohttp),
)


@contextmanager
def importable(folder: str | None) -> Iterator[None]:
    """Let `import sniffio` succeed for a while; httpcore tries it anew at every lock."""
    if folder is None:
        yield
        return
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
        sys.modules.pop("sniffio", None)


async def cpu_per_request(ask: Ask, requests: int, parallel: int) -> float:
    """Microseconds of this process's CPU time per request."""

    async def worker(count: int) -> None:
        for _ in range(count):
            await ask()

    start = time.process_time()
    await asyncio.gather(*(worker(requests // parallel) for _ in range(parallel)))
    return (time.process_time() - start) / (requests // parallel * parallel) * 1e6


async def measure(url: str, rounds: int, requests: int, sniffio: str | None) -> dict[str, list[list[float]]]:
    """For each candidate, its rounds; in each round one figure for each of PARALLEL."""
    found: dict[str, list[list[float]]] = {}
    for number in range(rounds + 1):
        for candidate in CANDIDATES:
            if candidate.sniffio and sniffio is None:
                continue
            with importable(sniffio if candidate.sniffio else None):
                ask, close = candidate.open(url)
                assert await ask() == BODY
                figures = [await cpu_per_request(ask, requests, parallel) for parallel in PARALLEL]
                await close()
            if number:  # the first round only warms up
                found.setdefault(candidate.name, []).append(figures)
    return found


def table(found: dict[str, list[list[float]]]) -> str:
    """Markdown: medians, the spread of the rounds, and the ratio to bare aiohttp."""
    limit = [statistics.median(column) for column in zip(*found[CANDIDATES[-1].name], strict=True)]
    lines = [
        "| engine | 1 at a time, µs | ratio | 32 in parallel, µs | ratio |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, rounds in found.items():
        cells = []
        for column, least in zip(zip(*rounds, strict=True), limit, strict=True):
            median = statistics.median(column)
            cells.append(f"{median:.0f} ({min(column):.0f} to {max(column):.0f}) | {median / least:.1f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


class Upstream(asyncio.Protocol):
    """Answers every request with the same bytes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.rest = cast(asyncio.Transport, transport), b""

    def data_received(self, data: bytes) -> None:
        *complete, self.rest = (self.rest + data).split(b"\r\n\r\n")
        self.transport.write(ANSWER * len(complete))


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9, help="measured rounds (default 9)")
    parser.add_argument("--requests", type=int, default=1500, help="requests in each measurement (default 1500)")
    parser.add_argument("--sniffio", metavar="DIR", help="measure httpx with the sniffio found here, too")
    parser.add_argument("--upstream", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.upstream:
        uvloop.run(serve())
        return
    first, *_, last = sorted(os.sched_getaffinity(0)) * 2
    os.sched_setaffinity(0, {last})  # what a process starts with, its child inherits
    upstream = subprocess.Popen([sys.executable, __file__, "--upstream"], stdout=subprocess.PIPE, text=True)
    os.sched_setaffinity(0, {first})
    try:
        assert upstream.stdout is not None
        url = f"http://127.0.0.1:{upstream.stdout.readline().strip()}/items?ids=1&ids=2"
        found = uvloop.run(measure(url, options.rounds, options.requests, options.sniffio))
    finally:
        upstream.terminate()
        upstream.wait()
    names = ("httpx", "httpcore", "httpx-aiohttp", "aiohttp", "uvloop")
    print(table(found))
    print(f"\nPython {sys.version.split()[0]}, " + ", ".join(f"{name} {version(name)}" for name in names))
    if options.sniffio is None:
        print("httpx with sniffio: skipped, no --sniffio given")


if __name__ == "__main__":
    main()
