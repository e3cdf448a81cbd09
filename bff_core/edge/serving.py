"""How uvicorn serves a BFF: bounds for each connection that it lacks, and an end in two steps.

uvicorn with httptools bounds neither the time nor the bytes of a request's headers: its only clock runs between two
requests of one connection. It adds the trailers of a chunked body to the headers, also while those are being read. A
body that nobody reads it takes to its end, however long, and what it cannot read it answers in plain text.

When it is told to end it closes its listening socket at once: whoever connects from then on is refused by the system,
and a load balancer learns of it by failed requests. So a process that is told to end says first that it is not ready.
"""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from types import FrameType
from typing import Any, Protocol

from starlette.applications import Starlette
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_FRAMING = b"transfer-encoding"

#: Seconds between two looks whether an ending process may stop.
LOOK = 0.05


@dataclass(frozen=True, slots=True)
class ConnectionBounds:
    """What one connection may take.

    ``header_bytes``: of a request's headers, and of its first line. ``header_timeout``: to send them, seconds.
    ``linger``: how long what still comes is taken after an answer, seconds; a connection that is closed while its
    client sends loses the answer on the way. ``stall``: how long a client may take nothing of an answer, seconds.
    """

    header_bytes: int = 16_384
    header_timeout: float = 10.0
    linger: float = 2.0
    stall: float = 30.0


class ServingConfig(Config):
    """uvicorn's configuration, with connections of ours.

    Only what the BFF is set to is believed: no address that a header tells (uvicorn would believe one from this
    machine), no WebSocket, and no complaint in the log about what a stranger sent.
    """

    def __init__(self, app: Any, bounds: ConnectionBounds, keep_alive: int, **more: Any) -> None:
        super().__init__(
            app,
            http=Connection,
            ws="none",
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_level="error",
            timeout_keep_alive=keep_alive,
            **more,
        )
        self.bounds = bounds


class Connection(HttpToolsProtocol):
    """One connection of a client.

    A request whose headers are too large or too late is refused (431, 408) and the connection closed; of one that sent
    nothing at all, silently. A first line and headers a little larger than the bound pass here, since they come in
    chunks: the endpoint counts them exactly.
    """

    config: ServingConfig

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected, and has its time to send the first request."""
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows asyncio's own type
        self._in_head = self._in_body = self._over = False
        self._heads = self._head_bytes = 0
        self._lingering: asyncio.TimerHandle | None = None
        self._late: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._forget_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """The next bytes; counted where they are all headers of one request, which may never end."""
        if self._over:
            return
        within = self._heads if self._in_head else -1
        super().data_received(data)
        if self._in_head and self._heads == within:
            self._head_bytes += len(data)
            if self._head_bytes > self.config.bounds.header_bytes:
                self._give_up(431, f"The headers must not be larger than {self.config.bounds.header_bytes} bytes.")

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._in_head, self._in_body = True, False
        self._heads, self._head_bytes = self._heads + 1, 0
        if self._late is None:
            self._wait_for_head()

    def on_url(self, url: bytes) -> None:
        """A part of the first line."""
        super().on_url(url)
        if len(self.url) > self.config.bounds.header_bytes:
            text = f"The first line must not be longer than {self.config.bounds.header_bytes} bytes; send a POST."
            self._give_up(414, text)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; one that comes after the body is none, and is passed over as HTTP allows."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head of a request is whole, and the application begins with it.

        ValueError, which the parser makes an error of its own, for what somebody before us may read in another way:
        more than one host, and a body that is framed by anything but its length or by chunks.
        """
        if self._over:
            raise ValueError("it is refused already")
        names = [name for name, _ in self.headers]
        if names.count(b"host") != 1 and (b"host" in names or self.parser.get_http_version() == "1.1"):
            raise ValueError("a request names one host")
        if any(value.strip(b" \t").lower() != b"chunked" for name, value in self.headers if name == _FRAMING):
            raise ValueError("a body is framed by its length or by chunks")
        self._in_head, self._in_body = False, True
        if self._late is not None:
            self._late.cancel()
            self._late = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._in_body = False
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is whole. The rest of a request that was refused unread is taken for a moment, and no longer."""
        super().on_response_complete()
        if self._in_body and not self.transport.is_closing():
            self._lingering = self.loop.call_later(self.config.bounds.linger, self.transport.close)

    def pause_writing(self) -> None:
        """The client takes less than we have for it; one that takes nothing at all is let go of."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self.config.bounds.stall, self.transport.abort)

    def resume_writing(self) -> None:
        """The client took what there was."""
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP, or could be read in two ways: one refusal as all others, and the end of the connection."""
        self._give_up(400, "The request is not HTTP/1.1, or can be read in two ways.")

    def _unsupported_upgrade_warning(self) -> None:
        """Somebody wants to go on in another protocol. We do not, and what follows is no HTTP to the parser."""
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def _wait_for_head(self) -> None:
        timeout = self.config.bounds.header_timeout
        text = f"The headers did not arrive within {timeout * 1000:.0f} milliseconds."
        self._late = self.loop.call_later(timeout, self._give_up, 408, text)

    def _give_up(self, status: int, text: str) -> None:
        """Refuse what comes in, and close. Of an answer that is under way nothing is lost."""
        self._forget_timers()
        if self._over or self.transport.is_closing():
            return
        self._over = True
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if self._in_head or self.pipeline or cycle.response_started or not cycle.more_body:
                cycle.keep_alive = False
                self.flow.pause_reading()
                return
            cycle.disconnected = True  # it waits for the rest of a body that cannot be read
            cycle.message_event.set()
        if status == 408 and not self._in_head:
            self.transport.close()
            return
        self.transport.write(_refusal(status, text))
        self.transport.write_eof()
        self._lingering = self.loop.call_later(self.config.bounds.linger, self.transport.close)

    def _forget_timers(self) -> None:
        for timer in (self._late, self._lingering, self._stalled):
            if timer is not None:
                timer.cancel()
        self._late = self._lingering = self._stalled = None


def _refusal(status: int, text: str) -> bytes:
    """A whole response, as the endpoint would have written it."""
    body = json.dumps({"errors": [{"message": text, "extensions": {"code": "BAD_REQUEST"}}]}).encode()
    lines = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "content-type: application/json; charset=utf-8",
        f"content-length: {len(body)}",
        "cache-control: private, no-store",
        "x-content-type-options: nosniff",
        "connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode("ascii") + body


class Ending(Protocol):
    """What ends in steps."""

    def end(self) -> bool:
        """Go on ending, or begin to; True when the process may stop."""


def end_in_order(app: Starlette) -> None:
    """Let a served application end in steps: SIGTERM reaches the server only when the application's gate says so.

    A second signal passes at once. Only for an application that is served by a process of its own.
    """
    served, gate = app.router.lifespan_context, app.state.gate

    @asynccontextmanager
    async def lifespan(running: Starlette) -> AsyncIterator[Any]:
        async with served(running) as state:
            with _signals_held(gate):
                yield state

    app.router.lifespan_context = lifespan


@contextmanager
def _signals_held(gate: Ending) -> Iterator[None]:
    """Keep the signals that end a server from it until the gate lets them pass."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals come to the main thread alone
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    told = False

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal told
        if told:
            pass_on(number)
        else:
            told = True
            loop.call_soon_threadsafe(look, number)

    def look(number: int) -> None:
        if gate.end():
            pass_on(number)
        else:
            loop.call_later(LOOK, look, number)

    def pass_on(number: int) -> None:
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, None)

    for number in before:
        signal.signal(number, hear)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
