"""Hostile ids through whole operations of both BFFs: none leaves its place in a path, and no other route is reached."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx
import pytest

from bff_core.bff import Bff
from bff_core.contract import Service
from bff_core.telemetry.facts import BugFound
from bff_mobile.app import mobile
from bff_web.app import web
from tests.edge.both import bench

OPERATIONS = Path(__file__).parents[2] / "schema" / "operations"

HOSTILE = [
    "../admin",
    "..",
    ".",
    "1/../../_faults",
    "1/cancel",
    "1?user=8",
    "1#x",
    "1;x=2",
    "%2e%2e%2f%00",
    "1\x00",
    "1\r\nX-Admin: 1",
    "..\\admin",
    "http://evil.example/",
    "@evil.example",
    "{order_id}",
    "1 ",
    "\u2028\u202e",
    "\uff0e\uff0e\uff0f",
    "1" * 5000,
    "",
]

#: The characters of a path's segment that mean themselves; all else stands there quoted.
SEGMENT = re.compile(r"(?:[A-Za-z0-9_.~:-]|%[0-9A-F]{2})+")


def operations(bff: Bff) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation of a BFF's screens that has variables."""
    for file in sorted((OPERATIONS / bff.name).glob("*.variables.json")):
        name = file.name.partition(".")[0]
        yield name, file.with_name(f"{name}.graphql").read_text(), json.loads(file.read_text())


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where texts stand in nested JSON."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict | list):
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, step))


def put(value: Any, path: tuple[Any, ...], text: str) -> Any:
    """The same JSON with another text at one place."""
    if not path:
        return text
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], text)
    return copy


def spellings(original: str, hostile: str) -> Iterator[str]:
    """The hostile text as it is, and inside of a global id where one stood."""
    yield hostile
    try:
        kind, mark, _ = base64.b64decode(original, validate=True).decode("ascii").partition(":")
    except ValueError:
        return
    if mark:
        yield base64.b64encode(f"{kind}:{hostile}".encode()).decode()


def check(service: Service, request: httpx.Request) -> None:
    """A request must be of a declared route, and each value in its path quoted whole."""
    raw_path, _, query = request.url.raw_path.decode("ascii").partition("?")
    assert "evil" not in request.url.host
    routes = [
        "/".join("[^/]+" if step.startswith("{") else re.escape(step) for step in one.path.split("/"))
        for one in service.endpoints
        if one.method == request.method
    ]
    assert any(re.fullmatch(route, raw_path) for route in routes), f"{service.name}: {request.method} {raw_path}"
    for segment in raw_path.split("/")[1:]:
        assert SEGMENT.fullmatch(segment), raw_path
        plain = unquote(segment)
        assert plain not in ("", ".", ".."), raw_path
        # A server that unquotes a path before it looks for the route would find another one.
        assert not set("/\\\0\r\n?#") & set(plain), raw_path
    for name, _ in parse_qsl(query, keep_blank_values=True):
        assert name not in ("user", "x"), query


@pytest.mark.parametrize("bff", [web, mobile], ids=lambda bff: bff.name)
async def test_no_id_leaves_its_place(bff: Bff) -> None:
    """Each text among the variables of every screen's operation, replaced by each hostile one: whatever is asked is
    asked of a declared route with the id quoted whole, and no bug of ours is found."""
    async with bench(bff) as room:
        made = calls = 0
        for name, document, variables in operations(bff):
            for place in places(variables):
                original = variables
                for step in place:
                    original = original[step]
                for hostile in HOSTILE:
                    for text in spellings(str(original), hostile):
                        changed = put(variables, place, text)
                        reply = await room.client.query(document, changed, token=room.token)
                        assert reply.status in (200, 400), (name, text)
                        assert "INTERNAL" not in json.dumps(reply.body), (name, text, reply.body)
                        made += 1
                        for service, request in room.asked():
                            check(service, request)
                            calls += 1
        assert made > 200
        assert calls > 0
        assert room.observer.of(BugFound) == []


@pytest.mark.parametrize("bff", [web, mobile], ids=lambda bff: bff.name)
async def test_ids_as_they_are_do_reach_their_routes(bff: Bff) -> None:
    """The same operations with the ids that they have do ask services, so that the test above looks at something."""
    async with bench(bff) as room:
        reached = set()
        for _, document, variables in operations(bff):
            await room.client.query(document, variables, token=room.token)
            for service, request in room.asked():
                check(service, request)
                reached.add(service.name)
        assert len(reached) >= 2
