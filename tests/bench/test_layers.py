"""The layers of one request: each of them really answers, or its cost would be that of something else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bench.layers import CALLS, EXECUTION, applications, layers
from bench.steps import steps
from bench.upstream import as_bytes, make_rows
from tests.bench.test_bff import ROWS, expected

NOWHERE = "http://127.0.0.1:9"


def data_of(result: Any) -> Any:
    """What a layer answered: an HTTP body, or a result with its data."""
    return msgspec.json.decode(result)["data"] if isinstance(result, bytes) else result.data


@pytest.mark.parametrize("workload", CALLS)
async def test_every_layer_gives_the_same_answer(workload: str) -> None:
    """From graphql-core alone to the whole application, each layer answers the workload in full, time after time."""
    answers = as_bytes(ROWS)
    async with applications(answers, NOWHERE) as apps:
        rows = layers(workload, answers, apps)
        for layer in rows[:-1]:  # the last one needs a server
            for _ in range(2):
                assert data_of(await layer.run()) == expected(workload), layer.adds
    assert len(rows) == len({layer.adds for layer in rows}) == 10
    assert rows[EXECUTION].adds.startswith("awaiting")


async def test_every_step_is_timed() -> None:
    """Each single step runs and takes some time."""
    found = await steps(as_bytes(ROWS), least_ms=0.001)
    assert len(found) == len({name for name, _ in found}) == 14
    assert all(cost > 0 for _, cost in found)


def test_the_rows_are_the_same_in_every_process() -> None:
    """The upstream's answers do not depend on the run, so that two runs can be compared."""
    assert make_rows() == ROWS
    assert make_rows(8) != ROWS
