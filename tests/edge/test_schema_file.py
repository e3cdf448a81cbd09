"""The schema as a file, for the tools of front-end developers."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import build_schema

from bff_core.app import create_app
from bff_core.bff import Bff
from bff_core.testing.client import client_for
from bff_mobile.app import mobile
from bff_web.app import web
from tests.edge.desk import desk

SNAPSHOTS = Path(__file__).parents[2] / "schema"


async def test_schema_is_served_as_text() -> None:
    """In development a GET has the whole schema as plain text, which no cache keeps without asking."""
    async with desk() as room:
        answer = await room.client.http.get("/schema.graphql")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert {"Query", "Mutation", "Word"} <= set(build_schema(answer.text).type_map)


async def test_no_schema_without_introspection() -> None:
    """Where introspection is off, as it is by default, there is no such route, whatever the method."""
    async with desk({"EDGE__INTROSPECTION": "false"}) as room:
        for method in ("GET", "HEAD", "POST"):
            assert (await room.client.http.request(method, "/schema.graphql")).status_code == 404


async def test_schema_is_only_read() -> None:
    """Another method than GET and HEAD is a 405."""
    async with desk() as room:
        assert (await room.client.http.head("/schema.graphql")).status_code == 200
        assert (await room.client.http.post("/schema.graphql")).status_code == 405


@pytest.mark.parametrize("bff", [web, mobile], ids=lambda bff: bff.name)
async def test_served_schema_is_the_snapshot(bff: Bff) -> None:
    """Each BFF serves, with the settings of development, the very text that its snapshot holds."""
    environment = {f"BFF_{bff.name.upper()}__LOGS__LEVEL": "error"}
    async with client_for(create_app(bff, bff.load_settings(environment))) as client:
        answer = await client.http.get("/schema.graphql")
    assert answer.text == (SNAPSHOTS / f"{bff.name}.graphql").read_text(encoding="utf-8")
