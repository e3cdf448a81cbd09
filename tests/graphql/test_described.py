"""Whoever explores a schema finds words at everything: types, fields, arguments and enum values."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
)

from bff_core.bff import Bff
from bff_mobile.app import mobile
from bff_web.app import web


def undescribed(schema: GraphQLSchema) -> Iterator[str]:
    """The coordinate of everything without a description."""
    for name, kind in schema.type_map.items():
        if name.startswith("__"):
            continue
        described = {name: kind.description}
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field, definition in kind.fields.items():
                described[f"{name}.{field}"] = definition.description
                for argument, taken in definition.args.items():
                    described[f"{name}.{field}({argument}:)"] = taken.description
        elif isinstance(kind, GraphQLInputObjectType):
            described |= {f"{name}.{field}": taken.description for field, taken in kind.fields.items()}
        elif isinstance(kind, GraphQLEnumType):
            described |= {f"{name}.{word}": value.description for word, value in kind.values.items()}
        yield from (where for where, words in described.items() if not (words or "").strip())


@pytest.mark.parametrize("bff", [web, mobile], ids=lambda bff: bff.name)
def test_everything_is_described(bff: Bff) -> None:
    """Every type, field, argument and enum value has a description."""
    assert list(undescribed(bff.schema)) == []
