"""Cost: what the fields and the planned calls of an operation cost at most, told from the declarations alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from graphql import OperationDefinitionNode, get_introspection_query, parse, validate

from bff_core.graphql.limits.cost import Priced, Pricer
from bff_core.graphql.limits.limits import NO_LIMITS, Limits
from bff_core.graphql.limits.sizes import Assume
from bff_core.graphql.operations import InvalidDocument, Operations
from tests.graphql.limits.test_shape import doubling
from tests.graphql.shelf import SCHEMA

PRICER = Pricer(SCHEMA._schema, assumed_list_size=10, longest_list=100)


def priced(text: str, variables: Mapping[str, Any] | Assume = Assume.MOST) -> Priced:
    """What the fields of a document's first operation cost; it must be valid."""
    document = parse(text)
    assert validate(SCHEMA._schema, document) == []
    operation = next(node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    return PRICER.price(document, operation, variables)


# The formula


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("{ hello }", 0),
        ("{ hello __typename }", 0),
        ('{ book(id: "b") { title pages: length } }', 1),
        ('{ book(id: "b") { author { name } shelf { label } } }', 3),
        ('{ a: book(id: "b") { id } b: book(id: "c") { id } }', 2),
        # A list multiplies itself and all below: at_most, where the declaration says it.
        ('{ book(id: "b") { similar { id } } }', 1 + 3),
        ('{ book(id: "b") { similar { author { id } } } }', 1 + 3 * (1 + 1)),
        ('{ book(id: "b") { notes { writer { id } } } }', 1 + 2 * (1 + 1)),
        # Where nobody says how long a list gets, it is assumed.
        ('{ book(id: "b") { similarUnbounded { id } } }', 1 + 10),
        ('{ book(id: "b") { chapters { quoted { id } } } }', 1 + 10 * 2),
        ("{ loans { book { id } } }", 10 * 2),
        # As many keys as the client names.
        ('{ books(ids: ["a", "b", "c"]) { author { id } } }', 3 * 2),
        ("{ books(ids: []) { author { id } } }", 0),
        # The rows of a page are met at the first list below it, and beside that nothing is multiplied.
        ("{ search(first: 4) { nodes { id } } }", 1 + 4),
        ("{ search { nodes { id } } }", 1 + 5),
        ("{ search(first: 4) { totalCount edges { cursor node { author { id } } } } }", 1 + 4 * (1 + 1 + 1)),
        ("{ search(first: 2) { nodes { id } edges { node { id } } } }", 1 + 2 + 2 * 2),
        ("{ search(first: 99) { nodes { id } } }", 1 + 10),
        ("{ search(first: 3) { nodes { chapters { quoted { id } } } } }", 1 + 3 * (1 + 10 * 2)),
        ("{ search(first: 4) { nodes { author { books(first: 2) { nodes { id } } } } } }", 1 + 4 * (1 + 1 + 1 + 2)),
        ('{ author(id: "a") { newest { id } } }', 1 + 2),
        # Fragments, named and not, cost what is in them.
        ('{ book(id: "b") { ...F ...F } } fragment F on Book { author { id } }', 1 + 2),
        ("{ search(first: 4) { ...F } } fragment F on BookConnection { nodes { id } }", 1 + 4),
        ('{ book(id: "b") { ... on Thing { ... on Author { books { nodes { id } } } } } }', 1),
        # Behind an interface or a union the type that costs most.
        (
            '{ thing(id: "b") { ... on Book { author { id } similar { id } } ... on Author { favourite { id } } } }',
            1 + 1 + 3,
        ),
        ('{ finding(id: "b") { ...A ...B } } fragment A on Book { author { id } } fragment B on Author { id }', 1 + 1),
    ],
)
def test_a_field_costs_its_elements_times_what_is_in_it(text: str, cost: float) -> None:
    """Objects count 1, scalars nothing; lists multiply by what their declarations say."""
    assert priced(text).fields == cost


@pytest.mark.parametrize(
    ("variables", "cost"),
    [
        (Assume.MOST, 1 + 10),  # the declaration's largest page, not the variable's default
        (Assume.LEAST, 1 + 1),
        ({}, 1 + 3),
        ({"n": 7}, 1 + 7),
        ({"n": 99}, 1 + 10),
        ({"n": -1}, 1),
    ],
)
def test_a_variable_counts_as_what_was_sent(variables: Mapping[str, Any] | Assume, cost: float) -> None:
    """Before anybody has sent one, as the most that the declaration allows: a default bounds nothing."""
    found = priced("query($n: Int = 3) { search(first: $n) { nodes { id } } }", variables)
    assert (found.fields, found.by_variable) == (cost, ("n",))


def test_a_list_of_keys_counts_as_long_as_was_sent() -> None:
    """Before that, as long as a client's list may be."""
    text = "query($ids: [ID!]!) { books(ids: $ids) { id } }"
    assert priced(text).fields == 100
    assert priced(text, Assume.LEAST).fields == 1
    assert priced(text, {"ids": ["a"] * 40}).fields == 40
    assert priced(text, {"ids": ["a"] * 40}).longest == 40


def test_introspection_costs_little_and_grows_with_its_lists() -> None:
    """What tools ask for is thousands of small objects that are there already."""
    whole = priced(get_introspection_query()).fields
    assert 10 < whole < Limits().cost / 4
    assert priced("{ __schema { types { name } } }").fields < whole


def test_the_steps_are_linear_in_the_document() -> None:
    """2^25 ways through 25 fragments are priced in as many steps as there are selections, times the types that fit."""
    found = {}
    for levels in (25, 50):
        text = (
            doubling(levels, "a: sequel { ...F* } b: sequel { ...F* }").replace("a: b", "id").replace("on T", "on Book")
        )
        document = parse(text.replace("{ ...F0 }", '{ thing(id: "b") { ...F0 } }', 1))
        operation = document.definitions[0]
        assert isinstance(operation, OperationDefinitionNode)
        found[levels] = PRICER.price(document, operation, Assume.MOST)
    assert found[25].fields > 2**25
    assert found[25].steps < 10 * 25
    assert found[50].steps < 2.1 * found[25].steps


def test_a_circle_of_fragments_ends() -> None:
    """That it is not allowed is for validation to say."""
    document = parse('{ book(id: "b") { ...A } } fragment A on Book { sequel { ...A } }')
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    assert PRICER.price(document, operation, Assume.MOST).fields == 2


# Operations


def operations(**limits: int) -> Operations:
    """The bookshelf's, with these limits."""
    return Operations(SCHEMA._schema, limits=Limits(**limits))


def test_the_calls_of_the_plan_weigh_too() -> None:
    """Two calls after batching, for five authors: fields, and ten for each call."""
    cost = operations().prepare("{ search { nodes { author { name } } } }").cost
    assert (cost.fields, cost.calls, cost.total) == (1 + 5 * 2, 2, 31)
    assert str(cost) == "31 = 11 of fields + 2 calls x 10"
    assert operations(call_cost=0).prepare("{ search { nodes { author { name } } } }").cost.total == 11


def test_calls_that_cannot_happen_together_do_not_add_up() -> None:
    """Behind a union the type whose calls are most counts."""
    text = '{ finding(id: "b") { ... on Book { author { id } shelf { id } } ... on Author { favourite { id } } } }'
    assert operations().prepare(text).cost.calls == 1 + 2


def test_calls_of_an_unknown_number_are_assumed() -> None:
    """As many as is assumed of a list about which nobody says how long it gets."""
    cost = operations(assumed_list_size=7).prepare("{ loans { book { id } } }").cost
    assert (cost.fields, cost.calls) == (14, 1 + 7)


def test_an_operation_that_costs_too_much_is_refused() -> None:
    """For its fields before it is validated, with its calls after it is planned; the message names the setting."""
    text = "{ search(first: 10) { nodes { author { name } } } }"
    assert operations(cost=41).prepare(text).cost.total == 41
    with pytest.raises(InvalidDocument) as caught:
        operations(cost=40).prepare(text)
    assert str(caught.value) == "The operation can cost 41 = 21 of fields + 2 calls x 10; limits.cost = 40."
    assert caught.value.reason == "TOO_COSTLY"
    with pytest.raises(InvalidDocument, match=r"^The operation can cost 21 for its fields; limits.cost = 20.$"):
        operations(cost=20).prepare(text.replace("name", "name nothingOfThisName"))


PAGES = "query($n: Int = 1) { search(first: $n) { nodes { author { name } } } }"


def test_an_operation_that_is_too_costly_for_some_variables_is_judged_by_those_sent() -> None:
    """What the declaration allows is too much, what is mostly asked is not; each request is looked at."""
    settled, unsettled = operations(), operations(cost=30)
    assert not settled.prepare(PAGES).unsettled
    operation = unsettled.prepare(PAGES)
    assert operation.unsettled
    unsettled.check(operation, {})
    unsettled.check(operation, {"n": 4})
    with pytest.raises(InvalidDocument, match=r"cost 31 = 11 of fields \+ 2 calls x 10; limits.cost = 30\.") as caught:
        unsettled.check(operation, {"n": 5})
    assert caught.value.reason == "TOO_COSTLY"


def test_an_operation_that_is_too_costly_for_all_variables_is_refused_at_once() -> None:
    """One row is the least that can be asked for."""
    with pytest.raises(InvalidDocument, match=r"limits\.cost = 20\."):
        operations(cost=20).prepare(PAGES)


def test_calls_for_a_list_of_keys_are_those_of_the_list_sent() -> None:
    """How many there will be is known when it has come: 4 books a call, whose authors are asked for as each arrives."""
    subject = operations(cost=150)
    operation = subject.prepare("query($ids: [ID!]!) { books(ids: $ids) { author { id } } }")
    subject.check(operation, {"ids": ["a"] * 20})
    with pytest.raises(InvalidDocument, match=r"cost 162 = 42 of fields \+ 12 calls x 10; limits\.cost = 150\."):
        subject.check(operation, {"ids": ["a"] * 21})


def test_calls_that_nobody_can_count_beforehand_are_counted_when_the_list_is_there() -> None:
    """Also where the operation is not too costly by what is assumed of them: a client may send a longer list."""
    subject = operations(cost=1200, call_cost=100)
    operation = subject.prepare("query($ids: [ID!]!) { books(ids: $ids) { id } }")
    assert operation.cost.total == 200 + 10 * 100
    subject.check(operation, {"ids": ["a"] * 40})
    with pytest.raises(InvalidDocument, match=r"cost 2600 = 100 of fields \+ 25 calls x 100; limits\.cost = 1200\."):
        subject.check(operation, {"ids": ["a"] * 100})


def test_keys_are_held_to_the_variables_sent() -> None:
    """As the cost: by the plan for what was sent, where the plan for all variables asks for too much."""
    few = operations(keys=10)
    operation = few.prepare(PAGES)
    few.check(operation, {"n": 9})
    with pytest.raises(InvalidDocument, match=r"11 things of the services; limits\.keys = 10\."):
        few.check(operation, {"n": 10})


@pytest.mark.parametrize(
    ("text", "variables", "sentence"),
    [
        ("{ search(first: 201) { nodes { id } } }", {}, "The operation asks for 201 rows; limits.list_size = 200."),
        (PAGES, {"n": 201}, "The variable $n asks for 201 rows; limits.list_size = 200."),
        (
            "query($ids: [ID!]!) { books(ids: $ids) { id } }",
            {"ids": ["a"] * 201},
            "The variable $ids holds a list of 201 elements; limits.list_size = 200.",
        ),
        (
            "query($ids: [ID!]!) { books(ids: $ids) { id } }",
            {"ids": [["a"], ["a"] * 202]},
            "The variable $ids holds a list of 202 elements; limits.list_size = 200.",
        ),
    ],
)
def test_no_list_is_longer_than_may_be(text: str, variables: dict[str, Any], sentence: str) -> None:
    """Rows asked for by number, in the document or by a variable; and the lists that variables hold."""
    subject = operations()
    with pytest.raises(InvalidDocument) as caught:
        subject.check(subject.prepare(text), variables)
    assert (str(caught.value), caught.value.reason) == (sentence, "TOO_COSTLY")


def test_what_no_variable_can_change_is_not_looked_at_again() -> None:
    """An operation whose variables hold no list and size none costs a request nothing."""
    text = "query($id: ID!, $t: String!) { book(id: $id) { id } search(text: $t) { nodes { id } } }"
    operation = operations().prepare(text)
    assert (operation.lists, operation.sized_by, operation.unsettled) == ((), (), False)
    assert operations().prepare("query($ids: [ID!]!) { books(ids: $ids) { id } }").lists == ("ids",)


def test_who_only_looks_is_told_the_cost_of_anything() -> None:
    """Without limits an operation is prepared however much it asks for."""
    text = '{ author(id: "a") ' + "{ books(first: 10) { nodes { author " * 5 + "{ id }" + "} } }" * 5 + " }"
    assert Operations(SCHEMA._schema, limits=NO_LIMITS).prepare(text).cost.fields > 10**5
