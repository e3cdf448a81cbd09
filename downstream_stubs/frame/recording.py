"""Recording: the outermost layer; reads the body, writes ledger and access log, echoes the request's id."""

import json
import logging
import re
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from downstream_stubs.frame.ledger import Call, Ledger
from downstream_stubs.frame.problems import BODY_TOO_LARGE, problem_response
from downstream_stubs.frame.routing import APART, RouteTable, is_apart

_access = logging.getLogger("stubs.access")
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")


class RecordingMiddleware:
    """Hands the body on in one message, so that every layer below may wait for the client's leaving."""

    def __init__(self, app: ASGIApp, ledger: Ledger, table: RouteTable, body_limit: int) -> None:
        self.app = app
        self.ledger = ledger
        self.table = table
        self.body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Follow one request from its arrival to its last byte."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = Headers(scope=scope)
        request_id = headers.get("x-request-id", "")
        call = None if is_apart(scope["path"]) else self._open(scope, headers)
        status: int | None = None

        async def recorded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if _REQUEST_ID.fullmatch(request_id):
                    MutableHeaders(scope=message)["x-request-id"] = request_id
            elif call is not None and not message.get("more_body", False):
                # Before the last byte leaves, so that who has the answer finds it in the ledger.
                call.status = status
            await send(message)

        try:
            body = await self._body(headers, receive)
            if body is None:
                detail = f"The body may have at most {self.body_limit} bytes."
                response = problem_response(BODY_TOO_LARGE, detail, scope["path"], headers={"connection": "close"})
                await response(scope, receive, recorded)
                return
            if call is not None and body:
                call.body = _parsed(body)
            await self.app(scope, _once(body, receive), recorded)
        finally:
            if call is not None and call.status is None:
                call.status = status
            self._log(scope, status, started)

    def _open(self, scope: Scope, headers: Headers) -> Call:
        return self.ledger.open(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            route=self.table.name(scope),
            authorized="authorization" in headers,
            request_id=headers.get("x-request-id"),
            deadline_ms=headers.get("x-deadline-ms"),
        )

    async def _body(self, headers: Headers, receive: Receive) -> bytes | None:
        """The whole body; None if it is longer than the limit."""
        promised = headers.get("content-length", "")
        if promised.isdecimal() and int(promised[:20]) > self.body_limit:
            return None
        body = bytearray()
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self.body_limit:
                return None
        return bytes(body)

    def _log(self, scope: Scope, status: int | None, started: float) -> None:
        level = logging.DEBUG if scope["path"] in APART else logging.INFO
        # The raw path: a decoded one could hold line ends and write lines of its own.
        path = scope.get("raw_path", b"").decode("latin-1")
        taken_ms = (time.perf_counter() - started) * 1000
        _access.log(level, "%s %s %s %.1fms", scope["method"], path, status or "-", taken_ms)


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _once(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def once() -> Message:
        return waiting.pop() if waiting else await receive()

    return once
