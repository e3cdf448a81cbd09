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
import statistics
from collections.abc import Sequence

import uvloop

from bench.layers import EXECUTION, Layer, applications, layers
from bench.measuring import interleaved, upstream, versions
from bench.steps import steps
from bench.upstream import as_bytes, make_rows


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
            figures = await interleaved([row.run for row in rows], rounds, least_ms)
            found.append(table(workload, rows, figures))
    found += ["### single steps", "", "| step | µs |", "|---|---:|"]
    return "\n".join(found + [f"| {name} | {cost:.1f} |" for name, cost in await steps(answers, least_ms / 4)])


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--workloads", default="a,b,c,d", help="which of a, b, c, d (default all)")
    parser.add_argument("--rounds", type=int, default=11, help="measured rounds (default 11)")
    parser.add_argument("--least-ms", type=float, default=100, help="CPU time of one measurement (default 100)")
    options = parser.parse_args()
    with upstream() as url:
        print(uvloop.run(everything(options.workloads.split(","), options.rounds, options.least_ms, url)))
    print(f"\n{versions()}")


if __name__ == "__main__":
    main()
