"""Turns: so many at once, first come, first served."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff_core.loading.turns import Turns


class Row:
    """Those who take turns; ``begun`` has their names, in the order in which they had their turn."""

    def __init__(self, most: int) -> None:
        self.turns = Turns(most)
        self.begun: list[str] = []

    def take(self, names: str) -> None:
        """Each takes a turn when there is one."""
        for name in names:
            self.turns.take(self._beginning(name))

    def give(self, times: int = 1) -> None:
        """So many end their turn."""
        for _ in range(times):
            self.turns.give()

    def _beginning(self, name: str) -> Callable[[], None]:
        return lambda: self.begun.append(name)


def test_there_are_so_many_turns_at_once() -> None:
    """As many begin at once as there are turns, the next one waits."""
    row = Row(3)
    row.take("abcd")
    assert row.begun == ["a", "b", "c"]
    assert repr(row.turns) == "<Turns free=0 waiting=1>"


def test_first_come_first_served() -> None:
    """A turn that ends goes to whoever waits longest, in the same instant."""
    row = Row(1)
    row.take("abcd")
    for number in range(4):
        assert row.begun == list("abcd")[: number + 1]
        row.give()
    assert repr(row.turns) == "<Turns free=1 waiting=0>"


def test_a_turn_that_nobody_waits_for_is_had_later() -> None:
    """Turns that came back are there for who comes next, and there are no more of them than before."""
    row = Row(2)
    row.take("ab")
    row.give(2)
    row.take("cde")
    assert row.begun == ["a", "b", "c", "d"]


def test_nobody_overtakes_who_waits() -> None:
    """Who comes while somebody waits stands behind them, also when they come as a turn ends."""
    row = Row(1)
    row.turns.take(lambda: row.begun.append("first"))
    row.take("ab")
    row.turns.take(lambda: row.take("z"))
    row.give(2)
    assert row.begun == ["first", "a", "b"]
    row.give()  # this one's turn is taken by one who takes a turn again
    row.give()
    assert row.begun == ["first", "a", "b", "z"]


def test_a_turn_may_end_as_it_begins() -> None:
    """Who gives its turn back at once lets the next one in, and no turn is lost or made."""
    turns, begun = Turns(1), list[int]()
    turns.take(lambda: begun.append(0))

    def pass_on(number: int) -> Callable[[], None]:
        def begin() -> None:
            begun.append(number)
            turns.give()

        return begin

    for number in range(1, 6):
        turns.take(pass_on(number))
    turns.give()
    assert begun == [0, 1, 2, 3, 4, 5]
    assert repr(turns) == "<Turns free=1 waiting=0>"


def test_closing_forgets_who_waits() -> None:
    """After it a turn that ends begins nothing; who had one may still give it back."""
    row = Row(1)
    row.take("abc")
    row.turns.close()
    row.give()
    assert row.begun == ["a"]
    assert repr(row.turns) == "<Turns free=1 waiting=0>"


@pytest.mark.parametrize("most", [1, 2, 5])
def test_all_have_their_turn_in_order(most: int) -> None:
    """However takes and gives are mixed, nobody is passed over, and never are more under way than there are turns."""
    random, row, taken, given_back = Random(7), Row(most), 0, 0
    while len(row.begun) < 200:
        if random.random() < 0.5 and taken < 200:
            row.take(chr(taken))
            taken += 1
        elif len(row.begun) > given_back:
            row.give()
            given_back += 1
        assert len(row.begun) - given_back == min(most, taken - given_back)
    assert row.begun == [chr(number) for number in range(200)]


@given(st.integers(1, 4), st.lists(st.booleans(), max_size=60))
def test_turns_are_neither_lost_nor_made(most: int, steps: Sequence[bool]) -> None:
    """After any takes and as many gives, all turns are free again."""
    row, out = Row(most), 0
    for take in steps:
        if take:
            row.take("x")
            out += 1
        elif out:
            row.give()
            out -= 1
    row.give(out)
    assert repr(row.turns) == f"<Turns free={most} waiting=0>"
    assert len(row.begun) == sum(steps)
