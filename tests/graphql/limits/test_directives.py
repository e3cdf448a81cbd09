"""@cost and @listSize: what a schema's text says of costs, told from the declarations that costs are told by."""

from __future__ import annotations

import re

import pytest
import strawberry
from graphql import build_schema as schema_of_text
from graphql import print_schema

from bff_core.bff import Bff
from bff_core.contract import DeclarationError, Record, Service
from bff_core.graphql.limits.directives import annotated, list_size_of
from bff_core.graphql.limits.sizes import declared_of
from bff_core.graphql.link import Argument, Link, link
from bff_core.graphql.operations import Operations
from bff_core.graphql.schema import build_schema
from bff_core.graphql.snapshots.sdl import canonical
from bff_core.graphql.view import computed, shown, view
from bff_mobile.app import mobile
from bff_web.app import web
from tests.graphql.shelf import SCHEMA

LINES = canonical(SCHEMA._schema).text


@pytest.mark.parametrize(
    ("coordinate", "directive"),
    [
        (
            "Author.books",
            '@listSize(assumedSize: 3, slicingArguments: ["first"], sizedFields: ["edges", "nodes"], '
            "requireOneSlicingArgument: false)",
        ),
        ("Author.newest", "@listSize(assumedSize: 2)"),
        ("Book.similar", "@listSize(assumedSize: 3)"),
        ("Book.notes", "@listSize(assumedSize: 2)"),
        ("Book.similarUnbounded", None),
        ("Book.chapters", None),
        ("Book.author", None),
        ("Query.books", None),
    ],
)
def test_a_list_says_what_its_declaration_says(coordinate: str, directive: str | None) -> None:
    """A page by its arguments, meant for the lists inside; a list of keys by at_most; what nobody knows not at all."""
    kind, _, name = coordinate.partition(".")
    size = list_size_of(SCHEMA._schema.type_map[kind].fields[name])  # type: ignore[attr-defined]  # an object type
    assert (None if size is None else str(size)) == directive
    if directive:
        assert f"{directive}\n" in LINES


def test_the_text_is_a_schema() -> None:
    """It defines the directives that it uses, and is otherwise what it is without them."""
    text = canonical(SCHEMA._schema).text
    plain = re.sub(r" @listSize\(assumed[^)]*\)", "", text)
    read = schema_of_text(text)
    assert {one.name for one in read.directives} > {"listSize"}
    assert "cost" not in {one.name for one in read.directives}
    assert print_schema(schema_of_text(plain)) == print_schema(read)
    assert canonical(SCHEMA._schema).schema.get_directive("listSize") is not None


def test_a_schema_that_says_nothing_of_costs_defines_nothing() -> None:
    """Then its text is as graphql-core prints it."""
    plain = schema_of_text("type Query { all: [Int] }")
    assert annotated(print_schema(plain), plain) == print_schema(plain)


@pytest.mark.parametrize("bff", [web, mobile], ids=lambda bff: str(bff.name))
def test_every_page_says_how_long_it_gets(bff: Bff) -> None:
    """Both BFFs: each link with pages has the directive, with the declared number and the argument that slices."""
    pages = 0
    for kind in bff.schema.type_map.values():
        for definition in getattr(kind, "fields", {}).values():
            declared = declared_of(definition) if hasattr(definition, "extensions") else None
            if isinstance(declared, Link) and declared.page_size is not None:
                size = list_size_of(definition)
                assert size is not None
                assert size.assumed_size == declared.page_size
                assert size.slicing_arguments == (("first",) if declared.paging else ())
                pages += 1
    assert pages > 2


# Weights

plants = Service("plants")


class Plant(Record):
    """What grows."""

    id: str
    name: str


plant_by_id = plants.batch("GET /plants", keys="id", returns=Plant, key="id", max_keys=10)


def _poem(plant: Plant) -> str:
    return plant.name * 2


@view(Plant, name="Plant", description="What grows.")
class PlantView:
    """A plant."""

    name: str = shown("Its name.")
    latin: str = computed(_poem, "Its long name.", weight=2.5)


@strawberry.type(description="The root.")
class Garden:
    """The root."""

    plant: PlantView | None = link(
        plant_by_id, key=Argument("id", strawberry.ID, "An id."), weight=7, description="One plant."
    )


def test_a_weight_that_is_declared_counts_and_is_told() -> None:
    """In place of 1 for an object and 0 for a leaf; clients read it in the schema's text."""
    schema = build_schema(Garden, (plants,))._schema
    assert Operations(schema).prepare('{ plant(id: "1") { name } }').cost.fields == 7
    assert Operations(schema).prepare('{ plant(id: "1") { name latin } }').cost.fields == 7 + 2.5
    text = canonical(schema).text
    assert '  latin: String! @cost(weight: "2.5")\n' in text
    assert '): Plant @cost(weight: "7")\n' in text
    assert schema_of_text(text).get_directive("cost") is not None
    assert schema_of_text(text).get_directive("listSize") is None


@pytest.mark.parametrize("weight", [-1, 1_000_001, float("nan")])
def test_a_weight_that_cannot_be_stops_the_start(weight: float) -> None:
    """It is declared with the field, and refused with it."""
    sentence = "weight must be from 0 to 1000000, not "
    with pytest.raises(DeclarationError, match=sentence):
        shown("A field.", weight=weight)
    with pytest.raises(DeclarationError, match=sentence):
        computed(_poem, "A field.", weight=weight)
    with pytest.raises(DeclarationError, match=sentence):
        link(plant_by_id, key="id", description="A field.", weight=weight)


def test_what_a_client_can_tell_is_what_we_tell() -> None:
    """By the text alone, Author.books has 3 rows in its nodes and Book.similar 3 elements."""
    cost = Operations(SCHEMA._schema).prepare('{ author(id: "a") { books { nodes { similar { id } } } } }').cost
    assert cost.fields == 1 + 1 + 3 * (1 + 3)
