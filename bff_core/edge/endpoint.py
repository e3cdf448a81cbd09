"""The one GraphQL route: reads the request, watches for the client leaving, lets the pipeline answer."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bff_core.edge.client import KnownClients
from bff_core.edge.graphiql import wants_page
from bff_core.edge.http import (
    JSON,
    Answer,
    Asked,
    HttpRefusal,
    MethodRefused,
    check_post,
    error,
    negotiate,
    read_get,
    read_post,
    refusal,
    respond,
)
from bff_core.edge.pipeline import Journey, Pipeline, Sender
from bff_core.errors import Bug, ClientFault
from bff_core.telemetry.facts import BugFound, Observer

REQUEST_ID = re.compile(r"[A-Za-z0-9_\-]{1,64}")
METHODS = ("GET", "POST")
#: What a request that its client gave up is counted as; nobody reads the answer.
CLIENT_GONE = 499


class GraphQLEndpoint:
    """The route as an ASGI application.

    ``page`` makes the page for browsers, None where there is none. ``max_body_bytes``: a larger body is refused
    as soon as that is known.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        clients: KnownClients,
        observer: Observer,
        page: Callable[[], Response] | None = None,
        *,
        max_body_bytes: int = 1_048_576,
    ) -> None:
        self._pipeline = pipeline
        self._clients = clients
        self._observer = observer
        self._page = page
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI side."""
        response = await self.respond(Request(scope, receive))
        await response(scope, receive, send)

    async def respond(self, request: Request) -> Response:
        """Answer one HTTP request, and tell it; whatever happens, the client reads a well-formed response."""
        if self._page and wants_page(request.method, request.headers.get("accept")) and not request.query_params:
            return self._page()
        journey = self._pipeline.begin(self._sender(request))
        status = CLIENT_GONE
        try:
            response = await self._respond(request, journey)
            status = response.status_code
        finally:
            self._pipeline.end(journey, status)
        response.headers["x-request-id"] = journey.sender.request_id
        return response

    async def _respond(self, request: Request, journey: Journey) -> Response:
        media_type = JSON
        try:
            if request.method not in METHODS:
                raise MethodRefused("Send GET or POST.", METHODS)
            media_type = negotiate(", ".join(request.headers.getlist("accept")))
            asked = await self._read(request)
            answer = await _unless_client_leaves(request.receive, self._pipeline.answer(asked, journey))
            if answer is None:
                return Response(status_code=CLIENT_GONE)
            response = respond(answer, media_type)
        except ClientDisconnect:
            return Response(status_code=CLIENT_GONE)
        except ClientFault as fault:
            answer = refusal(fault)
            response = respond(answer, media_type)
        except Exception as exc:
            self._observer.observe(BugFound("edge", journey.sender.request_id, exc))
            answer = Answer([error(Bug("a request failed"))], status=500)
            response = respond(answer, media_type)
        journey.count(answer.errors)
        return response

    def _sender(self, request: Request) -> Sender:
        headers = request.headers
        given = headers.get("x-request-id", "")
        return Sender(
            request_id=given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8),
            client=self._clients.identify(headers),
            authorization=headers.get("authorization"),
            accept_language=headers.get("accept-language", ""),
        )

    async def _read(self, request: Request) -> Asked:
        if request.method == "GET":
            return read_get(request.query_params)
        check_post(request.headers)
        return read_post(await self._body(request))

    async def _body(self, request: Request) -> bytes:
        """The body; no more of it is held than may be. Starlette's own limit answers in plain text."""
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and len(announced) < 19 and int(announced) > self._max_body_bytes:
            raise self._too_large()
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._max_body_bytes:
                raise self._too_large()
        return bytes(body)

    def _too_large(self) -> HttpRefusal:
        return HttpRefusal(413, f"The body must not be larger than {self._max_body_bytes} bytes.")


async def _unless_client_leaves(receive: Receive, work: Coroutine[Any, Any, Answer]) -> Answer | None:
    """The answer, or None when the client left first; then the work has been cancelled and has ended."""
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(_client_left(receive))
    try:
        await asyncio.wait((task, watch), return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for one in (task, watch):
            one.cancel()
        await asyncio.gather(task, watch, return_exceptions=True)


async def _client_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
