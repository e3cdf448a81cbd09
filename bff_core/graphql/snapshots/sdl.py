"""Snapshots: a schema as text: printed in one canonical form, read back, and compared line by line."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from itertools import zip_longest

from graphql import (
    GraphQLError,
    GraphQLSchema,
    Source,
    assert_valid_schema,
    build_schema,
    lexicographic_sort_schema,
    print_schema,
)

from bff_core.graphql.limits.directives import annotated
from bff_core.graphql.snapshots.errors import CannotTell

MAX_DIFF_LINES = 60
"""Lines of a drift that are shown; a reader who needs more has git."""


@dataclass(frozen=True, slots=True)
class Canonical:
    """A live schema in canonical form: its `text` (ends in one newline) and the schema read back from it."""

    text: str
    schema: GraphQLSchema


def canonical(schema: GraphQLSchema) -> Canonical:
    """The one text of a schema: everything sorted by name, with descriptions, deprecations and what fields cost.

    The schema is printed and read back before it is sorted: a live schema holds subclasses and Python values
    (an enum member as a default) which graphql-core's sorting and comparing trip over, and both sides of a
    comparison must be made the same way.
    """
    plain = lexicographic_sort_schema(build_schema(print_schema(schema), assume_valid_sdl=True))
    printed = print_schema(plain) + "\n"
    text = annotated(printed, schema)
    return Canonical(text, plain if text == printed else lexicographic_sort_schema(build_schema(text)))


def read_schema(text: str, label: str) -> GraphQLSchema:
    """The schema that `text` describes; `label` names the text in the error (`CannotTell`) and is its
    source's name."""
    try:
        schema = build_schema(Source(text, label))
        assert_valid_schema(schema)
    except GraphQLError as error:
        line = error.locations[0].line if error.locations else 1
        raise CannotTell(f"{label}:{line} is not a schema: {_sentence(error.message)}") from error
    except TypeError as error:  # what graphql-core raises for sound syntax that makes no valid schema
        raise CannotTell(f"{label} is not a valid schema: {_sentence(str(error))}") from error
    return schema


def _sentence(message: str) -> str:
    """The message on one line, with one full stop."""
    return " ".join(message.split()).rstrip(".") + "."


@dataclass(frozen=True, slots=True)
class Drift:
    """How a snapshot differs from the live schema.

    `line` is the first line of the snapshot that differs (from 1); `diff` a unified diff from the snapshot to
    the live schema, at most `MAX_DIFF_LINES` lines and one that counts the rest; `added` and `removed` count
    all lines.
    """

    file: str
    line: int
    diff: str
    added: int
    removed: int


def find_drift(snapshot: str, live: str, *, file: str, bff: str) -> Drift | None:
    """The difference of two canonical texts, or None when they are the same."""
    if snapshot == live:
        return None
    before, after = snapshot.splitlines(), live.splitlines()
    first = next((i for i, (a, b) in enumerate(zip_longest(before, after), 1) if a != b), 1)
    lines = list(
        difflib.unified_diff(before, after, fromfile=file, tofile=f"the live schema of {bff}", n=2, lineterm="")
    )
    # The two headings begin with +++ and ---; they are no change.
    added = sum(line.startswith("+") for line in lines[2:])
    removed = sum(line.startswith("-") for line in lines[2:])
    shown = lines[:MAX_DIFF_LINES]
    if len(lines) > MAX_DIFF_LINES:
        shown.append(f"… and {len(lines) - MAX_DIFF_LINES} more lines")
    if not lines:
        shown = ["(only the newline at the end of the file differs)"]
    return Drift(file, first, "\n".join(shown), added, removed)
