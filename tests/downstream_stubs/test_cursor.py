"""Cursors: text that only continues its own question."""

import pytest

from downstream_stubs.frame.cursor import Cursors
from downstream_stubs.frame.problems import ProblemError

QUESTION = ("search", "lamp", None, "newest")


def test_cursor_comes_back() -> None:
    """The keys that went in come out, floats to the last digit."""
    cursors = Cursors("products")
    for keys in ((1, 2), (-3.0000000000000004, 7), ("é", 1)):
        assert cursors.read(QUESTION, cursors.make(QUESTION, keys)) == list(keys)


def test_cursor_is_the_same_everywhere() -> None:
    """A cursor depends on service, question and keys alone, so that recorded answers stay valid."""
    assert Cursors("products").make(QUESTION, (1, 2)) == Cursors("products").make(QUESTION, (1, 2))
    assert Cursors("products").make(QUESTION, (1, 2)) == "CMQeLzK45IK2WzEsMl0"


@pytest.mark.parametrize("text", ["", "A", "AAAA", "é", "=" * 8, "-_-_" * 60])
def test_rubbish_is_refused(text: str) -> None:
    """What is no cursor at all is a 400 problem that names it."""
    with pytest.raises(ProblemError) as raised:
        Cursors("products").read(QUESTION, text)
    assert raised.value.kind.status == 400
    assert [name for name, _ in raised.value.errors] == ["cursor"]


def test_every_byte_counts() -> None:
    """A cursor with any one character changed, or of another question or service, is refused."""
    cursors = Cursors("products")
    good = cursors.make(QUESTION, (1, 2))
    for position, character in enumerate(good[:-1]):
        changed = good[:position] + ("A" if character != "A" else "B") + good[position + 1 :]
        with pytest.raises(ProblemError):
            cursors.read(QUESTION, changed)
    with pytest.raises(ProblemError):
        cursors.read((*QUESTION[:3], "rating"), good)
    with pytest.raises(ProblemError):
        Cursors("orders").read(QUESTION, good)
