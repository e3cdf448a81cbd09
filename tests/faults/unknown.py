"""What a mutation's document shows of a write of which nobody knows whether it was carried out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
    value_from_ast_untyped,
)

from bff_core.graphql.callplan import Position
from bff_core.graphql.link import METADATA
from bff_core.graphql.write import Write
from tests.screens import Screen

#: The member of every write's union that says so; both BFFs call it alike.
MEMBER = "OutcomeUnknown"

#: What the app is given to show to who waits, written down once more.
MESSAGE = "We do not know yet whether this worked. If you try again, nothing is done twice."


def has_key(screen: Screen, position: Position) -> bool:
    """Whether the client named the write by an idempotency key."""
    return _key(screen, position) is not None


def stands_for_unknown(screen: Screen, position: Position, code: str) -> Mapping[str, Any]:
    """What stands at the position of a write that ended with this code, as far as the document asks for it.

    Raises KeyError for a field that nobody has told this page of.
    """
    told = {
        "__typename": MEMBER,
        "message": MESSAGE,
        "reason": code,
        "ask": _declared(screen, position).ask,
        "idempotencyKey": _key(screen, position),
    }
    node = _node(screen, position)
    assert node.selection_set is not None
    return {name: told[name] for name in _fields(screen, node.selection_set)}


def _key(screen: Screen, position: Position) -> str | None:
    for argument in _node(screen, position).arguments or ():
        if argument.name.value == "idempotencyKey":
            key: str | None = value_from_ast_untyped(argument.value, screen.variables)
            return key
    return None


def _declared(screen: Screen, position: Position) -> Write:
    mutation = screen.bff.schema.mutation_type
    assert mutation is not None
    field = mutation.fields[position.coordinate.partition(".")[2]]
    declared = field.extensions["strawberry-definition"].metadata[METADATA]
    assert isinstance(declared, Write)
    return declared


def _node(screen: Screen, position: Position) -> FieldNode:
    """The root field that stands there, by its response name."""
    for definition in parse(screen.text).definitions:
        if isinstance(definition, OperationDefinitionNode):
            for node in definition.selection_set.selections:
                if isinstance(node, FieldNode) and position.path == (node.alias or node.name).value:
                    return node
    raise AssertionError(f"{screen} has no root field {position.path}")


def _fields(screen: Screen, selections: SelectionSetNode) -> Iterator[str]:
    """The fields that are asked for of ``MEMBER``."""
    fragments = {
        one.name.value: one for one in parse(screen.text).definitions if isinstance(one, FragmentDefinitionNode)
    }
    for node in selections.selections:
        if isinstance(node, FieldNode):
            yield (node.alias or node.name).value
            continue
        assert isinstance(node, InlineFragmentNode | FragmentSpreadNode)
        inside = node if isinstance(node, InlineFragmentNode) else fragments[node.name.value]
        if inside.type_condition is None or inside.type_condition.name.value == MEMBER:
            yield from _fields(screen, inside.selection_set)
