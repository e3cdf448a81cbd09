"""Outbound: one HTTP/1.1 connection to a service, which carries one exchange after another.

The bytes are read by llhttp (httptools), strictly. What stands around it is decided here: when an answer is whole, when
a connection may serve again, and what each way of failing is called.

- A connection serves again only after a whole answer that allows it and after which nothing came. What a service says
  unasked closes the connection, so it is never taken for the answer to the next request.
- Nothing is sent twice, and an exchange that ends early, for whatever reason, closes its connection.
- One timer serves for reading and for being idle. It is moved only where it would ring too late, and finds out when it
  rings whether it is time, so that most exchanges set none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import httptools
import httpx

#: Most bytes of an answer's head; trailers count.
MOST_HEAD = 32_768

#: Statuses that never come with a body, whatever the head declares.
_BODILESS = frozenset({204, 304})

#: A timer of the loop may ring that many seconds early.
_EARLY = 0.002


class AnswerTooLarge(httpx.TransportError):
    """The answer is longer than `max_answer_bytes`, as declared, as received or as unpacked.

    A `TransportError` like the others, but the service did answer: asking again brings the same.
    """


class Connection(asyncio.Protocol):
    """One connection, from being made to being lost, of which `lost` is told.

    `most`: bytes of an answer's body; `keep_alive`: seconds that it may rest. Errors are httpx's, without a request.
    `status`, `reason`, `headers` (as sent, in order) and `body` are of the answer that the last exchange brought.
    """

    def __init__(self, most: int, keep_alive: float, lost: Callable[[Connection], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._most = most
        self._keep_alive = keep_alive
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._heard = 0.0
        self._read_limit: float | None = None
        self._unsent = False
        self._over = False
        self._bodiless = False
        self._expect_answer()

    @property
    def usable(self) -> bool:
        """Whether an exchange may begin."""
        return not self._over and self._transport is not None and not self._transport.is_closing()

    @property
    def body(self) -> bytes:
        """The body, as it was sent."""
        return self._body if isinstance(self._body, bytes) else bytes(self._body)

    async def exchange(self, request: bytes, *, bodiless: bool, read: float | None, write: float | None) -> None:
        """Send `request`, and return when its answer is whole. `bodiless`: it has no body whatever its head says.

        `read` and `write` are seconds: without a byte from the service, and for handing over the request.
        """
        transport = self._transport
        if transport is None or not self.usable:
            raise httpx.ConnectError("the connection to the service was lost before anything was sent")
        self._bodiless = bodiless
        self._expect_answer()
        self._waiter = self._loop.create_future()
        transport.write(request)
        if self._unsent and write is not None:
            self._write_timer = self._loop.call_later(max(write, 0.0), self._not_taken)
        self._read_limit = read
        if read is not None:
            self._ring_after(read)
        try:
            await self._waiter
        finally:
            self._waiter = None
            if self._write_timer is not None:
                self._write_timer.cancel()
                self._write_timer = None
            if not self._whole or self._unsent or self._over:
                self.abort()

    def rest(self) -> None:
        """Wait for the next exchange, or for its time to be over."""
        self._read_limit = None
        self._ring_after(self._keep_alive)

    def abort(self) -> None:
        """Close at once. What is unwritten is dropped: a plain close keeps it until a hung service takes it."""
        self._over = True
        if self._transport is not None:
            self._transport.abort()

    def _expect_answer(self) -> None:
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self._body: bytes | bytearray = b""
        self._raw_size = self._head_size = 0
        self._head_done = self._framed = self._whole = False
        self._error: httpx.RequestError | None = None

    # Time

    def _ring_after(self, seconds: float) -> None:
        self._heard = now = self._loop.time()
        self._ring_at(now, now + seconds)

    def _ring_at(self, now: float, due: float) -> None:
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._due = due
        self._timer = self._loop.call_later(max(due - now, 0.0), self._ring)

    def _ring(self) -> None:
        self._timer = None
        now, waiting = self._loop.time(), self._waiter is not None
        if self._unsent:
            self._heard = now  # there is nothing to hear until the service has taken the request
        limit = self._read_limit if waiting else self._keep_alive
        if limit is None:
            return
        if now < self._heard + limit - _EARLY:
            self._ring_at(now, self._heard + limit)
        elif waiting:
            self._fail(httpx.ReadTimeout("nothing came from the service in time"))
        else:
            self.abort()

    def _not_taken(self) -> None:
        self._write_timer = None
        if self._unsent:
            self._fail(httpx.WriteTimeout("the service did not take the request's body in time"))

    def _fail(self, error: httpx.RequestError) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
        self.abort()

    # What the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(0)  # so that "paused" says: not all has been handed over
        self._parser = httptools.HttpResponseParser(self)

    def pause_writing(self) -> None:
        """Some of the request has not been taken yet."""
        self._unsent = True

    def resume_writing(self) -> None:
        """All of it has; from now on the service has something to say."""
        self._unsent = False
        self._heard = self._loop.time()

    def data_received(self, data: bytes) -> None:
        """A piece of an answer, or something that nobody asked for."""
        waiter, parser = self._waiter, self._parser
        if waiter is None or waiter.done() or parser is None:
            self.abort()
            return
        self._heard = self._loop.time()
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            if not self._whole:
                self._error = httpx.RemoteProtocolError(f"the answer is not HTTP: {exc}")
            self._over = True  # or it goes on after its end
        if not self._head_done:
            self._raw_size += len(data)
            if self._raw_size > MOST_HEAD:  # one endless header is told of only at its end
                self._refuse_head()
        error = self._error
        if error is not None and not self._whole:
            self._fail(error)
        elif error is not None:
            waiter.set_exception(error)
        elif self._whole:
            waiter.set_result(None)

    def eof_received(self) -> None:
        """The service says no more; `connection_lost` follows."""

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone, by whoever's doing."""
        self._over = True
        self._transport = self._parser = None  # the parser knows this object, too: no circle is left
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            if exc is not None:
                waiter.set_exception(httpx.ReadError("the connection to the service was lost"))
            elif self._head_done and not self._framed:
                self._whole = True  # an answer without a length lasts as long as its connection
                waiter.set_result(None)
            else:
                began = self.status or self._raw_size
                what = "the answer breaks off" if began else "the service hung up without an answer"
                waiter.set_exception(httpx.RemoteProtocolError(what))
        self._lost(self)

    # What the parser tells. It may go on after the end of an answer, and what it says then is passed over.

    def on_message_begin(self) -> None:
        """An answer begins; after the one that was asked for it is one too many."""
        if self._whole:
            self._over = True

    def on_status(self, reason: bytes) -> None:
        """A piece of the reason phrase."""
        if not self._whole:
            self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which nobody reads."""
        if self._whole:
            return
        self._head_size += len(name) + len(value) + 4
        if self._head_size > MOST_HEAD:
            self._refuse_head()
        elif not self._head_done:
            self.headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """The head is whole, or that of an interim answer."""
        if self._whole or self._parser is None:
            return
        self.status = self._parser.get_status_code()
        if self.status < 200:
            return
        self._head_done = True
        for name, value in self.headers:
            lower = name.lower()
            if lower == b"transfer-encoding":
                self._framed = True
            elif lower == b"content-length":
                self._framed = True
                if int(value) > self._most and not self._bodiless and self.status not in _BODILESS:
                    self._refuse_size()
        if self._bodiless:
            self._whole = self._over = True  # the parser waits for the body that was declared

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        if self._whole:
            return
        if len(self._body) + len(data) > self._most:
            self._refuse_size()
        elif self._body:
            self._body = self._body if isinstance(self._body, bytearray) else bytearray(self._body)
            self._body += data
        else:
            self._body = data

    def on_message_complete(self) -> None:
        """The answer is whole, unless it was only an interim one."""
        if self._whole or self._parser is None:
            return
        if self.status < 200:
            self._expect_answer()
            return
        self._whole = True
        if not self._parser.should_keep_alive():
            self._over = True

    def _refuse_head(self) -> None:
        self._error = httpx.RemoteProtocolError(f"the answer's head is longer than {MOST_HEAD} bytes")

    def _refuse_size(self) -> None:
        self._error = AnswerTooLarge(f"the answer is longer than {self._most} bytes")
