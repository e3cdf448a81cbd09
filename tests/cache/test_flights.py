"""Flights: one call for all who want the same, for as long as somebody wants it, and nothing left behind."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff_core.auth.principal import Credential
from bff_core.cache.flights import Flight, Flights
from bff_core.cache.slot import Slot
from bff_core.contract import Outcome
from bff_core.deadline import Deadline
from bff_core.errors import BffError, Bug, NotFound, Rejected, TimedOut, Unauthenticated
from bff_core.outbound.channel import Caller
from bff_core.telemetry.facts import BugFound, FlightKind, FlightLanded
from bff_core.testing.observer import RecordingObserver
from tests.cache.cattery import SLOT, TOM, Cat, Keeping, asker, by_id, feed, mine, reachable, slot_of

OTHER = slot_of(by_id, "b")
SLOW = TimedOut("cats: no answer within 0.800 s", service="cats")


class Call:
    """What a flight does: counts how often it began, ended and was cancelled, and ends when it is told to."""

    def __init__(self, *outcomes: Outcome[Any], raises: Exception | None = None) -> None:
        self.outcomes = list(outcomes) or [Outcome("cats", TOM)]
        self.raises = raises
        self.begun = self.ended = self.cancelled = 0
        self._end = asyncio.Event()

    async def __call__(self) -> list[Outcome[Any]]:
        self.begun += 1
        try:
            await self._end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.ended += 1
        if self.raises:
            raise self.raises
        return self.outcomes

    def end(self) -> None:
        """Let it end once the loop gets to it, also one that comes later."""
        self._end.set()


class Rider:
    """Somebody who rides a flight for one slot; ``outcomes`` has what they were handed."""

    def __init__(self, flights: Flights, flight: Flight, slot: Slot = SLOT) -> None:
        self.outcomes: list[Outcome[Any]] = []
        self._flights = flights
        self._flight = flight
        flights.board(flight)
        flight.seats[slot].append(self.outcomes.append)

    @property
    def error(self) -> BffError | None:
        """The one error that they were handed."""
        (outcome,) = self.outcomes
        return outcome.error

    def leave(self) -> None:
        """Ride no more."""
        self._flights.leave(self._flight)


class Sky:
    """Flights over a record cache, and verbs to use them."""

    def __init__(self) -> None:
        self.kept = Keeping()
        self.clock = self.kept.clock
        self.observer = RecordingObserver()
        self.flights = Flights("cats", self.kept.records, self.clock, self.observer)

    def begin(self, call: Call, *slots: Slot, kind: FlightKind = "read", shared: bool = True) -> Flight:
        """Begin a flight."""
        return self.flights.begin(slots or (SLOT,), call, kind, shared=shared)

    def ride(self, flight: Flight, slot: Slot = SLOT) -> Rider:
        """Ride a flight."""
        return Rider(self.flights, flight, slot)

    def join(self, slot: Slot = SLOT) -> Rider:
        """Ride the flight that there is for a slot."""
        flight = self.flights.to(slot)
        assert flight is not None
        return self.ride(flight, slot)

    async def settle(self) -> None:
        """Let everything come to rest."""
        await self.clock.settle()

    @property
    def landed(self) -> list[FlightLanded]:
        """The facts that were told."""
        return self.observer.of(FlightLanded)


@asynccontextmanager
async def sky() -> AsyncIterator[Sky]:
    """A new sky, at whose end nothing flies, no task is left and the loop has met no error."""
    mishaps: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, mishap: mishaps.append(mishap))
    before = asyncio.all_tasks()
    here = Sky()
    yield here
    await here.settle()
    assert here.flights.under_way() == 0
    assert asyncio.all_tasks() == before
    assert mishaps == []
    assert here.flights.to(SLOT) is here.flights.to(OTHER) is None


# Sharing


async def test_one_call_serves_all_who_come_while_it_is_under_way() -> None:
    """500 who want the same make one call, and each is handed its outcome once."""
    async with sky() as here:
        call = Call()
        here.begin(call)
        riders = []
        for number in range(500):
            riders.append(here.join())
            if number % 100 == 0:
                await here.settle()
        assert here.flights.under_way() == 1
        call.end()
        await here.settle()
        assert (call.begun, call.ended) == (1, 1)
        assert all(rider.outcomes == [Outcome("cats", TOM)] for rider in riders)
        assert [fact.riders for fact in here.landed] == [500]
        for rider in riders:
            rider.leave()
        assert here.kept.result() == "fresh"


async def test_each_slot_has_its_own_outcome() -> None:
    """A flight of several slots hands every rider what came for theirs, and each of them is kept."""
    async with sky() as here:
        slots = [slot_of(by_id, key) for key in "abc"]
        cats = [Cat(id=key) for key in "abc"]
        call = Call(*(Outcome("cats", cat) for cat in cats))
        flight = here.begin(call, *slots)
        riders = [here.join(slot) for slot in reversed(slots)]
        assert all(here.flights.to(slot) is flight for slot in slots)
        call.end()
        await here.settle()
        assert [rider.outcomes[0].value for rider in riders] == cats[::-1]
        hits = [here.kept.look(slot) for slot in slots]
        assert [hit.outcome.value for hit in hits if hit] == cats


async def test_an_error_is_handed_to_every_rider_and_not_kept() -> None:
    """All who ride hear of a failure; who comes later asks anew."""
    async with sky() as here:
        call = Call(Outcome("cats", error=SLOW))
        here.begin(call)
        riders = [here.join() for _ in range(3)]
        call.end()
        await here.settle()
        assert [rider.error for rider in riders] == [SLOW] * 3
        assert here.kept.look() is None
        assert here.flights.to(SLOT) is None
        assert [fact.code for fact in here.landed] == ["SERVICE_TIMEOUT"]


async def test_a_flight_may_be_one_that_nobody_joins() -> None:
    """With ``shared=False`` the slot has no flight for others, nor is one in the place of theirs; it is kept."""
    async with sky() as here:
        alone, call = Call(Outcome("cats", newer := Cat(id="a", name="Tim"))), Call()
        rider = here.ride(here.begin(alone, shared=False))
        assert here.flights.to(SLOT) is None
        shared = here.begin(call)
        here.join()
        alone.end()
        await here.settle()
        assert here.flights.to(SLOT) is shared
        assert rider.outcomes[0].value is newer
        hit = here.kept.look()
        assert hit is not None
        assert hit.outcome.value is newer
        call.end()


async def test_who_joins_at_the_last_instant_is_handed_the_outcome() -> None:
    """Between a call's end and its landing the flight can be joined, and left without harm to others."""
    async with sky() as here:
        late: list[Rider] = []

        def join() -> None:
            flight = here.flights.to(SLOT)
            assert flight is not None
            assert flight.task is not None
            assert flight.task.done()
            late.extend(here.ride(flight) for _ in range(2))
            late[0].leave()
            late[1].leave()
            assert here.flights.to(SLOT) is flight

        async def ending() -> list[Outcome[Any]]:
            asyncio.get_running_loop().call_soon(join)  # runs after this task has ended, and before that is told
            return [Outcome("cats", TOM)]

        here.flights.begin([SLOT], ending)
        await here.settle()
        assert [rider.outcomes for rider in late] == [[Outcome("cats", TOM)]] * 2
        assert [(fact.code, fact.riders) for fact in here.landed] == [(None, 0)]


# Leaving


async def test_a_read_that_nobody_rides_is_cancelled() -> None:
    """It is cancelled when the last rider leaves, and not before."""
    async with sky() as here:
        call = Call()
        here.begin(call)
        riders = [here.join() for _ in range(3)]
        await here.settle()
        for rider in riders[:2]:
            rider.leave()
            await here.settle()
            assert call.cancelled == 0
        riders[2].leave()
        assert here.flights.to(SLOT) is None  # at once: nobody may board what is being cancelled
        await here.settle()
        assert (call.begun, call.cancelled, call.ended) == (1, 1, 0)
        assert [(fact.code, fact.riders) for fact in here.landed] == [("CANCELLED", 0)]
        assert here.kept.look() is None


async def test_one_riders_leaving_is_no_harm_to_the_others() -> None:
    """Who stays is handed the outcome, in whatever order they came, also when the one who began it is gone."""
    async with sky() as here:
        call = Call()
        began = here.ride(here.begin(call))
        second, third = here.join(), here.join()
        began.leave()
        third.leave()
        await here.settle()
        call.end()
        await here.settle()
        assert second.outcomes == [Outcome("cats", TOM)]
        assert [fact.riders for fact in here.landed] == [1]


async def test_a_call_that_nobody_wants_any_more_is_never_begun() -> None:
    """Left in the round of the loop in which it was begun, a flight ends before its first step."""
    async with sky() as here:
        call = Call()
        here.ride(here.begin(call)).leave()
        assert here.flights.under_way() == 1
        await here.settle()
        assert (call.begun, call.cancelled) == (0, 0)
        assert here.flights.under_way() == 0
        assert [fact.code for fact in here.landed] == ["CANCELLED"]


async def test_who_boards_in_time_keeps_a_flight_going() -> None:
    """In one round of the loop, a second rider who boards before the first one leaves is not left standing."""
    async with sky() as here:
        call = Call()
        first = here.ride(here.begin(call))
        second = here.join()
        first.leave()
        call.end()
        await here.settle()
        assert second.outcomes == [Outcome("cats", TOM)]
        assert (call.begun, call.cancelled) == (1, 0)


async def test_a_slot_can_be_flown_to_again_at_once() -> None:
    """A flight that was given up and has not landed yet is not joined, and its landing closes no newer one."""
    async with sky() as here:
        old, new = Call(), Call(Outcome("cats", newer := Cat(id="a", name="Tim")))
        here.ride(here.begin(old)).leave()
        flight = here.begin(new)
        riders = [here.join(), here.join()]
        await here.settle()  # the old one has landed
        assert [fact.code for fact in here.landed] == ["CANCELLED"]
        assert here.flights.to(SLOT) is flight
        riders.append(here.join())
        new.end()
        await here.settle()
        assert (old.begun, new.begun) == (0, 1)
        assert [rider.outcomes for rider in riders] == [[Outcome("cats", newer)]] * 3


async def test_a_flight_of_several_slots_is_given_up_as_a_whole() -> None:
    """It flies on for whichever slot is ridden; given up, none of its slots has a flight."""
    async with sky() as here:
        call = Call(Outcome("cats", TOM), Outcome("cats", TOM))
        here.begin(call, SLOT, OTHER)
        one, two = here.join(SLOT), here.join(OTHER)
        one.leave()
        await here.settle()
        assert call.cancelled == 0
        two.leave()
        assert here.flights.to(SLOT) is here.flights.to(OTHER) is None
        await here.settle()
        assert call.cancelled == 1


async def test_leaving_after_the_landing_is_nothing() -> None:
    """What has landed cannot be given up, and what flies to its slot since is another flight."""
    async with sky() as here:
        call, new = Call(), Call()
        here.begin(call)
        rider = here.join()
        call.end()
        await here.settle()
        flight = here.begin(new)
        other = here.join()
        rider.leave()
        await here.settle()
        assert here.flights.to(SLOT) is flight
        new.end()
        await here.settle()
        assert other.outcomes == [Outcome("cats", TOM)]


@pytest.mark.parametrize("kind", ["refresh", "command"])
@pytest.mark.parametrize("riders", [0, 1, 2])
async def test_a_refresh_or_a_command_flies_to_its_end(kind: FlightKind, riders: int) -> None:
    """The cache rides a refresh, and a write has its effect: neither is cancelled, whoever boards and leaves."""
    async with sky() as here:
        call = Call()
        slot = SLOT if kind == "refresh" else slot_of(feed, ())
        flight = here.begin(call, slot, kind=kind, shared=kind == "refresh")
        for rider in [here.ride(flight, slot) for _ in range(riders)]:
            rider.leave()
        await here.settle()
        assert (call.begun, call.cancelled, here.flights.under_way()) == (1, 0, 1)
        call.end()
        await here.settle()
        assert call.ended == 1
        assert [(fact.kind, fact.code) for fact in here.landed] == [(kind, None)]


async def test_a_refresh_is_joined_and_kept() -> None:
    """Who needs the answer meanwhile rides the refresh, and what it brings is kept for all."""
    async with sky() as here:
        here.kept.keep()
        await here.clock.advance(15)
        assert here.kept.result() == "stale"
        call = Call()
        here.begin(call, kind="refresh")
        rider = here.join()
        call.end()
        await here.settle()
        assert rider.outcomes == [Outcome("cats", TOM)]
        assert here.kept.result() == "fresh"


async def test_what_a_command_answers_is_not_kept() -> None:
    """A write's answer is its sender's alone, also where somebody says how long it may be kept."""
    async with sky() as here:
        call = Call()
        here.begin(call, SLOT, kind="command", shared=False)
        call.end()
        await here.settle()
        assert here.kept.look() is None


# Writes


@pytest.mark.parametrize("first", ["old", "new"])
async def test_a_read_that_began_before_a_write_ended_is_not_joined(first: str) -> None:
    """After a drop a new flight is made; each has its own riders, and whichever is first, the new answer is kept."""
    async with sky() as here:
        older, newer = Cat(id="a", name="Old"), Cat(id="a", name="New")
        calls = {"old": Call(Outcome("cats", older)), "new": Call(Outcome("cats", newer))}
        here.begin(calls["old"])
        before = here.join()
        here.kept.records.drop([by_id], asker().owner)
        assert here.flights.to(SLOT) is None
        flight = here.begin(calls["new"])
        after = here.join()
        calls[first].end()
        await here.settle()
        assert here.flights.to(SLOT) is (flight if first == "old" else None)
        for call in calls.values():
            call.end()
        await here.settle()
        assert (before.outcomes[0].value, after.outcomes[0].value) == (older, newer)
        hit = here.kept.look()
        assert hit is not None
        assert hit.outcome.value is newer


async def test_a_drop_of_another_owner_parts_nobody() -> None:
    """Somebody else's write leaves a private flight to be joined and kept."""
    async with sky() as here:
        slot, call = slot_of(mine, ()), Call()
        flight = here.begin(call, slot)
        here.kept.records.drop([mine], asker("8").owner)
        assert here.flights.to(slot) is flight
        call.end()
        await here.settle()
        assert here.kept.result(slot) == "fresh"


# What goes wrong


async def test_a_call_that_raises_is_a_bug_for_all() -> None:
    """Every rider is told, the error itself is told once with its trace, and nobody else is let down."""
    async with sky() as here:
        wrong = ZeroDivisionError("by nothing")
        call = Call(raises=wrong)
        here.begin(call, SLOT, OTHER)
        riders = [here.join(SLOT), here.join(OTHER), here.join(SLOT)]
        call.end()
        await here.settle()
        assert [(type(rider.error), str(rider.error)) for rider in riders] == [(Bug, "a flight to cats raised")] * 3
        assert here.observer.of(BugFound) == [BugFound("cache", "", wrong)]
        assert wrong.__traceback__ is not None
        assert [fact.code for fact in here.landed] == ["INTERNAL"]
        assert here.kept.look() is None


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_a_call_with_too_few_or_too_many_outcomes_is_a_bug_for_all(count: int) -> None:
    """Whose outcome is whose could only be guessed, so nobody is handed any, and nobody is left waiting."""
    async with sky() as here:
        call = Call()
        call.outcomes = [Outcome("cats", TOM)] * count
        here.begin(call, SLOT, OTHER)
        riders = [here.join(SLOT), here.join(OTHER)]
        call.end()
        await here.settle()
        told = f"a flight to cats had {count} outcomes for 2 seats"
        assert [str(rider.error) for rider in riders] == [told] * 2
        assert [str(fact.error) for fact in here.observer.of(BugFound)] == [told]
        assert (here.kept.look(SLOT), here.kept.look(OTHER)) == (None, None)


async def test_a_call_that_cannot_even_be_made_leaves_nothing() -> None:
    """Where there is no coroutine to run, the slot stays free and nothing is under way."""
    async with sky() as here:

        def broken() -> Coroutine[Any, Any, list[Outcome[Any]]]:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            here.flights.begin([SLOT], broken)
        assert here.flights.to(SLOT) is None
        assert here.flights.under_way() == 0


# The end of the process


async def test_closing_ends_all_flights_and_tells_who_rides() -> None:
    """Every kind of flight is cancelled and awaited; riders are told that they were rejected, before it returns."""
    async with sky() as here:
        calls = [Call(), Call(), Call()]
        riders = [
            here.ride(here.begin(calls[0])),
            here.ride(here.begin(calls[1], OTHER, kind="refresh"), OTHER),
            here.ride(here.begin(calls[2], slot_of(feed, ()), kind="command", shared=False), slot_of(feed, ())),
        ]
        await here.settle()
        await here.flights.aclose()
        assert here.flights.under_way() == 0
        assert [call.cancelled for call in calls] == [1, 1, 1]
        assert [type(rider.error) for rider in riders] == [Rejected] * 3
        assert {fact.code for fact in here.landed} == {"CANCELLED"}
        assert len(here.kept.store) == 0
        for rider in riders:
            rider.leave()


async def test_closing_waits_for_what_a_call_tidies_up() -> None:
    """A call that needs some rounds of the loop to end is awaited to its end."""
    async with sky() as here:
        steps: list[str] = []

        async def slow_to_end() -> list[Outcome[Any]]:
            try:
                await asyncio.Event().wait()
            finally:
                for _ in range(10):
                    await asyncio.sleep(0)
                steps.append("tidied up")
            return []

        flight = here.flights.begin([SLOT], slow_to_end)
        here.ride(flight)
        await here.settle()
        await here.flights.aclose()
        steps.append("closed")
        assert steps == ["tidied up", "closed"]


async def test_closing_ends_what_is_begun_meanwhile() -> None:
    """A rider who asks again when told that it was rejected leaves nothing under way either."""
    async with sky() as here:
        first, again = Call(), Call()
        flight = here.begin(first)

        def ask_again(_: Outcome[Any]) -> None:
            here.begin(again)

        here.flights.board(flight)
        flight.seats[SLOT].append(ask_again)
        await here.settle()
        await here.flights.aclose()
        assert here.flights.under_way() == 0
        assert (first.cancelled, again.ended) == (1, 0)


async def test_closing_without_flights_is_nothing() -> None:
    """It may be closed with nothing under way, and more than once."""
    async with sky() as here:
        await here.flights.aclose()
        await here.flights.aclose()
        assert here.landed == []


# Whose flight it is


async def test_a_flight_runs_in_a_context_of_its_own() -> None:
    """It serves whoever joins, so it knows no context variable of the request that began it, and sets none there."""
    here_is: contextvars.ContextVar[str] = contextvars.ContextVar("here_is", default="nowhere")
    async with sky() as here:
        seen: list[str] = []

        async def look() -> list[Outcome[Any]]:
            seen.append(here_is.get())
            here_is.set("in the flight")
            return [Outcome("cats", TOM)]

        here_is.set("in a request")
        here.flights.begin([SLOT], look)
        await here.settle()
        assert seen == ["nowhere"]
        assert here_is.get() == "in a request"


async def test_nothing_that_is_kept_leads_to_a_credential() -> None:
    """Once a flight has landed, neither cache nor flights hold the caller on whose behalf it flew, however it ended."""
    async with sky() as here:
        caller = Caller(Deadline.after(here.clock, 1), Credential("-".join(["a", "secret"])))
        assert caller.credential in list(reachable(caller))

        def as_it_ends(end: Callable[[], Outcome[Any]]) -> Callable[[], Coroutine[Any, Any, list[Outcome[Any]]]]:
            async def call(caller: Caller = caller) -> list[Outcome[Any]]:
                try:
                    return [end()]
                except BffError as error:  # as the channel does: what was raised is an outcome
                    return [Outcome("cats", error=error)]

            return call

        def missing() -> Outcome[Any]:
            raise NotFound("cats GET /mine answered 404", service="cats")

        def refused() -> Outcome[Any]:
            raise Unauthenticated("The credential was not accepted.")

        def worked() -> Outcome[Any]:
            return Outcome("cats", TOM)

        for number, end in enumerate((worked, missing, refused, worked)):
            here.flights.begin([slot_of(mine, (str(number),))], as_it_ends(end))
        await here.settle()
        assert len(here.kept.store) == 3
        held = list(reachable(here.flights, here.kept.records, here.kept.store))
        assert TOM in held
        assert [one for one in held if isinstance(one, Credential | Caller | BaseException)] == []


# What is told


async def test_a_landing_is_told_as_a_fact() -> None:
    """Service, endpoint, kind, keys, riders, seconds by the clock, and the code of the first key that failed."""
    async with sky() as here:
        missing = NotFound("cats GET /cats: no b", service="cats")
        call = Call(Outcome("cats", TOM), Outcome("cats", error=missing), Outcome("cats", error=SLOW))
        here.begin(call, *(slot_of(by_id, key) for key in "abc"))
        riders = [here.join(SLOT), here.join(OTHER)]
        await here.clock.advance(0.25)
        call.end()
        await here.settle()
        assert here.landed == [FlightLanded("cats", "cats GET /cats", "read", 3, 2, 0.25, "NOT_FOUND")]
        for rider in riders:
            rider.leave()
        assert len(here.landed) == 1


@pytest.mark.parametrize("how", ["lands", "fails", "is given up", "is closed"])
async def test_what_waits_for_the_landing_goes_before_the_riders(how: str) -> None:
    """However a flight ends, ``when_landed`` is called once, in order, before those who ride it go on."""
    async with sky() as here:
        order: list[str] = []
        call = Call(raises=ZeroDivisionError() if how == "fails" else None)
        flight = here.begin(call)
        flight.when_landed(lambda: order.append("one"))
        flight.when_landed(lambda: order.append("two"))
        flight.seats[SLOT].append(lambda _: order.append("rider"))
        rider = here.ride(flight)
        await here.settle()
        assert order == []
        if how == "is given up":
            rider.leave()
        elif how == "is closed":
            await here.flights.aclose()
        else:
            call.end()
        await here.settle()
        assert order == ["one", "two", "rider"]


async def test_flights_say_how_they_stand() -> None:
    """Their reprs have the counts and nothing of what flies."""
    async with sky() as here:
        call = Call(Outcome("cats", TOM), Outcome("cats", TOM))
        flight = here.begin(call, SLOT, OTHER)
        here.join()
        assert repr(flight) == "<Flight read of 2 slots, riders=1>"
        assert repr(here.flights) == "<Flights cats under way=1>"
        call.end()


# In any order

Step = tuple[str, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "ask", "leave", "end", "drop", "settle", "refresh"]), st.integers(0, 7)),
    max_size=40,
)


@given(STEPS)
async def test_in_any_order_everybody_who_stays_is_handed_one_outcome(steps: Sequence[Step]) -> None:
    """Nobody joins a flight older than the last write, and what nobody rides any more ends."""
    async with sky() as here:
        calls: list[tuple[Call, Flight, int]] = []
        riders: list[tuple[Rider, Flight]] = []
        writes = 0
        for step, number in steps:
            if step in ("ask", "refresh"):
                flight = here.flights.to(SLOT)
                if flight is None:
                    call = Call(Outcome("cats", Cat(id="a", name=str(len(calls)))))
                    flight = here.begin(call, kind="refresh" if step == "refresh" else "read")
                    calls.append((call, flight, writes))
                assert [at for _, flown, at in calls if flown is flight] == [writes]
                if step == "ask":
                    riders.append((here.ride(flight), flight))
            elif step == "leave" and riders:
                rider, _ = riders.pop(number % len(riders))
                rider.leave()
            elif step == "end" and calls:
                calls[number % len(calls)][0].end()
            elif step == "drop":
                here.kept.records.drop([by_id], None)
                writes += 1
            elif step == "settle":
                await here.settle()
                flying = {id(flight) for call, flight, _ in calls if flight.task and not flight.task.done()}
                ridden = {id(flight) for _, flight in riders}
                refreshing = {id(flight) for _, flight, _ in calls if flight.kind == "refresh"}
                assert flying <= ridden | refreshing
                assert here.flights.under_way() == len(flying)
        for call, _, _ in calls:
            call.end()
        await here.settle()
        names = {id(flight): str(number) for number, (_, flight, _) in enumerate(calls)}
        for rider, flight in riders:
            assert [outcome.value and outcome.value.name for outcome in rider.outcomes] == [names[id(flight)]]
        hit = here.kept.look()
        newest = {str(number) for number, (call, _, at) in enumerate(calls) if at == writes and call.ended}
        assert (hit.outcome.value.name in newest) if hit and hit.outcome.value else not newest
        assert all(call.begun <= 1 for call, _, _ in calls)
