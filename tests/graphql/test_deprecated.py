"""Deprecated fields: each names its successor and the day, or the app version, until which it is served."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    TypeInfo,
    TypeInfoVisitor,
    parse,
    visit,
)
from graphql.language import FieldNode, Visitor

from bff_core.bff import Bff
from bff_mobile.app import mobile
from bff_web.app import web

both = pytest.mark.parametrize("bff", [web, mobile], ids=lambda bff: bff.name)

#: A date, or clients of one name from a version on: ``2027-06-30``, ``ios 5.0``.
REASON = re.compile(r"Use `(?P<successor>[A-Za-z]+)`; served until (\d{4}-\d{2}-\d{2}|[a-z-]+ \d+(\.\d+)*)\.")


def members(kind: GraphQLNamedType) -> Iterator[tuple[str, str | None, str]]:
    """Name, deprecation reason and type of everything that a type has; an argument is ``field(argument)``."""
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        for name, field in kind.fields.items():
            yield name, field.deprecation_reason, str(field.type)
            for argument, taken in field.args.items():
                yield f"{name}({argument})", taken.deprecation_reason, str(taken.type)
    elif isinstance(kind, GraphQLInputObjectType):
        yield from ((name, taken.deprecation_reason, str(taken.type)) for name, taken in kind.fields.items())
    elif isinstance(kind, GraphQLEnumType):
        yield from ((name, value.deprecation_reason, kind.name) for name, value in kind.values.items())


def deprecated(bff: Bff) -> dict[str, tuple[str, str, dict[str, tuple[str | None, str]]]]:
    """By coordinate: the reason, the type, and everything beside it with its own reason and type."""
    found = {}
    for kind in bff.schema.type_map.values():
        if not kind.name.startswith("__"):
            beside = {name: (reason, shown) for name, reason, shown in members(kind)}
            for name, (reason, shown) in beside.items():
                if reason is not None:
                    found[f"{kind.name}.{name}"] = (reason, shown, beside)
    return found


@both
def test_a_deprecation_names_its_successor_and_its_end(bff: Bff) -> None:
    """The reason is "Use `x`; served until <date or app version>."; x stands beside it, is current, and is alike."""
    for coordinate, (reason, shown, beside) in deprecated(bff).items():
        said = REASON.fullmatch(reason)
        assert said is not None, f"{coordinate}: {reason}"
        assert said["successor"] in beside, f"{coordinate}: there is no {said['successor']}"
        assert beside[said["successor"]] == (None, shown), f"{coordinate}: {said['successor']} is another thing"


def test_the_app_has_fields_that_are_on_their_way_out() -> None:
    """The policy is held to real fields: names that released apps still ask by."""
    assert set(deprecated(mobile)) == {"ProductScreen.stock", "ReviewCard.written"}


@both
def test_no_own_operation_asks_by_an_old_name(bff: Bff, root: Path) -> None:
    """What stands in schema/operations is how a new client asks."""
    old = set(deprecated(bff))
    used: set[str] = set()
    for file in (root / "schema" / "operations" / bff.name).glob("*.graphql"):
        info = TypeInfo(bff.schema)
        visit(parse(file.read_text(encoding="utf-8")), TypeInfoVisitor(info, _Names(info, used)))
    assert used
    assert used & old == set()


class _Names(Visitor):
    """Collects the coordinate of every field that is asked for."""

    def __init__(self, info: TypeInfo, used: set[str]) -> None:
        super().__init__()
        self._info = info
        self._used = used

    def enter_field(self, node: FieldNode, *_: object) -> None:
        """One field of a document."""
        parent = self._info.get_parent_type()
        if parent is not None:
            self._used.add(f"{parent.name}.{node.name.value}")
