"""The shape of a document: how deep, how wide, how often it repeats itself, with fragments and introspection counted.

A fragment is summed up once, and what spreads it adds the sum: so a kilobyte with 2^25 ways through its fragments takes
as many steps as it has selections, where a walk that follows each spread takes 2^25. No schema is needed, so nothing
needs to be valid: a circle of fragments adds nothing where it closes, an unknown fragment nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
)

from bff_core.errors import TooCostly
from bff_core.graphql.limits.limits import Limits

#: Sums stop growing here; each limit is less.
MOST = 10**9

#: The fields of introspection that lead from types to their types, list by list, and round in circles for ever.
INTROSPECTION_LISTS = frozenset(("fields", "interfaces", "possibleTypes", "inputFields"))
#: How many of these may stand below one another. Three is what tools need; one more multiplies the answer once more.
MOST_INTROSPECTION_LISTS = 3


@dataclass(slots=True)
class Shape:
    """Of a selection set, or the largest of each over a document's operations.

    ``depth``: fields below one another. ``fields``: those at the top. ``directives_each``: at one place.
    ``list_size``: the longest list written out. ``introspection_lists``: such lists below one another in introspection;
    ``lists`` counts the same names wherever they stand.
    """

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    spreads: int = 0
    directives: int = 0
    directives_each: int = 0
    list_size: int = 0
    introspection_lists: int = 0
    lists: int = 0

    def add(self, other: Shape, levels: int = 0) -> None:
        """Another one stands beside, or so many ``levels`` below."""
        self.depth = max(self.depth, other.depth + levels)
        if not levels:
            self.fields = min(MOST, self.fields + other.fields)
        self.aliases = min(MOST, self.aliases + other.aliases)
        self.spreads = min(MOST, self.spreads + other.spreads)
        self.directives = min(MOST, self.directives + other.directives)
        self.directives_each = max(self.directives_each, other.directives_each)
        self.list_size = max(self.list_size, other.list_size)
        self.introspection_lists = max(self.introspection_lists, other.introspection_lists)
        self.lists = max(self.lists, other.lists)

    def widen(self, other: Shape) -> None:
        """The larger of each."""
        for name in self.__slots__:
            setattr(self, name, max(getattr(self, name), getattr(other, name)))


@dataclass(frozen=True, slots=True)
class Measured:
    """A document's shape, the largest of each; those of its operations in their order, ``each`` by itself.

    ``steps``: selections, directives and values looked at to tell.
    """

    shape: Shape
    each: tuple[Shape, ...]
    steps: int


def measure(document: DocumentNode) -> Measured:
    """The shape of a document, which need not be valid."""
    return _Measurer(document).measure()


def excesses(shape: Shape, limits: Limits) -> Iterator[str]:
    """A sentence for each limit that a shape is beyond."""
    for found, what, name in (
        (shape.depth, "The operation is {} levels deep", "depth"),
        (shape.fields, "The operation has {} root fields", "root_fields"),
        (shape.aliases, "The operation has {} aliases, those in fragments counted at every spread", "aliases"),
        (shape.spreads, "The operation has {} fragment spreads, those in fragments counted at every spread", "spreads"),
        (shape.directives, "The operation has {} directives, those in fragments counted at every spread", "directives"),
        (shape.directives_each, "One place of the document has {} directives", "directives_each"),
        (shape.list_size, "A list in the document has {} elements", "list_size"),
    ):
        most = getattr(limits, name)
        if found > most:
            shown = f"{MOST} or more" if found >= MOST else found
            yield f"{what.format(shown)}; limits.{name} = {most}."
    if shape.introspection_lists > MOST_INTROSPECTION_LISTS:
        yield (
            f"Introspection asks for {shape.introspection_lists} lists of types below one another, "
            f"more than {MOST_INTROSPECTION_LISTS}."
        )


def check_shape(document: DocumentNode, limits: Limits) -> Measured:
    """The shape of a document. Raises TooCostly for the first limit that it is beyond."""
    measured = measure(document)
    for sentence in excesses(measured.shape, limits):
        raise TooCostly(sentence)
    return measured


class _Measurer:
    """One document, once."""

    def __init__(self, document: DocumentNode) -> None:
        self._document = document
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, Shape] = {}
        self._steps = 0

    def measure(self) -> Measured:
        largest = Shape()
        each: list[Shape] = []
        for node in self._document.definitions:
            own = Shape()
            if isinstance(node, FragmentDefinitionNode | OperationDefinitionNode):
                self._sum_up_fragments_below(node.selection_set)
                self._directives(node.directives, own)
                own.add(self._sum(node.selection_set))
            if isinstance(node, OperationDefinitionNode):
                for variable in node.variable_definitions or ():
                    self._value(variable.default_value, own)
                    self._directives(variable.directives, own)
                each.append(own)
            else:
                own.fields = 0  # at no root; it counts all the same, since validation looks at what nobody spreads
            largest.widen(own)
        return Measured(largest, tuple(each), self._steps)

    def _sum_up_fragments_below(self, selection_set: SelectionSetNode) -> None:
        """Sum up each fragment after those that it spreads, without recursion: a chain of them may be long."""
        todo = [(name, False) for name in self._spreads_in(selection_set)]
        begun: set[str] = set()
        while todo:
            self._steps += 1
            name, below_done = todo.pop()
            fragment = self._fragments.get(name)
            if fragment is None or name in self._known:
                continue
            if below_done:
                self._known[name] = self._sum(fragment.selection_set)
                self._directives(fragment.directives, self._known[name])
            elif name not in begun:
                begun.add(name)
                todo.append((name, True))
                todo += [(inner, False) for inner in self._spreads_in(fragment.selection_set)]

    def _spreads_in(self, selection_set: SelectionSetNode) -> list[str]:
        names: list[str] = []
        todo = [selection_set]
        while todo:
            for node in todo.pop().selections:
                self._steps += 1
                if isinstance(node, FragmentSpreadNode):
                    names.append(node.name.value)
                elif (inner := _inside(node)) is not None:
                    todo.append(inner)
        return names

    def _sum(self, selection_set: SelectionSetNode) -> Shape:
        found = Shape()
        for node in selection_set.selections:
            self._steps += 1
            self._directives(node.directives, found)
            if isinstance(node, FieldNode):
                self._field(node, found)
            elif isinstance(node, InlineFragmentNode):
                found.add(self._sum(node.selection_set))
            elif isinstance(node, FragmentSpreadNode):
                found.spreads = min(MOST, found.spreads + 1)
                if (known := self._known.get(node.name.value)) is not None:
                    found.add(known)
        return found

    def _field(self, node: FieldNode, found: Shape) -> None:
        found.fields = min(MOST, found.fields + 1)
        found.depth = max(found.depth, 1)
        if node.alias is not None:
            found.aliases = min(MOST, found.aliases + 1)
        for argument in node.arguments or ():
            self._value(argument.value, found)
        name = node.name.value
        below = self._sum(node.selection_set) if node.selection_set else Shape()
        if name in ("__schema", "__type"):
            found.introspection_lists = max(found.introspection_lists, below.lists)
        below.lists += name in INTROSPECTION_LISTS
        found.add(below, levels=1)

    def _directives(self, nodes: tuple[DirectiveNode, ...] | None, found: Shape) -> None:
        for node in nodes or ():
            self._steps += 1
            for argument in node.arguments or ():
                self._value(argument.value, found)
        found.directives = min(MOST, found.directives + len(nodes or ()))
        found.directives_each = max(found.directives_each, len(nodes or ()))

    def _value(self, value: ValueNode | None, found: Shape) -> None:
        todo = [value]
        while todo:
            self._steps += 1
            node = todo.pop()
            if isinstance(node, ListValueNode):
                found.list_size = max(found.list_size, len(node.values))
                todo += node.values
            elif isinstance(node, ObjectValueNode):
                todo += [field.value for field in node.fields]


def _inside(node: SelectionNode) -> SelectionSetNode | None:
    return node.selection_set if isinstance(node, FieldNode | InlineFragmentNode) else None


__all__ = ["MOST", "MOST_INTROSPECTION_LISTS", "Measured", "Shape", "check_shape", "excesses", "measure"]
