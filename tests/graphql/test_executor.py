"""The executor: runs a prepared operation to its end and leaves no task behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import strawberry

from bff_core.graphql.context import Context
from bff_core.graphql.link import Argument, link
from bff_core.graphql.schema import build_schema
from tests.graphql.shelf import SERVICES, BookView, World, book_by_id, left_over, room


def _fail() -> str:
    raise ValueError("no")


class NoPages(World):
    """A world whose books have no pages, so that their number cannot be told."""

    def pages(self, id: str) -> int:
        return 0


async def test_an_operation_runs_with_its_variables() -> None:
    """Variables reach the fields; what nobody sent has its default."""
    async with room() as here:
        read = await here.run(
            "query Q($id: ID!, $loud: Boolean = true) { book(id: $id) { heading(loud: $loud) } }", {"id": "b1"}
        )
        assert read.execution.started
        assert read.execution.errors == ()
        assert read.data == {"book": {"heading": "TITLE B1 (en)"}}


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "Variable '$id' has invalid value: Expected a value of non-null type 'ID!' to be provided."),
        ({"id": None}, "Variable '$id' has invalid value: Expected value of non-null type 'ID!' not to be None."),
        ({"id": {}}, "Variable '$id' has invalid value: ID cannot represent value: {}"),
        ({"id": "b1", "n": "many"}, "Variable '$n' has invalid value: Int cannot represent non-integer value: 'many'"),
    ],
)
async def test_variables_that_do_not_fit_start_nothing(variables: dict[str, Any], sentence: str) -> None:
    """An operation whose variables do not fit has not started: no data, no call, errors without a path."""
    async with room() as here:
        read = await here.run(
            "query($id: ID!, $n: Int = 1) { author(id: $id) { books(first: $n) { totalCount } } }", variables
        )
        assert not read.execution.started
        assert read.data is None
        assert [str(error.message) for error in read.execution.errors] == [sentence]
        assert [error.path for error in read.execution.errors] == [None]
        assert here.calls == {}


async def test_an_operation_that_is_all_null_has_started() -> None:
    """An error with a path means that something ran, also when nothing is left of the answer."""

    @strawberry.type(description="A root.")
    class Query:
        must: str = strawberry.field(resolver=_fail, description="Fails.")

    schema = build_schema(Query, ())
    async with room(schema=schema) as here:
        read = await here.run("{ must }")
        assert read.data is None
        assert read.execution.started
        assert [path for path, _ in read.errors] == ["must"]


async def test_an_operation_that_waits_for_nothing_is_run_at_once() -> None:
    """Where no field reaches a service nothing is awaited."""
    async with room() as here:
        read = await here.run("{ hello __typename }")
        assert read.data == {"hello": "hello", "__typename": "Query"}


async def test_the_error_is_what_the_resolver_raised() -> None:
    """``original_error`` is the exception itself, and the path its field's."""
    async with room() as here:
        here.doubles["books"].fail(418)
        read = await here.run('{ x: book(id: "b1") { title } }')
        (error,) = read.execution.errors
        assert error.path == ["x"]
        assert str(error.original_error) == "books GET /books answered 418"


async def test_a_field_that_fails_at_once_leaves_no_sibling_running() -> None:
    """A field that nulls its parent without waiting ends its siblings; what they would have told is not told."""
    async with room(NoPages()) as here:
        here.doubles["authors"].transport.hold()
        read = await here.run('{ a: book(id: "b1") { author { name } writer { name } exactPages } hello }')

        assert left_over() == set()
        assert read.data == {"a": None, "hello": "hello"}
        assert [path for path, _ in read.errors] == ["a.exactPages"]
        assert read.degraded == []
        assert here.clock.monotonic() == 0.0
        here.doubles["authors"].transport.let_go()


async def test_what_goes_on_in_the_background_has_ended_with_the_execution() -> None:
    """When the executor returns nothing of the execution runs, though the scope is still open."""
    async with room(NoPages()) as here:
        here.doubles["authors"].transport.hold()
        async with here.scope() as scope:
            operation = here.operations.prepare(
                '{ a: book(id: "b1") { author { name } similar { author { name } } exactPages } hello }'
            )
            execution = await here.executor.execute(operation, {}, Context(scope))
            assert execution.data == {"a": None, "hello": "hello"}
            assert left_over() <= {task for task in left_over() if "dispatch" in repr(task)}
        assert left_over() == set()


async def test_a_root_that_fails_at_once_leaves_nothing_running() -> None:
    """Nor does one whose failure takes the whole answer along."""

    @strawberry.type(description="A root.")
    class Query:
        book: BookView | None = link(book_by_id, key=Argument("id", strawberry.ID, "An id."), description="A book.")

        must: str = strawberry.field(resolver=_fail, description="Fails.")

    async with room(schema=build_schema(Query, SERVICES)) as here:
        here.doubles["books"].transport.hold()
        read = await here.run('{ book(id: "b1") { title } must }')

        assert left_over() == set()
        assert read.data is None
        assert [path for path, _ in read.errors] == ["must"]
        assert read.degraded == []
        here.doubles["books"].transport.let_go()


async def test_a_cancelled_execution_leaves_no_task_and_no_entry() -> None:
    """A cancellation is raised when all has ended; the ledger keeps what it had."""
    async with room() as here:
        here.doubles["authors"].transport.hold()
        scope = here.scope()
        async with scope:
            context = Context(scope)
            operation = here.operations.prepare('{ book(id: "b1") { author { name } similar { author { name } } } }')
            running = asyncio.create_task(here.executor.execute(operation, {}, context))
            await here.clock.settle()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert left_over() == set()
            assert not context.ledger
        assert left_over() == set()


async def test_a_resolver_that_waits_for_something_else_is_cancelled() -> None:
    """A resolver by code that waits for no service cannot keep a cancelled execution alive."""
    ended: list[str] = []

    async def wait() -> str | None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return None

    @strawberry.type(description="A root.")
    class Query:
        never: str | None = strawberry.field(resolver=wait, description="Never comes.")

    async with room(schema=build_schema(Query, ())) as here:
        running = asyncio.create_task(here.run("{ a: never b: never }"))
        await here.clock.settle()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert ended == ["cancelled", "cancelled"]
        assert left_over() == set()


async def test_executions_do_not_meet() -> None:
    """Two requests at once have their own scopes, calls and ledgers."""
    async with room() as here:
        here.doubles["authors"].fail(500)
        query = "query($id: ID!) { book(id: $id) { title author { name } } }"
        one, other = await asyncio.gather(here.run(query, {"id": "b1"}), here.run(query, {"id": "b2"}))

        assert (one.data["book"]["title"], other.data["book"]["title"]) == ("Title b1", "Title b2")
        assert (one.scope.calls, other.scope.calls) == (2, 2)
        assert [len(one.degraded), len(other.degraded)] == [1, 1]
