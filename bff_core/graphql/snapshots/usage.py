"""Snapshots: which parts of a schema one operation uses, and where in its document.

Parts are named by schema coordinates (`Type`, `Type.field`, `Type.field(argument:)`, `Enum.VALUE`,
`@directive`, `@directive(argument:)`). What a document says is found by walking it with its types. What it
*may* say at run time is found from its variables: a variable of an input type can carry every input type and
enum below that type.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    EnumValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    NamedTypeNode,
    Node,
    NonNullTypeNode,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    TypeNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_named_type,
    visit,
)

How = Literal["reads", "names", "passes", "omits", "sends"]
"""reads: it is in the answer · names: a fragment's condition or a directive · passes: written in the document
· omits: an argument or input field that may be absent, so that its default counts · sends: by a variable."""


@dataclass(frozen=True, slots=True)
class Use:
    """One place at which a document uses a part of the schema.

    `line` and `column` start at 1. `spans` are the character offsets at which a validation error about this
    use stands: a field's own errors stand on its first character or on its selection set, not on what is
    inside. `variable` is the variable's name when `how` is "sends".
    """

    how: How
    line: int
    column: int
    spans: tuple[range, ...]
    variable: str = ""

    def covers(self, offset: int) -> bool:
        """Whether an error at this character is about this use."""
        return any(offset in span for span in self.spans)


def find_usage(schema: GraphQLSchema, document: DocumentNode) -> Mapping[str, tuple[Use, ...]]:
    """Coordinate → its uses, in the document's order. What the schema does not know is left out."""
    info = TypeInfo(schema)
    collector = _Collector(schema, info, document)
    visit(document, TypeInfoVisitor(info, collector))
    return {coordinate: tuple(uses) for coordinate, uses in collector.found.items()}


def reachable_inputs(type_: GraphQLNamedType) -> Iterator[GraphQLNamedType]:
    """An input type and every type that a value of it can hold, each once."""
    seen: set[str] = set()
    rest = [type_]
    while rest:
        each = rest.pop()
        if each.name in seen:
            continue
        seen.add(each.name)
        yield each
        if isinstance(each, GraphQLInputObjectType):
            rest.extend(get_named_type(field.type) for field in each.fields.values())


class _Collector(Visitor):
    """Notes each use while graphql-core walks the document."""

    def __init__(self, schema: GraphQLSchema, info: TypeInfo, document: DocumentNode) -> None:
        super().__init__()
        self.found: defaultdict[str, list[Use]] = defaultdict(list)
        self._schema = schema
        self._info = info
        self._conditions = {
            each.name.value: each.type_condition.name.value
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        self._may_be_absent = {
            variable.variable.name.value
            for each in document.definitions
            if isinstance(each, OperationDefinitionNode)
            for variable in each.variable_definitions or ()
            if not isinstance(variable.type, NonNullTypeNode) and variable.default_value is None
        }

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        parent, definition = self._info.get_parent_type(), self._info.get_field_def()
        if parent is None or definition is None:
            return
        name = f"{parent.name}.{node.name.value}"
        self._note(name, "reads", node, _heads(node, node.selection_set))
        self._note(get_named_type(definition.type).name, "reads", node, _heads(node, node.selection_set))
        for argument in node.arguments or ():
            self._note(f"{name}({argument.name.value}:)", "passes", argument)
        self._note_absent(name, "({}:)", definition.args, node.arguments or (), node)

    def enter_object_value(self, node: ObjectValueNode, *_: Any) -> None:
        type_ = get_named_type(self._info.get_input_type())
        if isinstance(type_, GraphQLInputObjectType):
            self._note(type_.name, "passes", node)
            self._note_absent(type_.name, ".{}", type_.fields, node.fields, node)

    def enter_object_field(self, node: ObjectFieldNode, *_: Any) -> None:
        type_ = get_named_type(self._info.get_parent_input_type())
        if isinstance(type_, GraphQLInputObjectType):
            self._note(f"{type_.name}.{node.name.value}", "passes", node)

    def enter_enum_value(self, node: EnumValueNode, *_: Any) -> None:
        type_ = get_named_type(self._info.get_input_type())
        if isinstance(type_, GraphQLEnumType):
            self._note(type_.name, "passes", node)
            self._note(f"{type_.name}.{node.value}", "passes", node)

    def enter_inline_fragment(self, node: InlineFragmentNode, *_: Any) -> None:
        if node.type_condition is not None:
            self._note(node.type_condition.name.value, "names", node, _heads(node, node.type_condition))

    def enter_fragment_definition(self, node: FragmentDefinitionNode, *_: Any) -> None:
        self._note(node.type_condition.name.value, "names", node, _heads(node, node.type_condition))

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        # A fragment that no longer fits where it is spread is reported at the spread, not at its definition.
        condition = self._conditions.get(node.name.value)
        if condition is not None:
            self._note(condition, "names", node)

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        self._note(f"@{node.name.value}", "names", node)
        for argument in node.arguments or ():
            self._note(f"@{node.name.value}({argument.name.value}:)", "passes", argument)

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> None:
        type_ = self._schema.get_type(_type_name(node.type))
        if type_ is not None:
            for each in reachable_inputs(type_):
                self._note(each.name, "sends", node, variable=node.variable.name.value)

    def _note_absent(
        self,
        owner: str,
        suffix: str,
        known: Mapping[str, object],
        given: tuple[ArgumentNode, ...] | tuple[ObjectFieldNode, ...],
        node: Node,
    ) -> None:
        """Notes the arguments or input fields that are not given, or given by a variable that may be
        absent."""
        values = {each.name.value: each.value for each in given}
        for name in known:
            value = values.get(name)
            absent = isinstance(value, VariableNode) and value.name.value in self._may_be_absent
            if value is None or absent:
                self._note(owner + suffix.format(name), "omits", node, _heads(node))

    def _note(
        self,
        coordinate: str,
        how: How,
        node: Node,
        spans: tuple[range, ...] | None = None,
        variable: str = "",
    ) -> None:
        if node.loc is None:  # never: documents are parsed with their locations
            return
        token = node.loc.start_token
        whole = (range(node.loc.start, node.loc.end),)
        self.found[coordinate].append(Use(how, token.line, token.column, spans or whole, variable))


def _heads(*nodes: Node | None) -> tuple[range, ...]:
    """The first character of each node."""
    return tuple(range(node.loc.start, node.loc.start + 1) for node in nodes if node is not None and node.loc)


def _type_name(node: TypeNode) -> str:
    while not isinstance(node, NamedTypeNode):
        node = node.type  # type: ignore[attr-defined]  # a list or non-null node, which holds another type
    return node.name.value
