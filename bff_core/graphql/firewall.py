"""The firewall: checked once at start, so that no service's failure can destroy an answer it has no part in.

- A root field that calls a service is nullable: a failure there ends there. So does one below a root field: on
  the way from a critical link to the root something can be null.
- A link that cannot be null has a fallback, or is critical; inside a list, critical must say why.
- A list over keys whose elements cannot be null says ``missing="drop"``.
- A link over an endpoint without a batch form says how far it fans out, unless it stands at the root.
- A link whose key may be absent is nullable or has a fallback.
- A link's key is there, and what arrives is what the field shows: the view of that record, and as many of it.
- A field that is read from a record exists there, and its type fits; only a list says how long it gets.
- Only services that the BFF declares are called.
- What writes stands at the root of Mutation, and nothing else that calls a service does.
- Who lacks a scope loses the place that needs it and no more (``refusable.py``).
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from inspect import Signature
from types import NoneType
from typing import Any, Union, get_args, get_origin

import msgspec
import strawberry
from strawberry.types.base import (
    StrawberryList,
    StrawberryObjectDefinition,
    StrawberryOptional,
    has_object_definition,
)
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.field import StrawberryField
from strawberry.types.union import StrawberryUnion

from bff_core.contract import Batch, Get, Page, Paged, Service
from bff_core.graphql.link import METADATA, Computed, Link, Opaque, Source
from bff_core.graphql.refusable import complaints_about_scopes
from bff_core.graphql.view import AT_MOST, FIRST, RECORD
from bff_core.graphql.write import Write

ONLY_READS = "stands at the root of Mutation and does not write: fields that read stand below Query"
ONLY_WRITES = "writes, so it must stand at the root of Mutation: elsewhere fields run side by side, in no order"
TAKES_ALL = "is critical, and nothing between it and the root can be null: it would take all of `data`"


def complaints(schema: strawberry.Schema, services: Sequence[Service]) -> list[str]:
    """A sentence for each thing that stops the start; empty when all is well."""
    definitions = [
        entry.definition
        for entry in schema.schema_converter.type_map.values()
        if isinstance(entry.definition, StrawberryObjectDefinition) and not entry.definition.is_input
    ]
    known = {service.name for service in services}
    listed, exposed = _listed(definitions), _exposed(definitions, schema.query)
    found: list[str] = []
    for definition in definitions:
        root = definition.origin in (schema.query, schema.mutation)
        writing = definition.origin is not schema.query and root
        for field in definition.fields:
            where = f"{definition.name}.{field.python_name}"
            declared = field.metadata.get(METADATA)
            if declared is None:
                found += [f"{where}: {sentence}" for sentence in _plain(definition, field)]
                continue
            if isinstance(declared, Write) is not writing:
                found.append(f"{where}: {ONLY_READS if writing else ONLY_WRITES}")
                continue
            rules = [*_reach(declared, known), *_nullability(declared, field, root, definition.name in listed)]
            if definition.name in exposed and not root and _is_critical(declared, field):
                rules.append(TAKES_ALL)
            if isinstance(declared, Link):
                rules += [*_shape(declared, field, definition), *_fan_out(declared, root)]
            found += [f"{where}: {sentence}" for sentence in rules]
    return found + list(complaints_about_scopes(schema._schema))


def _reach(declared: Link | Opaque | Write, known: set[str]) -> Iterator[str]:
    for endpoint in declared.endpoints:
        if endpoint.service not in known:
            yield f"calls {endpoint.name}, but the BFF does not declare the service {endpoint.service!r}"


def _nullability(declared: Link | Opaque | Write, field: StrawberryField, root: bool, listed: bool) -> Iterator[str]:
    nullable = isinstance(field.type, StrawberryOptional)
    if root:
        if not nullable:
            yield "is a root field that calls a service, so it must be nullable"
        return
    if nullable:
        return
    if not isinstance(declared, Link):
        yield "calls a service by code, so it must be nullable"
    elif not declared.has_fallback and not declared.critical:
        yield "cannot be null and crosses to a service: make it nullable, give it a fallback, or say critical=..."
    elif declared.critical is True and listed:
        yield "is critical inside a list: say why, critical='...'"


def _shape(declared: Link, field: StrawberryField, definition: StrawberryObjectDefinition) -> Iterator[str]:
    record = getattr(definition.origin, RECORD, None)
    fields = {} if record is None else _record_fields(record)
    for attribute in declared.attributes:
        if attribute not in fields:
            where = "its parent, which is no view of a record" if record is None else f"{_name(record)}, which has none"
            yield f"takes its key from {attribute!r} of {where}"
            return
    for source in declared.sources:
        if isinstance(source, Computed) and (record is None or source.type is Signature.empty):
            lacks = "its parent is no view of a record" if record is None else "it does not say what it makes"
            yield f"takes its key from {str(source)!r}, but {lacks}"
            return
    if not isinstance(field.type, StrawberryOptional) and not declared.has_fallback:
        for source in _identifying(declared):
            if _unwrap_optional(_kind(source, fields))[1]:
                yield f"cannot be null, but its key {str(source)!r} can"
    if not isinstance(declared.endpoint, Batch) or len(declared.sources) != 1:
        keys_are_many = False
    else:
        keys_are_many = _is_many(_unwrap_optional(_kind(declared.sources[0], fields))[0])
    of = _unwrap_strawberry(field.type)
    if keys_are_many:
        if not isinstance(of, StrawberryList):
            yield "has a list of keys and is no list"
            return
        if not isinstance(of.of_type, StrawberryOptional) and not declared.drop_missing:
            yield 'is a list whose elements cannot be null: say missing="drop", or make them nullable'
    if declared.show is None:
        yield from _fits_link(declared, of, keys_are_many)


def _kind(source: Source | None, fields: dict[str, Any]) -> Any:
    """The type of a part of a key."""
    if isinstance(source, str):
        return fields[source]
    return NoneType if source is None else source.type


def _identifying(declared: Link) -> Iterator[str | Computed]:
    """The parts of the parent without which there is nothing to ask for; what goes into a query may be left out."""
    endpoint = declared.endpoint
    for number, source in enumerate(declared.sources):
        optional = isinstance(endpoint, Get | Paged) and endpoint.parameters[number] in endpoint.query
        if isinstance(source, str | Computed) and not optional:
            yield source


def _fits_link(declared: Link, shown: Any, keys_are_many: bool) -> Iterator[str]:
    """The record that arrives must be the one that the field's view is over, and as many of it."""
    endpoint = declared.endpoint
    arrives: Any = _page_of(endpoint) if isinstance(endpoint, Paged) else endpoint.returns
    if isinstance(endpoint, Batch) and (endpoint.many or keys_are_many):
        arrives = list[arrives]
    inner = shown
    for arrived in (arrives, get_args(arrives)[0] if _is_many(arrives) else None):
        if isinstance(inner, StrawberryList) is not _is_many(arrived):
            break
        if not isinstance(inner, StrawberryList):
            if _abstract(inner) or _same(arrived, inner):
                return
            break
        inner = _unwrap_strawberry(inner.of_type)
    yield f"shows {_shown_name(shown)}, but {endpoint.name} gives {_name(arrives)}: give it a view of that, or show=..."


def _abstract(shown: Any) -> bool:
    """An interface or a union, whose possible types are told apart when a value is there."""
    if isinstance(shown, StrawberryUnion):
        return True
    return has_object_definition(shown) and shown.__strawberry_definition__.is_interface


def _is_many(kind: Any) -> bool:
    return get_origin(kind) in (list, tuple)


def _shown_name(shown: Any) -> str:
    if isinstance(shown, StrawberryList):
        return f"a list of {_shown_name(_unwrap_strawberry(shown.of_type))}"
    over = getattr(shown, RECORD, None)
    return _name(over if over is not None else shown)


def _page_of(endpoint: Paged[Any]) -> Any:
    return Page[endpoint.returns]  # type: ignore[name-defined]  # a run-time type


def _fan_out(declared: Link, root: bool) -> Iterator[str]:
    if not root and not isinstance(declared.endpoint, Batch) and declared.fan_out is None and declared.of_parent:
        yield f"calls {declared.endpoint.name} once per parent: say fan_out=..., how many at once"


def _plain(definition: StrawberryObjectDefinition, field: StrawberryField) -> Iterator[str]:
    if field.metadata.get(AT_MOST) is not None and not isinstance(_unwrap_strawberry(field.type), StrawberryList):
        yield "says at_most and is no list"
    record = getattr(definition.origin, RECORD, None)
    resolved = field.base_resolver is not None and not field.metadata.get(FIRST)
    if record is None or resolved or definition.is_interface:
        return
    kind = _record_fields(record).get(field.python_name)
    if kind is None:
        yield f"{_name(record)} has no such field"
    elif sentence := misfit(kind, field.type):
        yield sentence


def misfit(kind: Any, shown: Any) -> str | None:
    """Why a record's field of type ``kind`` cannot be shown as the Strawberry type ``shown``; None when it can."""
    inner, may_be_null = _unwrap_optional(kind)
    if isinstance(shown, StrawberryOptional):
        shown = shown.of_type
    elif may_be_null:
        return f"the record's {_name(kind)} may be null, but the field cannot"
    if isinstance(shown, StrawberryList):
        if get_origin(inner) not in (list, tuple):
            return f"the record's {_name(inner)} is no list"
        return misfit(get_args(inner)[0], shown.of_type)
    if get_origin(inner) in (list, tuple):
        return f"the record's {_name(inner)} is a list, but the field is none"
    if _same(inner, shown):
        return None
    return f"the record's {_name(inner)} does not fit {_name(shown)}"


def _same(kind: Any, shown: Any) -> bool:
    if has_object_definition(shown):
        return bool(getattr(shown, RECORD, None) == kind)
    if isinstance(shown, StrawberryEnumDefinition):
        return bool(shown.wrapped_cls is kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return shown is kind or getattr(shown, "wrapped_cls", None) is kind
    if shown is strawberry.ID:
        return kind in (str, int)
    return bool(shown is kind or (shown is float and kind is int))


def _listed(definitions: Iterable[StrawberryObjectDefinition]) -> set[str]:
    """Names of the types that can stand, directly or through others, inside a list."""
    inside: set[str] = set()
    edges: dict[str, set[str]] = {}
    for definition in definitions:
        for field in definition.fields:
            inner: Any = field.type
            in_list = False
            while isinstance(inner, StrawberryOptional | StrawberryList):
                in_list = in_list or isinstance(inner, StrawberryList)
                inner = inner.of_type
            if has_object_definition(inner):
                name = inner.__strawberry_definition__.name
                edges.setdefault(definition.name, set()).add(name)
                if in_list:
                    inside.add(name)
    todo = list(inside)
    while todo:
        for name in edges.get(todo.pop(), ()):
            if name not in inside:
                inside.add(name)
                todo.append(name)
    return inside


def _exposed(definitions: Iterable[StrawberryObjectDefinition], query: type) -> set[str]:
    """Names of the types from which a null climbs to the root: no field or element on the way can be null."""
    below: dict[str, set[str]] = {}
    todo: list[str] = []
    for definition in definitions:
        if definition.origin is query:
            todo.append(definition.name)
        for field in definition.fields:
            inner: Any = field.type
            while isinstance(inner, StrawberryList):
                inner = inner.of_type
            if has_object_definition(inner):  # neither the field nor an element was optional
                below.setdefault(definition.name, set()).add(inner.__strawberry_definition__.name)
    found = set(todo)
    while todo:
        new = below.get(todo.pop(), set()) - found
        found |= new
        todo += new
    return found


def _is_critical(declared: Link | Opaque | Write, field: StrawberryField) -> bool:
    return isinstance(declared, Link) and bool(declared.critical) and not isinstance(field.type, StrawberryOptional)


def _record_fields(record: Any) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(record)}


def _unwrap_optional(kind: Any) -> tuple[Any, bool]:
    if get_origin(kind) in (Union, types.UnionType):
        rest = [arg for arg in get_args(kind) if arg is not type(None)]
        if len(rest) == 1 and len(rest) < len(get_args(kind)):
            return rest[0], True
    return kind, False


def _unwrap_strawberry(shown: Any) -> Any:
    return shown.of_type if isinstance(shown, StrawberryOptional) else shown


def _name(kind: Any) -> str:
    if isinstance(kind, type) and get_origin(kind) is None:
        return kind.__name__  # not its `name`: a record may have a field called so
    return str(kind if get_origin(kind) else getattr(kind, "name", kind))
