"""Outbound: the suite that every transport must pass, over real loopback sockets.

To put another transport to it, add its maker to `TRANSPORTS`. What only ours has stands at the end.
"""

from __future__ import annotations

import asyncio
import gc
import gzip
import random
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from bff_core.outbound.transport import (
    AnswerTooLarge,
    HttpTransport,
    TransportOptions,
    TransportStatistics,
)
from tests.outbound.pushed_loop import Push, on_a_pushed_loop
from tests.outbound.raw_server import (
    Conversation,
    RawServer,
    Script,
    answer_forever,
    never_accepting,
    nobody_listening,
    serving,
)
from tests.sockets import sockets_to

SHORT = 0.05  # seconds: long enough for loopback, short enough to wait for
PATIENT = {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}
OK = b"HTTP/1.1 200 OK\r\n"

Make = Callable[[TransportOptions], httpx.AsyncBaseTransport]
TRANSPORTS: dict[str, Make] = {"ours": HttpTransport}


@pytest.fixture(params=list(TRANSPORTS.values()), ids=list(TRANSPORTS))
def make(request: pytest.FixtureRequest) -> Make:
    """A maker of the transport under test."""
    maker: Make = request.param
    return maker


@asynccontextmanager
async def between(
    make: Make, script: Script, **options: Any
) -> AsyncIterator[tuple[httpx.AsyncBaseTransport, RawServer]]:
    """A transport and a server that follows `script`; both closed at the end, with nothing left open."""
    async with asyncio.timeout(60), serving(script) as server:  # what should end and does not, fails
        transport = make(TransportOptions(**{"connect_timeout": 5.0, **options}))
        try:
            yield transport, server
        finally:
            await transport.aclose()
    gc.collect()  # whatever was left open warns now, within its own test


async def ask(
    transport: httpx.AsyncBaseTransport,
    url: str,
    method: str = "GET",
    *,
    body: bytes = b"",
    **limits: float | None,
) -> httpx.Response:
    """One request; a `limits` of read=0.05 replaces that timeout only."""
    request = httpx.Request(method, url, content=body, extensions={"timeout": {**PATIENT, **limits}})
    return await transport.handle_async_request(request)


async def turns(count: int = 20) -> None:
    """Let everything that is ready run, `count` times over; no time passes."""
    for _ in range(count):
        await asyncio.sleep(0)


def says(*parts: bytes, then: str = "hang") -> Script:
    """A script that hears one request, says `parts`, then hangs, closes or resets."""

    async def script(conversation: Conversation) -> None:
        await conversation.hear()
        for part in parts:
            conversation.say(part)
            await conversation.delivered()  # before a reset throws it away
            await turns()  # so that the parts are read one by one
        match then:
            case "close":
                conversation.close()
            case "reset":
                conversation.reset()
            case _:
                await conversation.until_client_closes()

    return script


# Answers


async def test_returns_a_whole_answer_with_nothing_left_open(make: Make) -> None:
    """Status, headers and body are there at once, and the only slot is free though nobody read or closed."""
    chunks = [
        b"Transfer-Encoding: chunked\r\nX-Two: a\r\nX-Two: b\r\n\r\n",
        b'3\r\n{"a\r\n',
        b'4\r\n":1}\r\n0\r\n\r\n',
    ]

    async def script(conversation: Conversation) -> None:
        while True:
            await conversation.hear()
            conversation.say(OK)
            for chunk in chunks:
                conversation.say(chunk)
                await turns()

    async with between(make, script, max_connections=1) as (transport, server):
        first = await ask(transport, server.url)
        second = await ask(transport, server.url)
        assert (first.status_code, first.content, first.reason_phrase) == (200, b'{"a":1}', "OK")
        assert first.headers.get_list("x-two") == ["a", "b"]
        assert second.json() == {"a": 1}
        assert first.is_closed
        assert len(server.requests) == 2
        assert server.opened == 1


async def test_an_answer_can_be_read_in_every_way(make: Make) -> None:
    """Read at once, in pieces, as text or as JSON, and more than once: the body is the same."""
    async with between(make, says(OK + b'Content-Length: 7\r\n\r\n{"a":1}')) as (transport, server):
        response = await ask(transport, server.url)
        for _ in range(2):
            assert (await response.aread(), response.read(), response.content) == (b'{"a":1}',) * 3
            assert b"".join([piece async for piece in response.aiter_bytes()]) == b'{"a":1}'
            assert (response.text, response.json()) == ('{"a":1}', {"a": 1})
            await response.aclose()


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "500 Oops", "503 Busy"])
async def test_an_error_status_is_an_answer(make: Make, status: str) -> None:
    """The transport judges no status."""

    async def script(conversation: Conversation) -> None:
        await conversation.hear()
        await conversation.answer(b'{"title": "no"}', status=status)

    async with between(make, script) as (transport, server):
        response = await ask(transport, server.url)
        assert response.status_code == int(status[:3])
        assert response.json() == {"title": "no"}
        assert len(server.requests) == 1


async def test_does_not_follow_redirects(make: Make) -> None:
    """A redirect comes back as the answer, and nothing more is asked."""

    async def script(conversation: Conversation) -> None:
        while True:
            await conversation.hear()
            await conversation.answer(b"", "Location: /elsewhere", status="302 Found")

    async with between(make, script) as (transport, server):
        response = await ask(transport, server.url)
        assert (response.status_code, response.headers["location"]) == (302, "/elsewhere")
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("method", "head"),
    [
        ("HEAD", OK + b"Content-Length: 99999999\r\nContent-Encoding: gzip\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99999999\r\n\r\n"),
        ("GET", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n"),
    ],
    ids=["HEAD", "204", "304", "103 first"],
)
async def test_an_answer_without_a_body_does_not_wait_for_one(make: Make, method: str, head: bytes) -> None:
    """Where HTTP allows no body none is waited for, unpacked or too large, whatever length is declared."""
    async with between(make, says(head)) as (transport, server):
        assert (await ask(transport, server.url, method)).content == b""


# Requests


@pytest.mark.parametrize(
    "target",
    [
        "/a/b",
        "/a%2Fb/%E2%82%AC;v=1",
        "/a?ids=1&ids=2&ids=%2C",
        "/a?q=a%20b+c%2Bd&r=%3D&s=%7e~!*'()",
        "/a//b/?x=/y?z",
        "/a?x=%22%3C%3e",
        "/%25",
    ],
)
async def test_path_and_query_arrive_byte_for_byte(make: Make, target: str) -> None:
    """What the URL's raw_path says goes over the wire, not quoted, unquoted or sorted again."""
    async with between(make, answer_forever) as (transport, server):
        url = httpx.URL(server.url + target)
        await ask(transport, str(url))
        assert [received.target for received in server.requests] == [url.raw_path]
        assert url.raw_path == target.encode()


async def test_adds_no_header_but_the_necessary(make: Make) -> None:
    """The service learns nothing that the request does not say, except a fixed User-Agent."""
    async with between(make, answer_forever) as (transport, server):
        await ask(transport, server.url + "/get")
        await ask(transport, server.url + "/post", "POST", body=b"{}")
        await ask(transport, server.url.replace("//", "//user:secret@") + "/who")
        names = [
            sorted(line.split(":")[0].lower() for line in received.head.decode().split("\r\n")[1:])
            for received in server.requests
        ]
        assert names == [
            ["host", "user-agent"],
            ["content-length", "host", "user-agent"],
            ["host", "user-agent"],
        ]
        assert [received.header("user-agent") for received in server.requests] == [["bff"]] * 3


async def test_sends_the_headers_and_the_body_it_was_given(make: Make) -> None:
    """Repeated names, bytes beyond ASCII and the body arrive as they were."""
    async with between(make, answer_forever) as (transport, server):
        headers = [
            (b"X-A", b"1"),
            (b"X-A", b"2"),
            (b"X-Name", "Ünal".encode()),
            (b"Accept-Encoding", b"gzip"),
        ]
        request = httpx.Request("POST", server.url, headers=headers, content=b"\x00body\xff")
        await transport.handle_async_request(request)
        [received] = server.requests
        assert received.header("x-a") == ["1", "2"]
        assert received.header("x-name") == ["Ünal"]
        assert received.header("accept-encoding") == ["gzip"]
        assert received.body == b"\x00body\xff"


async def test_sends_a_streamed_body_with_its_length(make: Make) -> None:
    """A body in pieces is sent whole, without asking for leave first, which no timeout bounds."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"
        yield b"def"

    async with between(make, answer_forever) as (transport, server):
        request = httpx.Request("PUT", server.url, headers={"Expect": "100-continue"}, content=pieces())
        await transport.handle_async_request(request)
        [received] = server.requests
        assert (received.body, received.header("content-length")) == (b"abcdef", ["6"])
        assert received.header("expect") == received.header("transfer-encoding") == []


async def test_sends_a_large_body(make: Make) -> None:
    """A body beyond every buffer arrives whole at a service that reads it."""
    body = random.Random(1).randbytes(3_000_000)
    async with between(make, answer_forever) as (transport, server):
        await ask(transport, server.url, "POST", body=body)
        assert server.requests[0].body == body


async def test_carries_no_cookie_from_one_request_to_the_next(make: Make) -> None:
    """A cookie set for one user is not sent with another's request; a request's own Cookie header is."""

    async def script(conversation: Conversation) -> None:
        while True:
            await conversation.hear()
            await conversation.answer(b"{}", "Set-Cookie: session=alice; Path=/")

    async with between(make, script) as (transport, server):
        url = server.url.replace("127.0.0.1", "localhost")  # aiohttp's jar never holds cookies of bare addresses
        first = await ask(transport, url)
        await ask(transport, url)
        await transport.handle_async_request(httpx.Request("GET", url, headers={"Cookie": "own=1"}))
        assert first.headers["set-cookie"] == "session=alice; Path=/"
        assert [received.header("cookie") for received in server.requests] == [[], [], ["own=1"]]


async def test_ignores_proxies_named_in_the_environment(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment does not come between us and our services."""
    async with between(make, answer_forever) as (transport, server):
        with nobody_listening() as proxy:
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy)
            monkeypatch.delenv("no_proxy", raising=False)
            monkeypatch.delenv("NO_PROXY", raising=False)
            await ask(transport, server.url)
        assert (len(server.requests), server.opened) == (1, 1)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"headers": [(b"X-A", b"1\r\nX-Evil: 1")]}, httpx.LocalProtocolError),
        ({"headers": [(b"X-A", b"1\nX-Evil: 1")]}, httpx.LocalProtocolError),
        ({"headers": [(b"X-A", b"1\rX-Evil: 1")]}, httpx.LocalProtocolError),
        ({"headers": [(b"X-A", b"1\x00")]}, httpx.LocalProtocolError),
        ({"headers": [(b"X-A: 1\r\nX-Evil", b"1")]}, httpx.LocalProtocolError),
        ({"headers": [(b"X A", b"1")]}, httpx.LocalProtocolError),
        ({"headers": [(b"", b"1")]}, httpx.LocalProtocolError),
        ({"headers": [(b"Host", b"a\r\nX-Evil: 1")]}, httpx.LocalProtocolError),
        ({"headers": [(b"User-Agent", b"a\r\n\r\nGET / HTTP/1.1")]}, httpx.LocalProtocolError),
        ({"headers": [(b"X-A", b"\xff")]}, httpx.LocalProtocolError),
        ({"method": "GET / HTTP/1.1\r\nX-Evil: 1\r\n\r\nGET"}, httpx.LocalProtocolError),
        ({"url": "ftp://127.0.0.1/"}, httpx.UnsupportedProtocol),
        ({"url": "/relative"}, httpx.UnsupportedProtocol),
        ({"url": "http:///nohost"}, httpx.UnsupportedProtocol),
        ({"url": "http://:80/"}, httpx.UnsupportedProtocol),
    ],
    ids=str,
)
async def test_a_request_that_is_not_http_is_not_sent(
    make: Make, change: dict[str, Any], error: type[Exception]
) -> None:
    """What cannot be put on the wire is refused before anything is sent, and takes no slot with it."""
    async with between(make, answer_forever, max_connections=1) as (transport, server):
        for _ in range(3):
            with pytest.raises(error):
                await transport.handle_async_request(httpx.Request(**{"method": "GET", "url": server.url, **change}))
        assert server.requests == []
        await ask(transport, server.url)


# Time


async def test_no_connection_in_time_is_a_connect_timeout(make: Make) -> None:
    """The connect limit of the request ends the wait for a connection that is neither made nor refused."""
    transport = make(TransportOptions())
    with never_accepting() as url, pytest.raises(httpx.ConnectTimeout):
        await ask(transport, url, connect=SHORT)
    await transport.aclose()


async def test_the_options_bound_what_the_request_leaves_open(make: Make) -> None:
    """A request without timeouts of its own waits as long as the options say."""
    transport = make(TransportOptions(connect_timeout=SHORT))
    with never_accepting() as url, pytest.raises(httpx.ConnectTimeout):
        await transport.handle_async_request(httpx.Request("GET", url))
    await transport.aclose()
    async with between(make, says(), read_timeout=SHORT) as (transport, server):
        with pytest.raises(httpx.ReadTimeout):
            await transport.handle_async_request(
                httpx.Request("GET", server.url, extensions={"timeout": {"connect": 5.0}})
            )


@pytest.mark.parametrize("said", [b"", OK[:9], OK + b"Content-Length: 9\r\n\r\nabc"], ids=["nothing", "head", "body"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_silence_is_a_read_timeout(make: Make, method: str, said: bytes) -> None:
    """When the service falls silent, before or within its answer, the read limit ends the wait."""
    async with between(make, says(said)) as (transport, server):
        with pytest.raises(httpx.ReadTimeout):
            await ask(transport, server.url, method, body=b"x" * (method == "POST"), read=SHORT)
        await server.saw_close.wait()
        assert len(server.requests) == 1


@on_a_pushed_loop
async def test_the_read_limit_is_for_each_wait_not_for_the_answer(make: Make, push: Push) -> None:
    """An answer whose bytes keep coming may take longer than the read limit."""

    async def script(conversation: Conversation) -> None:
        await conversation.hear()
        conversation.say(OK + b"Content-Length: 30\r\n\r\n")
        for _ in range(30):
            await push(0.4)
            conversation.say(b"x")
            await conversation.delivered()
            await turns(2)

    async with between(make, script) as (transport, server):
        assert (await ask(transport, server.url, read=0.5)).content == b"x" * 30


async def test_a_body_that_is_not_taken_is_a_write_timeout(make: Make) -> None:
    """When the service stops reading, the write limit ends it, and the rest of the body is never sent."""
    body, received = b"x" * 16_000_000, bytearray()
    gave_up, drained = asyncio.Event(), asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.hear_head()
        await gave_up.wait()
        try:
            while data := await conversation.read():
                received.extend(data)
        except ConnectionError:
            pass
        drained.set()

    async with between(make, script) as (transport, server):
        with pytest.raises(httpx.WriteTimeout):
            await ask(transport, server.url, "POST", body=body, write=SHORT)
        gave_up.set()
        await drained.wait()
        assert len(received) < len(body)


async def test_a_body_that_is_not_taken_is_a_write_timeout_after_an_early_head_too(make: Make) -> None:
    """A service that begins to answer, then neither takes nor gives another byte, is not waited for."""
    gave_up = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.hear_head()
        conversation.say(OK + b"Content-Length: 9\r\n\r\nabc")
        await gave_up.wait()

    async with between(make, script) as (transport, server):
        with pytest.raises((httpx.WriteTimeout, httpx.ReadTimeout)):
            await asyncio.wait_for(
                ask(transport, server.url, "POST", body=b"x" * 16_000_000, write=SHORT, read=1.0), 10
            )
        gave_up.set()


@on_a_pushed_loop
async def test_a_body_that_is_taken_slowly_is_no_silence(make: Make, push: Push) -> None:
    """While the service has not taken the request it has nothing to say: the read limit begins when it has."""

    async def script(conversation: Conversation) -> None:
        await conversation.hear_head()
        await turns()  # the client writes until nothing more is taken
        await push(6 * SHORT)
        taken = 0
        while taken < 16_000_000:
            taken += len(await conversation.read())
        await conversation.answer()

    async with between(make, script) as (transport, server):
        response = await ask(transport, server.url, "POST", body=b"x" * 16_000_000, read=2 * SHORT, write=20.0)
        assert response.status_code == 200
        assert server.opened == 1


async def test_a_full_pool_is_a_pool_timeout(make: Make) -> None:
    """A request that gets no connection in time is never sent; the one under way is not disturbed."""
    release = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.hear()
        await release.wait()
        await conversation.answer()

    async with between(make, script, max_connections=1) as (transport, server):
        first = asyncio.create_task(ask(transport, server.url))
        await server.heard.wait()
        with pytest.raises(httpx.PoolTimeout):
            await ask(transport, server.url, pool=SHORT)
        release.set()
        assert (await first).status_code == 200
        assert len(server.requests) == 1


async def test_a_waiting_request_goes_when_a_connection_is_free(make: Make) -> None:
    """More requests than connections are served in turn, never more at once than allowed."""
    at_once = most = 0

    async def script(conversation: Conversation) -> None:
        nonlocal at_once, most
        while True:
            await conversation.hear()
            at_once += 1
            most = max(most, at_once)
            await turns(5)
            at_once -= 1
            await conversation.answer()

    async with between(make, script, max_connections=3) as (transport, server):
        answers = await asyncio.gather(*(ask(transport, server.url) for _ in range(20)))
        assert [answer.status_code for answer in answers] == [200] * 20
        assert (most, len(server.requests), server.opened) == (3, 20, 3)


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        ({"read": 0.0}, httpx.ReadTimeout),
        ({"read": -1.0}, httpx.ReadTimeout),
        ({"pool": 0.0}, httpx.PoolTimeout),
    ],
)
async def test_no_time_left_is_not_unlimited_time(make: Make, limits: dict[str, float], error: type[Exception]) -> None:
    """A limit of zero or less ends at once."""
    async with between(make, says(), max_connections=1) as (transport, server):
        first = asyncio.create_task(ask(transport, server.url))
        if "pool" in limits:
            await server.heard.wait()
        else:
            first.cancel()
        request = httpx.Request("GET", server.url, extensions={"timeout": {**PATIENT, **limits}})
        with pytest.raises(error):
            await asyncio.wait_for(transport.handle_async_request(request), 2)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


# Connections that fail


async def test_a_refused_connection_is_a_connect_error(make: Make) -> None:
    """Nobody listening is said as such: nothing was sent."""
    transport = make(TransportOptions())
    with nobody_listening() as url, pytest.raises(httpx.ConnectError):
        await ask(transport, url)
    await transport.aclose()


async def test_an_unknown_host_is_a_connect_error(make: Make) -> None:
    """A name that cannot be looked up is no connection."""
    transport = make(TransportOptions())
    too_long_to_look_up = ".".join(["a" * 60] * 5)  # fails in the resolver itself: no network is asked
    with pytest.raises(httpx.ConnectError):
        await ask(transport, f"http://{too_long_to_look_up}/")
    await transport.aclose()


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_connection_lost_before_the_answer(make: Make, method: str, then: str) -> None:
    """The service heard the request, so the error is not one of connecting."""
    async with between(make, says(then=then)) as (transport, server):
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            await ask(transport, server.url, method)
        assert len(server.requests) == 1


async def test_a_connection_lost_while_the_body_is_sent(make: Make) -> None:
    """The service may have got enough of the body to act on it, so the error is not one of connecting."""

    async def script(conversation: Conversation) -> None:
        await conversation.hear_head()
        conversation.reset()

    async with between(make, script) as (transport, server):
        with pytest.raises((httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError)):
            await ask(transport, server.url, "POST", body=b"x" * 16_000_000)
        assert server.opened == 1


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_a_request_is_not_sent_again_on_a_dropped_kept_connection(make: Make, method: str, then: str) -> None:
    """Whether it may be repeated is decided above: the second request is heard once and its loss reported."""

    async def script(conversation: Conversation) -> None:
        await conversation.hear()
        await conversation.answer()
        await conversation.hear()
        conversation.close() if then == "close" else conversation.reset()

    async with between(make, script) as (transport, server):
        await ask(transport, server.url)
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            await ask(transport, server.url, method, body=b"x" * (method in {"PUT", "POST"}))
        assert (len(server.requests), server.opened) == (2, 1)


async def test_a_kept_connection_seen_to_be_closed_is_replaced(make: Make) -> None:
    """A connection that the service closed while idle costs no request."""

    async def script(conversation: Conversation) -> None:
        await conversation.hear()
        await conversation.answer()

    async with between(make, script) as (transport, server):
        for number in range(1, 4):
            assert (await ask(transport, server.url)).status_code == 200
            await server.all_closed.wait()
            await turns()
            assert server.opened == number


@pytest.mark.parametrize(
    "unasked",
    [OK + b"Content-Length: 6\r\n\r\nsecret", OK + b"Content-Length: 6\r\n\r\nsec", b"junk"],
    ids=["whole", "half", "junk"],
)
async def test_what_a_service_says_unasked_answers_nobody(make: Make, unasked: bytes) -> None:
    """Bytes on an idle connection are never taken for the answer to the next request."""
    said = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        await conversation.hear()
        await conversation.answer(b"first")
        await turns()
        conversation.say(unasked)
        await conversation.delivered()
        said.set()
        while True:
            await conversation.hear()
            await conversation.answer(b"own")

    async def polite(conversation: Conversation) -> None:
        await conversation.hear()
        await conversation.answer(b"own")

    async def first_rude(conversation: Conversation) -> None:
        await (script if conversation.number == 1 else polite)(conversation)

    async with between(make, first_rude) as (transport, server):
        assert (await ask(transport, server.url)).content == b"first"
        await said.wait()
        await turns()
        assert (await asyncio.wait_for(ask(transport, server.url), 2)).content == b"own"
        assert (len(server.requests), server.opened) == (2, 2)


@pytest.mark.parametrize(
    "more",
    [OK + b"Content-Length: 6\r\n\r\nsecret", OK + b"Content-Length: 6\r\n\r\nsec", b"junk"],
    ids=["whole", "half", "junk"],
)
async def test_what_follows_an_answer_at_once_answers_nobody(make: Make, more: bytes) -> None:
    """An answer with something behind it in the same piece is that answer, and its connection is not used again."""

    async def script(conversation: Conversation) -> None:
        await conversation.hear()
        conversation.say(OK + b"Content-Length: 3\r\n\r\nown" + more)
        await conversation.until_client_closes()

    async with between(make, script) as (transport, server):
        for number in (1, 2):
            assert (await ask(transport, server.url)).content == b"own"
            assert (len(server.requests), server.opened) == (number, number)
            await asyncio.wait_for(server.all_closed.wait(), 2)


async def test_what_a_service_says_before_it_is_asked_is_no_answer(make: Make) -> None:
    """Whoever speaks first does not speak HTTP; the next request has a connection of its own."""
    said = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        if conversation.number == 1:
            conversation.say(b"SSH-2.0-OpenSSH\r\n")
            await conversation.delivered()
            said.set()
            await conversation.until_client_closes()
        await answer_forever(conversation)

    async with between(make, script, max_connections=1) as (transport, server):
        with pytest.raises((httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadError)):
            await ask(transport, server.url)
        await said.wait()
        assert (await ask(transport, server.url)).content == b"{}"


@pytest.mark.parametrize(
    "head",
    [
        OK + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        OK + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ],
    ids=["close", "HTTP/1.0", "chunked"],
)
async def test_a_connection_that_the_service_will_not_keep_is_not_used_again(make: Make, head: bytes) -> None:
    """An answer that says so is whole without waiting for the end, and we close."""
    async with between(make, says(head)) as (transport, server):
        for number in (1, 2):
            assert (await asyncio.wait_for(ask(transport, server.url), 2)).content == b"{}"
            await asyncio.wait_for(server.saw_close.wait(), 2)
            server.saw_close.clear()
            assert server.opened == number


async def test_an_answer_that_comes_before_the_body_is_taken_is_the_answer(make: Make) -> None:
    """A service may refuse a body that it has not read; the rest is not sent, and the connection is not used again."""

    async def script(conversation: Conversation) -> None:
        await conversation.hear_head()
        await conversation.answer(b"no", status="413 Content Too Large")
        await conversation.until_client_closes()

    async with between(make, script) as (transport, server):
        for _ in range(2):
            response = await ask(transport, server.url, "POST", body=b"x" * 16_000_000)
            assert (response.status_code, response.content) == (413, b"no")
        assert server.opened == 2


async def test_trailers_are_no_headers(make: Make) -> None:
    """What comes after the last chunk cannot change what was said before, and the connection is kept."""
    said = OK + b"Transfer-Encoding: chunked\r\nTrailer: ETag\r\n\r\n2\r\n{}\r\n0\r\nETag: x\r\n\r\n"

    async def script(conversation: Conversation) -> None:
        while True:
            await conversation.hear()
            conversation.say(said)

    async with between(make, script) as (transport, server):
        for _ in range(2):
            response = await ask(transport, server.url)
            assert (response.content, response.headers.get("etag")) == (b"{}", None)
        assert server.opened == 1


async def test_an_answer_does_not_depend_on_how_it_is_cut(make: Make) -> None:
    """Byte by byte or in any pieces, status, headers and body are the same."""
    chance = random.Random(20261125)
    answers = [
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + b"X-A: b \r\nX-B:\r\nContent-Length: 8\r\n\r\n[1, 2, 3",
        b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n6;x=y\r\n[1, 2]\r\n3\r\nabc\r\n0\r\n\r\n",
    ]
    cuts: list[list[bytes]] = []
    for answer in answers:
        cuts += [[answer], [answer[n : n + 1] for n in range(len(answer))]]
        for _ in range(8):
            at = sorted(chance.sample(range(1, len(answer)), 3))
            cuts.append([answer[start:end] for start, end in zip([0, *at], [*at, len(answer)], strict=True)])
    left = iter(cuts)

    async def script(conversation: Conversation) -> None:
        while True:
            await conversation.hear()
            for piece in next(left):
                conversation.say(piece)
                await conversation.delivered()
                await turns(2)

    async with between(make, script) as (transport, server):
        for number in range(len(cuts)):
            response = await ask(transport, server.url)
            if number < len(cuts) // 2:
                assert (response.status_code, response.content) == (200, b"[1, 2, 3")
                assert (response.headers["x-a"], response.headers["x-b"]) == ("b", "")
            else:
                assert (response.status_code, response.content) == (404, b"[1, 2]abc")
        assert server.opened == 1


@on_a_pushed_loop
async def test_each_request_on_a_kept_connection_has_its_own_read_limit(make: Make, push: Push) -> None:
    """A short limit holds on a connection that was to rest long, and a long one after a short one."""
    silent = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        while True:
            received = await conversation.hear()
            if received.target == b"/slow":
                await push(4 * SHORT)
            if received.target == b"/never":
                silent.set()
                await conversation.until_client_closes()
            await conversation.answer()

    async with between(make, script, keep_alive=60.0) as (transport, server):
        await ask(transport, server.url, read=60.0)
        await ask(transport, server.url, read=2 * SHORT)
        assert (await ask(transport, server.url + "/slow", read=60.0)).content == b"{}"
        with pytest.raises(httpx.ReadTimeout):
            await asyncio.wait_for(ask(transport, server.url + "/never", read=SHORT), 5)
        assert (server.opened, silent.is_set()) == (1, True)


@on_a_pushed_loop
async def test_a_connection_that_served_lately_rests_anew(make: Make, push: Push) -> None:
    """The time of an idle connection runs from its last answer."""
    async with between(make, answer_forever, keep_alive=6 * SHORT) as (transport, server):
        for _ in range(4):
            await ask(transport, server.url)
            await push(2 * SHORT)
        assert server.opened == 1
        await push(6 * SHORT)
        await asyncio.wait_for(server.all_closed.wait(), 5)


async def test_an_idle_connection_is_closed_after_keep_alive(make: Make) -> None:
    """A connection is used again while kept, and closed by us when its time is over."""
    async with between(make, answer_forever, keep_alive=8 * SHORT) as (transport, server):
        await ask(transport, server.url)
        await ask(transport, server.url)
        assert (server.opened, server.open_now) == (1, 1)
        await asyncio.wait_for(server.all_closed.wait(), 5)
        await ask(transport, server.url)
        assert server.opened == 2


# Answers that are none


@pytest.mark.parametrize(
    "said",
    [
        b"\x00\xff\x13 hello\r\n\r\n",
        b"<html>hello</html>\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        OK + b"Content-Length: many\r\n\r\n{}",
        OK + b"Content-Length: -1\r\n\r\n{}",
        OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        OK + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
        OK + b"X: a\r\n" * 10_000 + b"\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nzz\r\n",
    ],
    ids=["bytes", "html", "ssh", "length", "negative", "two lengths", "smuggled", "long", "many", "chunk"],
)
async def test_garbage_is_a_protocol_error(make: Make, said: bytes) -> None:
    """What is not HTTP is said as such, and its connection is not used again."""
    async with between(make, says(said)) as (transport, server):
        with pytest.raises(httpx.RemoteProtocolError):
            await ask(transport, server.url)
        await server.all_closed.wait()


async def test_a_head_without_end_is_cut_off(make: Make) -> None:
    """One header that goes on for ever ends the exchange, before anybody knows where it would have ended."""

    async def script(conversation: Conversation) -> None:
        await conversation.hear()
        conversation.say(OK + b"X: ")
        for _ in range(50):
            conversation.say(b"a" * 1000)
            await turns(2)
        await conversation.until_client_closes()

    async with between(make, script) as (transport, server):
        with pytest.raises(httpx.RemoteProtocolError):
            await asyncio.wait_for(ask(transport, server.url), 5)
        await server.all_closed.wait()


async def test_garbage_within_an_answer_is_a_protocol_error(make: Make) -> None:
    """An answer that begins well and goes on as garbage is no better."""
    parts = [OK + b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\n{}\r\n", b"zz\r\n"]
    async with between(make, says(*parts)) as (transport, server):
        with pytest.raises(httpx.RemoteProtocolError):
            await ask(transport, server.url)
        await server.all_closed.wait()


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize(
    "said",
    [
        OK + b"Content-Length: 20\r\n\r\n[1, 2]",
        OK + b"Transfer-Encoding: chunked\r\n\r\n6\r\n[1, 2]\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n60\r\n[1, 2]",
        OK + b"Content-Len",
    ],
    ids=["length", "between chunks", "within a chunk", "within the head"],
)
async def test_a_truncated_answer_is_an_error(make: Make, said: bytes, then: str) -> None:
    """An answer that ends before its declared end is none, even where what came would parse."""
    expected = (httpx.RemoteProtocolError,) if then == "close" else (httpx.RemoteProtocolError, httpx.ReadError)
    async with between(make, says(said, then=then)) as (transport, server):
        with pytest.raises(expected):
            await ask(transport, server.url)
        assert (len(server.requests), server.opened) == (1, 1)


async def test_an_answer_without_a_length_lasts_as_long_as_its_connection(make: Make) -> None:
    """It is whole when the service closes, and lost when the connection is."""
    async with between(make, says(OK + b"\r\n[1, ", b"2]", then="close")) as (transport, server):
        assert (await ask(transport, server.url)).content == b"[1, 2]"
    async with between(make, says(OK + b"\r\n[1, ", b"2]", then="reset")) as (transport, server):
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            await ask(transport, server.url)


async def test_a_service_that_wants_to_speak_otherwise_is_no_http(make: Make) -> None:
    """A switch of protocols that nobody asked for is no answer."""
    said = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello"
    async with between(make, says(said)) as (transport, server):
        with pytest.raises(httpx.RemoteProtocolError):
            await ask(transport, server.url)
        await server.all_closed.wait()


def packed(body: bytes, *headers: bytes, encoding: bytes = b"gzip") -> bytes:
    lines = [b"Content-Length: %d" % len(body), b"Content-Encoding: " + encoding, *headers, b"", b""]
    return OK + b"\r\n".join(lines) + body


async def test_a_gzip_answer_is_unpacked(make: Make) -> None:
    """The body comes unpacked, and its headers no longer speak of gzip."""
    plain = b'{"a": 1}' * 100
    async with between(make, says(packed(gzip.compress(plain), b"ETag: x"))) as (transport, server):
        response = await ask(transport, server.url)
        assert response.content == plain
        assert "content-encoding" not in response.headers
        assert (response.headers["content-length"], response.headers["etag"]) == ("800", "x")


@pytest.mark.parametrize(
    "said",
    [
        packed(b"this is not gzip"),
        packed(gzip.compress(b"[1, 2]" * 50)[:-12]),
        packed(gzip.compress(b"[1, 2]") + b"more"),
        packed(b"whatever", encoding=b"br"),
        packed(gzip.compress(gzip.compress(b"[]")), encoding=b"gzip, gzip"),
    ],
    ids=["not gzip", "breaks off", "goes on", "other encoding", "two encodings"],
)
async def test_a_bad_content_encoding_is_a_decoding_error(make: Make, said: bytes) -> None:
    """A body that is not the whole gzip it claims to be is refused, not handed on in part."""
    async with between(make, says(said)) as (transport, server):
        with pytest.raises(httpx.DecodingError):
            await ask(transport, server.url)


@pytest.mark.parametrize(
    "said",
    [
        [OK + b"Content-Length: 1001\r\n\r\n"],
        [
            OK + b"Transfer-Encoding: chunked\r\n\r\n",
            b"200\r\n" + b"x" * 512 + b"\r\n",
            b"1f0\r\n" + b"x" * 496,
        ],
        [OK + b"\r\n", b"x" * 600, b"x" * 600],
    ],
    ids=["declared", "chunked", "endless"],
)
async def test_a_huge_answer_is_cut_off(make: Make, said: list[bytes]) -> None:
    """One byte over the limit ends it at once, without waiting for the rest, and closes the connection."""
    async with between(make, says(*said), max_answer_bytes=1000) as (transport, server):
        with pytest.raises(AnswerTooLarge):
            await ask(transport, server.url)
        await server.all_closed.wait()


async def test_an_answer_one_byte_too_large_is_refused_when_it_came_whole(make: Make) -> None:
    """The limit does not depend on how the bytes arrive; the connection is good and is kept."""

    async def script(conversation: Conversation) -> None:
        for body in (b"x" * 1001, b"x" * 1000):
            await conversation.hear()
            await conversation.answer(body)

    async with between(make, script, max_answer_bytes=1000) as (transport, server):
        with pytest.raises(AnswerTooLarge):
            await ask(transport, server.url)
        assert (await ask(transport, server.url)).content == b"x" * 1000


async def test_a_decompression_bomb_is_cut_off(make: Make) -> None:
    """A small answer that unpacks to more than the limit never takes much more memory than the limit."""
    bomb = gzip.compress(b"\0" * 100_000_000)
    assert len(bomb) < 1_000_000
    async with between(make, says(packed(bomb)), max_answer_bytes=1_000_000) as (transport, server):
        tracemalloc.start()
        try:
            with pytest.raises(AnswerTooLarge):
                await ask(transport, server.url)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 10_000_000


@pytest.mark.parametrize(
    "said",
    [OK + b"Content-Length: 1000\r\n\r\n" + b"x" * 1000, packed(gzip.compress(b"x" * 1000))],
    ids=["plain", "gzip"],
)
async def test_an_answer_of_exactly_the_limit_passes(make: Make, said: bytes) -> None:
    """The limit is the largest size that is allowed."""
    async with between(make, says(said), max_answer_bytes=1000) as (transport, server):
        assert (await ask(transport, server.url)).content == b"x" * 1000


# Cancellation and closing


async def test_cancellation_loses_no_slot(make: Make) -> None:
    """After 1,000 rounds of requests cancelled at any instant, all slots still serve at the same time."""
    slots, chance, holding = 3, random.Random(20261124), 0
    together = asyncio.Event()

    async def script(conversation: Conversation) -> None:
        nonlocal holding
        while True:
            received = await conversation.hear()
            match received.target:
                case b"/never":
                    await conversation.until_client_closes()
                case b"/hold":
                    holding += 1
                    if holding == slots:
                        together.set()
                    await together.wait()
                case b"/slow":
                    await turns(chance.randrange(12))
            await conversation.answer(b"x" * chance.choice([2, 70_000]))

    async with between(make, script, max_connections=slots) as (transport, server):
        answered = cancelled = 0
        for _ in range(1000):
            tasks = [
                asyncio.create_task(
                    ask(
                        transport,
                        server.url + chance.choice(["/", "/slow", "/never"]),
                        chance.choice(["GET", "POST"]),
                        body=chance.choice([b"", b"x", b"x" * 100_000]),
                    )
                )
                for _ in range(4)
            ]
            for task in chance.sample(tasks, len(tasks)):
                await turns(chance.randrange(8))
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                answered += isinstance(outcome, httpx.Response)
                cancelled += isinstance(outcome, asyncio.CancelledError)
        assert answered + cancelled == 4000, "a cancelled request ends as cancelled, or was answered before"
        assert answered > 100
        assert cancelled > 1000
        answers = await asyncio.gather(*(ask(transport, server.url + "/hold") for _ in range(slots)))
        assert [answer.status_code for answer in answers] == [200] * slots


async def test_cancelling_a_request_closes_its_connection(make: Make) -> None:
    """The service sees that nobody waits any more."""
    async with between(make, says()) as (transport, server):
        task = asyncio.create_task(ask(transport, server.url))
        await server.heard.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        await server.saw_close.wait()


def test_belongs_to_the_loop_that_uses_it_first(make: Make) -> None:
    """It can be made before any event loop runs, and leaves nothing open in the loop that used it."""
    transport = make(TransportOptions())

    async def main() -> int:
        async with serving(answer_forever) as server:
            status = (await ask(transport, server.url)).status_code
            await transport.aclose()
            return status

    assert asyncio.run(main()) == 200
    gc.collect()


async def test_closing_closes_every_connection(make: Make) -> None:
    """Idle connections are closed, requests under way end with an error, and closing again does no harm."""

    async def script(conversation: Conversation) -> None:
        while (await conversation.hear()).target != b"/never":
            await conversation.answer()
        await conversation.until_client_closes()

    async with between(make, script, max_connections=2) as (transport, server):
        await asyncio.gather(*(ask(transport, server.url) for _ in range(2)))
        task = asyncio.create_task(ask(transport, server.url + "/never"))
        while len(server.requests) < 3:
            await turns(1)
        assert server.open_now == 2
        await transport.aclose()
        await transport.aclose()
        await server.all_closed.wait()
        with pytest.raises(httpx.RequestError):
            await task


async def test_what_is_closed_is_gone(make: Make) -> None:
    """When `aclose` returns, no socket of ours is left: a loop that ends then has nothing to complain of."""
    async with serving(answer_forever) as server:
        transport = make(TransportOptions(connect_timeout=5.0))
        await asyncio.gather(*(ask(transport, server.url) for _ in range(3)))
        assert sockets_to(server.url) == 3
        await transport.aclose()
        assert sockets_to(server.url) == 0


async def test_closing_ends_a_connection_in_the_making(make: Make) -> None:
    """A request that is still connecting when the transport closes ends with an error of the network."""
    transport = make(TransportOptions())
    with never_accepting() as url:
        task = asyncio.create_task(ask(transport, url, connect=0.5))
        await turns()
        await transport.aclose()
        with pytest.raises((httpx.NetworkError, httpx.ConnectTimeout)):
            await task


# Ours alone


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"max_connections": 0}, "max_connections must be a whole number of 1 or more, not 0"),
        ({"max_connections": 1.5}, "max_connections must be a whole number of 1 or more, not 1.5"),
        ({"max_connections": True}, "max_connections must be a whole number of 1 or more, not True"),
        ({"max_answer_bytes": -1}, "max_answer_bytes must be a whole number of 1 or more, not -1"),
        ({"connect_timeout": 0}, "connect_timeout must be a number of seconds above 0, not 0"),
        ({"read_timeout": -1.0}, "read_timeout must be a number of seconds above 0, not -1.0"),
        ({"write_timeout": float("inf")}, "write_timeout must be a number of seconds above 0, not inf"),
        ({"pool_timeout": float("nan")}, "pool_timeout must be a number of seconds above 0, not nan"),
        ({"keep_alive": 0}, "keep_alive must be a number of seconds above 0, not 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], sentence: str) -> None:
    """A number out of range stops the start with one sentence that names it."""
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        TransportOptions(**options)


async def test_says_how_it_stands() -> None:
    """Statistics and repr tell who holds a slot and who waits, and no address or header."""
    async with between(HttpTransport, says(), max_connections=1) as (transport, server):
        assert isinstance(transport, HttpTransport)
        assert transport.statistics() == TransportStatistics(in_use=0, waiting=0, max_connections=1)
        tasks = [asyncio.create_task(ask(transport, server.url + "/secret")) for _ in range(3)]
        await server.heard.wait()
        assert transport.statistics() == TransportStatistics(in_use=1, waiting=2, max_connections=1)
        assert repr(transport) == "<HttpTransport open, in use 1/1, waiting 2>"
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert transport.statistics() == TransportStatistics(in_use=0, waiting=0, max_connections=1)
        await transport.aclose()
        assert repr(transport) == "<HttpTransport closed, in use 0/1, waiting 0>"


async def test_a_closed_transport_refuses_requests() -> None:
    """After closing, also for those that waited for a slot, a request ends as one that was never sent."""
    async with between(HttpTransport, says(), max_connections=1) as (transport, server):
        under_way = asyncio.create_task(ask(transport, server.url))
        await server.heard.wait()
        waiting = asyncio.create_task(ask(transport, server.url))
        await turns()
        await transport.aclose()
        outcomes = await asyncio.gather(under_way, waiting, return_exceptions=True)
        assert isinstance(outcomes[0], httpx.RequestError)
        assert isinstance(outcomes[1], httpx.ConnectError)
        with pytest.raises(httpx.ConnectError, match="closed"):
            await ask(transport, server.url)
        assert (len(server.requests), server.opened) == (1, 1)
