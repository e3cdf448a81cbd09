"""GraphiQL's page and routes as the BFF serves them, without a browser."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bff_core.edge.graphiql import (
    TOKEN_REQUEST_LIMIT,
    DemoUser,
    Graphiql,
    Tab,
    TokenIssuer,
    graphiql_page,
    graphiql_routes,
    read_tabs,
    wants_page,
)
from bff_core.errors import BadRequest, Unreachable

NASTY = "query A { a } # </script><!-- & \u2028"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle as the build leaves it, of four small files."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    manifest = {"script": "main-ABCD1234.js", "style": "main-ABCD1234.css", "icon": "icon-ABCD1234.svg"}
    for name in manifest.values():
        (folder / name).write_text(f"/* {name} */")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


class Issuer:
    """Issues ``token-of-<user>`` and remembers for whom; fails with ``failure`` while there is one."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.failure: Exception | None = None

    async def __call__(self, user: str) -> str:
        self.asked.append(user)
        if self.failure is not None:
            raise self.failure
        return f"token-of-{user}"


def options_of(bundle: Path, **changes: Any) -> Graphiql:
    """Options with a tab and a user."""
    plain: dict[str, Any] = {"title": "Web & co", "tabs": [Tab("A", NASTY, '{"id": "7"}')], "bundle": bundle}
    return Graphiql(**{**plain, "users": [DemoUser("7", "User 7")], "default_user": "7", **changes})


def client_of(options: Graphiql, issue_token: TokenIssuer | None = None) -> httpx.AsyncClient:
    """A client of an application with the page at its endpoint."""

    async def endpoint(request: Request) -> Response:
        return graphiql_page(options)

    app = Starlette(routes=[Route(options.endpoint, endpoint), *graphiql_routes(options, issue_token)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bff.test")


@pytest.fixture
def issuer() -> Issuer:
    """Who issues tokens."""
    return Issuer()


@pytest_asyncio.fixture
async def client(bundle: Path, issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a BFF with GraphiQL."""
    async with client_of(options_of(bundle), issuer) as client:
        yield client


def config_in(html: str) -> dict[str, Any]:
    """The data that the page hands to its script, found as HTML is parsed: up to the first ``</``."""
    found = re.search(r'<script type="application/json" id="config">(.*?)</', html, re.DOTALL)
    assert found is not None
    config = json.loads(found[1])
    assert isinstance(config, dict)
    return config


async def test_page_hands_over_its_options(client: httpx.AsyncClient) -> None:
    """Tabs, users and addresses reach the script unharmed, whatever markup an operation contains."""
    page = await client.get("/graphql")
    assert page.status_code == 200
    config = config_in(page.text)
    assert config.pop("tabsKey")
    assert config == {
        "title": "Web & co",
        "endpoint": "/graphql",
        "clientName": "graphiql",
        "tabs": [{"query": NASTY, "variables": '{"id": "7"}'}],
        "users": [{"id": "7", "label": "User 7"}],
        "defaultUser": "7",
        "tokenUrl": "/graphiql/token",
    }
    assert "<title>Web &amp; co · GraphiQL</title>" in page.text


async def test_page_is_under_a_strict_policy(client: httpx.AsyncClient) -> None:
    """Nothing but this host, no inline script, no eval; the page is not kept, framed or sniffed."""
    page = await client.get("/graphql")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy.pop("default-src") == "'none'"
    assert policy.pop("script-src") == "'self'"
    assert policy.pop("frame-ancestors") == policy.pop("base-uri") == policy.pop("form-action") == "'none'"
    assert set(" ".join(policy.values()).split()) <= {"'self'", "'unsafe-inline'", "data:"}
    assert [name for name, value in policy.items() if "unsafe-inline" in value] == ["style-src"]
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["vary"] == "Accept"
    assert page.headers["x-content-type-options"] == "nosniff"
    scripts = re.findall(r"<script\b([^>]*)>", page.text)
    assert len(scripts) == 2
    assert all("src=" in script or 'type="application/json"' in script for script in scripts)
    assert "http" not in page.text


async def test_page_names_files_that_are_served(client: httpx.AsyncClient) -> None:
    """Each file that the page names is there, may be kept for good, and has its media type."""
    page = await client.get("/graphql")
    names = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(names) == 3
    types = []
    for name in names:
        file = await client.get(name)
        assert file.status_code == 200
        assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
        types.append(file.headers["content-type"].partition(";")[0])
    assert sorted(types) == ["image/svg+xml", "text/css", "text/javascript"]


async def test_what_has_no_hashed_name_is_asked_for_again(client: httpx.AsyncClient) -> None:
    """The manifest changes under one name, so no browser may keep it; a file that is not there is a 404."""
    manifest = await client.get("/graphiql/assets/manifest.json")
    assert (manifest.status_code, manifest.headers["cache-control"]) == (200, "no-cache")
    assert (await client.get("/graphiql/assets/gone-ABCD1234.js")).status_code == 404
    assert (await client.get("/graphiql/assets/..%2f..%2fsecret")).status_code == 404


@pytest.mark.parametrize("manifest", [None, "", "[]", '{"script": "main.js"}'])
async def test_page_without_a_bundle_says_how_to_build_it(bundle: Path, manifest: str | None) -> None:
    """A bundle that is missing or half there gives 200 and a plain page with the command to run."""
    (bundle / "manifest.json").unlink()
    if manifest is not None:
        (bundle / "manifest.json").write_text(manifest)
    async with client_of(options_of(bundle), Issuer()) as client:
        page = await client.get("/graphql")
    assert page.status_code == 200
    assert "run <code>make graphiql</code> (or <code>make demo</code>)" in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_other_operations_have_another_key(bundle: Path) -> None:
    """The key of a visitor's tabs stays while the operations do and changes with any of them."""
    keys = [
        config_in(bytes(graphiql_page(options_of(bundle, tabs=tabs)).body).decode())["tabsKey"]
        for tabs in ([Tab("A", "{ a }")], [Tab("A", "{ a }")], [Tab("A", "{ b }")], [Tab("A", "{ a }", "{}")])
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


async def test_token_of_a_user(client: httpx.AsyncClient, issuer: Issuer) -> None:
    """A user's id gets a token that nobody may keep."""
    answer = await client.post("/graphiql/token", json={"user": " 7 "})
    assert (answer.status_code, answer.json()) == (200, {"token": "token-of-7"})
    assert answer.headers["cache-control"] == "no-store"
    assert issuer.asked == ["7"]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{", 400, "this is not JSON"),
        (b"\xff", 400, "this is not JSON"),
        (b"[]", 400, "a string that is not empty"),
        (b'{"user": 7}', 400, "a string that is not empty"),
        (b'{"user": " "}', 400, "a string that is not empty"),
        (b'{"user": "%s"}' % (b"7" * 129), 400, "at most 128 characters"),
        (b" " * (TOKEN_REQUEST_LIMIT + 1), 400, "at most 4096 bytes"),
    ],
)
async def test_malformed_token_request(
    client: httpx.AsyncClient, issuer: Issuer, body: bytes, status: int, says: str
) -> None:
    """A body that names no user gets one sentence with what was expected, and nobody is asked for a token."""
    answer = await client.post("/graphiql/token", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert says in answer.json()["error"]
    assert issuer.asked == []


async def test_token_request_from_a_form_is_refused(client: httpx.AsyncClient, issuer: Issuer) -> None:
    """What a form on another site can send gets no token."""
    body = b'{"user": "7"}'
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = await client.post("/graphiql/token", content=body, headers={"Content-Type": media_type})
        assert answer.status_code == 415
    assert (await client.get("/graphiql/token")).status_code == 405
    assert issuer.asked == []


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (BadRequest("There is no user 7."), "There is no user 7."),
        (
            Unreachable("http://127.0.0.1:9001 refused", service="users"),
            "No token for user 7 (A service cannot be reached); anonymous queries still work.",
        ),
        (
            RuntimeError("secret inside"),
            "No token for user 7 (RuntimeError); anonymous queries still work.",
        ),
    ],
)
async def test_issuer_that_fails(
    client: httpx.AsyncClient,
    issuer: Issuer,
    failure: Exception,
    sentence: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The page gets one sentence that shows no more than a client may read; the log has the rest."""
    issuer.failure = failure
    with caplog.at_level(logging.WARNING):
        answer = await client.post("/graphiql/token", json={"user": "7"})
    assert (answer.status_code, answer.json()) == (200, {"error": sentence})
    assert len(caplog.records) == (0 if isinstance(failure, BadRequest) else 1)


async def test_nobody_can_sign_in_without_a_token_url(bundle: Path) -> None:
    """Without an address for tokens there is no route for them, and the page does not offer users."""
    async with client_of(options_of(bundle, token_url=None)) as client:
        assert (await client.post("/graphiql/token", json={"user": "7"})).status_code == 404
        assert config_in((await client.get("/graphql")).text)["tokenUrl"] is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"endpoint": "http://elsewhere/graphql"}, "endpoint is a path of this host"),
        ({"token_url": "//elsewhere/token"}, "token_url is a path of this host"),
        ({"assets_url": "assets"}, "assets_url is a path of this host"),
        ({"default_user": "9"}, "default user '9' is not among its users"),
    ],
)
def test_options_that_do_not_fit(bundle: Path, changes: dict[str, Any], says: str) -> None:
    """An address on another host or a default user who is not listed is refused at once."""
    with pytest.raises(ValueError, match=says):
        options_of(bundle, **changes)


def test_token_url_needs_an_issuer(bundle: Path) -> None:
    """An address for tokens without anybody to issue them stops the start."""
    with pytest.raises(ValueError, match="pass issue_token or token_url=None"):
        graphiql_routes(options_of(bundle))


@pytest.mark.parametrize(
    ("method", "accept", "wanted"),
    [
        ("GET", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("HEAD", "application/json, Text/HTML; charset=utf-8", True),
        ("GET", "*/*", False),
        ("GET", "application/graphql-response+json, application/json;q=0.9", False),
        ("GET", "text/html;q=0, */*", False),
        ("GET", "text/html;q=0.5", True),
        ("GET", None, False),
        ("GET", "", False),
        ("POST", "text/html", False),
    ],
)
def test_who_gets_the_page(method: str, accept: str | None, wanted: bool) -> None:
    """Only a GET that names text/html gets the page; whatever a GraphQL client sends gets GraphQL."""
    assert wants_page(method, accept) is wanted


def test_operations_become_tabs(tmp_path: Path) -> None:
    """Each operation file is a tab, by name, with the variables that lie beside it."""
    (tmp_path / "search.graphql").write_text("query Search { a }\n")
    (tmp_path / "product.graphql").write_text("query Product($id: ID!) { b }\n")
    (tmp_path / "product.variables.json").write_text('{\n  "id": "7"\n}\n')
    (tmp_path / "product.json").write_text("not ours")
    assert read_tabs(tmp_path) == (
        Tab("product", "query Product($id: ID!) { b }\n", '{\n  "id": "7"\n}'),
        Tab("search", "query Search { a }\n"),
    )
    assert read_tabs(tmp_path / "nowhere") == ()


@pytest.mark.parametrize(("text", "says"), [("{", "is not JSON"), ("[]", "holds a JSON list")])
def test_variables_that_are_no_object(tmp_path: Path, text: str, says: str) -> None:
    """A file of variables that is no JSON object is refused by its name."""
    (tmp_path / "a.graphql").write_text("{ a }")
    (tmp_path / "a.variables.json").write_text(text)
    with pytest.raises(ValueError, match=rf"a\.variables\.json {says}"):
        read_tabs(tmp_path)


def test_lock_records_no_registry() -> None:
    """The npm lock holds hashes and no address, so that any registry can serve it."""
    text = (Path(__file__).parents[2] / "graphiql" / "package-lock.json").read_text()
    assert "://" not in text
    lock = json.loads(text)
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert "monaco-editor" in {name.removeprefix("node_modules/") for name in packages}
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if "integrity" not in package] == []
