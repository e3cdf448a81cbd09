"""How everything here is measured: CPU time of this process, rounds in turn; the upstream on a core of its own."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

Run = Callable[[], Awaitable[object]]

LIBRARIES = ("graphql-core", "strawberry-graphql", "msgspec", "httpx", "httptools", "aiohttp", "starlette", "uvloop")


async def cpu_us(run: Run, times: int) -> float:
    """Microseconds of this process's CPU time for each of so many runs, one after another."""
    start = time.process_time()
    for _ in range(times):
        await run()
    return (time.process_time() - start) / times * 1e6


async def interleaved(runs: Sequence[Run], rounds: int, least_ms: float) -> list[list[float]]:
    """For each run, its microseconds in each round; within a round the runs take turns.

    So what else the machine does meanwhile meets all of them. One measurement takes at least ``least_ms`` of CPU time.
    """
    counts = []
    for run in runs:
        await cpu_us(run, 5)  # warms up
        counts.append(max(3, round(least_ms * 1000 / await cpu_us(run, 5))))
    gc.collect()
    gc.freeze()  # as `bff serve` does
    found: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for run, count, figures in zip(runs, counts, found, strict=True):
            figures.append(await cpu_us(run, count))
    return found


@contextmanager
def upstream() -> Iterator[str]:
    """The URL of the upstream, a process on the last core; this process stays on the first."""
    first, *_, last = sorted(os.sched_getaffinity(0)) * 2
    os.sched_setaffinity(0, {last})  # what a process starts with, its child inherits
    command = [sys.executable, "-m", "bench.upstream"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
    os.sched_setaffinity(0, {first})
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait()


def versions() -> str:
    """What was measured with."""
    return f"Python {sys.version.split()[0]}, " + ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
