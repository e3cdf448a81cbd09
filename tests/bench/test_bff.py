"""The bench BFF: this kernel over a service that is no shop's answers the workloads, with the right calls."""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import GraphQLObjectType

import bff_core
from bench.bff.app import bench
from bench.upstream import as_bytes, make_rows
from bff_core.app import Doubles, create_app
from bff_core.graphql.firewall import complaints
from bff_core.graphql.operations import Operations
from bff_core.testing.client import Client, client_for
from bff_core.testing.transport import ScriptedTransport

ROOT = Path(__file__).parents[2]
QUERIES = ROOT / "bench" / "queries"
ROWS = make_rows()

#: What each workload asks the upstream, in order.
CALLS = {
    "a": ["GET /posts", "GET /users?" + "&".join(f"id={n}" for n in range(1, 11))],
    "b": ["GET /posts"],
    "c": [],
    "d": [
        "GET /pages/1",
        "GET /items?page=1",
        "GET /vendors?" + "&".join(f"id={n * 7 % 10 + 1}" for n in range(1, 11)),
    ],
}


def pick(row: dict[str, Any], names: str) -> dict[str, Any]:
    """Some members of a row."""
    return {name: row[name] for name in names.split()}


def expected(workload: str) -> dict[str, Any]:
    """The whole data of a workload, from the upstream's rows."""
    users = {row["id"]: pick(row, "id name email") for row in ROWS["/users"]}
    vendors = {row["id"]: pick(row, "id name country rating") for row in ROWS["/vendors"]}
    if workload == "a":
        return {"posts": [pick(p, "id userId title") | {"user": users[p["userId"]]} for p in ROWS["/posts"]]}
    if workload == "b":
        return {"posts": [pick(post, "title") for post in ROWS["/posts"]]}
    if workload == "c":
        return {"greet": "Hello World!"}
    scalars = "id sku name subtitle description price currency stock rating active createdAt updatedAt"
    items = [
        pick(item, scalars)
        | {
            "shipping": pick(item["shipping"], "weight width height carrier"),
            "vendor": vendors[item["vendorId"]],
        }
        for item in ROWS["/items"]
    ]
    return {"page": pick(ROWS["/pages/1"], "id slug title locale updatedAt itemCount") | {"items": items}}


@dataclass
class Room:
    """The bench BFF, running; ``broken`` are paths that answer 500."""

    client: Client
    upstream: ScriptedTransport
    broken: set[str]


@asynccontextmanager
async def room() -> AsyncIterator[Room]:
    """The bench over a scripted upstream."""
    answers, broken = as_bytes(ROWS), set[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        return httpx.Response(500) if path in broken else httpx.Response(200, content=answers[path])

    upstream = ScriptedTransport(answer)
    settings = bench.load_settings({"BFF_BENCH__LOGS__LEVEL": "error"})
    async with client_for(create_app(bench, settings, Doubles(transports=lambda _: upstream))) as client:
        yield Room(client, upstream, broken)


def query(workload: str) -> str:
    """The text of a workload."""
    return (QUERIES / f"{workload}.graphql").read_text(encoding="utf-8")


@pytest.mark.parametrize("workload", CALLS)
async def test_a_workload_is_answered_whole_with_the_fewest_calls(workload: str) -> None:
    """Each workload's data is what the upstream's rows say, its calls are batched, and a second request asks anew."""
    async with room() as here:
        for _ in range(2):
            reply = await here.client.query(query(workload))
            assert (reply.status, reply.errors, reply.degraded) == (200, [], [])
            assert reply.data == expected(workload)
        assert here.upstream.targets == CALLS[workload] * 2


@pytest.mark.parametrize("workload", CALLS)
def test_the_plan_knows_the_calls_before_they_are_made(workload: str) -> None:
    """The call plan of each workload names one endpoint a wave, the one that is then asked."""
    plan = Operations(bench.schema).prepare(query(workload)).plan
    planned = {call.wave: call.name for call in plan.calls}
    routes = [call.replace("/pages/1", "/pages/{id}").partition("?")[0] for call in CALLS[workload]]
    assert planned == {wave: f"upstream {route}" for wave, route in enumerate(routes, 1)}


async def test_a_broken_relation_costs_its_own_field_alone() -> None:
    """Without vendors the page stands, each vendor is null, and what is lost is named once."""
    async with room() as here:
        here.broken.add("/vendors")
        reply = await here.client.query(query("d"))
    want = expected("d")
    for item in want["page"]["items"]:
        item["vendor"] = None
    assert reply.status == 200
    assert reply.data == want
    [entry] = reply.degraded
    assert (entry["path"], entry["source"], entry["count"]) == ("page.items.vendor", "omitted", 50)
    assert len(reply.errors) == 50


def test_the_schema_passes_the_firewall() -> None:
    """The firewall has nothing to say against the bench's schema, and would have if a service were not declared."""
    assert complaints(bench.strawberry_schema, bench.services) == []
    assert len(complaints(bench.strawberry_schema, ())) == 5


def test_every_type_and_field_is_described() -> None:
    """A schema of this kernel explains itself, also one that only measures."""
    own = [t for t in bench.schema.type_map.values() if isinstance(t, GraphQLObjectType) and t.name[:2] != "__"]
    undescribed = [t.name for t in own if not t.description]
    undescribed += [f"{t.name}.{name}" for t in own for name, field in t.fields.items() if not field.description]
    assert undescribed == []


def test_the_kernel_knows_none_of_it() -> None:
    """No file of the kernel imports the bench, and the bench imports nothing of the shop."""
    assert {name for name in imported(Path(bff_core.__file__).parent) if name == "bench"} == set()
    shop = {"services", "bff_web", "bff_mobile", "downstream_stubs"}
    assert imported(ROOT / "bench") & (shop | {"bff_core"}) == {"bff_core"}


def imported(folder: Path) -> set[str]:
    """The top-level packages that the Python files under a folder import, wherever in the file."""
    found: set[str] = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


def test_bff_serve_finds_the_bench() -> None:
    """The table beside the bench names it, and the project's own table does not."""
    from bff_core.apps import app_names, load_app

    assert app_names(ROOT / "bench") == ("bench",)
    assert load_app(ROOT / "bench", "bench") is bench
    assert "bench" not in app_names(ROOT)
