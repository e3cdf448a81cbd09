"""A transport that answers from a script, counts what it was asked and can be held."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgspec

Reply = httpx.Response | Exception
Responder = Callable[[httpx.Request], Reply | Awaitable[Reply]]


def json_reply(value: Any, status: int = 200, **headers: str) -> httpx.Response:
    """A response whose body is ``value`` as JSON."""
    return httpx.Response(
        status, content=msgspec.json.encode(value), headers={"content-type": "application/json", **headers}
    )


class ScriptedTransport(httpx.AsyncBaseTransport):
    """Answers each request by ``responder``; an exception it returns is raised.

    ``requests``: everything asked, in order. ``pending``: requests begun and not ended. ``hold()`` keeps
    every answer back until ``let_go()``, also from requests that come later; cancelled requests are counted
    in ``cancelled``.
    """

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._gate = asyncio.Event()
        self._gate.set()
        self.requests: list[httpx.Request] = []
        self.pending = 0
        self.cancelled = 0
        self.closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.requests.append(request)
        self.pending += 1
        try:
            await self._gate.wait()
            reply = self._responder(request)
            if not isinstance(reply, httpx.Response | Exception):
                reply = await reply
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.pending -= 1
        if isinstance(reply, Exception):
            raise reply
        return reply

    def hold(self) -> None:
        """Answer nobody from now on."""
        self._gate.clear()

    def let_go(self) -> None:
        """Answer everybody who waits, and those who come."""
        self._gate.set()

    @property
    def targets(self) -> list[str]:
        """``GET /users?id=1`` for every request, in order."""
        return [f"{r.method} {r.url.raw_path.decode()}" for r in self.requests]

    async def aclose(self) -> None:
        """Note that it was closed."""
        self.closed = True
