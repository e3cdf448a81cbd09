"""The bench of the guards: every row does what it is named for, or its cost would be that of something else."""

from __future__ import annotations

from bench.guards import TIMES, everything, rows
from bench.upstream import as_bytes
from tests.bench.test_bff import ROWS


async def test_every_guard_is_timed() -> None:
    """Each row of the table runs, and takes some time."""
    table = await everything(rounds=1, least_ms=0.001)
    lines = table.splitlines()[2:]
    assert len(lines) == len(rows(as_bytes(ROWS))) == 13
    assert all(float(line.split("|")[2]) > 0 for line in lines)


async def test_a_run_leaves_every_guard_as_it_found_it() -> None:
    """No permit stays out, no breaker trips and no run differs from the one before: only then may it be repeated."""
    measured = rows(as_bytes(ROWS))
    assert len({row.name for row in measured}) == len(measured)
    for row in measured:
        for _ in range(3):
            await row.run()  # a refusal of a guard would raise
    assert TIMES == 100
