"""The request's scope: keys in, outcomes out, as few calls as can be, and nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from bff_core.auth.principal import ANONYMOUS, Principal
from bff_core.clock import sleep
from bff_core.contract import Outcome, Service, Source
from bff_core.errors import (
    AuthUnavailable,
    BadStatus,
    BffError,
    DeadlinePassed,
    Forbidden,
    NotFound,
    Unauthenticated,
)
from bff_core.telemetry.facts import CallFinished
from bff_core.testing.transport import json_reply
from tests.graphql.shelf import (
    READER,
    Author,
    Shelf,
    World,
    author_by_id,
    biography,
    book_by_id,
    books_of,
    editions,
    left_over,
    my_loans,
    my_shelf,
    notes,
    room,
)


def kinds(outcomes: Sequence[Outcome[Any]]) -> list[type[BffError] | None]:
    """The class of each outcome's error."""
    return [None if outcome.error is None else type(outcome.error) for outcome in outcomes]


# Batching


async def test_every_key_is_asked_for_once() -> None:
    """A key that many ask for, together or later, goes down once; each asker has its outcome."""
    async with room() as here, here.scope() as scope:
        first = await asyncio.gather(*(scope.load(author_by_id, key) for key in ("a", "b", "a", "a")))
        later = await scope.load(author_by_id, "a")

        assert here.targets == ["GET /authors?ids=a,b"]
        assert [outcome.value.id for outcome in first if outcome.value] == ["a", "b", "a", "a"]
        assert later is first[0]
        assert scope.calls == 1


async def test_outcomes_stand_in_the_order_of_the_keys() -> None:
    """Many keys give as many outcomes in their order, also where a key stands twice or is nobody's."""

    class NoB(World):
        def has(self, kind: str, key: str) -> bool:
            return key != "b"

    async with room(NoB()) as here, here.scope() as scope:
        outcomes = await scope.load_many(author_by_id, ["c", "b", "a", "c"])

        assert [outcome.value and outcome.value.id for outcome in outcomes] == ["c", None, "a", "c"]
        assert kinds(outcomes) == [None, NotFound, None, None]
        assert {(outcome.service, outcome.source) for outcome in outcomes} == {("authors", Source.SERVICE)}
        assert await scope.load_many(author_by_id, []) == []
        assert here.targets == ["GET /authors?ids=c,b,a"]


async def test_many_keys_go_down_in_chunks() -> None:
    """No call carries more than ``max_keys``; every key gets its own record."""
    async with room() as here, here.scope() as scope:
        keys = [f"b{n}" for n in range(9)]
        outcomes = await scope.load_many(book_by_id, keys)

        assert [outcome.value.id for outcome in outcomes if outcome.value] == keys
        assert here.targets == [
            "GET /books?id=b0&id=b1&id=b2&id=b3",
            "GET /books?id=b4&id=b5&id=b6&id=b7",
            "GET /books?id=b8",
        ]
        assert scope.calls == 3


async def test_loads_that_are_ready_together_go_out_together() -> None:
    """Askers that do not know of each other share a call, and each endpoint has a call of its own."""
    async with room() as here, here.scope() as scope:
        await asyncio.gather(
            scope.load(author_by_id, "a"),
            scope.load_many(author_by_id, ["b", "c"]),
            scope.load(book_by_id, "b1"),
            scope.load(author_by_id, "d"),
            scope.load(editions, ("b1", "en")),
            scope.load(notes, "b1"),
            scope.load(editions, ("b1", "de")),
        )

        assert here.targets == ["GET /authors?ids=a,b,c,d", "GET /books?id=b1", "POST /editions", "GET /notes?book=b1"]


async def test_asking_is_at_once() -> None:
    """``ask`` puts the key into the batch before anybody awaits it, so that awaiting late makes no call of its own."""
    async with room() as here, here.scope() as scope:
        early = scope.ask(author_by_id, "a")
        late = scope.ask(author_by_id, "b")
        assert not isinstance(early, Outcome)
        assert not isinstance(late, Outcome)
        await early
        assert here.targets == ["GET /authors?ids=a,b"]
        assert (await late).error is None
        known = scope.ask(author_by_id, "a")
        assert isinstance(known, Outcome)
        assert isinstance(known.value, Author)


async def test_a_failing_chunk_is_its_own_keys_error() -> None:
    """What one call of a batch meets is told to its keys and to no other's."""

    def answer(request: httpx.Request) -> httpx.Response:
        if "b0" in str(request.url):
            return httpx.Response(503)
        return json_reply({"items": [World().book(key) for key in request.url.params.get_list("id")]})

    async with room(answers={"books": answer}) as here, here.scope() as scope:
        outcomes = await scope.load_many(book_by_id, [f"b{n}" for n in range(6)])

        assert kinds(outcomes) == [BadStatus] * 4 + [None] * 2
        assert here.calls == {"books GET /books": 2}


async def test_the_credential_goes_only_where_it_is_relayed() -> None:
    """A private endpoint gets the caller's token, a public one never does; all get the request's id."""
    async with room() as here, here.scope() as scope:
        await asyncio.gather(scope.load(my_shelf, ()), scope.load(author_by_id, "a"))

        (private,) = here.doubles["shelves"].transport.requests
        (public,) = here.doubles["authors"].transport.requests
        assert private.headers["authorization"] == "Bearer token"
        assert "authorization" not in public.headers
        assert {private.headers["x-request-id"], public.headers["x-request-id"]} == {"request-1"}


# Fan-out


async def test_fan_out_bounds_the_calls_under_way() -> None:
    """One request has at most ``fan_out`` calls of an endpoint without a batch form under way, and all are answered."""
    async with room() as here, here.scope() as scope:
        under_way: list[int] = []
        transport = here.doubles["authors"].transport

        async def answer(_request: httpx.Request) -> httpx.Response:
            under_way.append(transport.pending)
            await asyncio.sleep(0)
            return json_reply({"author_id": "a", "text": "long"})

        here.doubles["authors"].answer = answer
        outcomes = await scope.load_many(biography, [(f"a{n}",) for n in range(7)], fan_out=3)

        assert kinds(outcomes) == [None] * 7
        assert len(under_way) == scope.calls == 7
        assert max(under_way) == 3


async def test_fan_out_waits_in_the_request_and_not_in_the_bulkhead() -> None:
    """What fan-out holds back takes no place in the service's waiting room."""
    async with room(in_flight=12) as here, here.scope() as scope:
        here.doubles["authors"].transport.hold()
        running = asyncio.create_task(scope.load_many(biography, [(f"a{n}",) for n in range(7)], fan_out=2))
        await here.clock.settle()

        standing = here.channels["authors"].bulkhead()
        assert (standing.in_flight, standing.waiting) == (2, 0)
        here.doubles["authors"].transport.let_go()
        assert kinds(await running) == [None] * 7


async def test_a_request_holds_no_more_than_its_share_of_a_bulkhead() -> None:
    """A quarter of the permits, whatever is asked for and by how many endpoints; the rest waits in the request."""
    async with room(in_flight=20) as here, here.scope() as scope:
        here.doubles["authors"].transport.hold()
        running: list[asyncio.Task[list[Outcome[Any]]]] = [
            asyncio.create_task(scope.load_many(biography, [(f"a{n}",) for n in range(7)])),
            asyncio.create_task(scope.load_many(books_of, [(f"a{n}", 2, None) for n in range(7)], fan_out=3)),
        ]
        await here.clock.settle()

        standing = here.channels["authors"].bulkhead()
        assert (standing.in_flight, standing.waiting) == (5, 0)
        here.doubles["authors"].transport.let_go()
        assert [kinds(outcomes) for outcomes in await asyncio.gather(*running)] == [[None] * 7] * 2


async def test_a_wide_fan_out_gets_all_its_answers_and_is_in_nobodys_way() -> None:
    """100 keys without a batch form, 20 permits, 5 ms a call: 100 answers, no rejection; a neighbour does not wait."""
    async with room(in_flight=20) as here:

        async def slowly(_: httpx.Request) -> httpx.Response:
            await sleep(here.clock, 0.005)
            return json_reply({"author_id": "a", "text": "t"})

        here.doubles["authors"].answer = slowly
        async with here.scope() as wide, here.scope() as neighbour:
            running = asyncio.create_task(wide.load_many(biography, [(f"a{n}",) for n in range(100)], fan_out=8))
            await here.clock.advance(0.001)
            beside = asyncio.create_task(neighbour.load(biography, ("b",)))
            await here.clock.advance(0.005)
            assert beside.done(), "it took its own 5 ms and no wait"
            assert not running.done()
            await here.clock.advance(0.1)
            assert kinds(await running) == [None] * 100
        assert {fact.code for fact in here.observer.of(CallFinished)} == {None}
        assert max(fact.waited for fact in here.observer.of(CallFinished)) == 0


async def test_a_key_is_asked_for_once_whatever_the_fan_out() -> None:
    """Two positions over one endpoint share their keys' answers, though each bounds its own calls."""
    async with room() as here, here.scope() as scope:
        page = ("a1", 2, None)
        outcomes = await asyncio.gather(
            scope.load(books_of, page, fan_out=2),
            scope.load(books_of, page, fan_out=4),
            scope.load(books_of, page),
        )

        assert here.targets == ["GET /authors/a1/books?limit=2"]
        assert outcomes[0] is outcomes[1] is outcomes[2]


# Without a call


@pytest.mark.parametrize(
    ("principal", "unverified", "expected"),
    [
        (ANONYMOUS, None, Unauthenticated),
        (ANONYMOUS, AuthUnavailable("no key is known"), AuthUnavailable),
        (Principal(subject="7"), None, Forbidden),
        (Principal(subject="7", scopes=frozenset({"other"})), None, Forbidden),
        (Principal(subject="7", scopes=frozenset({"other", "shelf:read"})), None, None),
    ],
)
async def test_who_may_not_see_it_causes_no_call(
    principal: Principal, unverified: AuthUnavailable | None, expected: type[BffError] | None
) -> None:
    """A private endpoint is not asked for somebody unknown, unverified, or without its scopes."""
    async with room() as here, here.scope(principal, unverified=unverified) as scope:
        outcome = await scope.load(my_shelf, ())

        assert kinds([outcome]) == [expected]
        assert here.calls == ({} if expected else {"shelves GET /mine": 1})
        assert scope.calls == (0 if expected else 1)


async def test_every_scope_of_an_endpoint_is_needed() -> None:
    """Some of the scopes are not enough."""
    vault = Service("shelves").get("GET /vault", returns=Shelf, relay=True, scopes=("shelf:read", "shelf:open"))
    async with room() as here, here.scope(READER) as scope:
        assert kinds([await scope.load(vault, ())]) == [Forbidden]
        assert here.calls == {}


async def test_a_private_endpoint_without_scopes_wants_a_principal_only() -> None:
    """Anybody who is known may read what needs no scope; who is not known reads what is public."""
    async with room() as here:
        async with here.scope(Principal(subject="7")) as scope:
            assert (await scope.load(my_loans, ())).error is None
        async with here.scope(ANONYMOUS) as scope:
            assert kinds([await scope.load(my_loans, ())]) == [Unauthenticated]
            assert (await scope.load(author_by_id, "a")).error is None


@pytest.mark.parametrize("key", ["", "a b", "../admin", "a" * 101, None, "é"])
async def test_a_key_that_can_be_none_causes_no_call(key: str | None) -> None:
    """What cannot be an id is not found without asking, and takes nobody else's answer along."""
    async with room() as here, here.scope() as scope:
        outcomes: list[Outcome[Any]] = [
            *await scope.load_many(author_by_id, [key, "a"]),
            await scope.load(biography, (key,)),
            await scope.load(editions, (key, "en")),
            await scope.load(books_of, (key, 3, None)),
        ]

        assert kinds(outcomes) == [NotFound, None, NotFound, NotFound, NotFound]
        assert here.targets == ["GET /authors?ids=a"]


# Time


async def test_after_its_time_whoever_waits_is_answered_and_nobody_asks_again() -> None:
    """At the deadline less the reserve waiters get DeadlinePassed; later loads get it at once, of any key."""
    async with room() as here, here.scope(seconds=1.0, reserve=0.25) as scope:
        here.doubles["authors"].transport.hold()
        waiting = asyncio.create_task(scope.load_many(author_by_id, ["a", "b"]))
        await here.clock.advance(0.7)
        assert not waiting.done()
        await here.clock.advance(0.05)
        assert kinds(await waiting) == [DeadlinePassed, DeadlinePassed]

        here.doubles["authors"].transport.let_go()
        later = await asyncio.gather(
            scope.load(author_by_id, "a"), scope.load(author_by_id, "c"), scope.load(book_by_id, "b1")
        )
        assert kinds(later) == [DeadlinePassed] * 3
        assert here.calls == {"authors GET /authors": 1}
        assert scope.calls == 1


async def test_what_waits_for_its_turn_when_time_is_up_is_not_sent() -> None:
    """Calls that fan-out holds back are dropped at the deadline, and are not counted."""
    async with room() as here, here.scope(seconds=1.0, reserve=0.25) as scope:
        here.doubles["authors"].transport.hold()
        waiting = asyncio.create_task(scope.load_many(biography, [(f"a{n}",) for n in range(5)], fan_out=2))
        await here.clock.advance(0.75)

        assert kinds(await waiting) == [DeadlinePassed] * 5
        assert here.calls == {"authors GET /authors/{author_id}/biography": 2}
        assert scope.calls == 2


async def test_a_request_without_time_asks_nobody() -> None:
    """A reserve as long as the deadline leaves nothing to ask with."""
    async with room() as here, here.scope(seconds=0.1, reserve=0.1) as scope:
        assert kinds([await scope.load(author_by_id, "a")]) == [DeadlinePassed]
        assert here.calls == {}


async def test_giving_up_answers_everybody_at_once() -> None:
    """After ``give_up`` nobody waits and nobody asks, though time is left."""
    async with room() as here, here.scope() as scope:
        here.doubles["authors"].transport.hold()
        waiting = asyncio.create_task(scope.load(author_by_id, "a"))
        await here.clock.settle()
        scope.give_up()

        assert kinds([await waiting, await scope.load(book_by_id, "b1")]) == [DeadlinePassed, DeadlinePassed]
        assert here.calls == {"authors GET /authors": 1}


# Who goes away


async def test_a_cancelled_waiter_harms_no_other() -> None:
    """Whoever waits for the same key, or for another of the same call, has its outcome though one has left."""
    async with room() as here, here.scope() as scope:
        here.doubles["authors"].transport.hold()
        leaving = asyncio.create_task(scope.load(author_by_id, "a"))
        leaving_with_many = asyncio.create_task(scope.load_many(author_by_id, ["a", "c"]))
        same = asyncio.create_task(scope.load(author_by_id, "a"))
        other = asyncio.create_task(scope.load(author_by_id, "b"))
        await here.clock.settle()
        leaving.cancel()
        leaving_with_many.cancel()
        await here.clock.settle()
        assert leaving.cancelled()
        assert leaving_with_many.cancelled()
        here.doubles["authors"].transport.let_go()

        assert kinds(await asyncio.gather(same, other, scope.load(author_by_id, "a"))) == [None] * 3
        assert here.targets == ["GET /authors?ids=a,c,b"]
        assert here.doubles["authors"].transport.cancelled == 0


# The end


@pytest.mark.parametrize("rounds", range(8))
async def test_closing_ends_what_is_under_way(rounds: int) -> None:
    """A scope may close in any round after asking, also between a dispatch's scheduling and its start."""
    async with room() as here:
        here.doubles["authors"].transport.hold()
        async with here.scope() as scope:
            waiting = asyncio.gather(
                scope.load(author_by_id, "a"), scope.load_many(biography, [("a",), ("b",), ("c",)], fan_out=1)
            )
            for _ in range(rounds):
                await asyncio.sleep(0)
        await here.clock.settle()
        assert left_over() - _children(waiting) == set()
        assert here.doubles["authors"].transport.pending == 0

        one, many = await waiting
        assert kinds([one, *many]) == [DeadlinePassed] * 4
        assert left_over() == set()
        assert here.doubles["authors"].transport.cancelled == len(here.targets) <= 2


async def test_closing_sees_a_scheduled_dispatch_through() -> None:
    """A dispatch that is only scheduled when the scope closes is over when it is closed, not a task of later."""
    async with room() as here:
        async with here.scope() as scope:
            scope.ask(author_by_id, "a")
            scope.give_up()
            await scope._all_dispatched()  # without the rounds that leaving the scope takes besides
            for _ in range(5):
                assert left_over() == set()
                await asyncio.sleep(0)
        for _ in range(5):
            assert left_over() == set()
            await asyncio.sleep(0)
        assert here.calls == {}


async def test_a_call_that_is_slow_to_stop_holds_up_no_closing() -> None:
    """A cancelled call may take its time to end: it is no longer the request's."""
    released = asyncio.Event()

    async def slow_to_stop(_request: httpx.Request) -> httpx.Response:
        try:
            await asyncio.Event().wait()
        finally:
            await released.wait()
        raise AssertionError

    async with room(answers={"authors": slow_to_stop}) as here:
        async with here.scope() as scope:
            waiting = asyncio.create_task(scope.load(author_by_id, "a"))
            await here.clock.settle()
        assert kinds([await waiting]) == [DeadlinePassed]
        assert here.reads["authors"].flights.under_way() == 1
        released.set()


async def test_a_closed_scope_sends_nothing() -> None:
    """Whoever asks after the end gets DeadlinePassed without a call."""
    async with room() as here:
        async with here.scope() as scope:
            await scope.load(author_by_id, "a")
        assert kinds([await scope.load(author_by_id, key) for key in ("a", "b")]) == [DeadlinePassed] * 2
        assert here.calls == {"authors GET /authors": 1}


async def test_a_scope_leaves_no_timer() -> None:
    """One timer a request, which ends with it, also when its body fails."""
    async with room() as here:

        async def failing() -> None:
            async with here.scope():
                assert here.clock.timers == 1
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await failing()
        assert here.clock.timers == 0


async def test_a_scope_says_how_it_stands() -> None:
    """Its repr tells calls, waiters, flights and time left."""
    async with room() as here:
        async with here.scope(seconds=2.0) as scope:
            here.doubles["authors"].transport.hold()
            waiting = asyncio.gather(*(scope.load(author_by_id, key) for key in ("a", "b")))
            await here.clock.settle()
            assert repr(scope) == "<RequestScope request-1 calls=1 waiting=2 flights=1 left=2.000s>"
            here.doubles["authors"].transport.let_go()
            await waiting
        assert repr(scope) == "<RequestScope request-1 calls=1 waiting=0 flights=0 left=2.000s>"


def _children(waiting: asyncio.Future[Any]) -> set[asyncio.Task[Any]]:
    """The tasks that a gather started: they are the test's own."""
    return {child for child in getattr(waiting, "_children", ()) if isinstance(child, asyncio.Task)}
