"""How long a list gets: told by what its field declares and by what the document, or its variables, ask for.

The call plan multiplies keys by it, the cost multiplies objects by it, and ``@listSize`` in the SDL says it to clients;
so it is told here alone.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, TypeAlias

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLOutputType,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
    is_list_type,
    is_non_null_type,
    value_from_ast_untyped,
)

from bff_core.contract import Batch, Get, Paged
from bff_core.graphql.link import METADATA, Argument, Link, Opaque
from bff_core.graphql.view import at_most_of, takes_first
from bff_core.graphql.write import Write

#: The ways in which a field can reach a service.
Declared: TypeAlias = Link | Opaque | Write


class Assume(enum.Enum):
    """What is assumed of variables that nobody has told yet."""

    MOST = "most"  # as much as the declaration allows; a default bounds nothing, since a client may send more
    LEAST = "least"  # one


class Sizes:
    """How long the lists of one operation get, with the ``variables`` a client sent, or with an assumption about them.

    ``longest_list``: the most keys that a variable may hold; None where nobody knows. ``by_variable`` are the variables
    that were found to say how long a list is. ``longest`` is the most that any argument was found to ask for, by a
    number or by the length of its list.
    """

    def __init__(
        self,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any] | Assume,
        longest_list: int | None = None,
    ) -> None:
        self._assumed = variables if isinstance(variables, Assume) else None
        self._variables = {} if isinstance(variables, Assume) else known_variables(operation, variables)
        self._longest_list = longest_list
        self.by_variable: set[str] = set()
        self.longest = 0

    def rows(self, declared: Declared, node: FieldNode) -> int | None:
        """The most rows of a link's page; None for what has no pages."""
        if not isinstance(declared, Link) or not isinstance(declared.endpoint, Paged):
            return None
        asked = declared.page_size
        if declared.paging and (argument := _argument(node, "first")) is not None:
            asked = self._number(argument, declared.most_rows, asked)
        return None if asked is None else min(max(asked, 0), declared.most_rows)

    def at_most(self, definition: GraphQLField, node: FieldNode) -> int | None:
        """How long a plain list can be: what the field says, or what its argument ``first`` makes of that."""
        most = at_most_of(definition)
        if most is None or not takes_first(definition) or (argument := _argument(node, "first")) is None:
            return most
        asked = self._number(argument, most, most)
        return most if asked is None else min(most, max(asked, 0))

    def keys_in(self, declared: Link, node: FieldNode) -> int | None:
        """How many keys a list of keys holds: as many as an argument has, else at most as many as the link says."""
        source = declared.sources[0]
        argument = _argument(node, source.name) if isinstance(source, Argument) else None
        if argument is None:
            return declared.at_most
        if isinstance(argument, VariableNode):
            self.by_variable.add(argument.name.value)
            if self._assumed is not None:
                most = self._longest_list if declared.at_most is None else declared.at_most
                return most if self._assumed is Assume.MOST else 1
        told = value_from_ast_untyped(argument, self._variables)
        if not isinstance(told, list | tuple):
            return declared.at_most
        self.longest = max(self.longest, len(told))
        return len(told)

    def below_link(
        self, declared: Declared, definition: GraphQLField, node: FieldNode
    ) -> tuple[int | None, int | None]:
        """How many objects one key of a link gives, and how many rows wait for the first list below it (None: none).

        A page's rows are met at the first list below the link, or at the link itself when it is a list.
        """
        rows = self.rows(declared, node)
        if rows is not None and not is_list(definition.type):
            return 1, rows
        if isinstance(declared, Link) and is_many(declared):
            return declared.at_most, None
        if rows is None and not (is_list(definition.type) and isinstance(declared.endpoints[0], Get)):
            return 1, None
        return rows, None

    def _number(self, argument: ValueNode, most: int, otherwise: int | None) -> int | None:
        """What an argument says; ``otherwise`` for a variable that was not sent and has no default."""
        if isinstance(argument, VariableNode):
            self.by_variable.add(argument.name.value)
            if self._assumed is not None:
                return most if self._assumed is Assume.MOST else 1
        told = value_from_ast_untyped(argument, self._variables)
        if not isinstance(told, int) or isinstance(told, bool):
            return otherwise
        self.longest = max(self.longest, told)
        return told


def known_variables(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> dict[str, Any]:
    """What a client sent, and the defaults of what it did not."""
    defaults = {
        node.variable.name.value: value_from_ast_untyped(node.default_value)
        for node in operation.variable_definitions or ()
        if node.default_value is not None
    }
    return {**defaults, **variables}


def declared_of(definition: GraphQLField) -> Declared | None:
    """The declaration by which a field reaches a service; None for one that does not."""
    strawberry_field = (definition.extensions or {}).get("strawberry-definition")
    found = strawberry_field.metadata.get(METADATA) if strawberry_field is not None else None
    return found if isinstance(found, Declared) else None


def is_many(declared: Link) -> bool:
    """Whether an endpoint gives any number of things for one key."""
    return isinstance(declared.endpoint, Batch) and declared.endpoint.many


def takes_keys(declared: Declared, definition: GraphQLField) -> bool:
    """Whether a field shows a list, an element for each key of a list of keys."""
    batched = isinstance(declared, Link) and isinstance(declared.endpoint, Batch) and not is_many(declared)
    return batched and is_list(definition.type)


def is_list(kind: GraphQLOutputType) -> bool:
    """Whether a field shows a list, null or not."""
    return is_list_type(kind.of_type if is_non_null_type(kind) else kind)


def times(a: int | None, b: int | None) -> int | None:
    """A product of which a part may be unknown."""
    return None if a is None or b is None else a * b


def _argument(node: FieldNode, name: str) -> ValueNode | None:
    return next((one.value for one in node.arguments or () if one.name.value == name), None)
