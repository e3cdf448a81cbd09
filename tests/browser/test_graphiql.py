"""GraphiQL in a real browser, over a BFF of one screen."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser

from bff_core.edge.graphiql import Tab
from tests.browser.hello import Hello, serving
from tests.browser.page import Visit, Witness, visiting

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_opens_with_the_operations_as_tabs(visit: Visit) -> None:
    """A first visit shows the BFF's name and each operation in a tab, the first open with its variables."""
    async with serving(Hello().app()) as url, visit(url) as page:
        assert await page.title() == "Hello BFF"
        assert await page.tabs() == ["Greeting", "People"]
        assert "hello(name: $name)" in await page.query()
        assert await page.variables() == {"name": "</script>"}


async def test_runs_a_tab(visit: Visit) -> None:
    """A tab runs as it stands, as the signed-in user and under the client name of GraphiQL."""
    hello = Hello()
    async with serving(hello.app()) as url, visit(url) as page:
        assert await page.run() == {"data": {"hello": "Hello, </script>!"}}
    [(name, headers)] = hello.operations
    assert name == "Greeting"
    assert headers["authorization"] == "Bearer token-of-7"
    assert headers["apollographql-client-name"] == "graphiql"


async def test_picks_another_tab(visit: Visit) -> None:
    """Running after a change of tab runs the new tab's operation, and each tab keeps its own answer."""
    hello = Hello()
    async with serving(hello.app()) as url, visit(url) as page:
        await page.run()
        await page.pick_tab("People")
        assert (await page.run())["data"] == {"hello": "Hello, user 7!", "people": None}
        await page.pick_tab("Greeting")
        assert (await page.result_json())["data"] == {"hello": "Hello, </script>!"}
    assert [name for name, _ in hello.operations] == ["Greeting", "People"]


async def test_runs_a_typed_query(visit: Visit) -> None:
    """A query typed key by key into the editor runs as it was typed."""
    async with serving(Hello().app()) as url, visit(url) as page:
        await page.type_query('{ hello(name: "Lin") }')
        assert await page.query() == '{ hello(name: "Lin") }'
        assert await page.run() == {"data": {"hello": "Hello, Lin!"}}


async def test_suggests_fields_of_the_schema(visit: Visit) -> None:
    """The editor offers the schema's fields, so its workers run under the policy."""
    async with serving(Hello().app()) as url, visit(url) as page:
        assert {"hello", "people"} <= set(await page.suggestions("{ "))


async def test_shows_descriptions(visit: Visit) -> None:
    """The documentation shows the schema's types with their descriptions."""
    async with serving(Hello().app()) as url, visit(url) as page:
        assert "Query" in await page.open_docs()
        query = await page.docs_of("Query")
        assert "Everything that can be asked." in query
        assert "Greets by name, or whoever is signed in." in query
        assert "What they are called." in await page.docs_of("Person")


async def test_says_what_is_degraded(visit: Visit) -> None:
    """Above the open tab's answer stands a line for each degraded part, and none above a whole answer."""
    async with serving(Hello().app()) as url, visit(url) as page:
        await page.run()
        assert await page.degraded_text() == []
        await page.pick_tab("People")
        await page.run()
        assert await page.degraded_text() == [
            "Degraded: people omitted — directory timed out",
            "Degraded: hello (3 places) shown as of 42 s ago — greetings cannot be reached",
        ]
        await page.pick_tab("Greeting")
        assert await page.degraded_text() == []


async def test_switches_the_user(visit: Visit) -> None:
    """Another user, listed or typed, or nobody: every tab's Headers show it and the next run is theirs."""
    hello = Hello()
    async with serving(hello.app()) as url, visit(url) as page:
        assert await page.signed_in_as() == "User 7 (Grace)"
        assert await page.headers() == {"Authorization": "Bearer token-of-7"}
        await page.pick_tab("People")
        await page.sign_in_as("8")
        assert (await page.run())["data"]["hello"] == "Hello, user 8!"
        await page.pick_tab("Greeting")
        assert await page.headers() == {"Authorization": "Bearer token-of-8"}
        await page.sign_in_as("4711")
        assert await page.headers() == {"Authorization": "Bearer token-of-4711"}
        await page.sign_in_as(None)
        assert await page.headers() == {}
        await page.pick_tab("People")
        assert await page.headers() == {}
        assert (await page.run())["data"]["hello"] == "Hello, stranger!"
    assert hello.tokens == ["7", "8", "4711"]


async def test_late_token_signs_nobody_in(visit: Visit) -> None:
    """A token that comes after the visitor chose somebody else is not used."""
    hello = Hello(slow_user="8")
    async with serving(hello.app()) as url, visit(url) as page:
        await page.page.get_by_label("Signed in as").select_option(value="8")
        await page.sign_in_as(None)
        async with page.page.expect_response("**/graphiql/token"):
            hello.go_on.set()
        await page.pick_tab("People")
        assert (await page.run())["data"]["hello"] == "Hello, stranger!"
        assert await page.headers() == {}
    assert hello.tokens == ["7", "8"]


async def test_goes_on_without_tokens(visit: Visit) -> None:
    """While no token can be had, one sentence says so and anonymous queries run."""
    hello = Hello(issuer_is_down=True)
    async with serving(hello.app()) as url, visit(url) as page:
        assert await page.sign_in_note() == (
            "No token for user 7 (A service cannot be reached); anonymous queries still work."
        )
        await page.pick_tab("People")
        assert (await page.run())["data"]["hello"] == "Hello, stranger!"
        hello.issuer_is_down = False
        await page.sign_in_as("8")
        assert (await page.run())["data"]["hello"] == "Hello, user 8!"


async def test_keeps_what_a_visitor_left(visit: Visit) -> None:
    """A second visit finds the tab as it was left, but no token was kept in the browser."""
    async with serving(Hello().app()) as url, visit(url) as page:
        await page.run()
        await page.pick_tab("People")
        await page.run()
        await page.type_query("{ hello }")
        await page.saved()
        kept = await page.page.evaluate("() => JSON.stringify(localStorage)")
        assert "{ hello }" in kept
        assert "queries" in kept
        assert "token-of-7" not in kept
        await page.open()
        assert await page.query() == "{ hello }"
        assert len(await page.tabs()) == 2


async def test_offers_changed_operations(visit: Visit) -> None:
    """When the BFF's operations have changed, a visitor who was there before is shown the new ones."""
    hello = Hello()
    async with serving(hello.app()) as url, visit(url) as page:
        await page.pick_tab("People")
        await page.saved()
        hello.tabs = (Tab("Farewell", "query Farewell {\n  hello\n}\n"),)
        await page.open()
        assert await page.tabs() == ["Farewell"]
        assert (await page.run())["data"] == {"hello": "Hello, user 7!"}


async def test_leaves_a_typed_authorization_alone(visit: Visit) -> None:
    """An Authorization that the visitor typed is sent as it is; only tokens of this page are replaced."""
    hello = Hello(default_user=None)
    async with serving(hello.app()) as url, visit(url) as page:
        await page.type_headers('{"authorization": "Bearer token-of-mine"}')
        await page.sign_in_as("8", filled_in=False)
        await page.run()
    [(_, headers)] = hello.operations
    assert headers["authorization"] == "Bearer token-of-mine"


async def test_history_does_not_bring_back_another_user(visit: Visit) -> None:
    """An operation taken from the history runs as who is signed in now, not as who ran it then."""
    async with serving(Hello().app()) as url, visit(url) as page:
        await page.pick_tab("People")
        assert (await page.run())["data"]["hello"] == "Hello, user 7!"
        await page.sign_in_as("8")
        await page.pick_from_history("People")
        assert await page.headers() == {"Authorization": "Bearer token-of-8"}
        assert (await page.run())["data"]["hello"] == "Hello, user 8!"


async def test_no_other_host_is_asked(chromium: Browser, bundle: Path) -> None:
    """A request to another host fails the visit, although the policy stops it before it leaves."""
    script = "() => fetch('http://elsewhere.example/tracker.js').catch(() => null)"
    with pytest.raises(AssertionError, match=r"connect-src 'self'"):
        await misbehave(chromium, script)


async def test_no_inline_script_runs(chromium: Browser, bundle: Path) -> None:
    """A script that gets into the page's markup does not run, and the visit fails."""
    script = (
        "() => document.body.append(Object.assign(document.createElement('script'),"
        " { textContent: 'document.title = `taken over`' }))"
    )
    with pytest.raises(AssertionError, match=r"script-src 'self'"):
        await misbehave(chromium, script)


async def misbehave(chromium: Browser, script: str) -> None:
    """A visit whose page runs a script of ours that it should not."""
    async with serving(Hello().app()) as url, visiting(chromium, url) as page:
        await page.page.evaluate(script)
        assert await page.page.title() == "Hello BFF · GraphiQL"


async def test_unbuilt_page_says_what_to_do(chromium: Browser, tmp_path: Path) -> None:
    """Without a bundle the endpoint shows a plain page with the command to run."""
    hello = Hello(bundle=tmp_path)
    async with serving(hello.app()) as url:
        page = await chromium.new_page()
        try:
            witness = Witness(urlsplit(url).netloc)
            witness.watch(page)
            answer = await page.goto(url)
            assert answer is not None
            assert answer.status == 200
            assert "run make graphiql (or make demo)" in await page.locator("body").inner_text()
            witness.assert_clean()
        finally:
            await page.context.close()
