"""The call plan: what an operation will ask of the services, told without executing it, and held to what it asks."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from graphql import OperationDefinitionNode, parse, validate
from hypothesis import given, settings
from hypothesis import strategies as st

from bff_core.errors import TooCostly
from bff_core.graphql.callplan import MOST_SELECTIONS, CallPlan, make_plan
from tests.graphql.shelf import SCHEMA, World, room


def plan_of(query: str, variables: Mapping[str, Any] | None = None) -> CallPlan:
    """The plan of a document's first operation, which must be valid."""
    document = parse(query)
    assert validate(SCHEMA._schema, document) == []
    operation = next(node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    return make_plan(SCHEMA._schema, document, operation, variables)


def shown(plan: CallPlan) -> list[tuple[str, int | None, int]]:
    """Every position: its path, keys and wave."""
    return [(position.path, position.keys, position.wave) for position in plan.positions]


# Positions and waves


def test_an_operation_without_services_has_an_empty_plan() -> None:
    """Plain fields and introspection need nobody."""
    plan = plan_of('query Q { hello __typename __schema { types { name } } __type(name: "Book") { name } }')
    assert (plan.operation, plan.positions, plan.calls, plan.waves, plan.count()) == ("Q", (), (), 0, {})
    assert (plan.private, plan.scopes) == (False, frozenset())


def test_positions_stand_at_their_paths_in_waves() -> None:
    """A link below a link is a wave later, one below a plain field is not."""
    plan = plan_of('{ book(id: "b1") { author { favourite { shelf { label } } } shelf { label } } }')
    assert shown(plan) == [
        ("book", 1, 1),
        ("book.author", 1, 2),
        ("book.author.favourite", 1, 3),
        ("book.author.favourite.shelf", 1, 4),
        ("book.shelf", 1, 2),
    ]
    assert plan.waves == 4
    assert [position.coordinate for position in plan.positions] == [
        "Query.book",
        "Book.author",
        "Author.favourite",
        "Book.shelf",
        "Book.shelf",
    ]
    assert [position.after and position.after.path for position in plan.positions] == [
        None,
        "book",
        "book.author",
        "book.author.favourite",
        "book",
    ]


def test_what_stands_without_a_service() -> None:
    """Each position says what is there when its service does not answer."""
    plan = plan_of('{ book(id: "b1") { author { name } writer { name } owner { name } } }')
    assert {position.path: position.without for position in plan.positions} == {
        "book": "null",
        "book.author": "null",
        "book.writer": "fallback",
        "book.owner": "critical",
    }


def test_aliases_are_positions_of_their_own() -> None:
    """One link asked twice with different arguments asks for different keys."""
    plan = plan_of(
        """{
          book(id: "b1") { a: edition { language } b: edition(language: "de") { language } }
          x: book(id: "b2") { id }
        }"""
    )
    assert shown(plan) == [("book", 1, 1), ("book.a", 1, 2), ("book.b", 1, 2), ("x", 1, 1)]
    assert plan.count() == {"books GET /books": 1, "books POST /editions": 1}


def test_a_field_named_twice_is_one_position() -> None:
    """Selections of one response name are merged, with what stands below both."""
    plan = plan_of('{ book(id: "b1") { author { name } author { favourite { id } } } }')
    assert shown(plan) == [("book", 1, 1), ("book.author", 1, 2), ("book.author.favourite", 1, 3)]


# Keys


@pytest.mark.parametrize(
    ("query", "variables", "rows"),
    [
        ("{ search(first: 4) { nodes { author { id } } } }", None, 4),
        ("{ search { nodes { author { id } } } }", None, 5),
        # Without variables the plan holds for all of them: a default bounds nothing, since a client may send more.
        ("query($n: Int = 3) { search(first: $n) { nodes { author { id } } } }", None, 10),
        ("query($n: Int = 3) { search(first: $n) { nodes { author { id } } } }", {}, 3),
        ("query($n: Int) { search(first: $n) { nodes { author { id } } } }", {}, 5),
        ("query($n: Int = 3) { search(first: $n) { nodes { author { id } } } }", {"n": 7}, 7),
        ("query($n: Int!) { search(first: $n) { nodes { author { id } } } }", None, 10),
        ("query($n: Int!) { search(first: $n) { nodes { author { id } } } }", {"n": 2}, 2),
        ("query($n: Int!) { search(first: $n) { nodes { author { id } } } }", {"n": 99}, 10),
        ("query($n: Int!) { search(first: $n) { nodes { author { id } } } }", {"n": -5}, 0),
        ("{ search(first: 99) { nodes { author { id } } } }", None, 10),
        ("query($t: String!) { search(text: $t, first: 2) { nodes { author { id } } } }", None, 2),
    ],
)
def test_a_page_bounds_the_keys_below_it(query: str, variables: dict[str, Any] | None, rows: int) -> None:
    """The rows of a page are what its argument, a variable or a default says, never more than the service gives."""
    plan = plan_of(query, variables)
    assert shown(plan) == [("search", 1, 1), ("search.nodes[].author", rows, 2)]


def test_the_rows_of_a_page_are_met_at_the_first_list_below_it() -> None:
    """Edges multiply once; beside them nothing is multiplied."""
    plan = plan_of(
        '{ author(id: "a") { books(first: 4) { totalCount edges { node { similar { id } author { id } } } } } }'
    )
    assert shown(plan) == [
        ("author", 1, 1),
        ("author.books", 1, 2),
        ("author.books.edges[].node.similar[]", 12, 3),
        ("author.books.edges[].node.author", 4, 3),
    ]


def test_pages_below_pages_multiply() -> None:
    """Every row of a page may have a page of its own; each is a call, for there is no batch form."""
    plan = plan_of("{ search(first: 4) { nodes { author { books(first: 2) { nodes { shelf { id } } } } } } }")
    assert shown(plan) == [
        ("search", 1, 1),
        ("search.nodes[].author", 4, 2),
        ("search.nodes[].author.books", 4, 3),
        ("search.nodes[].author.books.nodes[].shelf", 8, 4),
    ]
    assert plan.count()["authors GET /authors/{author_id}/books"] == 4


def test_a_page_shown_as_a_list_has_its_rows_at_the_link() -> None:
    """A page that ``show`` makes a list of multiplies where the link stands."""
    plan = plan_of('{ author(id: "a") { newest { sequel { id } } } }')
    assert shown(plan) == [("author", 1, 1), ("author.newest[]", 1, 2), ("author.newest[].sequel", 2, 3)]


def test_a_list_of_keys_is_as_long_as_the_link_says() -> None:
    """``at_most`` bounds a list attribute; without it nobody can know, here and below."""
    plan = plan_of('{ book(id: "b") { similar { author { id } } similarUnbounded { author { id } } } }')
    assert shown(plan) == [
        ("book", 1, 1),
        ("book.similar[]", 3, 2),
        ("book.similar[].author", 3, 3),
        ("book.similarUnbounded[]", None, 2),
        ("book.similarUnbounded[].author", None, 3),
    ]
    assert plan.count() == {"books GET /books": None, "authors GET /authors": None}


@pytest.mark.parametrize(
    ("query", "variables", "keys"),
    [
        ('{ books(ids: ["a", "b", "c"]) { id } }', None, 3),
        ("{ books(ids: []) { id } }", None, 0),
        ("query($ids: [ID!]!) { books(ids: $ids) { id } }", None, None),
        ("query($ids: [ID!]!) { books(ids: $ids) { id } }", {"ids": ["a"] * 9}, 9),
    ],
)
def test_a_list_of_keys_from_the_client_is_as_long_as_it_is(
    query: str, variables: dict[str, Any] | None, keys: int | None
) -> None:
    """A list argument has as many keys as the document or its variables say."""
    assert shown(plan_of(query, variables)) == [("books[]", keys, 1)]


def test_many_things_for_a_key_are_bounded_by_the_link() -> None:
    """An endpoint with any number of rows for a key is asked once a parent; ``at_most`` counts below it."""
    plan = plan_of('{ book(id: "b") { similar { notes { writer { id } } } } }')
    assert shown(plan)[2:] == [
        ("book.similar[].notes[]", 3, 3),
        ("book.similar[].notes[].writer", 6, 4),
    ]


def test_a_plain_list_is_as_long_as_nobody_knows() -> None:
    """Below a list inside a record the number of keys is unknown."""
    plan = plan_of('{ shelf(id: "s") { rows { cells { book { id } } } } }')
    assert shown(plan) == [("shelf", 1, 1), ("shelf.rows[].cells[].book", None, 2)]
    assert plan.count() == {"shelves GET /shelves": 1, "books GET /books": None}


def test_a_page_multiplies_once() -> None:
    """A list inside a row of a page is another list, as long as nobody knows."""
    plan = plan_of("{ search(first: 2) { nodes { author { id } chapters { quoted { id } } } } }")
    assert shown(plan)[1:] == [("search.nodes[].author", 2, 2), ("search.nodes[].chapters[].quoted", None, 2)]


def test_a_key_that_takes_nothing_of_the_parent_is_one_key() -> None:
    """All parents ask for what the argument says."""
    plan = plan_of('{ search(first: 7) { nodes { reader(id: "x") { name favourite { id } } } } }')
    assert shown(plan)[1:] == [("search.nodes[].reader", 1, 2), ("search.nodes[].reader.favourite", 1, 3)]


def test_a_get_that_gives_a_list_is_as_long_as_nobody_knows() -> None:
    """One call, and below it nobody knows how many."""
    plan = plan_of("{ loans { book { id } } }")
    assert shown(plan) == [("loans[]", 1, 1), ("loans[].book", None, 2)]
    assert plan.count() == {"shelves GET /loans": 1, "books GET /books": None}


# Calls


def test_positions_whose_parents_come_together_go_out_together() -> None:
    """One call for all of an endpoint below one call, however deep they stand; another below another."""
    plan = plan_of(
        """{
          book(id: "b1") { author { id } writer { id } ownersName: authorName }
          author(id: "a") { id }
        }"""
    )
    assert [(call.name, call.wave, call.keys, call.calls, len(call.positions)) for call in plan.calls] == [
        ("books GET /books", 1, 1, 1, 1),
        ("authors GET /authors", 2, 1, 1, 3),
        ("authors GET /authors", 1, 1, 1, 1),
    ]
    assert plan.count() == {"books GET /books": 1, "authors GET /authors": 2}


def test_positions_below_different_calls_do_not_go_out_together() -> None:
    """Parents that come by different endpoints come at different times."""
    plan = plan_of('{ book(id: "b") { shelf { keeper { id } } sequel { author { id } } } }')
    assert [(call.name, call.keys) for call in plan.calls if call.wave == 3] == [
        ("authors GET /authors", 1),
        ("authors GET /authors", 1),
    ]


def test_keys_are_counted_in_chunks() -> None:
    """A call takes ``max_keys`` keys; what is left over is one more."""
    assert plan_of("{ search(first: 4) { nodes { sequel { id } } } }").count()["books GET /books"] == 1
    assert plan_of("{ search(first: 5) { nodes { sequel { id } } } }").count()["books GET /books"] == 2
    assert plan_of("{ search(first: 8) { nodes { sequel { id } } } }").count()["books GET /books"] == 2
    assert plan_of("{ search(first: 9) { nodes { sequel { id } } } }").count()["books GET /books"] == 3


def test_children_of_parents_in_several_calls_are_counted_in_their_worst_division() -> None:
    """Nine parents in three calls may send their children on in three times, each with a rest of its own."""
    plan = plan_of("{ search(first: 9) { nodes { sequel { sequel { title author { id } } } } } }")
    assert [(call.name, call.wave, call.keys, call.calls) for call in plan.calls] == [
        ("books GET /search", 1, 1, 1),
        ("books GET /books", 2, 9, 3),
        ("books GET /books", 3, 9, 4),  # 3 + (9 - 3) // 4: seven, one and one
        ("authors GET /authors", 4, 9, 4),
    ]


def test_an_opaque_position_names_all_its_endpoints() -> None:
    """A resolver by code counts as one key of one of them; what any of its types asks for is below it."""
    plan = plan_of('{ thing(id: "b1") { id ... on Book { author { id } } ... on Author { favourite { id } } } }')
    assert shown(plan) == [("thing", 1, 1), ("thing.author", 1, 2), ("thing.favourite", 1, 2)]
    assert plan.count() == {
        "books GET /books or authors GET /authors": 1,
        "authors GET /authors": 1,
        "books GET /books": 1,
    }


def test_private_and_scopes_are_those_of_every_position() -> None:
    """One private endpoint makes the whole answer private; scopes add up."""
    assert not plan_of('{ book(id: "b1") { id } }').private
    plan = plan_of('{ book(id: "b1") { id } loans { book { id } } }')
    assert (plan.private, plan.scopes) == (True, frozenset())
    assert [position.private for position in plan.positions] == [False, True, False]
    assert plan_of("{ mine { id } }").scopes == {"shelf:read"}


# Fragments


@pytest.mark.parametrize(
    "query",
    [
        '{ book(id: "b1") { ...A } } fragment A on Book { title author { id } }',
        '{ book(id: "b1") { ... on Book { author { id } } } }',
        '{ book(id: "b1") { ... { author { id } } } }',
        '{ book(id: "b1") { ... on Thing { ... on Book { author { id } } } } }',
        '{ book(id: "b1") { ...A } } fragment A on Thing { ...B } fragment B on Book { author { id } }',
        '{ book(id: "b1") { ...A ...A ...B } } fragment A on Book { ...B } fragment B on Book { author { id } }',
        '{ ...Q } fragment Q on Query { book(id: "b1") { author { id } ...A } } fragment A on Book { author { name } }',
    ],
)
def test_a_fragment_is_what_it_holds(query: str) -> None:
    """Named, inline, nested, on an interface or twice: the positions are those of the fields inside."""
    assert shown(plan_of(query)) == [("book", 1, 1), ("book.author", 1, 2)]


def test_a_fragment_on_another_type_does_not_count() -> None:
    """What cannot apply to the object at hand asks for nothing."""
    plan = plan_of('{ author(id: "a") { ... on Thing { ... on Book { author { id } } ... on Author { life } } } }')
    assert shown(plan) == [("author", 1, 1), ("author.life", 1, 2)]


def test_a_union_counts_each_of_its_types() -> None:
    """Behind a union each type's fragments count."""
    plan = plan_of(
        '{ finding(id: "a") { ... on Book { author { id } } ... on Author { favourite { id } } ... on Thing { id } } }'
    )
    assert shown(plan) == [("finding", 1, 1), ("finding.author", 1, 2), ("finding.favourite", 1, 2)]


@pytest.mark.parametrize(
    ("query", "count", "keys"),
    [
        # One of them will be there: two authors of the book, or one book of the author.
        (
            """{ finding(id: "a") {
              ... on Book { owner { id } reader(id: "x") { id } }
              ... on Author { favourite { id } }
            } }""",
            {"books GET /books or authors GET /authors": 1, "authors GET /authors": 1, "books GET /books": 1},
            3,
        ),
        # The same endpoint behind both: not one call after the other, nor both together.
        (
            """{ finding(id: "a") {
              ... on Book { sequel { shelf { id } } shelf { top { id } } }
              ... on Author { favourite { sequel { shelf { id } } } }
            } }""",
            {
                "books GET /books or authors GET /authors": 1,
                "books GET /books": 2,
                "shelves GET /shelves": 2,
            },
            5,
        ),
        # Two places are two choices.
        (
            """{ a: finding(id: "a") { ... on Book { author { id } } ... on Author { favourite { id } } }
                b: finding(id: "b") { ... on Book { author { id } } ... on Author { favourite { id } } } }""",
            {"books GET /books or authors GET /authors": 1, "authors GET /authors": 1, "books GET /books": 1},
            4,
        ),
    ],
)
def test_of_alternatives_the_one_that_asks_for_most_counts(query: str, count: dict[str, int], keys: int) -> None:
    """What is below one type of a union and below another never happens in one answer; each position is told."""
    plan = plan_of(query)
    assert plan.count() == count
    assert plan.keys == keys
    assert plan.most_calls(0) <= sum(count.values())


def test_what_stands_below_a_choice_says_so() -> None:
    """A position names the types that must be there for it to be."""
    plan = plan_of('{ thing(id: "b") { ... on Book { author { id } } } book(id: "b") { author { id } } }')
    assert [(position.path, position.only) for position in plan.positions] == [
        ("thing", ()),
        ("thing.author", (("thing", "Book"),)),
        ("book", ()),
        ("book.author", ()),
    ]


# Skip and include


@pytest.mark.parametrize(
    ("directive", "variables", "there"),
    [
        ("@skip(if: true)", None, False),
        ("@skip(if: false)", None, True),
        ("@include(if: false)", None, False),
        ("@include(if: true)", None, True),
        ("@include(if: true) @skip(if: true)", None, False),
        ("@include(if: $on)", {"on": True}, True),
        ("@include(if: $on)", {"on": False}, False),
        ("@skip(if: $on)", {"on": True}, False),
        ("@skip(if: $on)", {"on": False}, True),
        ("@include(if: $off)", {}, False),
        ("@skip(if: $off)", {}, True),
        # Without variables the plan holds for all of them, so a default promises nothing.
        ("@include(if: $on)", None, True),
        ("@skip(if: $on)", None, True),
        ("@include(if: $off)", None, True),
    ],
)
@pytest.mark.parametrize("form", ["field", "inline", "spread"])
def test_what_is_skipped_does_not_count(
    directive: str, variables: dict[str, bool] | None, there: bool, form: str
) -> None:
    """@skip and @include count by literals, and by variables where those are known."""
    selection = {
        "field": f"loans {directive} {{ __typename }}",
        "inline": f"... {directive} {{ loans {{ __typename }} }}",
        "spread": f"...L {directive}",
    }[form]
    fragment = "fragment L on Query { loans { __typename } }" if form == "spread" else ""
    used = "x: hello @include(if: $on) y: hello @include(if: $off)"
    plan = plan_of(f"query($on: Boolean = true, $off: Boolean = false) {{ {used} {selection} }} {fragment}", variables)
    assert [position.path for position in plan.positions] == (["loans[]"] if there else [])
    assert plan.private is there


# Bounds on the work


def _spreads(depth: int, field: str) -> str:
    """A document whose fragment ``n`` spreads fragment ``n + 1`` twice."""
    fragments = [f"fragment F{n} on Book {{ {field.replace('*', f'...F{n + 1}')} }}" for n in range(depth)]
    return f'{{ book(id: "b") {{ ...F0 }} }} {" ".join(fragments)} fragment F{depth} on Book {{ title }}'


def test_a_spread_is_looked_at_once_per_object() -> None:
    """2^25 ways to one fragment cost as much as one: merged objects are visited once."""
    twice = plan_of(_spreads(25, "* *"))
    assert shown(twice) == [("book", 1, 1)]
    assert twice.selections == 1 + 1 + 25 * 2 + 1

    merged = plan_of(_spreads(25, "sequel { * } sequel { * }"))
    assert len(merged.positions) == 1 + 25
    assert merged.selections == 1 + 1 + 25 * 4 + 1


def test_an_answer_that_doubles_at_every_level_is_refused() -> None:
    """2^25 positions are refused after so many looks as a plan may take, in a sentence for the client."""
    with pytest.raises(TooCostly, match=f"The operation makes more than {MOST_SELECTIONS} selections."):
        plan_of(_spreads(25, "a: sequel { * } b: sequel { * }"))
    assert len(plan_of(_spreads(9, "a: sequel { * } b: sequel { * }")).positions) == 2**10 - 1


def test_fragments_that_never_apply_are_looked_at_too() -> None:
    """A document cannot hide its work in fragments of another type."""
    idle = "... on Author { id } " * 200
    query = _spreads(8, f"{idle} a: sequel {{ ... on Thing {{ * }} }} b: sequel {{ ... on Thing {{ * }} }}")
    document = parse(query)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    with pytest.raises(TooCostly, match="selections"):
        make_plan(SCHEMA._schema, document, operation)


# What was planned is what is done

EXACT = [
    '{ book(id: "b1") { title } }',
    '{ book(id: "b1") { author { name } shelf { label keeper { name } } edition { publisher } notes { id } } }',
    '{ a: book(id: "b1") { author { name } } b: book(id: "b2") { author { name } } }',
    '{ book(id: "b1") { similar { title author { name } shelf { label } } } }',
    "{ search(first: 4) { edges { cursor node { title author { name life } } } } }",
    "{ search(first: 9) { nodes { author { name } sequel { title } shelf { label } } } }",
    '{ author(id: "a1") { life books(first: 3) { totalCount edges { node { writer { name } sequel { id } } } } } }',
    '{ author(id: "a1") { newest { title notes { writer { name } } } favourite { id } } }',
    '{ shelf(id: "s1") { keeper { name } top { id author { name } } } }',
    '{ books(ids: ["b1", "b2", "b3"]) { a: edition { publisher } b: edition(language: "de") { publisher } } }',
    "{ mine { label keeper { name favourite { title } } top { title } } }",
    '{ booksBy(author: "a1", first: 5) { nodes { id notes { id } ... on Thing { ... on Book { owner { name } } } } } }',
    '{ thing(id: "b1") { id ... on Book { similar { title } } } }',
    """{ search(first: 2) { nodes { ...Card } } }
    fragment Card on Book { title author { ...By } } fragment By on Author { name }""",
    """query($n: Int = 3, $no: Boolean = false) {
      search(first: $n) { nodes { author { id } stand @include(if: $no) { id } } }
    }""",
    '{ search(first: 4) { nodes { id reader(id: "x") { name favourite { id } } } } }',
    "{ hello }",
]


@pytest.mark.parametrize("query", EXACT)
async def test_the_calls_made_are_the_calls_planned(query: str) -> None:
    """With nothing missing and every key its own, an operation makes exactly the calls of its plan."""
    async with room() as here:
        read = await here.run(query)
        assert (read.errors, read.degraded) == ([], [])

        planned: Counter[str] = Counter()
        for name, count in plan_of(query, {}).count().items():
            planned[name.split(" or ")[0]] += count or 0  # an opaque field here asks the first of its endpoints
        assert here.calls == planned
        assert read.scope.calls == sum(here.calls.values())


DEEP = [
    *EXACT,
    "{ search(first: 9) { nodes { sequel { sequel { title author { name } } } } } }",
    "{ search(first: 7) { nodes { author { name books(first: 3) { nodes { author { name favourite { id } } } } } } } }",
    """{
      shelf(id: "s1") {
        top { id }
        books { similar { author { name } notes { writer { newest { shelf { label } } } } } }
      }
    }""",
    '{ book(id: "b1") { similar { similar { similar { id shelf { keeper { life } } } } } } }',
    "{ search(first: 10) { nodes { stand { books { edition { publisher } author { name } } keeper { name } } } } }",
]


class Sparse(World):
    """A world with holes: whether something is there is drawn, once for each question."""

    def __init__(self, seed: int, density: float) -> None:
        self._seed = seed
        self._density = density

    def _draw(self, *question: str) -> float:
        return random.Random(f"{self._seed} {question}").random()

    def has(self, kind: str, key: str) -> bool:
        """Present with the density."""
        return self._draw("has", kind, key) < self._density

    def points_at(self, owner: str, field: str) -> str | None:
        """Present with the density."""
        return super().points_at(owner, field) if self._draw("at", owner, field) < self._density else None

    def amount(self, owner: str, field: str, most: int) -> int:
        """From none to the most."""
        return most if self._density == 1 else int(self._draw("amount", owner, field) * (most + 1))


@settings(max_examples=150, deadline=None)
@given(
    query=st.sampled_from(DEEP),
    seed=st.integers(0, 10_000),
    density=st.sampled_from([1.0, 0.95, 0.8, 0.5]),
    dawdling=st.booleans(),
)
def test_no_operation_makes_more_calls_than_planned(query: str, seed: int, density: float, dawdling: bool) -> None:
    """Whatever is missing, and in whatever order answers come, no endpoint is called more often than planned."""

    async def run() -> None:
        async with room(Sparse(seed, density)) as here:
            chance = random.Random(seed)
            if dawdling:
                for double in here.doubles.values():
                    respond = double._responder

                    async def late(request: httpx.Request, respond: Any = respond) -> httpx.Response:
                        for _ in range(chance.randrange(12)):
                            await asyncio.sleep(0)
                        answer: httpx.Response = respond(request)
                        return answer

                    double.answer = late
            read = await here.run(query)
            assert not [path for path, error in read.errors if path and getattr(error, "code", "") != "NOT_FOUND"]
            plan = plan_of(query, {})
            planned: Counter[str] = Counter()
            for name, count in plan.count().items():
                assert count is not None
                planned.update(dict.fromkeys(name.split(" or "), count))
            over = {name: count for name, count in here.calls.items() if count > planned[name]}
            assert over == {}, planned

    asyncio.run(run())
