"""Whose answer: nobody is ever given what was made for somebody else, by the cache, a flight or a loader.

What an endpoint's answers depend on is written down here a second time (``DEPENDS``) and not asked of the code. Every
answer tells which call brought it, and the call who made it; so each is held to that table, and the number of calls
too: what may be shared must be.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import combinations, product
from random import Random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from bff_core.auth.principal import ANONYMOUS, Principal
from bff_core.contract import Batch, Command, Endpoint, Outcome, Source, Windows
from bff_core.errors import (
    BadStatus,
    BffError,
    DeadlinePassed,
    Forbidden,
    NotFound,
    TimedOut,
    Unauthenticated,
    Unreachable,
)
from bff_core.loading.scope import RequestScope
from tests.loading.town import (
    Call,
    House,
    Paint,
    Town,
    Townhall,
    a_town,
    doors,
    houses,
    keys_asked,
    keys_of,
    letters,
    mine,
    move,
    paint,
    signs,
    sweep,
    tower,
    vault,
    well,
)

# What answers may depend on


@dataclass(frozen=True)
class Person:
    """Somebody who asks, with all that an answer could depend on; ``renewed`` counts how often the token was."""

    subject: str | None = "ann"
    issuer: str = "issuer"
    tenant: str = "north"
    scopes: frozenset[str] = frozenset({"keys"})
    locale: str = "en"
    client: str = "web"
    renewed: int = 0

    @property
    def principal(self) -> Principal:
        """Who a verified token says this is."""
        if self.subject is None:
            return ANONYMOUS
        return Principal(self.subject, self.issuer, self.tenant, self.scopes)

    @property
    def token(self) -> str:
        """No two tokens are alike."""
        return "/".join([str(self.subject), self.issuer, self.tenant, *sorted(self.scopes), str(self.renewed)])

    @property
    def owner(self) -> tuple[str, ...]:
        """What this person writes is theirs, whatever the token's scopes."""
        return () if self.subject is None else (self.subject, self.issuer, self.tenant)

    @property
    def credential(self) -> tuple[object, ...]:
        """All that a service can tell of a token, but that it was renewed."""
        return () if self.subject is None else (*self.owner, self.scopes)


#: What of a person the answers of each endpoint depend on.
DEPENDS: dict[Endpoint[Any], tuple[str, ...]] = {
    houses: (),
    tower: (),
    well: (),
    mine: ("credential",),
    keys_of: ("credential",),
    vault: ("credential",),
    signs: ("locale",),
    doors: ("client",),
    letters: ("credential", "locale", "client"),
}

#: The endpoints that see a token, and those that want a scope in it.
RELAYS = (mine, keys_of, letters)
NEEDS = {keys_of: "keys"}

#: What each command makes untrue, of its sender's own answers or, where these are everybody's, of all.
DROPS: dict[Command[Any], tuple[Endpoint[Any], ...]] = {paint: (houses, mine), sweep: (tower,), move: (vault, letters)}

#: All are kept alike, but for the well, of which nothing is. Seconds.
FRESH, STALE, IF_ERROR = 10.0, 20.0, 60.0
KEPT = {endpoint: Windows(FRESH, STALE, IF_ERROR) for endpoint in DEPENDS if endpoint is not well}


def parts(endpoint: Endpoint[Any], person: Person) -> tuple[object, ...]:
    """What of a person an answer of the endpoint is made for; with equal parts it is the same answer."""
    return tuple(getattr(person, name) for name in DEPENDS[endpoint])


def refusal(endpoint: Endpoint[Any], person: Person) -> type[BffError] | None:
    """How a person is refused without a call, None for whoever may ask."""
    if person.subject is None and endpoint in (*RELAYS, paint):
        return Unauthenticated
    return Forbidden if endpoint in NEEDS and NEEDS[endpoint] not in person.scopes else None


def answers(endpoint: Endpoint[Any], people: Sequence[Person]) -> int:
    """How many different answers these people are given of one key."""
    return len({parts(endpoint, person) for person in people if refusal(endpoint, person) is None})


def allowed(endpoint: Endpoint[Any], people: Sequence[Person]) -> int:
    """How many of these people may ask at all."""
    return sum(refusal(endpoint, person) is None for person in people)


def shared(endpoint: Endpoint[Any], pair: tuple[Person, Person]) -> bool:
    """Whether the two may ask and are given the same answer."""
    return allowed(endpoint, pair) == 2 and answers(endpoint, pair) == 1


class Street:
    """A town that remembers who asked, and holds whatever anybody is given to what may be given to them."""

    def __init__(self, here: Town) -> None:
        self.here = here
        self.people: dict[str, Person] = {}

    def scope(self, person: Person, seconds: float = 2.0) -> RequestScope:
        """A new request of a person."""
        request_id = f"r{len(self.people)}"
        self.people[request_id] = person
        return self.here.scope(
            person.principal,
            token=person.token,
            seconds=seconds,
            locale=person.locale,
            client=person.client,
            request_id=request_id,
        )

    async def ask(self, person: Person, endpoint: Endpoint[Any], *keys: str) -> list[Outcome[Any]]:
        """What a request of its own is given; a key "1" stands for what the endpoint calls it."""
        async with self.scope(person) as scope:
            outcomes = await scope.load_many(endpoint, [sent(endpoint, key) for key in keys or "1"])
        for outcome in outcomes:
            if outcome.error is None:
                self.check(person, endpoint, given(outcome))
        return outcomes

    async def told(self, person: Person, endpoint: Endpoint[Any], *keys: str) -> list[Any]:
        """As ``ask``, of each outcome the version or the class of the error."""
        return [
            given(outcome).version if outcome.error is None else type(outcome.error)
            for outcome in await self.ask(person, endpoint, *keys)
        ]

    def maker(self, house: House) -> Person:
        """For whom the service was asked for this."""
        assert house.call is not None
        return self.people[self.here.hall.transport.requests[house.call].headers["x-request-id"]]

    def check(self, person: Person, endpoint: Endpoint[Any], house: House) -> None:
        """Whoever it was made for, all that it depends on is this person's; and no more was sent than that."""
        maker = self.maker(house)
        assert parts(endpoint, maker) == parts(endpoint, person), f"{person} is given what is {maker}'s: {house}"
        assert house.credential == (f"Bearer {maker.token}" if endpoint in RELAYS else None)
        assert house.locale == (maker.locale if "locale" in DEPENDS[endpoint] else None)
        assert house.client == (maker.client if "client" in DEPENDS[endpoint] else None)

    @property
    def asked(self) -> list[list[str]]:
        """The keys of each call, in order."""
        return [keys_asked(request) for request in self.here.hall.transport.requests]


def given(outcome: Outcome[Any]) -> House:
    """The value of what did not fail."""
    assert isinstance(outcome.value, House), outcome
    return outcome.value


def sent(endpoint: Endpoint[Any], key: str) -> Any:
    """A key in the endpoint's own form; there is one of what is mine."""
    if isinstance(endpoint, Batch):
        return key
    return () if endpoint is mine else (key,)


@asynccontextmanager
async def a_street() -> AsyncIterator[Street]:
    """A street without people; at its end nothing may be left of what they did."""
    async with a_town(windows=KEPT, in_flight=100) as here:
        yield Street(here)


# Every pair that differs in one thing

ANN = Person()
DIFFERENT = {
    "user": replace(ANN, subject="bob"),
    "issuer": replace(ANN, issuer="another"),
    "tenant": replace(ANN, tenant="south"),
    "a scope more": replace(ANN, scopes=frozenset({"keys", "rings"})),
    "a scope less": replace(ANN, scopes=frozenset()),
    "locale": replace(ANN, locale="de"),
    "client": replace(ANN, client="ios"),
    "anonymous": Person(subject=None),
    "renewed": replace(ANN, renewed=1),
    "nothing": ANN,
}

every_endpoint = pytest.mark.parametrize("endpoint", DEPENDS, ids=lambda endpoint: endpoint.path)
every_difference = pytest.mark.parametrize("differs", DIFFERENT)


def both_ways(differs: str) -> list[tuple[Person, Person]]:
    """The pair, either of them first."""
    return [(ANN, DIFFERENT[differs]), (DIFFERENT[differs], ANN)]


@every_endpoint
@every_difference
async def test_a_kept_answer_is_for_whom_it_was_made(differs: str, endpoint: Endpoint[Any]) -> None:
    """One asks, then the other, then the first again: one call for each answer that there is, and no more."""
    for first, second in both_ways(differs):
        async with a_street() as street:
            for person in (first, second, first):
                expected = refusal(endpoint, person) or 1
                assert await street.told(person, endpoint) == [expected]
            times = [person for person in (first, second, first) if refusal(endpoint, person) is None]
            assert len(street.asked) == (answers(endpoint, times) if endpoint in KEPT else len(times))


@pytest.mark.parametrize("together", [False, True], ids=["a flight", "one round of the loop"])
@every_endpoint
@every_difference
async def test_a_flight_is_for_whom_it_was_begun(differs: str, endpoint: Endpoint[Any], together: bool) -> None:
    """Two ask for some of the same keys, before there is an answer or at one instant: asked is what neither shares."""
    for pair in both_ways(differs):
        wanted = (["1", "2"], ["2", "3"]) if isinstance(endpoint, Batch) else (["1"], ["1"])
        async with a_street() as street:
            street.here.hall.transport.hold()
            tasks = []
            for person, keys in zip(pair, wanted, strict=True):
                tasks.append(asyncio.create_task(street.told(person, endpoint, *keys)))
                if not together:
                    await street.here.clock.settle()
            await street.here.clock.settle()
            street.here.hall.transport.let_go()
            refused = [refusal(endpoint, person) for person in pair]
            expected = [[error or 1] * len(keys) for error, keys in zip(refused, wanted, strict=True)]
            assert await asyncio.gather(*tasks) == expected
            if shared(endpoint, pair):
                wanted = wanted[0], [key for key in wanted[1] if key not in wanted[0]]
            begun = [keys for keys, error in zip(wanted, refused, strict=True) if keys and error is None]
            assert len(street.asked) == len(begun)
            if isinstance(endpoint, Batch):
                assert street.asked == begun


@every_endpoint
@every_difference
async def test_an_old_answer_stands_in_for_whom_it_was_made(differs: str, endpoint: Endpoint[Any]) -> None:
    """When the service fails, the other one is given the first one's old answer exactly if it is theirs too."""
    for first, second in both_ways(differs):
        async with a_street() as street:
            await street.ask(first, endpoint)
            await street.here.clock.advance(FRESH + STALE + 1)
            street.here.hall.fail()
            (outcome,) = await street.ask(second, endpoint)

            refused = refusal(endpoint, second)
            if shared(endpoint, (first, second)) and endpoint in KEPT:
                assert (outcome.source, given(outcome).version) == (Source.STALE, 1)
            else:
                assert isinstance(outcome.error, refused or BadStatus)
            assert len(street.asked) == allowed(endpoint, (first, second))


@every_endpoint
@every_difference
async def test_a_refresh_is_for_whom_it_was_begun(differs: str, endpoint: Endpoint[Any]) -> None:
    """It is made with what its beginner sends, and serves whoever has the same answer; others ask for their own."""
    for first, second in both_ways(differs):
        async with a_street() as street:
            await street.ask(first, endpoint)
            await street.here.clock.advance(FRESH)
            street.here.hall.version = 2
            both, kept = shared(endpoint, (first, second)), endpoint in KEPT
            (met,) = await street.told(second, endpoint)
            await street.here.clock.settle()
            (later,) = await street.ask(first, endpoint)
            await street.here.clock.settle()

            assert met == (refusal(endpoint, second) or (1 if both and kept else 2))
            if refusal(endpoint, first) is None:
                assert given(later).version == (2 if both or not kept else 1)
                assert street.maker(given(later)) == (second if both and kept else first)
            # Without a shared answer the first one's is old as well, and is refreshed too.
            asking = [first, second] if both and kept else [first, second, first]
            assert len(street.asked) == allowed(endpoint, asking)


@every_endpoint
@every_difference
async def test_that_there_is_no_such_thing_is_said_to_whom_it_was_said(differs: str, endpoint: Endpoint[Any]) -> None:
    """A 404 is kept as an answer is: one call for each who could be told something else."""
    for first, second in both_ways(differs):
        async with a_street() as street:
            street.here.hall.unknown = {"1", "mine"}
            asking = (first, second, first)
            for person in asking:
                assert await street.told(person, endpoint) == [refusal(endpoint, person) or NotFound]
            assert len(street.asked) == (answers(endpoint, asking) if endpoint in KEPT else allowed(endpoint, asking))


@pytest.mark.parametrize(("status", "error"), [("401", Unauthenticated), ("403", Forbidden)])
@pytest.mark.parametrize("endpoint", RELAYS, ids=lambda endpoint: endpoint.path)
@every_difference
async def test_a_refusal_is_for_whose_credential_it_was(
    differs: str, endpoint: Endpoint[Any], status: str, error: type[BffError]
) -> None:
    """Who waits for a call that is refused, and who comes later, asks with their own credential and is answered."""
    for first, second in both_ways(differs):
        async with a_street() as street:
            hall = street.here.hall
            hall.by_hand = True
            tasks = []
            for person in (first, second, second):
                tasks.append(asyncio.create_task(street.told(person, endpoint)))
                await street.here.clock.settle()
            for call in hall.held:
                if call.request_id == "r0":
                    hall.end(call, status)
            await street.here.clock.settle()
            for call in hall.held:
                hall.end(call, "answer")
            await street.here.clock.settle()

            refused = refusal(endpoint, second) or 1
            assert await asyncio.gather(*tasks) == [[refusal(endpoint, first) or error], [refused], [refused]]
            assert len({call.request_id for call in hall.calls}) == len(hall.calls)
            own = {"r0": first, "r1": second, "r2": second}
            # With a credential of its own each of two asks alone; two with the same one share their call.
            alone = shared(endpoint, (first, second))
            expected = [person for number, person in enumerate(own.values()) if alone or number < 2]
            assert len(hall.calls) == allowed(endpoint, expected)


@pytest.mark.parametrize("status", ["401", "403"])
@pytest.mark.parametrize("endpoint", RELAYS, ids=lambda endpoint: endpoint.path)
@every_difference
async def test_a_refusal_is_not_kept(differs: str, endpoint: Endpoint[Any], status: str) -> None:
    """Neither for another nor for the same one: whoever asks next is asked for, and keeps what comes."""
    for first, second in both_ways(differs):
        async with a_street() as street:
            street.here.hall.fail(int(status))
            await street.ask(first, endpoint)
            street.here.hall.heal()
            for person in (second, first, second, first):
                assert await street.told(person, endpoint) == [refusal(endpoint, person) or 1]
            assert len(street.asked) == allowed(endpoint, [first]) + answers(endpoint, [first, second])


@pytest.mark.parametrize(("status", "error"), [(401, Unauthenticated), (403, Forbidden)])
@pytest.mark.parametrize("endpoint", RELAYS, ids=lambda endpoint: endpoint.path)
@every_difference
async def test_a_refusal_ends_the_old_answer_of_whose_it_was(
    differs: str, endpoint: Endpoint[Any], status: int, error: type[BffError]
) -> None:
    """It is shown and nothing old in its place; the same answer stands in for nobody any more, and others' still do."""
    for first, second in both_ways(differs):
        async with a_street() as street:
            for person in (first, second):
                await street.ask(person, endpoint)
            await street.here.clock.advance(FRESH + STALE + 1)
            street.here.hall.fail(status)
            assert await street.told(first, endpoint) == [refusal(endpoint, first) or error]
            street.here.hall.fail(500)
            for person in (first, second):
                ended = person == first or shared(endpoint, (first, second))
                assert await street.told(person, endpoint) == [refusal(endpoint, person) or (BadStatus if ended else 1)]


@every_endpoint
@every_difference
async def test_a_write_drops_what_is_its_sender_s(differs: str, endpoint: Endpoint[Any]) -> None:
    """Of a private endpoint the owner's answers, of a public one everybody's; whatever is not named stays."""
    for first, second in both_ways(differs):
        for command, dropped in DROPS.items():
            async with a_street() as street:
                for person in (first, second):
                    await street.ask(person, endpoint)
                before = len(street.asked)
                async with street.scope(first) as scope:
                    await scope.send(command, ("1",), Paint(colour="red") if command is paint else None)
                wrote = refusal(command, first) is None
                assert len(street.asked) == before + wrote

                for person in (first, second):
                    owns = "credential" not in DEPENDS[endpoint] or person.owner == first.owner
                    new = endpoint not in KEPT or (wrote and endpoint in dropped and owns)
                    assert await street.told(person, endpoint) == [
                        refusal(endpoint, person) or (1 + wrote if new else 1)
                    ]


@every_endpoint
@every_difference
async def test_a_write_parts_the_reads_before_it_from_those_after(differs: str, endpoint: Endpoint[Any]) -> None:
    """One asks and writes, the other asks: what was asked for first is neither joined nor kept, where it is untrue."""
    for first, second in both_ways(differs):
        for command, dropped in DROPS.items():
            async with a_street() as street:
                hall = street.here.hall
                hall.by_hand = True
                early = asyncio.create_task(street.told(first, endpoint))
                await street.here.clock.settle()
                async with street.scope(first) as scope:
                    body = Paint(colour="red") if command is paint else None
                    write = asyncio.create_task(scope.send(command, ("1",), body))
                    await street.here.clock.settle()
                    wrote = [call for call in hall.held if call.writes]
                    for call in wrote:
                        hall.end(call, "answer")
                    await write
                late = asyncio.create_task(street.told(second, endpoint))
                await street.here.clock.settle()
                for call in reversed(hall.held):  # what was asked for first is answered last
                    hall.end(call, "answer")
                    await street.here.clock.settle()
                hall.by_hand = False
                (again,) = await street.told(second, endpoint)

                owns = "credential" not in DEPENDS[endpoint] or second.owner == first.owner
                parted = bool(wrote) and endpoint in dropped and owns
                joined = shared(endpoint, (first, second)) and not parted
                after = hall.version if wrote and not joined else 1
                assert len(wrote) == (refusal(command, first) is None)
                assert await early == [refusal(endpoint, first) or 1]
                assert await late == [refusal(endpoint, second) or after]
                assert again == (refusal(endpoint, second) or (after if endpoint in KEPT else hall.version))
                asked = 1 - joined + (endpoint not in KEPT)
                assert len(street.asked) == (
                    len(wrote) + allowed(endpoint, [first]) + asked * allowed(endpoint, [second])
                )


# All pairs at once


EVERYBODY = [
    Person(subject, tenant=tenant, scopes=frozenset(scopes), locale=locale, client=client, renewed=renewed)
    for subject, tenant, scopes, locale, client, renewed in product(
        ("ann", "bob"), ("north", "south"), (("keys",), ("keys", "rings"), ()), ("en", "de"), ("web", "ios"), (0, 1)
    )
] + [Person(None, locale=locale, client=client) for locale, client in product(("en", "de"), ("web", "ios"))]


@pytest.mark.parametrize("seed", range(4))
@every_endpoint
async def test_everybody_at_once_is_given_their_own(endpoint: Endpoint[Any], seed: int) -> None:
    """All hundred, in any order, half of them together and half afterwards: as many calls as there are answers."""
    crowd = Random(seed).sample(EVERYBODY, len(EVERYBODY))
    async with a_street() as street:
        street.here.hall.transport.hold()
        tasks = [asyncio.create_task(street.told(person, endpoint)) for person in crowd[::2]]
        await street.here.clock.settle()
        street.here.hall.transport.let_go()
        told = await asyncio.gather(*tasks) + [await street.told(person, endpoint) for person in crowd[1::2]]

        assert told == [[refusal(endpoint, person) or 1] for person in crowd[::2] + crowd[1::2]]
        alone = 0 if endpoint in KEPT else allowed(endpoint, crowd[1::2])
        assert len(street.asked) == answers(endpoint, crowd if endpoint in KEPT else crowd[::2]) + alone


# Interleavings

#: What can be asked, by name: a failure shows these.
READS = {endpoint.path.split("/")[1]: endpoint for endpoint in DEPENDS}
TARGETS = {f"{target.method} /{target.path.split('/')[1]}": target for target in (*DEPENDS, *DROPS)}

#: Few people and endpoints at a time, so that requests meet.
somebody = st.runner().flatmap(lambda machine: st.sampled_from(machine.people))
some_endpoint = st.runner().flatmap(lambda machine: st.sampled_from(machine.reads))
some_keys = st.sampled_from(["1", "1", "12", "23", "123"])
any_of_them = st.integers(0, 5)
ending = st.sampled_from(["answer"] * 6 + ["missing", "500", "401", "403", "404", "lose"])

#: What one request does in turn: it asks the endpoint, asks all endpoints, or sends what makes its answers untrue.
errand = st.sampled_from(["ask", "ask", "ask", "ask all", "send", "send", "ask, send, ask"])

#: Somebody (by what is different of them) comes with an errand, and has so long for it.
comes = st.tuples(st.just("comes"), somebody, errand, some_endpoint, some_keys, st.sampled_from([2.0, 2.0, 0.5]))
#: The service ends one of its calls, or all; a client leaves; somebody's requests have another token from now on.
ends = st.tuples(st.just("ends"), any_of_them, ending)
ends_all = st.tuples(st.just("ends all"), ending)
leaves = st.tuples(st.just("leaves"), any_of_them)
renews = st.tuples(st.just("renews"), somebody)
event = comes | comes | comes | comes | ends | ends | ends | ends_all | leaves | leaves | renews

#: What follows: the loop goes on for some rounds, or rests and time goes by for so many seconds. Where these are many,
#: what is under way is answered before, and grows old.
follows = st.sampled_from([0, 1, 2, 3, 0.0, 0.0, 0.0, 0.0, 0.1, 0.4, 1.0, 2.0, FRESH, FRESH + STALE, IF_ERROR])


@dataclass(eq=False)
class Errand:
    """One request: who sent it, what it does and has been given, and the versions below which nothing may be."""

    scope: RequestScope
    person: Person
    seconds: float
    began: float
    step: int
    floors: dict[Endpoint[Any], int]
    task: asyncio.Task[None] | None = None
    wants: set[tuple[Endpoint[Any], str]] = field(default_factory=set)

    @property
    def id(self) -> str:
        """The request's id."""
        return self.scope.request_id

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.task is not None and self.task.done()


class Interleaving(RuleBasedStateMachine):
    """Requests come, leave and run out of time, calls end in any way and order, writes go between, tokens are renewed.

    Whatever anybody is given is held to the model as soon as it is given. Whenever the loop rests: nothing is asked
    for twice at once, nobody's call goes on unless somebody waits for it. At the end nothing is left.
    """

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.errands: dict[str, Errand] = {}
        self.renewed: Counter[tuple[str, ...]] = Counter()
        self.steps = 0
        self.sound = True
        self.people: list[str] = []
        self.reads: list[str] = []
        #: In which step each call came and ended.
        self.came: dict[Call, int] = {}
        self.ended: dict[Call, int] = {}
        self.written: set[Call] = set()
        #: By endpoint and whose answers: what the last write that dropped them had made true, and in which step.
        self.floors: dict[tuple[Endpoint[Any], tuple[str, ...] | None], int] = {}
        self.dropped: dict[tuple[Endpoint[Any], tuple[str, ...] | None], int] = {}

    @initialize(
        reads=st.lists(st.sampled_from(list(READS)), min_size=1, max_size=2, unique=True),
        others=st.lists(st.sampled_from(list(DIFFERENT)[:-1]), min_size=1, max_size=2, unique=True),
    )
    def open(self, reads: list[str], others: list[str]) -> None:
        """An empty street, whose service answers by hand; what is asked is of these, by these and by Ann."""
        self.runner.run(self._open())
        self.reads = reads
        self.people = ["nothing", *others]

    @rule(events=st.lists(event, min_size=1, max_size=5), then=follows)
    def happen(self, events: list[Any], then: float) -> None:
        """Requests come, calls end and clients leave, at one instant; then the loop goes on, or time."""
        self.steps += 1
        self.sound = False  # what a failed check leaves behind is no second failure
        self.runner.run(self._happen(events, then))
        self.sound = True

    def teardown(self) -> None:
        """Everything is let go, and nothing is left."""
        try:
            if self.sound:
                self.runner.run(self._close())
        finally:
            self.runner.close()

    @property
    def hall(self) -> Townhall:
        """The service."""
        return self.street.here.hall

    def _under_way(self) -> list[asyncio.Task[None]]:
        return [errand.task for errand in self.errands.values() if errand.task and not errand.over]

    async def _open(self) -> None:
        self.street = Street(await self.stack.enter_async_context(a_town(windows=KEPT, in_flight=100)))
        self.hall.by_hand = True

    async def _happen(self, events: Sequence[Any], then: float) -> None:
        for kind, *event in events:
            if kind == "comes":
                self._come(*event)
            elif kind == "ends" and (held := self.hall.held):
                self.hall.end(held[event[0] % len(held)], event[1])
            elif kind == "ends all":
                for call in self.hall.held:
                    self.hall.end(call, event[0])
            elif kind == "leaves":
                for task in self._under_way()[event[0] : event[0] + 1]:
                    task.cancel()
            elif kind == "renews":
                self.renewed[DIFFERENT[event[0]].owner] += 1
        if isinstance(then, int):
            for _ in range(then):
                await asyncio.sleep(0)
            self._look()
        else:
            if then > 1:
                await self._all_answered()
            await self.street.here.clock.advance(then)
            await self._rest()

    async def _all_answered(self) -> None:
        await self._rest()
        while self.hall.held:
            self.steps += 1
            for call in self.hall.held:
                self.hall.end(call, "answer")
            await self._rest()

    async def _close(self) -> None:
        await self._all_answered()
        assert all(errand.over for errand in self.errands.values())
        await self.stack.aclose()

    async def _rest(self) -> None:
        await self.street.here.clock.settle()
        self._look()
        for call in self.hall.calls:
            if call.writes and call.ended:
                self._written(call)
        reads = [call for call in self.hall.held if not call.writes]
        for call in reads:
            self._check_awaited(call)
        for earlier, later in combinations(reads, 2):
            self._check_apart(earlier, later)

    def _look(self) -> None:
        """Note what has ended, and raise what a check in a request found."""
        for call in self.hall.calls:
            self.came.setdefault(call, self.steps)
            if call.ended:
                self.ended.setdefault(call, self.steps)
        for errand in self.errands.values():
            if errand.task and errand.over and not errand.task.cancelled():
                errand.task.result()

    # What requests do

    def _come(self, differs: str, errand: str, read: str, keys: str, seconds: float) -> None:
        person = DIFFERENT[differs]
        person = replace(person, renewed=person.renewed + self.renewed[person.owner])
        scope = self.street.scope(person, seconds)
        now = self.street.here.clock.monotonic()
        floors = {endpoint: self._floor(endpoint, person) for endpoint in DEPENDS}
        coming = self.errands[scope.request_id] = Errand(scope, person, seconds, now, self.steps, floors)
        coming.task = asyncio.get_running_loop().create_task(self._go(coming, errand.split(", "), READS[read], keys))

    async def _go(self, errand: Errand, acts: Sequence[str], endpoint: Endpoint[Any], keys: str) -> None:
        async with errand.scope as scope:
            for act in acts:
                if act == "ask all":
                    await asyncio.gather(*(self._ask(errand, READS[read], keys) for read in self.reads))
                elif act == "ask":
                    await self._ask(errand, endpoint, keys)
                else:
                    command = next((command for command in DROPS if endpoint in DROPS[command]), sweep)
                    outcome = await scope.send(command, ("1",), Paint(colour="red") if command is paint else None)
                    self._check_write(errand, command, outcome)

    async def _ask(self, errand: Errand, endpoint: Endpoint[Any], keys: str) -> None:
        wanted = {(endpoint, "mine" if endpoint is mine else key) for key in keys}
        errand.wants |= wanted
        outcomes = await errand.scope.load_many(endpoint, [sent(endpoint, key) for key in keys])
        errand.wants -= wanted
        for key, outcome in zip(keys, outcomes, strict=True):
            self._check_read(errand, endpoint, "mine" if endpoint is mine else key, outcome)

    # What they are given

    def _check_read(self, errand: Errand, endpoint: Endpoint[Any], key: str, outcome: Outcome[Any]) -> None:
        if refused := refusal(endpoint, errand.person):
            assert isinstance(outcome.error, refused | DeadlinePassed)
            assert not self._calls(endpoint, key, lambda call: call.request_id == errand.id)
            return
        if outcome.error is not None:
            self._check_error(errand, endpoint, key, outcome.error)
            return
        house = given(outcome)
        self.street.check(errand.person, endpoint, house)
        assert house.id == key
        assert house.version >= errand.floors[endpoint], f"{errand} is given what a write made untrue: {house}"
        assert (
            outcome.age
            < {Source.SERVICE: 1e-9, Source.CACHED: FRESH + STALE, Source.STALE: FRESH + IF_ERROR}[outcome.source]
        )
        if outcome.reason is not None:
            assert not isinstance(outcome.reason, Unauthenticated | Forbidden | NotFound)
            self._check_error(errand, endpoint, key, outcome.reason)

    def _check_error(self, errand: Errand, endpoint: Endpoint[Any], key: str, error: BffError) -> None:
        """A failure is of a call that was under way for these very parts; a refusal of one's own call."""
        theirs = self._calls(
            endpoint, key, lambda call: parts(endpoint, self._who(call)) == parts(endpoint, errand.person)
        )
        since = [call for call in theirs if self.ended.get(call, self.steps) >= errand.step]
        match error:
            case Unauthenticated() | Forbidden():
                status = "401" if isinstance(error, Unauthenticated) else "403"
                assert [call for call in since if call.request_id == errand.id and call.ended == status]
            case NotFound():
                said = [call for call in theirs if call.ended in ("missing", "404")]
                assert [call for call in said if call.version >= errand.floors[endpoint] and call.keys[0] == key]
            case BadStatus():
                assert [call for call in since if call.ended == str(error.status)]
            case Unreachable():
                assert [call for call in since if call.ended == "lose"]
            case TimedOut():
                assert [call for call in since if call.ended == "cancelled"]
            case DeadlinePassed():
                assert self.street.here.clock.monotonic() >= errand.began + errand.seconds - 0.1 - 1e-9
            case _:
                raise AssertionError(f"{errand} has no reason for {error!r}")

    def _check_write(self, errand: Errand, command: Command[Any], outcome: Outcome[Any]) -> None:
        if isinstance(outcome.error, DeadlinePassed):
            return
        own = [call for call in self.hall.calls if TARGETS[call.route] is command and call.request_id == errand.id]
        if refused := refusal(command, errand.person):
            assert isinstance(outcome.error, refused)
            assert not own
            return
        assert outcome.error is not None or given(outcome).call == own[-1].number
        self._written(own[-1])
        for endpoint in DROPS[command]:
            errand.floors[endpoint] = max(errand.floors[endpoint], own[-1].version)

    # What is asked

    def _check_awaited(self, call: Call) -> None:
        """A read is under way for a request that waits for it, or to refresh what a request found old."""
        endpoint = TARGETS[call.route]
        waiting = [
            errand
            for errand in self.errands.values()
            if not errand.over
            and any((endpoint, key) in errand.wants for key in call.keys)
            and parts(endpoint, errand.person) == parts(endpoint, self._who(call))
        ]
        assert waiting or self.errands[call.request_id].scope.looks["town", "stale"], f"nobody waits for {call}"

    def _check_apart(self, earlier: Call, later: Call) -> None:
        """Two calls for one answer are under way only after a write or a refusal: otherwise they would be one."""
        endpoint = TARGETS[earlier.route]
        if (
            endpoint is not TARGETS[later.route]
            or not set(earlier.keys) & set(later.keys)
            or parts(endpoint, self._who(earlier)) != parts(endpoint, self._who(later))
            or self.dropped.get(_whose(endpoint, self._who(earlier)), 0) >= self.came[earlier]
        ):
            return
        assert self._alone(earlier) or self._alone(later), f"{later} should have joined {earlier}"

    def _alone(self, call: Call) -> bool:
        """Whether the call's request had joined another one's that was refused."""
        endpoint = TARGETS[call.route]
        refused = (
            other
            for key in call.keys
            for other in self._calls(endpoint, key, lambda other: other.ended in ("401", "403"))
        )
        return any(
            other.request_id != call.request_id and self.errands[call.request_id].step <= self.ended[other]
            for other in refused
        )

    def _calls(self, endpoint: Endpoint[Any], key: str, which: Any) -> list[Call]:
        return [
            call for call in self.hall.calls if TARGETS[call.route] is endpoint and key in call.keys and which(call)
        ]

    def _who(self, call: Call) -> Person:
        return self.errands[call.request_id].person

    def _written(self, call: Call) -> None:
        """A write has ended, in this step at the latest: nobody may be given what was true before any more."""
        if call in self.written:
            return
        self.written.add(call)
        command = TARGETS[call.route]
        assert isinstance(command, Command)
        for endpoint in DROPS[command]:
            whose = _whose(endpoint, self._who(call))
            self.floors[whose] = max(self.floors.get(whose, 0), call.version)
            self.dropped[whose] = self.steps

    def _floor(self, endpoint: Endpoint[Any], person: Person) -> int:
        return self.floors.get(_whose(endpoint, person), 0)


def _whose(endpoint: Endpoint[Any], person: Person) -> tuple[Endpoint[Any], tuple[str, ...] | None]:
    """What a person's write to an endpoint's things makes untrue: the person's own answers, or everybody's."""
    return endpoint, person.owner if "credential" in DEPENDS[endpoint] else None


TestInterleaving = Interleaving.TestCase
TestInterleaving.settings = settings(max_examples=100, stateful_step_count=50, deadline=None, derandomize=True)
