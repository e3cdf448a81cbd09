"""The links of a schema, as the fields of its types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphql import GraphQLField, GraphQLSchema, is_object_type

from bff_core.graphql.link import METADATA, Link


@dataclass(frozen=True, slots=True)
class Linked:
    """A field that crosses to a service: the type it stands in, its name there, and how it is declared."""

    type_name: str
    field_name: str
    field: GraphQLField
    link: Link

    @property
    def coordinate(self) -> str:
        """``Type.field``."""
        return f"{self.type_name}.{self.field_name}"


def links_of(schema: GraphQLSchema) -> Iterator[Linked]:
    """Every link of the schema, by type in the schema's order; an inherited one once for each type that has it."""
    for kind in schema.type_map.values():
        for name, field in kind.fields.items() if is_object_type(kind) else ():
            strawberry_field = (field.extensions or {}).get("strawberry-definition")
            declared = strawberry_field.metadata.get(METADATA) if strawberry_field is not None else None
            if isinstance(declared, Link):
                yield Linked(kind.name, name, field, declared)
