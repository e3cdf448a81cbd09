"""The predictions themselves: what they say of the shop's screens, and that none is empty by mistake."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tests.faults.cells import Cell, aged_cells, every_cell, nameless_cells, ways_of
from tests.faults.golden import Golden
from tests.faults.prediction import Aged, Extent, Lost, Marred, Thinned, Unknown, predict
from tests.faults.ways import WAYS, Effect, Means
from tests.screens import SCREENS, Screen

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
            case Marred():
                said.append(f"{where}: stands, {loss.code}")
            case Unknown():
                said.append(f"{where}: unknown, {loss.code}")
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
        ("web-Refetch-users-hung", []),
        (
            "web-SearchPage-products-one-bad",
            [
                "search: LAST left out, SERVICE_BAD_PAYLOAD",
                "search.edges[].node.stock: ONE lost, SERVICE_BAD_PAYLOAD",
                "searchFacets: ALL lost, SERVICE_BAD_PAYLOAD",
            ],
        ),
        ("web-SearchPage-products-one-missing", ["search: ALL lost, None", "searchFacets: ALL lost, None"]),
        (
            "web-OrderHistory-orders-one-bad",
            [
                "orders: LAST left out, SERVICE_BAD_PAYLOAD",
                "orders.edges[].node.parcels[]: ONE left out, SERVICE_BAD_PAYLOAD",
            ],
        ),
        (
            "web-OrderHistory-orders-hung-after-302s",
            ["orders: 302 s old, SERVICE_TIMEOUT", "orders.edges[].node.parcels[]: 302 s old, SERVICE_TIMEOUT"],
        ),
        ("mobile-MeScreen-users-one-bad-of-many", ["me.defaultAddress: stands, SERVICE_BAD_PAYLOAD"]),
        ("mobile-MeScreen-users-one-missing-of-many", []),
        ("mobile-Cart-orders-one-missing", ["cart: LAST left out, None"]),
        ("mobile-CheckoutScreen-orders-GET /me/cart-one-missing", ["cart: LAST left out, None"]),
        ("web-CartPage-orders-one-bad", ["cart: ALL lost, SERVICE_BAD_PAYLOAD"]),
        ("web-Checkout-orders-hung", ["checkout: unknown, SERVICE_TIMEOUT"]),
        ("web-Checkout-orders-stopped", ["checkout: ALL lost, SERVICE_UNREACHABLE"]),
        ("web-Checkout-payments-hung", ["checkout.order.payment: ALL lost, SERVICE_TIMEOUT"]),
        ("mobile-RegisterDevice-notifications-truncated", ["registerDevice: unknown, SERVICE_UNREACHABLE"]),
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


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("web-Checkout-orders-hung", {"orders": 2}),  # under a key: sent again
        ("web-RemoveFromCart-orders-hung", {"orders": 2}),  # by DELETE
        ("web-Checkout-orders-status-500", {"orders": 1}),
        ("web-Checkout-orders-stopped", {"orders": 0}),
        ("web-Checkout-payments-hung", {"orders": 1, "payments": 2}),
        ("web-InboxPage-notifications-one-bad", {"notifications": 2, "orders": 1, "products": 0}),
    ],
)
def test_how_many_calls_are_predicted(name: str, calls: dict[str, int]) -> None:
    """A write is sent again only where that does no harm, and what nothing is left to ask by is not asked."""
    assert predict(CELLS[name]).calls == calls


def test_a_write_that_has_no_name_is_sent_once() -> None:
    """Without an idempotency key in its variables a POST is predicted to be sent once, whatever comes instead."""
    cells = list(nameless_cells())
    for cell in cells:
        assert predict(cell).calls == {cell.service: 1}
        assert predict(replace(cell, screen=Screen(cell.screen.bff, cell.screen.file))).calls == {cell.service: 2}
    assert {str(cell.screen) for cell in cells} >= {"web-AddToCart-nameless", "mobile-MarkRead-nameless"}


def test_every_extent_and_kind_occurs() -> None:
    """The matrix exercises each kind of loss that can be predicted, and each extent."""
    losses = [loss for cell in CELLS.values() for loss in predict(cell).losses]
    assert {type(loss) for loss in losses} == {Lost, Thinned, Aged, Marred, Unknown}
    assert {loss.extent for loss in losses if isinstance(loss, Lost | Thinned)} == set(Extent)


def test_who_needs_a_service_loses_something_without_it() -> None:
    """A call that fails costs every screen that needs it, and no other; healthy calls are as many as the golden."""
    for screen in SCREENS:
        needed = {call.service for call in Golden.of(screen).calls}
        for service in screen.bff.services:
            for way in ways_of(screen, service.name):
                prediction = predict(Cell(screen, service.name, way))
                if way.effect is Effect.FAIL:
                    assert bool(prediction.losses) is (service.name in needed)
                if way.effect is Effect.NONE or service.name not in needed:
                    assert prediction.losses == []
                    assert Counter(prediction.calls) == Counter(call.service for call in Golden.of(screen).calls)


def test_every_way_is_played_on_every_screen_and_service() -> None:
    """No cell of screens x services x ways is left out, but those in which nothing can differ.

    A service that a screen does not call is stopped and hung; a write's answer has no element to lack or to spoil; and
    below a write reads fail as they do on a page, so that one way of each effect will do.
    """
    played = {(cell.screen, cell.service, cell.way.name) for cell in CELLS.values() if not cell.cold and not cell.only}
    for screen in SCREENS:
        called = {call.service for call in Golden.of(screen).calls}
        for service in (one.name for one in screen.bff.services):
            written = any(one.writes and one.endpoints[0].service == service for one in screen.plan.positions)
            ways = [way for way in WAYS if not (written and way.effect in (Effect.SPOIL, Effect.OMIT))]
            if service not in called:
                ways = [way for way in WAYS if way.name in ("stopped", "hung")]
            seen = [way for way in ways if (screen, service, way.name) in played]
            if service in called and screen.writes and not written:
                assert {way.effect for way in seen} == set(Effect) - {Effect.TIRE}
                assert {way.means for way in seen} == set(Means)
            else:
                assert seen == ways
