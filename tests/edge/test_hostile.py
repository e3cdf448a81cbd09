"""Hostile HTTP by bare ASGI: bodies, headers and addresses that no client sends, and clients that never end one."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.types import Message

from bff_core.edge.http import read_post
from bff_core.errors import BadRequest
from bff_core.telemetry.facts import RequestFinished
from tests.edge.desk import Desk, desk

WORD = json.dumps({"query": '{ word(id: "1") { text } }'})


def said(response: Any) -> tuple[int, str, str]:
    """Status, code and message of a refusal with one error."""
    (error,) = response.json()["errors"]
    return response.status_code, error["extensions"]["code"], error["message"]


async def speak(
    room: Desk, *headers: tuple[bytes, bytes], receive: Any, method: str = "POST", query: bytes = b""
) -> list[Message]:
    """One request by bare ASGI, with exactly these headers; what came back."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": query,
        "root_path": "",
        "headers": list(headers),
        "client": ("127.0.0.1", 1),
        "server": ("bff", 80),
    }
    await room.app(scope, receive, send)
    return sent


# Bodies -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["[]", f"[{WORD}]", f" \n\t[{WORD}, {WORD}]", "[" + ",".join([WORD] * 20) + "]"])
async def test_a_batch_is_refused_by_a_clear_sentence(body: str) -> None:
    """A list of requests is a 400 that says so, however many are in it, and none of them runs."""
    async with desk() as room:
        assert said(await room.post(body)) == (
            400,
            "BAD_REQUEST",
            "The body must be one request; a list of them (a batch) is not taken.",
        )
        assert room.transports["words"].requests == []


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ('{"query": "{ a }", "query": "mutation { b }"}', "query"),
        ('{"query": "{ a }", "\\u0071uery": "mutation { b }"}', "query"),
        ('{"query": "{ a }", "variables": {}, "variables": {"a": 1}}', "variables"),
        ('{"query": "{ a }", "operationName": "A", "operationName": "B"}', "operationName"),
        ('{"query": "{ a }", "extensions": {}, "extensions": null}', "extensions"),
        ('{"query": "{ a }", "query": "{ a }", "variables": {"x": ' + "9" * 300 + ".5}}", "query"),
    ],
)
def test_a_member_that_stands_there_twice_is_refused(body: str, name: str) -> None:
    """As with the parameters of a GET: whoever looked at the request before us may have taken the other one."""
    with pytest.raises(BadRequest) as caught:
        read_post(body.encode())
    assert caught.value.public_message() == f"{name} must not stand there more than once."


@pytest.mark.parametrize(
    ("variables", "read"),
    [
        ('{"query": "a", "x": {"query": "b"}}', {"query": "a", "x": {"query": "b"}}),
        ('{"x": "\\u0071", "x": "\\"query\\" \\"query\\""}', {"x": '"query" "query"'}),
        ('{"query": ' + "[" * 300 + "]" * 300 + "}", None),
    ],
)
def test_names_inside_of_variables_are_the_clients_own(variables: str, read: Any) -> None:
    """A variable may be called as a member is, stand in a text, or twice; the request is read."""
    asked = read_post(f'{{"query": "{{ a }}", "variables": {variables}}}'.encode())
    if read is not None:
        assert asked.variables == read


# Headers and addresses ----------------------------------------------------------------------------------------------


async def never() -> Message:
    """A body that nobody may read."""
    raise AssertionError("the body was read")


@pytest.mark.parametrize(
    "name", ["authorization", "content-encoding", "content-length", "content-type", "host", "origin"]
)
async def test_a_header_that_decides_stands_there_once(name: str) -> None:
    """Two of it are a 400 before the body is read, also when they are alike: a proxy may have looked at the other."""
    async with desk() as room:
        line = (name.encode(), b"application/json")
        sent = await speak(room, (b"content-type", b"application/json"), line, line, receive=never)
        body = json.loads(sent[1]["body"])
        assert sent[0]["status"] == 400
        assert body["errors"][0]["message"] == f"The header {name} must not stand there more than once."


async def test_two_credentials_are_no_credential() -> None:
    """A good token beside another one verifies nobody: the issuer is not asked and no service hears of it."""
    async with desk() as room:
        asked = len(room.transports["issuer"].requests)
        good = (b"authorization", f"Bearer {room.token}".encode())
        for second in (good, (b"authorization", b"Bearer x.y.z"), (b"authorization", b"")):
            sent = await speak(room, (b"content-type", b"application/json"), good, second, receive=never)
            assert sent[0]["status"] == 400
        assert len(room.transports["issuer"].requests) == asked
        assert room.transports["diaries"].requests == []


@pytest.mark.parametrize("how", ["one", "many", "name"])
async def test_headers_of_200_kb_are_refused(how: str) -> None:
    """Headers that are too large together are a 431 that says the limit, before the body is read."""
    many = {
        "one": [(b"x-a", b"x" * 200_000)],
        "many": [(b"x-%d" % number, b"x" * 100) for number in range(2000)],
        "name": [(b"x" * 200_000, b"")],
    }[how]
    async with desk() as room:
        sent = await speak(room, (b"content-type", b"application/json"), *many, receive=never)
        assert sent[0]["status"] == 431
        assert json.loads(sent[1]["body"])["errors"][0]["message"] == "The headers must not be larger than 16384 bytes."
        assert room.request.status == 431


async def test_the_bound_of_headers_is_a_setting_and_exact() -> None:
    """A request whose headers just fit is answered, and one byte more is refused."""
    async with desk({"EDGE__MAX_HEADER_BYTES": "4096"}) as room:
        for size, status in ((4096, 200), (4097, 431)):
            sizes = sum(len(name) + len(value) + 4 for name, value in room.client.http.headers.raw)
            fixed = {"content-type": "application/json", "content-length": str(len(WORD)), "host": "bff", "x-pad": ""}
            taken = sizes + sum(len(name) + len(value) + 4 for name, value in fixed.items())
            response = await room.post(WORD, x_pad="x" * (size - taken))
            assert response.status_code == status


async def test_a_query_string_that_is_too_long_is_refused() -> None:
    """A GET beyond the bound is a 414 that says to POST, however its length comes about."""
    async with desk() as room:
        for params in (
            {"query": "{ locale }", "x": "x" * 16_384},
            {"query": "{ locale }" + " " * 16_384},
            {"query": "{ locale }", "variables": '{"a":' * 2_000},
        ):
            response = await room.get(params)
            assert said(response) == (
                414,
                "BAD_REQUEST",
                "The query string must not be longer than 16384 bytes; send a POST.",
            )


async def test_variables_of_a_get_nested_deeply() -> None:
    """Thousands of levels that fit into the address are a 400 of one sentence."""
    async with desk({"EDGE__MAX_HEADER_BYTES": "1048576"}) as room:
        for variables in (b"[" * 100_000, b'{"a":' * 100_000, b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"):
            query = b"query={locale}&variables=" + variables
            start, body = await speak(room, (b"accept", b"*/*"), method="GET", query=query, receive=never)
            assert start["status"] == 400
            assert json.loads(body["body"])["errors"][0]["message"] == (
                "variables must be a JSON object, not nested too deeply."
            )
        assert room.bugs == []


# Slow clients -------------------------------------------------------------------------------------------------------


async def test_a_body_that_does_not_come_is_given_up() -> None:
    """A client that sends a byte now and then gets a 408 when its time is up, and the connection ends."""
    async with desk({"EDGE__BODY_TIMEOUT_MS": "500"}) as room:
        chunks = 0

        async def drip() -> Message:
            nonlocal chunks
            chunks += 1
            dripped = asyncio.Event()
            room.clock.call_later(0.2, dripped.set)
            await dripped.wait()
            return {"type": "http.request", "body": b" ", "more_body": True}

        asked = asyncio.ensure_future(speak(room, (b"content-type", b"application/json"), receive=drip))
        await room.clock.advance(0.49)
        assert not asked.done()
        await room.clock.advance(0.02)
        start, body = await asked
        await room.clock.advance(1)
        assert (start["status"], dict(start["headers"])[b"connection"], chunks) == (408, b"close", 3)
        assert json.loads(body["body"])["errors"][0] == {
            "message": "The body did not arrive within 500 milliseconds.",
            "extensions": {"code": "BAD_REQUEST"},
        }


async def test_fifty_slow_bodies_hold_nobody_up() -> None:
    """While fifty clients never end their bodies, others are answered, and no call is made for the fifty."""
    async with desk({"EDGE__BODY_TIMEOUT_MS": "1000"}) as room:

        async def silence() -> Message:
            await asyncio.Event().wait()
            raise AssertionError

        head = (b"content-type", b"application/json")
        slow = [asyncio.ensure_future(speak(room, head, receive=silence)) for _ in range(50)]
        await room.clock.settle()
        for _ in range(5):
            assert (await room.post(WORD)).json() == {"data": {"word": {"text": "word 1"}}}
        assert len(room.transports["words"].requests) == 5
        assert not any(one.done() for one in slow)
        await room.clock.advance(1)
        assert [sent[0]["status"] for sent in await asyncio.gather(*slow)] == [408] * 50
        statuses = [fact.status for fact in room.observer.of(RequestFinished)]
        assert (statuses.count(200), statuses.count(408)) == (5, 50)
