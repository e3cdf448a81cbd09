"""The channel: the guarded road to one service, outermost guard first.

    retry (with its budget; hedge inside) → breaker → bulkhead → attempt timeout → transport

``fetch`` and ``_attempt`` compose them, and the order is the point:

- every attempt takes its own place at the breaker and its own permit, and waiting to retry holds neither;
- an open breaker refuses before there is a wait for a permit, and a full bulkhead is no failure of the service, so our
  own crowding never opens a breaker;
- the permit is had before the attempt's time begins, so that crowding is never told as slowness;
- the timeout stands around the transport alone, and an answer is read without a permit; one that cannot be read is a
  failed call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeAlias

import httpx

from bff_core.auth.principal import Credential
from bff_core.clock import Clock
from bff_core.contract import Endpoint, Outcome, Paged
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
    TimedOut,
    Unauthenticated,
    Unreachable,
)
from bff_core.outbound.codec import Ask, Codec, codec_for
from bff_core.outbound.guards import Guards
from bff_core.outbound.transport import AnswerTooLarge
from bff_core.resilience.breaker import Admission, BreakerStatistics, verdict
from bff_core.resilience.bulkhead import BulkheadStatistics
from bff_core.telemetry.facts import BugFound, CallFinished, Observer

#: What carries a request to a service: ours, a double, or any other httpx transport.
Transport: TypeAlias = httpx.AsyncBaseTransport

#: Milliseconds that we will still wait, sent with every call so that a service can stop in time: the time
#: of one attempt, or what is left of the request's if that is less.
DEADLINE_HEADER = "x-deadline-ms"
REQUEST_ID_HEADER = "x-request-id"


@dataclass(frozen=True, slots=True)
class ChannelOptions:
    """``url``: base URL; a slash at its end is ignored. ``attempt_timeout``: seconds, permit in hand."""

    url: str
    attempt_timeout: float = 0.8


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a call is made: deadline, credential (sent only to endpoints that relay) and id."""

    deadline: Deadline
    credential: Credential | None = None
    request_id: str = ""


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
        self._base = options.url.rstrip("/")
        self._transport = transport
        self._guards = guards
        self._clock = clock
        self._observer = observer
        self._codecs: dict[Endpoint[Any], Codec] = {}

    async def fetch(self, endpoint: Endpoint[Any], keys: Sequence[Any], caller: Caller) -> list[Outcome[Any]]:
        """One call for ``keys`` (at most ``endpoint.calls_for``); one outcome a key, in their order.

        Raises nothing but a cancellation: whatever goes wrong is each key's outcome.
        """
        try:
            codec = self._codecs.get(endpoint)
            if codec is None:
                codec = self._codecs[endpoint] = codec_for(endpoint)
            ask = codec.ask(keys)
            numbers = count(1)
            hedge = self._guards.hedge(endpoint.group)

            def attempt() -> Awaitable[list[Outcome[Any]]]:
                return self._attempt(endpoint, codec, ask, keys, caller, next(numbers))

            return await self._guards.retry.run(
                lambda: hedge.run(attempt, deadline=caller.deadline, read=endpoint.repeatable),
                deadline=caller.deadline,
                repeatable=endpoint.repeatable,
            )
        except BffError as error:
            return self._all_failed(keys, error)
        except Exception as exc:
            self._observer.observe(BugFound("outbound", caller.request_id, exc))
            return self._all_failed(keys, Bug(f"{endpoint.name}: {exc!r}"))

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

    async def _attempt(
        self, endpoint: Endpoint[Any], codec: Codec, ask: Ask, keys: Sequence[Any], caller: Caller, number: int
    ) -> list[Outcome[Any]]:
        """One attempt, told as one fact however it ends."""
        started = self._clock.monotonic()
        admitted: float | None = None
        status: int | None = None
        code: str | None = None
        admission: Admission | None = None
        try:
            self._time_left(caller.deadline)
            admission = self._guards.breaker(endpoint.group).admit()
            async with self._guards.bulkhead.permit(caller.deadline):
                admitted = self._clock.monotonic()
                limit = self._time_left(caller.deadline)
                request = self._request(endpoint, ask, caller, limit)
                response = await self._exchange(request, limit)
                status = response.status_code
                self._check(endpoint, keys, response)
            outcomes = codec.outcomes(keys, response.content)
            self._guards.latencies.note(self._clock.monotonic() - admitted)
            admission.succeeded()
            return outcomes
        except BffError as error:
            code = error.code
            if admission is not None:
                admission.ended(verdict(error))
            raise
        except asyncio.CancelledError:
            code = "CANCELLED"
            raise
        except Exception:
            code = Bug.code
            raise
        finally:
            if admission is not None:
                admission.ignored()  # a cancellation or a bug says nothing of the service; after a verdict, nothing
            self._tell(endpoint, len(keys), number, started, admitted, status, code)

    def _tell(
        self,
        endpoint: Endpoint[Any],
        keys: int,
        attempt: int,
        started: float,
        admitted: float | None,
        status: int | None,
        code: str | None,
    ) -> None:
        ended = self._clock.monotonic()
        waited_until = ended if admitted is None else admitted
        self._observer.observe(
            CallFinished(
                service=self._service,
                endpoint=endpoint.name,
                keys=keys,
                waited=waited_until - started,
                seconds=ended - waited_until,
                status=status,
                code=code,
                attempt=attempt,
            )
        )

    def _time_left(self, deadline: Deadline) -> float:
        limit = deadline.within(self._options.attempt_timeout)
        if limit <= 0:
            raise DeadlinePassed(f"{self._service}: no time left to ask", service=self._service)
        return limit

    async def _exchange(self, request: httpx.Request, limit: float) -> httpx.Response:
        try:
            async with self._clock.timeout(limit):
                return await self._send(request)
        except TimeoutError as exc:
            if limit < self._options.attempt_timeout:  # less than the service is owed: says nothing of the service
                raise DeadlinePassed(
                    f"{self._service}: no answer in the {limit:.3f} s left", service=self._service
                ) from exc
            raise TimedOut(f"{self._service}: no answer within {limit:.3f} s", service=self._service) from exc

    async def _send(self, request: httpx.Request) -> httpx.Response:
        """The border to httpx: none of its errors climbs higher."""
        service = self._service
        try:
            response = await self._transport.handle_async_request(request)
            try:
                await response.aread()
            finally:
                await response.aclose()  # a transport that streams holds its connection until then
            return response
        except httpx.PoolTimeout as exc:
            raise BulkheadFull(f"{service}: the pool is full", service=service, retry_after=0.05) from exc
        except httpx.TimeoutException as exc:
            raise TimedOut(f"{service}: {type(exc).__name__}", service=service) from exc
        except (AnswerTooLarge, httpx.DecodingError) as exc:
            raise BadPayload(f"{service}: {exc}", service=service) from exc
        except httpx.RequestError as exc:
            raise Unreachable(f"{service}: {type(exc).__name__}: {exc}", service=service) from exc

    def _request(self, endpoint: Endpoint[Any], ask: Ask, caller: Caller, limit: float) -> httpx.Request:
        headers = {
            "accept": "application/json",
            DEADLINE_HEADER: str(int(limit * 1000)),
        }
        if caller.request_id:
            headers[REQUEST_ID_HEADER] = caller.request_id
        if ask.body is not None:
            headers["content-type"] = "application/json"
        if endpoint.relay and caller.credential is not None:
            headers["authorization"] = caller.credential.authorization
        return httpx.Request(endpoint.method, self._base + ask.target, headers=headers, content=ask.body)

    def _check(self, endpoint: Endpoint[Any], keys: Sequence[Any], response: httpx.Response) -> None:
        status = response.status_code
        if 200 <= status < 300:
            return
        what = f"{endpoint.name} answered {status}"
        if endpoint.relay and status == 401:
            raise Unauthenticated("The credential was not accepted.")
        if endpoint.relay and status == 403:
            raise Forbidden("The credential does not reach this far.")
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

    def _all_failed(self, keys: Sequence[Any], error: BffError) -> list[Outcome[Any]]:
        return [Outcome(self._service, error=error)] * len(keys)

    def __repr__(self) -> str:
        return f"<Channel {self._service} {self._base} {self._guards.bulkhead!r}>"


def _retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header; its date form is not read, since no service of ours sends it."""
    return float(value) if value and value.isascii() and value.isdigit() and len(value) < 6 else None


__all__ = ["DEADLINE_HEADER", "REQUEST_ID_HEADER", "Caller", "Channel", "ChannelOptions", "Transport"]
