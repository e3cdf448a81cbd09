"""The clients that front ends really use, as they come from their registries, over sockets against the web BFF."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from bff_core.app import create_app
from bff_web.app import web
from tests.browser.hello import serving
from tests.clients.javascript import JavaScript
from tests.clients.wire import Wire
from tests.conftest import Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYBOARD = "Voltera Zephyr Mechanical Keyboard Pro"
WHOLE = {"name": KEYBOARD, "stock": {"status": "IN_STOCK"}}
STOCKLESS = {"name": KEYBOARD, "stock": None}

#: The shape of a request by its hash alone, and of one that brings the text to register it.
HASHED, REGISTERING = (True, False), (True, True)


@dataclass(frozen=True, slots=True)
class Served:
    """The BFF at ``url``, the requests that reach it, and the services behind it."""

    url: str
    wire: Wire
    shop: Shop

    def calls(self, service: str) -> list[str]:
        """What a service was asked: method and path, but for the issuer's keys."""
        calls = [f"{call['method']} {call['path']}" for call in self.shop.calls(service)]
        return [call for call in calls if not call.endswith("/jwks.json")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served_once(running_shop: Shop) -> AsyncIterator[Served]:
    """The web BFF, served once for all clients: one attempt a call, and nothing kept, so that calls can be counted."""
    options = {"SERVICES__ALL__RETRY__RETRIES": "0", "CACHE__MAX_BYTES": "0"}
    wire = Wire(create_app(web, running_shop.settings(web, **options)))
    async with serving(wire) as url:
        yield Served(url, wire, running_shop)


@pytest.fixture
def served(served_once: Served, shop: Shop) -> Served:
    """The same, with empty ledgers."""
    served_once.wire.seen.clear()
    return served_once


async def test_apollo_registers_by_post_and_asks_by_get(javascript: JavaScript, served: Served) -> None:
    """Its first query is refused by hash, registered by POST and answered; the next is one GET with the hash alone."""
    first, second = await javascript.run("apollo.mjs", served.url, "", "query")
    assert first == second == {"data": {"product": {**typed(WHOLE), "__typename": "Product"}}}
    assert served.wire.shapes == [("GET", *HASHED), ("POST", *REGISTERING), ("GET", *HASHED)]
    assert {request.headers["apollographql-client-name"] for request in served.wire.seen} == {"web-app"}
    assert served.calls("products") == 2 * ["GET /products", "POST /stock/query"]


async def test_apollo_keeps_what_came_beside_errors_only_if_told(javascript: JavaScript, served: Served) -> None:
    """With errorPolicy "all" the data stands beside the error; with "none" one lost field throws all of it away."""
    served.shop.fault("products", route="POST /stock/query", error_rate=1.0)
    seen = await javascript.run("apollo.mjs", served.url, "", "policies")
    lost = [{"message": seen["all"]["error"][0]["message"], "path": ["product", "stock"], "code": "SERVICE_ERROR"}]
    assert seen["all"] == {"data": {"product": {**STOCKLESS, "__typename": "Product"}}, "error": lost}
    assert seen["none"] == {"thrown": lost}
    assert seen["notices"] == 2 * [["ApolloPolicies", ["product.stock"]]]
    assert [request.shape for request in served.wire.seen if request.status == 200] == [
        ("POST", *REGISTERING),
        ("GET", *HASHED),
    ]


async def test_apollo_sends_a_mutation_by_post(javascript: JavaScript, served: Served) -> None:
    """A mutation is registered likewise, but never sent by GET; it is carried out once."""
    seen = await javascript.run("apollo.mjs", served.url, served.shop.token("7"), "mutation")
    assert seen["data"]["addToCart"]["__typename"] == "CartChanged"
    assert served.wire.shapes == [("POST", *HASHED), ("POST", *REGISTERING)]
    assert [call for call in served.calls("orders") if call.startswith("POST")] == ["POST /me/cart/items"]


async def test_urql_registers_by_get_and_takes_plain_json(javascript: JavaScript, served: Served) -> None:
    """It registers by GET as well; it says that it could read streams too, and gets each answer whole, as JSON."""
    first, second = await javascript.run("urql.mjs", served.url, "", "query")
    assert first == second == {"data": {"product": WHOLE}, "hasNext": False}
    assert served.wire.shapes == [("GET", *HASHED), ("GET", *REGISTERING), ("GET", *HASHED)]
    for request in served.wire.seen:
        assert {"text/event-stream", "multipart/mixed"} <= set(request.headers["accept"].split(", "))
        assert request.answered["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert served.calls("products") == 2 * ["GET /products", "POST /stock/query"]


async def test_urql_shows_what_is_left_of_a_degraded_answer(javascript: JavaScript, served: Served) -> None:
    """Its result holds data, errors and extensions side by side, and no error of the network."""
    served.shop.fault("products", route="POST /stock/query", error_rate=1.0)
    seen = await javascript.run("urql.mjs", served.url, "", "degraded")
    assert seen["data"] == {"product": STOCKLESS}
    assert seen["error"] == {"network": None, "codes": ["SERVICE_ERROR"]}
    assert [entry["path"] for entry in seen["degraded"]] == ["product.stock"]


async def test_urql_sends_a_mutation_by_post(javascript: JavaScript, served: Served) -> None:
    """A mutation under its exchange is registered by POST, and carried out once."""
    seen = await javascript.run("urql.mjs", served.url, served.shop.token("7"), "mutation")
    assert seen["data"] == {"addToCart": {"__typename": "CartChanged"}}
    assert served.wire.shapes == [("POST", *HASHED), ("POST", *REGISTERING)]
    assert [call for call in served.calls("orders") if call.startswith("POST")] == ["POST /me/cart/items"]


async def test_graphiql_fetcher_reads_schema_and_degraded_answer(javascript: JavaScript, served: Served) -> None:
    """It builds the schema from introspection, which asks nobody, and shows an answer whole as it came."""
    served.shop.fault("products", route="POST /stock/query", error_rate=1.0)
    seen = await javascript.run("graphiql.mjs", served.url, served.shop.token("7"))
    assert {"product", "search", "me"} <= set(seen["fields"])
    answer: dict[str, Any] = seen["answer"]
    assert (answer["parts"], answer["data"]) == (1, {"product": STOCKLESS})
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["SERVICE_ERROR"]
    assert [entry["reason"] for entry in answer["extensions"]["degraded"]] == ["SERVICE_ERROR"]
    assert served.wire.shapes == 2 * [("POST", False, True)]
    assert served.calls("products") == ["GET /products", "POST /stock/query"]


def typed(product: dict[str, Any]) -> dict[str, Any]:
    """A product as clients that ask for every ``__typename`` see it."""
    return {**product, "stock": {**product["stock"], "__typename": "Stock"}}
