"""ETag: a strong tag over the bytes of every answer to GET, and 304 where the client has them."""

import hashlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class ETagMiddleware:
    """Tags complete 200 answers; everything else passes untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold the answer back until its last byte is known."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        wanted = Headers(scope=scope).get("if-none-match")
        start: Message | None = None
        parts: list[bytes] = []

        async def tagged(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and message["status"] == 200:
                start = message
                return
            if start is None:
                await send(message)
                return
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                await self._finish(start, b"".join(parts), wanted, send)

        await self.app(scope, receive, tagged)

    async def _finish(self, start: Message, body: bytes, wanted: str | None, send: Send) -> None:
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = MutableHeaders(scope=start)
        headers["etag"] = tag
        if wanted is not None and _names(wanted, tag):
            start["status"] = 304
            del headers["content-length"]
            del headers["content-type"]
            body = b""
        await send(start)
        await send({"type": "http.response.body", "body": body})


def _names(wanted: str, tag: str) -> bool:
    if wanted.strip() == "*":
        return True
    return tag in (one.strip().removeprefix("W/") for one in wanted.split(","))
