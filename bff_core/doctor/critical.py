"""The critical links: each with all that its service can take down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from graphql import GraphQLField, GraphQLSchema, is_list_type, is_non_null_type, is_object_type

from bff_core.bff import Bff
from bff_core.doctor.blast import OwnPlans
from bff_core.doctor.finding import Finding
from bff_core.doctor.links import links_of
from bff_core.graphql.scopes import views_of

#: What falls when null finds nowhere to stop.
ALL = "all of the answer"

#: For each object type, the fields that show it: the type a field stands in, its name, and the field.
Shown = Mapping[str, Sequence[tuple[str, str, GraphQLField]]]


def critical_links(bff: Bff, own: OwnPlans) -> Iterator[Finding]:
    """Every link that cannot be null and has no fallback; what falls with it in the schema and in own operations."""
    shown = _shown(bff.schema)
    for linked in links_of(bff.schema):
        if linked.link.has_fallback or not is_non_null_type(linked.field.type):
            continue
        falls = ", ".join(_stops(linked.type_name, bff.schema, shown))
        operations = _in_operations(linked.coordinate, own)
        yield Finding(
            "warning",
            linked.coordinate,
            f"is critical: without {linked.link.endpoint.service} it takes down {falls}"
            + (f"; of own operations {operations}" if operations else ""),
            "make it nullable, or give it a fallback, if what it takes down is of use without it",
        )


def _in_operations(coordinate: str, own: OwnPlans) -> str:
    """``Page (product, related[])``: the paths that become null, by operation."""
    parts = []
    for plan in own.plans:
        critical = [one for one in plan.positions if one.without == "critical" and one.coordinate == coordinate]
        if paths := list(dict.fromkeys(one.lost or ALL for one in critical)):
            parts.append(f"{plan.operation} ({', '.join(paths)})")
    return ", ".join(parts)


def _stops(type_name: str, schema: GraphQLSchema, shown: Shown) -> list[str]:
    """Where null stops on its way up from a type, as coordinates; ``[]`` at the end for an element of a list."""
    found: dict[str, None] = {}
    met = {type_name}
    todo = [type_name]
    while todo:
        name = todo.pop(0)
        if name in {root.name for root in (schema.query_type, schema.mutation_type) if root}:
            found[ALL] = None
        for owner, field_name, field in shown.get(name, ()):
            if stop := _stop(f"{owner}.{field_name}", field):
                found[stop] = None
            elif owner not in met:
                met.add(owner)
                todo.append(owner)
    return list(found)


def _stop(coordinate: str, field: GraphQLField) -> str | None:
    """Where in this field null stops that comes from below; None where it goes on."""
    kind = field.type
    inner = kind.of_type if is_non_null_type(kind) else kind
    while is_list_type(inner):
        if not is_non_null_type(inner.of_type):
            return f"{coordinate}[]"
        inner = inner.of_type.of_type
    return None if is_non_null_type(kind) else coordinate


def _shown(schema: GraphQLSchema) -> Shown:
    found: dict[str, list[tuple[str, str, GraphQLField]]] = {}
    for kind in schema.type_map.values():
        for name, field in kind.fields.items() if is_object_type(kind) and not kind.name.startswith("__") else ():
            for possible in views_of(schema, field.type):
                found.setdefault(possible.name, []).append((kind.name, name, field))
    return found
