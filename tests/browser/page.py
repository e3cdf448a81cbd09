"""GraphiQL as a visitor uses it: a page object of verbs, and a witness of what the page must not do."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Request,
    async_playwright,
    expect,
)

#: Milliseconds; the first visit reads some megabytes of script on a machine that may be busy.
PATIENCE = 10_000

#: The locale of a visitor who says nothing else.
HOME = "en-GB"

#: Headless Chromium, quiet on the network, in a container as well as at home.
CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

_RESPONSE = "response.json"
_QUERY = "operation.graphql"
_HEADERS = "request-headers.json"
_VARIABLES = "variables.json"


@dataclass  # no slots: playwright hangs its wrappers of our methods on the object
class Witness:
    """What a page did from its first request on: whom it asked, what its console and policy complained of."""

    host: str
    requests: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Begins; before the page goes anywhere."""
        page.on("request", self._asked)
        page.on("requestfailed", self._missed)
        page.on("console", self._said)
        page.on("pageerror", self._threw)

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"} and parts.netloc != self.host:
            self.foreign.append(request.url)

    def _missed(self, request: Request) -> None:
        # What a visitor interrupts by leaving is no failure; what the policy forbids is "blocked".
        if request.failure != "net::ERR_ABORTED":
            self.failed.append(f"{request.url}: {request.failure}")

    def _said(self, message: ConsoleMessage) -> None:
        # A violation of the Content-Security-Policy is an error in the console too.
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")

    def _threw(self, error: Error) -> None:
        self.complaints.append(f"exception: {error.message}")

    def assert_clean(self) -> None:
        """No request to another host was even tried, none failed, and nothing was complained of."""
        assert self.requests, "the witness saw no request at all: it was not watching"
        faults = [f"asked another host: {url}" for url in self.foreign]
        faults += [f"did not get {missed}" for missed in self.failed]
        faults += self.complaints
        assert not faults, "the page " + "\n".join(faults)


class GraphiqlPage:
    """One visitor's GraphiQL at ``url``. Each verb returns when its effect can be seen."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        #: The Content-Security-Policy that the page came with.
        self.policy = ""
        self.witness = Witness(urlsplit(url).netloc)
        self.witness.watch(page)
        page.set_default_timeout(PATIENCE)

    async def open(self) -> None:
        """Goes there; waits for the editor, the schema and the answer to the first sign-in."""
        answer = await self.page.goto(self.url)
        assert answer is not None
        self.policy = answer.headers.get("content-security-policy", "")
        await self.page.locator(".graphiql-query-editor .monaco-editor .view-lines").first.wait_for()
        # GraphiQL's own button turns while it asks for the schema.
        await expect(self._button("Re-fetch GraphQL schema")).to_be_enabled(timeout=PATIENCE)
        await self._signed_in()

    async def title(self) -> str:
        """The heading: which BFF this is."""
        return await self.page.get_by_role("heading", level=1).inner_text()

    async def tabs(self) -> list[str]:
        """The names on the tabs, in their order."""
        return await self.page.locator(".graphiql-tab-button").all_inner_texts()

    async def pick_tab(self, name: str) -> None:
        """Opens the tab with this name."""
        tab = self.page.locator(".graphiql-tab-button").get_by_text(name, exact=True)
        before = await self.query()
        await tab.click()
        active = self.page.locator(".graphiql-tab-active .graphiql-tab-button")
        await expect(active).to_have_text(name, timeout=PATIENCE)
        if await self.query() != before:
            await self._query_is_understood()

    async def clear_query(self) -> None:
        """Empties the query editor and leaves the caret there."""
        await self.page.locator(".graphiql-query-editor .view-lines").first.click()
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.press("Delete")

    async def type_query(self, text: str) -> None:
        """Replaces the query, key by key as a visitor does; one line, so that nothing gets indented."""
        await self.clear_query()
        await self.page.keyboard.type(text, delay=15)
        await self.finish_query()

    async def finish_query(self, rest: str = "") -> None:
        """Types the rest where the caret is, and leaves the query ready to run."""
        await self.page.keyboard.type(rest, delay=15)
        await self.page.keyboard.press("Escape")  # the list of suggestions
        await self._query_is_understood()

    async def complete(self, text: str, choice: str) -> None:
        """Types on where the caret is and takes what the editor then suggests by this name."""
        await self.page.keyboard.type(text, delay=15)
        await self.page.keyboard.press("Control+Space")
        names = self.page.locator(".suggest-widget.visible .monaco-list-row .label-name")
        await names.get_by_text(choice, exact=True).first.click()
        await expect(names.first).to_be_hidden(timeout=PATIENCE)

    async def suggestions(self, text: str) -> list[str]:
        """What the editor offers after this text is typed."""
        await self.clear_query()
        await self.page.keyboard.type(text, delay=15)
        await self.page.keyboard.press("Control+Space")
        rows = self.page.locator(".suggest-widget .monaco-list-row .label-name")
        await rows.first.wait_for()
        return await rows.all_inner_texts()

    async def run(self) -> dict[str, Any]:
        """Runs what the open tab shows; returns its answer."""
        await self.page.get_by_role("button", name="Execute query").click()
        return await self.result_json()

    async def result_json(self) -> dict[str, Any]:
        """The answer that the open tab shows, when it has come."""
        await self._until(
            f"() => {_model(_RESPONSE)}?.getValue() && !document.querySelector('.graphiql-response .graphiql-spinner')"
        )
        answer = json.loads(await self._text(_RESPONSE))
        assert isinstance(answer, dict)
        return answer

    async def query(self) -> str:
        """The text of the query editor."""
        return await self._text(_QUERY)

    async def variables(self) -> dict[str, Any]:
        """What the variables editor holds, {} when it is empty."""
        return _object(await self._text(_VARIABLES))

    async def headers(self) -> dict[str, Any]:
        """What the Headers editor holds, {} when it is empty."""
        return _object(await self._text(_HEADERS))

    async def show_headers(self) -> None:
        """Brings the Headers editor to the front."""
        await self.page.get_by_role("button", name="Headers", exact=True).click()

    async def type_headers(self, text: str) -> None:
        """Opens the Headers editor and types into it."""
        await self.show_headers()
        await self.page.locator(".graphiql-editor-tool .graphiql-editor:not(.hidden) .view-lines").click()
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.press("Delete")
        await self.page.keyboard.type(text, delay=15)
        await self.page.keyboard.press("Escape")
        assert await self.headers() == json.loads(text)

    async def pick_from_history(self, name: str) -> None:
        """Opens the history and takes the newest entry of this name into the open tab."""
        await self._button("Show History").click()
        await self.page.locator("button.graphiql-history-item-label").get_by_text(name, exact=True).first.click()
        await self._query_is_understood()

    async def open_docs(self) -> str:
        """Opens the documentation at its first page; returns its text."""
        await self._button("Show Documentation Explorer").click()
        return await self.docs_text()

    async def docs_of(self, *path: str) -> str:
        """Follows links in the documentation by their texts; returns the text of the last page."""
        docs = self.page.locator(".graphiql-doc-explorer")
        for name in path:
            await docs.get_by_role("link", name=name, exact=True).first.click()
            await expect(docs.locator(".graphiql-doc-explorer-title")).to_have_text(name, timeout=PATIENCE)
        return await self.docs_text()

    async def docs_text(self) -> str:
        """The text of the documentation page that is open."""
        docs = self.page.locator(".graphiql-doc-explorer-content")
        await docs.wait_for()
        return await docs.inner_text()

    async def saved(self) -> None:
        """Waits until the browser keeps the tabs as they are now: GraphiQL stores them with some delay."""
        await self._until(
            f"() => Object.keys(localStorage).some(key => key.endsWith(':graphiql:tabState')"
            f" && (state => state.tabs[state.activeTabIndex].query === {_model(_QUERY)}.getValue())"
            "(JSON.parse(localStorage.getItem(key))))"
        )

    async def sign_in_as(self, user: str | None, *, filled_in: bool = True) -> None:
        """Chooses a user by id, from the list or, when it is not there, by typing it; None: anonymous.

        ``filled_in`` False where the Headers editor is not expected to change.
        """
        choice = self.page.get_by_label("Signed in as")
        listed = await choice.locator("option").evaluate_all("options => options.map(option => option.value)")
        if user is None or user in listed:
            await choice.select_option(value=user or "")
        else:
            await choice.select_option(value="other")
            await self.page.get_by_label("User id").fill(user)
            await self.page.get_by_role("button", name="Sign in", exact=True).click()
        await self._signed_in(filled_in)

    async def signed_in_as(self) -> str:
        """What the list of users shows."""
        text = await self.page.get_by_label("Signed in as").evaluate("list => list.selectedOptions[0].label")
        return str(text)

    async def sign_in_note(self) -> str:
        """The words beside the list of users: that a token was filled in, or why not."""
        return await self.page.locator(".bar-note").inner_text()

    async def scroll_answer_to(self, text: str) -> None:
        """Scrolls the answer of the open tab until the first line with this text is near its top."""
        before, found, _ = (await self._text(_RESPONSE)).partition(text)
        assert found, f"the answer has no {text}"
        await self.page.evaluate(
            "([name, line]) => globalThis.__MONACO.editor.getEditors()"
            ".find(editor => editor.getModel()?.uri.path.endsWith(name)).revealLineNearTop(line)",
            [_RESPONSE, before.count("\n") + 1],
        )

    async def degraded_text(self) -> list[str]:
        """The lines that say what the answer of the open tab lacks; [] when it is whole."""
        return await self.page.locator(".degraded li").all_inner_texts()

    async def picture(self, file: Path) -> None:
        """Saves what can be seen, without the pointer's hints and the blinking caret."""
        await self.page.mouse.move(0, 0)
        await self.page.screenshot(path=file, animations="disabled", caret="hide")

    def _button(self, label: str) -> Locator:
        return self.page.locator(f'button[aria-label^="{label}"]')

    async def _signed_in(self, filled_in: bool = True) -> None:
        """Waits until no token is being asked for and the Headers editor shows the outcome."""
        form = self.page.locator(".bar-user")
        if not await form.count():
            return
        await expect(form).not_to_have_attribute("data-state", "waiting", timeout=PATIENCE)
        if filled_in and await form.get_attribute("data-state") == "signed-in":
            await self._until(f"() => {_model(_HEADERS)}?.getValue().includes('Bearer ')")

    async def _query_is_understood(self) -> None:
        """Waits for GraphiQL to parse a new query: a moment later, and until then it runs the old name."""
        await self._until(
            f"() => Object.keys(localStorage).some(key => key.endsWith(':graphiql:query')"
            f" && localStorage.getItem(key) === {_model(_QUERY)}.getValue())"
        )

    async def _text(self, name: str) -> str:
        # The editor draws only the lines that can be seen; its model holds them all.
        return str(await self.page.evaluate(f"() => {_model(name)}?.getValue() ?? ''"))

    async def _until(self, condition: str) -> None:
        await self.page.wait_for_function(condition, timeout=PATIENCE)


#: Saves what a page shows under a name; returns the file.
Picture = Callable[[GraphiqlPage, str], Awaitable[Path]]


class Visit(Protocol):
    """Opens GraphiQL at an address, in a browser that has never been there, until the block ends."""

    def __call__(self, url: str, *, locale: str = HOME) -> AbstractAsyncContextManager[GraphiqlPage]:
        """``locale``: what the visitor reads, a BCP 47 tag; it becomes the browser's Accept-Language."""


@asynccontextmanager
async def launched(chromium: Path) -> AsyncIterator[Browser]:
    """A running browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visiting(browser: Browser, url: str, *, locale: str = HOME) -> AsyncIterator[GraphiqlPage]:
    """One visit with a profile of its own; AssertionError at its end when it was not clean."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900}, locale=locale)
    try:
        page = GraphiqlPage(await context.new_page(), url)
        await page.open()
        yield page
        # Before the context closes: what that interrupts did not fail.
        page.witness.assert_clean()
    finally:
        await context.close()


def _model(name: str) -> str:
    return f"globalThis.__MONACO?.editor.getModels().find(({{ uri }}) => uri.path.endsWith('{name}'))"


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text) if text.strip() else {}
    assert isinstance(value, dict)
    return value
