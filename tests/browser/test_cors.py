"""Pages of other origins in a real browser: which of them may use a BFF, how often it is asked, what a refusal says.

One server has all pages, on a port that is no BFF's. It has three names, which are three origins to a browser.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bff_core.app import create_app
from bff_mobile.app import mobile
from bff_web.app import web
from tests.browser.hello import serving
from tests.clients.wire import Wire
from tests.conftest import Shop

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUERY = '{ product(id: "UHJvZHVjdDox") { stock { status } } }'
SCREEN = '{ productScreen(id: "1") { availability } }'

#: What a page does: asks as a front end does, and tells what its script could read of the answer.
ASK = """
async ([url, query, credentials]) => {
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", "apollographql-client-name": "web-app" },
      body: JSON.stringify({ query }),
      credentials,
    });
    return { status: answer.status, data: (await answer.json()).data, degraded: answer.headers.get("x-degraded") };
  } catch (error) {
    return { failed: error.message };
  }
}
"""


@dataclass(frozen=True, slots=True)
class Places:
    """Both BFFs, what reached them, and the port that the pages are on."""

    web: str
    mobile: str
    at_web: Wire
    at_mobile: Wire
    port: int

    def origin(self, host: str) -> str:
        """The origin of the pages, when their server is called so."""
        return f"http://{host}:{self.port}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def places(running_shop: Shop) -> AsyncIterator[Places]:
    """The web BFF with a list of origins, the mobile BFF as it runs in development, and the pages."""

    async def page(_: Request) -> Response:
        return HTMLResponse("<!doctype html><title>A front end</title><link rel=icon href='data:,'>")

    async with serving(Starlette(routes=[Route("/", page)])) as pages:
        port = urlsplit(pages).port or 0
        listed = {
            "EDGE__ALLOWED_ORIGINS": f"http://127.0.0.1:{port},http://localhost:{port}",
            "EDGE__CREDENTIAL_ORIGINS": f"http://127.0.0.1:{port}",
            "SERVICES__ALL__RETRY__RETRIES": "0",
            "CACHE__MAX_BYTES": "0",
        }
        at_web = Wire(create_app(web, running_shop.settings(web, **listed)))
        at_mobile = Wire(create_app(mobile, running_shop.settings(mobile)))
        async with serving(at_web) as web_url, serving(at_mobile) as mobile_url:
            yield Places(web_url, mobile_url, at_web, at_mobile, port)


@asynccontextmanager
async def page_at(browser: Browser, origin: str) -> AsyncIterator[Any]:
    """A page of an origin, in a browser that knows nothing yet; called with what to ask, it tells what it got."""
    context = await browser.new_context()
    try:
        page = await context.new_page()
        await page.goto(origin)

        async def ask(url: str, query: str, credentials: str = "omit") -> Any:
            return await page.evaluate(ASK, [url, query, credentials])

        yield ask
    finally:
        await context.close()


def methods(wire: Wire) -> list[tuple[str, int]]:
    """Each request since the last look, by method and status."""
    seen = [(request.method, request.status) for request in wire.seen]
    wire.seen.clear()
    return seen


async def test_a_listed_page_asks_once_whether_it_may(chromium: Browser, places: Places, shop: Shop) -> None:
    """Its first request is preceded by a preflight, its second by none; it reads answers and the header x-degraded."""
    methods(places.at_web)
    async with page_at(chromium, places.origin("127.0.0.1")) as ask:
        first = await ask(places.web, QUERY)
        shop.fault("products", route="POST /stock/query", error_rate=1.0)
        second = await ask(places.web, QUERY)
    assert first == {"status": 200, "data": {"product": {"stock": {"status": "IN_STOCK"}}}, "degraded": None}
    assert second == {"status": 200, "data": {"product": {"stock": None}}, "degraded": "products;omitted=1"}
    assert methods(places.at_web) == [("OPTIONS", 204), ("POST", 200), ("POST", 200)]


async def test_an_unlisted_page_is_refused_and_the_refusal_names_the_setting(
    chromium: Browser, places: Places, shop: Shop
) -> None:
    """Its script reads nothing and no service is asked; what its developer finds in the network panel names the key."""
    methods(places.at_web)
    origin = places.origin("other.localhost")
    async with page_at(chromium, origin) as ask:
        assert await ask(places.web, QUERY) == {"failed": "Failed to fetch"}
    (refused,) = places.at_web.seen
    assert (refused.method, refused.status, refused.headers["origin"]) == ("OPTIONS", 403, origin)
    (error,) = json.loads(refused.body)["errors"]
    assert error["extensions"] == {"code": "ORIGIN_REFUSED"}
    assert "edge.allowed_origins" in error["message"]
    assert shop.calls("products") == []


async def test_credentials_go_to_those_listed_for_it(chromium: Browser, places: Places, shop: Shop) -> None:
    """Of two pages that may ask, only that of credential_origins may send cookies; the other may ask without."""
    for host, allowed in (("127.0.0.1", True), ("localhost", False)):
        async with page_at(chromium, places.origin(host)) as ask:
            assert ("data" in await ask(places.web, "{ __typename }", "include")) is allowed
            assert "data" in await ask(places.web, "{ __typename }")


async def test_in_development_pages_of_this_machine_may_ask(chromium: Browser, places: Places, shop: Shop) -> None:
    """With the settings as they are kept a page on any port of localhost may ask, and one of another name may not."""
    methods(places.at_mobile)
    for host, seen in (
        ("localhost", [("OPTIONS", 204), ("POST", 200)]),
        ("127.0.0.1", [("OPTIONS", 204), ("POST", 200)]),
        ("other.localhost", [("OPTIONS", 403)]),
    ):
        async with page_at(chromium, places.origin(host)) as ask:
            await ask(places.mobile, SCREEN)
        assert methods(places.at_mobile) == seen, host
