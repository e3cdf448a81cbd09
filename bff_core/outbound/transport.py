"""Outbound: the HTTP engine under every call to a service, an httpx transport over connections of our own.

One transport belongs to one service of one process. The channel builds an `httpx.Request` and calls
`handle_async_request`. The engine was chosen by measurement (docs/adr/0017-connections-of-our-own.md); any
`httpx.AsyncBaseTransport` that passes tests/outbound/test_transport.py can take its place.

A request waits for one of `max_connections` slots, is sent at most once, and its whole answer is read before
the slot is given back. Guards above decide about repeating; nothing here does.
"""

from __future__ import annotations

import asyncio
import math
import re
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from bff_core.outbound.addresses import Addresses
from bff_core.outbound.connection import AnswerTooLarge, Connection

__all__ = ["AnswerTooLarge", "HttpTransport", "TransportOptions", "TransportStatistics"]


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """What one transport may use. A timeout holds where the request's own `extensions["timeout"]` is silent.

    max_connections: requests in flight at once, 1 or more (default 100); more wait for a slot. Keep the
        bulkhead above strictly smaller, then nobody waits here.
    connect_timeout: seconds for name lookup, connection and TLS together, above 0 (default 0.25).
    read_timeout: seconds without a byte from the service, above 0 (default 5).
    write_timeout: seconds for handing over the request, above 0 (default 5).
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


#: Where a connection leads: scheme, and host with port as they stand in the address.
_Origin = tuple[str, bytes]


class HttpTransport(httpx.AsyncBaseTransport):
    """One service's connections. Lives in the event loop of its first request, until `aclose`.

    **Answer**: complete when returned; nothing stays open. A gzip body is unpacked and its Content-Encoding
    removed. Redirects are answers like any other; cookies and environment proxies are ignored.
    **Request**: path and query arrive byte for byte (only a "?" with nothing after it is dropped). Host,
    Content-Length and `User-Agent: bff` are added where the request lacks them, nothing else; a body is sent whole
    and never asks for leave first.
    **Errors**: always an `httpx.RequestError`. `PoolTimeout`, `ConnectTimeout`, `ConnectError`,
    `LocalProtocolError` and `UnsupportedProtocol` mean that the service got nothing. After any other it may
    have got, and done, everything; also when a kept connection turns out to be closed (`RemoteProtocolError`
    or `ReadError`).
    **Cancellation**: at any instant gives the slot back; the connection is closed.
    """

    def __init__(self, options: TransportOptions | None = None) -> None:
        self.options = o = options or TransportOptions()
        self._slots = asyncio.Semaphore(o.max_connections)
        self._in_use = self._waiting = 0
        self._addresses = Addresses()
        self._tls: ssl.SSLContext | None = None
        self._open: set[Connection] = set()
        self._idle: dict[_Origin, list[Connection]] = {}
        self._closed = False
        self._all_lost = asyncio.Event()
        self._limits: Mapping[str, float | None] = {
            "connect": o.connect_timeout,
            "read": o.read_timeout,
            "write": o.write_timeout,
            "pool": o.pool_timeout,
        }

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` once, return its whole answer. Timeouts as in httpx: seconds, None for no limit."""
        given = request.extensions.get("timeout")
        limits = {**self._limits, **given} if given else self._limits
        try:
            whole = isinstance(request.stream, httpx.ByteStream)  # as nearly always; no need to await it then
            wire = _on_the_wire(request, request.read() if whole else await request.aread())
            await self._take_slot(limits["pool"])
            try:
                return await self._exchange(request, wire, limits)
            finally:
                self._in_use -= 1
                self._slots.release()
        except httpx.RequestError as exc:
            exc.request = request
            raise

    async def _take_slot(self, limit: float | None) -> None:
        self._waiting += 1
        try:
            if self._slots.locked():
                async with asyncio.timeout(limit):
                    await self._slots.acquire()
            else:
                await self._slots.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("every connection to the service is in use") from None
        finally:
            self._waiting -= 1
        self._in_use += 1

    async def _exchange(
        self, request: httpx.Request, wire: bytes, limits: Mapping[str, float | None]
    ) -> httpx.Response:
        origin = request.url.scheme, request.url.netloc
        connection = self._kept(origin) or await self._connect(request.url, limits["connect"])
        try:
            await connection.exchange(
                wire, bodiless=request.method == "HEAD", read=limits["read"], write=limits["write"]
            )
        finally:
            if connection.usable:
                self._keep(origin, connection)
        headers, content = self._unpacked(connection)
        extensions = {"http_version": b"HTTP/1.1", "reason_phrase": connection.reason}
        response = httpx.Response(
            connection.status,
            headers=headers,
            stream=httpx.ByteStream(content),
            request=request,
            extensions=extensions,
        )
        response._content = content  # as `read` would set it, which streams to itself at five times the cost
        response.is_closed = response.is_stream_consumed = True
        return response

    def _kept(self, origin: _Origin) -> Connection | None:
        """The connection that was used last, so that what is not needed goes idle and is closed."""
        kept = self._idle.get(origin)
        while kept:
            connection = kept.pop()
            if connection.usable:
                return connection
        return None

    def _keep(self, origin: _Origin, connection: Connection) -> None:
        self._idle.setdefault(origin, []).append(connection)
        connection.rest()

    async def _connect(self, url: httpx.URL, limit: float | None) -> Connection:
        if self._closed:
            raise httpx.ConnectError("the transport is closed")
        connection = Connection(self.options.max_answer_bytes, self.options.keep_alive, self._lost)
        try:
            async with asyncio.timeout(limit):
                await self._addresses.connect(connection, url.raw_host.decode("ascii"), *self._port_and_tls(url))
        except BaseException as exc:
            connection.abort()
            if isinstance(exc, TimeoutError):
                raise httpx.ConnectTimeout("no connection to the service in time") from exc
            if isinstance(exc, OSError | UnicodeError):  # the latter for a text that cannot be a name
                raise httpx.ConnectError("no connection to the service") from exc
            raise
        if self._closed:
            connection.abort()
            raise httpx.ConnectError("the transport is closed")
        if connection.usable:
            self._open.add(connection)
        return connection

    def _port_and_tls(self, url: httpx.URL) -> tuple[int, ssl.SSLContext | None]:
        if url.scheme == "http":
            return url.port or 80, None
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return url.port or 443, self._tls

    def _lost(self, connection: Connection) -> None:
        self._open.discard(connection)
        for kept in self._idle.values():
            if connection in kept:
                kept.remove(connection)
        if not self._open:
            self._all_lost.set()

    def _unpacked(self, connection: Connection) -> tuple[list[tuple[bytes, bytes]], bytes]:
        headers, raw = connection.headers, connection.body
        packed = next((value for name, value in headers if name.lower() == b"content-encoding"), b"identity").lower()
        if packed == b"identity" or not raw:
            return headers, raw
        if packed != b"gzip":
            raise httpx.DecodingError("the answer's content encoding is not gzip")
        limit, inflater = self.options.max_answer_bytes, zlib.decompressobj(wbits=31)
        try:
            plain = inflater.decompress(raw, limit + 1)
        except zlib.error as exc:
            raise httpx.DecodingError("the answer is not the gzip it claims to be") from exc
        if len(plain) > limit:
            raise AnswerTooLarge(f"the unpacked answer is longer than {limit} bytes")
        if not inflater.eof or inflater.unused_data:
            raise httpx.DecodingError("the answer's gzip does not end where it should")
        dropped = (b"content-encoding", b"content-length")
        kept = [pair for pair in headers if pair[0].lower() not in dropped]
        return [*kept, (b"Content-Length", b"%d" % len(plain))], plain

    async def aclose(self) -> None:
        """Close every connection. Requests under way fail, later ones are refused with `ConnectError`."""
        self._closed = True
        self._all_lost.clear()
        for connection in list(self._open):
            connection.abort()
        if self._open:
            await self._all_lost.wait()

    def statistics(self) -> TransportStatistics:
        """How it stands now."""
        return TransportStatistics(self._in_use, self._waiting, self.options.max_connections)

    def __repr__(self) -> str:
        state, slots = "closed" if self._closed else "open", self.options.max_connections
        return f"<HttpTransport {state}, in use {self._in_use}/{slots}, waiting {self._waiting}>"


#: Set by us, whatever the request says: the body goes out whole, with its length, and asks for no leave.
_FRAMING = frozenset({b"transfer-encoding", b"content-length", b"expect"})

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_METHOD = re.compile(_TOKEN)
_TARGET = re.compile(rb"[!-~]+")
#: Whole lines of headers. A value holds no control character but the tab.
_LINES = re.compile(rb"(?:%b: [^\x00-\x08\x0a-\x1f\x7f]*\r\n)*" % _TOKEN)


def _on_the_wire(request: httpx.Request, body: bytes) -> bytes:
    """The request's bytes. Raises LocalProtocolError for what cannot be put into HTTP."""
    url = request.url
    method, target, host = request.method.encode(), url.raw_path, url.netloc
    if url.scheme not in ("http", "https") or not url.raw_host:
        raise httpx.UnsupportedProtocol("the address must be http://host or https://host")
    lines, agent = [b""], b"User-Agent: bff\r\n"
    for name, value in request.headers.raw:
        lower = name.lower()
        if lower == b"host":
            host = value
        elif lower not in _FRAMING:
            lines.append(b"%b: %b\r\n" % (name, value))
            if lower == b"user-agent":
                agent = b""
    if body or method in (b"POST", b"PUT", b"PATCH"):
        lines.append(b"Content-Length: %d\r\n" % len(body))
    lines[0] = b"Host: %b\r\n" % host
    headers = b"".join(lines)
    # A break within a name or a value would begin another header, or another request.
    if headers.count(b"\n") != len(lines) or not (
        _METHOD.fullmatch(method) and _TARGET.fullmatch(target) and _LINES.fullmatch(headers)
    ):
        raise _not_http()
    try:
        headers.decode()
    except UnicodeDecodeError:
        raise _not_http() from None
    return b"%b %b HTTP/1.1\r\n%b%b\r\n%b" % (method, target, headers, agent, body)


def _not_http() -> httpx.LocalProtocolError:
    return httpx.LocalProtocolError("the request cannot be put into HTTP")
