"""The shape of a document: told through fragments and introspection, in steps linear in its length."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from graphql import get_introspection_query, parse

from bff_core.errors import TooCostly
from bff_core.graphql.limits.limits import NO_LIMITS, Limits
from bff_core.graphql.limits.shape import MOST, Measured, Shape, check_shape, measure


def measured(text: str) -> Measured:
    """The shape of a text, which need not be valid."""
    return measure(parse(text, max_tokens=100_000))


def shape(text: str) -> Shape:
    """As ``measured``, without its steps."""
    return measured(text).shape


def doubling(levels: int, body: str = "...F* ...F*") -> str:
    """A document whose fragment ``n`` spreads fragment ``n + 1`` twice, so that there are 2^levels ways through it."""
    fragments = [f"fragment F{n} on T {{ {body.replace('*', str(n + 1))} }}" for n in range(levels)]
    return f"{{ ...F0 }} {' '.join(fragments)} fragment F{levels} on T {{ a: b }}"


# What is counted

DEPTHS = [
    ("{ a }", 1),
    ("{ a { b { c } } d }", 3),
    ("{ a { ... { ... on T { b } } } }", 2),
    ("{ ...F } fragment F on T { a { b } }", 2),
    ("{ a { ...F } } fragment F on T { b { ...G } } fragment G on T { c }", 3),
    ("fragment G on T { c } fragment F on T { b { ...G } } { a { ...F } }", 3),
    ("query A { a } query B { a { b } }", 2),
    ("{ __schema { types { ofType { ofType { ofType { name } } } } } }", 6),
    ("{ __schema { types { ...T } } } fragment T on __Type { ofType { ofType { ofType { name } } } }", 6),
]


@pytest.mark.parametrize(("text", "depth"), DEPTHS)
def test_depth_is_that_of_the_deepest_field(text: str, depth: int) -> None:
    """Fields count, fragments do not and what is in them does; introspection is a field like any other."""
    assert shape(text).depth == depth


@pytest.mark.parametrize(
    ("text", "aliases", "fields", "spreads"),
    [
        ("{ a b c }", 0, 3, 0),
        ("{ x: a y: a { z: b } }", 3, 2, 0),
        ("{ ...F ...F } fragment F on T { x: a b { y: c } }", 4, 4, 2),
        ("{ ... on T { a x: b } c }", 1, 3, 0),
        ("{ a { ...F } b { ...F } } fragment F on T { ...G ...G } fragment G on T { x: c }", 4, 2, 6),
        ("query A { x: a } query B { y: a z: a }", 2, 2, 0),
        ("{ ...Nobody }", 0, 0, 1),
    ],
)
def test_what_stands_in_a_fragment_counts_at_every_spread(text: str, aliases: int, fields: int, spreads: int) -> None:
    """Aliases, root fields and spreads: as many as a walk through all fragments would meet."""
    found = shape(text)
    assert (found.aliases, found.fields, found.spreads) == (aliases, fields, spreads)


def test_each_operation_has_a_shape_of_its_own() -> None:
    """In the order of the document; the largest of each are the document's."""
    found = measured("query A { a { b } ...F } fragment F on T { x: a } query B { a b c }")
    assert [(one.depth, one.fields, one.aliases) for one in found.each] == [(2, 2, 1), (1, 3, 0)]
    assert (found.shape.depth, found.shape.fields, found.shape.aliases) == (2, 3, 1)


@pytest.mark.parametrize(
    ("text", "directives", "each"),
    [
        ("{ a }", 0, 0),
        ("{ a @x @y b @z }", 3, 2),
        ("query @x { ... @y { a } ...F @z } fragment F on T @w { a @v }", 5, 1),
        ("query($v: Int @x @y) { a }", 2, 2),
        ("{ a } fragment Unused on T @x { a @x @y @z }", 4, 3),
    ],
)
def test_directives_are_counted_everywhere(text: str, directives: int, each: int) -> None:
    """On operations, variables, fields, fragments and spreads; also in a fragment that nobody spreads."""
    found = shape(text)
    assert (found.directives, found.directives_each) == (directives, each)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("{ a(x: [1, 2, 3]) }", 3),
        ("{ a(x: { y: [[1], [1, 2]] }) }", 2),
        ("query($v: [Int] = [1, 2]) { a }", 2),
        ("{ a @x(y: [1, 2, 3, 4]) }", 4),
        ("{ ...F } fragment F on T { a(x: [1]) }", 1),
    ],
)
def test_lists_are_as_long_as_they_are_written(text: str, size: int) -> None:
    """In arguments, defaults, directives and input objects."""
    assert shape(text).list_size == size


@pytest.mark.parametrize(
    ("text", "lists"),
    [
        ("{ __schema { types { fields { type { fields { name } } } } } }", 2),
        ("{ __type(name: 1) { fields { type { possibleTypes { interfaces { inputFields { name } } } } } } }", 4),
        (
            "{ __type(name: 1) { ...A } } fragment A on __Type { fields { ...B } } fragment B on __Type { fields }",
            2,
        ),
        ("{ fields { fields { fields { fields { fields } } } } }", 0),
    ],
)
def test_introspection_that_goes_in_circles_is_counted(text: str, lists: int) -> None:
    """Lists of types in lists of types multiply the answer; fields of the schema that are called so do not count."""
    assert shape(text).introspection_lists == lists


# How long it takes


@pytest.mark.parametrize("body", ["...F* ...F*", "x { ...F* } y { ...F* }", "... on T { ...F* } ...F*"])
def test_the_steps_are_linear_in_the_document(body: str) -> None:
    """25 levels of fragments that each spread the next one twice are 2^25 ways, and as many steps as it has nodes."""
    small, large = (measured(doubling(levels, body)) for levels in (25, 50))
    assert len(doubling(25)) < 1024 + 256
    assert small.shape.aliases == 2**25
    assert large.steps < 2.1 * small.steps
    assert small.steps < 30 * 25


def test_sums_stop_growing() -> None:
    """A document of some kilobytes would need numbers of thousands of digits."""
    assert shape(doubling(1000)).aliases == MOST


@pytest.mark.parametrize(
    "text",
    [
        "{ ...A } fragment A on T { a { ...A } }",
        "{ ...A } fragment A on T { ...B a } fragment B on T { ...A b }",
        "fragment A on T { ...A }",
    ],
)
def test_a_circle_of_fragments_ends(text: str) -> None:
    """Whether it is closed by one fragment or by several; that it is not allowed is for validation to say."""
    assert measured(text).steps < 30


def test_a_long_chain_of_fragments_is_no_recursion() -> None:
    """Fragments are summed up one after another, so that none of them needs the stack of those before."""
    assert shape(doubling(2_000, "a { ...F* }")).depth == 2_001


# What is refused


@pytest.mark.parametrize(
    ("limits", "text", "sentence"),
    [
        (Limits(depth=2), "{ a { b { c } } }", "The operation is 3 levels deep; limits.depth = 2."),
        (Limits(root_fields=1), "{ a b }", "The operation has 2 root fields; limits.root_fields = 1."),
        (
            Limits(aliases=1),
            "{ x: a ...F } fragment F on T { y: a }",
            "The operation has 2 aliases, those in fragments counted at every spread; limits.aliases = 1.",
        ),
        (
            Limits(spreads=1),
            "{ ...F } fragment F on T { ...G } fragment G on T { a }",
            "The operation has 2 fragment spreads, those in fragments counted at every spread; limits.spreads = 1.",
        ),
        (
            Limits(directives=2, directives_each=2),
            "{ a @x @y b @z }",
            "The operation has 3 directives, those in fragments counted at every spread; limits.directives = 2.",
        ),
        (
            Limits(directives_each=1),
            "{ a @x @y }",
            "One place of the document has 2 directives; limits.directives_each = 1.",
        ),
        (Limits(list_size=1), "{ a(x: [1, 2]) }", "A list in the document has 2 elements; limits.list_size = 1."),
    ],
)
def test_a_limit_says_what_came_and_what_is_allowed(limits: Limits, text: str, sentence: str) -> None:
    """The message names the value, the limit and the setting; one less is let through."""
    with pytest.raises(TooCostly) as caught:
        check_shape(parse(text), limits)
    assert str(caught.value) == sentence


FITTING: list[tuple[str, Callable[[int], str]]] = [
    ("depth", lambda n: "{" + "a {" * (n - 1) + "b" + "}" * n),
    ("root_fields", lambda n: "{" + " a" * n + "}"),
    ("aliases", lambda n: "{ r {" + " x: a" * n + "} }"),
    ("spreads", lambda n: "{ r {" + " ...F" * n + "} } fragment F on T { a }"),
    ("directives", lambda n: "{ r {" + " a @x" * n + "} }"),
    ("directives_each", lambda n: "{ a" + " @x" * n + "}"),
    ("list_size", lambda n: "{ a(x: [" + "1 " * n + "]) }"),
]


@pytest.mark.parametrize(("name", "text"), FITTING, ids=[name for name, _ in FITTING])
def test_as_much_as_a_limit_allows_fits(name: str, text: Callable[[int], str]) -> None:
    """A limit is the most that may be; one more is too much."""
    most = getattr(Limits(), name)
    check_shape(parse(text(most)), Limits())
    with pytest.raises(TooCostly, match=rf"limits\.{name} = {most}\."):
        check_shape(parse(text(most + 1)), Limits())


def test_what_many_ways_lead_to_is_refused() -> None:
    """The document with 2^25 spreads is too much whatever its fragments hold, and the number is told."""
    with pytest.raises(TooCostly, match=rf"{2**26 - 1} fragment spreads"):
        check_shape(parse(doubling(25).replace("a: b", "a").replace("{ ...F0 }", "{ r { ...F0 } }", 1)), Limits())
    with pytest.raises(TooCostly, match=f"{MOST} or more root fields"):
        check_shape(parse(doubling(40)), Limits())


def test_introspection_in_circles_is_refused_and_what_tools_ask_is_not() -> None:
    """Four lists below one another multiply too often; the query of GraphiQL and of code generators passes."""
    with pytest.raises(TooCostly, match="4 lists of types below one another, more than 3"):
        check_shape(parse("{ __schema { types" + " { fields { type" * 4 + " { name }" + "} }" * 4 + " } }"), Limits())
    whole = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    )
    assert check_shape(parse(whole), Limits()).shape.depth == 15


def test_who_only_looks_is_refused_nothing() -> None:
    """Without limits every shape passes, but for introspection in circles."""
    assert check_shape(parse(doubling(25)), NO_LIMITS).shape.aliases == 2**25
