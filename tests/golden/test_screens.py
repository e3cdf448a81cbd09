"""Every screen's operation as a whole: its data, the calls it makes, and the plan that foretold them."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from graphql import get_named_type

from bff_core.app import Doubles, create_app
from bff_core.graphql.callplan import CallPlan
from bff_core.telemetry.facts import CallFinished
from bff_core.testing.client import client_for
from bff_core.testing.observer import RecordingObserver
from bff_mobile.app import mobile
from bff_web.app import web
from tests.conftest import Shop
from tests.screens import SCREENS, Screen, every_screen, without_year

GOLDEN = Path(__file__).parent

#: Every type that can be how a write went.
OUTCOMES = frozenset(
    member.name
    for bff in (web, mobile)
    for field in (bff.schema.mutation_type.fields.values() if bff.schema.mutation_type else ())
    for member in bff.schema.get_possible_types(get_named_type(field.type))
)


@every_screen
async def test_screen(screen: Screen, shop: Shop, request: pytest.FixtureRequest) -> None:
    """A screen's operation answers its golden data with its golden calls, as many as the plan foretold."""
    text, variables, plan = screen.text, screen.variables, screen.plan
    token = shop.token(screen.user)
    observer = RecordingObserver()
    app = create_app(screen.bff, shop.settings(screen.bff), Doubles(clock=screen.clock, observers=[observer]))
    async with client_for(app) as client:
        await client.query("{ __typename }", token=token)  # waits for the keys: what follows is the screen's own
        shop.heal()
        observer.facts.clear()
        reply = await client.query(text, variables, token=token if plan.private else None)

    assert reply.status == 200
    assert reply.errors == []
    assert reply.degraded == []
    made = Counter(fact.endpoint for fact in observer.of(CallFinished))
    asked = {service: _ours(shop.calls(service)) for service in shop.urls}
    assert sum(made.values()) == sum(map(len, asked.values()))
    assert {_planned(name, made): count for name, count in _foretold(plan, reply.data).items()} == made
    _compare(
        screen,
        {"data": reply.data, "calls": sorted(_line(s, c) for s, calls in asked.items() for c in calls)},
        update=request.config.getoption("--golden-update"),
    )


def _planned(name: str, made: Counter[str]) -> str:
    """The endpoint that an opaque resolver took of those the plan names."""
    return next((one for one in name.split(" or ") if one in made), name)


def _foretold(plan: CallPlan, data: dict[str, Any]) -> Counter[str]:
    """The planned calls by name: below the member of a union that is there, and nothing below a root that is null."""
    gone: set[int] = set()
    calls: Counter[str] = Counter()
    for call in plan.calls:
        for position in call.positions:
            root = data[position.path.split(".")[0].removesuffix("[]")]
            member = root.get("__typename") if isinstance(root, dict) else None
            parent, shown = position.after, position.coordinate.split(".")[0]
            if parent is None:
                continue
            below_another = member is not None and parent.writes and shown in OUTCOMES and shown != member
            if root is None or below_another or id(parent) in gone:
                gone.add(id(position))
        left = [position for position in call.positions if id(position) not in gone]
        if left:
            keys = sum(position.keys or 0 for position in left)
            whole = math.ceil(keys / min(endpoint.calls_for for endpoint in call.endpoints))
            calls[call.name] += (call.calls or 0) if left == list(call.positions) else whole
    return calls


def _ours(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those calls that the BFF made: what services ask one another for a write has no deadline of ours."""
    return [call for call in calls if call["headers"]["x-deadline-ms"] is not None]


def _line(service: str, call: dict[str, Any]) -> str:
    query = f"?{call['query']}" if call.get("query") else ""
    body = f" {json.dumps(call['body_ids'])}" if call.get("body_ids") else ""
    return f"{service} {call['method']} {call['path']}{query}{body}"


def _compare(screen: Screen, found: dict[str, Any], *, update: bool) -> None:
    golden = screen.golden
    text = without_year(json.dumps(found, indent=2, ensure_ascii=False)) + "\n"
    if update:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert golden.is_file(), f"{golden} does not exist; run make snapshots"
    assert golden.read_text() == text, f"{golden} differs; look at it, then run make snapshots"


def test_every_golden_file_has_its_screen() -> None:
    """No golden file is left of a screen that is gone."""
    assert set(GOLDEN.glob("*/*.json")) == {screen.golden for screen in SCREENS}
