"""The blast radius: what is foretold of an operation without a service is what comes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bff_core.bff import Bff
from bff_core.doctor.blast import Blast, blast_radius, own_plans, unplanned
from tests.doctor.clinic import bff
from tests.graphql import shelf

#: Each with all its places that cannot be null, below fields, elements, connections, aliases, interfaces and fragments.
OPERATIONS = {
    "Owner": '{ book(id: "b1") { title owner { name } shelf { label } } }',
    "Elements": '{ books(ids: ["b1", "b2"]) { title stand { label } author { name } } }',
    "Connection": '{ author(id: "a1") { name books { edges { node { title stand { label } } } } } }',
    "Nested": '{ search(text: "x") { nodes { title similar { owner { name } } writer { name } } } }',
    "Gaps": '{ book(id: "b1") { title similarOrNull { stand { label } } similar { stand { label } } } }',
    "Aliases": '{ a: book(id: "b1") { o: owner { n: name } } b: book(id: "b2") { w: writer { name } } }',
    "Interface": '{ thing(id: "b1") { id ... on Book { owner { name } shelf { label } } } }',
    "Fragment": '{ shelf(id: "s1") { keeper { ...F } } } fragment F on Author { name favourite { stand { label } } }',
    "Deep": '{ shelf(id: "s1") { rows { cells { book { title owner { name } } } } books { title } } }',
    "Private": "{ mine { label top { title } } loans { book { title } } }",
}


def library(folder: Path, operations: dict[str, str]) -> Bff:
    """The bookshelf with operations of its own."""
    for name, text in operations.items():
        (folder / f"{name}.graphql").write_text(f"query {name} {text}", encoding="utf-8")
    return Bff(name="shelf", query=shelf.Query, services=shelf.SERVICES, settings=Path("shelf.toml"), operations=folder)


def lost(healthy: Any, found: Any, path: str = "") -> Iterator[str]:
    """Where there was something and is null now, as the blast radius writes it."""
    if healthy is not None and found is None:
        yield path
    elif isinstance(healthy, dict):
        for name, value in healthy.items():
            yield from lost(value, found[name], f"{path}.{name}" if path else name)
    elif isinstance(healthy, list):
        for before, after in zip(healthy, found, strict=True):
            yield from lost(before, after, f"{path}[]")


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("service", ["authors", "books", "shelves"])
async def test_what_is_foretold_is_what_comes(tmp_path: Path, name: str, service: str) -> None:
    """A service that fails costs exactly the paths that are foretold, and no other."""
    own = own_plans(library(tmp_path, {name: OPERATIONS[name]}))
    foretold = [blast for blast in blast_radius(own) if blast.service == service]
    async with shelf.room() as room:
        whole = await room.run(OPERATIONS[name])
        assert whole.errors == []
        room.doubles[service].fail()
        broken = await room.run(OPERATIONS[name])
    assert set(lost(whole.data, broken.data)) == {path for blast in foretold for path in blast.null}
    fallbacks = {entry["path"] for entry in broken.degraded if entry["source"] == "fallback"}
    assert fallbacks == {path.replace("[]", "") for blast in foretold for path in blast.fallback}


def test_an_opaque_resolver_counts_for_each_service_that_it_may_ask(tmp_path: Path) -> None:
    """Which one it asks is known only when it runs, so it is lost at worst without any of them."""
    own = own_plans(library(tmp_path, {"Any": '{ finding(id: "a1") { ... on Author { name } } }'}))
    assert blast_radius(own) == (Blast("Any", "authors", ("finding",), ()), Blast("Any", "books", ("finding",), ()))


def test_an_operation_is_told_for_each_service_that_it_needs(tmp_path: Path) -> None:
    """By operation in the order of the files, then by service; what goes with something above it is not named."""
    own = own_plans(library(tmp_path, {name: OPERATIONS[name] for name in ("Owner", "Nested")}))
    assert blast_radius(own) == (
        Blast("Nested", "authors", ("search.nodes[].similar",), ("search.nodes[].writer",)),
        Blast("Nested", "books", ("search",), ()),
        Blast("Owner", "authors", ("book",), ()),
        Blast("Owner", "books", ("book",), ()),
        Blast("Owner", "shelves", ("book.shelf",), ()),
    )


def test_a_file_may_hold_several_operations_or_one_without_a_name(tmp_path: Path) -> None:
    """Every operation of a file is told by its name, and one without by the file's."""
    (tmp_path / "Two.graphql").write_text('query A { bird(id: "1") { id } } query B { mine { id } }')
    (tmp_path / "Nameless.graphql").write_text('{ bird(id: "1") { home { tree } } }')
    own = own_plans(bff(tmp_path, operations=tmp_path))
    assert [(blast.operation, blast.service, blast.null, blast.fallback) for blast in blast_radius(own)] == [
        ("Nameless", "birds", ("bird",), ()),
        ("Nameless", "nests", (), ("bird.home",)),
        ("A", "birds", ("bird",), ()),
        ("B", "birds", ("mine",), ()),
    ]
    assert list(unplanned(own)) == []


def test_an_operation_that_cannot_be_planned_is_a_warning(tmp_path: Path) -> None:
    """Bad syntax, an unknown field and a file that is no text are told with the file; the rest is planned as ever."""
    (tmp_path / "A.graphql").write_text("query A {")
    (tmp_path / "B.graphql").write_text("query B { nothing mine { id } }")
    (tmp_path / "C.graphql").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "D.graphql").write_text("query D { mine { id } }")
    own = own_plans(bff(tmp_path, operations=tmp_path))
    found = list(unplanned(own))
    assert [(one.severity, one.about) for one in found] == [("warning", "operations")] * 3
    for one, name, words in zip(
        found, "ABC", ("Syntax Error", "Cannot query field 'nothing'", "cannot be read"), strict=True
    ):
        assert one.sentence.startswith(str(tmp_path / f"{name}.graphql"))
        assert words in one.sentence
    assert [blast.operation for blast in blast_radius(own)] == ["D"]


def test_a_bff_without_operations_has_no_blast_radius(tmp_path: Path) -> None:
    """No folder, and one that is not there, are no finding."""
    for operations in (None, tmp_path / "nowhere"):
        own = own_plans(bff(tmp_path, operations=operations))
        assert blast_radius(own) == ()
        assert list(unplanned(own)) == []
