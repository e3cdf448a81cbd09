"""The store in memory: how much it holds, what makes room, and that its sums are right."""

from __future__ import annotations

import gc
import tracemalloc
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff_core.cache.entry import Entry
from bff_core.cache.slot import EVERYBODY, Slot
from bff_core.cache.store import OVERHEAD, MemoryStore
from tests.cache.cattery import asker, by_id, mine, slot_of


def entry(size: int = 0, value: str = "") -> Entry:
    """An entry of so many bytes beside the store's own."""
    return Entry(value, None, 0, 0.0, 1.0, 1.0, 1.0, size)


def held(store: MemoryStore, keys: str) -> str:
    """Those of the keys that are held, in their order."""
    return "".join(key for key in keys if slot_of(by_id, key) in store._entries)  # a get would count as use


def filled(keys: str, room_for: int) -> MemoryStore:
    """A store with room for so many entries of 100 bytes, and these put into it."""
    store = MemoryStore(room_for * (100 + OVERHEAD))
    for key in keys:
        store.put(slot_of(by_id, key), entry(100))
    return store


def test_what_was_put_is_held_under_its_slot() -> None:
    """An entry is given back as it is, for its slot and for no other one."""
    store, kept = MemoryStore(10_000), entry()
    store.put(slot_of(by_id, "a"), kept)
    assert store.get(slot_of(by_id, "a")) is kept
    assert store.get(slot_of(by_id, "b")) is None
    assert store.get(slot_of(mine, "a")) is None
    assert store.get(slot_of(mine, "a", asker("8"))) is None


def test_what_was_used_least_recently_makes_room() -> None:
    """The oldest goes first, unless it was looked at or put anew since."""
    store = filled("abcd", room_for=4)
    store.get(slot_of(by_id, "a"))
    store.put(slot_of(by_id, "b"), entry(100))
    store.put(slot_of(by_id, "e"), entry(100))
    assert held(store, "abcde") == "abde"
    store.put(slot_of(by_id, "f"), entry(100))
    assert held(store, "abcdef") == "abef"


def test_looking_for_what_is_not_there_is_no_use() -> None:
    """A miss changes nothing of what makes room next."""
    store = filled("ab", room_for=2)
    store.get(slot_of(by_id, "x"))
    store.drop(slot_of(by_id, "x"))
    store.put(slot_of(by_id, "c"), entry(100))
    assert held(store, "abc") == "bc"


def test_a_large_entry_makes_room_for_itself_alone() -> None:
    """As many go as must, and no more."""
    store = filled("abcd", room_for=4)
    store.put(slot_of(by_id, "x"), entry(100 + 100 + OVERHEAD))
    assert held(store, "abcdx") == "cdx"


def test_what_is_too_large_is_let_go() -> None:
    """An entry larger than the whole store is not held and pushes nobody out; one that just fits is held."""
    store = MemoryStore(1000 + OVERHEAD)
    store.put(slot_of(by_id, "a"), entry(10))
    store.put(slot_of(by_id, "b"), entry(1001))
    assert held(store, "ab") == "a"
    store.put(slot_of(by_id, "b"), entry(1000))
    assert held(store, "ab") == "b"


def test_what_is_too_large_does_not_leave_an_older_one() -> None:
    """After a put that could not be held, the slot has nothing: an older answer would be taken for the new one."""
    store = MemoryStore(1000 + OVERHEAD)
    store.put(slot_of(by_id, "a"), entry(10, "old"))
    store.put(slot_of(by_id, "a"), entry(1001, "new"))
    assert store.get(slot_of(by_id, "a")) is None
    assert (len(store), store.bytes) == (0, 0)


@pytest.mark.parametrize("size", [0, 100])
def test_a_store_of_nothing_holds_nothing(size: int) -> None:
    """With 0 bytes, an entry of no size is not held either."""
    store = MemoryStore(0)
    store.put(slot_of(by_id), entry(size))
    assert store.get(slot_of(by_id)) is None
    assert (len(store), store.bytes) == (0, 0)


@pytest.mark.parametrize("size", [0, 10, 300])
def test_replacing_corrects_the_sum(size: int) -> None:
    """The bytes of an entry that is replaced are given back, whether the new one is smaller or larger."""
    store = MemoryStore(10_000)
    store.put(slot_of(by_id, "a"), entry(100))
    store.put(slot_of(by_id, "b"), entry(50))
    store.put(slot_of(by_id, "a"), entry(size))
    assert (len(store), store.bytes) == (2, size + 50 + 2 * OVERHEAD)
    store.drop(slot_of(by_id, "a"))
    store.drop(slot_of(by_id, "a"))
    store.drop(slot_of(by_id, "b"))
    assert (len(store), store.bytes) == (0, 0)


def test_the_bound_holds_at_each_step() -> None:
    """However many entries of whatever size are put, the sum never passes the bound, and comes near it."""
    random, store, most = Random(7), MemoryStore(200_000), 0
    for _ in range(10_000):
        store.put(slot_of(by_id, str(random.randrange(3000))), entry(random.choice((0, 10, 500, 5_000, 60_000))))
        assert store.bytes <= 200_000
        most = max(most, store.bytes)
    assert most > 190_000


@given(st.lists(st.tuples(st.sampled_from(["put", "get", "drop"]), st.sampled_from("abcdef"), st.integers(0, 40))))
def test_the_store_is_a_list_of_what_was_used(steps: list[tuple[str, str, int]]) -> None:
    """Whatever is done in whatever order, it holds what a plain list of entries, last used last, would hold."""
    bound = 3 * OVERHEAD + 60
    store = MemoryStore(bound)
    model: dict[str, int] = {}  # in order of use
    for step, key, size in steps:
        slot = slot_of(by_id, key)
        if step == "get":
            found = store.get(slot)
            assert (None if found is None else found.size) == model.get(key)
            if key in model:
                model[key] = model.pop(key)
            continue
        model.pop(key, None)
        store.drop(slot) if step == "drop" else store.put(slot, entry(size))
        if step == "put":
            model[key] = size
        while sum(model.values()) + OVERHEAD * len(model) > bound:
            del model[next(iter(model))]
        assert held(store, "abcdef") == "".join(sorted(model))
        assert store.bytes == sum(model.values()) + OVERHEAD * len(model)


@pytest.mark.parametrize("room_for", [1000, 2734])
def test_the_overhead_is_what_an_entry_takes_beside_its_value(room_for: int) -> None:
    """A store that has been full for a while takes no more than it counts, its own tables included, and not half."""
    random, count = Random(7), 4 * room_for
    keys, value = [str(number) for number in range(count)], "shared"
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        store = MemoryStore(room_for * OVERHEAD)
        most = 0.0
        for number in range(count):
            came = random.random()  # every number is its own, as those of a clock are
            made = Entry(value, None, 1000 + number, came, came + 1, came + 2, came + 3, 0)
            store.put(Slot(by_id, EVERYBODY, keys[number]), made)
            del made
            if number > room_for and number % 50 == 0:
                most = max(most, tracemalloc.get_traced_memory()[0] - before)
    finally:
        tracemalloc.stop()
    assert len(store) == room_for
    assert store.bytes / 2 < most <= store.bytes


def test_a_store_says_how_full_it_is() -> None:
    """Its repr has the count and the bytes, and nothing of what is kept."""
    store = filled("ab", room_for=4)
    assert repr(store) == f"<MemoryStore 2 entries, {200 + 2 * OVERHEAD} of {400 + 4 * OVERHEAD} bytes>"
