"""What is laid around aiodataloader: the shield, the deadline and the owner, one test each."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.graphql.shelf import World, author_by_id, left_over, room


class OneAuthor(World):
    """Every book is by the same author and stands somewhere else."""

    def points_at(self, owner: str, field: str) -> str | None:
        return "x" if field == "a" else super().points_at(owner, field)


async def test_a_failing_non_null_sibling_leaves_the_other_fields_complete() -> None:
    """A field that nulls its parent cancels its sibling there, and nobody else who waits for the sibling's key."""
    async with room(OneAuthor()) as here:
        here.doubles["authors"].transport.hold()
        here.doubles["shelves"].fail(500)
        running = asyncio.create_task(
            here.run(
                """{
                  a: book(id: "b1") { author { name } stand { label } }
                  b: book(id: "b2") { title author { name } }
                }"""
            )
        )
        await here.clock.settle()
        here.doubles["authors"].transport.let_go()
        read = await running

        assert left_over() == set()
        assert read.data == {"a": None, "b": {"title": "Title b2", "author": {"name": "Name x"}}}
        assert read.codes == {"a.stand": "SERVICE_ERROR"}
        assert here.calls == {"books GET /books": 1, "shelves GET /shelves": 1, "authors GET /authors": 1}
        assert here.doubles["authors"].transport.cancelled == 0


async def test_a_waiter_that_times_out_leaves_the_other_fields_complete() -> None:
    """Who still waits when the time less the reserve is up is answered for, at that instant and not by the channel."""
    async with room(OneAuthor()) as here:
        here.doubles["authors"].transport.hold()
        running = asyncio.create_task(
            here.run(
                """{
                  a: book(id: "b1") { title author { name } writer { name } }
                  b: book(id: "b2") { title shelf { label } author { name } }
                }""",
                seconds=1.0,
                reserve=0.2,
            )
        )
        await here.clock.advance(0.79)
        assert not running.done()
        await here.clock.advance(0.01)
        assert running.done()
        read = await running

        assert left_over() == set()
        assert read.data == {
            "a": {"title": "Title b1", "author": None, "writer": {"name": "Somebody"}},
            "b": {"title": "Title b2", "shelf": {"label": "Label b2.s"}, "author": None},
        }
        assert read.codes == {"a.author": "DEADLINE_EXCEEDED", "b.author": "DEADLINE_EXCEEDED"}
        assert here.calls == {"books GET /books": 1, "shelves GET /shelves": 1, "authors GET /authors": 1}
        assert here.doubles["authors"].transport.cancelled == 1


async def test_a_waiter_does_not_wait_for_a_call_that_cannot_be_stopped() -> None:
    """The request's end does not hang on how fast a call hears of it: the answer is there before the call has ended."""
    released = asyncio.Event()

    async def stubborn(_request: httpx.Request) -> httpx.Response:
        try:
            await asyncio.Event().wait()
        finally:
            await released.wait()
        raise AssertionError

    async with room(answers={"authors": stubborn}) as here:
        async with here.scope(seconds=1.0, reserve=0.2) as scope:
            waiting = asyncio.create_task(scope.load(author_by_id, "x"))
            await here.clock.advance(0.8)

            assert waiting.done()
            assert type((await waiting).error).__name__ == "DeadlinePassed"
            assert here.doubles["authors"].transport.pending == 1
        assert here.reads["authors"].flights.under_way() == 1
        released.set()


QUERY = """{
  book(id: "b1") { title author { name books(first: 2) { edges { node { title sequel { title } } } } } }
  shelf(id: "s1") { label rows { cells { book { title author { name } } } } }
  author(id: "a1") { life newest { stand { label } } }
}"""


async def test_a_client_that_disconnects_takes_along_what_nobody_else_awaits() -> None:
    """Who goes away alone ends every call that was begun for it, and leaves no task."""
    async with room() as here:
        held = here.doubles["authors"].transport
        held.hold()
        leaving = asyncio.create_task(here.run(QUERY))
        await here.clock.settle()
        begun = held.pending
        assert begun == len(held.requests) > 1

        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        await here.clock.settle()
        assert left_over() == set()
        assert (held.cancelled, held.pending) == (begun, 0)


async def test_a_client_that_disconnects_harms_no_other_request() -> None:
    """What another request awaits goes on though the one that began it has left, and is not asked for again."""
    async with room() as here:
        held = here.doubles["authors"].transport
        held.hold()
        leaving = asyncio.create_task(here.run(QUERY))
        await here.clock.settle()
        begun = list(held.targets)
        staying = asyncio.create_task(here.run(QUERY))
        await here.clock.settle()
        assert held.targets == begun

        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        await here.clock.settle()
        assert (held.cancelled, held.pending) == (0, len(begun))

        held.let_go()
        read = await staying
        assert left_over() == set()
        assert held.targets[: len(begun)] == begun
        assert len(set(held.targets)) == len(held.targets)
        assert (read.execution.errors, read.degraded) == ((), [])
        assert read.data["book"]["author"]["books"]["edges"][1]["node"]["sequel"]["title"] == "Title b1.a.p1.q"
        assert read.data["shelf"]["rows"][1]["cells"][1]["book"]["author"]["name"] == "Name s1.r1.c1.a"
        assert read.data["author"]["newest"][1]["stand"]["label"] == "Label a1.p1.s"


@pytest.mark.parametrize("cancellations", [1, 2])
async def test_a_client_may_disconnect_at_any_instant(cancellations: int) -> None:
    """No round of the loop is a bad one to be cancelled in, once or once more while it is being tidied up."""
    rounds = 0
    while True:
        async with room() as here:
            running = asyncio.create_task(here.run(QUERY))
            for _ in range(rounds):
                await asyncio.sleep(0)
            if running.done():
                break
            for _ in range(cancellations):
                running.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await running
            assert left_over() == set(), f"cancelled in round {rounds}"
        rounds += 1
    assert rounds > 20
