"""The longest key of a pattern: never less than what the pattern matches, and exact where it can be."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bff_core.contract.policy import ID_PATTERN
from bff_core.doctor.width import WIDEST, longest_in_url

EXACT = {
    ID_PATTERN: 100,
    "[A-Za-z0-9_-]{1,40}": 40,
    "": 0,
    "abc": 3,
    "a|bcd|ef": 3,
    "a(?:bc)?d*?" + "x{0}": None,
    "(?:ab){2,5}": 10,
    "(ab|c){3}": 6,
    r"(?P<x>a{2})-(?P=x)": 5,
    "(a)?(?(1)bcd|e)": 4,
    "(a)?(?(1)bcd)": 4,
    "(?>abc)d++": None,
    "(?=x{9})ab(?!c)(?<=b)": 2,
    r"^\Aab\Z$\b": 2,
    "x{0}(?:a*){0}": 0,
    "(?:)*": 0,
    "a+": None,
    "(?:a|b*)c": None,
    "/": 3,
    ":": 1,
    "[%a]": 3,
    "é": 6,
    "[a-é]{2}": 12,
    "€": 9,
    "🐦": 12,
    "[a-🐦]": 12,
    ".": WIDEST,
    "[^a]": WIDEST,
    r"\w{3}": 3 * WIDEST,
    r"(?a)\w{3}": 3,
    r"(?a)[\d_]": 1,
    r"(?a)\s": 3,
    r"(?a)\W": WIDEST,
    "(?i)[0-9-]{2}": 2,
    "(?i)k": WIDEST,
    "(?i:k)k": WIDEST + 1,
    "(?i)a(?-i:b)": WIDEST + 1,
    "(?x) a b  # c": 2,
}

#: To make up texts for these takes too long.
SLOW = {"(?=x{9})ab(?!c)(?<=b)", "[a-🐦]"}


@pytest.mark.parametrize(("pattern", "width"), EXACT.items(), ids=repr)
def test_the_longest_key_in_bytes_of_a_url(pattern: str, width: int | None) -> None:
    """Repetitions multiply, branches compete, quoting triples; None where there is no end."""
    assert longest_in_url(re.compile(pattern)) == width


@pytest.mark.parametrize("pattern", [one for one, width in EXACT.items() if width and one not in SLOW])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_no_key_is_longer(pattern: str, data: st.DataObject) -> None:
    """Whatever the pattern matches, quoted, is as long or shorter."""
    compiled = re.compile(pattern)
    width = longest_in_url(compiled)
    assert width is not None
    text = data.draw(st.from_regex(compiled, fullmatch=True).filter(lambda text: text.isprintable()))
    assert len(quote(text, safe=":")) <= width


def test_ignoring_case_lets_a_letter_be_another_one() -> None:
    """The Kelvin sign is a k to whoever ignores case, and takes nine bytes; so a letter counts as the widest."""
    assert re.fullmatch("(?i)k", "\u212a")
    assert len(quote("\u212a")) <= longest_in_url(re.compile("(?i)k")) <= WIDEST  # type: ignore[operator]  # it has one
