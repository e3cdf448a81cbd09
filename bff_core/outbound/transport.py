"""Outbound: the HTTP engine under every call to a service, an httpx transport over aiohttp.

One transport belongs to one service of one process. The channel builds an `httpx.Request` and calls
`handle_async_request`. The engine was chosen by measurement (docs/adr/0002-http-transport.md); any
`httpx.AsyncBaseTransport` that passes tests/outbound/test_transport.py can take its place.

A request waits for one of `max_connections` slots, is sent at most once, and its whole answer is read before
the slot is given back. The slots are ours, not aiohttp's, so that a full pool can be told from a slow
connection. Guards above decide about repeating; nothing here does.
"""

from __future__ import annotations

import asyncio
import math
import zlib
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp
import httpx
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.tracing import Trace
from yarl import URL

__all__ = ["AiohttpTransport", "AnswerTooLarge", "TransportOptions", "TransportStatistics"]


class AnswerTooLarge(httpx.TransportError):
    """The answer is longer than `max_answer_bytes`, as declared, as received or as unpacked.

    A `TransportError` like the others, but the service did answer: asking again brings the same.
    """


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """What one transport may use. A timeout holds where the request's own `extensions["timeout"]` is silent.

    max_connections: requests in flight at once, 1 or more (default 100); more wait for a slot. Keep the
        bulkhead above strictly smaller, then nobody waits here.
    connect_timeout: seconds for name lookup, connection and TLS together, above 0 (default 0.25).
    read_timeout: seconds without a byte from the service, above 0 (default 5).
    write_timeout: seconds for handing over the request's body, above 0 (default 5).
    pool_timeout: seconds of waiting for a slot, above 0 (default 0.05).
    keep_alive: seconds that an idle connection is kept for the next request, above 0 (default 15). Choose it
        smaller than the service's own: a request sent while the service closes is lost.
    max_answer_bytes: bytes of one answer's body, unpacked or not, 1 or more (default 8 MiB).
    """

    max_connections: int = 100
    connect_timeout: float = 0.25
    read_timeout: float = 5.0
    write_timeout: float = 5.0
    pool_timeout: float = 0.05
    keep_alive: float = 15.0
    max_answer_bytes: int = 8 * 1024 * 1024

    def __post_init__(self) -> None:
        for name in ("max_connections", "max_answer_bytes"):
            if not (type(value := getattr(self, name)) is int and value >= 1):
                raise ValueError(f"{name} must be a whole number of 1 or more, not {value!r}")
        for name in ("connect_timeout", "read_timeout", "write_timeout", "pool_timeout", "keep_alive"):
            if not (math.isfinite(value := getattr(self, name)) and value > 0):
                raise ValueError(f"{name} must be a number of seconds above 0, not {value!r}")


@dataclass(frozen=True, slots=True)
class TransportStatistics:
    """How a transport stands: requests that hold a slot, that wait for one, and the number of slots."""

    in_use: int
    waiting: int
    max_connections: int


class AiohttpTransport(httpx.AsyncBaseTransport):
    """One service's connections. Lives in the event loop of its first request, until `aclose`.

    **Answer**: complete when returned; nothing stays open. A gzip body is unpacked and its Content-Encoding
    removed. Redirects are answers like any other; cookies and environment proxies are ignored.
    **Request**: path and query arrive byte for byte (only a "?" with nothing after it is dropped). Host,
    Content-Length and `User-Agent: bff` are added where the request lacks them, nothing else.
    **Errors**: always an `httpx.RequestError`. `PoolTimeout`, `ConnectTimeout`, `ConnectError`,
    `LocalProtocolError` and `UnsupportedProtocol` mean that the service got nothing. After any other it may
    have got, and done, everything; also when a kept connection turns out to be closed (`RemoteProtocolError`
    or `ReadError`).
    **Known flaw**: an answer with neither a length nor chunks, ended by a reset, passes for a whole one.
    **Cancellation**: at any instant gives the slot back; the connection is closed.
    """

    def __init__(self, options: TransportOptions | None = None) -> None:
        self.options = options or TransportOptions()
        self._slots = asyncio.Semaphore(self.options.max_connections)
        self._in_use = self._waiting = 0
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        o = self.options
        self._limits: dict[str, float | None] = {
            "connect": o.connect_timeout,
            "read": o.read_timeout,
            "write": o.write_timeout,
            "pool": o.pool_timeout,
        }

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` once, return its whole answer. Timeouts as in httpx: seconds, None for no limit."""
        limits = self._limits | request.extensions.get("timeout", {})
        if request.url.scheme not in ("http", "https") or not request.url.host:
            raise httpx.UnsupportedProtocol("the address must be http://host or https://host", request=request)
        await request.aread()
        await self._take_slot(request, limits["pool"])
        try:
            return await self._exchange(request, limits)
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as exc:
            raise _translated(exc, request) from exc
        finally:
            self._in_use -= 1
            self._slots.release()

    async def _take_slot(self, request: httpx.Request, limit: float | None) -> None:
        self._waiting += 1
        try:
            if self._slots.locked():
                async with asyncio.timeout(limit):
                    await self._slots.acquire()
            else:
                await self._slots.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("every connection to the service is in use", request=request) from None
        finally:
            self._waiting -= 1
        self._in_use += 1

    async def _exchange(self, request: httpx.Request, limits: dict[str, float | None]) -> httpx.Response:
        body = _Body(request.content, limits["write"]) if request.content else None
        response: aiohttp.ClientResponse | None = None
        try:
            response = await self._open_session(request).request(
                request.method,
                _address(request.url),
                headers=[
                    (name.decode(), value.decode())
                    for name, value in request.headers.raw
                    if name.lower() not in _FRAMING
                ],
                data=body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    connect=_positive(limits["connect"]), sock_read=_positive(limits["read"])
                ),
            )
            raw = await self._read(request, response)
        except BaseException:
            # Once the answer is complete the connection may already serve somebody else.
            if body is not None and (response is None or response.connection is not None):
                body.abort()
            raise
        finally:
            if response is not None:
                response.close()
        headers, content = self._unpacked(request, response, raw)
        reason = (response.reason or "").encode("ascii", errors="ignore")
        extensions = {"http_version": b"HTTP/1.1", "reason_phrase": reason}
        return httpx.Response(response.status, headers=headers, content=content, request=request, extensions=extensions)

    def _open_session(self, request: httpx.Request) -> aiohttp.ClientSession:
        if self._closed:
            raise httpx.ConnectError("the transport is closed", request=request)
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=_Connector(self.options.keep_alive),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "bff"},
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type"),
                auto_decompress=False,  # it takes a gzip body that breaks off for a whole one
                timeout=aiohttp.ClientTimeout(),
                trust_env=False,
                middlewares=(_sent_once,),
            )
        return self._session

    async def _read(self, request: httpx.Request, response: aiohttp.ClientResponse) -> bytes:
        content, limit = response.content, self.options.max_answer_bytes
        declared = response.content_length or 0
        if declared > limit and not content.is_eof():  # a HEAD declares what it does not send
            raise AnswerTooLarge(f"the answer is longer than {limit} bytes", request=request)
        chunks, size = [], 0
        while chunk := await content.readany():
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                raise AnswerTooLarge(f"the answer is longer than {limit} bytes", request=request)
        return b"".join(chunks)

    def _unpacked(
        self, request: httpx.Request, response: aiohttp.ClientResponse, raw: bytes
    ) -> tuple[list[tuple[bytes, bytes]], bytes]:
        packed = response.headers.get("Content-Encoding", "identity").lower()
        if packed == "identity" or not raw:
            return list(response.raw_headers), raw
        if packed != "gzip":
            raise httpx.DecodingError("the answer's content encoding is not gzip", request=request)
        limit, inflater = self.options.max_answer_bytes, zlib.decompressobj(wbits=31)
        try:
            plain = inflater.decompress(raw, limit + 1)
        except zlib.error as exc:
            raise httpx.DecodingError("the answer is not the gzip it claims to be", request=request) from exc
        if len(plain) > limit:
            raise AnswerTooLarge(f"the unpacked answer is longer than {limit} bytes", request=request)
        if not inflater.eof or inflater.unused_data:
            raise httpx.DecodingError("the answer's gzip does not end where it should", request=request)
        dropped = (b"content-encoding", b"content-length")
        return [pair for pair in response.raw_headers if pair[0].lower() not in dropped], plain

    async def aclose(self) -> None:
        """Close every connection. Requests under way fail, later ones are refused with `ConnectError`."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def statistics(self) -> TransportStatistics:
        """How it stands now."""
        return TransportStatistics(self._in_use, self._waiting, self.options.max_connections)

    def __repr__(self) -> str:
        state, slots = "closed" if self._closed else "open", self.options.max_connections
        return f"<AiohttpTransport {state}, in use {self._in_use}/{slots}, waiting {self._waiting}>"


class _Protocol(ResponseHandler):
    """aiohttp's connection, which tells an error also to whoever reads the answer's body.

    aiohttp tells only whoever waits for its head (of broken chunks, or of a request's body that cannot be sent)
    and stops the read timeout: the reader would wait for ever.
    """

    def set_exception(self, exc: BaseException, *args: Any, **kwargs: Any) -> None:
        super().set_exception(exc, *args, **kwargs)
        body = self._payload
        if body is not None and not body.is_eof() and body.exception() is None:
            body.set_exception(exc)


class _Connector(aiohttp.TCPConnector):
    """aiohttp's pool, without kept connections on which the service went on talking.

    What it said unasked would be taken for the answer to the next request, which may be another user's.
    """

    def __init__(self, keep_alive: float) -> None:
        super().__init__(limit=0, keepalive_timeout=keep_alive)
        made: type[ResponseHandler] = _Protocol
        self._factory = partial(made, loop=self._loop)

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        while True:
            connection = await super().connect(req, traces, timeout)
            if connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()


class _WriteTimeoutError(TimeoutError):
    """Raised inside aiohttp's writer, which knows no time limit of its own."""


class _Body(aiohttp.Payload):
    """A request's body, to be handed over within `limit` seconds."""

    def __init__(self, content: bytes, limit: float | None) -> None:
        super().__init__(content)
        self._size, self._limit = len(content), limit
        self._transport: asyncio.Transport | None = None

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return str(self._value, encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        self._transport = getattr(writer, "transport", None)
        try:
            async with asyncio.timeout(self._limit):
                await writer.write(self._value)
        except TimeoutError as exc:
            raise _WriteTimeoutError from exc

    def abort(self) -> None:
        """Drop what is unwritten: a plain close keeps the socket until a hung service takes the rest."""
        if self._transport is not None:
            self._transport.abort()


# aiohttp frames the body itself, and would wait for "100 Continue" without any limit.
_FRAMING = frozenset({b"transfer-encoding", b"expect"})


async def _sent_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp's session from sending a GET or PUT again when a kept connection breaks.

    It repeats after an error that it knows as a lost connection. A middleware stands inside that loop, and an
    error translated here is unknown to it.
    """
    try:
        return await handler(request)
    except aiohttp.ClientError as exc:
        raise _translated(exc, None) from exc


# First match counts. Whatever is not known to have happened before sending ends in the last line, for there the
# service may have got everything.
_MEANINGS: tuple[tuple[type[Exception], type[httpx.RequestError], str], ...] = (
    (_WriteTimeoutError, httpx.WriteTimeout, "the service did not take the request's body in time"),
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout, "no connection to the service in time"),
    (aiohttp.SocketTimeoutError, httpx.ReadTimeout, "nothing came from the service in time"),
    (aiohttp.ClientConnectorError, httpx.ConnectError, "no connection to the service"),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError, "the service hung up without an answer"),
    (aiohttp.ClientPayloadError, httpx.RemoteProtocolError, "the answer breaks off"),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError, "the answer is not HTTP"),
    (HttpProcessingError, httpx.RemoteProtocolError, "the answer is not HTTP"),
    (ValueError, httpx.LocalProtocolError, "the request cannot be put into HTTP"),
    (Exception, httpx.ReadError, "the connection to the service was lost"),
)


def _translated(exc: Exception, request: httpx.Request | None) -> httpx.RequestError:
    kind, sentence = next((kind, text) for source, kind, text in _MEANINGS if isinstance(exc, source))
    return kind(sentence, request=request)


def _address(url: httpx.URL) -> URL:
    """The same address for aiohttp, not quoted anew; without user, password and fragment."""
    return URL(f"{url.scheme}://{url.netloc.decode('ascii')}{url.raw_path.decode('ascii')}", encoded=True)


def _positive(seconds: float | None) -> float | None:
    """Time that has run out is not unlimited time, for which aiohttp takes a 0."""
    return None if seconds is None else max(seconds, 0.001)
