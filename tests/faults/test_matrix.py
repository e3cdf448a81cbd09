"""Every screen with every service failing in every way: answered in time, and complete but for what was predicted."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.conftest import Shop
from tests.faults.cells import Cell, aged_cells, every_cell
from tests.faults.comparison import check
from tests.faults.golden import Golden
from tests.faults.prediction import predict
from tests.faults.scene import mend, play


@pytest.mark.parametrize("cell", [*every_cell(), *aged_cells()], ids=str)
async def test_screen_fails_as_predicted(cell: Cell, front: Shop) -> None:
    """200 within the budget; what the plan says is lost is lost and named, and nothing else; each call as predicted."""
    prediction = predict(cell)
    try:
        seen = await play(cell, front)
    finally:
        mend(cell, front)
    assert seen.reply.status == 200
    assert seen.seconds < seen.budget
    check(prediction, Golden.of(cell.screen), seen.reply)
    assert prediction.calls is None or Counter(seen.calls) == Counter(prediction.calls)
    assert cell.way.counts or seen.breakers == [], "it was held against the service"
