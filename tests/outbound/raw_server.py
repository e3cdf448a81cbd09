"""A loopback server that says exactly the bytes a test scripts, and remembers exactly the bytes it got."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import re
import socket
import struct
import termios
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came over the wire: its head without the closing empty line, and its body."""

    head: bytes
    body: bytes

    @property
    def target(self) -> bytes:
        return self.head.split(b" ", 2)[1]

    def header(self, name: str) -> list[str]:
        """Every value of one header, in the order sent."""
        lines = self.head.decode().split("\r\n")[1:]
        pairs = (line.split(": ", 1) for line in lines)
        return [value for key, value in pairs if key.lower() == name.lower()]


class Conversation:
    """One connection, seen from the server."""

    def __init__(self, server: RawServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server, self._reader, self._writer = server, reader, writer
        self.number = server.opened  # 1 for the server's first connection

    async def hear(self) -> Received:
        """The next request, body included; the script ends when the client has closed instead."""
        head = (await self._reader.readuntil(b"\r\n\r\n"))[:-4]
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        body = await self._reader.readexactly(int(length[1])) if length else b""
        received = Received(head, body)
        self._server.requests.append(received)
        self._server.heard.set()
        return received

    async def hear_head(self) -> None:
        """Only the head; what follows stays unread, so that a large body fills every buffer."""
        await self._reader.readuntil(b"\r\n\r\n")
        self._server.heard.set()

    async def read(self) -> bytes:
        """The next bytes, or none when the client has closed."""
        return await self._reader.read(65536)

    def say(self, data: bytes) -> None:
        self._writer.write(data)

    async def delivered(self) -> None:
        """Until the client's side of the socket holds everything said, whether or not it was read there."""
        unacknowledged = bytearray(4)
        while True:
            fcntl.ioctl(self._writer.get_extra_info("socket"), termios.TIOCOUTQ, unacknowledged)
            if not any(unacknowledged):
                return
            await asyncio.sleep(0)

    async def answer(self, body: bytes = b"{}", *headers: str, status: str = "200 OK") -> None:
        """Send one whole, well-formed answer."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        self.say("\r\n".join(lines).encode() + body)
        await self._writer.drain()

    async def until_client_closes(self) -> None:
        """Hang: say nothing, and take what still comes until the client has gone."""
        while await self.read():
            pass
        self._server.saw_close.set()

    def close(self) -> None:
        self._writer.close()

    def reset(self) -> None:
        """Drop the connection with RST instead of FIN."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


Script = Callable[[Conversation], Awaitable[None]]


@dataclass
class RawServer:
    """What a running server knows: where it is, what it heard, how many connections it has had and has."""

    url: str = ""
    requests: list[Received] = field(default_factory=list)
    opened: int = 0
    open_now: int = 0
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    saw_close: asyncio.Event = field(default_factory=asyncio.Event)
    all_closed: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[RawServer]:
    """Run `script` once for every connection; when it returns, the connection is closed.

    A script that fails (an assertion in it, say) fails the test when the server ends.
    """
    server = RawServer()
    failures: list[BaseException] = []
    tasks: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.opened += 1
        server.open_now += 1
        server.all_closed.clear()
        try:
            await script(Conversation(server, reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client closed first: its right
        except Exception as exc:
            failures.append(exc)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            server.open_now -= 1
            if not server.open_now:
                server.all_closed.set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(converse(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(connected, "127.0.0.1", 0)
    host, port = listener.sockets[0].getsockname()
    server.url = f"http://{host}:{port}"
    try:
        yield server
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listener.wait_closed()
    if failures:
        raise failures[0]


async def answer_forever(conversation: Conversation) -> None:
    """The well-behaved script: every request gets `{}`, and the connection is kept."""
    while True:
        await conversation.hear()
        await conversation.answer()


@contextmanager
def nobody_listening() -> Iterator[str]:
    """An address that refuses connections: bound, so that no other program takes it, but not listening."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


@contextmanager
def never_accepting() -> Iterator[str]:
    """An address where a connection is neither accepted nor refused: its backlog is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
