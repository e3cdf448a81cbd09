"""Commands on their way: what is sent, when it is sent again, and what is known when no answer came."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from random import Random
from typing import Any

import httpx
import pytest

from bff_core.auth.principal import Credential
from bff_core.clock import sleep
from bff_core.contract import Command, Outcome, Record, Service
from bff_core.deadline import Deadline
from bff_core.errors import (
    BadPayload,
    BadRequest,
    BadStatus,
    BffError,
    BreakerOpen,
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
from bff_core.resilience.bulkhead import BulkheadOptions
from bff_core.resilience.hedge import HedgeOptions
from bff_core.resilience.retry import RetryOptions
from bff_core.telemetry.facts import BugFound, CallFinished
from bff_core.testing.clock import FakeClock
from bff_core.testing.observer import RecordingObserver
from bff_core.testing.transport import ScriptedTransport, json_reply

#: Seconds of one attempt.
ATTEMPT = 0.5


class Item(Record):
    """What is sent."""

    product: str


class Cart(Record):
    """What is read."""

    id: str


carts = Service("carts")
cart = carts.get("GET /carts/{id}", returns=Cart)
add = carts.command("POST /carts/{id}/items", body=Item, returns=Cart, drops=[cart])
note = carts.command("PATCH /carts/{id}", body=Item, returns=Cart, drops=[cart])
fill = carts.command("PUT /carts/{id}", body=Item, returns=Cart, drops=[cart])
empty = carts.command("DELETE /carts/{id}/items", returns=None, drops=[cart])
forgetful = carts.command("POST /carts/{id}/clones", body=Item, returns=Cart, drops=[], idempotency_key=False)
mine = carts.command("POST /me/cart/{id}", body=Item, returns=Cart, drops=[], relay=True)

CART = {"id": "c"}


class Road:
    """A channel with one permit whose breaker opens at the second failure in a row; every wait to retry is 0.1 s."""

    def __init__(self, *, retries: int = 1, permits: int = 1, hedging: bool = False) -> None:
        self.clock = FakeClock()
        self.observer = RecordingObserver()
        self.answers: Callable[[httpx.Request], Any] = lambda _: json_reply(CART)
        self.transport = ScriptedTransport(lambda request: self.answers(request))
        options = GuardOptions(
            retry=RetryOptions(retries=retries, base=0.1, cap=0.1),
            breaker=BreakerOptions(trip_after=1, timeout=30.0, max_requests=1),
            bulkhead=BulkheadOptions(permits, 0, 0.05),
            hedge=HedgeOptions(enabled=hedging),
        )
        self.guards = Guards("carts", options, self.clock, self.observer, Random(7))
        self.channel = Channel(
            "carts",
            ChannelOptions("http://carts:9", ATTEMPT),
            transport=self.transport,
            guards=self.guards,
            clock=self.clock,
            observer=self.observer,
        )

    def begin(
        self,
        command: Command[Any] = add,
        *,
        key: str | None = None,
        left: float = 10.0,
        token: str | None = None,
        parameters: tuple[Any, ...] = ("c",),
        body: Any = ...,
    ) -> asyncio.Task[Outcome[Any]]:
        """A command under way, with the body that it declares."""
        caller = Caller(Deadline.after(self.clock, left), Credential(token) if token else None, "r1")
        sent = (Item(product="p") if command.body else None) if body is ... else body
        return asyncio.create_task(self.channel.send(command, parameters, sent, caller, idempotency_key=key))

    async def send(self, command: Command[Any] = add, **more: Any) -> Outcome[Any]:
        """How a command ends that waits for nothing but a retry."""
        task = self.begin(command, **more)
        await self.clock.advance(0.2)
        outcome = await task
        assert (self.clock.timers, self.transport.pending, self.channel.bulkhead().in_flight) == (0, 0, 0)
        return outcome

    def answer(self, *replies: Any) -> None:
        """Answer with these, one after another: a status, a response, or an error that is raised."""
        left = iter(replies)

        def reply(_: httpx.Request) -> Any:
            one = next(left)
            return json_reply(CART, one) if isinstance(one, int) else one

        self.answers = reply

    @property
    def codes(self) -> list[str | None]:
        """How each attempt ended."""
        return [fact.code for fact in self.observer.of(CallFinished)]


# --- what is sent and what comes back


async def test_a_command_is_one_call() -> None:
    """Path, method and body go down once, as JSON and without a credential; the answer comes back, told as one fact."""
    road = Road()
    assert await road.send(token="secret") == Outcome("carts", Cart(id="c"))
    [request] = road.transport.requests
    assert road.transport.targets == ["POST /carts/c/items"]
    assert json.loads(request.content) == {"product": "p"}
    assert request.headers["content-type"] == request.headers["accept"] == "application/json"
    assert (request.headers["x-request-id"], request.headers["x-deadline-ms"]) == ("r1", "500")
    assert "authorization" not in request.headers
    assert "idempotency-key" not in request.headers
    [fact] = road.observer.of(CallFinished)
    assert fact == CallFinished("carts", add.name, 1, 0.0, 0.0, 200, None)


@pytest.mark.parametrize(
    "reply", [httpx.Response(204), httpx.Response(200, content=b"<html>"), json_reply(CART, 202)], ids=str
)
async def test_an_answer_that_is_not_read_is_a_success(reply: httpx.Response) -> None:
    """A command that returns nothing is done by any status of success: no value, no error, nothing unknown."""
    road = Road()
    road.answer(reply)
    assert await road.send(empty) == Outcome("carts")
    [request] = road.transport.requests
    assert (request.method, request.content) == ("DELETE", b"")
    assert "content-type" not in request.headers


async def test_the_credential_goes_with_a_command_that_relays_it() -> None:
    """The token goes along where it was declared, and 401 and 403 are the credential's fault there."""
    road = Road()
    road.answer(200, 401, 403)
    kinds = [type((await road.send(mine, token="secret")).error) for _ in range(3)]
    assert kinds == [type(None), Unauthenticated, Forbidden]
    assert [request.headers["authorization"] for request in road.transport.requests] == ["Bearer secret"] * 3


async def test_a_thing_that_is_not_there_is_not_found() -> None:
    """A 404 is NotFound, as for a get, and it is certain that nothing was done."""
    road = Road()
    road.answer(404)
    outcome = await road.send(fill)
    assert isinstance(outcome.error, NotFound)
    assert not outcome.unknown


# --- what is sent again


@pytest.mark.parametrize(
    ("command", "key", "calls"),
    [
        (add, None, 1),
        (note, None, 1),
        (add, "k", 2),
        (note, "k", 2),
        (fill, None, 2),
        (fill, "k", 2),
        (empty, None, 2),
        (forgetful, None, 1),
        (forgetful, "k", 1),
    ],
    ids=lambda value: getattr(value, "method", str(value)),
)
async def test_a_command_is_sent_again_only_where_that_does_no_harm(
    command: Command[Any], key: str | None, calls: int
) -> None:
    """PUT and DELETE always, POST and PATCH under a key that the service knows, and nothing else."""
    road = Road()
    road.answer(503, 200)
    outcome = await road.send(command, key=key)
    assert len(road.transport.requests) == calls
    assert (outcome.error is None) is (calls == 2)


async def test_every_attempt_has_the_same_key() -> None:
    """The service can tell the second attempt from a second write."""
    road = Road()
    road.answer(503, 200)
    await road.send(add, key="one of a kind")
    assert [request.headers["idempotency-key"] for request in road.transport.requests] == ["one of a kind"] * 2
    assert [fact.attempt for fact in road.observer.of(CallFinished)] == [1, 2]


async def test_a_service_that_knows_no_keys_is_sent_none() -> None:
    """What the declaration says the service does not know is not sent."""
    road = Road()
    await road.send(forgetful, key="k")
    assert "idempotency-key" not in road.transport.requests[0].headers


@pytest.mark.parametrize("key", ["k", "!", "~", "a b", "x" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"'])
async def test_a_key_is_sent_as_it_came(key: str) -> None:
    """Any printable ASCII up to 255 characters is a key."""
    road = Road()
    assert (await road.send(add, key=key)).error is None
    assert road.transport.requests[0].headers.raw.count((b"idempotency-key", key.encode())) == 1


@pytest.mark.parametrize("key", ["", " ", " a", "a ", "x" * 256, "é", "a\r\nx-evil: 1", "a\n", "\x00", "\x7f", "a\tb"])
async def test_what_is_no_key_is_the_clients_fault(key: str) -> None:
    """A key that could not arrive as it is makes no call, and nothing is unknown."""
    road = Road()
    outcome = await road.send(add, key=key)
    assert isinstance(outcome.error, BadRequest)
    assert not outcome.unknown
    assert road.transport.requests == []


async def test_a_late_command_is_never_hedged() -> None:
    """Where a read would be asked a second time, a write waits, even one that may be repeated."""

    async def after(seconds: float) -> httpx.Response:
        await sleep(road.clock, seconds)
        return json_reply(CART)

    road = Road(permits=4, hedging=True)
    for _ in range(30):
        road.guards.latencies.note(0.01)
    road.answers = lambda _: after(0.1)
    read = asyncio.create_task(road.channel.fetch(cart, [("c",)], Caller(Deadline.after(road.clock, 10.0))))
    await road.clock.advance(0.2)
    await read
    assert len(road.transport.requests) == 2
    assert (await road.send(fill, key="k")).error is None
    assert len(road.transport.requests) == 3


# --- what is known afterwards


REQUEST = httpx.Request("POST", "http://carts")

ENDINGS: list[tuple[Any, type[BffError], bool]] = [
    (httpx.ConnectError("x"), Unreachable, False),
    (httpx.ConnectTimeout("x"), TimedOut, False),
    (httpx.PoolTimeout("x"), BulkheadFull, False),
    (httpx.LocalProtocolError("x"), Unreachable, False),
    (httpx.UnsupportedProtocol("x"), Unreachable, False),
    (httpx.ReadTimeout("x"), TimedOut, True),
    (httpx.WriteTimeout("x"), TimedOut, True),
    (httpx.ReadError("x"), Unreachable, True),
    (httpx.WriteError("x"), Unreachable, True),
    (httpx.CloseError("x"), Unreachable, True),
    (httpx.ProxyError("x"), Unreachable, True),
    (httpx.RemoteProtocolError("x"), Unreachable, True),
    (httpx.DecodingError("x"), BadPayload, True),
    (AnswerTooLarge("x"), BadPayload, True),
    (ZeroDivisionError("x"), Bug, True),
    (httpx.Response(200, content=b"<html>"), BadPayload, True),
    (httpx.Response(204), BadPayload, True),
    (302, BadStatus, True),
    (303, BadStatus, True),
    (400, BadStatus, False),
    (401, BadStatus, False),
    (404, NotFound, False),
    (409, BadStatus, False),
    (422, BadStatus, False),
    (429, BadStatus, False),
    (500, BadStatus, True),
    (502, BadStatus, True),
    (503, BadStatus, True),
    (504, BadStatus, True),
]


@pytest.mark.parametrize(
    ("reply", "kind", "unknown"),
    ENDINGS,
    ids=[repr(reply) if isinstance(reply, int) else type(reply).__name__ for reply, _, _ in ENDINGS],
)
async def test_whether_a_failed_command_may_have_been_done(reply: Any, kind: type[BffError], unknown: bool) -> None:
    """It was not where the service got nothing or refused it; of everything else nobody can tell."""
    road = Road()
    road.answer(reply)
    outcome = await road.send(add)
    assert type(outcome.error) is kind
    assert outcome.value is None
    assert outcome.unknown is unknown
    assert len(road.transport.requests) == 1


@pytest.mark.parametrize(("left", "kind"), [(10.0, TimedOut), (0.3, DeadlinePassed)])
async def test_a_command_whose_answer_did_not_come_is_unknown(left: float, kind: type[BffError]) -> None:
    """An attempt that ran out of time after it was sent keeps its error, and may have been done."""
    road = Road()
    road.transport.hold()
    task = road.begin(left=left)
    await road.clock.advance(ATTEMPT)
    outcome = await task
    assert type(outcome.error) is kind
    assert outcome.unknown
    assert road.transport.cancelled == 1


async def test_a_command_without_time_left_was_not_done() -> None:
    """The same error before anything was sent is certain."""
    road = Road()
    outcome = await road.send(left=0)
    assert isinstance(outcome.error, DeadlinePassed)
    assert not outcome.unknown
    assert road.transport.requests == []


async def test_a_command_that_was_refused_by_a_guard_was_not_done() -> None:
    """An open breaker and a full bulkhead send nothing."""
    road = Road()
    road.answer(500, 500)
    await road.send()
    await road.send()
    refused = await road.send()
    assert isinstance(refused.error, BreakerOpen)
    assert not refused.unknown
    crowded = Road()
    crowded.transport.hold()
    holder = crowded.begin()
    await crowded.clock.settle()
    turned_away = await crowded.begin()
    assert isinstance(turned_away.error, BulkheadFull)
    assert not turned_away.unknown
    assert len(crowded.transport.requests) == 1
    crowded.transport.let_go()
    assert (await holder).error is None


@pytest.mark.parametrize(
    ("replies", "kind", "unknown"),
    [
        ((httpx.ReadTimeout("x"), 404), NotFound, True),
        ((httpx.ReadTimeout("x"), httpx.ConnectError("x")), Unreachable, True),
        ((503, httpx.ConnectError("x")), Unreachable, True),
        ((httpx.ConnectError("x"), 409), BadStatus, False),
        ((httpx.ConnectError("x"), httpx.ConnectError("x")), Unreachable, False),
        ((httpx.ConnectError("x"), httpx.ReadError("x")), Unreachable, True),
        ((httpx.ReadTimeout("x"), 200), type(None), False),
    ],
)
async def test_one_attempt_that_may_have_been_done_is_enough(
    replies: tuple[Any, ...], kind: type[Any], unknown: bool
) -> None:
    """What the second attempt brings, short of a success, does not take back that the first may have been done.

    A thing that was deleted by the first attempt is not found by the second.
    """
    road = Road()
    road.answer(*replies)
    outcome = await road.send(empty)
    assert type(outcome.error) is kind
    assert outcome.unknown is unknown
    assert len(road.transport.requests) == 2


async def test_a_breaker_that_opens_between_two_attempts_hides_nothing() -> None:
    """The last attempt was refused and is the error; the first was sent, so the write is unknown."""
    road = Road()
    road.answer(500, httpx.ReadTimeout("x"))
    await road.send()
    outcome = await road.send(fill)
    assert isinstance(outcome.error, BreakerOpen)
    assert outcome.unknown
    assert road.codes == ["SERVICE_ERROR", "SERVICE_TIMEOUT", "SERVICE_BREAKER_OPEN"]


# --- the same road as a read's


async def test_commands_and_reads_share_the_guards() -> None:
    """Failed writes open the breaker for reads too, and a write under way takes the permit that a read wants."""
    road = Road()
    caller = Caller(Deadline.after(road.clock, 10.0))
    road.transport.hold()
    write = road.begin()
    await road.clock.settle()
    [crowded] = await road.channel.fetch(cart, [("c",)], caller)
    assert isinstance(crowded.error, BulkheadFull)
    road.transport.let_go()
    await write
    road.answer(500, 500)
    await road.send()
    await road.send()
    [refused] = await road.channel.fetch(cart, [("c",)], caller)
    assert isinstance(refused.error, BreakerOpen)


async def test_a_cancelled_command_passes_on_and_leaves_nothing() -> None:
    """The caller's cancellation is the one thing that is raised."""
    road = Road()
    road.transport.hold()
    task = road.begin(fill)
    await road.clock.settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert road.codes == ["CANCELLED"]
    assert (road.clock.timers, road.transport.pending, road.channel.bulkhead().in_flight) == (0, 0, 0)


async def test_what_nobody_foresaw_is_a_bug_and_is_told() -> None:
    """A body or parameters of the wrong kind send nothing, are reported, and nothing is unknown."""
    road = Road()
    for wrong in ({"body": Cart(id="c")}, {"body": None}, {"parameters": ()}):
        outcome = await road.send(add, **wrong)
        assert isinstance(outcome.error, Bug)
        assert not outcome.unknown
    assert len(road.observer.of(BugFound)) == 3
    assert road.transport.requests == []


async def test_an_exception_of_a_transport_is_reported_with_its_trace() -> None:
    """A double that raises what no transport may is a bug like any other, told once."""
    road = Road()
    raised = ZeroDivisionError("oops")
    road.answer(raised)
    assert isinstance((await road.send()).error, Bug)
    [bug] = road.observer.of(BugFound)
    assert (bug.where, bug.request_id, bug.error) == ("outbound", "r1", raised)


async def test_text_that_cannot_be_sent_makes_no_call() -> None:
    """Half of a surrogate pair in a body, or a dot segment in the path, is the client's fault."""
    road = Road()
    for wrong in ({"body": Item(product="\ud800")}, {"parameters": ("..",)}):
        outcome = await road.send(add, **wrong)
        assert isinstance(outcome.error, BadRequest)
        assert not outcome.unknown
    assert road.transport.requests == []


async def test_a_command_is_never_fetched() -> None:
    """The road of reads, where calls are hedged and repeated, is closed to it."""
    road = Road()
    [outcome] = await road.channel.fetch(fill, [("c",)], Caller(Deadline.after(road.clock, 10.0)))
    assert isinstance(outcome.error, Bug)
    assert road.transport.requests == []
