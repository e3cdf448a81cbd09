"""The record cache: what is kept, how long it serves and as what, what ends it, and what may stand in for a failure."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bff_core.errors
from bff_core.cache.records import CacheOptions, RecordCache
from bff_core.cache.slot import Asker, Slot, slot_key
from bff_core.cache.store import MemoryStore
from bff_core.contract import Endpoint, Outcome, Source, Windows
from bff_core.errors import (
    AuthUnavailable,
    BadPayload,
    BadRequest,
    BadStatus,
    BffError,
    BreakerBusy,
    BreakerOpen,
    Bug,
    BulkheadFull,
    ClientFault,
    DeadlinePassed,
    DocumentMismatch,
    DocumentNotFound,
    DocumentRefused,
    Forbidden,
    NotFound,
    Overloaded,
    Refused,
    RegistrationNotSupported,
    Rejected,
    ServiceFault,
    TimedOut,
    TooCostly,
    Unauthenticated,
    Unreachable,
)
from bff_core.testing.clock import FakeClock
from tests.cache.cattery import (
    ISSUER,
    SLOT,
    TOM,
    WINDOWS,
    Cat,
    Keeping,
    asker,
    by_id,
    letters,
    mine,
    reachable,
    search,
    slot_of,
)

#: The smallest step of time that these tests make, seconds.
BIT = 0.001

NO_CAT = NotFound("cats GET /cats: no a", service="cats")
SLOW = TimedOut("cats: no answer within 0.800 s", service="cats")


def ends(here: Keeping, slot: Slot = SLOT) -> tuple[float, float, float]:
    """How long what is kept serves as fresh, as stale, and for failures, in seconds from now."""
    entry, now = here.store.get(slot), here.clock.monotonic()
    assert entry is not None
    return entry.fresh_until - now, entry.stale_until - now, entry.if_error_until - now


# As time goes by


async def test_an_answer_goes_through_its_windows() -> None:
    """Fresh for 10 s, then stale for 20, then good for nothing but failures until 60, each up to its exact end."""
    here = Keeping()
    here.keep()
    seen = []
    for instant in (0, 10 - BIT, 10, 30 - BIT, 30, 60 - BIT, 60):
        await here.clock.advance(1000 + instant - here.clock.monotonic())
        seen.append((here.result(), here.records.instead_of(SLOT, SLOW) is not None))
    assert seen == [
        ("fresh", True),
        ("fresh", True),
        ("stale", True),
        ("stale", True),
        (None, True),
        (None, True),
        (None, False),
    ]


async def test_what_serves_says_where_it_came_from_and_how_old_it_is() -> None:
    """A kept value is the same object, marked as cached, with its age in seconds and no reason."""
    here = Keeping()
    here.keep()
    await here.clock.advance(12.5)
    hit = here.look()
    assert hit is not None
    assert hit.outcome == Outcome("cats", TOM, source=Source.CACHED, age=12.5)
    assert hit.outcome.value is TOM


async def test_only_a_stale_answer_is_asked_for_anew() -> None:
    """One that is fresh is left alone; one that is stale says so at every look, until it is kept anew."""
    here = Keeping()
    here.keep()
    assert [hit.refresh for hit in (here.look(), here.look()) if hit] == [False, False]
    await here.clock.advance(10)
    assert [hit.refresh for hit in (here.look(), here.look()) if hit] == [True, True]
    here.keep(newer := Cat(id="a", name="Tim"))
    hit = here.look()
    assert hit is not None
    assert (hit.refresh, hit.outcome.age, hit.outcome.value) == (False, 0.0, newer)


@pytest.mark.parametrize(
    ("windows", "lasts", "as_what"),
    [
        (Windows(10), 10, "fresh"),
        (Windows(10, stale=5), 15, "stale"),
        (Windows(10, stale_if_error=5), 10, "fresh"),
        (Windows(10, stale=5, stale_if_error=3), 15, "stale"),
    ],
    ids=repr,
)
async def test_a_window_that_is_not_declared_is_not_there(windows: Windows, lasts: float, as_what: str) -> None:
    """What serves without asking does so for fresh and stale together, and for no longer."""
    here = Keeping(windows)
    here.keep()
    await here.clock.advance(lasts - BIT)
    assert here.result() == as_what
    await here.clock.advance(BIT)
    assert here.result() is None


async def test_a_longer_stale_window_serves_failures_as_well() -> None:
    """An answer that would serve anyway is not worse for a service that failed."""
    here = Keeping(Windows(10, stale=50, stale_if_error=20))
    here.keep()
    assert ends(here) == (10, 60, 60)
    await here.clock.advance(60 - BIT)
    assert here.records.instead_of(SLOT, SLOW) is not None
    await here.clock.advance(BIT)
    assert here.records.instead_of(SLOT, SLOW) is None


async def test_what_has_expired_takes_no_room() -> None:
    """An answer that is good for nothing is let go when it is met, by a look or by a failure."""
    here = Keeping()
    here.keep()
    await here.clock.advance(60)
    assert here.look() is None
    assert len(here.store) == 0
    here.keep()
    await here.clock.advance(60)
    assert here.records.instead_of(SLOT, SLOW) is None
    assert len(here.store) == 0


# Jitter


@pytest.mark.parametrize("jitter", [0.1, 0.5])
def test_jitter_spreads_the_ends_and_lengthens_no_window(jitter: float) -> None:
    """Answers that came together expire over the whole of the jittered part, and none lasts longer than declared."""
    here = Keeping(jitter=jitter)
    fresh = []
    for _ in range(1000):
        here.keep()
        until = ends(here)
        fresh.append(until[0])
        assert until[1:] == pytest.approx((until[0] + 20, until[0] + 50))
    shortest = 10 * (1 - jitter)
    assert shortest < min(fresh) < shortest + 0.05
    assert 9.95 < max(fresh) <= 10
    assert sum(fresh) / 1000 == pytest.approx((shortest + 10) / 2, rel=0.02)
    assert len(set(fresh)) > 990


def test_no_jitter_is_none() -> None:
    """With 0 every window is as long as declared."""
    here = Keeping(jitter=0)
    for _ in range(20):
        here.keep()
        assert ends(here) == (10, 30, 60)


def test_chance_is_a_parameter() -> None:
    """The same seed jitters the same; without one, chance is Python's own."""

    def drawn(random: Random | None) -> float:
        here = Keeping()
        records = RecordCache(CacheOptions({by_id: WINDOWS}, jitter=0.5), here.store, here.clock, random)
        records.keep(SLOT, Outcome("cats", TOM), 0)
        return ends(here)[0]

    assert drawn(Random(7)) == drawn(Random(7)) != drawn(Random(8))
    assert len({drawn(None) for _ in range(5)}) > 1


def test_negative_answers_are_jittered_too() -> None:
    """That there is no such thing never holds for longer than its seconds, and not for all ids until one instant."""
    here = Keeping(jitter=0.5)
    seen = set()
    for _ in range(100):
        here.fail(NO_CAT)
        until = ends(here)
        assert 1 <= until[0] <= 2
        assert until[0] == until[1] == until[2]
        seen.add(until[0])
    assert len(seen) > 90


@pytest.mark.parametrize("jitter", [-0.01, 0.51, 1.0, float("nan")])
def test_jitter_is_a_part_of_the_window(jitter: float) -> None:
    """More than a half, or less than nothing, is refused with what it may be."""
    with pytest.raises(ValueError, match=r"jitter must be from 0 to 0\.5, not"):
        CacheOptions({}, jitter=jitter)


# That there is no such thing


async def test_a_negative_answer_serves_for_its_seconds() -> None:
    """NotFound is kept as such, with the service's words, up to its exact end; nobody refreshes it."""
    here = Keeping()
    here.fail(NO_CAT)
    await here.clock.advance(2 - BIT)
    hit = here.look()
    assert hit is not None
    error = hit.outcome.error
    assert (hit.result, hit.refresh, hit.outcome.value) == ("negative", False, None)
    assert isinstance(error, NotFound)
    assert (str(error), error.service) == (str(NO_CAT), "cats")
    assert hit.outcome.age == pytest.approx(2 - BIT)
    await here.clock.advance(BIT)
    assert here.look() is None


async def test_a_negative_answer_is_never_stale() -> None:
    """It stands in for no failure, not even while it serves."""
    here = Keeping()
    here.fail(NO_CAT)
    assert here.records.instead_of(SLOT, SLOW) is None
    assert here.result() == "negative"
    await here.clock.advance(2)
    assert here.records.instead_of(SLOT, SLOW) is None


def test_negative_answers_may_be_switched_off() -> None:
    """With ``negative=0`` nothing is kept of a NotFound, and the older answer is gone all the same."""
    here = Keeping(Windows(10, 20, 50, negative=0))
    here.keep()
    here.fail(NO_CAT)
    assert here.look() is None
    assert len(here.store) == 0


def test_each_look_has_an_error_of_its_own() -> None:
    """An error that is raised gathers the frames it goes through, so no two requests may hold the same one."""
    here = Keeping()
    here.fail(NO_CAT)
    one, two = here.look(), here.look()
    assert one is not None
    assert two is not None
    assert one.outcome.error is not two.outcome.error


async def test_a_thing_that_came_to_be_replaces_a_negative_answer() -> None:
    """A value kept later serves with the windows of a value."""
    here = Keeping()
    here.fail(NO_CAT)
    here.keep()
    await here.clock.advance(5)
    assert here.result() == "fresh"


# What is not kept


def test_nothing_is_kept_without_a_declaration() -> None:
    """An endpoint without windows is neither kept, nor looked for, nor does anything of it stand in."""
    here = Keeping()
    slot = slot_of(search, ("tom", 10, None))
    here.keep(slot=slot)
    here.fail(NO_CAT, slot)
    assert (here.look(slot), here.records.instead_of(slot, SLOW), len(here.store)) == (None, None, 0)
    assert [here.records.keeps(endpoint) for endpoint in (by_id, mine, search)] == [True, True, False]


def test_a_flawed_answer_is_not_kept() -> None:
    """A list with rows that could not be read is not the service's word; the older answer stays."""
    here = Keeping()
    flaw = BadPayload("cats: element 3", service="cats")
    here.records.keep(SLOT, Outcome("cats", TOM, flaws=(flaw,)), 0)
    assert here.look() is None
    here.keep()
    here.records.keep(SLOT, Outcome("cats", Cat(id="b"), flaws=(flaw,)), 0)
    hit = here.look()
    assert hit is not None
    assert hit.outcome.value is TOM


def test_nothing_is_kept_of_what_another_process_writes() -> None:
    """Answers of an endpoint that is written elsewhere are not kept in any way; others are."""
    here = Keeping(elsewhere=frozenset({mine}))
    slot = slot_of(mine, ())
    here.keep(slot=slot)
    here.fail(NotFound("cats GET /mine answered 404", service="cats"), slot)
    here.keep()
    assert (here.look(slot), here.records.instead_of(slot, SLOW)) == (None, None)
    assert [here.records.keeps(endpoint) for endpoint in (by_id, mine)] == [True, False]
    assert [here.records.shares(endpoint) for endpoint in (by_id, mine)] == [True, False]
    assert (here.result(), len(here.store)) == ("fresh", 1)


def test_private_answers_are_kept_for_their_owner() -> None:
    """One's answer is nobody else's, nor one's own with other scopes."""
    here = Keeping()
    here.keep(slot=slot_of(mine, (), asker("7", scopes=("a",))))
    assert here.result(slot_of(mine, (), asker("7", scopes=("a",)))) == "fresh"
    for other in (asker("8", scopes=("a",)), asker("7"), asker("7", scopes=("a", "b")), asker("7", tenant="red")):
        assert here.look(slot_of(mine, (), other)) is None


# What an error does: every class of the tree has its decision here


class Case(NamedTuple):
    """An error; whether an old answer may stand in for it, and whether it ends an older one."""

    error: BffError
    stands_in: bool = False
    ends: bool = False


def status(code: int) -> BadStatus:
    """A status that is no success."""
    return BadStatus(f"cats answered {code}", service="cats", status=code)


CASES = [
    Case(BffError("nothing said")),
    # The client's own doing is no failure of the service.
    Case(ClientFault("malformed")),
    Case(BadRequest("malformed")),
    Case(DocumentMismatch("another's")),
    Case(DocumentNotFound()),
    Case(RegistrationNotSupported()),
    Case(DocumentRefused("not here")),
    Case(TooCostly("too much")),
    Case(Unauthenticated("not accepted"), ends=True),
    Case(Refused("sold", service="cats", problem=TOM)),
    Case(Forbidden("too narrow"), ends=True),
    # The service did not answer, or could not.
    Case(ServiceFault("nothing said", service="cats")),
    Case(Unreachable("refused", service="cats"), stands_in=True),
    Case(SLOW, stands_in=True),
    Case(BadPayload("no list", service="cats"), stands_in=True),
    *(Case(status(code), stands_in=True) for code in (500, 502, 503, 504, 599, 408, 429)),
    # It did answer.
    *(Case(status(code), ends=True) for code in (401, 403, 404)),
    *(Case(status(code)) for code in (301, 400, 402, 405, 409, 410, 422, 499)),
    Case(NO_CAT, ends=True),
    # It was not asked.
    Case(Rejected("given up", service="cats"), stands_in=True),
    Case(BreakerOpen("left alone", service="cats"), stands_in=True),
    Case(BreakerBusy("tried", service="cats"), stands_in=True),
    Case(BulkheadFull("full", service="cats"), stands_in=True),
    Case(DeadlinePassed("late", service="cats"), stands_in=True),
    Case(Overloaded("too many"), stands_in=True),
    # Whose answer it would be is not known.
    Case(AuthUnavailable("no key")),
    # What is wrong with us would stay hidden.
    Case(Bug("a state that must not be")),
]


def tree(base: type[BffError]) -> Iterator[type[BffError]]:
    """A class of errors and all under it, of those in the one tree."""
    yield base
    for kind in base.__subclasses__():
        if kind.__module__ == bff_core.errors.__name__:  # another room's own are no outcomes
            yield from tree(kind)


def test_every_error_has_its_decision() -> None:
    """A new class of errors must say here whether an old answer may stand in for it, and whether it ends one."""
    assert {type(case.error) for case in CASES} == set(tree(BffError))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{type(case.error).__name__} {case.error}")
async def test_an_old_answer_stands_in_for_what_says_nothing_of_it(case: Case) -> None:
    """Where the service did not answer the old answer serves, told as stale with the reason; its own word is never
    replaced."""
    here = Keeping()
    here.keep()
    await here.clock.advance(40)
    stale = here.records.instead_of(SLOT, case.error)
    expected = Outcome("cats", TOM, source=Source.STALE, age=40.0, reason=case.error)
    assert stale == (expected if case.stands_in else None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{type(case.error).__name__} {case.error}")
def test_no_error_is_kept_and_some_end_an_older_answer(case: Case) -> None:
    """What a service says of a thing or of a credential ends what it said before; what went wrong leaves it alone."""
    here = Keeping()
    here.fail(case.error)
    assert here.result() == ("negative" if case.error is NO_CAT else None)
    here.keep()
    here.fail(case.error)
    assert here.result() == ("negative" if case.error is NO_CAT else None if case.ends else "fresh")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{type(case.error).__name__} {case.error}")
def test_nothing_stands_in_where_nothing_is_kept(case: Case) -> None:
    """Without an old answer a failure stays what it is."""
    assert Keeping().records.instead_of(SLOT, case.error) is None


# Writes


def test_a_drop_ends_what_was_kept_before() -> None:
    """After a write neither a look nor a failure is served from before it; what is asked for after it is kept."""
    here = Keeping()
    here.keep()
    here.records.drop([by_id], asker().owner)
    assert here.look() is None
    assert here.records.instead_of(SLOT, SLOW) is None
    assert len(here.store) == 0
    here.keep()
    assert here.result() == "fresh"


def test_a_read_that_began_before_a_write_ended_is_not_kept() -> None:
    """Not its value, and not that there is no such thing; it does not end what was read after the write either."""
    here = Keeping()
    began = here.records.epoch
    here.records.drop([by_id], asker().owner)
    assert not here.records.holds(SLOT, began)
    here.keep(begun=began)
    here.records.keep(SLOT, Outcome("cats", error=NO_CAT), began)
    assert here.look() is None
    here.keep()
    here.records.keep(SLOT, Outcome("cats", error=NO_CAT), began)
    here.records.keep(SLOT, Outcome("cats", error=Forbidden("no")), began)
    assert here.result() == "fresh"


def test_a_drop_is_for_one_owner_and_for_the_endpoints_it_names() -> None:
    """A private endpoint's drop leaves other owners alone, and other endpoints; all scopes of the owner go."""
    here = Keeping()
    slots = [slot_of(mine, (), who) for who in (asker("7"), asker("7", scopes=("a",)), asker("8"))] + [SLOT]
    for slot in slots:
        here.keep(slot=slot)
    here.records.drop([mine], asker("7").owner)
    assert [here.result(slot) for slot in slots] == [None, None, "fresh", "fresh"]
    here.records.drop([by_id, mine], asker("8").owner)
    assert [here.result(slot) for slot in slots] == [None] * 4


# In bytes


def test_an_error_is_kept_by_its_words_alone() -> None:
    """Nothing that is kept leads to an error, a traceback or a frame, where the caller's credential would stand."""

    def raised(secret: str) -> NotFound:
        try:
            raise NotFound(f"no {len(secret)}", service="cats")
        except NotFound as error:
            return error

    secret = "-".join(["a", "secret"])
    error = raised(secret)
    assert secret in list(reachable(error))  # this is what must not be kept
    here = Keeping()
    here.fail(error)
    here.keep(slot=slot_of(by_id, "b"))
    held = list(reachable(here.records, here.store))
    assert TOM in held
    assert str(error) in held
    assert secret not in held
    assert [one for one in held if isinstance(one, BaseException) or hasattr(one, "f_locals")] == []


def texts(random: Random, most: int) -> str:
    """A text of up to so many characters, of one script or another."""
    return random.choice(("a", "ü", "д", "靴")) * random.randrange(1, most)


def kept_at_random(records: RecordCache, endpoints: Sequence[Endpoint[Any]], count: int) -> Iterator[None]:
    """Keep so many answers of all kinds, each under a slot of its own, and stop after each."""
    random = Random(7)
    for number in range(count):
        owner = (ISSUER + texts(random, 10), f"user {number}", texts(random, 30))
        who = Asker(owner, frozenset({f"scope {number}", "read"}))
        endpoint = random.choice(endpoints)
        key: Any = f"key {number}" if endpoint is not search else (texts(random, 3000) + str(number), 10, None)
        outcome: Outcome[Any] = Outcome("cats", Cat(id=f"cat {number}", name=texts(random, 500)))
        if random.random() < 0.3:
            outcome = Outcome("cats", error=NotFound(texts(random, 300) + str(number), service="cats"))
        records.keep(Slot(endpoint, who.whose(endpoint), slot_key(key)), outcome, 0)
        yield


@pytest.mark.parametrize("endpoints", [(by_id, mine, search), (by_id,), (mine,), (search,)], ids=repr)
def test_the_bound_is_one_of_real_bytes(endpoints: Sequence[Endpoint[Any]]) -> None:
    """10,000 answers of all kinds, under long keys and for many owners: what Python takes never passes the bound."""
    bound = 1_000_000
    store = MemoryStore(bound)
    clock = FakeClock(start=1000.0)
    records = RecordCache(CacheOptions(dict.fromkeys(endpoints, WINDOWS)), store, clock, Random(7))
    gc.collect()
    tracemalloc.start()
    try:
        before, most = tracemalloc.get_traced_memory()[0], 0
        for _ in kept_at_random(records, endpoints, 10_000):
            most = max(most, tracemalloc.get_traced_memory()[0] - before)
            assert store.bytes <= bound
    finally:
        tracemalloc.stop()
    assert len(store) > 100
    assert bound / 2 < most <= bound + 20_000  # what is being made for the next one stands beside the store


@pytest.mark.parametrize(
    "slot",
    [
        slot_of(search, ("x" * 50_000, 10, None)),
        slot_of(by_id, "x" * 50_000),
        slot_of(mine, (), asker("x" * 50_000)),
        slot_of(mine, (), asker(scopes=("x" * 50_000,))),
        slot_of(letters, (), asker()._replace(locale="x" * 50_000)),
    ],
    ids=["page", "batch", "owner", "scopes", "locale"],
)
def test_what_an_answer_is_kept_under_is_weighed(slot: Slot) -> None:
    """What a client searches for, or says of itself, can be longer than what is found, and is held as well."""
    store = MemoryStore(1_000_000)
    records = RecordCache(CacheOptions({slot.endpoint: WINDOWS}), store, FakeClock())
    outcomes: list[Outcome[Any]] = [Outcome("cats", TOM), Outcome("cats", error=NO_CAT)]
    for outcome in outcomes:
        records.keep(slot, outcome, 0)
        assert 50_000 < store.bytes < 52_000


def test_the_words_of_a_negative_answer_are_weighed() -> None:
    """They name what was asked for, at whatever length."""
    here = Keeping()
    here.fail(NotFound("x" * 50_000, service="cats"))
    assert 50_000 < here.store.bytes < 52_000


@given(st.lists(st.sampled_from(["keep", "missing", "drop", "wait", "fail"]), max_size=30))
async def test_the_sum_is_right_whatever_happens(steps: Sequence[str]) -> None:
    """However answers come and go, the store's bytes are those of what it holds, and an empty one has none."""
    here = Keeping()
    for number, step in enumerate(steps):
        slot = slot_of(by_id, "abc"[number % 3])
        match step:
            case "keep":
                here.keep(Cat(id="a", name="x" * number), slot)
            case "missing":
                here.fail(NO_CAT, slot)
            case "drop":
                here.records.drop([by_id], None)
            case "wait":
                await here.clock.advance(7)
            case "fail":
                here.fail(Forbidden("no"), slot)
        for key in "abc":
            here.look(slot_of(by_id, key))
    here.records.drop([by_id], None)
    for key in "abc":
        here.look(slot_of(by_id, key))
    assert (len(here.store), here.store.bytes) == (0, 0)
