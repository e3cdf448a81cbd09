"""Epochs: what was read before a write ended does not hold after it, whoever forgets what."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bff_core.cache.epochs import Epochs
from bff_core.cache.slot import Owner, Slot
from bff_core.contract import Endpoint
from tests.cache.cattery import asker, basket, by_id, mine, search, slot_of

SEVEN, EIGHT = asker("7"), asker("8")
MY_SLOT, YOUR_SLOT, OUR_SLOT = slot_of(mine, (), SEVEN), slot_of(mine, (), EIGHT), slot_of(by_id, "a")


def test_a_read_holds_until_a_write_ends() -> None:
    """One that began before a drop does not hold after it, one that begins after it does."""
    epochs = Epochs()
    before = epochs.now
    assert epochs.holds(MY_SLOT, before)
    epochs.drop(mine, SEVEN.owner)
    after = epochs.now
    assert not epochs.holds(MY_SLOT, before)
    assert epochs.holds(MY_SLOT, after)


def test_what_began_between_two_writes_falls_with_the_second() -> None:
    """Each drop counts, not only the first one."""
    epochs = Epochs()
    epochs.drop(mine, SEVEN.owner)
    between = epochs.now
    assert epochs.holds(MY_SLOT, between)
    epochs.drop(mine, SEVEN.owner)
    assert not epochs.holds(MY_SLOT, between)


def test_a_drop_is_for_one_owner() -> None:
    """What others read of a private endpoint holds on."""
    epochs = Epochs()
    begun = epochs.now
    epochs.drop(mine, EIGHT.owner)
    assert epochs.holds(MY_SLOT, begun)
    assert not epochs.holds(YOUR_SLOT, begun)


@pytest.mark.parametrize("other", [asker("7", tenant="red"), asker(None), asker("")], ids=repr)
def test_an_owner_is_all_of_issuer_subject_and_tenant(other: object) -> None:
    """Another tenant, or nobody, is another owner."""
    assert other != SEVEN
    epochs = Epochs()
    epochs.drop(mine, asker("7", tenant="red").owner)
    epochs.drop(mine, asker(None).owner)
    epochs.drop(mine, asker("").owner)
    assert epochs.holds(MY_SLOT, 0)


def test_a_drop_is_for_all_scopes_of_its_owner() -> None:
    """A write ends what its owner read, whatever the token that it was read with could do."""
    epochs = Epochs()
    epochs.drop(mine, asker("7", scopes=("write",)).owner)
    assert not epochs.holds(slot_of(mine, (), asker("7", scopes=("read",))), 0)


def test_a_drop_is_for_one_endpoint() -> None:
    """Other endpoints of the same owner hold on, and so does the whole of a public one."""
    epochs = Epochs()
    epochs.drop(basket, SEVEN.owner)
    assert epochs.holds(MY_SLOT, 0)
    assert epochs.holds(OUR_SLOT, 0)
    assert not epochs.holds(slot_of(basket, ("a",), SEVEN), 0)


def test_a_drop_of_a_public_endpoint_is_for_everybody() -> None:
    """Whoever wrote, everybody read the same, under every key."""
    epochs = Epochs()
    epochs.drop(by_id, SEVEN.owner)
    assert not epochs.holds(OUR_SLOT, 0)
    assert not epochs.holds(slot_of(by_id, "b", EIGHT), 0)
    assert epochs.holds(slot_of(search, ("q", 10, None)), 0)


def test_a_forgotten_drop_drops_still() -> None:
    """Past what is remembered nothing old of the endpoint holds any more: what was dropped, and what was not."""
    epochs = Epochs(remembered=2)
    for owner in (SEVEN.owner, EIGHT.owner, asker("9").owner):
        epochs.drop(mine, owner)
    nobodys = slot_of(mine, (), asker("10"))
    assert not epochs.holds(MY_SLOT, 0)
    assert not epochs.holds(nobodys, 0)
    assert epochs.holds(MY_SLOT, 1)
    assert epochs.holds(nobodys, 1)
    assert not epochs.holds(YOUR_SLOT, 1)


def test_what_is_forgotten_of_one_endpoint_is_no_harm_to_others() -> None:
    """However many write, a public answer that nobody wrote to holds for as long as it is kept."""
    epochs = Epochs(remembered=2)
    epochs.drop(search, None)
    for number in range(100):
        epochs.drop(mine, asker(str(number)).owner)
    assert epochs.holds(OUR_SLOT, 0)
    assert epochs.holds(slot_of(basket, ("a",)), 0)
    assert epochs.holds(slot_of(search, ("q", 10, None)), 1)
    assert not epochs.holds(slot_of(search, ("q", 10, None)), 0)


def test_the_oldest_drop_is_forgotten_first() -> None:
    """Forgetting costs as little as it can: one that is often asked for is no newer, and one that came again is."""
    epochs = Epochs(remembered=2)
    epochs.drop(mine, SEVEN.owner)
    epochs.drop(mine, EIGHT.owner)
    epochs.drop(mine, SEVEN.owner)
    for _ in range(3):
        assert not epochs.holds(YOUR_SLOT, 1)
    epochs.drop(by_id, None)
    assert epochs.holds(slot_of(mine, (), asker("9")), 2)
    assert not epochs.holds(slot_of(mine, (), asker("9")), 1)
    assert not epochs.holds(MY_SLOT, 2)
    assert epochs.holds(MY_SLOT, 3)


def test_only_so_many_drops_are_remembered() -> None:
    """However many owners write, no more drops are held than were asked for, and the last ones are exact."""
    epochs = Epochs(remembered=10)
    for number in range(1000):
        epochs.drop(mine, asker(str(number)).owner)
    assert repr(epochs) == "<Epochs now=1000 remembered=10 endpoints with a floor=1>"
    assert epochs.holds(slot_of(mine, (), asker("998")), 999)
    assert not epochs.holds(slot_of(mine, (), asker("998")), 998)
    assert epochs.holds(slot_of(mine, (), asker("nobody")), 990)
    assert not epochs.holds(slot_of(mine, (), asker("nobody")), 989)


ENDPOINTS: tuple[Endpoint[Any], ...] = (mine, basket, by_id, search)
OWNERS = tuple(asker(subject).owner for subject in ("7", "8", "9", None))


class NaiveDrops(RuleBasedStateMachine):
    """Epochs of a small memory beside a list that remembers every read and every drop there was."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[tuple[Slot, int, bool]] = []  # slot, epoch, whether it still holds
        self.dropped: set[tuple[object, Owner | None]] = set()

    @initialize(remembered=st.integers(1, 4))
    def begin(self, remembered: int) -> None:
        """A memory of so many drops."""
        self.epochs = Epochs(remembered)
        self.remembered = remembered

    @rule(endpoint=st.sampled_from(ENDPOINTS), subject=st.sampled_from(["7", "8", "9", None]))
    def read(self, endpoint: Endpoint[Any], subject: str | None) -> None:
        """Somebody begins to read."""
        self.reads.append((slot_of(endpoint, "k", asker(subject)), self.epochs.now, True))

    @rule(endpoint=st.sampled_from(ENDPOINTS), owner=st.sampled_from(OWNERS))
    def drop(self, endpoint: Endpoint[Any], owner: Owner) -> None:
        """Somebody's write ends."""
        self.epochs.drop(endpoint, owner)
        public = endpoint in (by_id, search)
        self.dropped.add((endpoint, None if public else owner))
        self.reads = [
            (slot, begun, holds and not (slot.endpoint is endpoint and (public or slot.whose.owner == owner)))
            for slot, begun, holds in self.reads
        ]

    @invariant()
    def never_holds_what_was_dropped(self) -> None:
        """What a write ended does not hold, whatever was forgotten; the rest does where all is public or remembered."""
        for slot, begun, holds in self.reads:
            if not holds:
                assert not self.epochs.holds(slot, begun)
            elif len(self.dropped) <= self.remembered or slot.endpoint in (by_id, search):
                assert self.epochs.holds(slot, begun)

    @invariant()
    def what_begins_now_holds(self) -> None:
        """Whatever happened, a read that begins now can be kept."""
        for endpoint in ENDPOINTS:
            assert self.epochs.holds(slot_of(endpoint), self.epochs.now)


def test_epochs_are_held_to_a_memory_that_forgets_nothing() -> None:
    """In any order of reads and writes, a small memory never holds what a complete one has dropped."""
    run_state_machine_as_test(NaiveDrops, settings=settings(max_examples=150, stateful_step_count=30, deadline=None))
