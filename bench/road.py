"""Bench: what one request costs in-process, layer by layer, and how much of it is graphql-core's own execution.

    python -m bench.road                       # tables on standard output, in about two minutes
    python -m bench.road --workloads a,d --rounds 21

Each row of a table runs all of the row before it and one part more, so that the difference is what this part costs
and the differences sum up to the whole. Counted is this process's CPU time, one request after another, on uvloop and
with the collector as `bff serve` sets it; the rows are measured in turn within a round, and the median of a row's
rounds is taken. The upstream answers from memory; in the last row it is a process of its own on the last core, so that
the HTTP engine's share shows. The server in front (uvicorn, the client's socket) is in no row. Read the ratios, not
the figures.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import uvloop

from bench.layers import EXECUTION, Layer, Run, applications, layers
from bench.steps import steps
from bench.upstream import as_bytes, make_rows, serve

LIBRARIES = ("graphql-core", "strawberry-graphql", "msgspec", "httpx", "aiohttp", "aiodataloader", "starlette")


async def cpu_us(run: Run, requests: int) -> float:
    """Microseconds of this process's CPU time per request."""
    start = time.process_time()
    for _ in range(requests):
        await run()
    return (time.process_time() - start) / requests * 1e6


async def measure(rows: Sequence[Layer], rounds: int, least_ms: float) -> list[list[float]]:
    """For each row, its figure in each round."""
    counts = []
    for row in rows:
        await cpu_us(row.run, 5)  # warms up
        counts.append(max(3, round(least_ms * 1000 / await cpu_us(row.run, 5))))
    found: list[list[float]] = [[] for _ in rows]
    for _ in range(rounds):
        for row, count, figures in zip(rows, counts, found, strict=True):
            figures.append(await cpu_us(row.run, count))
    return found


def table(workload: str, rows: Sequence[Layer], found: Sequence[Sequence[float]]) -> str:
    """Markdown: each row's median, smallest and largest round, what it adds, and its ratio to the execution."""
    medians = [statistics.median(figures) for figures in found]
    execution = medians[EXECUTION]
    lines = [f"### workload {workload}", "", "| all of the above, and | µs | rounds | adds | ratio |"]
    lines.append("|---|---:|---:|---:|---:|")
    before = 0.0
    for row, figures, median in zip(rows, found, medians, strict=True):
        spread = f"{min(figures):.0f} to {max(figures):.0f}"
        lines.append(f"| {row.adds} | {median:.0f} | {spread} | {median - before:+.0f} | {median / execution:.2f} |")
        before = median
    shares = [f"{whole - execution:.0f} of {whole:.0f} µs ({1 - execution / whole:.0%})" for whole in medians[-2:]]
    return "\n".join([*lines, "", f"Our own road: {shares[0]}; with the HTTP engine {shares[1]}.", ""])


async def everything(workloads: Sequence[str], rounds: int, least_ms: float, url: str) -> str:
    """All tables."""
    answers = as_bytes(make_rows())
    found = []
    async with applications(answers, url) as apps:
        for workload in workloads:
            rows = layers(workload, answers, apps)
            gc.collect()
            gc.freeze()
            found.append(table(workload, rows, await measure(rows, rounds, least_ms)))
    found += ["### single steps", "", "| step | µs |", "|---|---:|"]
    return "\n".join(found + [f"| {name} | {cost:.1f} |" for name, cost in await steps(answers, least_ms / 4)])


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--workloads", default="a,b,c,d", help="which of a, b, c, d (default all)")
    parser.add_argument("--rounds", type=int, default=11, help="measured rounds (default 11)")
    parser.add_argument("--least-ms", type=float, default=100, help="CPU time of one measurement (default 100)")
    parser.add_argument("--upstream", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.upstream:
        uvloop.run(serve(as_bytes(make_rows())))
        return
    first, *_, last = sorted(os.sched_getaffinity(0)) * 2
    os.sched_setaffinity(0, {last})  # what a process starts with, its child inherits
    command = [sys.executable, "-m", "bench.road", "--upstream"]
    upstream = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
    os.sched_setaffinity(0, {first})
    try:
        assert upstream.stdout is not None
        url = f"http://127.0.0.1:{upstream.stdout.readline().strip()}"
        workloads = options.workloads.split(",")
        print(uvloop.run(everything(workloads, options.rounds, options.least_ms, url)))
    finally:
        upstream.terminate()
        upstream.wait()
    print(f"\nPython {sys.version.split()[0]}, " + ", ".join(f"{name} {version(name)}" for name in LIBRARIES))


if __name__ == "__main__":
    main()
