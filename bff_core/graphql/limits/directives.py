"""``@cost`` and ``@listSize`` in a schema's text, so that clients and their tools can tell costs too.

Nothing is written for them: they are told from the same declarations as the cost itself (``weight=``, ``at_most=``,
``page_size=``, ``first=``). What they mean: https://ibm.github.io/graphql-specs/cost-spec.html. A list about which no
declaration says anything has none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    get_named_type,
    is_object_type,
    parse,
)

from bff_core.graphql.limits.sizes import declared_of, is_list, is_many, takes_keys
from bff_core.graphql.link import Link
from bff_core.graphql.view import at_most_of, takes_first
from bff_core.graphql.weight import weight_of

#: Their definitions, as graphql-core prints them, by name.
DEFINITIONS = {
    "cost": '''"""
What the field costs for each of its elements, where that is not 1 for an object and 0 for anything else.
"""
directive @cost(weight: String!) on FIELD_DEFINITION
''',
    "listSize": '''"""
How long a list gets: the field's own, or those of the fields that are named below it.
"""
directive @listSize(
  """How long without a slicing argument."""
  assumedSize: Int

  """Whether a slicing argument must be given."""
  requireOneSlicingArgument: Boolean = true

  """Fields of the object shown, whose lists are meant in place of the field itself."""
  sizedFields: [String!]

  """Arguments that say how long."""
  slicingArguments: [String!]
) on FIELD_DEFINITION
''',
}


@dataclass(frozen=True, slots=True)
class ListSize:
    """What a declaration says of how long a list gets; without ``sized_fields`` the field itself is the list."""

    assumed_size: int | None
    slicing_arguments: tuple[str, ...] = ()
    sized_fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [] if self.assumed_size is None else [f"assumedSize: {self.assumed_size}"]
        if self.slicing_arguments:
            parts.append(f"slicingArguments: {json.dumps(self.slicing_arguments)}")
        if self.sized_fields:
            parts.append(f"sizedFields: {json.dumps(self.sized_fields)}")
        if self.slicing_arguments:
            parts.append("requireOneSlicingArgument: false")
        return f"@listSize({', '.join(parts)})"


def list_size_of(definition: GraphQLField) -> ListSize | None:
    """How long a field's list gets, or the lists of the page that it shows; None where nothing is declared."""
    declared = declared_of(definition)
    if declared is None:
        most = at_most_of(definition)
        return None if most is None else ListSize(most, ("first",) if takes_first(definition) else ())
    if not isinstance(declared, Link):
        return None
    if declared.page_size is not None:
        slicing = ("first",) if declared.paging else ()
        sized = () if is_list(definition.type) else tuple(_lists_of(get_named_type(definition.type)))
        return ListSize(declared.page_size, slicing, sized) if sized or is_list(definition.type) else None
    if (takes_keys(declared, definition) or is_many(declared)) and declared.at_most is not None:
        return ListSize(declared.at_most)
    return None


def annotated(text: str, schema: GraphQLSchema) -> str:
    """A schema's text with the directives of its fields, and their definitions before it where there are any.

    ``schema`` is the live one that the text was printed from.
    """
    found: list[tuple[int, str]] = []
    for node in parse(text).definitions:
        if isinstance(node, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
            kind = schema.type_map[node.name.value]
            for field in node.fields or ():
                directives = _directives(kind.fields[field.name.value])  # type: ignore[attr-defined]  # it has some
                if directives and field.type.loc is not None:
                    found.append((field.type.loc.end, directives))
    for end, directives in reversed(found):
        text = f"{text[:end]} {directives}{text[end:]}"
    used = " ".join(directives for _, directives in found)
    return "".join(f"{definition}\n" for name, definition in DEFINITIONS.items() if f"@{name}(" in used) + text


def _directives(definition: GraphQLField) -> str:
    weight, size = weight_of(definition), list_size_of(definition)
    cost = [] if weight is None else [f'@cost(weight: "{weight:g}")']
    return " ".join([*cost, *([] if size is None else [str(size)])])


def _lists_of(kind: GraphQLNamedType) -> Iterator[str]:
    if is_object_type(kind):
        for name, field in sorted(kind.fields.items()):
            if is_list(field.type) and declared_of(field) is None:
                yield name
