"""The firewall's rules about scopes: who lacks one loses the place that needs it and no more.

- A field that needs scopes of its own, or shows a view that does, is nullable, root or not.
- Behind an interface or a union a list's elements are too, since each of them says what it is.
- What an interface's field needs, the field of every type that implements it needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    get_named_type,
    is_interface_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)

from bff_core.graphql.scopes import scopes_of_field, scopes_of_view, views_of


def complaints_about_scopes(schema: GraphQLSchema) -> Iterator[str]:
    """A sentence for each thing that stops the start."""
    for kind in schema.type_map.values():
        if is_object_type(kind) or is_interface_type(kind):
            for name, field in kind.fields.items():
                for sentence in (*_refusable(schema, field), *_as_interfaces(kind, name, field)):
                    yield f"{kind.name}.{_python_name(name, field)}: {sentence}"


def _refusable(schema: GraphQLSchema, field: GraphQLField) -> Iterator[str]:
    """Where somebody may be refused, null must be possible."""
    if scopes_of_field(field):
        if is_non_null_type(field.type):
            yield "needs scopes, so it must be nullable"
        return
    scoped = sorted(kind.name for kind in views_of(schema, field.type) if scopes_of_view(kind))
    if not scoped:
        return
    if is_object_type(get_named_type(field.type)):
        if is_non_null_type(field.type):
            yield f"shows {scoped[0]}, which needs scopes, so it must be nullable"
    elif any(is_non_null_type(level) for level in _levels(field.type)):
        elements = ", and its elements too" if any(is_list_type(level) for level in _levels(field.type)) else ""
        yield f"may show {scoped[0]}, which needs scopes, so it must be nullable{elements}"


def _as_interfaces(kind: GraphQLObjectType | GraphQLInterfaceType, name: str, field: GraphQLField) -> Iterator[str]:
    for interface in kind.interfaces:
        above = interface.fields.get(name)
        if above is not None and (lacking := scopes_of_field(above) - scopes_of_field(field)):
            yield f"needs the scopes {', '.join(sorted(lacking))} in {interface.name}, so it must say so here too"


def _levels(kind: GraphQLOutputType) -> Iterator[GraphQLOutputType]:
    """A type and what it wraps, from the outside."""
    inner: Any = kind
    while inner is not None:
        yield inner
        inner = getattr(inner, "of_type", None)


def _python_name(name: str, field: GraphQLField) -> str:
    strawberry_field = (field.extensions or {}).get("strawberry-definition")
    return name if strawberry_field is None else str(strawberry_field.python_name)
