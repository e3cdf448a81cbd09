"""What reaches a BFF: every request as its client really sent it, and with what it was answered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``asked``: what its query string or its body holds, JSON read; {} where there is none.

    ``answered`` are the headers of its answer, and ``body`` what came after them.
    """

    method: str
    path: str
    headers: dict[str, str]
    asked: dict[str, Any]
    status: int
    answered: dict[str, str]
    body: bytes

    @property
    def shape(self) -> tuple[str, bool, bool]:
        """Its method, whether it names a document by its hash, and whether it brings the text."""
        return self.method, bool(self.asked.get("extensions", {}).get("persistedQuery")), "query" in self.asked


@dataclass(slots=True)
class Wire:
    """An application whose requests are noted, in the order in which they were answered."""

    app: ASGIApp
    seen: list[Request] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI side: passes everything on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked, answered = bytearray(), bytearray()
        head: list[Message] = []

        async def listen() -> Message:
            message = await receive()
            asked.extend(message.get("body", b""))
            return message

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                head.append(message)
            else:
                answered.extend(message.get("body", b""))
                if not message.get("more_body", False):  # noted before its client can know that it was answered
                    self.seen.append(_request(scope, bytes(asked), head[0], bytes(answered)))
            await send(message)

        await self.app(scope, listen, tell)

    @property
    def shapes(self) -> Sequence[tuple[str, bool, bool]]:
        """The shape of each request."""
        return [request.shape for request in self.seen]


def _request(scope: Scope, sent: bytes, head: Message, body: bytes) -> Request:
    if sent:
        asked = json.loads(sent)
    else:
        query = parse_qs(scope["query_string"].decode("ascii"), keep_blank_values=True)
        asked = {name: _read(name, values[0]) for name, values in query.items()}
    return Request(
        method=scope["method"],
        path=scope["path"],
        headers=_text(scope["headers"]),
        asked=asked,
        status=head["status"],
        answered=_text(head["headers"]),
        body=body,
    )


def _read(name: str, value: str) -> Any:
    return json.loads(value) if name in {"variables", "extensions"} else value


def _text(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
