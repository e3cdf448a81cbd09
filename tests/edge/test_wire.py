"""Hostile bytes over real sockets, against a BFF as it is served: every one is refused, and nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bff_core.app import Doubles, create_app
from bff_core.edge.serving import ConnectionBounds
from bff_core.telemetry.facts import BugFound, RequestFinished
from bff_core.testing.observer import RecordingObserver
from bff_core.testing.transport import ScriptedTransport, json_reply
from tests.edge.desk import DESK, answer_diary, answer_word
from tests.edge.wire import ASK, PATIENCE, POST, Wire, chunked, post, served

#: A second request inside of the first one's body: whoever reads the body in another way answers it.
HIDDEN = b"GET /healthz HTTP/1.1\r\nHost: bff\r\n\r\n"
LENGTH = b"%d" % len(ASK)
GET = b"GET /graphql?query={locale} HTTP/1.1\r\n"


@dataclass
class Room:
    """The desk over real sockets and by the real clock."""

    wire: Wire
    observer: RecordingObserver
    words: ScriptedTransport
    asked: int = field(default=0)

    async def ordinary(self) -> None:
        """Somebody else's request for a word that nobody asked for yet: it must be a 200 with all its data."""
        self.asked += 1
        query = f'{{ word(id: "w{self.asked}") {{ id text }} }}'
        heard = await self.wire.say(post(json.dumps({"query": query}).encode()), more=0)
        assert heard.statuses == [200]
        assert heard.body == {"data": {"word": {"id": f"w{self.asked}", "text": f"word w{self.asked}"}}}


@asynccontextmanager
async def room(bounds: ConnectionBounds | None = None, **environment: str) -> AsyncIterator[Room]:
    """A desk that is served; ``environment`` keys are without the BFF's prefix."""
    answers = {"words": answer_word, "diaries": answer_diary, "issuer": lambda _: json_reply({"keys": []})}
    transports = {name: ScriptedTransport(answer) for name, answer in answers.items()}
    observer = RecordingObserver()
    app = create_app(
        DESK,
        DESK.load_settings({f"BFF_DESK__{key}": value for key, value in environment.items()}),
        Doubles(transports=lambda service: transports[service.name], observers=[observer]),
    )
    async with served(app, bounds) as wire:
        yield Room(wire, observer, transports["words"])


# Requests that can be read in two ways ------------------------------------------------------------------------------

AMBIGUOUS = {
    "length and chunks": POST
    + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(chunked() + HIDDEN)
    + chunked(),
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + chunked(),
    "two lengths": POST + b"Content-Length: " + LENGTH + b"\r\nContent-Length: 4\r\n\r\n" + ASK,
    "two lengths alike": POST + (b"Content-Length: " + LENGTH + b"\r\n") * 2 + b"\r\n" + ASK,
    "a list of lengths": POST + b"Content-Length: " + LENGTH + b", " + LENGTH + b"\r\n\r\n" + ASK,
    "a length with a sign": POST + b"Content-Length: +" + LENGTH + b"\r\n\r\n" + ASK,
    "a length below zero": POST + b"Content-Length: -1\r\n\r\n" + ASK,
    "a length in hexadecimal": POST + b"Content-Length: 0x16\r\n\r\n" + ASK,
    "a length without end": POST + b"Content-Length: 99999999999999999999999\r\n\r\n" + ASK,
    "an unknown framing": POST + b"Transfer-Encoding: xchunked\r\n\r\n" + chunked(),
    "a framing in quotes": POST + b'Transfer-Encoding: "chunked"\r\n\r\n' + chunked(),
    "chunks that are not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n" + chunked(),
    "chunks that are last": POST + b"Transfer-Encoding: identity, chunked\r\n\r\n" + chunked(),
    "two framings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunked(),
    "two framings alike": POST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n" + chunked(),
    "a control character": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + chunked(),
    "a space before the colon": POST + b"Transfer-Encoding : chunked\r\nContent-Length: 4\r\n\r\n" + chunked(),
    "a folded line": POST + b"X-A: b\r\n Content-Length: " + LENGTH + b"\r\n\r\n" + ASK,
    "a folded framing": POST + b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 4\r\n\r\n" + chunked(),
    "bare line feeds": post().replace(b"\r\n", b"\n"),
    "a bare carriage return": POST + b"X-A: b\rContent-Length: 4\r\n\r\n" + ASK,
    "a chunk without end": POST + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n" + ASK,
    "a chunk size with 0x": POST + b"Transfer-Encoding: chunked\r\n\r\n0x16\r\n" + ASK + b"\r\n0\r\n\r\n",
    "a chunk size and a line feed": POST + b"Transfer-Encoding: chunked\r\n\r\n16;a\n" + ASK + b"\r\n0\r\n\r\n",
    "a chunk that goes on": POST + b"Transfer-Encoding: chunked\r\n\r\n16\r\n" + ASK + b"0\r\n\r\n",
    "two hosts": GET + b"Host: bff\r\nHost: evil\r\n\r\n",
    "no host": GET + b"\r\n",
    "a tunnel": b"CONNECT bff:80 HTTP/1.1\r\nHost: bff\r\n\r\n",
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "NUL in a value": post(ASK, b"X-A: a\0b"),
    "a space in a name": post(ASK, b"X A: b"),
    "a path that is no text": b"GET /gr\xffaphql HTTP/1.1\r\nHost: bff\r\n\r\n",
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100 + b"\r\n\r\n",
}

#: Odd, and read in one way by everybody: one answer, and then the connection ends, so that nothing hidden is reached.
ODD = {
    "the end was announced": post(ASK, b"Connection: close"),
    "an old version with chunks": POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(),
    "an upgrade to a WebSocket": GET
    + b"Host: bff\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "an upgrade to HTTP/2": GET + b"Host: bff\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
}


async def test_no_ambiguous_request_gets_two_answers() -> None:
    """What a proxy may frame in another way is one 400 in our own form and the end of the connection; what is hidden
    behind it is never reached."""
    async with room() as desk:
        heard = dict(
            zip(
                AMBIGUOUS,
                await asyncio.gather(*(desk.wire.say(bytes_ + HIDDEN) for bytes_ in AMBIGUOUS.values())),
                strict=True,
            )
        )
        for name, one in heard.items():
            assert (name, one.statuses, one.closed) == (name, [400], True)
            assert one.body["errors"][0] == {
                "message": "The request is not HTTP/1.1, or can be read in two ways.",
                "extensions": {"code": "BAD_REQUEST"},
            }
            assert b"alive" not in one.raw
        odd = await asyncio.gather(*(desk.wire.say(bytes_ + HIDDEN) for bytes_ in ODD.values()))
        for name, one in zip(ODD, odd, strict=True):
            assert (name, one.statuses, one.closed, one.body) == (name, [200], True, {"data": {"locale": "en"}})
        await desk.ordinary()


async def test_what_is_not_ambiguous_is_answered() -> None:
    """Chunks, pipelined requests, a body of a GET and a client that asks whether to go on are HTTP as it is written."""
    async with room() as desk:
        for bytes_, statuses in (
            (POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(), [200]),
            (POST + b"transfer-encoding:\tChunked \r\n\r\n" + chunked(), [200]),
            (post() * 3, [200, 200, 200]),
            (b"\r\n" + post(), [200]),
            (GET + b"Host: bff\r\nContent-Length: %d\r\n\r\n%s" % (len(HIDDEN), HIDDEN), [200]),
            (post(ASK, b"Expect: 100-continue"), [100, 200]),
        ):
            heard = await desk.wire.say(bytes_, answers=len(statuses))
            assert (heard.statuses, heard.closed, heard.body) == (statuses, False, {"data": {"locale": "en"}})


async def test_a_trailer_is_no_header() -> None:
    """What comes after a chunked body cannot say who asks, from where and in what form, though it is there already."""
    late = b"Authorization: Bearer x.y.z\r\nContent-Type: text/plain\r\nOrigin: https://evil.example\r\n"
    body = b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(ASK), ASK, late)
    async with room() as desk:
        heard = await desk.wire.say(POST + b"Transfer-Encoding: chunked\r\n\r\n" + body)
        assert (heard.statuses, heard.body) == ([200], {"data": {"locale": "en"}})


async def test_nobody_says_where_a_connection_comes_from() -> None:
    """Over a socket too only trusted proxies are believed, though uvicorn by itself would believe this machine."""
    async with room(RATES__CLIENT_PER_MINUTE="1") as desk:
        for number, status in ((1, 200), (2, 429)):
            heard = await desk.wire.say(post(ASK, b"X-Forwarded-For: 198.51.100.%d" % number))
            assert heard.statuses == [status]


# Sizes --------------------------------------------------------------------------------------------------------------


async def test_headers_of_any_size_are_bounded() -> None:
    """200 kB of headers are a 431, whole or without end, and no more is taken in than the bound and what comes at once.

    So is a first line.
    """
    endless = [b"X-A: "] + [b"x" * 4096] * 2000
    async with room() as desk:
        whole = await desk.wire.say(post(ASK, b"X-A: " + b"x" * 200_000))
        assert whole.statuses == [431]
        long = await desk.wire.say(
            b"GET /graphql?query={locale}&x=" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: bff\r\n\r\n"
        )
        assert long.statuses == [414]
        for parts, status in (([POST, *endless], 431), ([b"GET /graphql?", *[b"x" * 4096] * 2000], 414)):
            heard = await desk.wire.say(*parts)
            assert (heard.statuses, heard.closed) == ([status], True)
            assert "16384 bytes" in heard.body["errors"][0]["message"]
        assert [fact.status for fact in desk.observer.of(RequestFinished)] == [431]
        await desk.ordinary()


async def test_a_body_that_is_refused_unread_is_not_taken_for_ever() -> None:
    """The answer is heard while the client still sends, and the connection ends though the client would go on."""
    async with room(ConnectionBounds(linger=0.2), EDGE__MAX_BODY_BYTES="4096") as desk:
        head = POST + b"Content-Length: 100000000\r\n\r\n"
        heard = await desk.wire.say(head, *[b" " * 4096] * 20)
        assert heard.statuses == [413]
        async with desk.wire.connection() as (reader, writer):
            writer.write(head)
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 413")

            async def go_on() -> None:
                with contextlib.suppress(ConnectionError):
                    while not writer.is_closing():
                        writer.write(b" ")
                        await writer.drain()
                        await asyncio.sleep(0.02)

            sending = asyncio.ensure_future(go_on())
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 10)  # to its end
            writer.close()
            await sending


# Slow clients -------------------------------------------------------------------------------------------------------


async def test_fifty_slow_connections_hold_nobody_up() -> None:
    """Fifty clients that send nothing, a part of their headers, or a part of a body: ordinary requests beside them are
    answered, and each of the fifty is let go when its time is up: silently, or with a 408."""
    slow = {
        "nothing": b"",
        "a part of a line": b"POST /gra",
        "a part of the headers": POST + b"X-A: b\r\n",
        "a part of a body": POST + b"Content-Length: 1000\r\n\r\n{",
        "a part of a chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nff\r\n{",
    }
    async with room(ConnectionBounds(header_timeout=0.5), EDGE__BODY_TIMEOUT_MS="500") as desk:
        waiting = {
            name: [asyncio.ensure_future(desk.wire.say(bytes_)) for _ in range(10)] for name, bytes_ in slow.items()
        }
        for _ in range(5):
            await desk.ordinary()
        assert len(desk.words.requests) == 5
        for name, tasks in waiting.items():
            for heard in await asyncio.gather(*tasks):
                expected = [] if name == "nothing" else [408]
                assert (name, heard.statuses, heard.closed) == (name, expected, True)
        statuses = [fact.status for fact in desk.observer.of(RequestFinished)]
        assert (statuses.count(200), statuses.count(408), len(statuses)) == (5, 20, 25)


async def test_a_second_request_has_its_own_time() -> None:
    """On a connection that stays open, headers that begin and do not end are a 408 as on a new one."""
    async with room(ConnectionBounds(header_timeout=0.3)) as desk:
        heard = await desk.wire.say(post(), b"POST /graphql HT", answers=2)
        assert (heard.statuses, heard.closed) == ([200, 408], True)


async def test_who_does_not_read_is_let_go() -> None:
    """A client that takes nothing of a large answer is cut off, so that neither its memory nor a stop waits for it."""
    large = json.dumps({"query": "{ echo(times: 5000000) }"}).encode()
    async with room(ConnectionBounds(stall=0.3)) as desk, desk.wire.connection(limit=1024) as (reader, writer):
        writer.write(post(large))
        assert (await reader.readuntil(b"\r\n")) == b"HTTP/1.1 200 OK\r\n"
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # asyncio names the base of all transports
        await desk.ordinary()
        async with asyncio.timeout(PATIENCE):
            while desk.wire.server.server_state.connections:  # noqa: ASYNC110  # uvicorn tells it in no other way
                await asyncio.sleep(0.02)
        writer.transport.resume_reading()  # type: ignore[attr-defined]  # likewise
        read = 0
        with contextlib.suppress(ConnectionError):
            while more := await reader.read(1 << 20):
                read += len(more)
        assert read < 15_000_000


# All of it at once --------------------------------------------------------------------------------------------------

BODIES = [
    b"null",
    b"1",
    b'"{ locale }"',
    b"[" + ASK + b"]",
    b"\xff\xfe",
    ASK.decode().encode("utf-16"),
    ASK.decode().encode("utf-32"),
    b"\xef\xbb\xbf" + ASK,
    b'{"query":"{ locale }","query":"{ locale }"}',
    b'{"query":"{ locale }","variables":{"x":NaN}}',
    b'{"query":"{ locale }","variables":{"x":-Infinity}}',
    b'{"query":"\\ud800"}',
    b'{"query":"{ locale }","operationName":"\\udfff"}',
    b'{"query":"{ locale }","variables":{"x":"\\ud800"}}',
    b'{"query":"{ locale }","variables":{"x":' + b"9" * 5000 + b"}}",
    b'{"query":"{ locale }","variables":{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    b"[" * 500_000,
    b'{"query":"' + b"{ a" * 100_000 + b'"}',
    b'{"query":"{ ' + b"a " * 300_000 + b'}"}',
    b" " * 1_000_001,
]
HEADS = [
    POST.replace(b"application/json", kind) + b"Content-Length: " + LENGTH + b"\r\n\r\n" + ASK
    for kind in (
        b"text/plain",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=x",
        b"application/jsonp",
        b"application/json; charset=utf-16",
    )
]
HEADS += [
    post(ASK, b"Content-Encoding: gzip"),
    post(ASK, b"Authorization: Bearer x.y.z", b"Authorization: Bearer x.y.z"),
    post(ASK, b"Authorization: Bearer " + b"x" * 15_000),
    post(ASK, b"Origin: https://evil.example"),
    post(ASK, b"X-A: " + b"x" * 200_000),
    b"GET /graphql?query=mutation{note} HTTP/1.1\r\nHost: bff\r\n\r\n",
    b"GET /graphql?query={locale}&variables=" + b"[" * 15_000 + b" HTTP/1.1\r\nHost: bff\r\n\r\n",
    b"PUT /graphql HTTP/1.1\r\nHost: bff\r\nContent-Length: 0\r\n\r\n",
    b"DELETE /graphql?query={locale} HTTP/1.1\r\nHost: bff\r\n\r\n",
]
SLOW = [b"", b"POST /gra", POST, POST + b"Content-Length: 1000\r\n\r\n{"]


async def test_while_all_of_it_comes_others_are_served() -> None:
    """The whole table at once, each line on a connection of its own: every one ends refused, nothing of ours breaks,
    and each ordinary request beside them is a 200 with its whole data from one call of its own."""
    hostile = [*AMBIGUOUS.values(), *map(post, BODIES), *HEADS, *SLOW]
    bounds = ConnectionBounds(header_timeout=1.5)
    async with room(bounds, EDGE__BODY_TIMEOUT_MS="1500", EDGE__MAX_BODY_BYTES="1000000") as desk:
        under_way = []
        for bytes_ in hostile:
            under_way.append(asyncio.ensure_future(desk.wire.say(bytes_)))
            await desk.ordinary()
        answers = await asyncio.gather(*under_way)
        for bytes_, heard in zip(hostile, answers, strict=True):
            refused = all(400 <= status < 500 for status in heard.statuses) or "errors" in heard.body
            assert refused, (bytes_[:200], heard.raw[:500])
            assert "data" not in heard.body if heard.statuses else bytes_ == b""
        assert desk.asked == len(hostile) == len(desk.words.requests)
        assert desk.observer.of(BugFound) == []
