"""Injection: carries out the faults, down to the socket.

Dropping and truncating need the connection itself. The server puts it into the scope (see server.py); without
a server, as over an in-process transport, both raise ConnectionResetError, which is what such a client would
otherwise see.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from downstream_stubs.frame.elements import with_one_spoiled, without_one
from downstream_stubs.frame.faults import Act, Fault, Faults
from downstream_stubs.frame.problems import NOT_FOUND, Kind, problem_response
from downstream_stubs.frame.routing import is_apart

CONNECTION = "stubs.connection"
"""The ASGI extension that holds the connection's asyncio transport."""

_GARBAGE = b'{"items": [{"id": \x00\x01\xff, <html>'
_HUGE_PIECE = b" " * 65_536
_HUGE_PIECES = 512
_JSON = [(b"content-type", b"application/json")]


class FaultMiddleware:
    """Stands between the recorder and the routes; a service without entries pays one dictionary look-up."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self.app = app
        self.faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, late or not at all."""
        if scope["type"] != "http" or is_apart(scope["path"]):
            await self.app(scope, receive, send)
            return
        fault = self.faults.of(self.faults.table.name(scope))
        if fault is None:
            await self.app(scope, receive, send)
            return
        # The recorder hands the body over in one message; what comes after it can only be the client's
        # leaving.
        body = await receive()
        if not await self._wait(self.faults.latency(fault), receive):
            await _close(scope, receive)
            return
        act = self.faults.act(fault)
        if act is Act.HANG:
            act = Act.ANSWER if await self._wait(None, receive) else Act.DROP
        if act is Act.ANSWER:
            await self.app(scope, _replay(body, receive), send)
        elif act is Act.DROP:
            await _close(scope, receive)
        elif act is Act.ERROR:
            await _error(fault, scope, receive, send)
        elif act is Act.GARBAGE:
            await send({"type": "http.response.start", "status": 200, "headers": _JSON})
            await send({"type": "http.response.body", "body": _GARBAGE})
        elif act is Act.HUGE:
            await _huge(send)
        elif act is Act.OMIT:
            await self._alter(lambda answer: without_one(answer, fault.omit), scope, _replay(body, receive), send)
        elif act is Act.SPOIL:
            await self._alter(lambda answer: with_one_spoiled(answer, fault.spoil), scope, _replay(body, receive), send)
        else:
            await self._truncate(scope, _replay(body, receive), receive, send)

    async def _wait(self, seconds: float | None, receive: Receive) -> bool:
        """Wait that long (None: until cleared). False if the client leaves or the service ends."""
        if seconds == 0:
            return True
        left = asyncio.ensure_future(_disconnected(receive))
        cleared = asyncio.ensure_future(self.faults.cleared())
        try:
            await asyncio.wait({left, cleared}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return not left.done() and not self.faults.closing
        finally:
            left.cancel()
            cleared.cancel()
            await asyncio.gather(left, cleared, return_exceptions=True)

    async def _alter(self, change: Callable[[Any], Any], scope: Scope, replayed: Receive, send: Send) -> None:
        """Answer what ``change`` makes of a success; a 404 where that is None."""
        # The tag of the whole answer is not that of the altered one, so neither is asked about nor given.
        asked = {**scope, "headers": _without(scope["headers"], b"if-none-match")}
        start, body = await self._answer(asked, replayed)
        if start["status"] == 200:
            changed = change(json.loads(body))
            if changed is None:
                gone = problem_response(NOT_FOUND, "What was asked for was left out by a fault.", scope["path"])
                await gone(scope, replayed, send)
                return
            body = json.dumps(changed, ensure_ascii=False).encode()
            length = (b"content-length", b"%d" % len(body))
            start["headers"] = [*_without(start["headers"], b"content-length", b"etag"), length]
        await send(start)
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, replayed: Receive) -> tuple[Message, bytes]:
        """The head and the whole body of what the service would say."""
        start: Message = {"type": "http.response.start", "status": 200, "headers": _JSON}
        parts: list[bytes] = []

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        await self.app(scope, replayed, keep)
        return start, b"".join(parts)

    async def _truncate(self, scope: Scope, replayed: Receive, receive: Receive, send: Send) -> None:
        start, body = await self._answer(scope, replayed)
        promised = max(len(body), 64)
        start["headers"] = [*_without(start["headers"], b"content-length"), (b"content-length", b"%d" % promised)]
        if start["status"] in (204, 304):
            start["status"] = 200  # these promise no body, so nothing of them could be cut off
        await send(start)
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await _close(scope, receive)


async def _error(fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
    kind = Kind("injected-fault", fault.status, "A fault is switched on")
    headers = {} if fault.retry_after_s is None else {"retry-after": str(fault.retry_after_s)}
    response = problem_response(kind, "This failure was asked for at /_faults.", scope["path"], headers=headers)
    await response(scope, receive, send)


async def _huge(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": _JSON})
    await send({"type": "http.response.body", "body": b'{"padding": "', "more_body": True})
    for _ in range(_HUGE_PIECES):
        await send({"type": "http.response.body", "body": _HUGE_PIECE, "more_body": True})
    await send({"type": "http.response.body", "body": b'"}'})


async def _close(scope: Scope, receive: Receive) -> None:
    connection = scope.get("extensions", {}).get(CONNECTION)
    if connection is None:
        raise ConnectionResetError("the connection was closed by a fault")
    connection["transport"].close()
    # The server complains about a request without an answer unless it has seen the connection go.
    await _disconnected(receive)


def _without(headers: Iterable[tuple[bytes, bytes]], *names: bytes) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.lower() not in names]


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _replay(first: Message, receive: Receive) -> Receive:
    waiting = [first]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed
