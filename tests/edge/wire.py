"""A BFF behind uvicorn as it is served, in this very loop; and a client that sends bytes as they are."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette

from bff_core.edge.serving import ConnectionBounds, ServingConfig

#: Seconds; nothing waits for it but a test that fails.
PATIENCE = 10.0

ASK = b'{"query":"{ locale }"}'
POST = b"POST /graphql HTTP/1.1\r\nHost: bff\r\nContent-Type: application/json\r\n"


def post(body: bytes = ASK, *lines: bytes) -> bytes:
    """A whole request with a body of this length, and more header lines."""
    return POST + b"".join(line + b"\r\n" for line in lines) + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def chunked(body: bytes = ASK) -> bytes:
    """A body as one chunk."""
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


@dataclass(frozen=True)
class Heard:
    """What came back on one connection, to its end or until nothing more came; ``closed``: the server ended it."""

    raw: bytes
    closed: bool

    @property
    def statuses(self) -> list[int]:
        """The status of each answer, in order."""
        return [int(part[:3]) for part in self.raw.split(b"HTTP/1.1 ")[1:]]

    @property
    def body(self) -> Any:
        """The JSON of the last answer."""
        return json.loads(self.raw.rpartition(b"\r\n\r\n")[2])


class Wire:
    """Connections to one server."""

    def __init__(self, port: int, server: uvicorn.Server) -> None:
        self._port = port
        self.server = server

    @asynccontextmanager
    async def connection(
        self, limit: int = 1 << 16
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """One connection, closed afterwards; so many bytes are read ahead."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=limit)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def refused(self) -> None:
        """Wait until nobody can connect any more."""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE):
                while True:
                    async with self.connection():
                        await asyncio.sleep(0.02)

    async def say(self, *parts: bytes, answers: int = 1, more: float = 0.05) -> Heard:
        """Send these bytes, part by part, and hear so many answers, or the end of the connection.

        What follows the last answer within ``more`` seconds is heard too, so that one too many is seen.
        """
        async with self.connection() as (reader, writer):
            got = b""
            with contextlib.suppress(ConnectionError):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0)
            try:
                while True:
                    enough = got.count(b"HTTP/1.1 ") >= answers and _whole(got)
                    read = await asyncio.wait_for(reader.read(1 << 16), more if enough else PATIENCE)
                    if not read:
                        return Heard(got, closed=True)
                    got += read
            except TimeoutError:
                return Heard(got, closed=False)
            except ConnectionError:
                return Heard(got, closed=True)


def _whole(got: bytes) -> bool:
    """Whether the last answer is whole."""
    head, _, body = got[got.rindex(b"HTTP/1.1 ") :].partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return False


@asynccontextmanager
async def served(app: Starlette, bounds: ConnectionBounds | None = None) -> AsyncIterator[Wire]:
    """The application behind uvicorn, as ``bff serve`` serves it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(256)
        config = ServingConfig(app, bounds or ConnectionBounds(), 5, timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        running = asyncio.ensure_future(server.serve(sockets=[listener]))
        while not server.started and not running.done():  # noqa: ASYNC110  # uvicorn tells it in no other way
            await asyncio.sleep(0.01)
        try:
            yield Wire(listener.getsockname()[1], server)
        finally:
            server.should_exit = True
            await running
