"""Web pages of other origins: who may ask, what a browser is told, and what a refusal says."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from bff_core.settings import SettingsError
from bff_core.telemetry.facts import RequestFinished
from tests.edge.desk import DESK, Desk, desk

SHOP = "https://shop.example"
PARTNER = "https://partner.example:8443"
SETTINGS = {
    "EDGE__ALLOWED_ORIGINS": f"{SHOP},{PARTNER}",
    "EDGE__CREDENTIAL_ORIGINS": SHOP,
    "EDGE__PREFLIGHT_MAX_AGE_S": "300",
}
WORD = json.dumps({"query": '{ word(id: "1") { text } }'})
CORS = "access-control-"


def said(response: httpx.Response) -> dict[str, str]:
    """What a response says of origins, without its common beginning."""
    return {name.removeprefix(CORS): value for name, value in response.headers.items() if name.startswith(CORS)}


def varies(response: httpx.Response) -> set[str]:
    """The names in Vary."""
    return {name.strip().lower() for name in response.headers["vary"].split(",")}


async def ask_first(room: Desk, origin: str, method: str = "POST", wanted: str | None = None) -> httpx.Response:
    """A browser's preflight."""
    headers = {"origin": origin, "access-control-request-method": method}
    if wanted is not None:
        headers["access-control-request-headers"] = wanted
    return await room.client.http.options("/graphql", headers=headers)


async def test_a_preflight_of_a_listed_origin_is_answered() -> None:
    """The browser hears methods, headers and how long to remember that; nothing runs, and no request is told."""
    async with desk(SETTINGS) as room:
        response = await ask_first(room, PARTNER, wanted="authorization,content-type,x-tab")
        assert (response.status_code, response.content) == (204, b"")
        assert said(response) == {
            "allow-origin": PARTNER,
            "allow-methods": "GET, POST",
            "allow-headers": "authorization,content-type,x-tab",
            "max-age": "300",
            "expose-headers": "x-request-id, x-degraded, retry-after, etag",
        }
        assert varies(response) == {"origin", "access-control-request-method", "access-control-request-headers"}
        assert room.observer.of(RequestFinished) == []


async def test_credentials_are_for_those_who_are_listed_for_it() -> None:
    """Of two listed origins only that of credential_origins hears that cookies may come along."""
    async with desk(SETTINGS) as room:
        for origin, allowed in ((SHOP, "true"), (PARTNER, None)):
            for response in (await ask_first(room, origin), await room.post(WORD, origin=origin)):
                assert said(response).get("allow-credentials") == allowed


@pytest.mark.parametrize("wanted", ["", "a\tb", "x" * 1001, "x: y", "\xff"])
async def test_headers_that_no_browser_asks_for_are_not_repeated(wanted: str) -> None:
    """What is no list of names of a sensible length is not sent back."""
    async with desk(SETTINGS) as room:
        headers: Any = {
            "origin": SHOP,
            "access-control-request-method": "POST",
            "access-control-request-headers": wanted.encode("latin-1"),
        }
        response = await room.client.http.options("/graphql", headers=headers)
        assert response.status_code == 204
        assert "allow-headers" not in said(response)


async def test_a_page_of_a_listed_origin_reads_answers_and_refusals() -> None:
    """An answer and a refusal both say that the page may read them, with the headers it needs."""
    async with desk(SETTINGS) as room:
        for response, status in (
            (await room.post(WORD, origin=SHOP), 200),
            (await room.get({"query": "{ locale }"}, origin=SHOP), 200),
            (await room.post("{", origin=SHOP), 400),
            (await room.post(WORD, origin=SHOP, authorization="Bearer x"), 401),
            (await room.post(WORD, origin=SHOP, content_type="text/plain"), 415),
        ):
            assert response.status_code == status
            assert said(response) == {
                "allow-origin": SHOP,
                "allow-credentials": "true",
                "expose-headers": "x-request-id, x-degraded, retry-after, etag",
            }
            assert {"origin", "accept", "authorization"} <= varies(response)


STRANGERS = [
    "https://evil.example",
    "http://shop.example",
    "https://shop.example:8443",
    "https://shop.example.evil.example",
    "https://evil.example/https://shop.example",
    "https://SHOP.example",
    "https://shop.example/",
    "https://shop.example, https://evil.example",
    "null",
    "",
    "*",
    "http://localhost:3000",
    "\xff<script>",
]


@pytest.mark.parametrize("origin", STRANGERS)
async def test_any_other_origin_is_refused_and_told_the_setting(origin: str) -> None:
    """Preflight, POST and GET are a 403 that names the setting, say nothing that a browser takes for leave, and run
    nothing."""
    async with desk(SETTINGS) as room:
        http = room.client.http
        sent: Any = {"origin": origin.encode("latin-1"), "content-type": "application/json"}
        for response in (
            await http.options("/graphql", headers={**sent, "access-control-request-method": "POST"}),
            await http.post("/graphql", content=WORD, headers=sent),
            await http.get("/graphql", params={"query": '{ word(id: "1") { text } }'}, headers=sent),
        ):
            assert response.status_code == 403
            (error,) = response.json()["errors"]
            assert error["extensions"]["code"] == "ORIGIN_REFUSED"
            assert "edge.allowed_origins" in error["message"]
            assert "<script>" not in error["message"]
            assert said(response) == {}
            assert "origin" in varies(response)
        assert room.transports["words"].requests == []
        assert [fact.status for fact in room.observer.of(RequestFinished)] == [403, 403, 403]


async def test_a_refusal_names_the_origin_that_came() -> None:
    """Whoever writes the page sees how its origin is spelt."""
    async with desk() as room:
        response = await room.post(WORD, origin="http://localhost:3000")
        (error,) = response.json()["errors"]
        assert error["message"] == (
            "Pages of http://localhost:3000 may not use this BFF: "
            "its setting edge.allowed_origins names those that may."
        )


async def test_the_own_page_always_passes() -> None:
    """A page of the same host is served whatever is listed, also behind a proxy that ends TLS or names another host."""
    async with desk() as room:
        for headers in (
            {"origin": "http://bff"},
            {"origin": "https://bff"},
            {"origin": "https://www.shop.example", "sec-fetch-site": "same-origin"},
            {},
        ):
            response = await room.post(WORD, **headers)
            assert response.json() == {"data": {"word": {"text": "word 1"}}}
            assert said(response) == {}
        for headers in (
            {"origin": "http://bff.evil.example"},
            {"origin": "http://bff:81"},
            {"origin": "https://www.shop.example", "sec-fetch-site": "same-site"},
            {"origin": "https://www.shop.example", "sec-fetch-site": "cross-site"},
        ):
            assert (await room.post(WORD, **headers)).status_code == 403


async def test_localhost_is_every_port_of_this_machine() -> None:
    """With "localhost" in the list pages under development may ask from any port, and nobody who only looks like it."""
    async with desk({"EDGE__ALLOWED_ORIGINS": "localhost"}) as room:
        for origin in ("http://localhost", "http://localhost:3000", "http://127.0.0.1:65535"):
            assert said(await ask_first(room, origin))["allow-origin"] == origin
            assert said(await room.post(WORD, origin=origin))["allow-origin"] == origin
        for origin in (
            "https://localhost:3000",
            "http://localhost.evil.example",
            "http://localhost:3000.evil.example",
            "http://127.0.0.1.evil.example",
            "http://127.0.0.10",
            "http://evil.example/http://localhost:3000",
            "http://localhost:300000",
        ):
            assert (await room.post(WORD, origin=origin)).status_code == 403


async def test_an_ordinary_options_is_no_preflight() -> None:
    """OPTIONS without the browser's question is a method that may not be used."""
    async with desk(SETTINGS) as room:
        for headers in ({}, {"access-control-request-method": "POST"}, {"origin": SHOP}):
            assert (await room.client.http.options("/graphql", headers=headers)).status_code == 405


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "shop.example",
        "https://Shop.example",
        "https://shop.example/",
        "https://shop.example/app",
        "https://shop.example:443",
        "http://shop.example:80",
        "https://a@shop.example",
        "https://*.shop.example",
        "https://[::1",
        "https://shop.example:99999",
        "http://",
    ],
)
def test_what_no_browser_writes_is_no_setting(origin: str) -> None:
    """An origin that could never be met stops the start, and the sentence says how origins are written."""
    with pytest.raises(SettingsError, match=r"edge\.allowed_origins .*allowed is each origin as a browser writes it"):
        DESK.load_settings({"BFF_DESK__EDGE__ALLOWED_ORIGINS": origin})


@pytest.mark.parametrize("origin", ["https://shop.example", "http://[::1]:3000", "app://shop.example", "localhost"])
def test_origins_as_browsers_write_them(origin: str) -> None:
    """Origins of sites, of this machine and of apps that show web pages are taken as they are."""
    settings = DESK.load_settings({"BFF_DESK__EDGE__ALLOWED_ORIGINS": origin})
    assert settings.edge.allowed_origins == (origin,)


def test_credentials_need_an_allowed_origin() -> None:
    """An origin that may send credentials and may not ask is a contradiction."""
    with pytest.raises(SettingsError, match=r"credential_origins = https://shop\.example must stand in allowed_or"):
        DESK.load_settings({"BFF_DESK__EDGE__CREDENTIAL_ORIGINS": SHOP})
