"""The journey of one GraphQL request, room by room, as the few lines of ``Pipeline._journey``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from graphql import GraphQLError, OperationDefinitionNode, OperationType, ValueNode

from bff_core.auth.principal import ANONYMOUS, Credential, Principal
from bff_core.clock import Clock
from bff_core.deadline import Deadline
from bff_core.documents.found import Found
from bff_core.documents.lookup import Documents
from bff_core.edge.caching import Caching, CachingOptions, for_asker, for_everybody
from bff_core.edge.client import Client
from bff_core.edge.http import Answer, Asked, MethodRefused, error, refusal
from bff_core.edge.locale import chosen, locale_of
from bff_core.edge.rates import Rates
from bff_core.errors import AuthUnavailable, BffError, Bug, ClientFault, DeadlinePassed
from bff_core.graphql.context import Context
from bff_core.graphql.executor import Execution, Executor
from bff_core.graphql.ledger import Ledger
from bff_core.graphql.operations import UNREADABLE, InvalidDocument, Operation, Operations
from bff_core.loading.reads import Reads
from bff_core.loading.scope import RequestScope
from bff_core.telemetry.critical_path import critical_path
from bff_core.telemetry.facts import BugFound, Observer, RequestFinished

#: The operation label of a document that the BFF does not know by name.
ANONYMOUS_OPERATION = "anonymous"
#: The largest part of the budget that may go by until a credential is verified, while the issuer's keys are on
#: their way; what is left then is for the fields that need no credential.
AUTH_SHARE = 0.5


class Authenticator(Protocol):
    """Who is asking, told from the Authorization header."""

    async def principal(self, authorization: str | None, within: float) -> tuple[Principal, Credential | None]:
        """Raises Unauthenticated for a credential that is not valid.

        AuthUnavailable when nobody can tell, or not ``within`` so many seconds.
        """


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """``bff``: its name. ``budget`` and ``reserve``: seconds, see ``edge.budget_ms`` and ``edge.reserve_ms``.

    ``operations``: the names that become labels, those of trusted documents.
    """

    bff: str
    budget: float = 2.0
    reserve: float = 0.05
    default_locale: str = "en"
    operations: frozenset[str] = frozenset()
    caching: CachingOptions = field(default_factory=CachingOptions)


@dataclass(frozen=True, slots=True)
class Sender:
    """What the headers say of who sent a request."""

    request_id: str
    client: Client
    authorization: str | None = None
    accept_language: str = ""


@dataclass(slots=True)
class Journey:
    """One request under way: who sent it, when (monotonic seconds), and what is noted for the fact of its end."""

    sender: Sender
    started: float
    found: Found | None = None
    operation: Operation | None = None
    scope: RequestScope | None = None
    ledger: Ledger = field(default_factory=Ledger)
    errors: Counter[str] = field(default_factory=Counter)
    bugs: dict[int, BaseException] = field(default_factory=dict)

    def count(self, errors: Sequence[Mapping[str, Any]]) -> None:
        """Note the codes of the errors that the client reads."""
        self.errors.update(one["extensions"]["code"] for one in errors)


class Pipeline:
    """Answers GraphQL requests; knows nothing of HTTP but the status it wishes for. Process scope."""

    def __init__(
        self,
        options: PipelineOptions,
        *,
        authenticator: Authenticator | None,
        documents: Documents,
        operations: Operations,
        executor: Executor,
        reads: Mapping[str, Reads],
        clock: Clock,
        observer: Observer,
        rates: Rates | None = None,
    ) -> None:
        self._options = options
        self._rates = rates
        self._authenticator = authenticator
        self._documents = documents
        self._operations = operations
        self._executor = executor
        self._reads = reads
        self._clock = clock
        self._observer = observer

    def begin(self, sender: Sender) -> Journey:
        """A request has arrived; ``end`` must follow, however it goes on."""
        return Journey(sender, self._clock.monotonic())

    async def answer(self, asked: Asked, journey: Journey) -> Answer:
        """The answer to what was asked; the budget runs from here, when the request has been read."""
        try:
            return await self._journey(asked, journey)
        except InvalidDocument as invalid:
            errors = [self._shown(each, journey, invalid.reason) for each in invalid.errors]
            return Answer(errors, unfit=invalid.reason != UNREADABLE)
        except ClientFault as fault:
            return refusal(fault)

    def end(self, journey: Journey, status: int) -> None:
        """Tell the one fact of a request: answered, refused or given up by its client."""
        name = journey.operation.name if journey.operation else journey.found.name if journey.found else None
        ended = self._clock.monotonic()
        self._observer.observe(
            RequestFinished(
                bff=self._options.bff,
                client=journey.sender.client.name,
                client_version=journey.sender.client.version,
                known_version=journey.sender.client.known_version,
                operation=name if name in self._options.operations else ANONYMOUS_OPERATION,
                request_id=journey.sender.request_id,
                status=status,
                seconds=ended - journey.started,
                calls=journey.scope.calls if journey.scope else 0,
                errors=journey.errors,
                degraded=journey.ledger.counts,
                cache=journey.scope.looks if journey.scope else {},
                path=critical_path(journey.started, ended, journey.scope.waits if journey.scope else ()),
            )
        )

    async def _journey(self, asked: Asked, journey: Journey) -> Answer:
        sender = journey.sender
        deadline = Deadline.after(self._clock, self._options.budget)
        principal, credential, unverified = await self._authenticate(sender.authorization, deadline)
        if self._rates is not None:
            await self._rates.check_principal(sender.client.name, principal)
        found = journey.found = self._documents.find(asked.query, asked.document, apq=asked.apq)
        operation = journey.operation = self._operations.prepare(found.text, asked.operation_name)
        _check_method(asked, operation)
        self._operations.check(operation, asked.variables)
        if found.registers:
            found = journey.found = self._register(found, operation, asked)
        shared = self._is_shared(asked, found, operation)
        if shared:  # made for nobody in particular, so that it is the same for everybody
            principal, credential, unverified = ANONYMOUS, None, None
        locale = locale_of(asked.variables, sender.accept_language, self._options.default_locale)
        scope = journey.scope = RequestScope(
            reads=self._reads,
            deadline=deadline,
            clock=self._clock,
            principal=principal,
            credential=credential,
            unverified=unverified,
            request_id=sender.request_id,
            locale=locale,
            client=sender.client.name,
            reserve=self._options.reserve,
        )
        async with scope:
            denied = operation.plan.denied(principal.scopes)
            context = Context(scope, locale, self._clock.wall(), journey.ledger, denied)
            execution = await self._execute(operation, asked.variables, context, deadline)
            keeping = self._caching(asked, journey, operation, context, shared=shared)
        return self._present(execution, journey, keeping)

    def _is_shared(self, asked: Asked, found: Found, operation: Operation) -> bool:
        """Whether the answer may be kept for everybody: a matter of the document and how it was asked for, no more."""
        by_id = asked.by_get and asked.document is not None and found.registered
        return self._options.caching.shared and by_id and operation.freshness.public

    def _caching(
        self, asked: Asked, journey: Journey, operation: Operation, context: Context, *, shared: bool
    ) -> Caching | None:
        """What caches may do with the answer, if it turns out whole; while the scope is open."""
        if not asked.by_get:
            return None
        if not shared:
            return for_asker(context.scope.principal)
        spent = self._clock.monotonic() - journey.started
        lasting = operation.freshness.left(context.scope.served, spent)
        named = chosen(asked.variables) is not None
        return for_everybody(operation.freshness, lasting, context, self._options.caching, chosen=named)

    def _register(self, found: Found, operation: Operation, asked: Asked) -> Found:
        """Keep a text that has proved good; a GET keeps none that writes, since anybody's link can send it."""
        reads = all(
            definition.operation is OperationType.QUERY
            for definition in operation.document.definitions
            if isinstance(definition, OperationDefinitionNode)
        )
        return self._documents.keep(found) if reads or not asked.by_get else found

    async def _authenticate(
        self, authorization: str | None, deadline: Deadline
    ) -> tuple[Principal, Credential | None, AuthUnavailable | None]:
        """Who asks; while nobody can verify a credential the request is anonymous, and private fields say why."""
        if self._authenticator is None:
            return ANONYMOUS, None, None
        try:
            principal, credential = await self._authenticator.principal(authorization, AUTH_SHARE * deadline.left)
        except AuthUnavailable as unavailable:
            return ANONYMOUS, None, unavailable
        return principal, credential, None

    async def _execute(
        self, operation: Operation, variables: dict[str, Any], context: Context, deadline: Deadline
    ) -> Execution:
        """Links end themselves before the deadline; the timeout is the last resort, for what is no link."""
        try:
            async with self._clock.timeout(deadline.left):
                return await self._executor.execute(operation, variables, context)
        except TimeoutError:
            late = GraphQLError("late", original_error=DeadlinePassed("execution"))
            return Execution(None, (late,), started=True)

    def _present(self, execution: Execution, journey: Journey, keeping: Caching | None) -> Answer:
        ledger = journey.ledger
        unfit = None if execution.started else "BAD_USER_INPUT"
        errors = [self._shown(each, journey, unfit) for each in execution.errors]
        errors += [error(flaw, path=path) for path, flaw in ledger.partial]
        extensions: dict[str, Any] = {"degraded": [entry.shown() for entry in ledger.entries]} if ledger else {}
        if self._documents.says_registered and (found := journey.found) is not None:
            extensions["document"] = {"registered": found.registered, "id": found.id}
        return Answer(
            errors,
            execution.data,
            extensions,
            started=execution.started,
            unfit=not execution.started,
            degraded=ledger.counts,
            caching=keeping,
        )

    def _shown(self, found: GraphQLError, journey: Journey, code: str | None = None) -> dict[str, Any]:
        """An error as the client sees it: of what happened inside, nothing but its code.

        ``code`` is given for what stands in the document or its variables, where graphql-core's message is shown.
        """
        where: dict[str, Any] = {}
        if found.locations:
            where["locations"] = [{"line": at.line, "column": at.column} for at in found.locations]
        if found.path:
            where["path"] = found.path
        cause: BaseException | None = found
        while isinstance(cause, GraphQLError):
            cause = cause.original_error
        if code is None and _is_about_arguments(found):
            code = "BAD_USER_INPUT"
        if code is not None:
            # What the reading of a value raised is Python's or ours, and its words are not for the client.
            message = found.message if cause is None else "A value does not fit its type."
            return {"message": message, **where, "extensions": {"code": code}}
        if not isinstance(cause, BffError) or isinstance(cause, Bug):
            # Also graphql-core's own complaints about a value: they repeat it, and the client must not read it.
            self._tell_bug(cause or found, journey)
            cause = Bug("a field failed")
        return error(cause, **where)

    def _tell_bug(self, bug: BaseException, journey: Journey) -> None:
        if id(bug) not in journey.bugs:  # one bug of a loader stands at every position that waited for it
            journey.bugs[id(bug)] = bug
            self._observer.observe(BugFound("graphql", journey.sender.request_id, bug))


def _check_method(asked: Asked, operation: Operation) -> None:
    if asked.by_get and operation.definition.operation is not OperationType.QUERY:
        raise MethodRefused("A GET only reads: send this operation by POST.", ["POST"])


def _is_about_arguments(found: GraphQLError) -> bool:
    """Whether an argument did not fit once its variables were known: the client's doing, noticed at execution.

    graphql-core points at the argument's value then; what it says of a result points at a field, or nowhere.
    """
    cause = found.original_error
    nodes = cause.nodes if isinstance(cause, GraphQLError) else None
    return bool(nodes) and all(isinstance(node, ValueNode) for node in nodes or ())
