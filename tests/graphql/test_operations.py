"""Operations: parsed, validated and planned once, then remembered; what cannot run says why."""

from __future__ import annotations

import gc
import weakref

import pytest

from bff_core.graphql.limits.limits import NO_LIMITS, Limits
from bff_core.graphql.operations import MEAN_LENGTH, MOST_ERRORS, InvalidDocument, Operations
from tests.graphql.shelf import SCHEMA


@pytest.fixture
def operations() -> Operations:
    """The bookshelf's."""
    return Operations(SCHEMA._schema)


def refused(operations: Operations, text: str, name: str | None = None) -> tuple[str, list[str]]:
    """The reason and the messages of a document that is refused."""
    with pytest.raises(InvalidDocument) as caught:
        operations.prepare(text, name)
    messages = [error.message for error in caught.value.errors]
    assert str(caught.value) == messages[0]
    return caught.value.reason, messages


# What is prepared


def test_an_operation_is_parsed_and_planned(operations: Operations) -> None:
    """What comes back can be run: its definition, its name, its plan."""
    operation = operations.prepare('query Q { book(id: "b1") { author { name } } }')
    assert operation.name == operation.plan.operation == "Q"
    assert operation.is_query
    assert operation.plan.count() == {"books GET /books": 1, "authors GET /authors": 1}
    assert operation.length == 46


def test_a_document_is_prepared_once(operations: Operations) -> None:
    """The same text and name give the same operation, another text or name another."""
    text = "query A { hello } query B { hello }"
    first = operations.prepare(text, "A")
    assert operations.prepare(text, "A") is first
    assert operations.prepare(text, "B") is not first
    assert operations.prepare(text + " ", "A") is not first
    assert len(operations) == 3


def test_a_refused_document_is_remembered_too(operations: Operations) -> None:
    """A client that repeats its mistake does not cost its validation again; each time it is a new exception."""
    with pytest.raises(InvalidDocument) as one:
        operations.prepare("{ nothing }")
    with pytest.raises(InvalidDocument) as other:
        operations.prepare("{ nothing }")
    assert one.value is not other.value
    assert one.value.errors[0] is other.value.errors[0]
    assert len(operations) == 1


class Request:
    """What stands in the frames of whoever asks."""


@pytest.mark.parametrize("text", ["{", "{ nothing }", "{" + " ".join(f"x{n}" for n in range(MOST_ERRORS * 3)) + "}"])
def test_a_refused_document_keeps_nothing_of_who_sent_it(operations: Operations, text: str) -> None:
    """Its errors are kept as long as it is, and the frames that they went through are not: a credential is in them."""

    def ask() -> weakref.ref[Request]:
        request = Request()
        with pytest.raises(InvalidDocument):
            operations.prepare(text)
        return weakref.ref(request)

    alive = ask()
    gc.collect()
    assert alive() is None
    assert len(operations) == 1


def test_what_was_used_last_is_kept() -> None:
    """The memory holds so many documents of mean length; the one not used for longest goes first."""
    operations = Operations(SCHEMA._schema, size=2)
    texts = [f"{{ hello }} # {letter * (MEAN_LENGTH * 2 // 3)}" for letter in "abc"]
    first = operations.prepare(texts[0])
    second = operations.prepare(texts[1])
    assert operations.prepare(texts[0]) is first
    operations.prepare(texts[2])
    assert len(operations) == 2
    assert operations.prepare(texts[0]) is first
    assert operations.prepare(texts[1]) is not second


def test_a_document_larger_than_the_memory_is_not_kept() -> None:
    """It is prepared each time and pushes nothing out."""
    operations = Operations(SCHEMA._schema, size=1)
    small = operations.prepare("{ hello }")
    large = f"{{ hello }} #{'x' * MEAN_LENGTH}"
    assert operations.prepare(large) is not operations.prepare(large)
    assert operations.prepare("{ hello }") is small


def test_an_operation_that_can_ask_for_too_much_is_refused_before_it_runs() -> None:
    """Lists in lists multiply: the call plan's keys are counted, and one more than may be is too costly."""
    text = "{ author(id: 1) { books(first: 5) { edges { node { author { name } } } } } }"
    keys = Operations(SCHEMA._schema).prepare(text).plan.keys
    assert keys == 1 + 1 + 5
    assert Operations(SCHEMA._schema, limits=Limits(keys=keys)).prepare(text).plan.keys == keys
    with pytest.raises(InvalidDocument, match=r"can ask for 7 things of the services; limits.keys = 6\.") as caught:
        Operations(SCHEMA._schema, limits=Limits(keys=keys - 1)).prepare(text)
    assert caught.value.reason == "TOO_COSTLY"


# Which operation


@pytest.mark.parametrize(
    ("text", "name", "picked"),
    [
        ("{ hello }", None, None),
        ("query A { hello }", None, "A"),
        ("query A { hello }", "A", "A"),
        ("query A { hello } query B { hello }", "B", "B"),
        ("fragment F on Query { hello } query A { ...F }", None, "A"),
    ],
)
def test_the_operation_is_the_named_or_the_only_one(
    operations: Operations, text: str, name: str | None, picked: str | None
) -> None:
    """``operationName`` picks; without it a document holds one."""
    assert operations.prepare(text, name).name == picked


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        (
            "query A { hello } query B { hello }",
            None,
            "The document holds 2 operations: say which one by operationName.",
        ),
        ("query A { hello }", "B", "operationName names no operation of the document."),
        ("query A { hello }", "", "operationName names no operation of the document."),
        ("{ hello }", "A", "operationName names no operation of the document."),
    ],
)
def test_an_operation_that_cannot_be_picked(operations: Operations, text: str, name: str | None, sentence: str) -> None:
    """A name that the document does not hold, or none among several, is an error that says so."""
    assert refused(operations, text, name) == ("OPERATION_RESOLUTION_FAILURE", [sentence])


# What is refused


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Syntax Error: Unexpected <EOF>."),
        ("{ hello", "Syntax Error: Expected Name, found <EOF>."),
        ("{ hello ! }", "Syntax Error: Expected Name, found '!'."),
        ("nonsense", "Syntax Error: Unexpected Name 'nonsense'."),
    ],
)
def test_a_syntax_error_is_located(operations: Operations, text: str, sentence: str) -> None:
    """What cannot be parsed has one error, with its place."""
    assert refused(operations, text) == ("GRAPHQL_PARSE_FAILED", [sentence])
    with pytest.raises(InvalidDocument) as caught:
        operations.prepare(text)
    (error,) = caught.value.errors
    assert error.locations


def test_every_validation_error_is_told(operations: Operations) -> None:
    """All of them, with their places, and no guess at what the schema holds."""
    assert refused(operations, "query($n: Int) { nothing book { title } helo }") == (
        "GRAPHQL_VALIDATION_FAILED",
        [
            "Variable '$n' is never used.",
            "Cannot query field 'nothing' on type 'Query'.",
            "Argument 'Query.book(id:)' of type 'ID!' is required, but it was not provided.",
            "Cannot query field 'helo' on type 'Query'.",
        ],
    )
    with pytest.raises(InvalidDocument) as caught:
        operations.prepare("{ hello\n  nothing }")
    assert [(at.line, at.column) for at in caught.value.errors[0].locations or ()] == [(2, 3)]


def test_validation_stops_telling() -> None:
    """A document of nothing but mistakes has so many errors, and one that says that there are more."""
    operations = Operations(SCHEMA._schema, limits=NO_LIMITS)
    _, messages = refused(operations, "{" + " ".join(f"x{n}" for n in range(MOST_ERRORS * 3)) + "}")
    assert len(messages) == MOST_ERRORS + 1
    assert messages[-1] == "Too many validation errors, error limit reached. Validation aborted."


@pytest.mark.parametrize("kind", ["mutation", "subscription"])
def test_an_operation_that_the_schema_does_not_have(operations: Operations, kind: str) -> None:
    """A schema without mutations or subscriptions refuses them."""
    reason, messages = refused(operations, f"{kind} {{ hello }}")
    assert reason == "GRAPHQL_VALIDATION_FAILED"
    assert len(messages) == 1


def test_a_document_of_too_many_tokens_is_not_parsed_to_its_end(operations: Operations) -> None:
    """The parser stops at the limit, before anything else can cost time."""
    most = Limits().tokens
    assert refused(operations, "{ " + "hello " * (most - 2) + "hello }") == (
        "TOO_COSTLY",
        [f"The document has more than {most} tokens; limits.tokens = {most}."],
    )


@pytest.mark.parametrize("depth", [150, 300, 2400])
@pytest.mark.parametrize("form", ["fields", "inline", "list", "object", "type"])
def test_deep_nesting_is_refused_in_a_sentence(depth: int, form: str) -> None:
    """However a document is nested, it is prepared or refused, never a RecursionError, also where no limit holds."""
    operations = Operations(SCHEMA._schema, limits=NO_LIMITS)
    text = {
        "fields": '{ book(id: "b") ' + "{ sequel " * depth + "{ id }" + "}" * depth + "}",
        "inline": '{ book(id: "b") ' + "{ ... on Book " * depth + "{ id }" + "}" * depth + "}",
        "list": "{ book(id: " + "[" * depth + "]" * depth + ") { id } }",
        "object": "{ book(id: " + "{a: " * depth + "1" + "}" * depth + ") { id } }",
        "type": "query($x: " + "[" * depth + "ID" + "]" * depth + ") { book(id: $x) { id } }",
    }[form]
    if depth == 150 and form in ("fields", "inline"):
        assert len(operations.prepare(text).plan.positions) == (depth + 1 if form == "fields" else 1)
        return
    reason, messages = refused(operations, text)
    if depth == 150:
        assert reason == "GRAPHQL_VALIDATION_FAILED"  # no type of the schema is nested so deeply
    else:
        assert (reason, messages) == (
            "GRAPHQL_PARSE_FAILED",
            ["Syntax Error: Document is nested too deeply. Parsing aborted."],
        )


def test_a_chain_of_fragments_that_is_too_long_is_refused_in_a_sentence() -> None:
    """Fragments in a chain that no stack can follow are refused, also where no limit is."""
    operations = Operations(SCHEMA._schema, limits=NO_LIMITS)
    chain = "".join(f"fragment F{n} on Query {{ ...F{n + 1} }} " for n in range(900))
    text = f"{{ ...F0 }} {chain} fragment F900 on Query {{ hello }}"
    assert refused(operations, text) == ("GRAPHQL_VALIDATION_FAILED", ["The document is nested too deeply."])


@pytest.mark.parametrize(
    "text",
    [
        '{ book(id: "b") {' + " id" * 72 + " } }",
        '{ book(id: "b") {' + " author { id }" * 50 + " } }",
        '{ book(id: "b") {'
        + "".join(f" ...F{n}" for n in range(70))
        + " } }"
        + "".join(f" fragment F{n} on Book {{ id }}" for n in range(70)),
    ],
    ids=["fields", "objects", "fragments"],
)
def test_a_document_that_repeats_itself_too_often_is_refused(operations: Operations, text: str) -> None:
    """What is named alike is compared with one another, by the square of how often: comparisons are bounded."""
    sentence = "The document repeats its fields or its fragments too often to be checked; limits.comparisons = 5000."
    assert refused(operations, text) == ("TOO_COSTLY", [sentence])
    assert Operations(SCHEMA._schema, limits=Limits(comparisons=100_000)).prepare(text).plan.positions


def test_a_circle_of_fragments_is_refused(operations: Operations) -> None:
    """A fragment that spreads itself is a validation error."""
    reason, messages = refused(operations, '{ book(id: "b") { ...A } } fragment A on Book { sequel { ...A } }')
    assert (reason, messages) == ("GRAPHQL_VALIDATION_FAILED", ["Cannot spread fragment 'A' within itself."])


def test_an_operation_with_too_many_positions_is_refused() -> None:
    """A short document that names more than a plan looks at is refused when it is prepared, also without limits."""
    operations = Operations(SCHEMA._schema, limits=NO_LIMITS)
    fragments = " ".join(
        f"fragment F{n} on Book {{ a: sequel {{ ...F{n + 1} }} b: sequel {{ ...F{n + 1} }} }}" for n in range(25)
    )
    text = f'{{ book(id: "b") {{ ...F0 }} }} {fragments} fragment F25 on Book {{ id }}'
    assert refused(operations, text) == ("TOO_COSTLY", ["The operation makes more than 20000 selections."])


# Introspection


def test_introspection_can_be_turned_off() -> None:
    """Then the schema cannot be asked for; ``__typename`` can."""
    open_one, closed = Operations(SCHEMA._schema), Operations(SCHEMA._schema, introspection=False)
    text = "{ __schema { types { name } } }"
    assert open_one.prepare(text).plan.positions == ()
    reason, messages = refused(closed, text)
    assert reason == "GRAPHQL_VALIDATION_FAILED"
    assert messages[0].startswith("GraphQL introspection has been disabled")
    assert refused(closed, '{ __type(name: "Book") { name } }')[0] == "GRAPHQL_VALIDATION_FAILED"
    assert closed.prepare("{ __typename hello }").name is None
