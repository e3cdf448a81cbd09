"""No answer suggests what the schema holds: whoever misspells a name learns that it is none, and no more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, NamedTuple

import httpx
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    is_leaf_type,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values

from bff_core.app import Doubles, create_app
from bff_core.bff import Bff
from bff_core.testing.client import Client, client_for
from bff_core.testing.transport import ScriptedTransport
from bff_mobile.app import mobile
from bff_web.app import web


class Slip(NamedTuple):
    """A document with names misspelt, and the names that stock GraphQL would suggest."""

    text: str
    meant: tuple[str, ...]
    variables: dict[str, Any] | None = None


def misspelt(name: str) -> str:
    """One letter off, so that it is suggested where suggestions are made; it does not hold the name itself."""
    return f"{name[0]}q{name[1:]}"


def fields(schema: GraphQLSchema) -> Iterator[Slip]:
    """Every field of every type, in a fragment on it."""
    for kind in own_objects(schema):
        for names in batched(kind.fields):
            text = " ".join(map(misspelt, names))
            yield Slip(f"{{ ...F }} fragment F on {kind.name} {{ {text} }}", names)


def arguments(schema: GraphQLSchema) -> Iterator[Slip]:
    """Every argument of every field."""
    for kind in own_objects(schema):
        for name, field in kind.fields.items():
            for names in batched(field.args):
                text = ", ".join(f"{misspelt(one)}: 1" for one in names)
                yield Slip(f"{{ ...F }} fragment F on {kind.name} {{ {name}({text}) }}", names)


def types(schema: GraphQLSchema) -> Iterator[Slip]:
    """Every type, as the condition of a fragment and as that of a variable."""
    for names in batched(name for name in schema.type_map if not name.startswith("__")):
        yield Slip("{ " + " ".join(f"... on {misspelt(one)} {{ __typename }}" for one in names) + " }", names)
        declared = " ".join(f"$v{number}: {misspelt(one)}" for number, one in enumerate(names))
        yield Slip(f"query({declared}) {{ __typename }}", names)


def batched(names: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """So many as are told of in one answer, with what else is wrong."""
    left = list(names)
    while left:
        yield tuple(left[:8])
        left = left[8:]


def directives(_schema: GraphQLSchema) -> Iterator[Slip]:
    """Directives and their arguments."""
    yield Slip("{ __typename @sqkip(if: true) }", ("skip",))
    yield Slip("{ __typename @include(iff: true) }", ("if",))


def literals(schema: GraphQLSchema) -> Iterator[Slip]:
    """Enum values and input fields, however deep they stand, written into the document."""
    for text, variable, kind in askable(schema):
        for value, meant in wrong(kind):
            yield Slip(text.replace(f"${variable}: {kind}", f"${variable}: {kind} = {literal(value)}", 1), (meant,))


def variables(schema: GraphQLSchema) -> Iterator[Slip]:
    """Enum values and input fields, however deep they stand, sent beside the document."""
    for text, variable, kind in askable(schema):
        for value, meant in wrong(kind):
            yield Slip(text, (meant,), {variable: value})


def askable(schema: GraphQLSchema) -> Iterator[tuple[str, str, Any]]:
    """For each argument of a root field: a document that takes all of the field's arguments from variables."""
    for kind, word in ((schema.query_type, "query"), (schema.mutation_type, "mutation")):
        for name, field in kind.fields.items() if kind else ():
            declared = ", ".join(f"${one}: {argument.type}" for one, argument in field.args.items())
            given = ", ".join(f"{one}: ${one}" for one in field.args)
            below = "" if is_leaf_type(get_named_type(field.type)) else " { __typename }"
            for one, argument in field.args.items():
                yield f"{word}({declared}) {{ {name}({given}){below} }}", one, argument.type


def wrong(kind: Any) -> Iterator[tuple[Any, str]]:
    """Values of a type in which one name is misspelt, and the name that is meant."""
    inner = get_named_type(kind)
    if isinstance(inner, GraphQLEnumType):
        for name in inner.values:
            yield Name(misspelt(name)), name
    elif isinstance(inner, GraphQLInputObjectType):
        for name, field in inner.fields.items():
            yield {misspelt(name): 1}, name
            for value, meant in wrong(field.type):
                yield {name: value}, meant


class Name(str):
    """A value that stands in a document without quotes."""


def literal(value: Any) -> str:
    """A value as it is written into a document."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {literal(one)}" for name, one in value.items()) + "}"
    return str(value)


def own_objects(schema: GraphQLSchema) -> list[GraphQLObjectType]:
    """The object types that are not introspection's."""
    return [
        kind
        for kind in schema.type_map.values()
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__")
    ]


KINDS: list[Callable[[GraphQLSchema], Iterator[Slip]]] = [
    fields,
    arguments,
    types,
    directives,
    literals,
    variables,
]


@pytest.fixture(params=[web, mobile], ids=lambda bff: str(bff.name))
def bff(request: pytest.FixtureRequest) -> Bff:
    """Each of the two."""
    found: Bff = request.param
    return found


@pytest.fixture
async def client(bff: Bff) -> AsyncIterator[Client]:
    """It, in this process, with services that are never reached."""
    nobody = ScriptedTransport(lambda _request: httpx.Response(503))
    app = create_app(bff, bff.load_settings({}), Doubles(transports=lambda _service: nobody))
    async with client_for(app) as found:
        yield found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
async def test_a_misspelt_name_is_told_nothing(
    bff: Bff, client: Client, kind: Callable[[GraphQLSchema], Iterator[Slip]]
) -> None:
    """Whatever is misspelt: the answer is an error, and neither it nor anything else in the answer says the name."""
    slips = list(kind(bff.schema))
    assert slips
    for slip in slips:
        reply = await client.query(slip.text, slip.variables)
        assert reply.errors, slip
        for said in (error["message"] for error in reply.errors):
            assert "did you mean" not in said.lower(), slip
            # What is required is named when it is missing: that is of the type which the client has named.
            assert "required" in said or not any(f"'{name}'" in said for name in slip.meant), slip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
async def test_stock_graphql_would_tell(bff: Bff, kind: Callable[[GraphQLSchema], Iterator[Slip]]) -> None:
    """The same documents bring suggestions where nobody hides them: what is looked for above is there to be found."""
    slips = list(kind(bff.schema))
    told = 0
    for slip in slips:
        document = parse(slip.text)
        errors = validate(bff.schema, document)
        if not errors and slip.variables is not None:
            operation = document.definitions[0]
            assert isinstance(operation, OperationDefinitionNode)
            coerced = get_variable_values(bff.schema, operation.variable_definitions or (), slip.variables)
            errors = coerced if isinstance(coerced, list) else []
        told += any("Did you mean" in error.message for error in errors)
    assert told >= len(slips) / 2
