"""gql, the client of scripts and services in Python, with its httpx transport, over sockets against the mobile BFF."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from graphql import GraphQLError

from bff_core.app import create_app
from bff_mobile.app import mobile
from tests.browser.hello import serving
from tests.clients.wire import Wire
from tests.conftest import Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPERATIONS = Path(__file__).parents[2] / "schema" / "operations" / "mobile"
SCREEN = 'query GqlScreen { productScreen(id: "1") { name availability } }'
NAME = "Voltera Zephyr Mechanical Keyboard Pro"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served_once(running_shop: Shop) -> AsyncIterator[tuple[str, Wire]]:
    """The mobile BFF: one attempt a call, and nothing kept, so that calls can be counted."""
    options = {"SERVICES__ALL__RETRY__RETRIES": "0", "CACHE__MAX_BYTES": "0"}
    wire = Wire(create_app(mobile, running_shop.settings(mobile, **options)))
    async with serving(wire) as url:
        yield url, wire


def client(url: str, shop: Shop) -> Client:
    """As its documentation shows it: it fetches the schema first, and checks what it sends against it."""
    headers = {"authorization": f"Bearer {shop.token('7')}"}
    return Client(transport=HTTPXAsyncTransport(url, headers=headers), fetch_schema_from_transport=True)


async def test_gql_checks_against_the_schema_that_it_fetches(served_once: tuple[str, Wire], shop: Shop) -> None:
    """It reads the schema by introspection, refuses by it what does not fit without asking, and reads a screen."""
    url, wire = served_once
    wire.seen.clear()
    async with client(url, shop) as session:
        assert await session.execute(gql(SCREEN)) == {"productScreen": {"name": NAME, "availability": "In stock"}}
        with pytest.raises(GraphQLError, match="Cannot query field 'sold'"):
            await session.execute(gql("{ productScreen(id: 1) { sold } }"))
    assert [(request.method, request.status) for request in wire.seen] == [("POST", 200)] * 2
    assert {request.answered["content-type"] for request in wire.seen} == {"application/json; charset=utf-8"}
    paths = [f"{call['method']} {call['path']}" for call in shop.calls("products")]
    assert paths == ["GET /products", "POST /stock/query"]


async def test_gql_raises_with_what_is_left_of_a_degraded_answer(served_once: tuple[str, Wire], shop: Shop) -> None:
    """It raises where an answer has errors; the error holds data, errors and extensions, and all of it is there."""
    url, _ = served_once
    shop.fault("products", route="POST /stock/query", error_rate=1.0)
    async with client(url, shop) as session:
        with pytest.raises(TransportQueryError) as raised:
            await session.execute(gql(SCREEN))
    assert raised.value.data == {"productScreen": {"name": NAME, "availability": None}}
    assert [error["extensions"]["code"] for error in raised.value.errors or []] == ["SERVICE_ERROR"]
    assert [entry["path"] for entry in (raised.value.extensions or {})["degraded"]] == ["productScreen.availability"]


async def test_gql_sends_a_mutation(served_once: tuple[str, Wire], shop: Shop) -> None:
    """A mutation with variables is carried out once, and its result is a member of the union."""
    url, _ = served_once
    operation = gql((OPERATIONS / "MarkRead.graphql").read_text(encoding="utf-8"))
    operation.variable_values = json.loads((OPERATIONS / "MarkRead.variables.json").read_text(encoding="utf-8"))
    async with client(url, shop) as session:
        seen = await session.execute(operation)
    assert seen["markRead"]["__typename"] == "NotificationsRead"
    writes = [call["path"] for call in shop.calls("notifications") if call["method"] == "POST"]
    assert writes == ["/me/notifications/read"]
