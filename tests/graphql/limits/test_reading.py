"""Reading: a text that is too long is not looked at, and the parser stops at the limit of tokens."""

from __future__ import annotations

from typing import SupportsIndex

import pytest
from graphql import GraphQLError

from bff_core.errors import TooCostly
from bff_core.graphql.limits.limits import NO_LIMITS, Limits
from bff_core.graphql.limits.reading import read
from bff_core.graphql.operations import InvalidDocument, Operations
from tests.graphql.shelf import SCHEMA

MEGABYTE = 1_000_000


class Looked(str):
    """A text that counts how often the lexer looks at it."""

    __slots__ = ("times",)
    times: int

    def __new__(cls, text: str) -> Looked:
        made = super().__new__(cls, text)
        made.times = 0
        return made

    def __getitem__(self, at: SupportsIndex | slice) -> str:
        self.times += 1
        return super().__getitem__(at)


LONG = {
    "a comment": "{ a } #" + "x" * MEGABYTE,
    "comments": "{ a }" + "#\n" * (MEGABYTE // 2),
    "a string": '{ a(b: "' + "x" * MEGABYTE + '") }',
    "escapes": '{ a(b: "' + "\\n" * (MEGABYTE // 2) + '") }',
    "a block string": '{ a(b: """' + "x\n" * (MEGABYTE // 2) + '""") }',
    "a name": "{ " + "x" * MEGABYTE + " }",
    "a number": "{ a(b: " + "1" * MEGABYTE + ") }",
    "commas": "{ a" + "," * MEGABYTE + " }",
    "blanks": "{ a" + " " * MEGABYTE + " }",
    "nesting": "{ a" * (MEGABYTE // 3),
    "lists": "{ a(b: " + "[" * MEGABYTE,
    "fields": "{" + " a" * (MEGABYTE // 2) + " }",
    "definitions": "{ a }" * (MEGABYTE // 5),
    "no end": '{ a(b: "' + "x" * MEGABYTE,
}


@pytest.mark.parametrize("what", LONG)
def test_a_megabyte_is_refused_unread(what: str) -> None:
    """Whatever it consists of: not one character is looked at."""
    text = Looked(LONG[what])
    with pytest.raises(TooCostly, match=r"^The document has \d+ bytes or more; limits\.document_bytes = 32768\.$"):
        read(text, Limits())
    assert text.times == 0


@pytest.mark.parametrize("what", ["comments", "lists", "fields", "definitions", "nesting"])
def test_the_parser_stops_at_the_limit_of_tokens(what: str) -> None:
    """However long the rest is: the characters that were looked at are those of so many tokens, a few each."""
    text = Looked(LONG[what])
    limits = Limits(document_bytes=2 * MEGABYTE, tokens=200)
    with pytest.raises(TooCostly, match=r"^The document has more than 200 tokens; limits\.tokens = 200\.$"):
        read(text, limits)
    assert 0 < text.times < 10 * 200


def test_without_the_limit_the_whole_text_is_looked_at() -> None:
    """The same text costs its length where nobody bounds it; so the counting above counts."""
    text = Looked("{" + " a" * 20_000 + " }")
    read(text, NO_LIMITS)
    assert text.times > 2 * 20_000


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("{ a } #" + "x" * (1024 - 7), True),
        ("{ a } #" + "x" * (1025 - 7), False),
        ("{ a } #" + "é" * ((1024 - 7) // 2), True),
        ("{ a } #" + "é" * ((1024 - 7) // 2 + 1), False),
        ("{ a } #" + "\U0001f600" * 254, True),
        ("{ a } #" + "\U0001f600" * 255, False),
        ("{ a } #" + "\ud800" * 400, False),  # half a character, which no encoder takes
    ],
)
def test_the_length_is_that_in_bytes(text: str, fits: bool) -> None:
    """A character takes up to four; as many as the limit fit, one more does not."""
    limits = Limits(document_bytes=1024)
    if fits:
        assert len(read(text, limits).definitions) == 1
    else:
        with pytest.raises(TooCostly):
            read(text, limits)


def test_as_many_tokens_as_may_be_are_read() -> None:
    """Comments count, the end does not."""
    limits = Limits(tokens=5)
    assert read("{ a b c }", limits).definitions
    with pytest.raises(TooCostly):
        read("{ a b c } # more", limits)


def test_what_is_no_document_is_no_matter_of_limits() -> None:
    """The parser's own error comes through."""
    with pytest.raises(GraphQLError, match="Syntax Error"):
        read("{", Limits())


def test_a_text_that_is_too_long_is_not_kept() -> None:
    """To refuse it again takes less than to keep it; one that was parsed and refused is kept as before."""
    operations = Operations(SCHEMA._schema)
    for text, kept in ((LONG["a comment"], 0), ("{" + " hello" * 2000 + " }", 1)):
        for _ in range(2):
            with pytest.raises(InvalidDocument) as caught:
                operations.prepare(text)
            assert caught.value.reason == "TOO_COSTLY"
        assert len(operations) == kept
