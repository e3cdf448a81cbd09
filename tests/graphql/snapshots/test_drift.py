"""Snapshots: main's schema and main's documents against what the folder says."""

from __future__ import annotations

import cProfile
from enum import Enum

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    build_schema,
)

from bff_core.graphql.snapshots import check, export, render
from tests.graphql.snapshots.repository import OLD, Repository, changed


def test_same(repository: Repository) -> None:
    """A schema that is its snapshot, with nothing published, is the same."""
    report = repository.has().check_as_it_is()

    assert report.exit_code == 0
    assert render([report]) == "web: ok: the schema is its snapshot; nothing is published yet."


def test_a_description_is_part_of_the_snapshot(repository: Repository) -> None:
    """A change of a description alone is drift, shown as a diff with its line, and is not breaking."""
    report = repository.has().check_as_it_is(changed("One thing to buy.", "One thing to sell."))

    assert report.exit_code == 1
    assert report.drift is not None
    assert (report.drift.file, report.drift.added, report.drift.removed) == ("schema/web.graphql", 1, 1)
    snapshot = (repository.root / "web.graphql").read_text().splitlines()
    assert snapshot[report.drift.line - 1] == '"""One thing to buy."""'
    assert '-"""One thing to buy."""' in report.drift.diff.splitlines()
    assert '+"""One thing to sell."""' in report.drift.diff.splitlines()
    assert report.changes == ()


def test_a_deprecation_is_part_of_the_snapshot(repository: Repository) -> None:
    """A field that became deprecated is drift."""
    report = repository.has().check_as_it_is(changed("sku: String", 'sku: String @deprecated(reason: "gone")'))

    assert report.exit_code == 1
    assert report.drift is not None
    assert '+  sku: String @deprecated(reason: "gone")' in report.drift.diff.splitlines()


def test_a_failing_check_prints_the_command_that_renews(repository: Repository) -> None:
    """A drift's text says how to renew the snapshots."""
    report = repository.has().check_as_it_is(changed("sku: String", "sku: ID"))

    assert "web: next: run `make snapshots` and commit the result if the change is meant." in render([report])


def test_order_is_not_part_of_the_snapshot(repository: Repository) -> None:
    """The same schema with its fields and values written in another order is the same."""
    other = changed("enum Stock { PLENTY FEW NONE }", "enum Stock { NONE FEW PLENTY }")
    other = changed("name: String! price: String!", "price: String! name: String!", other)

    assert repository.has().check_as_it_is(other).exit_code == 0


def test_a_long_drift_is_cut(repository: Repository) -> None:
    """A drift shows sixty lines and counts the others."""
    fields = " ".join(f"sku{number}: String" for number in range(100))
    report = repository.has().check_as_it_is(changed("sku: String", fields))

    assert report.drift is not None
    lines = report.drift.diff.splitlines()
    assert len(lines) == 61
    assert report.drift.added == 100
    # Two headings, one hunk's heading, its two lines of context on either side, 100 added, 1 removed.
    assert lines[-1] == f"… and {3 + 4 + 101 - 60} more lines"


def test_export_twice(repository: Repository) -> None:
    """A second export writes nothing and says so; the file ends in one newline."""
    schema = build_schema(OLD)

    assert export("web", schema, repository.root).written == ("schema/web.graphql",)
    assert export("web", schema, repository.root).written == ()
    text = (repository.root / "web.graphql").read_text()
    assert text.endswith("}\n")
    assert not text.endswith("\n\n")


def test_windows_newlines_are_no_drift(repository: Repository) -> None:
    """A snapshot that git checked out with CRLF is the same."""
    repository.has()
    path = repository.root / "web.graphql"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert repository.check_as_it_is().exit_code == 0


def test_a_lost_last_newline_is_drift(repository: Repository) -> None:
    """A snapshot without its last newline is not what export writes, and the report says why."""
    repository.has()
    path = repository.root / "web.graphql"
    path.write_text(path.read_text().rstrip("\n"))

    report = repository.check_as_it_is()

    assert report.exit_code == 1
    assert report.drift is not None
    assert report.drift.diff == "(only the newline at the end of the file differs)"


class MemberEnum(GraphQLEnumType):
    """An enum type made as Strawberry makes its own: values are plain, defaults are members of a class."""

    def coerce_output_value(self, output_value: object) -> str:
        """The name of a member or of a plain value."""
        return super().coerce_output_value(getattr(output_value, "value", output_value))


class Sort(Enum):
    """A Python enum, whose members the sorted copy of a schema cannot print."""

    NEWEST = "newest"
    CHEAPEST = "cheapest"


def test_python_values_in_a_live_schema(repository: Repository) -> None:
    """A Python enum's member as a default, in a subclass of the enum type, is printed by its GraphQL name."""
    sort = MemberEnum("Sort", {member.name: member.value for member in Sort})
    argument = GraphQLArgument(sort, default_value=Sort.CHEAPEST)
    live = GraphQLSchema(GraphQLObjectType("Query", {"list": GraphQLField(GraphQLString, args={"sort": argument})}))

    export("web", live, repository.root)

    assert "list(sort: Sort = CHEAPEST): String" in (repository.root / "web.graphql").read_text()
    assert check("web", live, repository.root).exit_code == 0


def test_no_snapshot(repository: Repository) -> None:
    """Without a snapshot nothing can be told, and the message says how to write it."""
    report = repository.check_as_it_is()

    assert report.exit_code == 2
    assert report.obstacles == ("schema/web.graphql does not exist. Run `make snapshots` to write it.",)


def test_a_snapshot_that_does_not_parse(repository: Repository) -> None:
    """A snapshot with a merge conflict in it cannot be told from, and the message names the line."""
    (repository.root / "web.graphql").write_text("type Query {\n<<<<<<< HEAD\n  a: String\n}\n")

    report = repository.check_as_it_is()

    assert report.exit_code == 2
    assert len(report.obstacles) == 1
    assert report.obstacles[0].startswith("schema/web.graphql:2 is not a schema: Syntax Error")
    assert report.obstacles[0].endswith("Run `make snapshots` to write it anew.")


def test_a_snapshot_that_parses_to_no_valid_schema(repository: Repository) -> None:
    """A snapshot of sound syntax that makes no schema is one sentence too."""
    (repository.root / "web.graphql").write_text("type Query { a: Missing }\n")

    report = repository.check_as_it_is()

    assert report.exit_code == 2
    assert report.obstacles == (
        "schema/web.graphql is not a valid schema: Unknown type 'Missing'. Run `make snapshots` to write it anew.",
    )


def test_a_snapshot_that_is_not_text(repository: Repository) -> None:
    """A snapshot that is not UTF-8 is one sentence."""
    (repository.root / "web.graphql").write_bytes(b"\xff\xfe")

    report = repository.check_as_it_is()

    assert report.exit_code == 2
    assert report.obstacles == ("schema/web.graphql is not UTF-8 text (byte 0)",)


def test_documents_of_main(repository: Repository) -> None:
    """A document of main that the live schema does not take is found with its file and line."""
    folder = repository.root / "operations" / "web"
    folder.mkdir(parents=True)
    (folder / "Good.graphql").write_text("query Good { product(id: 1) { name } }")
    (folder / "Bad.graphql").write_text("query Bad {\n  product(id: 1) {\n    colour\n  }\n}")

    report = repository.has().check_as_it_is()

    assert report.exit_code == 1
    (fault,) = report.invalid
    assert (fault.file, fault.line, fault.column) == ("schema/operations/web/Bad.graphql", 3, 5)
    assert fault.message == "Cannot query field 'colour' on type 'Product'."


def test_a_document_of_main_that_does_not_parse(repository: Repository) -> None:
    """A syntax error in main's own document is a finding, since its author can mend it, not an obstacle."""
    folder = repository.root / "operations" / "web"
    folder.mkdir(parents=True)
    (folder / "Bad.graphql").write_text("query Bad {\n  product(id: 1) {\n")

    report = repository.has().check_as_it_is()

    assert report.exit_code == 1
    (fault,) = report.invalid
    assert (fault.file, fault.line) == ("schema/operations/web/Bad.graphql", 3)


def test_a_document_without_operation(repository: Repository) -> None:
    """A document of fragments alone is a finding: documents are self-contained."""
    folder = repository.root / "operations" / "web"
    folder.mkdir(parents=True)
    (folder / "Parts.graphql").write_text("fragment Name on Product { name }")

    report = repository.has().check_as_it_is()

    assert report.exit_code == 1
    assert [fault.message for fault in report.invalid] == [
        "it holds no operation; each document carries its own fragments"
    ]


def calls_of_a_check(repository: Repository, number: int) -> int:
    """The calls that Python makes to check twice so many types with twenty released operations, one of which breaks."""
    types = "".join(
        f'"""Type {n}."""\n'
        f"type T{n} {{ id: ID! a(x: Int = 3): String! b: [String!] next: T{(n + 1) % number} }}\n"
        f"input F{n} {{ a: Int = 2 b: [String!] }}\n"
        for n in range(number)
    )
    roots = " ".join(f"t{n}(id: ID!, f: F{n}): T{n}" for n in range(number))
    before = f"type Query {{ {roots} }}\n{types}"
    after = before.replace("type T7 { id: ID! a(x: Int = 3): String!", "type T7 { id: ID!")
    folder = repository.root / "published" / "web" / "operations" / "app"
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(20):
        document = f"query Q{n}($f: F{n}) {{ t{n}(id: 1, f: $f) {{ id a b next {{ id next {{ a }} }} }} }}"
        (folder / f"Q{n}.graphql").write_text(document)
    export("web", build_schema(before), repository.root)
    (repository.root / "published" / "web" / "schema.graphql").write_text(before)
    live = build_schema(after)

    profile = cProfile.Profile()
    report = profile.runcall(check, "web", live, repository.root)
    assert report.exit_code == 1
    assert [(change.coordinate, len(change.hits)) for change in report.changes] == [("T7.a", 2)]
    return sum(entry.callcount for entry in profile.getstats())


def test_a_check_costs_as_much_more_as_there_are_more_types(repository: Repository) -> None:
    """Two hundred types cost no more than twice what a hundred do, and two million calls in all."""
    half, whole = calls_of_a_check(repository, 50), calls_of_a_check(repository, 100)
    assert whole <= 2 * half
    assert whole < 2_000_000
