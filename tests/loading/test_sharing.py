"""What requests share: one call for a key that many want, kept answers while they serve, and nobody else's answer."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest

from bff_core.auth.principal import ANONYMOUS
from bff_core.contract import Source
from bff_core.errors import BadStatus, DeadlinePassed, Forbidden, NotFound, Unauthenticated
from bff_core.loading.served import Served
from bff_core.telemetry.facts import FlightLanded
from tests.loading.town import (
    ANN,
    BOB,
    House,
    Paint,
    a_town,
    doors,
    houses,
    keys_of,
    market,
    mine,
    paint,
    signs,
    sweep,
    tower,
    vault,
    well,
)

# One call


async def test_only_what_nobody_has_or_is_asking_for_goes_down() -> None:
    """With 1, 2 and 3 kept, two requests at once for 2, 3 and 4 make one call, for 4."""
    async with a_town() as here:
        await here.ask(houses, "1", "2", "3")
        here.hall.transport.hold()
        two = [asyncio.create_task(here.ask(houses, "2", "3", "4")) for _ in range(2)]
        await here.clock.settle()
        here.hall.transport.let_go()

        assert [[house.id for house in answer] for answer in await asyncio.gather(*two)] == [["2", "3", "4"]] * 2
        assert here.hall.targets == ["GET /houses?ids=1,2,3", "GET /houses?ids=4"]


async def test_a_request_knows_how_old_what_it_was_given_was() -> None:
    """Of each endpoint the oldest value, and apart from it the oldest missing thing; a call's own are new."""
    async with a_town() as here:
        here.hall.unknown = {"8", "9"}
        await here.ask(houses, "1")
        await here.clock.advance(3)
        await here.ask(houses, "2", "9")
        await here.clock.advance(1)
        async with here.scope() as scope:
            assert scope.served(houses) == Served()
            await scope.load(houses, "3")
            await scope.load(houses, "2")
            assert scope.served(houses) == Served(oldest=1)
            await scope.load_many(houses, ["1", "2"])
            assert scope.served(houses) == Served(oldest=4)
            await scope.load(houses, "9")
            assert scope.served(houses) == Served(oldest=4, missing=1)
            await scope.load(houses, "8")
            assert scope.served(houses) == Served(oldest=4, missing=1)
            assert scope.served(tower) == Served()


async def test_a_flight_is_joined_for_the_keys_that_it_has() -> None:
    """Who wants more than a flight under way has joins it for its keys and asks for the rest."""
    async with a_town() as here:
        here.hall.transport.hold()
        first = asyncio.create_task(here.ask(houses, "1", "2"))
        await here.clock.settle()
        async with here.scope() as scope:
            second = asyncio.create_task(scope.load_many(houses, ["2", "3"]))
            await here.clock.settle()
            here.hall.transport.let_go()
            await asyncio.gather(first, second)

            assert here.hall.targets == ["GET /houses?ids=1,2", "GET /houses?ids=3"]
            assert scope.calls == 1
            assert scope.looks == {("town", "joined"): 1, ("town", "miss"): 1}


async def test_what_is_not_kept_is_shared_while_it_is_under_way() -> None:
    """An endpoint without windows is asked once for all who wait, and anew for who comes later."""
    async with a_town() as here:
        here.hall.transport.hold()
        many = [asyncio.create_task(here.version(well, ("w",))) for _ in range(5)]
        await here.clock.settle()
        here.hall.transport.let_go()
        assert await asyncio.gather(*many) == [1] * 5
        await here.version(well, ("w",))
        assert len(here.hall.targets) == 2


async def test_a_failure_is_shared_and_not_kept() -> None:
    """All who waited read the one failure; who comes later asks again."""
    async with a_town() as here:
        here.hall.fail()
        here.hall.transport.hold()
        many = [asyncio.create_task(here.version(houses, "1")) for _ in range(3)]
        await here.clock.settle()
        here.hall.transport.let_go()
        assert await asyncio.gather(*many) == [BadStatus] * 3
        here.hall.heal()
        assert await here.version(houses, "1") == 1
        assert len(here.hall.targets) == 2


async def test_a_hot_key_that_expires_is_asked_for_once() -> None:
    """When a kept answer ends under 500 requests, one call is made and all of them have its answer."""
    async with a_town() as here:
        await here.ask(market, ("m",))
        await here.clock.advance(10)
        here.hall.version = 2
        here.hall.transport.hold()
        many = [asyncio.create_task(here.version(market, ("m",))) for _ in range(500)]
        await here.clock.settle()
        here.hall.transport.let_go()

        assert Counter(await asyncio.gather(*many)) == {2: 500}
        assert here.hall.targets == ["GET /market/m"] * 2


async def test_what_waits_for_its_turn_takes_an_answer_that_came_meanwhile() -> None:
    """A call that its request's share holds back is not made when another request has the answer by then."""
    async with a_town(in_flight=4) as here:  # a share of one
        here.hall.transport.hold()
        wide = asyncio.create_task(here.ask(tower, ("1",), ("2",), ("3",)))
        await here.clock.settle()
        other = asyncio.create_task(here.ask(tower, ("3",)))
        await here.clock.settle()
        assert here.hall.targets == ["GET /towers/1", "GET /towers/3"]
        here.hall.transport.let_go()
        await asyncio.gather(wide, other)
        assert here.hall.targets == ["GET /towers/1", "GET /towers/3", "GET /towers/2"]


async def test_a_thousand_keys_without_a_call_leave_no_deep_stack() -> None:
    """Turns that find nothing to do go on one after another, not one inside the other."""
    async with a_town(in_flight=4) as here:
        here.hall.transport.hold()
        keys = [(str(number),) for number in range(3000)]
        first = asyncio.create_task(here.ask(tower, *keys, seconds=0.5))
        await here.clock.settle()
        await here.clock.advance(0.4)  # all but the first wait for their turn, and are given up
        assert await first == [DeadlinePassed] * 3000
        here.hall.transport.let_go()
        assert len(here.hall.targets) == 1


# Kept answers


async def test_a_fresh_answer_makes_no_call() -> None:
    """Within its window it is served as it came, with its age, to any request."""
    async with a_town() as here:
        await here.ask(houses, "1")
        here.hall.version = 2
        await here.clock.advance(9.9)
        async with here.scope() as scope:
            outcome = await scope.load(houses, "1")
            assert outcome.value is not None
            assert (outcome.value.version, outcome.source, outcome.age) == (1, Source.CACHED, 9.9)
            assert (scope.calls, scope.looks) == (0, {("town", "fresh"): 1})
        assert len(here.hall.targets) == 1


async def test_a_stale_answer_serves_and_is_asked_for_anew_once() -> None:
    """Requests that meet it together are served at once and make one refresh; the next has what that brought."""
    async with a_town() as here:
        await here.ask(houses, "1", "2", "3")
        here.hall.version = 2
        await here.clock.advance(10)
        here.hall.transport.hold()
        met = await asyncio.gather(*(here.ask(houses, "1", "2", "3") for _ in range(5)))
        assert {house.version for answer in met for house in answer} == {1}
        await here.clock.settle()
        assert here.hall.targets == ["GET /houses?ids=1,2,3"] * 2
        here.hall.transport.let_go()
        await here.clock.settle()

        assert await here.version(houses, "1") == 2
        assert len(here.hall.targets) == 2
        assert [fact.kind for fact in here.observer.of(FlightLanded)] == ["read", "refresh"]


async def test_a_refresh_outlives_the_request_that_met_the_old_answer() -> None:
    """It belongs to the cache: the request is over before the refresh is, and its own time bounds it."""
    async with a_town() as here:
        await here.ask(houses, "1")
        await here.clock.advance(10)
        here.hall.transport.hold()
        await here.ask(houses, "1")
        await here.clock.settle()
        assert here.hall.transport.pending == 1
        await here.clock.advance(1.5)
        assert here.hall.transport.cancelled == 1
        here.hall.transport.let_go()


async def test_a_refresh_that_fails_leaves_the_old_answer() -> None:
    """It serves on while its window lasts, and the next request tries again."""
    async with a_town() as here:
        await here.ask(houses, "1")
        await here.clock.advance(10)
        here.hall.fail()
        for calls in (2, 3):
            assert await here.version(houses, "1") == 1
            await here.clock.settle()
            assert len(here.hall.targets) == calls


async def test_who_misses_joins_a_refresh_under_way() -> None:
    """When the old answer's window ends while it is asked for anew, nobody asks a second time."""
    async with a_town() as here:
        await here.ask(houses, "1")
        await here.clock.advance(29.5)
        here.hall.version = 2
        here.hall.transport.hold()
        await here.ask(houses, "1")
        await here.clock.advance(0.5)
        late = asyncio.create_task(here.version(houses, "1"))
        await here.clock.settle()
        here.hall.transport.let_go()
        assert await late == 2
        assert len(here.hall.targets) == 2


async def test_refreshes_have_one_share_of_the_bulkhead() -> None:
    """However many answers are stale, no more refreshes are under way than one request may have calls."""
    async with a_town(in_flight=8) as here:  # a share of two
        keys = [(str(number),) for number in range(6)]
        await here.ask(tower, *keys)
        await here.clock.advance(10)
        here.hall.transport.hold()
        await here.ask(tower, *keys)
        await here.clock.settle()
        assert here.hall.transport.pending == 2
        await here.ask(tower, *keys)
        await here.clock.settle()
        assert here.hall.transport.pending == 2
        here.hall.transport.let_go()
        await here.clock.settle()
        await here.ask(tower, *keys)  # the ones that were let be have their try now
        await here.clock.settle()
        assert len(here.hall.targets) == 6 + 2 + 2


async def test_a_key_that_nobody_knows_is_not_asked_for_again_for_seconds() -> None:
    """A missing key is kept for its own short window, and is there when the thing has come to be."""
    async with a_town() as here:
        here.hall.unknown = {"9"}
        assert await here.ask(houses, "9") == [NotFound]
        await here.clock.advance(1.9)
        async with here.scope() as scope:
            assert isinstance((await scope.load(houses, "9")).error, NotFound)
            assert scope.looks == {("town", "negative"): 1}
        assert len(here.hall.targets) == 1
        here.hall.unknown = set()
        await here.clock.advance(0.1)
        assert await here.version(houses, "9") == 1


# An old answer where asking fails


@pytest.mark.parametrize(
    "failure", [httpx.Response(503), httpx.ConnectError("gone"), httpx.Response(200, content=b"[")]
)
async def test_an_old_answer_stands_in_where_the_service_fails(failure: httpx.Response | Exception) -> None:
    """Past all but its last window the service is asked first; its failure is the old answer's reason."""
    async with a_town() as here:
        await here.ask(houses, "1")
        await here.clock.advance(60)
        here.hall.answer = failure
        async with here.scope() as scope:
            outcome = await scope.load(houses, "1")
            assert outcome.value is not None
            assert (outcome.value.version, outcome.source, outcome.age) == (1, Source.STALE, 60)
            assert outcome.reason is not None
            assert scope.looks == {("town", "miss"): 1, ("town", "stale_if_error"): 1}
        assert len(here.hall.targets) == 2


async def test_an_old_answer_stands_in_when_time_is_up() -> None:
    """Who waits for a service that hangs gets the old answer at the deadline less the reserve."""
    async with a_town() as here:
        await here.ask(houses, "1")
        await here.clock.advance(60)
        here.hall.transport.hold()
        waiting = asyncio.create_task(here.ask(houses, "1", seconds=1.0))
        await here.clock.advance(0.9)
        ((house),) = await waiting
        assert house.version == 1
        await here.clock.settle()
        here.hall.transport.let_go()


@pytest.mark.parametrize(("status", "error"), [(404, NotFound), (400, BadStatus)])
async def test_an_old_answer_does_not_stand_in_for_a_no(status: int, error: type[Exception]) -> None:
    """A service that answers has the word, also when it is no."""
    async with a_town() as here:
        await here.ask(tower, ("1",))
        await here.clock.advance(60)
        here.hall.fail(status)
        assert await here.ask(tower, ("1",)) == [error]
        if status == 404:  # and it is not there for the next failure either
            here.hall.fail(503)
            await here.clock.advance(5)
            assert await here.ask(tower, ("1",)) == [BadStatus]


@pytest.mark.parametrize(("status", "error"), [(401, Unauthenticated), (403, Forbidden)])
async def test_a_refused_credential_ends_the_old_answer(status: int, error: type[Exception]) -> None:
    """Who may not see it any more does not see it, now or at the next failure."""
    async with a_town() as here:
        await here.ask(mine, ())
        await here.clock.advance(60)
        here.hall.fail(status)
        assert await here.ask(mine, ()) == [error]
        here.hall.fail(503)
        assert await here.ask(mine, ()) == [BadStatus]


async def test_no_stale_is_never_stale() -> None:
    """What must not be old is asked for when it is, and its failure is a failure."""
    async with a_town() as here:
        await here.ask(market, ("m",))
        await here.clock.advance(10)
        here.hall.fail()
        assert await here.ask(market, ("m",)) == [BadStatus]


# Time


async def test_a_flight_goes_on_for_who_has_more_time() -> None:
    """The one who began it runs out of time; the one who joined has the answer, of the one call."""
    async with a_town() as here:
        here.hall.transport.hold()
        short = asyncio.create_task(here.version(well, ("w",), seconds=0.3))
        await here.clock.settle()
        long = asyncio.create_task(here.version(well, ("w",), seconds=2.0))
        await here.clock.advance(0.2)
        assert await short is DeadlinePassed
        await here.clock.advance(0.8)
        here.hall.transport.let_go()
        assert await long == 1
        assert (len(here.hall.targets), here.hall.transport.cancelled) == (1, 0)


async def test_who_joins_late_waits_on_its_own_time() -> None:
    """A caller's deadline is neither the flight's nor another's: it ends the waiting of that caller alone."""
    async with a_town() as here:
        here.hall.transport.hold()
        long = asyncio.create_task(here.version(well, ("w",), seconds=2.0))
        await here.clock.settle()
        short = asyncio.create_task(here.version(well, ("w",), seconds=0.3))
        await here.clock.advance(0.2)
        assert await short is DeadlinePassed
        assert here.hall.transport.cancelled == 0
        here.hall.transport.let_go()
        assert await long == 1


async def test_a_read_that_nobody_awaits_is_cancelled() -> None:
    """The last who leaves takes the call along."""
    async with a_town() as here:
        here.hall.transport.hold()
        leaving = [asyncio.create_task(here.version(well, ("w",))) for _ in range(3)]
        await here.clock.settle()
        for number, task in enumerate(leaving, 1):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await here.clock.settle()
            assert here.hall.transport.cancelled == (1 if number == 3 else 0)
        here.hall.transport.let_go()
        assert await here.version(well, ("w",)) == 1
        assert len(here.hall.targets) == 2


async def test_a_flight_that_is_left_is_not_joined() -> None:
    """Who comes in the round in which the last one leaves begins a call of its own."""
    async with a_town() as here:
        here.hall.transport.hold()
        leaving = asyncio.create_task(here.version(well, ("w",)))
        await here.clock.settle()
        leaving.cancel()
        coming = asyncio.create_task(here.version(well, ("w",)))
        await here.clock.settle()
        here.hall.transport.let_go()
        assert await coming == 1
        assert (len(here.hall.targets), here.hall.transport.cancelled) == (2, 1)


# Whose answer


async def test_everybody_shares_a_public_answer() -> None:
    """Whoever asks, signed in or not, in whichever language: one call, and no credential on it."""
    async with a_town() as here:
        await here.ask(houses, "1", principal=ANN)
        answers = [
            await here.ask(houses, "1", principal=principal, locale=locale)
            for principal in (BOB, ANONYMOUS)
            for locale in ("de", "en")
        ]
        assert answers == [[House(id="1", version=1)]] * 4
        assert len(here.hall.targets) == 1


async def test_a_relayed_answer_is_its_owner_s() -> None:
    """Each is answered with their own credential, at once and later."""
    async with a_town() as here:
        here.hall.transport.hold()
        together = [asyncio.create_task(here.ask(mine, (), principal=who)) for who in (ANN, BOB, ANN)]
        await here.clock.settle()
        here.hall.transport.let_go()
        assert [house.credential for (house,) in await asyncio.gather(*together)] == [
            "Bearer ann",
            "Bearer bob",
            "Bearer ann",
        ]
        assert [(await here.ask(mine, (), principal=who))[0].credential for who in (BOB, ANN)] == [
            "Bearer bob",
            "Bearer ann",
        ]
        assert len(here.hall.targets) == 2


async def test_a_private_answer_is_kept_apart_without_a_credential() -> None:
    """``public=False`` keeps answers by owner, though the service is not told who asks."""
    async with a_town() as here:
        for who in (ANN, BOB, ANONYMOUS, ANN, BOB, ANONYMOUS):
            ((house),) = await here.ask(vault, ("v",), principal=who)
            assert house.credential is None
        assert len(here.hall.targets) == 3


async def test_answers_are_kept_apart_by_locale_and_client_where_they_differ_by_it() -> None:
    """What varies by locale is one answer a locale, what varies by client one a client, and no more."""
    async with a_town() as here:
        for locale, client in [("en", "ios"), ("de", "ios"), ("en", "android"), ("de", "android")] * 2:
            ((sign),) = await here.ask(signs, ("s",), locale=locale, client=client)
            ((door),) = await here.ask(doors, ("d",), locale=locale, client=client)
            assert (sign.locale, sign.client) == (locale, None)
            assert (door.locale, door.client) == (None, client)
        assert Counter(here.hall.targets) == {"GET /signs/s": 2, "GET /doors/d": 2}


async def test_with_several_workers_nothing_is_kept_that_is_private_or_written() -> None:
    """Another worker's write would not drop it; what is public and never written is kept as ever."""
    async with a_town(workers=2) as here:
        for _ in range(2):
            await here.ask(mine, ())
            await here.ask(keys_of, "1")
            await here.ask(vault, ("v",))
            await here.ask(houses, "1")
            await here.ask(market, ("m",))
        assert Counter(here.hall.targets) == {
            "GET /mine": 2,
            "GET /keys?ids=1": 2,
            "GET /vaults/v": 2,
            "GET /houses?ids=1": 2,
            "GET /market/m": 1,
        }


@pytest.mark.parametrize(("workers", "calls"), [(1, 1), (2, 2)])
async def test_with_several_workers_no_read_of_what_is_written_is_joined(workers: int, calls: int) -> None:
    """A read that is under way may be older than another worker's write, so who asks later asks for themselves."""
    async with a_town(workers=workers) as here:
        here.hall.by_hand = True
        first = asyncio.create_task(here.ask(houses, "1", request_id="one"))
        await here.clock.settle()
        second = asyncio.create_task(here.ask(houses, "1", request_id="two"))
        await here.clock.settle()
        for call in here.hall.held:
            here.hall.end(call, "answer")
        await asyncio.gather(first, second)
        assert here.hall.targets == ["GET /houses?ids=1"] * calls


@pytest.mark.parametrize(("status", "error"), [(401, Unauthenticated), (403, Forbidden)])
async def test_a_refusal_is_said_of_one_credential_and_not_shared(status: int, error: type[Exception]) -> None:
    """Who joined a flight that was refused asks again alone: a refreshed token may reach where the old one did not."""
    async with a_town() as here:
        old_refused = here.hall.transport

        async def respond(request: httpx.Request) -> httpx.Response:
            old = request.headers["authorization"] == "Bearer old"
            return httpx.Response(status) if old else httpx.Response(200, json={"id": "m", "version": 1})

        here.hall.transport._responder = respond
        old_refused.hold()
        old = asyncio.create_task(here.ask(mine, (), token="old"))
        await here.clock.settle()
        new = [asyncio.create_task(here.version(mine, (), token="new")) for _ in range(2)]
        await here.clock.settle()
        assert len(here.hall.targets) == 1
        old_refused.let_go()

        assert await old == [error]
        assert await asyncio.gather(*new) == [1, 1]
        assert len(here.hall.targets) == 3


# Writes


async def test_a_read_that_began_before_a_write_ended_is_neither_kept_nor_joined() -> None:
    """A read starts, a write ends, the read ends: it answers who waited, and nobody who asks after the write."""
    async with a_town() as here:
        here.hall.transport.hold()
        early = asyncio.create_task(here.version(houses, "1"))
        await here.clock.settle()
        early_gate = here.hall.transport._gate
        here.hall.transport._gate = asyncio.Event()
        here.hall.transport.let_go()
        async with here.scope() as scope:
            await scope.send(paint, ("1",), Paint(colour="red"))
        late = asyncio.create_task(here.version(houses, "1"))
        await here.clock.settle()
        assert await late == 2
        here.hall.version = 1  # what the service had when it was asked early
        early_gate.set()
        assert await early == 1
        here.hall.version = 2
        assert await here.version(houses, "1") == 2
        assert here.hall.targets == ["GET /houses?ids=1", "POST /paint/1", "GET /houses?ids=1"]


async def test_a_write_drops_what_it_declares_and_nothing_else() -> None:
    """Of a private endpoint the writer's own answers, of a public one everybody's; other endpoints stay."""
    async with a_town() as here:
        for who in (ANN, BOB):
            await here.ask(mine, (), principal=who)
            await here.ask(houses, "1", principal=who)
            await here.ask(tower, ("1",), principal=who)
        async with here.scope(ANN) as scope:
            outcome = await scope.send(paint, ("1",), Paint(colour="red"))
            assert outcome.value is not None
            assert (outcome.value.version, outcome.value.credential, scope.calls) == (2, "Bearer ann", 1)

        assert await here.version(mine, (), principal=ANN) == 2
        assert await here.version(mine, (), principal=BOB) == 1
        assert await here.version(houses, "1", principal=BOB) == 2
        assert await here.version(tower, ("1",), principal=ANN) == 1


async def test_the_same_request_reads_what_it_wrote() -> None:
    """A later field of the request that wrote is not given what an earlier one was."""
    async with a_town() as here, here.scope() as scope:
        before = await scope.load(houses, "1")
        await scope.send(paint, ("1",), Paint(colour="red"))
        after = await scope.load(houses, "1")
        assert before.value is not None
        assert after.value is not None
        assert (before.value.version, after.value.version) == (1, 2)


async def test_a_write_goes_on_when_its_client_leaves() -> None:
    """It is not cancelled half-way, and drops at its end what it made untrue."""
    async with a_town() as here:
        await here.ask(houses, "1")
        here.hall.transport.hold()

        async def write() -> None:
            async with here.scope() as scope:
                await scope.send(paint, ("1",), Paint(colour="red"))

        leaving = asyncio.create_task(write())
        await here.clock.settle()
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        here.hall.transport.let_go()
        await here.clock.settle()
        assert here.hall.transport.cancelled == 0
        assert await here.version(houses, "1") == 2


async def test_a_write_that_was_not_answered_drops_too() -> None:
    """It may have been done all the same; the writer reads that it is late, and that nobody knows."""
    async with a_town() as here:
        await here.ask(houses, "1")
        here.hall.transport.hold()
        async with here.scope(seconds=0.5) as scope:
            sending = asyncio.create_task(scope.send(paint, ("1",), Paint(colour="red")))
            await here.clock.advance(0.4)
            outcome = await sending
            assert (type(outcome.error), outcome.unknown) == (DeadlinePassed, True)
            again = await scope.send(sweep, ("1",))
            assert (type(again.error), again.unknown) == (DeadlinePassed, False)
        await here.clock.advance(1.5)
        here.hall.transport.let_go()
        assert await here.version(houses, "1") == 1
        assert len(here.hall.targets) == 3


async def test_who_may_not_write_sends_nothing() -> None:
    """A command that relays needs a principal; a hostile id reaches no service."""
    async with a_town() as here:
        async with here.scope(ANONYMOUS) as scope:
            assert isinstance((await scope.send(paint, ("1",), Paint(colour="red"))).error, Unauthenticated)
            assert isinstance((await scope.send(sweep, ("..",))).error, NotFound)
        assert here.hall.targets == []
