"""The call plan: which calls an operation will make, told from document, schema and contract, without executing it.

A *position* is a place in the answer where a link (or an opaque resolver) stands. Its ``wave`` is the place of its
call in the chain of calls that need one another, from 1; its ``keys`` is how many different keys it can ask for at
most (None where nobody can know). Positions whose parents come from the same calls and that use the same endpoint go
out together, in chunks of the endpoint's ``max_keys``.

The plan is an upper bound. A missing row, an empty list, a key that is known already make it less. Where the parents
come by several calls, each answer sends its own children on without waiting for the others, so ``calls`` counts the
worst division of the keys: parents that come in ``c`` calls ask for ``k`` keys, ``m`` at a time, in at most
``c + (k - c) // m`` calls. One thing can exceed it: where two positions meet the same key, what is below the second is
asked for as soon as the first has its answer, apart from its neighbours.

Where an interface or a union stands outside lists, one of its types will be there and no other. So what is below the
one and what is below the other never happen in one answer: ``keys`` and ``calls`` count the type that asks for most.
Positions are told for each of them.

The root fields of a mutation run one after another, each with all that is below it before the next.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    is_list_type,
    is_non_null_type,
    value_from_ast_untyped,
)

from bff_core.contract import Batch, Command, Endpoint
from bff_core.errors import TooCostly
from bff_core.graphql.limits.sizes import (
    Assume,
    Declared,
    Sizes,
    declared_of,
    is_list,
    known_variables,
    takes_keys,
    times,
)
from bff_core.graphql.link import Computed, Link
from bff_core.graphql.scopes import Need, needs_of, views_of

#: A choice on the way to a position: the path of an interface or a union, and the type that must stand there.
Choice = tuple[str, str]

#: A plan stops here: aliases can double an answer at every level, so a short document can name billions of positions.
#: Fragments count as well as fields: one that never applies costs as much to look at.
MOST_SELECTIONS = 20_000


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the answer that needs a service.

    ``path``: response names, ``[]`` after those of lists. ``coordinate``: ``Type.field``. ``endpoints``: one for a
    link, all candidates for an opaque resolver. ``after``: the position whose call must come first, None at the start.
    ``lost``: the path where null (or the fallback) stands when the service fails: this one, or for a critical position
    its nearest nullable ancestor; ``[]`` at the end is one element of a list, "" the whole of ``data``.
    ``asks_by``: what its keys are made of; where it is the same for positions of one endpoint, so are their keys.
    ``only``: what must stand at each interface and union on the way, from the root, for this position to be.
    """

    path: str
    coordinate: str
    endpoints: tuple[Endpoint[Any], ...]
    keys: int | None
    wave: int
    after: Position | None
    without: str
    lost: str
    asks_by: tuple[Hashable, ...]
    only: tuple[Choice, ...] = ()

    @property
    def writes(self) -> bool:
        """Whether a command is sent here."""
        return isinstance(self.endpoints[0], Command)

    @property
    def private(self) -> bool:
        """Whether what stands here depends on who asks."""
        return any(endpoint.private for endpoint in self.endpoints)


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """Calls of one endpoint that go out together. ``calls`` is None where the number of keys is unknown."""

    endpoints: tuple[Endpoint[Any], ...]
    wave: int
    keys: int | None
    calls: int | None
    positions: tuple[Position, ...]

    @property
    def only(self) -> tuple[Choice, ...]:
        """The choices that all its positions have in common."""
        first, *others = (position.only for position in self.positions)
        for other in others:
            while first != other[: len(first)]:
                first = first[:-1]
        return first

    @property
    def name(self) -> str:
        """The endpoint's name; several joined by " or " for an opaque resolver."""
        return " or ".join(endpoint.name for endpoint in self.endpoints)


@dataclass(frozen=True, slots=True)
class CallPlan:
    """What one operation asks of the services, and of its caller.

    ``needs``: each field, and each view behind an interface or a union, that some scope is needed for, once.
    ``selections``: how many of them were looked at to find out.
    """

    operation: str
    positions: tuple[Position, ...]
    calls: tuple[PlannedCall, ...] = field(default=())
    selections: int = 0
    needs: tuple[Need, ...] = field(default=())

    @property
    def waves(self) -> int:
        """How many calls must follow one another at most."""
        return max((call.wave for call in self.calls), default=0)

    @property
    def private(self) -> bool:
        """Whether any part of the answer depends on who asks: by a credential that is relayed or a scope checked."""
        return bool(self.needs) or any(position.private for position in self.positions)

    @property
    def keys(self) -> int:
        """The most keys that all calls together can ask for; those of an unknown number do not count."""
        return _worst([(position.only, position.keys or 0) for position in self.positions])

    @property
    def scopes(self) -> frozenset[str]:
        """Every scope that some part of the answer needs."""
        return frozenset(scope for need in self.needs for scope in need.scopes)

    def denied(self, held: frozenset[str]) -> frozenset[str]:
        """The coordinates of this operation that who holds these scopes may not see; to be asked once a request."""
        if not self.needs:
            return frozenset()
        return frozenset(need.coordinate for need in self.needs if not need.met_by(held))

    def count(self) -> dict[str, int | None]:
        """Calls by endpoint name; None where unknown."""
        by_name: dict[str, list[PlannedCall]] = {}
        for call in self.calls:
            by_name.setdefault(call.name, []).append(call)
        return {
            name: None
            if any(call.calls is None for call in calls)
            else _worst([(call.only, call.calls or 0) for call in calls])
            for name, calls in by_name.items()
        }

    def most_calls(self, unknown: int) -> int:
        """The most calls of all endpoints together; those of an unknown number count as ``unknown``."""
        return _worst([(call.only, unknown if call.calls is None else call.calls) for call in self.calls])


def make_plan(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any] | Assume | None = None,
) -> CallPlan:
    """The plan of one validated operation.

    With ``variables``, those that a client sent, it is the plan of that request. Without, it holds for all of them: one
    that sets a page size counts as the most that the field allows, whatever its default, and a field that a variable
    may skip is in it. ``Assume.LEAST`` counts one row there, which no request can be below. Raises TooCostly for a
    document that has more than ``MOST_SELECTIONS`` selections to look at.
    """
    planner = _Planner(schema, document, operation, Assume.MOST if variables is None else variables)
    positions = tuple(planner.walk())
    name = operation.name.value if operation.name else ""
    return CallPlan(name, positions, tuple(_calls(positions)), planner.selections, tuple(planner.needs.values()))


def _calls(positions: tuple[Position, ...]) -> Iterator[PlannedCall]:
    """Positions of one endpoint whose parents come from the same calls go out together."""
    group_of: dict[int, int] = {}
    groups: dict[tuple[int | None, tuple[int, ...]], list[Position]] = {}
    numbers: dict[tuple[int | None, tuple[int, ...]], int] = {}
    for position in positions:  # parents stand before their children
        after = None if position.after is None else group_of[id(position.after)]
        apart = (id(position),) if position.writes else ()
        key = (after, (*apart, *(id(endpoint) for endpoint in position.endpoints)))
        groups.setdefault(key, []).append(position)
        group_of[id(position)] = numbers.setdefault(key, len(numbers))
    calls_of: dict[int, int | None] = {}  # a group's parents are of a group before it
    for number, ((after, _), members) in enumerate(groups.items()):
        endpoints = members[0].endpoints
        keys = _different_keys(members)
        answers = 1 if after is None else calls_of[after]
        calls = calls_of[number] = _most_calls(keys, min(one.calls_for for one in endpoints), answers)
        yield PlannedCall(endpoints, members[0].wave, keys, calls, tuple(members))


def _different_keys(members: Sequence[Position]) -> int | None:
    """How many keys the positions ask for together; those that are made of the same count once."""
    most: dict[tuple[Hashable, ...], tuple[tuple[Choice, ...], int]] = {}
    for member in members:
        if member.keys is None:
            return None
        _, keys = most.get(member.asks_by, ((), 0))
        most[member.asks_by] = (member.only, max(member.keys, keys))  # of one parent, so of the same choices
    return _worst(list(most.values()))


def _worst(counts: Sequence[tuple[tuple[Choice, ...], int]], level: int = 0) -> int:
    """A sum of what can happen together: at each interface or union of the type that adds most."""
    total = 0
    places: dict[str, dict[str, list[tuple[tuple[Choice, ...], int]]]] = {}
    for only, count in counts:
        if len(only) == level:
            total += count
        else:
            path, kind = only[level]
            places.setdefault(path, {}).setdefault(kind, []).append((only, count))
    return total + sum(max(_worst(inner, level + 1) for inner in kinds.values()) for kinds in places.values())


def _most_calls(keys: int | None, size: int, answers: int | None) -> int | None:
    """The most calls for ``keys``, ``size`` at a time, that are known by ``answers`` answers to earlier calls."""
    if keys is None or answers is None or answers >= keys:
        return keys
    return answers + (keys - answers) // size if answers else 0


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the walk stands: how many objects are here, in which page they came, after which call.

    ``nullable``: the path that becomes null when something here that cannot be null is lost. ``wave``: that of the last
    call that must have ended before any here.
    """

    path: str
    objects: int | None
    page: int | None
    after: Position | None
    nullable: str
    wave: int = 0
    only: tuple[Choice, ...] = ()


class _Planner:
    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any] | Assume,
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._sizes = Sizes(operation, variables)
        # What nobody told may be either; a default is no promise. So a plan for all variables skips nothing by one.
        self._switches = {} if isinstance(variables, Assume) else known_variables(operation, variables)
        self.selections = 0
        self.needs: dict[str, Need] = {}
        self._coordinates: set[str] = set()
        self._last_wave = 0

    def walk(self) -> Iterator[Position]:
        root = self._schema.get_root_type(self._operation.operation or OperationType.QUERY)
        if root is None:
            return
        serial = self._operation.operation is OperationType.MUTATION
        place = _Place("", 1, None, None, "")
        for name, nodes in self._fields(root, [self._operation.selection_set]):
            for position in self._field(root, name, root.fields[nodes[0].name.value], nodes, place):
                self._last_wave = max(self._last_wave, position.wave)
                yield position
            if serial:
                place = replace(place, wave=self._last_wave)

    def _object(self, kind: GraphQLObjectType, selections: list[SelectionSetNode], place: _Place) -> Iterator[Position]:
        for name, nodes in self._fields(kind, selections):
            yield from self._field(kind, name, kind.fields[nodes[0].name.value], nodes, place)

    def _fields(
        self, kind: GraphQLObjectType, selections: list[SelectionSetNode]
    ) -> Iterator[tuple[str, list[FieldNode]]]:
        """The fields that are selected of an object, by response name; those of introspection are not among them."""
        grouped: dict[str, list[FieldNode]] = {}
        visited: set[str] = set()
        for selection_set in selections:
            self._collect(kind, selection_set, grouped, visited)
        for name, nodes in grouped.items():
            if nodes[0].name.value in kind.fields:
                yield name, nodes

    def _collect(
        self,
        kind: GraphQLObjectType,
        selection_set: SelectionSetNode,
        grouped: dict[str, list[FieldNode]],
        visited: set[str],
    ) -> None:
        for node in selection_set.selections:
            self.selections += 1
            if self.selections > MOST_SELECTIONS:
                raise TooCostly(f"The operation makes more than {MOST_SELECTIONS} selections.")
            if self._left_out(node):
                continue
            if isinstance(node, FieldNode):
                grouped.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if node.type_condition is None or self._applies(kind, node.type_condition.name.value):
                    self._collect(kind, node.selection_set, grouped, visited)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in visited:
                visited.add(node.name.value)
                fragment = self._fragments.get(node.name.value)
                if fragment and self._applies(kind, fragment.type_condition.name.value):
                    self._collect(kind, fragment.selection_set, grouped, visited)

    def _field(
        self,
        kind: GraphQLObjectType,
        name: str,
        definition: GraphQLField,
        nodes: list[FieldNode],
        place: _Place,
    ) -> Iterator[Position]:
        path = (f"{place.path}.{name}" if place.path else name) + ("[]" if is_list(definition.type) else "")
        declared = declared_of(definition)
        coordinate = f"{kind.name}.{nodes[0].name.value}"
        self._note_needs(coordinate, definition, declared)
        if declared is None:
            inside = self._below_plain(definition, nodes[0], path, place)
        else:
            position = self._position(coordinate, definition, declared, nodes[0], path, place)
            yield position
            inside = self._below_link(definition, declared, nodes[0], position, place)
        below = [node.selection_set for node in nodes if node.selection_set]
        chosen = is_abstract_type(get_named_type(definition.type)) and not is_list(definition.type)
        for possible in views_of(self._schema, definition.type) if below else ():
            there = replace(inside, only=(*inside.only, (path, possible.name))) if chosen else inside
            yield from self._object(possible, below, there)

    def _note_needs(self, coordinate: str, definition: GraphQLField, declared: Declared | None) -> None:
        if coordinate in self._coordinates:
            return
        self._coordinates.add(coordinate)
        endpoints = () if declared is None else declared.endpoints
        for need in needs_of(self._schema, coordinate, definition, endpoints):
            self.needs.setdefault(need.coordinate, need)

    def _position(
        self,
        coordinate: str,
        definition: GraphQLField,
        declared: Declared,
        node: FieldNode,
        path: str,
        place: _Place,
    ) -> Position:
        keys = place.objects
        if isinstance(declared, Link):
            if not declared.of_parent:
                keys = 1  # nothing of the parent is in the key, so all parents ask for the same
            if takes_keys(declared, definition):
                keys = times(keys, self._sizes.keys_in(declared, node))
        return Position(
            path=path,
            coordinate=coordinate,
            endpoints=declared.endpoints,
            keys=keys,
            wave=place.wave + 1,
            after=place.after,
            without=(without := _without(declared, definition)),
            lost=place.nullable if without == "critical" else path.removesuffix("[]"),
            asks_by=_asks_by(coordinate, declared, path, place),
            only=place.only,
        )

    def _below_link(
        self, definition: GraphQLField, declared: Declared, node: FieldNode, position: Position, place: _Place
    ) -> _Place:
        """A page's rows are met at the first list below the link, or at the link itself when it is a list."""
        nullable = _nullable(definition, position.path, place)
        objects, page = self._sizes.below_link(declared, definition, node)
        return _Place(position.path, times(position.keys, objects), page, position, nullable, position.wave, place.only)

    def _below_plain(self, definition: GraphQLField, node: FieldNode, path: str, place: _Place) -> _Place:
        """A plain list multiplies: by the page's rows when it is the first under one, else by what the field says."""
        nullable = _nullable(definition, path, place)
        if not is_list(definition.type):
            return replace(place, path=path, nullable=nullable)
        rows = place.page if place.page is not None else self._sizes.at_most(definition, node)
        return replace(place, path=path, objects=times(place.objects, rows), page=None, nullable=nullable)

    def _left_out(self, node: Any) -> bool:
        for directive in node.directives or ():
            for argument in directive.arguments or ():
                value = value_from_ast_untyped(argument.value, self._switches)
                if (directive.name.value, value) in (("skip", True), ("include", False)):
                    return True
        return False

    def _applies(self, kind: GraphQLObjectType, condition: str) -> bool:
        if condition == kind.name:
            return True
        other = self._schema.type_map.get(condition)
        return other is not None and is_abstract_type(other) and self._schema.is_sub_type(other, kind)


def _asks_by(coordinate: str, declared: Declared, path: str, place: _Place) -> tuple[Hashable, ...]:
    """The parents and what is taken of them, when that is all there is to the key; else what no other position has."""
    if not isinstance(declared, Link) or not isinstance(declared.endpoint, Batch):
        return (path, coordinate)
    if not all(isinstance(source, str | Computed) for source in declared.sources):
        return (path, coordinate)
    return (place.path, coordinate.partition(".")[0], *declared.sources)


def _nullable(definition: GraphQLField, path: str, place: _Place) -> str:
    """Where null stops that comes from an object of this field: at an element, at the field, or further up."""
    kind: GraphQLOutputType = definition.type
    outer = kind.of_type if is_non_null_type(kind) else kind
    while is_list_type(outer):
        if not is_non_null_type(outer.of_type):
            return path
        outer = outer.of_type.of_type
    return place.nullable if is_non_null_type(kind) else path.removesuffix("[]")


def _without(declared: Declared, definition: GraphQLField) -> str:
    """What stands here when the service does not answer."""
    if isinstance(declared, Link) and declared.has_fallback:
        return "fallback"
    return "critical" if is_non_null_type(definition.type) else "null"
