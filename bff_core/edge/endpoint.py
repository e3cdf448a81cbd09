"""The one GraphQL route: reads the request, watches for the client leaving, lets the pipeline answer."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from starlette.datastructures import QueryParams
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
#: So many seconds after a request was read somebody begins to watch whether its client is still there.
WATCH_AFTER = 0.005


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
        """The ASGI side. Whatever happens, the client reads a well-formed response, and one fact is told."""
        headers = _headers(scope)
        if self._page and wants_page(scope["method"], headers.get("accept")) and not scope["query_string"]:
            await self._page()(scope, receive, send)
            return
        journey = self._pipeline.begin(self._sender(headers))
        status = CLIENT_GONE
        try:
            response = await self._respond(scope, headers, receive, journey)
            status = response.status_code
        finally:
            self._pipeline.end(journey, status)
        response.raw_headers.append((b"x-request-id", journey.sender.request_id.encode("ascii")))
        await response(scope, receive, send)

    async def _respond(self, scope: Scope, headers: Mapping[str, str], receive: Receive, journey: Journey) -> Response:
        media_type = JSON
        try:
            if scope["method"] not in METHODS:
                raise MethodRefused("Send GET or POST.", METHODS)
            media_type = negotiate(headers.get("accept"))
            asked = await self._read(scope, headers, receive)
            answer = await _unless_client_leaves(receive, self._pipeline.answer(asked, journey))
            if answer is None:
                return Response(status_code=CLIENT_GONE)
            response = respond(answer, media_type)
        except _ClientLeft:
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

    def _sender(self, headers: Mapping[str, str]) -> Sender:
        given = headers.get("x-request-id", "")
        return Sender(
            request_id=given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8),
            client=self._clients.identify(headers),
            authorization=headers.get("authorization"),
            accept_language=headers.get("accept-language", ""),
        )

    async def _read(self, scope: Scope, headers: Mapping[str, str], receive: Receive) -> Asked:
        if scope["method"] == "GET":
            return read_get(QueryParams(scope["query_string"]))
        check_post(headers)
        return read_post(await self._body(headers, receive))

    async def _body(self, headers: Mapping[str, str], receive: Receive) -> bytes:
        """The body; no more of it is held than may be. Starlette's own limit answers in plain text."""
        announced = headers.get("content-length", "")
        if announced.isdecimal() and len(announced) < 19 and int(announced) > self._max_body_bytes:
            raise self._too_large()
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _ClientLeft
            body += message.get("body", b"")
            if len(body) > self._max_body_bytes:
                raise self._too_large()
            more = message.get("more_body", False)
        return bytes(body)

    def _too_large(self) -> HttpRefusal:
        return HttpRefusal(413, f"The body must not be larger than {self._max_body_bytes} bytes.")


class _ClientLeft(Exception):
    """The client hung up before its request was read."""


def _headers(scope: Scope) -> Mapping[str, str]:
    """The headers by their names, which ASGI gives in small letters.

    Of one that stands there twice the first is taken; ``accept`` is a list, whose parts may have lines of their own.
    """
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name not in found:
            found[name] = value
        elif name == "accept":
            found[name] += ", " + value
    return found


async def _unless_client_leaves(receive: Receive, work: Coroutine[Any, Any, Answer]) -> Answer | None:
    """The answer, or None when the client left first; then the work has been cancelled and has ended.

    The work runs in the request's own task; only watching is a task beside it, and none is made for work that is done
    soon: a client that has left by then has cost no more than an answer. Whoever watches cancels the request's task,
    and takes that back when the work has ended, so that a cancellation from outside is still told from it.
    """
    loop, own = asyncio.get_running_loop(), asyncio.current_task()
    if own is None:
        raise Bug("a request is answered outside of a task")
    outside = own.cancelling()
    watching: asyncio.Task[None] | None = None
    left = over = False

    async def watch() -> None:
        nonlocal left
        with contextlib.suppress(Exception):  # a client that cannot be listened to has left
            while (await receive())["type"] != "http.disconnect":
                pass
        if not over:
            left = True
            own.cancel()

    def begin() -> None:
        nonlocal watching
        watching = loop.create_task(watch())

    beginning = loop.call_later(WATCH_AFTER, begin)
    try:
        return await work
    except asyncio.CancelledError:
        if left and own.cancelling() == outside + 1:
            return None
        raise
    finally:
        over = True
        beginning.cancel()
        if watching is not None and not watching.done():
            watching.cancel()
            await _ended(watching)
        if left:
            own.uncancel()


async def _ended(task: asyncio.Task[None]) -> None:
    """Wait until the task is over, however it ends; ``asyncio.wait`` does the same at three times the cost."""
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task.add_done_callback(lambda _: None if ended.done() else ended.set_result(None))
    await ended
