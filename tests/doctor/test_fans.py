"""Fan-outs against the share that one request has of a bulkhead."""

from __future__ import annotations

from pathlib import Path

import pytest

from bff_core.clock import SystemClock
from bff_core.doctor.fans import share_of, wide_fans
from bff_core.resilience.bulkhead import Bulkhead, BulkheadOptions
from tests.doctor.clinic import bff, settings


def test_a_fan_out_may_be_the_share(tmp_path: Path) -> None:
    """A quarter of the bulkhead is well; with one permit less the link is named, and what would mend it."""
    made = bff(tmp_path)
    assert list(wide_fans(made, settings(made, SERVICES__BIRDS__IN_FLIGHT="20"))) == []
    (found,) = wide_fans(made, settings(made, SERVICES__BIRDS__IN_FLIGHT="19"))
    assert (found.severity, found.about) == ("warning", "Bird.song")
    assert found.sentence == (
        "fan_out=5, but one request may hold 4 of the 19 calls to birds that are under way at once: it is held to 4"
    )
    assert found.remedy == "declare fan_out=4 or less, or raise services.birds.in_flight to 20"


def test_the_bulkhead_of_another_service_does_not_matter(tmp_path: Path) -> None:
    """A link is held against the service that it asks."""
    made = bff(tmp_path)
    assert list(wide_fans(made, settings(made, SERVICES__NESTS__IN_FLIGHT="1"))) == []


@pytest.mark.parametrize("in_flight", [1, 3, 4, 7, 8, 31])
def test_the_share_is_the_bulkheads(tmp_path: Path, in_flight: int) -> None:
    """What is told is what the guard itself does."""
    made = bff(tmp_path)
    own = settings(made, SERVICES__BIRDS__IN_FLIGHT=str(in_flight)).services["birds"]
    assert share_of(own) == Bulkhead("birds", BulkheadOptions(in_flight), SystemClock()).share
