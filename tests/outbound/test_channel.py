"""The channel: guards in their order, each failure as its error, and what is told of every call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from random import Random
from typing import Any

import httpx
import pytest

from bff_core.auth.principal import Credential
from bff_core.contract import Endpoint, KeyStyle, Outcome, Record, Service
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
from bff_core.outbound.channel import Caller, Channel, ChannelOptions
from bff_core.outbound.guards import GuardOptions, Guards
from bff_core.outbound.transport import AnswerTooLarge
from bff_core.resilience.breaker import BreakerOptions
from bff_core.resilience.bulkhead import BulkheadOptions, BulkheadStatistics
from bff_core.resilience.retry import RetryOptions
from bff_core.telemetry.facts import BugFound, CallFinished
from bff_core.testing.clock import FakeClock
from bff_core.testing.observer import RecordingObserver
from bff_core.testing.transport import Responder, ScriptedTransport, json_reply

ATTEMPT = 0.8  # seconds for one attempt
WAIT = 0.05  # seconds at most in the waiting room


class Cat(Record):
    """A row."""

    id: str


cats = Service("cats")
one = cats.get("GET /cats/{id}", returns=Cat)
mine = cats.get("GET /me/cat", returns=Cat, relay=True)
some = cats.batch("GET /cats", keys="ids", style=KeyStyle.COMMA, returns=Cat, key="id", max_keys=50)
posted = cats.batch("POST /cats", keys="ids", returns=Cat, key="id", max_keys=50, pattern=r"(?s).*")
my_cats = cats.batch("GET /me/cats", keys="ids", returns=Cat, key="id", max_keys=50, relay=True)

TOM = {"id": "tom"}

#: Opens with the third failure in a row.
BREAKER = BreakerOptions(trip_after=2, timeout=30.0, max_requests=1)

about: Any = pytest.approx  # stands where a fact wants a float


class Road:
    """One channel over a scripted transport, with the clock, the facts and the transport in hand."""

    def __init__(self, responder: Responder, *, url: str = "http://cats:9", waiting: int = 1, retries: int = 0) -> None:
        self.clock = FakeClock()
        self.observer = RecordingObserver()
        self.transport = ScriptedTransport(responder)
        options = GuardOptions(
            retry=RetryOptions(retries=retries), bulkhead=BulkheadOptions(1, waiting, WAIT), breaker=BREAKER
        )
        self.guards = Guards("cats", options, self.clock, self.observer, Random(1))
        self.channel = Channel(
            "cats",
            ChannelOptions(url, ATTEMPT),
            transport=self.transport,
            guards=self.guards,
            clock=self.clock,
            observer=self.observer,
        )

    def caller(self, left: float = 10.0, token: str | None = None, request_id: str = "r1") -> Caller:
        """Somebody with so much time left."""
        return Caller(Deadline.after(self.clock, left), Credential(token) if token else None, request_id)

    async def fetch(
        self, endpoint: Endpoint[Any] = one, keys: Sequence[Any] = (("tom",),), **caller: Any
    ) -> list[Outcome[Any]]:
        """One call through the channel."""
        return await self.channel.fetch(endpoint, keys, self.caller(**caller))

    def begin(self, *args: Any, **caller: Any) -> asyncio.Task[list[Outcome[Any]]]:
        """A call under way."""
        return asyncio.create_task(self.fetch(*args, **caller))

    async def error(self, *args: Any, **caller: Any) -> BffError:
        """The error of a call for one key."""
        [outcome] = await self.fetch(*args, **caller)
        assert outcome.value is None
        assert outcome.error is not None
        return outcome.error

    @property
    def told(self) -> CallFinished:
        """The one fact there is of a call."""
        [fact] = self.observer.of(CallFinished)
        return fact

    def at_rest(self) -> bool:
        """True when no permit is out, nobody waits, no request is under way and no timer is left."""
        return (
            self.channel.bulkhead() == BulkheadStatistics(0, 0, 1)
            and self.transport.pending == 0
            and self.clock.timers == 0
        )


def answering(value: Any, status: int = 200, **headers: str) -> Road:
    """A road to a service that always answers the same."""
    return Road(lambda _: json_reply(value, status, **headers))


def raising(error: Exception) -> Road:
    """A road on which every attempt fails."""
    return Road(lambda _: error)


# --- what is sent and what comes back


async def test_one_call_answers_every_key() -> None:
    """The keys of a batch go down in one call, and there is one outcome a key in the order of the keys."""
    road = answering([{"id": "b"}, {"id": "a"}])
    a, b, c = await road.fetch(some, ["a", "b", "c"])
    assert (a, b) == (Outcome("cats", Cat(id="a")), Outcome("cats", Cat(id="b")))
    assert isinstance(c.error, NotFound)
    assert road.transport.targets == ["GET /cats?ids=a,b,c"]
    assert road.told == CallFinished("cats", some.name, 3, 0.0, 0.0, 200, None)
    assert road.at_rest()


@pytest.mark.parametrize("url", ["http://cats:9/api", "http://cats:9/api/"])
async def test_the_address_is_the_base_and_the_target(url: str) -> None:
    """A base URL may have a path, with or without a slash at its end; the target arrives byte for byte."""
    road = Road(lambda _: json_reply(TOM), url=url)
    await road.fetch(one, [("a/../b?#é",)])
    assert str(road.transport.requests[0].url).startswith("http://cats:9/api/cats/")
    assert road.transport.targets == ["GET /api/cats/a%2F..%2Fb%3F%23%C3%A9"]


async def test_a_body_is_sent_as_json() -> None:
    """Keys in a body go with their content type; a call without a body has none."""
    road = answering([])
    await road.fetch(posted, ["a"])
    await road.fetch(some, ["a"])
    post, get = road.transport.requests
    assert (post.method, json.loads(post.content)) == ("POST", {"ids": ["a"]})
    assert post.headers["content-type"] == "application/json"
    assert (get.method, get.content) == ("GET", b"")
    assert "content-type" not in get.headers
    assert post.headers["accept"] == get.headers["accept"] == "application/json"


@pytest.mark.parametrize(("left", "milliseconds"), [(10.0, "800"), (0.5, "500"), (0.0125, "12"), (0.0001, "0")])
async def test_the_service_is_told_how_long_we_wait(left: float, milliseconds: str) -> None:
    """The header holds whole milliseconds, rounded down: the attempt's time, or what is left."""
    road = answering(TOM)
    await road.fetch(left=left)
    assert road.transport.requests[0].headers["x-deadline-ms"] == milliseconds


async def test_the_request_id_goes_along() -> None:
    """A call names the request it belongs to, where that has a name."""
    road = answering(TOM)
    await road.fetch(request_id="r1")
    await road.fetch(request_id="")
    named, nameless = (request.headers for request in road.transport.requests)
    assert named["x-request-id"] == "r1"
    assert "x-request-id" not in nameless


async def test_a_credential_goes_only_to_endpoints_that_relay_it() -> None:
    """A public endpoint never receives the token, whoever asks; a relaying one receives it as it came."""
    road = answering(TOM)
    await road.fetch(one, token="secret")
    await road.fetch(mine, [()], token="secret")
    await road.fetch(mine, [()])
    sent = [request.headers.get("authorization") for request in road.transport.requests]
    assert sent == [None, "Bearer secret", None]


async def test_no_cookie_of_an_answer_is_sent_again() -> None:
    """What one user's answer sets never travels with the next request."""
    road = answering(TOM, 200, **{"set-cookie": "session=1"})
    await road.fetch()
    await road.fetch()
    assert "cookie" not in road.transport.requests[1].headers


# --- what goes wrong on the way


REQUEST = httpx.Request("GET", "http://cats")

HTTPX_ERRORS: list[tuple[Exception, type[BffError]]] = [
    (httpx.ConnectTimeout("x"), TimedOut),
    (httpx.ReadTimeout("x"), TimedOut),
    (httpx.WriteTimeout("x"), TimedOut),
    (httpx.PoolTimeout("x"), BulkheadFull),
    (httpx.ConnectError("x"), Unreachable),
    (httpx.ReadError("x"), Unreachable),
    (httpx.WriteError("x"), Unreachable),
    (httpx.CloseError("x"), Unreachable),
    (httpx.ProxyError("x"), Unreachable),
    (httpx.UnsupportedProtocol("x"), Unreachable),
    (httpx.LocalProtocolError("x"), Unreachable),
    (httpx.RemoteProtocolError("x"), Unreachable),
    (httpx.DecodingError("x"), BadPayload),
    (httpx.TooManyRedirects("x"), Unreachable),
    (AnswerTooLarge("x"), BadPayload),
]


def test_every_error_of_httpx_is_in_the_list() -> None:
    """An error that a new httpx brings is seen here before it climbs."""

    def leaves(kind: type[Exception]) -> set[type[Exception]]:
        below = [leaf for sub in kind.__subclasses__() if sub.__module__ == "httpx" for leaf in leaves(sub)]
        return set(below) or {kind}

    assert leaves(httpx.RequestError) == {type(e) for e, _ in HTTPX_ERRORS} - {AnswerTooLarge}


@pytest.mark.parametrize(("raised", "expected"), HTTPX_ERRORS, ids=lambda value: getattr(value, "__name__", None))
async def test_an_error_of_httpx_becomes_one_of_ours(raised: Exception, expected: type[BffError]) -> None:
    """No error of httpx climbs higher than the channel: each has its meaning, its cause and its service."""
    road = raising(raised)
    error = await road.error()
    assert type(error) is expected
    assert error.__cause__ is raised
    assert getattr(error, "service", None) == "cats"
    assert (road.told.status, road.told.code) == (None, expected.code)
    assert road.observer.of(BugFound) == []
    assert road.at_rest()


async def test_every_key_of_a_failed_call_fails() -> None:
    """Where there is no answer, each key has the error."""
    road = raising(httpx.ConnectError("refused"))
    got = await road.fetch(some, ["a", "b", "c"])
    assert [type(outcome.error) for outcome in got] == [Unreachable] * 3
    assert road.told.keys == 3


@pytest.mark.parametrize(
    ("endpoint", "status", "expected"),
    [
        (one, 401, BadStatus),
        (one, 403, BadStatus),
        (mine, 401, Unauthenticated),
        (mine, 403, Forbidden),
        (my_cats, 401, Unauthenticated),
        (my_cats, 403, Forbidden),
        (one, 404, NotFound),
        (mine, 404, NotFound),
        (some, 404, BadStatus),
        (one, 301, BadStatus),
        (one, 304, BadStatus),
        (one, 400, BadStatus),
        (one, 408, BadStatus),
        (one, 429, BadStatus),
        (one, 500, BadStatus),
        (one, 503, BadStatus),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
async def test_a_status_that_is_no_success(endpoint: Endpoint[Any], status: int, expected: type[BffError]) -> None:
    """The credential's fault where one was relayed, NotFound where one was asked for, else the status."""
    road = answering(TOM, status)
    keys: list[Any] = ["a"] if endpoint.calls_for > 1 else [("a",) * len(endpoint.parameters)]  # type: ignore[attr-defined]  # gets have them
    error = await road.error(endpoint, keys, token="secret")
    assert type(error) is expected
    assert "secret" not in str(error)
    if isinstance(error, BadStatus):
        assert (error.status, error.service) == (status, "cats")
        assert str(error) == f"{endpoint.name} answered {status}"
    assert (road.told.status, road.told.code) == (status, expected.code)
    assert road.at_rest()


@pytest.mark.parametrize("status", [200, 201, 203, 206])
async def test_any_success_is_read(status: int) -> None:
    """Every status of success is an answer to read."""
    [outcome] = await answering(TOM, status).fetch()
    assert outcome.value == Cat(id="tom")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("86400", 86400.0),
        (None, None),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("999999999999", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_when_to_come_back(status: int, header: str | None, seconds: float | None) -> None:
    """Retry-After is read where it is a plain number of seconds; whatever else stands there is unknown."""
    road = answering(TOM, status, **({} if header is None else {"retry-after": header}))
    error = await road.error()
    assert isinstance(error, BadStatus)
    assert error.retry_after == seconds


async def test_an_answer_that_cannot_be_read_is_a_failed_call() -> None:
    """Garbage with status 200 is told as a failed call, not as a success, and holds no permit."""
    road = Road(lambda _: httpx.Response(200, content=b"<html>"))
    assert isinstance(await road.error(), BadPayload)
    assert (road.told.status, road.told.code) == (200, "SERVICE_BAD_PAYLOAD")
    assert road.at_rest()


async def test_a_key_that_cannot_be_sent_makes_no_call() -> None:
    """Half of a surrogate pair is the client's fault: nothing goes down and no call is told."""
    road = answering([])
    assert isinstance(await road.error(posted, ["\ud800"]), BadRequest)
    assert road.transport.requests == []
    assert road.observer.facts == []


# --- time, permits and cancellation


async def test_no_time_left_makes_no_call() -> None:
    """Past the deadline nothing is sent; where every permit is taken too, it is still not crowding."""
    road = answering(TOM)
    assert isinstance(await road.error(left=0), DeadlinePassed)
    road.transport.hold()
    held = road.begin()
    await road.clock.settle()
    assert isinstance(await road.error(left=0), DeadlinePassed)
    assert len(road.transport.requests) == 1
    assert [(fact.code, fact.sent) for fact in road.observer.of(CallFinished)] == [("DEADLINE_EXCEEDED", False)] * 2
    road.transport.let_go()
    await held
    assert road.at_rest()


@pytest.mark.parametrize(
    ("left", "limit", "kind"), [(10.0, ATTEMPT, TimedOut), (0.3, 0.3, DeadlinePassed)], ids=["its own", "what is left"]
)
async def test_an_attempt_ends_in_time_and_gives_its_permit_back(
    left: float, limit: float, kind: type[TimedOut | DeadlinePassed]
) -> None:
    """An attempt takes its own time, or what is left, which is not the service's fault; then the permit is free."""
    road = answering(TOM)
    road.transport.hold()
    call = road.begin(left=left)
    await road.clock.advance(limit - 0.001)
    assert not call.done()
    await road.clock.advance(0.001)
    [outcome] = call.result()
    assert isinstance(outcome.error, kind)
    assert outcome.error.service == "cats"
    assert road.transport.cancelled == 1
    assert road.told == CallFinished("cats", one.name, 1, 0.0, about(limit), None, kind.code)
    assert road.at_rest()


async def test_a_timeout_of_the_transports_own_is_timed_out_too() -> None:
    """A bare TimeoutError of a transport is no bug of ours."""
    road = raising(TimeoutError())
    assert isinstance(await road.error(), TimedOut)


async def test_waiting_for_a_permit_takes_nothing_from_the_attempt() -> None:
    """The attempt's time begins with the permit in hand, so our own crowding is never told as slowness."""
    road = answering(TOM)
    road.transport.hold()
    first, second = road.begin(), road.begin()
    await road.clock.advance(0.04)
    first.cancel()
    await road.clock.advance(ATTEMPT - 0.001)
    assert not second.done()
    await road.clock.advance(0.001)
    [outcome] = second.result()
    assert isinstance(outcome.error, TimedOut)
    _, told = road.observer.of(CallFinished)
    assert (told.waited, told.seconds) == (about(0.04), about(ATTEMPT))


async def test_time_spent_waiting_is_missing_from_what_the_service_is_told() -> None:
    """The deadline header is written with the permit in hand."""
    road = answering(TOM)
    road.transport.hold()
    first, second = road.begin(), road.begin(left=0.5)
    await road.clock.advance(0.04)
    first.cancel()
    await road.clock.settle()
    assert road.transport.requests[1].headers["x-deadline-ms"] == "460"
    road.transport.let_go()
    assert (await second)[0].value == Cat(id="tom")


async def test_a_full_bulkhead_makes_no_call() -> None:
    """With the permit and the waiting room taken, the next is told so at once and when to come back."""
    road = answering(TOM)
    road.transport.hold()
    calls = [road.begin(), road.begin()]
    await road.clock.settle()
    error = await road.error()
    assert isinstance(error, BulkheadFull)
    assert error.retry_after == WAIT
    assert len(road.transport.requests) == 1
    assert road.told == CallFinished("cats", one.name, 1, 0.0, 0.0, None, "SERVICE_BUSY", sent=False)
    road.transport.let_go()
    await asyncio.gather(*calls)
    assert road.at_rest()


async def test_a_wait_that_was_too_long_is_told_as_waiting() -> None:
    """Who never had a permit has waited and has not called."""
    road = answering(TOM)
    road.transport.hold()
    first, second = road.begin(), road.begin()
    await road.clock.advance(WAIT)
    assert isinstance(second.result()[0].error, BulkheadFull)
    assert road.told == CallFinished("cats", one.name, 1, about(WAIT), 0.0, None, "SERVICE_BUSY", sent=False)
    road.transport.let_go()
    await first


async def test_a_cancelled_call_gives_its_permit_back_and_says_so() -> None:
    """The caller's cancellation passes through, is told as such and leaves nothing behind."""
    road = answering(TOM)
    road.transport.hold()
    call = road.begin()
    await road.clock.advance(0.2)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert road.told == CallFinished("cats", one.name, 1, 0.0, about(0.2), None, "CANCELLED")
    assert road.transport.cancelled == 1
    assert road.at_rest()


async def test_a_call_cancelled_while_it_waits_is_told_too() -> None:
    """Cancelled in the waiting room: no permit was had, no request was sent."""
    road = answering(TOM)
    road.transport.hold()
    first, second = road.begin(), road.begin()
    await road.clock.advance(0.01)
    second.cancel()
    await road.clock.settle()
    assert second.cancelled()
    assert road.told == CallFinished("cats", one.name, 1, about(0.01), 0.0, None, "CANCELLED", sent=False)
    assert len(road.transport.requests) == 1
    road.transport.let_go()
    await first
    assert road.at_rest()


async def test_an_unexpected_exception_is_a_bug_and_is_told() -> None:
    """What nobody foresaw is each key's Bug, reported once with its trace, never as a cancellation."""
    raised = ZeroDivisionError("oops")
    road = raising(raised)
    got = await road.fetch(some, ["a", "b"])
    assert [type(outcome.error) for outcome in got] == [Bug, Bug]
    assert [outcome.error.public_message() for outcome in got if outcome.error] == ["An internal error occurred."] * 2
    [bug] = road.observer.of(BugFound)
    assert (bug.where, bug.request_id, bug.error) == ("outbound", "r1", raised)
    assert bug.error.__traceback__ is not None
    assert (road.told.status, road.told.code) == (None, "INTERNAL")
    assert road.at_rest()


async def test_a_key_of_the_wrong_shape_is_a_bug() -> None:
    """A key with too few parts is our own mistake: told, and nothing is sent."""
    road = answering(TOM)
    assert isinstance(await road.error(one, [()]), Bug)
    assert len(road.observer.of(BugFound)) == 1
    assert road.transport.requests == []


async def test_an_unknown_kind_of_endpoint_is_a_bug() -> None:
    """``fetch`` raises nothing but a cancellation, whatever it is given."""
    bare: Endpoint[Any] = Endpoint(
        service="cats",
        method="GET",
        path="/x",
        returns=Cat,
        policy=one.policy,
    )
    assert isinstance(await answering(TOM).error(bare, ["a"]), Bug)


async def test_the_facts_of_a_call_say_how_long_it_took() -> None:
    """Seconds run from the permit to the end of the answer."""
    road = answering(TOM)
    road.transport.hold()
    call = road.begin()
    await road.clock.advance(0.25)
    road.transport.let_go()
    await call
    assert road.told == CallFinished("cats", one.name, 1, 0.0, 0.25, 200, None)


async def test_a_hung_service_takes_nothing_from_another() -> None:
    """With every permit of one channel taken, another's calls go ahead without waiting."""
    hung, well = answering(TOM), answering(TOM)
    hung.transport.hold()
    stuck = [hung.begin(), hung.begin()]
    await hung.clock.settle()
    assert (await well.fetch())[0].value == Cat(id="tom")
    assert well.told == CallFinished("cats", one.name, 1, 0.0, 0.0, 200, None)
    assert hung.transport.pending == 1
    for task in stuck:
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)
    assert hung.at_rest()


# --- any httpx transport fits


class Streamed(httpx.AsyncByteStream):
    """A body that comes in pieces, hangs or breaks, and notes that it was closed."""

    def __init__(self, *pieces: bytes, then: Exception | asyncio.Event | None = None) -> None:
        self._pieces = pieces
        self._then = then
        self.closed = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if isinstance(self._then, Exception):
            raise self._then
        if self._then:
            await self._then.wait()

    async def aclose(self) -> None:
        """Note it."""
        self.closed += 1


async def test_a_streamed_answer_is_read_within_the_attempt() -> None:
    """A transport that hands over a stream is read to its end, and the stream is closed."""
    body = Streamed(b'{"id": ', b'"tom"}')
    road = Road(lambda _: httpx.Response(200, stream=body))
    assert (await road.fetch())[0].value == Cat(id="tom")
    assert body.closed


async def test_an_answer_that_never_ends_is_timed_out_and_closed() -> None:
    """The attempt's time covers the body too, and the connection is given up with it."""
    body = Streamed(b'{"id": ', then=asyncio.Event())
    road = Road(lambda _: httpx.Response(200, stream=body))
    call = road.begin()
    await road.clock.advance(ATTEMPT)
    assert isinstance(call.result()[0].error, TimedOut)
    assert body.closed
    assert road.at_rest()


async def test_an_answer_that_breaks_off_is_unreachable_and_closed() -> None:
    """A connection lost in the middle of the body is no answer."""
    body = Streamed(b'{"id": ', then=httpx.ReadError("lost"))
    road = Road(lambda _: httpx.Response(200, stream=body))
    assert isinstance(await road.error(), Unreachable)
    assert body.closed


async def test_a_body_that_is_not_what_its_encoding_says() -> None:
    """A broken gzip is the service's bad payload."""
    road = Road(lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Streamed(b"no gzip")))
    assert isinstance(await road.error(), BadPayload)


async def test_closing_the_channel_closes_its_transport() -> None:
    """The channel owns its transport."""
    road = answering(TOM)
    await road.channel.aclose()
    assert road.transport.closed


def test_its_repr_tells_how_it_stands() -> None:
    """A reader sees where it leads and how its bulkhead stands."""
    assert repr(answering(TOM).channel) == (
        "<Channel cats http://cats:9 <Bulkhead cats: BulkheadStatistics(in_flight=0, waiting=0, limit=1)>>"
    )
