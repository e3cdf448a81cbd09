"""The guards of a channel together: which stands outside of which, and what each makes of the others' refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import httpx
import pytest

from bff_core.clock import sleep
from bff_core.contract import Outcome, Record, Service
from bff_core.deadline import Deadline
from bff_core.errors import BadPayload, BadStatus, BffError, BreakerOpen, BulkheadFull, DeadlinePassed
from bff_core.outbound.channel import Caller, Channel, ChannelOptions
from bff_core.outbound.guards import GuardOptions, Guards
from bff_core.resilience.breaker import BreakerOptions
from bff_core.resilience.bulkhead import BulkheadOptions
from bff_core.resilience.hedge import HedgeOptions
from bff_core.resilience.retry import RetryOptions
from bff_core.telemetry.facts import BreakerChanged, CallFinished
from bff_core.testing.clock import FakeClock
from bff_core.testing.observer import RecordingObserver
from bff_core.testing.transport import ScriptedTransport, json_reply

#: Seconds of one attempt.
ATTEMPT = 0.5


class Dog(Record):
    """A dog."""

    id: str


dogs = Service("dogs")
by_id = dogs.batch("GET /dogs", keys="id", returns=Dog, key="id", max_keys=10)
strays = dogs.batch("GET /strays", keys="id", returns=Dog, key="id", max_keys=10, group="strays")

WELL = [{"id": "rex"}]


class Road:
    """A channel with one permit whose breaker opens at the third failure in a row and tries again after 30 s."""

    def __init__(self, *, retries: int = 0, waiting: int = 1, permits: int = 1, hedging: bool = False) -> None:
        self.clock = FakeClock()
        self.observer = RecordingObserver()
        self.answers: Callable[[httpx.Request], Any] = lambda _: json_reply(WELL)
        self.transport = ScriptedTransport(lambda request: self.answers(request))
        options = GuardOptions(
            retry=RetryOptions(retries=retries, base=0.1, cap=0.1),
            breaker=BreakerOptions(trip_after=2, timeout=30.0, max_requests=1),
            bulkhead=BulkheadOptions(permits, waiting, 0.05),
            hedge=HedgeOptions(enabled=hedging),
        )
        self.guards = Guards("dogs", options, self.clock, self.observer, Random(7))
        self.channel = Channel(
            "dogs",
            ChannelOptions("http://dogs:9", ATTEMPT),
            transport=self.transport,
            guards=self.guards,
            clock=self.clock,
            observer=self.observer,
        )

    def begin(self, left: float = 10.0, endpoint: Any = by_id) -> asyncio.Task[list[Outcome[Any]]]:
        """A call under way."""
        return asyncio.create_task(self.channel.fetch(endpoint, ["rex"], Caller(Deadline.after(self.clock, left))))

    async def error(self, left: float = 10.0, endpoint: Any = by_id) -> BffError | None:
        """How a call ends that waits for nothing but a retry."""
        call = self.begin(left, endpoint)
        await self.clock.advance(0.2)
        [outcome] = await call
        return outcome.error

    def answer(self, *statuses: int) -> None:
        """Answer with these statuses, one after another; a 200 is a good answer."""
        left = iter(statuses)
        self.answers = lambda _: json_reply(WELL, next(left))

    @property
    def codes(self) -> list[str | None]:
        """How each attempt ended."""
        return [fact.code for fact in self.observer.of(CallFinished)]

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """What the breakers told: group, before, after."""
        return [(fact.group, fact.before, fact.after) for fact in self.observer.of(BreakerChanged)]


@pytest.fixture
def road() -> Iterator[Road]:
    """A road without retries, that leaves no timer and no permit behind."""
    made = Road()
    yield made
    assert (made.clock.timers, made.transport.pending, made.channel.bulkhead().in_flight) == (0, 0, 0)


async def trip(road: Road) -> None:
    """Fail three times in a row."""
    road.answer(500, 500, 500)
    for _ in range(3):
        await road.error()


async def test_a_read_that_fails_is_asked_again_and_holds_no_permit_meanwhile() -> None:
    """The second attempt's answer counts; each attempt is told as a call of its own."""
    road = Road(retries=1)
    road.answer(503, 200)
    call = road.begin()
    await road.clock.settle()
    assert (road.channel.bulkhead().in_flight, len(road.transport.requests)) == (0, 1)
    await road.clock.advance(0.1)
    [outcome] = await call
    assert outcome.value == Dog(id="rex")
    assert [(fact.attempt, fact.code) for fact in road.observer.of(CallFinished)] == [(1, "SERVICE_ERROR"), (2, None)]


async def test_every_attempt_counts_for_the_breaker() -> None:
    """Two calls of two attempts are four failures: the third opens it, and the fourth attempt is refused."""
    road = Road(retries=1)
    road.answer(503, 503, 503)
    assert isinstance(await road.error(), BadStatus)
    assert isinstance(await road.error(), BreakerOpen)
    assert road.changes == [("", "closed", "open")]
    assert road.codes == ["SERVICE_ERROR"] * 3 + ["SERVICE_BREAKER_OPEN"]


async def test_an_open_breaker_asks_nobody_and_says_when_to_come_back(road: Road) -> None:
    """The refusal is immediate, is no call, and carries the seconds left."""
    await trip(road)
    asked = len(road.transport.requests)
    error = await road.error()
    assert isinstance(error, BreakerOpen)
    assert error.retry_after == pytest.approx(30.0 - 0.2, abs=0.001)
    assert len(road.transport.requests) == asked


async def test_after_its_timeout_one_good_probe_closes_the_breaker(road: Road) -> None:
    """The service is tried again, and answers."""
    await trip(road)
    road.answers = lambda _: json_reply(WELL)
    await road.clock.advance(30.0)
    assert await road.error() is None
    assert road.changes == [("", "closed", "open"), ("", "open", "half-open"), ("", "half-open", "closed")]


async def test_a_cancelled_probe_gives_its_place_back(road: Road) -> None:
    """Otherwise a client that left would keep the breaker half-open for ever."""
    await trip(road)
    await road.clock.advance(30.0)
    road.answers = lambda _: json_reply(WELL)
    road.transport.hold()
    probe = road.begin()
    await road.clock.settle()
    probe.cancel()
    await asyncio.wait([probe])
    road.transport.let_go()
    assert await road.error() is None
    assert road.changes[-1] == ("", "half-open", "closed")


async def test_our_own_crowding_never_opens_the_breaker(road: Road) -> None:
    """Calls that found no permit say nothing of the service."""
    road.transport.hold()
    holder = road.begin(left=100.0)
    await road.clock.settle()
    waiting = [road.begin() for _ in range(6)]
    await road.clock.advance(0.06)
    errors = [(await one)[0].error for one in waiting]
    assert [type(error) for error in errors] == [BulkheadFull] * 6
    road.transport.let_go()
    assert (await holder)[0].error is None
    assert road.changes == []


async def test_an_open_breaker_refuses_before_anybody_waits_for_a_permit() -> None:
    """With every permit taken, a call to a service whose breaker is open ends at once, without a timer."""
    road = Road()
    await trip(road)
    await road.clock.advance(30.0)
    road.answers = lambda _: json_reply(WELL)
    road.transport.hold()
    probe = road.begin()
    await road.clock.settle()
    timers = road.clock.timers
    refused = road.begin()
    await road.clock.settle()
    assert refused.done()
    assert road.clock.timers == timers
    assert road.codes[-1] == "SERVICE_BREAKER_BUSY"
    road.transport.let_go()
    await probe


async def test_an_attempt_cut_short_by_its_caller_says_nothing_of_the_service(road: Road) -> None:
    """Callers with little time left cannot open a breaker for all others."""
    road.transport.hold()
    for _ in range(4):
        call = road.begin(left=0.1)
        await road.clock.advance(0.1)
        assert isinstance((await call)[0].error, DeadlinePassed)
    assert road.changes == []
    road.transport.let_go()
    assert await road.error() is None


async def test_no_second_attempt_where_no_time_is_left_for_it() -> None:
    """The wait would end after the deadline: the first error stands, and one call was made."""
    road = Road(retries=1)
    road.answer(503, 200)
    call = road.begin(left=0.001)
    await road.clock.settle()
    assert isinstance((await call)[0].error, BadStatus)
    assert len(road.transport.requests) == 1


async def test_an_answer_that_cannot_be_read_is_a_failure_and_one_bad_row_is_not(road: Road) -> None:
    """The envelope speaks of the service, a row of its key."""
    road.answers = lambda _: json_reply([{"id": "rex"}, {"id": 5}])
    for _ in range(4):
        assert await road.error() is None
    assert road.changes == []
    road.answers = lambda _: httpx.Response(200, content=b"<html>")
    for _ in range(3):
        assert isinstance(await road.error(), BadPayload)
    assert road.changes == [("", "closed", "open")]


async def test_a_route_group_has_a_breaker_of_its_own(road: Road) -> None:
    """One sick route does not close the others, and the other way round."""
    road.answers = lambda request: json_reply(WELL, 500 if request.url.path == "/strays" else 200)
    for _ in range(4):
        await road.error(endpoint=strays)
    assert road.changes == [("strays", "closed", "open")]
    assert await road.error() is None
    assert isinstance(await road.error(endpoint=strays), BreakerOpen)
    assert {group: one.state for group, one in road.channel.breakers().items()} == {"": "closed", "strays": "open"}


async def test_a_late_read_is_asked_a_second_time_from_the_retry_budget() -> None:
    """When 95 of 100 would have answered, another attempt goes out with a permit of its own; the first is cancelled."""
    road = Road(permits=4, hedging=True)

    async def after(seconds: float) -> httpx.Response:
        await sleep(road.clock, seconds)
        return json_reply(WELL)

    delays = iter([0.01] * 20 + [0.4, 0.01])
    road.answers = lambda _: after(next(delays))
    for _ in range(20):
        assert await road.error() is None
    call = road.begin()
    await road.clock.advance(0.011)
    assert road.channel.bulkhead().in_flight == 2
    await road.clock.advance(0.01)
    assert (await call)[0].value == Dog(id="rex")
    assert [(fact.attempt, fact.code) for fact in road.observer.of(CallFinished)][-2:] == [(2, None), (1, "CANCELLED")]
    assert road.guards.budget.statistics().extra == 1
    assert road.channel.bulkhead().in_flight == 0
