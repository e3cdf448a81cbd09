"""The executor: runs a prepared operation. One small interface, so that another engine can stand behind it.

What an implementation must keep:

- it awaits nothing once it returns, and leaves no task of its own behind, also when it is cancelled;
- an error is located: its path is the field's, or its nearest nullable ancestor's fields below it;
- ``original_error`` of each error is what the resolver raised, untouched;
- what stands in the context's ``denied`` is refused and not resolved. The schema's resolvers see to that; who goes past
  them, by a link's batched form, sees to it too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Protocol

from graphql import ExecutionResult, GraphQLError, execute
from graphql.execution import AsyncWorkFinishedInfo, ExecutionHooks
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from bff_core.errors import Bug
from bff_core.graphql.context import Context
from bff_core.graphql.operations import Operation
from bff_core.graphql.schema import Schema
from bff_core.loading.shielded import shielded

#: Rounds of the loop that fields may take to end once nothing waits for a service; each level of an answer takes a few.
MOST_ROUNDS = 2_000


@dataclass(frozen=True, slots=True)
class Execution:
    """What running an operation gave. ``started`` is False when its variables did not fit, so that nothing ran."""

    data: dict[str, Any] | None
    errors: tuple[GraphQLError, ...]
    started: bool


class Executor(Protocol):
    """Runs one prepared operation for one request."""

    async def execute(self, operation: Operation, variables: Mapping[str, Any], context: Context) -> Execution:
        """Run it to its end."""


class StrawberryExecutor:
    """graphql-core's execution under Strawberry's execution context, on the document prepared before."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema._schema

    async def execute(self, operation: Operation, variables: Mapping[str, Any], context: Context) -> Execution:
        """Run it to its end; a cancellation is raised when everything begun has ended."""
        run = _Run(context)
        outcome = execute(
            self._schema,
            operation.document,
            variable_values=dict(variables),
            operation_name=operation.name,
            context_value=context,
            executor_class=StrawberryGraphQLCoreExecutionContext,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]  # says bool where a TypeGuard is meant
            hide_suggestions=True,
            hooks=ExecutionHooks(async_work_finished=run.note_finished),
        )
        result = await run.result_of(outcome) if isawaitable(outcome) else outcome
        if not run.finished:
            await shielded(run.end())
        if not isinstance(result, ExecutionResult):
            raise Bug("an operation was executed in parts, which no schema of ours asks for")
        errors = tuple(result.errors or ())
        started = result.data is not None or any(error.path for error in errors)
        return Execution(result.data, errors, started)


class _Run:
    """One execution and what it leaves to be ended.

    graphql-core returns while something still runs in two cases. A field that fails at once does not wait for its
    siblings, which go on in the background. And a cancellation is raised before the deepest fields have heard of it; a
    field that had not begun when it comes is never awaited. So nothing here is cancelled: the scope gives up instead,
    whoever waits for a service is handed its outcome, and the execution ends by itself from the bottom up.
    """

    def __init__(self, context: Context) -> None:
        self.finished = False
        self._context = context
        self._task: asyncio.Future[Any] | None = None

    def note_finished(self, _info: AsyncWorkFinishedInfo) -> None:
        """graphql-core has nothing under way any more."""
        self.finished = True

    async def result_of(self, running: Awaitable[Any]) -> Any:
        """The result; a cancellation comes through when everything has ended."""
        self._task = asyncio.ensure_future(running)
        try:
            return await asyncio.shield(self._task)
        except asyncio.CancelledError:
            await shielded(self.end())
            raise

    async def end(self) -> None:
        """Let what still runs end without an effect. What waits for something else than a service is cancelled."""
        self._context.ledger.close()
        self._context.scope.give_up()
        for _ in range(MOST_ROUNDS):
            if self.finished:
                break
            await asyncio.sleep(0)
        if self._task is not None and not self._task.done():
            self._task.cancel()
        if self._task is not None:
            await asyncio.wait([self._task])
