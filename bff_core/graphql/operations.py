"""From a document's text to an operation that may be executed: parsed, validated and planned once, then remembered.

What it may ask for is told before anything else is done with it, in this order, the cheapest first: bytes, tokens while
parsing, shape, cost of its fields; then it is validated, planned, and its planned calls are added to the cost.

Where variables say how long lists get, the cost is that of the most they can ask for. An operation that is too costly
only for some of them is prepared all the same, and ``check`` looks at those that a client sent. So most operations are
judged once, and not again with each request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cachetools import LRUCache
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    VariableDefinitionNode,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    type_from_ast,
    validate,
)

from bff_core.contract import Endpoint, Windows
from bff_core.errors import ClientFault, TooCostly
from bff_core.graphql.callplan import CallPlan, make_plan
from bff_core.graphql.freshness import NOT_FRESH, Freshness, freshness_of
from bff_core.graphql.limits.cost import Cost, Priced, Pricer
from bff_core.graphql.limits.limits import Limits
from bff_core.graphql.limits.overlap import ABORTED, bounded_rules
from bff_core.graphql.limits.reading import check_length, read
from bff_core.graphql.limits.shape import Shape, check_shape
from bff_core.graphql.limits.sizes import Assume

#: Validation stops telling after so many errors.
MOST_ERRORS = 20
#: What a document is expected to be long, in characters.
MEAN_LENGTH = 2_000


#: The code of a text that is no GraphQL.
UNREADABLE = "GRAPHQL_PARSE_FAILED"


class InvalidDocument(ClientFault):
    """A document that cannot be executed; ``errors`` are the located errors, at least one."""

    def __init__(self, code: str, errors: list[GraphQLError], length: int = 0) -> None:
        super().__init__(errors[0].message)
        self.reason = code
        self.errors = errors
        self.length = length


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document, ready to run. ``name`` is None when the document does not name it.

    ``length``: characters of the document, which tell how much memory it takes. ``shape`` and ``cost``: what was held
    to the limits; the cost is the most that any variables can make of it. ``lists``: variables that can hold a list;
    ``sized_by``: those that say how long a list of the answer is. ``unsettled``: it may be too costly for some
    variables and not for others, so each request is judged. ``freshness``:
    how long its answers serve elsewhere, and whom.
    """

    document: DocumentNode
    definition: OperationDefinitionNode
    name: str | None
    plan: CallPlan
    length: int
    shape: Shape
    cost: Cost
    lists: tuple[str, ...] = ()
    sized_by: tuple[str, ...] = ()
    unsettled: bool = False
    freshness: Freshness = NOT_FRESH

    @property
    def is_query(self) -> bool:
        """Whether it only reads."""
        return self.definition.operation is OperationType.QUERY


class Operations:
    """The prepared operations of one schema: an LRU by document text and operation name. Process scope.

    ``size``: how many documents of ``MEAN_LENGTH`` characters are kept; a longer one counts for more, so that large
    documents cannot fill the memory. ``limits``: what one document may be and ask for; lists in lists multiply, so
    that a short one can ask for every row of a service, and again for each of them. ``windows``: those in force, by
    endpoint, which tell how long answers serve.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        size: int = 1000,
        *,
        introspection: bool = True,
        limits: Limits | None = None,
        windows: Mapping[Endpoint[Any], Windows] | None = None,
    ) -> None:
        self._schema = schema
        self._limits = limits or Limits()
        self._windows = windows or {}
        self._pricer = Pricer(schema, self._limits.assumed_list_size, self._limits.list_size)
        self._rules = bounded_rules(self._limits.comparisons)
        if not introspection:
            self._rules = (*self._rules, NoSchemaIntrospectionCustomRule)
        self._prepared: LRUCache[tuple[str, str | None], Operation | InvalidDocument] = LRUCache(
            size * MEAN_LENGTH, getsizeof=_length
        )

    def prepare(self, text: str, name: str | None = None) -> Operation:
        """The operation called ``name`` (or the only one) of a document.

        Raises InvalidDocument with every located error, also for a name the document does not hold.
        """
        prepared: Operation | InvalidDocument | None
        try:
            prepared = self._prepared[text, name]  # ``get`` looks twice
        except KeyError:
            prepared = None
        if prepared is None:
            try:
                check_length(text, self._limits)
            except TooCostly as error:  # not kept: the text is longer than it takes to refuse it again
                raise InvalidDocument(error.code, [GraphQLError(str(error))]) from None
            prepared = self._prepare(text, name)
            if isinstance(prepared, InvalidDocument):
                _without_frames(prepared.errors)
            if prepared.length <= self._prepared.maxsize:
                self._prepared[text, name] = prepared
        if isinstance(prepared, InvalidDocument):
            raise InvalidDocument(prepared.reason, prepared.errors)
        return prepared

    def check(self, operation: Operation, variables: Mapping[str, Any]) -> None:
        """Hold what a client sent to the limits that a document alone cannot be held to.

        Raises InvalidDocument, with the code of TooCostly. Costs nothing for an operation whose variables neither hold
        lists nor say how long one is.
        """
        try:
            if operation.lists:
                self._check_lists(operation, variables)
            if operation.sized_by:
                self._check_sizes(operation, variables)
        except TooCostly as error:
            raise InvalidDocument(error.code, [GraphQLError(str(error))]) from None

    def with_variables(self, operation: Operation, variables: Mapping[str, Any]) -> Operation:
        """The same with the plan and the cost of these variables, in place of those for all."""
        plan = make_plan(self._schema, operation.document, operation.definition, variables)
        priced = self._pricer.price(operation.document, operation.definition, variables)
        return replace(operation, plan=plan, cost=self._cost(priced, plan))

    def _check_lists(self, operation: Operation, variables: Mapping[str, Any]) -> None:
        most = self._limits.list_size
        for name in operation.lists:
            for length in _lengths(variables.get(name)):
                if length > most:
                    raise TooCostly(f"The variable ${name} holds a list of {length} elements; {_setting(most)}.")

    def _check_sizes(self, operation: Operation, variables: Mapping[str, Any]) -> None:
        most = self._limits.list_size
        for name in operation.sized_by:
            rows = variables.get(name)
            if isinstance(rows, int) and rows > most:
                raise TooCostly(f"The variable ${name} asks for {rows} rows; {_setting(most)}.")
        if operation.unsettled:
            asked = self.with_variables(operation, variables)
            for sentence in self._excesses(asked.plan, asked.cost):
                raise TooCostly(sentence)

    def _prepare(self, text: str, name: str | None) -> Operation | InvalidDocument:
        try:
            document = read(text, self._limits)
            shapes = check_shape(document, self._limits).each
            self._check_fields(document)
            if errors := validate(self._schema, document, self._rules, max_errors=MOST_ERRORS, hide_suggestions=True):
                if any(error.message == ABORTED for error in errors):
                    raise TooCostly(
                        "The document repeats its fields or its fragments too often to be checked; "
                        f"limits.comparisons = {self._limits.comparisons}."
                    )
                return InvalidDocument("GRAPHQL_VALIDATION_FAILED", list(map(_without_guess, errors)), len(text))
            definitions = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
            definition = _pick(definitions, name)
            if isinstance(definition, GraphQLError):
                return InvalidDocument("OPERATION_RESOLUTION_FAILURE", [definition], len(text))
            shape = next(one for node, one in zip(definitions, shapes, strict=True) if node is definition)
            return self._planned(document, definition, shape, len(text))
        except GraphQLError as error:
            return InvalidDocument(UNREADABLE, [error], len(text))
        except RecursionError:
            return InvalidDocument("GRAPHQL_VALIDATION_FAILED", [_too_deep()], len(text))
        except ClientFault as error:
            return InvalidDocument(error.code, [GraphQLError(str(error))], len(text))

    def _check_fields(self, document: DocumentNode) -> None:
        """What the fields of each operation cost at least, whatever its variables, calls apart. Raises TooCostly."""
        most, longest = self._limits.cost, self._limits.list_size
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode):
                priced = self._pricer.price(document, node, Assume.MOST)
                if priced.fields > most and priced.by_variable:
                    priced = self._pricer.price(document, node, Assume.LEAST)
                if priced.fields > most:
                    raise TooCostly(f"The operation can cost {priced.fields:g} for its fields; limits.cost = {most}.")
                if priced.longest > longest:
                    raise TooCostly(f"The operation asks for {priced.longest} rows; limits.list_size = {longest}.")

    def _planned(
        self, document: DocumentNode, definition: OperationDefinitionNode, shape: Shape, length: int
    ) -> Operation:
        """The operation, if it is not too costly for all variables. Raises TooCostly."""
        priced = self._pricer.price(document, definition, Assume.MOST)
        plan = make_plan(self._schema, document, definition)
        cost = self._cost(priced, plan)
        unsettled = bool(priced.by_variable) and any(call.calls is None for call in plan.calls)
        for sentence in self._excesses(plan, cost):
            least = make_plan(self._schema, document, definition, Assume.LEAST)
            fields = self._pricer.price(document, definition, Assume.LEAST)
            if not priced.by_variable or any(self._excesses(least, self._cost(fields, least))):
                raise TooCostly(sentence)
            unsettled = True
        own_name = definition.name.value if definition.name else None
        lists = tuple(self._lists(definition))
        freshness = freshness_of(plan, self._windows)
        return Operation(
            document, definition, own_name, plan, length, shape, cost, lists, priced.by_variable, unsettled, freshness
        )

    def _cost(self, priced: Priced, plan: CallPlan) -> Cost:
        return Cost(priced.fields, plan.most_calls(self._limits.assumed_list_size), self._limits.call_cost)

    def _excesses(self, plan: CallPlan, cost: Cost) -> Iterator[str]:
        if plan.keys > self._limits.keys:
            yield (
                f"The operation can ask for {plan.keys} things of the services; limits.keys = {self._limits.keys}. "
                "Ask for smaller pages or less deeply."
            )
        if cost.total > self._limits.cost:
            yield f"The operation can cost {cost}; limits.cost = {self._limits.cost}."

    def _lists(self, definition: OperationDefinitionNode) -> Iterator[str]:
        """The variables that can hold a list, themselves or somewhere inside."""
        for variable in definition.variable_definitions or ():
            if self._holds_lists(variable):
                yield variable.variable.name.value

    def _holds_lists(self, variable: VariableDefinitionNode) -> bool:
        todo: list[Any] = [type_from_ast(self._schema, variable.type)]
        seen: set[str] = set()
        while todo:
            kind = todo.pop()
            while is_non_null_type(kind):
                kind = kind.of_type
            if is_list_type(kind):
                return True
            if is_input_object_type(kind) and kind.name not in seen:
                seen.add(kind.name)
                todo += [field.type for field in kind.fields.values()]
        return False

    def __len__(self) -> int:
        return len(self._prepared)


def _without_frames(errors: Sequence[GraphQLError]) -> None:
    """What is kept must not keep the frames of the request that met it first: a credential is in them."""
    for error in errors:
        error.__traceback__ = error.__context__ = error.__cause__ = None


def _length(prepared: Operation | InvalidDocument) -> int:
    return max(1, prepared.length)


def _setting(most: int) -> str:
    return f"limits.list_size = {most}"


def _lengths(value: object) -> Iterator[int]:
    """The lengths of all lists in a value as a client sent it."""
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, list):
            yield len(one)
            todo += one
        elif isinstance(one, dict):
            todo += one.values()


def _without_guess(error: GraphQLError) -> GraphQLError:
    """graphql-core makes one guess that no switch hides: that an object's fields were meant."""
    message, guess, _ = error.message.partition(" Did you mean ")
    return GraphQLError(message, error.nodes) if guess else error


def _too_deep() -> GraphQLError:
    return GraphQLError("The document is nested too deeply.")


def _pick(operations: Sequence[OperationDefinitionNode], name: str | None) -> OperationDefinitionNode | GraphQLError:
    if name is None:
        if len(operations) == 1:
            return operations[0]
        return GraphQLError(f"The document holds {len(operations)} operations: say which one by operationName.")
    for node in operations:
        if node.name is not None and node.name.value == name:
            return node
    return GraphQLError("operationName names no operation of the document.")
