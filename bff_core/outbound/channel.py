"""The channel: the guarded road to one service, outermost guard first.

    retry (with its budget; hedge inside) → breaker → bulkhead → attempt timeout → transport

``fetch``, ``send`` and ``_attempt`` compose them, and the order is the point:

- every attempt takes its own place at the breaker and its own permit, and waiting to retry holds neither;
- an open breaker refuses before there is a wait for a permit, and a full bulkhead is no failure of the service, so our
  own crowding never opens a breaker;
- the permit is had before the attempt's time begins, so that crowding is never told as slowness;
- the timeout stands around the transport alone, and an answer is read without a permit; one that cannot be read is a
  failed call.

Reads and writes take the same road, with two differences. A write is never hedged, and is sent again only where that
does no harm: by PUT or DELETE, or under an idempotency key. And a write whose answer did not come is not failed but
unknown (``Outcome.unknown``), once any attempt at it may have reached the service; what later attempts bring, short of
a success, does not change that.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

import httpx
from msgspec import Struct

from bff_core.auth.principal import Credential
from bff_core.clock import Clock
from bff_core.contract import Command, Endpoint, Outcome, Paged, Varies
from bff_core.contract.policy import VARIES_HEADERS
from bff_core.contract.service import IDEMPOTENCY_HEADER
from bff_core.deadline import Deadline
from bff_core.errors import (
    BadPayload,
    BadRequest,
    BadStatus,
    BffError,
    Bug,
    BulkheadFull,
    DeadlinePassed,
    Forbidden,
    NotFound,
    Refused,
    TimedOut,
    Unauthenticated,
    Unreachable,
)
from bff_core.outbound.codec import Ask, Codec, CommandCodec, codec_for
from bff_core.outbound.guards import Guards
from bff_core.outbound.target import BaseUrl
from bff_core.outbound.transport import AnswerTooLarge
from bff_core.resilience.breaker import Admission, BreakerStatistics, verdict
from bff_core.resilience.bulkhead import BulkheadStatistics
from bff_core.telemetry.facts import BugFound, CallFinished, Observer

T = TypeVar("T")
V = TypeVar("V")

#: What carries a request to a service: ours, a double, or any other httpx transport.
Transport: TypeAlias = httpx.AsyncBaseTransport

#: Milliseconds that we will still wait, sent with every call so that a service can stop in time: the time
#: of one attempt, or what is left of the request's if that is less.
DEADLINE_HEADER = "x-deadline-ms"
REQUEST_ID_HEADER = "x-request-id"

_DEADLINE, _REQUEST_ID = DEADLINE_HEADER.encode("ascii"), REQUEST_ID_HEADER.encode("ascii")
_IDEMPOTENCY = IDEMPOTENCY_HEADER.encode("ascii")

#: After one of these the service got nothing; after any other error it may have got, and done, everything.
_NOTHING_GOT = (
    httpx.PoolTimeout,
    httpx.ConnectTimeout,
    httpx.ConnectError,
    httpx.LocalProtocolError,
    httpx.UnsupportedProtocol,
)

#: What may stand in the header for a locale or a client: a language tag, a token of HTTP. Anything else is not sent.
_PLAIN: Mapping[Varies, re.Pattern[str]] = {
    "locale": re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,7}"),
    "client": re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}"),
}

#: 1 to 255 printable characters of ASCII; a space at an end would be lost on the way.
_IDEMPOTENCY_KEY = re.compile(r"(?! )[ -~]{1,255}(?<! )")


@dataclass(frozen=True, slots=True)
class ChannelOptions:
    """``url``: base URL; a slash at its end is ignored. ``attempt_timeout``: seconds, permit in hand."""

    url: str
    attempt_timeout: float = 0.8


class Caller(Struct, frozen=True):
    """On whose behalf a call is made: deadline, credential (sent only to endpoints that relay) and id.

    ``locale`` and ``client`` are sent only to endpoints that vary by them; "" is nobody's.
    """

    deadline: Deadline
    credential: Credential | None = None
    request_id: str = ""
    locale: str = ""
    client: str = ""


@dataclass(slots=True)
class _Call(Generic[T]):
    """One call under way: what every attempt at it needs, and what has come of the attempts so far.

    ``read`` makes something of the answer's bytes, ``problem`` of a refusal's: None where that is not declared.
    ``may_be_done``: some attempt may have been carried out.
    """

    endpoint: Endpoint[Any]
    keys: Sequence[Any]
    ask: Ask
    caller: Caller
    read: Callable[[bytes], T]
    problem: Callable[[bytes], Any] | None = None
    idempotency_key: str | None = None
    attempts: int = 0
    may_be_done: bool = False


@dataclass(slots=True)
class _Attempt:
    """What is known of one attempt; times are the clock's. ``got``: the service may have got it."""

    number: int
    started: float
    admitted: float | None = None
    sent: bool = False
    got: bool = False
    status: int | None = None
    code: str | None = None

    @property
    def may_be_done(self) -> bool:
        """Unless it did not get there, or the service answered that it does not do it."""
        return self.got and not (self.status is not None and 400 <= self.status < 500)


class Channel:
    """Everything that stands between a loader and one service.

    Process scope: opened and closed by the composition root, shared by all requests.
    """

    def __init__(
        self,
        service: str,
        options: ChannelOptions,
        *,
        transport: Transport,
        guards: Guards,
        clock: Clock,
        observer: Observer,
    ) -> None:
        self._service = service
        self._options = options
        self._base = BaseUrl(options.url)
        self._transport = transport
        self._guards = guards
        self._clock = clock
        self._observer = observer
        self._codecs: dict[Endpoint[Any], Codec] = {}
        self._command_codecs: dict[Command[Any], CommandCodec] = {}

    async def fetch(self, endpoint: Endpoint[Any], keys: Sequence[Any], caller: Caller) -> list[Outcome[Any]]:
        """One call for ``keys`` (at most ``endpoint.calls_for``); one outcome a key, in their order.

        Raises nothing but a cancellation: whatever goes wrong is each key's outcome.
        """
        try:
            codec = self._codecs.get(endpoint)
            if codec is None:
                codec = self._codecs[endpoint] = codec_for(endpoint)
            call = _Call(endpoint, keys, codec.ask(keys), caller, partial(codec.outcomes, keys))
            hedge = self._guards.hedge(endpoint.group)
            return await self._guards.retry.run(
                lambda: hedge.run(partial(self._attempt, call), deadline=caller.deadline, read=True),
                deadline=caller.deadline,
                repeatable=True,
            )
        except Exception as exc:
            return [Outcome(self._service, error=self._error(endpoint, caller, exc))] * len(keys)

    async def send(
        self,
        command: Command[V],
        parameters: Sequence[Any],
        body: object,
        caller: Caller,
        *,
        idempotency_key: str | None = None,
    ) -> Outcome[V]:
        """One write; ``parameters`` are those of its path, in order, and ``body`` is the declared record.

        ``idempotency_key`` names this write among all of its caller's: 1 to 255 printable characters of ASCII, the same
        for every attempt. Raises nothing but a cancellation, after which nobody can tell whether it was carried out.
        """
        call: _Call[Outcome[V]] | None = None
        try:
            key = _checked(idempotency_key) if command.idempotency_key else None
            codec = self._command_codecs.get(command)
            if codec is None:
                codec = self._command_codecs[command] = CommandCodec(command)
            call = _Call(command, [parameters], codec.ask(parameters, body), caller, codec.outcome, codec.problem, key)
            return await self._guards.retry.run(
                partial(self._attempt, call),
                deadline=caller.deadline,
                repeatable=command.repeatable or key is not None,
            )
        except Exception as exc:
            unknown = call is not None and call.may_be_done
            return Outcome(self._service, error=self._error(command, caller, exc), unknown=unknown)

    @property
    def service(self) -> str:
        """The name of the service."""
        return self._service

    @property
    def share(self) -> int:
        """How many calls to the service one request may have under way at once."""
        return self._guards.bulkhead.share

    def bulkhead(self) -> BulkheadStatistics:
        """How the service's bulkhead stands."""
        return self._guards.bulkhead.statistics()

    def breakers(self) -> Mapping[str, BreakerStatistics]:
        """How each breaker in use stands, by route group."""
        return {group: breaker.statistics() for group, breaker in self._guards.breakers.items()}

    async def aclose(self) -> None:
        """Close the transport and its connections."""
        await self._transport.aclose()

    async def _attempt(self, call: _Call[T]) -> T:
        """One attempt, told as one fact however it ends."""
        call.attempts += 1
        attempt = _Attempt(call.attempts, self._clock.monotonic())
        admission: Admission | None = None
        try:
            self._time_left(call.caller.deadline)
            admission = self._guards.breaker(call.endpoint.group).admit()
            async with self._guards.bulkhead.permit(call.caller.deadline):
                attempt.admitted = self._clock.monotonic()
                limit = self._time_left(call.caller.deadline)
                request = self._request(call, limit)
                attempt.sent = attempt.got = True
                response = await self._exchange(attempt, request, limit)
                attempt.status = response.status_code
                self._check(call, response)
            answer = call.read(response.content)
            self._guards.latencies.note(self._clock.monotonic() - attempt.admitted)
            admission.succeeded()
            return answer
        except BffError as error:
            attempt.code = error.code
            if admission is not None:
                admission.ended(verdict(error))
            raise
        except asyncio.CancelledError:
            attempt.code = "CANCELLED"
            raise
        except Exception:
            attempt.code = Bug.code
            raise
        finally:
            if admission is not None:
                admission.ignored()  # a cancellation or a bug says nothing of the service; after a verdict, nothing
            call.may_be_done = call.may_be_done or attempt.may_be_done
            self._tell(call, attempt)

    def _tell(self, call: _Call[Any], attempt: _Attempt) -> None:
        ended = self._clock.monotonic()
        waited_until = ended if attempt.admitted is None else attempt.admitted
        self._observer.observe(
            CallFinished(
                service=self._service,
                endpoint=call.endpoint.name,
                keys=len(call.keys),
                waited=waited_until - attempt.started,
                seconds=ended - waited_until,
                status=attempt.status,
                code=attempt.code,
                attempt=attempt.number,
                sent=attempt.sent,
            )
        )

    def _time_left(self, deadline: Deadline) -> float:
        limit = deadline.within(self._options.attempt_timeout)
        if limit <= 0:
            raise DeadlinePassed(f"{self._service}: no time left to ask", service=self._service)
        return limit

    async def _exchange(self, attempt: _Attempt, request: httpx.Request, limit: float) -> httpx.Response:
        try:
            async with self._clock.timeout(limit):
                return await self._hand_over(attempt, request)
        except TimeoutError as exc:
            if limit < self._options.attempt_timeout:  # less than the service is owed: says nothing of the service
                raise DeadlinePassed(
                    f"{self._service}: no answer in the {limit:.3f} s left", service=self._service
                ) from exc
            raise TimedOut(f"{self._service}: no answer within {limit:.3f} s", service=self._service) from exc

    async def _hand_over(self, attempt: _Attempt, request: httpx.Request) -> httpx.Response:
        """The border to httpx: none of its errors climbs higher."""
        try:
            response = await self._transport.handle_async_request(request)
            try:
                await response.aread()
            finally:
                await response.aclose()  # a transport that streams holds its connection until then
            return response
        except httpx.RequestError as exc:
            attempt.got = not isinstance(exc, _NOTHING_GOT)
            raise self._translated(exc) from exc

    def _translated(self, exc: httpx.RequestError) -> BffError:
        service = self._service
        match exc:
            case httpx.PoolTimeout():
                return BulkheadFull(f"{service}: the pool is full", service=service, retry_after=0.05)
            case httpx.TimeoutException():
                return TimedOut(f"{service}: {type(exc).__name__}", service=service)
            case AnswerTooLarge() | httpx.DecodingError():
                return BadPayload(f"{service}: {exc}", service=service)
        return Unreachable(f"{service}: {type(exc).__name__}: {exc}", service=service)

    def _request(self, call: _Call[Any], limit: float) -> httpx.Request:
        endpoint, ask, caller = call.endpoint, call.ask, call.caller
        headers = [
            (b"host", self._base.host),
            (b"accept", b"application/json"),
            (_DEADLINE, b"%d" % int(limit * 1000)),
        ]
        if caller.request_id:
            headers.append((_REQUEST_ID, caller.request_id.encode("ascii")))
        if ask.body is not None:
            headers.append((b"content-type", b"application/json"))
        if ask.body is not None or endpoint.method in ("POST", "PUT", "PATCH"):
            headers.append((b"content-length", b"%d" % len(ask.body or b"")))
        if call.idempotency_key is not None:
            headers.append((_IDEMPOTENCY, call.idempotency_key.encode("ascii")))
        headers.extend(_varying(endpoint, caller))
        if endpoint.relay and caller.credential is not None:
            headers.append((b"authorization", caller.credential.authorization.encode("ascii")))
        # With a stream httpx takes the headers as they are; what it would add costs more than all the rest.
        stream = httpx.ByteStream(ask.body or b"")
        request = httpx.Request(endpoint.method, self._base.at(ask.target), headers=headers, stream=stream)
        request.read()
        return request

    def _check(self, call: _Call[Any], response: httpx.Response) -> None:
        endpoint, keys = call.endpoint, call.keys
        status = response.status_code
        if 200 <= status < 300:
            return
        what = f"{endpoint.name} answered {status}"
        if endpoint.relay and status == 401:
            raise Unauthenticated("The credential was not accepted.")
        if endpoint.relay and status == 403:
            raise Forbidden("The credential does not reach this far.")
        if call.problem is not None and 400 <= status < 500:
            problem = call.problem(response.content)
            if problem is not None:
                raise Refused(f"{what}: {type(problem).__name__}", service=self._service, problem=problem)
        if status == 400 and isinstance(endpoint, Paged) and keys[0][-1] is not None:
            # A cursor is the service's own and opaque to us: whether the client's is one, only the service can tell.
            raise BadRequest("This page was not accepted: `after` must be a cursor of the same list.")
        if status == 404 and endpoint.calls_for == 1:
            raise NotFound(what, service=self._service)
        raise BadStatus(
            what,
            service=self._service,
            status=status,
            retry_after=_retry_after(response.headers.get("retry-after")),
        )

    def _error(self, endpoint: Endpoint[Any], caller: Caller, exc: Exception) -> BffError:
        """The error that a call ended with; a bug, and what nobody foresaw is one, is told."""
        if isinstance(exc, BffError) and not isinstance(exc, Bug):
            return exc.with_traceback(None)  # who shares it must not hold this call's frames, with a credential
        self._observer.observe(BugFound("outbound", caller.request_id, exc))
        return exc if isinstance(exc, Bug) else Bug(f"{endpoint.name}: {exc!r}")

    def __repr__(self) -> str:
        return f"<Channel {self._service} {self._base} {self._guards.bulkhead!r}>"


def _varying(endpoint: Endpoint[Any], caller: Caller) -> Iterator[tuple[bytes, bytes]]:
    """The headers by which this endpoint's answers differ, as far as the caller has plain words for them."""
    words: Mapping[Varies, str] = {"locale": caller.locale, "client": caller.client}
    for what in endpoint.policy.varies:
        if _PLAIN[what].fullmatch(words[what]):
            yield VARIES_HEADERS[what].encode("ascii"), words[what].encode("ascii")


def _checked(idempotency_key: str | None) -> str | None:
    if idempotency_key is not None and not _IDEMPOTENCY_KEY.fullmatch(idempotency_key):
        raise BadRequest("An idempotency key is 1 to 255 printable characters of ASCII, without a space at either end.")
    return idempotency_key


def _retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header; its date form is not read, since no service of ours sends it."""
    return float(value) if value and value.isascii() and value.isdigit() and len(value) < 6 else None


__all__ = ["DEADLINE_HEADER", "REQUEST_ID_HEADER", "Caller", "Channel", "ChannelOptions", "Transport"]
