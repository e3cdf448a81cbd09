"""The one GraphQL route: reads the request, watches for the client leaving, lets the pipeline answer."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from starlette.datastructures import QueryParams
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bff_core.clock import Clock, SystemClock
from bff_core.edge.address import Callers
from bff_core.edge.client import KnownClients
from bff_core.edge.cors import Cors, CorsOptions
from bff_core.edge.graphiql import wants_page
from bff_core.edge.http import (
    JSON,
    STATUSES,
    Answer,
    HttpRefusal,
    MethodRefused,
    Statuses,
    check_post,
    error,
    negotiate,
    read_get,
    read_post,
    refusal,
    respond,
)
from bff_core.edge.pipeline import Journey, Pipeline, Sender
from bff_core.edge.rates import RateOptions, Rates
from bff_core.edge.shedding import Gate, GateOptions
from bff_core.errors import BadRequest, Bug, ClientFault, Overloaded
from bff_core.telemetry.facts import BugFound, Observer

REQUEST_ID = re.compile(r"[A-Za-z0-9_\-]{1,64}")
METHODS = ("GET", "POST")
#: What a request that its client gave up is counted as; nobody reads the answer.
CLIENT_GONE = 499
#: So many seconds after a request was read somebody begins to watch whether its client is still there.
WATCH_AFTER = 0.005

#: Headers that may have several lines, which are one list; of any other a second line is passed over, or refused:
LISTS = frozenset({"accept", "if-none-match", "x-forwarded-for"})
#: those on which it depends who asks and what. Whoever stood before us may have looked at the other line.
ONCE = frozenset({"authorization", "content-encoding", "content-length", "content-type", "host", "origin"})


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """What one request may take: bytes of its body, of its headers and of its address, and seconds to send the body;
    and with which statuses it is answered."""

    max_body_bytes: int = 1_048_576
    max_header_bytes: int = 16_384
    body_timeout: float = 10.0
    statuses: Statuses = STATUSES


@dataclass(frozen=True, slots=True)
class Defences:
    """What may refuse a request for who asks, how often, and what else is going on."""

    cors: Cors
    callers: Callers
    rates: Rates
    gate: Gate

    @classmethod
    def none(cls, clock: Clock, observer: Observer) -> Defences:
        """Of pages only our own, and no bound but the gate's."""
        return cls(
            Cors(CorsOptions()),
            Callers(),
            Rates(RateOptions(), clock, observer),
            Gate(GateOptions(), clock, observer),
        )


class GraphQLEndpoint:
    """The route as an ASGI application.

    ``page`` makes the page for browsers, None where there is none. A body larger than allowed is refused as soon as
    that is known.

    What may refuse a request stands in this order: size of the headers → origin → method → rate of the client →
    media types → body → gate → pipeline.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        clients: KnownClients,
        observer: Observer,
        page: Callable[[], Response] | None = None,
        *,
        defences: Defences | None = None,
        clock: Clock | None = None,
        options: EndpointOptions | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._clients = clients
        self._observer = observer
        self._page = page
        self._clock = clock or SystemClock()
        self._options = options or EndpointOptions()
        defences = defences or Defences.none(self._clock, observer)
        self._cors, self._callers = defences.cors, defences.callers
        self._rates, self._gate = defences.rates, defences.gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI side. Whatever happens, the client reads a well-formed response, and one fact is told."""
        headers, twice = _headers(scope)
        if self._page and wants_page(scope["method"], headers.get("accept")) and not scope["query_string"]:
            await self._page()(scope, receive, send)
            return
        if preflight := self._cors.preflight(scope["method"], headers):  # a browser's question and no request yet
            await preflight(scope, receive, send)
            return
        journey = self._pipeline.begin(self._sender(headers))
        status = CLIENT_GONE
        try:
            response = await self._respond(scope, headers, twice, receive, journey)
            status = response.status_code
        finally:
            self._pipeline.end(journey, status)
        response.raw_headers.append((b"x-request-id", journey.sender.request_id.encode("ascii")))
        self._cors.mark(response, headers)
        await response(scope, receive, send)

    async def _respond(
        self, scope: Scope, headers: Mapping[str, str], twice: str, receive: Receive, journey: Journey
    ) -> Response:
        media_type = JSON
        try:
            self._check(scope, headers, twice)
            if self._rates.by_client:  # who calls is told from texts, which costs more than counting
                await self._rates.check_client(journey.sender.client.name, self._caller(scope, headers))
            media_type = negotiate(headers.get("accept"))
            body = await self._body(scope, headers, receive)
            self._gate.enter(journey.sender.client.name)
            try:
                asked = read_get(QueryParams(scope["query_string"])) if body is None else read_post(body)
                answer = await _unless_client_leaves(receive, self._pipeline.answer(asked, journey))
            finally:
                self._gate.leave()
            if answer is None:
                return Response(status_code=CLIENT_GONE)
            response = respond(answer, media_type, headers.get("if-none-match", ""), self._options.statuses)
        except _ClientLeft:
            return Response(status_code=CLIENT_GONE)
        except ClientFault as fault:
            answer = refusal(fault)
            response = respond(answer, media_type)
        except Overloaded as overloaded:
            answer = Answer([error(overloaded)], status=503, headers=self._come_back(overloaded))
            response = respond(answer, media_type)
        except Exception as exc:
            self._observer.observe(BugFound("edge", journey.sender.request_id, exc))
            answer = Answer([error(Bug("a request failed"))], status=500)
            response = respond(answer, media_type)
        journey.count(answer.errors)
        return response

    def _check(self, scope: Scope, headers: Mapping[str, str], twice: str) -> None:
        """Refuse a request for its first lines, before its body is read. Raises HttpRefusal and BadRequest."""
        most = self._options.max_header_bytes
        if sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > most:
            raise HttpRefusal(431, f"The headers must not be larger than {most} bytes.")
        if len(scope["query_string"]) > most:
            raise HttpRefusal(414, f"The query string must not be longer than {most} bytes; send a POST.")
        if twice:
            raise BadRequest(f"The header {twice} must not stand there more than once.")
        self._cors.check(headers)
        if scope["method"] not in METHODS:
            raise MethodRefused("Send GET or POST.", METHODS)

    def _sender(self, headers: Mapping[str, str]) -> Sender:
        given = headers.get("x-request-id", "")
        return Sender(
            request_id=given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8),
            client=self._clients.identify(headers),
            authorization=headers.get("authorization"),
            accept_language=headers.get("accept-language", ""),
        )

    def _caller(self, scope: Scope, headers: Mapping[str, str]) -> str:
        peer = scope.get("client")
        return self._callers.caller(peer[0] if peer else None, headers.get("x-forwarded-for"))

    def _come_back(self, overloaded: Overloaded) -> Mapping[str, str]:
        headers = {"retry-after": str(ceil(overloaded.retry_after or 1))}
        # A client that keeps its connection to a process that ends would lose the next request on it.
        return {**headers, "connection": "close"} if self._gate.ending else headers

    async def _body(self, scope: Scope, headers: Mapping[str, str], receive: Receive) -> bytes | None:
        """The body of a POST, None of a GET. Raises HttpRefusal."""
        if scope["method"] == "GET":
            return None
        check_post(headers)
        try:
            async with self._clock.timeout(self._options.body_timeout):
                return await self._whole(headers, receive)
        except TimeoutError:
            text = f"The body did not arrive within {self._options.body_timeout * 1000:.0f} milliseconds."
            raise HttpRefusal(408, text, {"connection": "close"}) from None

    async def _whole(self, headers: Mapping[str, str], receive: Receive) -> bytes:
        """The body; no more of it is held than may be. Starlette's own limit answers in plain text."""
        announced = headers.get("content-length", "")
        if announced.isdecimal() and len(announced) < 19 and int(announced) > self._options.max_body_bytes:
            raise self._too_large()
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _ClientLeft
            body += message.get("body", b"")
            if len(body) > self._options.max_body_bytes:
                raise self._too_large()
            more = message.get("more_body", False)
        return bytes(body)

    def _too_large(self) -> HttpRefusal:
        return HttpRefusal(413, f"The body must not be larger than {self._options.max_body_bytes} bytes.")


class _ClientLeft(Exception):
    """The client hung up before its request was read."""


def _headers(scope: Scope) -> tuple[Mapping[str, str], str]:
    """The headers by their names, which ASGI gives in small letters, and one that stands there twice and must not.

    Of any other that does the first is taken; some are lists, whose parts may have lines of their own.
    """
    found: dict[str, str] = {}
    twice = ""
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name not in found:
            found[name] = value
        elif name in LISTS:
            found[name] += ", " + value
        elif name in ONCE:
            twice = name
    return found, twice


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
