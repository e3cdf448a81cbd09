"""Snapshots: which operation of which released client each kind of change meets."""

from __future__ import annotations

import pytest
from graphql import build_schema, find_breaking_changes, find_dangerous_changes

from bff_core.graphql.snapshots import Change, Report, render
from bff_core.graphql.snapshots.changes import _find_changes
from tests.graphql.snapshots.repository import OLD, Repository, changed

APP = "schema/published/web/operations/app"


def only(report: Report) -> Change:
    """The one breaking change of a report."""
    (change,) = report.breaking
    return change


def who(change: Change) -> list[tuple[str, str, str]]:
    """The client, operation and effect of each hit."""
    return [(hit.client, hit.operation, hit.effect) for hit in change.hits]


def test_an_addition_breaks_nobody(repository: Repository) -> None:
    """A new field with a renewed snapshot is the same for released clients."""
    repository.released("app", "query Page { product(id: 1) { name } }")

    report = repository.check(changed("sku: String", "sku: String weight: Int"))

    assert report.exit_code == 0
    assert report.released == 1
    assert render([report]) == (
        "web: ok: the schema is its snapshot, and breaks none of 1 released operation "
        "since schema/published/web/schema.graphql."
    )


def test_a_field_that_one_client_uses(repository: Repository) -> None:
    """A removed field breaks the operations that select it, of that client alone, at that line."""
    repository.released("app", "query Page {\n  product(id: 1) {\n    name\n    sku\n  }\n}")
    repository.released("spa", "query Other { product(id: 1) { name } }")

    report = repository.check(changed(" sku: String", ""))

    assert report.exit_code == 1
    change = only(report)
    assert (change.kind, change.coordinate) == ("FIELD_REMOVED", "Product.sku")
    assert who(change) == [("app", "Page", "refused")]
    assert (change.hits[0].file, change.hits[0].line, change.hits[0].column) == (f"{APP}/A.graphql", 4, 5)
    assert (
        f"    Breaks operation Page of client app ({APP}/A.graphql:4:5): "
        "Cannot query field 'sku' on type 'Product'." in render([report])
    )


def test_a_field_that_nobody_uses(repository: Repository) -> None:
    """A removed field that no released operation selects is breaking and unused, and the way out is said."""
    repository.released("app", "query Page { product(id: 1) { name } }")

    report = repository.check(changed(" sku: String", ""))

    assert report.exit_code == 1
    assert [change.coordinate for change in report.unused] == ["Product.sku"]
    text = render([report])
    assert "    Not used by any released operation." in text
    assert "web: next: run `bff schema publish web` to accept what no released operation uses." in text


def test_unused_changes_allowed(repository: Repository) -> None:
    """With unused changes allowed, one passes, and one that is used does not."""
    repository.released("app", "query Page { product(id: 1) { name } }")

    assert repository.check(changed(" sku: String", ""), allow_unused=True).exit_code == 0
    assert repository.check(changed(" price: String!", ""), allow_unused=True).exit_code == 0
    without_name = changed(
        "type Product implements Node { id: ID! name: String!", "type Product implements Node { id: ID!"
    )
    assert repository.check(without_name, allow_unused=True).exit_code == 1


def test_a_field_in_a_fragment(repository: Repository) -> None:
    """A fragment's use counts for each operation that spreads it, directly or not, and for no other."""
    repository.released(
        "app",
        """
        query Direct { product(id: 1) { ...Card } }
        query Deep { product(id: 1) { ...Tile } }
        query Apart { product(id: 1) { name } }
        fragment Tile on Product { ...Card }
        fragment Card on Product { name ... on Product { sku } }
        """,
    )

    change = only(repository.check(changed(" sku: String", "")))

    assert who(change) == [("app", "Direct", "refused"), ("app", "Deep", "refused")]


def test_an_operation_without_name(repository: Repository) -> None:
    """An anonymous operation goes by the name of its file."""
    repository.released("app", "{ product(id: 1) { sku } }")

    assert who(only(repository.check(changed(" sku: String", "")))) == [("app", "A", "refused")]


def test_a_field_that_may_now_be_null(repository: Repository) -> None:
    """A field that became nullable leaves documents valid and breaks those who read it."""
    repository.released("app", "query Reads { product(id: 1) { price } }", "query Not { product(id: 1) { name } }")

    report = repository.check(changed("price: String!", "price: String"))

    assert report.exit_code == 1
    change = only(report)
    assert change.kind == "FIELD_CHANGED_KIND"
    assert who(change) == [("app", "Reads", "answer")]
    assert "which reads it." in render([report])


def test_a_field_of_another_shape(repository: Repository) -> None:
    """A field that became an object refuses the operations that read it as text."""
    sdl = changed("price: String!", "price: Money!") + "type Money { amount: String! }"
    repository.released("app", "query Reads { product(id: 1) { price } }")

    change = only(repository.check(sdl))

    assert who(change) == [("app", "Reads", "refused")]
    assert change.hits[0].detail == (
        "Field 'price' of type 'Money!' must have a selection of subfields. Did you mean 'price { ... }'?"
    )


def test_an_argument_that_became_required(repository: Repository) -> None:
    """It breaks whoever leaves it out or may leave it out by a variable, and nobody who always gives it."""
    repository.released(
        "app",
        "query Without { product(id: 1) { name } }",
        "query Maybe($size: Int) { product(id: 1, size: $size) { name } }",
        "query Given($size: Int!) { product(id: 1, size: $size) { name } }",
        "query Literal { product(id: 1, size: 5) { name } }",
        "query Elsewhere { search { name } }",
    )

    change = only(repository.check(changed("size: Int = 100", "size: Int!")))

    assert (change.kind, change.coordinate) == ("ARG_CHANGED_KIND", "Query.product(size:)")
    assert who(change) == [("app", "Without", "refused"), ("app", "Maybe", "refused")]


def test_a_new_required_argument(repository: Repository) -> None:
    """It breaks every operation that selects the field."""
    repository.released("app", "query Page { product(id: 1) { name } }", "query Elsewhere { search { name } }")

    change = only(repository.check(changed("product(id: ID!,", "product(id: ID!, locale: String!,")))

    assert (change.kind, change.coordinate) == ("REQUIRED_ARG_ADDED", "Query.product(locale:)")
    assert who(change) == [("app", "Page", "refused")]


def test_an_argument_that_is_gone(repository: Repository) -> None:
    """It breaks the operations that pass it."""
    repository.released(
        "app", "query Passes { product(id: 1, size: 5) { name } }", "query Not { product(id: 1) { name } }"
    )

    change = only(repository.check(changed(", size: Int = 100", "")))

    assert who(change) == [("app", "Passes", "refused")]


def test_two_changes_at_one_field(repository: Repository) -> None:
    """An error about one argument is not blamed on a change of another."""
    repository.released("app", "query Page { product(id: 1, size: 5) { name } }")

    report = repository.check(changed("product(id: ID!, size: Int = 100)", "product(id: ID!, locale: String!)"))

    assert {change.coordinate: [hit.detail for hit in change.hits] for change in report.breaking} == {
        "Query.product(size:)": ["Unknown argument 'size' on field 'Query.product'."],
        "Query.product(locale:)": [
            "Argument 'Query.product(locale:)' of type 'String!' is required, but it was not provided."
        ],
    }


def test_an_enum_value_that_is_gone(repository: Repository) -> None:
    """It breaks who writes it, who reads the enum, and who may send it in a variable, each in its way."""
    repository.released(
        "app",
        "query Writes { search(filter: {stock: NONE}) { name } }",
        "query Reads { product(id: 1) { stock } }",
        "query Sends($filter: Filter) { search(filter: $filter) { name } }",
        "query WritesAnother { search(filter: {stock: FEW}) { name } }",
        "query Not($sort: Sort) { search(sort: $sort) { name } }",
    )

    report = repository.check(changed("PLENTY FEW NONE", "PLENTY FEW"))

    assert who(only(report)) == [
        ("app", "Writes", "refused"),
        ("app", "Reads", "answer"),
        ("app", "Sends", "variables"),
    ]
    assert "which may send it in $filter." in render([report])


def test_an_input_field_that_is_gone(repository: Repository) -> None:
    """It breaks who writes it, and who may send it deep inside a variable."""
    repository.released(
        "app",
        'query Writes { search(filter: {below: {amount: "1", currency: "EUR"}}) { name } }',
        "query Sends($filter: Filter) { search(filter: $filter) { name } }",
        'query Not { search(filter: {below: {amount: "1"}}) { name } }',
    )

    change = only(repository.check(changed(' currency: String = "EUR"', "")))

    assert (change.kind, change.coordinate) == ("FIELD_REMOVED", "Price.currency")
    assert who(change) == [("app", "Writes", "refused"), ("app", "Sends", "variables")]


def test_a_new_required_input_field(repository: Repository) -> None:
    """It breaks every written object of the type and every variable that can hold one."""
    repository.released(
        "app",
        'query Writes { search(filter: {text: "a"}) { name } }',
        "query Sends($filter: Filter) { search(filter: $filter) { name } }",
        "query Not { search { name } }",
    )

    change = only(repository.check(changed("input Filter { text: String", "input Filter { text: String shop: ID!")))

    assert change.kind == "REQUIRED_INPUT_FIELD_ADDED"
    assert who(change) == [("app", "Writes", "refused"), ("app", "Sends", "variables")]


def test_an_input_that_takes_one_field(repository: Repository) -> None:
    """An input type that became oneOf, which graphql-core does not notice, is breaking."""
    repository.released(
        "app",
        'query Two { search(filter: {text: "a", stock: FEW}) { name } }',
        'query One { search(filter: {text: "a"}) { name } }',
        "query Sends($filter: Filter) { search(filter: $filter) { name } }",
    )

    change = only(repository.check(changed("input Filter {", "input Filter @oneOf {")))

    assert (change.kind, change.coordinate) == ("INPUT_BECAME_ONE_OF", "Filter")
    assert who(change) == [("app", "Two", "refused"), ("app", "Sends", "variables")]


def test_a_type_that_is_gone(repository: Repository) -> None:
    """A removed type breaks the operations that name it, by fragment, spread or field."""
    repository.released(
        "app",
        "query Inline { found { ... on Note { text } } }",
        "query Spread { found { ...N } } fragment N on Note { text }",
        "query Not { found { ... on Shop { name } } }",
    )

    report = repository.check(changed("type Note { text: String! }", "").replace("| Note", ""))

    hits = {change.kind: who(change) for change in report.breaking}
    assert hits == {
        "TYPE_REMOVED": [("app", "Inline", "refused"), ("app", "Spread", "refused")],
        "TYPE_REMOVED_FROM_UNION": [("app", "Inline", "refused"), ("app", "Spread", "refused")],
    }
    assert report.unexplained == ()


def test_a_member_that_left_its_union(repository: Repository) -> None:
    """It breaks the operations that ask for the member there, also by a named fragment."""
    repository.released(
        "app",
        "query Inline { found { ... on Shop { name } } }",
        "query Spread { found { ...S } } fragment S on Shop { name }",
        "query Valid { node(id: 1) { ... on Shop { name } } }",
    )

    change = only(repository.check(changed("Product | Shop | Note", "Product | Note")))

    assert change.coordinate == "Found"
    assert who(change) == [("app", "Inline", "refused"), ("app", "Spread", "refused")]


def test_an_interface_that_is_dropped(repository: Repository) -> None:
    """It breaks the operations that go from the interface to the type."""
    repository.released("app", "query Shop { node(id: 1) { ... on Shop { name } } }", "query Id { node(id: 1) { id } }")

    change = only(repository.check(changed("type Shop implements Node", "type Shop")))

    assert (change.kind, change.coordinate) == ("IMPLEMENTED_INTERFACE_REMOVED", "Shop")
    assert who(change) == [("app", "Shop", "refused")]


def test_a_type_of_another_kind(repository: Repository) -> None:
    """An enum that became a scalar breaks who reads it."""
    repository.released("app", "query Reads { product(id: 1) { stock } }", "query Not { product(id: 1) { name } }")

    change = only(repository.check(changed("enum Stock { PLENTY FEW NONE }", "scalar Stock")))

    assert change.kind == "TYPE_CHANGED_KIND"
    assert who(change) == [("app", "Reads", "answer")]


def test_a_directive_that_is_gone(repository: Repository) -> None:
    """It breaks the operations that use it."""
    old = OLD + "directive @quick(ms: Int) on QUERY"
    repository.released("app", "query Q @quick(ms: 5) { product(id: 1) { name } }", "{ search { name } }", sdl=old)

    change = only(repository.check(OLD))

    assert change.coordinate == "@quick"
    assert who(change) == [("app", "Q", "refused")]


def test_an_unused_standard_scalar(repository: Repository) -> None:
    """That a built-in scalar is no longer used anywhere is not reported beside the change that did it."""
    repository.released("app", "query Page { product(id: 1) { name } }")

    assert only(repository.check(changed(", size: Int = 100", ""))).kind == "ARG_REMOVED"


def test_an_operation_that_no_change_explains(repository: Repository) -> None:
    """A released operation that became invalid by a change nobody lists is reported on its own."""
    old = "schema { query: Query mutation: Change } " + OLD + " type Change { buy: String }"
    new = OLD.replace("type Query {", "type Query { other: Change") + " type Change { buy: String }"
    repository.released("app", "mutation Buy { buy }", "query Page { product(id: 1) { name } }", sdl=old)

    report = repository.check(new)

    assert report.exit_code == 1
    assert report.breaking == ()
    assert [(hit.operation, hit.detail) for hit in report.unexplained] == [
        ("Buy", "The mutation operation is not supported by the schema.")
    ]
    assert "web: breaking: Breaks operation Buy of client app" in render([report])


def test_a_new_enum_value(repository: Repository) -> None:
    """A new value of an enum is dangerous for who reads it, and fails nothing."""
    repository.released(
        "app",
        "query Reads { product(id: 1) { stock } }",
        "query Sends($filter: Filter) { search(filter: $filter) { name } }",
    )

    report = repository.check(changed("PLENTY FEW NONE", "PLENTY FEW NONE SOON"))

    assert report.exit_code == 0
    (change,) = report.changes
    assert (change.kind, change.breaking, who(change)) == (
        "VALUE_ADDED_TO_ENUM",
        False,
        [("app", "Reads", "answer")],
    )
    assert "May surprise operation Reads of client app" in render([report])


def test_a_new_member_of_a_union(repository: Repository) -> None:
    """A new member of a union is dangerous for who reads the union."""
    repository.released("app", "query Reads { found { __typename } }", "query Not { search { name } }")

    report = repository.check(changed("| Note", "| Note | Tip") + "type Tip { text: String }")

    assert report.exit_code == 0
    assert [(change.coordinate, who(change)) for change in report.changes] == [("Found", [("app", "Reads", "answer")])]


def test_a_new_implementation(repository: Repository) -> None:
    """A type that began to implement an interface is dangerous for fragments on the interface."""
    repository.released(
        "app", "query Asks { found { ... on Node { id } } }", "query Not { found { ... on Shop { name } } }"
    )

    report = repository.check(changed("type Note {", "type Note implements Node { id: ID!"))

    assert report.exit_code == 0
    assert [(change.coordinate, who(change)) for change in report.changes] == [("Note", [("app", "Asks", "answer")])]


def test_breaking_changes_come_first(repository: Repository) -> None:
    """Changes are in the order of their coordinates, the breaking ones before all others."""
    repository.released("app", "query Page { product(id: 1) { name } }")
    new = changed("PLENTY FEW NONE", "PLENTY FEW SOON", changed("| Note", "| Note | Aid")) + "type Aid { a: Int }"

    report = repository.check(changed(" sku: String", "", new))

    assert [(change.breaking, change.coordinate) for change in report.changes] == [
        (True, "Product.sku"),
        (True, "Stock.NONE"),
        (False, "Found"),
        (False, "Stock.SOON"),
    ]


def test_another_default(repository: Repository) -> None:
    """Another default of an argument is dangerous for who leaves it out or may do so, and for nobody else."""
    repository.released(
        "app",
        "query Without { product(id: 1) { name } }",
        "query Maybe($size: Int) { product(id: 1, size: $size) { name } }",
        "query Own($size: Int = 3) { product(id: 1, size: $size) { name } }",
        "query Given { product(id: 1, size: 5) { name } }",
    )

    report = repository.check(changed("size: Int = 100", "size: Int = 200"))

    assert report.exit_code == 0
    assert [who(change) for change in report.changes] == [[("app", "Without", "default"), ("app", "Maybe", "default")]]


def test_another_default_of_an_input_field(repository: Repository) -> None:
    """Another default of an input field is dangerous for objects without it, written or in variables."""
    repository.released(
        "app",
        'query Without { search(filter: {below: {amount: "1"}}) { name } }',
        'query Given { search(filter: {below: {amount: "1", currency: "USD"}}) { name } }',
        "query Sends($filter: Filter) { search(filter: $filter) { name } }",
    )

    report = repository.check(changed('currency: String = "EUR"', 'currency: String = "CHF"'))

    assert report.exit_code == 0
    assert [who(change) for change in report.changes] == [[("app", "Without", "default"), ("app", "Sends", "default")]]


def test_a_new_optional_argument(repository: Repository) -> None:
    """A new optional argument meets nobody and is not in the text."""
    repository.released("app", "query Page { product(id: 1) { name } }")

    report = repository.check(changed("size: Int = 100", "size: Int = 100, dark: Boolean"))

    assert report.exit_code == 0
    assert [(change.kind, change.hits) for change in report.changes] == [("OPTIONAL_ARG_ADDED", ())]
    assert "dangerous" not in render([report])


def test_a_published_document_that_does_not_parse(repository: Repository) -> None:
    """A published document with a syntax error is an obstacle that names its place."""
    repository.has().released("app", "query Page { product(id: 1) { name } }")
    (repository.path / APP / "A.graphql").write_text("query Page {\n  product(id: 1 {\n")

    report = repository.check_as_it_is()

    assert report.exit_code == 2
    assert report.obstacles[0].startswith(f"{APP}/A.graphql:2:17 is not a GraphQL document: Syntax Error")


def test_a_published_document_that_never_fitted(repository: Repository) -> None:
    """A document put beside a published schema that it does not fit is an obstacle, not a breaking change."""
    repository.released("app", "query Page { product(id: 1) { name } }")
    (repository.path / APP / "A.graphql").write_text("query Page { product(id: 1) { colour } }")

    report = repository.check(changed("sku: String", "sku: String weight: Int"))

    assert report.exit_code == 2
    assert report.obstacles == (
        f"{APP}/A.graphql does not fit schema/published/web/schema.graphql: Cannot query field 'colour' on "
        "type 'Product'. Only `bff schema publish web` should write below schema/published/web; "
        "restore it from git.",
    )


def test_a_lost_published_schema(repository: Repository) -> None:
    """Published operations without their schema are an obstacle that names the clients."""
    repository.has().released("app", "query Page { product(id: 1) { name } }")
    (repository.root / "published" / "web" / "schema.graphql").unlink()

    report = repository.check_as_it_is()

    assert report.exit_code == 2
    assert report.obstacles == (
        "schema/published/web/schema.graphql does not exist, but operations of app are published. "
        "Restore it from git, or run `bff schema publish web`.",
    )


def test_an_obstacle_hides_nothing(repository: Repository) -> None:
    """What can be told is told beside what cannot: the exit code is 2 and the broken operation is named."""
    repository.released("app", "query Page { product(id: 1) { sku } }")

    report = repository.check_as_it_is(changed(" sku: String", ""))

    assert report.exit_code == 2
    assert len(report.obstacles) == 1
    assert who(only(report)) == [("app", "Page", "refused")]


KINDS = """
directive @gone on FIELD
directive @d(gone: Int kind: Int preset: Int = 1) repeatable on FIELD | QUERY
interface I { i: Int }
interface J { i: Int }
type Gone { x: Int }
type Kind { x: Int }
type A implements I { i: Int }
union U = A | B
type B { x: Int }
type C { x: Int }
enum E { ONE TWO }
input In { gone: Int kind: Int preset: Int = 1 }
type Query {
  gone: Int kind: Int
  f(gone: Int, kind: Int, preset: Int = 1): Int
  a: A u: U e: E c: C j: J i: I k: Kind dead: Gone
  in(in: In): Int
}
"""
KINDS_CHANGED = """
directive @d(kind: String preset: Int = 2 need: Int!) on QUERY
interface I { i: Int }
interface J { i: Int }
scalar Kind
type A implements J { i: Int }
union U = A | C
type B { x: Int }
type C { x: Int }
enum E { ONE THREE }
input In { kind: String preset: Int = 2 need: Int! more: Int }
type Query {
  kind: String
  f(kind: String, preset: Int = 2, need: Int!, more: Int): Int
  a: A u: U e: E c: C j: J i: I k: Kind b: B
  in(in: In): Int
}
"""
COORDINATES = [
    ("TYPE_REMOVED", "Gone", ""),
    ("TYPE_CHANGED_KIND", "Kind", ""),
    ("TYPE_REMOVED_FROM_UNION", "U", "B"),
    ("TYPE_ADDED_TO_UNION", "U", "C"),
    ("VALUE_REMOVED_FROM_ENUM", "E.TWO", ""),
    ("VALUE_ADDED_TO_ENUM", "E.THREE", ""),
    ("IMPLEMENTED_INTERFACE_REMOVED", "A", "I"),
    ("IMPLEMENTED_INTERFACE_ADDED", "A", "J"),
    ("FIELD_REMOVED", "Query.gone", ""),
    ("FIELD_REMOVED", "Query.dead", ""),
    ("FIELD_REMOVED", "In.gone", ""),
    ("FIELD_CHANGED_KIND", "Query.kind", ""),
    ("FIELD_CHANGED_KIND", "In.kind", ""),
    ("REQUIRED_INPUT_FIELD_ADDED", "In.need", ""),
    ("OPTIONAL_INPUT_FIELD_ADDED", "In.more", ""),
    ("INPUT_FIELD_DEFAULT_VALUE_CHANGE", "In.preset", ""),
    ("ARG_REMOVED", "Query.f(gone:)", ""),
    ("ARG_CHANGED_KIND", "Query.f(kind:)", ""),
    ("ARG_CHANGED_KIND", "@d(kind:)", ""),
    ("ARG_DEFAULT_VALUE_CHANGE", "Query.f(preset:)", ""),
    ("ARG_DEFAULT_VALUE_CHANGE", "@d(preset:)", ""),
    ("REQUIRED_ARG_ADDED", "Query.f(need:)", ""),
    ("OPTIONAL_ARG_ADDED", "Query.f(more:)", ""),
    ("DIRECTIVE_REMOVED", "@gone", ""),
    ("DIRECTIVE_ARG_REMOVED", "@d(gone:)", ""),
    ("REQUIRED_DIRECTIVE_ARG_ADDED", "@d(need:)", ""),
    ("DIRECTIVE_REPEATABLE_REMOVED", "@d", ""),
    ("DIRECTIVE_LOCATION_REMOVED", "@d", ""),
]


def test_the_coordinate_of_every_kind() -> None:
    """Each kind of change that graphql-core knows is read to the coordinates that it is about."""
    found = [
        (each.kind, each.coordinate, each.second)
        for each in _find_changes(build_schema(KINDS), build_schema(KINDS_CHANGED))
    ]

    assert sorted(found) == sorted(COORDINATES)


@pytest.mark.parametrize("kinds", ["BreakingChangeType", "DangerousChangeType"])
def test_no_kind_is_forgotten(kinds: str) -> None:
    """The list above has every kind of this graphql-core, so that a new one is noticed with its version."""
    find = find_breaking_changes if kinds == "BreakingChangeType" else find_dangerous_changes
    change = find(build_schema(KINDS), build_schema(KINDS_CHANGED))[0]

    assert {kind.name for kind in type(change.type)} <= {kind for kind, _, _ in COORDINATES}
