"""What a document costs at most, by the formula of IBM's cost directives as Apollo reads it, and calls on top.

    cost of a field  = its elements x (its weight + cost of what is selected below it) + its input objects
    cost in all      = cost of the fields + planned calls x limits.call_cost

A field that shows objects weighs 1 and any other 0, unless its declaration says ``weight=``. How many elements it has
is told by ``Sizes``, from the declarations that the call plan goes by too. Behind an interface or a union the type that
costs most counts. Fields that are named twice count twice: the cost is an upper bound.

Each selection set is priced once for each type that it may be asked of, so the steps are linear in the document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SchemaMetaFieldDef,
    SelectionSetNode,
    TypeMetaFieldDef,
    ValueNode,
    VariableNode,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_input_object_type,
    is_object_type,
)

from bff_core.graphql.limits.shape import MOST
from bff_core.graphql.limits.sizes import Assume, Sizes, declared_of, is_list, takes_keys
from bff_core.graphql.link import Link
from bff_core.graphql.weight import weight_of

#: An object of introspection is there already, and small; what tools ask for is thousands of them.
INTROSPECTION_WEIGHT = 0.05


@dataclass(frozen=True, slots=True)
class Cost:
    """What an operation costs at most. ``calls`` are those planned, each of which costs ``per_call``."""

    fields: float
    calls: int
    per_call: int

    @property
    def total(self) -> float:
        """All of it, to one decimal."""
        return round(self.fields + self.calls * self.per_call, 1)

    def __str__(self) -> str:
        return f"{self.total:g} = {self.fields:g} of fields + {self.calls} calls x {self.per_call}"


class Price(NamedTuple):
    """What a selection set costs: a fixed part, and one for each row of the page that it is asked of."""

    fixed: float
    per_row: float

    def with_rows(self, rows: int) -> float:
        """What it costs where the page has so many rows."""
        return self.fixed + self.per_row * rows


NOTHING = Price(0.0, 0.0)


class Pricer:
    """What the operations of one schema cost; what depends on the schema alone is told once. Process scope."""

    def __init__(self, schema: GraphQLSchema, assumed_list_size: int, longest_list: int) -> None:
        self.schema = schema
        self.assumed_list_size = assumed_list_size
        self._longest_list = longest_list if longest_list < MOST else assumed_list_size  # who only looks has no limit
        self._introspection = _introspection_sizes(schema)

    def price(
        self, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any] | Assume
    ) -> Priced:
        """What the fields of an operation cost; the document need not be valid."""
        sizes = Sizes(operation, variables, self._longest_list)
        walk = _Walk(self, document, sizes, self._introspection)
        root = self.schema.get_root_type(operation.operation or OperationType.QUERY)
        fixed = walk.of(operation.selection_set, root, False).fixed if root is not None else 0.0
        return Priced(round(min(fixed, float(MOST)), 1), tuple(sizes.by_variable), sizes.longest, walk.steps)


@dataclass(frozen=True, slots=True)
class Priced:
    """What the fields of one operation cost.

    ``by_variable``: the variables that say how long some list is. ``longest``: the most rows that the document, or its
    variables, ask for by number in one place, 0 for none. ``steps``: selections looked at.
    """

    fields: float
    by_variable: tuple[str, ...]
    longest: int
    steps: int


class _Walk:
    """One operation of one document."""

    def __init__(self, pricer: Pricer, document: DocumentNode, sizes: Sizes, introspection: Mapping[str, int]) -> None:
        self._schema = pricer.schema
        self._assumed = pricer.assumed_list_size
        self._introspection = introspection
        self._sizes = sizes
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[tuple[int, str, bool], Price] = {}
        self.steps = 0

    def of(self, selection_set: SelectionSetNode, kind: GraphQLNamedType, paged: bool) -> Price:
        """What it costs to ask a selection set of an object of this type, or of the one that costs most of several."""
        if is_abstract_type(kind):
            prices = [self.of(selection_set, one, paged) for one in self._schema.get_possible_types(kind)]
            return Price(*(max(part, default=0.0) for part in zip(*prices, strict=True))) if prices else NOTHING
        key = (id(selection_set), kind.name, paged)
        known = self._known.get(key)
        if known is None:
            self._known[key] = NOTHING  # where a circle of fragments closes
            known = self._known[key] = self._priced(selection_set, kind, paged) if is_object_type(kind) else NOTHING
        return known

    def _priced(self, selection_set: SelectionSetNode, kind: GraphQLObjectType, paged: bool) -> Price:
        fixed = per_row = 0.0
        for node in selection_set.selections:
            self.steps += 1
            found = NOTHING
            if isinstance(node, FieldNode):
                found = self._field(node, kind, paged)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                if condition is None or self._applies(kind, condition.name.value):
                    found = self.of(node.selection_set, kind, paged)
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._fragments.get(node.name.value)
                if fragment is not None and self._applies(kind, fragment.type_condition.name.value):
                    found = self.of(fragment.selection_set, kind, paged)
            fixed = min(MOST, fixed + found.fixed)
            per_row = min(MOST, per_row + found.per_row)
        return Price(fixed, per_row)

    def _field(self, node: FieldNode, kind: GraphQLObjectType, paged: bool) -> Price:
        definition = self._definition(kind, node.name.value)
        if definition is None:
            return NOTHING
        shown = get_named_type(definition.type)
        inputs = self._inputs(node, definition)
        weight = weight_of(definition)
        if weight is None:
            weight = 0.0 if not is_composite_type(shown) else INTROSPECTION_WEIGHT if _of_schema(shown) else 1.0
        declared = declared_of(definition)
        if declared is not None:
            elements, page = self._sizes.below_link(declared, definition, node)
            if isinstance(declared, Link) and takes_keys(declared, definition):
                elements = self._sizes.keys_in(declared, node)
            below = self._below(node, shown, page is not None)
            cost = self._elements(elements) * (weight + below.with_rows(page or 0))
            return Price(cost + inputs, 0.0)
        if not is_list(definition.type):
            below = self._below(node, shown, paged)
            return Price(weight + below.fixed + inputs, below.per_row)
        each = weight + self._below(node, shown, False).fixed
        if paged:
            return Price(inputs, each)
        elements = self._introspection.get(node.name.value) if _of_schema(kind) else None
        if elements is None:
            elements = self._sizes.at_most(definition, node)
        return Price(self._elements(elements) * each + inputs, 0.0)

    def _below(self, node: FieldNode, shown: GraphQLNamedType, paged: bool) -> Price:
        return self.of(node.selection_set, shown, paged) if node.selection_set else NOTHING

    def _elements(self, known: int | None) -> int:
        return self._assumed if known is None else known

    def _definition(self, kind: GraphQLObjectType, name: str) -> GraphQLField | None:
        if kind is self._schema.query_type and name in ("__schema", "__type"):
            return SchemaMetaFieldDef if name == "__schema" else TypeMetaFieldDef
        found: GraphQLField | None = kind.fields.get(name)
        return found

    def _applies(self, kind: GraphQLObjectType, condition: str) -> bool:
        other = self._schema.type_map.get(condition)
        return other is kind or (is_abstract_type(other) and self._schema.is_sub_type(other, kind))

    def _inputs(self, node: FieldNode, definition: GraphQLField) -> int:
        """Input objects of the arguments, each of which costs 1; how many a variable holds is not known here."""
        found = 0
        for argument in node.arguments or ():
            declared = definition.args.get(argument.name.value)
            if declared is not None and is_input_object_type(get_named_type(declared.type)):
                found += sum(isinstance(one, ObjectValueNode | VariableNode) for one in _values(argument.value))
        return found


def _values(value: ValueNode) -> Iterator[ValueNode]:
    """A value and all values inside it."""
    todo = [value]
    while todo:
        one = todo.pop()
        yield one
        if isinstance(one, ListValueNode):
            todo += one.values
        elif isinstance(one, ObjectValueNode):
            todo += [field.value for field in one.fields]


def _of_schema(kind: GraphQLNamedType) -> bool:
    return kind.name.startswith("__")


def _introspection_sizes(schema: GraphQLSchema) -> dict[str, int]:
    """How long the lists of introspection get: as many types as there are, of the rest what a type has on average."""
    kinds = list(schema.type_map.values())
    with_fields = [kind for kind in kinds if hasattr(kind, "fields")]
    fields = [one for kind in with_fields for one in kind.fields.values()]
    arguments = sum(len(getattr(one, "args", ())) for one in fields)
    return {
        "types": len(kinds),
        "directives": len(schema.directives),
        "fields": -(-len(fields) // max(1, len(with_fields))),
        "inputFields": 1,
        "enumValues": 1,
        "interfaces": 1,
        "possibleTypes": 1,
        "args": -(-arguments // max(1, len(fields))),
        "locations": 5,
    }
