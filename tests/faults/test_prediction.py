"""The predictions themselves: what they say of the shop's screens, and that none is empty by mistake."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.cells import Cell, aged_cells, every_cell
from tests.faults.golden import Golden
from tests.faults.prediction import Aged, Extent, Lost, Thinned, predict
from tests.faults.ways import WAYS, Effect
from tests.screens import SCREENS

CELLS = {str(cell): cell for cell in (*every_cell(), *aged_cells())}


def sentences(name: str) -> list[str]:
    """The losses predicted for the cell of this name."""
    said = []
    for loss in predict(CELLS[name]).losses:
        where = ", ".join(position.path for position in loss.positions)
        match loss:
            case Lost():
                said.append(f"{where}: {loss.extent.name} lost, {loss.code}")
            case Thinned():
                said.append(f"{where}: {loss.extent.name} left out, {loss.code}")
            case Aged():
                said.append(f"{where}: {loss.age:g} s old, {loss.code}")
    return said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("web-AccountPage-users-stopped", ["me: ALL lost, SERVICE_UNREACHABLE"]),
        ("web-AccountPage-users-stopped-cold", ["me: ALL lost, AUTH_UNAVAILABLE"]),
        ("web-AccountPage-users-slow-cold", []),
        ("web-ProductPage-users-stopped-cold", ["product.reviews.edges[].node.author: ALL lost, SERVICE_UNREACHABLE"]),
        (
            "web-AccountPage-users-tiring",
            ["me.addresses[]: ALL lost, DEADLINE_EXCEEDED", "me.preferences: ALL lost, DEADLINE_EXCEEDED"],
        ),
        ("web-Refetch-users-garbage", []),
        (
            "web-SearchPage-products-one-bad",
            [
                "search: LAST left out, SERVICE_BAD_PAYLOAD",
                "search.edges[].node.category: ALL lost, SERVICE_BAD_PAYLOAD",
                "search.edges[].node.stock: ONE lost, SERVICE_BAD_PAYLOAD",
            ],
        ),
        ("web-SearchPage-products-one-missing", ["search: ALL lost, None"]),
        (
            "web-ProductPage-products-one-missing-of-many",
            ["product.related[]: ONE left out, None", "product.related[].stock: ONE lost, None"],
        ),
        (
            "web-ProductPage-products-POST /stock/query-status-500",
            [
                "product.stock: ALL lost, SERVICE_ERROR",
                "product.related[].stock: ALL lost, SERVICE_ERROR",
            ],
        ),
    ],
)
def test_what_is_predicted(name: str, said: list[str]) -> None:
    """One of each kind of loss, where it follows from plan, golden file and way."""
    assert sentences(name) == said


def test_every_extent_and_kind_occurs() -> None:
    """The matrix exercises each kind of loss that can be predicted, and each extent but that of a shared key."""
    losses = [loss for cell in CELLS.values() for loss in predict(cell).losses]
    assert {type(loss) for loss in losses} == {Lost, Thinned, Aged}
    assert {loss.extent for loss in losses if not isinstance(loss, Aged)} >= {Extent.ALL, Extent.ONE, Extent.LAST}


def test_who_needs_a_service_loses_something_without_it() -> None:
    """A call that fails costs every screen that needs it, and no other; healthy calls are as many as the golden."""
    for screen in SCREENS:
        needed = {endpoint.service for position in screen.plan.positions for endpoint in position.endpoints}
        for service in screen.bff.services:
            for way in WAYS:
                prediction = predict(Cell(screen, service.name, way))
                if way.effect is Effect.FAIL:
                    assert bool(prediction.losses) is (service.name in needed)
                if way.effect is Effect.NONE or service.name not in needed:
                    assert prediction.losses == []
                    assert Counter(prediction.calls) == Counter(call.service for call in Golden.of(screen).calls)


def test_every_way_is_played_on_every_screen_and_service() -> None:
    """No cell of screens x services x ways is left out."""
    played = {(cell.screen, cell.service, cell.way.name) for cell in CELLS.values() if not cell.cold and not cell.only}
    assert played >= {(screen, one.name, way.name) for screen in SCREENS for one in screen.bff.services for way in WAYS}
