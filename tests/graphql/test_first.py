"""Plain lists that a client may ask the first elements of: what is below the others is not asked for, nor planned."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import strawberry

from bff_core.app import Doubles, create_app
from bff_core.bff import Bff
from bff_core.contract import DeclarationError, Record, Service
from bff_core.graphql.link import link
from bff_core.graphql.operations import Operations
from bff_core.graphql.schema import SchemaError, build_schema
from bff_core.graphql.view import shown, view
from bff_core.testing.client import Reply, client_for
from bff_core.testing.transport import ScriptedTransport, json_reply


class Slot(Record):
    """A place for a bottle."""

    bottle_id: str


class Rack(Record):
    """What bottles lie in."""

    slots: list[Slot]


class Bottle(Record):
    """A bottle."""

    id: str


cellar = Service("cellar")
rack = cellar.get("GET /rack", returns=Rack)
bottles = cellar.batch("GET /bottles", keys="id", returns=Bottle, key="id", at="items", max_keys=10)


@view(Bottle, description="A bottle.")
class BottleView:
    """A bottle."""

    id: strawberry.ID = shown("Which.")


@view(Slot, description="A place.")
class SlotView:
    """A place with its bottle."""

    bottle: BottleView | None = link(bottles, key="bottle_id", description="What lies there.")


@view(Rack, description="A rack.")
class RackView:
    """A rack."""

    slots: list[SlotView] = shown("Its places.", at_most=40, first=True)


@strawberry.type(description="Reads.")
class Query:
    """The root."""

    rack: RackView | None = link(rack, description="The rack.")


@view(Rack, description="A rack.")
class Wrong:
    """A view of what is not there."""

    shelves: list[SlotView] = shown("Not there.", at_most=4, first=True)


@strawberry.type(description="Reads.")
class WrongQuery:
    """The root above it."""

    rack: Wrong | None = link(rack, description="The rack.")


SETTINGS = """
[edge]
port = 8000
[documents]
policy = "open"
[services.cellar]
url = "http://cellar.test"
"""


async def asked(tmp_path: Path, query: str, **variables: Any) -> tuple[Reply, list[str]]:
    """The answer over a rack of 25 places, and the ids of the bottles that were asked for."""
    ids: list[str] = []

    def respond(request: httpx.Request) -> Any:
        if request.url.path == "/rack":
            return json_reply({"slots": [{"bottle_id": f"b{n}"} for n in range(25)]})
        keys = parse_qs(request.url.query.decode())["id"]
        ids.extend(keys)
        return json_reply({"items": [{"id": key} for key in keys]})

    file = tmp_path / "settings.toml"
    file.write_text(SETTINGS)
    bff = Bff(name="wine", query=Query, services=(cellar,), settings=file)
    transport = ScriptedTransport(respond)
    async with client_for(create_app(bff, bff.load_settings({}), Doubles(transports=lambda _: transport))) as client:
        return await client.query(query, variables), ids


async def test_only_what_is_below_the_first_elements_is_asked_for(tmp_path: Path) -> None:
    """With ``first: 3`` three bottles of twenty-five are asked for, in one call."""
    reply, ids = await asked(tmp_path, "{ rack { slots(first: 3) { bottle { id } } } }")
    assert reply.body == {"data": {"rack": {"slots": [{"bottle": {"id": f"b{n}"}} for n in range(3)]}}}
    assert ids == ["b0", "b1", "b2"]


async def test_without_the_argument_the_whole_list_is_there(tmp_path: Path) -> None:
    """All twenty-five, also where more would be allowed."""
    for query in ("{ rack { slots { bottle { id } } } }", "{ rack { slots(first: 40) { bottle { id } } } }"):
        reply, ids = await asked(tmp_path, query)
        assert len(reply.data["rack"]["slots"]) == 25
        assert len(ids) == 25


@pytest.mark.parametrize("first", [0, -1, 41])
async def test_a_number_out_of_range_is_the_clients_fault(tmp_path: Path, first: int) -> None:
    """It is refused with the range, and nothing below is asked for."""
    reply, ids = await asked(tmp_path, "query ($n: Int) { rack { slots(first: $n) { bottle { id } } } }", n=first)
    assert [error["message"] for error in reply.errors] == [f"first must be from 1 to 40, not {first}."]
    assert ids == []


@pytest.mark.parametrize(
    ("query", "keys", "calls"),
    [
        ("{ rack { slots { bottle { id } } } }", 40, 4),
        ("{ rack { slots(first: 3) { bottle { id } } } }", 3, 1),
        ("{ rack { slots(first: 99) { bottle { id } } } }", 40, 4),
        ("query ($n: Int = 12) { rack { slots(first: $n) { bottle { id } } } }", 40, 4),
        ("query ($n: Int) { rack { slots(first: $n) { bottle { id } } } }", 40, 4),
    ],
)
def test_the_plan_counts_no_more_than_is_asked_for(query: str, keys: int, calls: int) -> None:
    """An argument in the document bounds the keys; else what the field says: a variable's default bounds nothing."""
    schema = build_schema(Query, [cellar])._schema
    planned = Operations(schema).prepare(query).plan.calls[-1]
    assert (planned.name, planned.keys, planned.calls) == ("cellar GET /bottles", keys, calls)


def test_first_without_a_bound_stops_the_start() -> None:
    """Nobody could say what the range is."""
    with pytest.raises(DeclarationError, match="takes first, so it says at_most"):
        shown("Its places.", first=True)


def test_a_field_with_first_is_held_to_its_record() -> None:
    """That it has an argument takes nothing from the check of its name and type."""

    with pytest.raises(SchemaError, match=r"Wrong\.shelves: Rack has no such field"):
        build_schema(WrongQuery, [cellar])
