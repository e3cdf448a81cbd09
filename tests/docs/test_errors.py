"""The table of codes: exactly those that a client can read, each under the class that carries it."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import bff_core
from bff_core.errors import PUBLIC_SENTENCES, BffError
from tests.docs.pages import ROOT, blocks, code_in, tables

PAGE = ROOT / "docs" / "errors.md"
#: Rooms whose errors a client reads. Those of the command line and of the doubles are read by people.
ROOMS = ("auth", "contract", "edge", "errors", "graphql", "loading", "outbound", "resilience")
CODE = re.compile(r"[A-Z]+(_[A-Z]+)+")


def classes() -> dict[str, type[BffError]]:
    """Every class of the tree, also those that a room adds, by name."""
    for room in ROOMS:
        module = importlib.import_module(f"bff_core.{room}")
        for inner in pkgutil.walk_packages(getattr(module, "__path__", []), f"{module.__name__}."):
            importlib.import_module(inner.name)
    found: dict[str, type[BffError]] = {}
    todo = [BffError]
    while todo:
        kind = todo.pop()
        package, room, *_ = kind.__module__.split(".")
        if package == "bff_core" and room in ROOMS:  # tests have rooms of these names too, and make errors of their own
            found[kind.__name__] = kind
        todo += kind.__subclasses__()
    return found


def spelt_out() -> Iterator[str]:
    """Codes that stand as texts in the rooms that make answers: for errors that are no class of the tree."""
    package = Path(bff_core.__file__).parent
    for file in [*(package / "edge").glob("*.py"), *(package / "graphql").glob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
                yield node.value


def rows() -> list[dict[str, str]]:
    """The rows of the table of codes."""
    return next(rows for rows in tables(PAGE) if rows and "Code" in rows[0])


def test_table_has_every_code_and_no_other() -> None:
    """A client finds each code it can read, once."""
    told = [code for row in rows() for code in code_in(row["Code"])]
    assert len(told) == len(set(told))
    assert set(told) == {kind.code for kind in classes().values()} | set(spelt_out())


def test_codes_stand_beside_their_classes() -> None:
    """The class in a row carries the row's code, unless the code is given when it is raised."""
    known, given = classes(), set(spelt_out())
    for row in rows():
        ((code,), names) = code_in(row["Code"]), code_in(row["Class"])
        assert names or code in given, f"{code} has no class"
        for name in names:
            assert known[name].code == code or code in given, f"{name} carries {known[name].code}, not {code}"


def test_rows_are_complete() -> None:
    """Each row says when, how to choose and what to do."""
    for row in rows():
        assert all(row.values()), row
        assert len(row["When"]) > 20, row


def test_codes_shown_without_a_message_have_a_sentence() -> None:
    """A class whose message stays inside has a sentence that may be shown instead."""
    assert {kind.code for kind in classes().values() if not kind.public} == set(PUBLIC_SENTENCES)


def test_tree_on_the_page_is_the_tree() -> None:
    """Every class of the tree is drawn under its base."""
    (drawn,) = [block.text for block in blocks(PAGE) if block.language == "text"]
    for name, kind in classes().items():
        if kind is BffError:
            continue
        top = next(base for base in kind.__mro__ if BffError in base.__bases__)
        (line,) = [line for line in drawn.splitlines() if re.search(rf"[├└]── {top.__name__}\b", line)]
        assert re.search(rf"\b{name}\b", line), f"{name} is not drawn under {top.__name__}"
