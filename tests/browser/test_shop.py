"""Both BFFs of the shop in a real browser, over the real services: what a front-end developer finds and can do.

``PICTURES=docs/pictures pytest tests/browser/test_shop.py`` takes the README's pictures on the way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from starlette.applications import Starlette

from bff_core.app import create_app
from bff_core.bff import Bff
from bff_core.edge.graphiql import CONTENT_SECURITY_POLICY
from bff_mobile.app import mobile
from bff_web.app import web
from downstream_stubs.running import running
from tests.browser.hello import serving
from tests.browser.page import Picture, Visit
from tests.conftest import Shop
from tests.screens import OF_USER

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEYBOARD = "Voltera Zephyr Mechanical Keyboard Pro"


def app(bff: Bff, shop: Shop) -> Starlette:
    """A BFF as it runs in development."""
    # One attempt a call: what a hung service is told as must not depend on how much time a second one had. And nothing
    # is kept: what a page shows of a service that fails must not depend on what another test asked for.
    options = {"SERVICES__ALL__RETRY__RETRIES": "0", "CACHE__MAX_BYTES": "0"}
    return create_app(bff, shop.settings(bff, EDGE__GRAPHIQL="true", **options))


def authors(product: dict[str, Any]) -> list[str]:
    """Who wrote the reviews on a product page."""
    return [edge["node"]["author"]["displayName"] for edge in product["reviews"]["edges"]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served(running_shop: Shop) -> AsyncIterator[Mapping[str, str]]:
    """The addresses of both BFFs' endpoints by name; served once for all tests."""
    async with serving(app(web, running_shop)) as web_url, serving(app(mobile, running_shop)) as mobile_url:
        yield {"web": web_url, "mobile": mobile_url}


@pytest.mark.parametrize("bff", [web, mobile], ids=lambda bff: bff.name)
async def test_every_operation_is_a_tab_that_runs(
    bff: Bff, served: Mapping[str, str], shop: Shop, visit: Visit
) -> None:
    """Under the strict policy a first visit finds each operation of the BFF in a tab, and runs each as it stands."""
    assert bff.operations is not None
    names = sorted(path.stem for path in bff.operations.glob("*.graphql"))
    assert len(names) >= 2
    async with visit(served[bff.name]) as page:
        assert page.policy == CONTENT_SECURITY_POLICY
        assert bff.name in await page.title()
        assert await page.tabs() == names
        for name in names:
            await page.sign_in_as(OF_USER.get(name, "7"))
            await page.pick_tab(name)
            answer = await page.run()
            assert "errors" not in answer, name
            assert all(answer["data"].values()), name
            assert await page.degraded_text() == []


async def test_product_page_comes_in_one_answer(
    served: Mapping[str, str], shop: Shop, visit: Visit, picture: Picture
) -> None:
    """The tab of the product page brings what two services know of a product, the five authors by one call."""
    async with visit(served["web"]) as page:
        await page.pick_tab("ProductPage")
        product = (await page.run())["data"]["product"]
        assert product["name"] == KEYBOARD
        assert product["stock"]["status"] == "IN_STOCK"
        assert authors(product)[0] == "Götz G."
        await picture(page, "web-product-page")
    asked = [call["path"] for call in shop.calls("users")]
    assert asked.count("/profiles") == 1
    assert not set(asked) - {"/profiles", "/.well-known/jwks.json"}


async def test_account_is_that_of_who_is_signed_in(served: Mapping[str, str], shop: Shop, visit: Visit) -> None:
    """The account page is user 7's at first, another's after a switch, nobody's when the issuer knows no such user."""
    async with visit(served["web"]) as page:
        await page.pick_tab("AccountPage")
        first = (await page.run())["data"]["me"]
        await page.sign_in_as("42")
        second = (await page.run())["data"]["me"]
        assert (first["id"], second["id"]) == ("7", "42")
        assert first["email"] != second["email"]
        assert await page.signed_in_as() == "User 42"
        await page.sign_in_as("4711")
        assert await page.sign_in_note() == (
            "No token for user 4711 (There is no such thing); anonymous queries still work."
        )
        nobody = await page.run()
        assert nobody["data"] == {"me": None}
        assert [error["extensions"]["code"] for error in nobody["errors"]] == ["UNAUTHENTICATED"]


async def test_documentation_describes_the_shop(
    served: Mapping[str, str], shop: Shop, visit: Visit, picture: Picture
) -> None:
    """The documentation explains types and fields in the words of the schema."""
    async with visit(served["web"]) as page:
        await page.pick_tab("ProductPage")
        await page.run()
        await page.open_docs()
        assert "One product, with all that belongs on its page." in await page.docs_of("Query")
        product = await page.docs_of("Product")
        assert "A thing that is sold." in product
        assert "Whether it can be had; null while nobody knows." in product
        await picture(page, "web-documentation")


async def test_query_typed_with_completion_runs(served: Mapping[str, str], shop: Shop, visit: Visit) -> None:
    """A query typed with the editor's suggestions is one that the BFF answers."""
    async with visit(served["web"]) as page:
        await page.clear_query()
        await page.complete("{ sea", "search")
        await page.complete('(query: "lamp", first: 2) { tot', "totalCount")
        await page.complete(" edges { node { na", "name")
        await page.finish_query(" } } } }")
        found = (await page.run())["data"]["search"]
        assert found["totalCount"] > 2
        assert len(found["edges"]) == 2
        assert all("lamp" in edge["node"]["name"].lower() for edge in found["edges"])


async def test_degraded_answer_is_explained(
    served: Mapping[str, str], shop: Shop, visit: Visit, picture: Picture
) -> None:
    """While services fail the page still comes; a line each says what was replaced or left out, until they recover."""
    async with visit(served["web"]) as page:
        await page.pick_tab("ProductPage")
        shop.fault("users", error_rate=1.0)
        shop.fault("products", route="POST /stock/query", hang=True)
        product = (await page.run())["data"]["product"]
        assert product["name"] == KEYBOARD
        assert product["stock"] is None
        assert authors(product) == ["A customer"] * 5
        assert sorted(await page.degraded_text()) == [
            "Degraded: product.related.stock (3 places) omitted — products timed out",
            "Degraded: product.reviews.edges.node.author (5 places) replaced by its fallback"
            " — users answered with an error",
            "Degraded: product.stock omitted — products timed out",
        ]
        await page.scroll_answer_to('"stock": null')
        await picture(page, "web-degraded")
        shop.heal()
        assert (await page.run())["data"]["product"]["stock"]["status"] == "IN_STOCK"
        assert await page.degraded_text() == []


async def test_service_stops_during_a_visit(shop: Shop, visit: Visit, tmp_path: Path) -> None:
    """When the service of a root field stops, the next run says what is lost, and what needs it not still comes."""
    with ExitStack() as products:
        url = products.enter_context(running("products", data_dir=tmp_path))
        own = replace(shop, urls={**shop.urls, "products": url})
        async with serving(app(web, own)) as address, visit(address) as page:
            await page.pick_tab("ProductPage")
            assert (await page.run())["data"]["product"]["name"] == KEYBOARD
            await asyncio.to_thread(products.close)
            answer = await page.run()
            assert answer["data"] == {"product": None}
            assert [error["path"] for error in answer["errors"]] == [["product"]]
            assert await page.degraded_text() == ["Degraded: product omitted — products cannot be reached"]
            await page.pick_tab("AccountPage")
            me = (await page.run())["data"]["me"]
            assert me["id"] == "7"
            assert me["preferences"]["favouriteCategories"] is None
            assert await page.degraded_text() == [
                "Degraded: me.preferences.favouriteCategories omitted — products cannot be reached"
            ]


@pytest.mark.parametrize(
    ("locale", "price", "stock"),
    [("en-GB", "€139.95", "In stock"), ("de-DE", "139,95\N{NO-BREAK SPACE}€", "Auf Lager")],
)
async def test_product_screen_is_worded_for_the_browser(
    locale: str,
    price: str,
    stock: str,
    served: Mapping[str, str],
    shop: Shop,
    visit: Visit,
    picture: Picture,
) -> None:
    """The product screen's price and stock are worded in the language that the visitor's browser asks for."""
    async with visit(served["mobile"], locale=locale) as page:
        await page.pick_tab("ProductScreen")
        screen = (await page.run())["data"]["productScreen"]
        assert (screen["name"], screen["price"], screen["availability"]) == (KEYBOARD, price, stock)
        if locale == "en-GB":
            await picture(page, "mobile-product-screen")
