"""Every screen with a service down in every way: answered in time, complete but for what the call plan says is lost."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from bff_core.app import create_app
from bff_core.graphql.callplan import CallPlan, Position
from bff_core.testing.client import Client, Reply, client_for
from tests.conftest import Shop
from tests.screens import Screen, every_screen

#: How a service is down, and the codes that clients may read then.
FAULTS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "stopped": ({}, {"SERVICE_UNREACHABLE"}),
    "hung": ({"hang": True}, {"SERVICE_TIMEOUT", "DEADLINE_EXCEEDED"}),
    "error 500": ({"error_rate": 1.0, "status": 500}, {"SERVICE_ERROR"}),
    "garbage": ({"garbage": True}, {"SERVICE_BAD_PAYLOAD"}),
    "truncated": ({"truncate": True}, {"SERVICE_UNREACHABLE"}),
    "dropped": ({"drop": True}, {"SERVICE_UNREACHABLE"}),
}
#: Short, so that a hung service does not hold up the tests. Seconds.
BUDGET = 0.6


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("dead", ["users", "products"])
@every_screen
async def test_screen_degrades_as_planned(screen: Screen, dead: str, fault: str, shop: Shop) -> None:
    """Whatever is wrong with a service: 200 in time, the rest complete, each lost part named in both places."""
    kind, codes = FAULTS[fault]
    stopped = fault == "stopped"
    environment = {"EDGE__BUDGET_MS": str(int(BUDGET * 1000)), "SERVICES__ALL__ATTEMPT_TIMEOUT_MS": "300"}
    token = shop.token("7")
    async with client_for(create_app(screen.bff, shop.settings(screen.bff, **environment))) as client:
        whole = await client.query(screen.text, screen.variables, token=token)
        assert whole.errors == []
        if not stopped:
            shop.fault(dead, **kind)
            reply, seconds = await _timed(client, screen, token)
    if stopped:
        environment[f"SERVICES__{dead.upper()}__URL"] = f"http://127.0.0.1:{_closed_port()}"
        async with client_for(create_app(screen.bff, shop.settings(screen.bff, **environment))) as client:
            reply, seconds = await _timed(client, screen, token)

    assert reply.status == 200
    assert seconds < BUDGET
    plan = screen.plan
    if stopped and dead == "users" and plan.private:  # nobody can tell whose token it is
        assert {error["extensions"]["code"] for error in reply.errors} == {"AUTH_UNAVAILABLE"}
        return
    lost = list(_lost(plan, dead))
    _assert_told(reply, lost, codes)
    assert _without(reply.data, lost) == _without(whole.data, lost)


def _lost(plan: CallPlan, dead: str) -> Iterator[Position]:
    """The positions that the dead service takes away and that still can be seen: their parents are there."""
    gone: set[int] = set()
    for position in plan.positions:
        if position.after is not None and id(position.after) in gone:
            gone.add(id(position))
        elif all(endpoint.service == dead for endpoint in position.endpoints):
            gone.add(id(position))
            yield position


def _assert_told(reply: Reply, lost: list[Position], codes: set[str]) -> None:
    told = {entry["path"]: entry for entry in reply.degraded}
    assert set(told) == {_names(position) for position in lost}
    omitted = {_names(position) for position in lost if position.without == "null"}
    for path, entry in told.items():
        assert entry["source"] == ("omitted" if path in omitted else "fallback")
        assert entry["reason"] in codes
        assert entry["count"] >= len(entry["paths"]) >= 1
    in_errors = [error["path"] for error in reply.errors]
    assert {".".join(s for s in path if isinstance(s, str)) for path in in_errors} == omitted
    assert {error["extensions"]["code"] for error in reply.errors} <= codes
    shown = json.dumps(reply.body)
    assert "127.0.0.1" not in shown
    assert "Traceback" not in shown


def _names(position: Position) -> str:
    return position.path.replace("[]", "")


def _without(data: Any, lost: list[Position]) -> Any:
    """The answer with every lost position blanked, so that the rest can be compared."""
    if data is None:
        return None
    for position in lost:
        *way, last = position.path.replace("[]", "").split(".")
        for holder in _holders(data, way):
            holder[last] = "lost"
    return data


def _holders(node: Any, way: list[str]) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for one in node:
            yield from _holders(one, way)
    elif isinstance(node, dict):
        if way:
            yield from _holders(node[way[0]], way[1:])
        else:
            yield node


async def _timed(client: Client, screen: Screen, token: str) -> tuple[Reply, float]:
    started = time.monotonic()
    reply = await client.query(screen.text, screen.variables, token=token)
    return reply, time.monotonic() - started


def _closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
