"""What goes along with a call: locale and client where answers differ by them, a credential to its host alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from bff_core.auth.principal import Credential
from bff_core.clock import SystemClock
from bff_core.contract import Command, Endpoint, Outcome, Record, Service, Varies
from bff_core.deadline import Deadline
from bff_core.errors import BadStatus
from bff_core.outbound.channel import Caller, Channel, ChannelOptions
from bff_core.outbound.guards import GuardOptions, Guards
from bff_core.outbound.transport import HttpTransport
from bff_core.testing.clock import FakeClock
from bff_core.testing.observer import RecordingObserver
from bff_core.testing.transport import ScriptedTransport, json_reply
from tests.outbound.raw_server import Conversation, answer_forever, serving


class Word(Record):
    """A row."""

    id: str


WORD = {"id": "w"}
KEYS: dict[str, Any] = {"get": ("w",), "batch": "w", "page": (5, None)}


def declared(*varies: Varies) -> dict[str, Endpoint[Any]]:
    """An endpoint of each kind that varies by these."""
    words = Service("words")
    return {
        "get": words.get("GET /words/{id}", returns=Word, varies=varies),
        "batch": words.batch("GET /words", keys="id", returns=Word, key="id", max_keys=5, varies=varies),
        "page": words.page("GET /words", returns=Word, max_limit=5, varies=varies),
        "command": words.command("PUT /words/{id}", returns=None, drops=[], varies=varies),
    }


async def headers(endpoint: Endpoint[Any], key: Any, **caller: str) -> httpx.Headers:
    """What one call is sent with."""
    clock, observer = FakeClock(), RecordingObserver()
    transport = ScriptedTransport(lambda _: json_reply([WORD]))
    channel = Channel(
        "words",
        ChannelOptions("http://words:9"),
        transport=transport,
        guards=Guards("words", GuardOptions(), clock, observer),
        clock=clock,
        observer=observer,
    )
    who = Caller(Deadline.after(clock, 10.0), Credential("secret"), "r1", **caller)
    if isinstance(endpoint, Command):
        await channel.send(endpoint, key, None, who)
    else:
        await channel.fetch(endpoint, [key], who)
    [request] = transport.requests
    return request.headers


@pytest.mark.parametrize("kind", ["get", "batch", "page", "command"])
@pytest.mark.parametrize("varies", [(), ("locale",), ("client",), ("locale", "client")])
async def test_locale_and_client_go_to_what_varies_by_them(kind: str, varies: tuple[Varies, ...]) -> None:
    """Each endpoint is told what it says that its answers differ by, and nothing of the other."""
    sent = await headers(declared(*varies)[kind], KEYS.get(kind, ("w",)), locale="pt-BR", client="shop-web")
    assert sent.get("accept-language") == ("pt-BR" if "locale" in varies else None)
    assert sent.get("x-client-name") == ("shop-web" if "client" in varies else None)
    assert "authorization" not in sent


LOCALES = ["de", "pt-BR", "zh-Hans-CN", "sr-Latn-RS", "de-DE-1996", "i-klingon"]
NO_LOCALES = [
    "",
    "de\r\nauthorization: x",
    "de\n",
    "de, en;q=0.5",
    "de;q=1",
    "*",
    "de_DE",
    "-de",
    "de-",
    "de--x",
    "é",
    "de ",
    "x" * 9,
    "de" + "-x" * 8,
    "\x00",
]
CLIENTS = ["other", "shop-web", "ios.app", "a+b_c~1", "x" * 100]
NO_CLIENTS = [
    "",
    "shop web",
    "web\r\nauthorization: x",
    "web\n",
    "web,ios",
    "web;1",
    'web"',
    "web:1",
    "é",
    "\x7f",
    "x" * 101,
]


@pytest.mark.parametrize("locale", LOCALES)
async def test_a_locale_is_sent_as_it_is(locale: str) -> None:
    """A language tag arrives byte for byte."""
    assert (await headers(declared("locale")["get"], ("w",), locale=locale))["accept-language"] == locale


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_clients_name_is_sent_as_it_is(client: str) -> None:
    """A token of HTTP arrives byte for byte."""
    assert (await headers(declared("client")["get"], ("w",), client=client))["x-client-name"] == client


@pytest.mark.parametrize("locale", NO_LOCALES)
async def test_what_is_no_language_tag_is_not_sent(locale: str) -> None:
    """Nothing that could end a header, begin another or be read as a list goes out; the call itself does."""
    sent = await headers(declared("locale")["get"], ("w",), locale=locale)
    assert "accept-language" not in sent
    assert "authorization" not in sent


@pytest.mark.parametrize("client", NO_CLIENTS)
async def test_what_is_no_token_is_not_sent(client: str) -> None:
    """A client's name that is not a plain word is nobody's."""
    sent = await headers(declared("client")["get"], ("w",), client=client)
    assert "x-client-name" not in sent
    assert "authorization" not in sent


# --- over real sockets

Ways = dict[str, Endpoint[Any]]


def relaying(*, relay: bool) -> Ways:
    """A read and a write; each with the credential, or neither."""
    words = Service("words")
    return {
        "read": words.get("GET /words/{id}", returns=Word, relay=relay),
        "write": words.command("PUT /words/{id}", returns=None, drops=[], relay=relay),
    }


@asynccontextmanager
async def to(url: str) -> AsyncIterator[Channel]:
    """A channel over the transport that we ship."""
    clock, observer = SystemClock(), RecordingObserver()
    channel = Channel(
        "words",
        ChannelOptions(url, attempt_timeout=5.0),
        transport=HttpTransport(),
        guards=Guards("words", GuardOptions(), clock, observer),
        clock=clock,
        observer=observer,
    )
    try:
        yield channel
    finally:
        await channel.aclose()


async def ask(channel: Channel, endpoint: Endpoint[Any]) -> Outcome[Any]:
    """One call by somebody with a credential."""
    caller = Caller(Deadline.after(SystemClock(), 10.0), Credential("secret"))
    if isinstance(endpoint, Command):
        return await channel.send(endpoint, ("w",), None, caller)
    [outcome] = await channel.fetch(endpoint, [("w",)], caller)
    return outcome


@pytest.mark.parametrize("way", ["read", "write"])
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_a_redirect_is_not_followed_and_the_credential_stays_with_its_host(way: str, status: str) -> None:
    """The declared host gets the token once; where it points to, nobody ever calls."""

    async def away(conversation: Conversation) -> None:
        await conversation.hear()
        await conversation.answer(b"", f"Location: {other.url}/words/w", status=status)

    async with serving(answer_forever) as other, serving(away) as host, to(host.url) as channel:
        outcome = await ask(channel, relaying(relay=True)[way])
    assert isinstance(outcome.error, BadStatus)
    assert outcome.error.status == int(status[:3])
    assert [request.header("authorization") for request in host.requests] == [["Bearer secret"]]
    assert (other.opened, other.requests) == (0, [])


@pytest.mark.parametrize("way", ["read", "write"])
async def test_a_public_endpoint_never_gets_the_credential(way: str) -> None:
    """What is on the wire holds no token, whoever asks."""
    async with serving(answer_forever) as host, to(host.url) as channel:
        await ask(channel, relaying(relay=False)[way])
    [request] = host.requests
    assert request.header("authorization") == []
    assert b"secret" not in request.head
