"""From a document's text to an operation that may be executed: parsed, validated and planned once, then remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cachetools import LRUCache
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)

from bff_core.errors import ClientFault, TooCostly
from bff_core.graphql.callplan import CallPlan, make_plan

#: Validation stops telling after so many errors.
MOST_ERRORS = 20
#: The parser stops here; each token costs time and memory before any other limit can look at the document.
MOST_TOKENS = 10_000
#: All that graphql-core says when it gives up comparing fields or following fragments.
ABORTED = "Validation aborted."
#: Keys that the calls of one operation may ask for, unless a setting says otherwise.
MOST_KEYS = 10_000
#: What a document is expected to be long, in characters.
MEAN_LENGTH = 2_000


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

    ``length``: characters of the document, which tell how much memory it takes.
    """

    document: DocumentNode
    definition: OperationDefinitionNode
    name: str | None
    plan: CallPlan
    length: int

    @property
    def is_query(self) -> bool:
        """Whether it only reads."""
        return self.definition.operation is OperationType.QUERY


class Operations:
    """The prepared operations of one schema: an LRU by document text and operation name. Process scope.

    ``size``: how many documents of ``MEAN_LENGTH`` characters are kept; a longer one counts for more, so that large
    documents cannot fill the memory. ``most_keys``: an operation whose call plan asks for more is TooCostly; lists in
    lists multiply, so that a short document can ask for every row of a service, and again for each of them.
    """

    def __init__(
        self, schema: GraphQLSchema, size: int = 1000, *, introspection: bool = True, most_keys: int = MOST_KEYS
    ) -> None:
        self._schema = schema
        self._most_keys = most_keys
        self._rules = specified_rules if introspection else (*specified_rules, NoSchemaIntrospectionCustomRule)
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
            prepared = self._prepare(text, name)
            if isinstance(prepared, InvalidDocument):
                _without_frames(prepared.errors)
            if prepared.length <= self._prepared.maxsize:
                self._prepared[text, name] = prepared
        if isinstance(prepared, InvalidDocument):
            raise InvalidDocument(prepared.reason, prepared.errors)
        return prepared

    def _prepare(self, text: str, name: str | None) -> Operation | InvalidDocument:
        try:
            document = parse(text, max_tokens=MOST_TOKENS)
        except GraphQLError as error:
            return InvalidDocument("GRAPHQL_PARSE_FAILED", [error], len(text))
        except RecursionError:
            return InvalidDocument("GRAPHQL_PARSE_FAILED", [_too_deep()], len(text))
        try:
            if errors := validate(self._schema, document, self._rules, max_errors=MOST_ERRORS, hide_suggestions=True):
                errors = [_too_much() if error.message == ABORTED else error for error in errors]
                return InvalidDocument("GRAPHQL_VALIDATION_FAILED", errors, len(text))
            definition = _pick(document, name)
            if isinstance(definition, GraphQLError):
                return InvalidDocument("OPERATION_RESOLUTION_FAILURE", [definition], len(text))
            plan = make_plan(self._schema, document, definition)
            if plan.keys > self._most_keys:
                raise TooCostly(
                    f"The operation can ask for {plan.keys} things of the services, more than {self._most_keys}; "
                    "ask for smaller pages or less deeply."
                )
        except RecursionError:
            return InvalidDocument("GRAPHQL_VALIDATION_FAILED", [_too_deep()], len(text))
        except ClientFault as error:
            return InvalidDocument(error.code, [GraphQLError(str(error))], len(text))
        own_name = definition.name.value if definition.name else None
        return Operation(document, definition, own_name, plan, len(text))

    def __len__(self) -> int:
        return len(self._prepared)


def _without_frames(errors: Sequence[GraphQLError]) -> None:
    """What is kept must not keep the frames of the request that met it first: a credential is in them."""
    for error in errors:
        error.__traceback__ = error.__context__ = error.__cause__ = None


def _length(prepared: Operation | InvalidDocument) -> int:
    return max(1, prepared.length)


def _too_deep() -> GraphQLError:
    return GraphQLError("The document is nested too deeply.")


def _too_much() -> GraphQLError:
    return GraphQLError("The document is nested too deeply, or repeats itself too often, to be checked.")


def _pick(document: DocumentNode, name: str | None) -> OperationDefinitionNode | GraphQLError:
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if name is None:
        if len(operations) == 1:
            return operations[0]
        return GraphQLError(f"The document holds {len(operations)} operations: say which one by operationName.")
    for node in operations:
        if node.name is not None and node.name.value == name:
            return node
    return GraphQLError("operationName names no operation of the document.")
