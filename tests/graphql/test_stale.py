"""An old value that stands in at a link: it is shown, and the ledger says whose, how old, where and why."""

from __future__ import annotations

import httpx

from bff_core.contract import Windows
from bff_core.testing.transport import json_reply
from tests.graphql.shelf import author_by_id, book_by_id, room

#: Kept for 5 s, and of use for a minute more when its service fails.
KEPT = Windows(fresh=5, stale_if_error=60)


async def test_an_old_value_is_shown_and_told() -> None:
    """The value stands in the answer, an entry with its age and reason in the ledger, and nothing in the errors."""
    async with room(windows={book_by_id: KEPT}) as here:
        query = '{ book(id: "b1") { title } }'
        whole = await here.run(query)
        await here.clock.advance(30.5)
        here.doubles["books"].fail()
        read = await here.run(query)
        assert (read.data, read.errors) == (whole.data, [])
        assert read.degraded == [
            {
                "path": "book",
                "service": "books",
                "source": "stale",
                "ageMs": 30_500,
                "reason": "SERVICE_ERROR",
                "count": 1,
                "paths": [["book"]],
            }
        ]
        assert (whole.degraded, here.doubles["books"].calls) == ([], 2)


async def test_a_kept_value_that_is_new_enough_is_not_degraded() -> None:
    """Within its fresh window a value serves as if it had just come, whether the service is well or not."""
    async with room(windows={book_by_id: KEPT}) as here:
        await here.run('{ book(id: "b1") { title } }')
        here.doubles["books"].fail()
        await here.clock.advance(4)
        read = await here.run('{ book(id: "b1") { title } }')
        assert (read.errors, read.degraded, here.doubles["books"].calls) == ([], [], 1)


async def test_old_values_at_one_position_are_one_entry_with_the_greatest_age() -> None:
    """Values of different ages below a list add up to one entry, with every path."""
    async with room(windows={author_by_id: KEPT}) as here:
        authors = {"b1": "a1", "b2": "a2"}
        here.doubles["books"].answer = lambda request: json_reply(
            {"items": [_book(one, authors[one]) for one in request.url.params.get_list("id")]}
        )
        await here.run('{ author(id: "a1") { name } }')
        await here.clock.advance(3)
        await here.run('{ author(id: "a2") { name } }')
        await here.clock.advance(7)
        here.doubles["authors"].fail()
        read = await here.run('{ books(ids: ["b1", "b2"]) { author { name } } }')
        (entry,) = read.degraded
        assert (entry["path"], entry["source"], entry["ageMs"], entry["count"]) == ("books.author", "stale", 10_000, 2)
        assert entry["paths"] == [["books", 0, "author"], ["books", 1, "author"]]
        assert read.errors == []


async def test_an_old_value_is_rather_shown_than_a_fallback() -> None:
    """What the service once said is nearer to the truth than what the declaration says."""
    async with room(windows={author_by_id: KEPT}) as here:
        query = '{ book(id: "b1") { writer { name } } }'
        whole = await here.run(query)
        await here.clock.advance(10)
        here.doubles["authors"].fail()
        read = await here.run(query)
        assert read.data == whole.data
        assert [(entry["path"], entry["source"]) for entry in read.degraded] == [("book.writer", "stale")]


async def test_an_old_value_is_shown_as_a_new_one_would_be() -> None:
    """``show`` makes the field's value from it."""
    async with room(windows={author_by_id: KEPT}) as here:
        query = '{ book(id: "b1") { authorName } }'
        await here.run(query)
        await here.clock.advance(10)
        here.doubles["authors"].fail()
        read = await here.run(query)
        assert read.data == {"book": {"authorName": "Name b1.a (en)"}}
        assert [entry["source"] for entry in read.degraded] == ["stale"]


async def test_a_list_tells_its_old_elements_and_its_lost_ones_apart() -> None:
    """Of a list over keys, what is old stands in as stale, what is lost is omitted; both at the list's path."""
    async with room(windows={book_by_id: KEPT}) as here:
        await here.run('{ books(ids: ["b1", "b2"]) { title } }')
        await here.clock.advance(10)
        here.doubles["books"].answer = lambda _request: httpx.Response(503)
        read = await here.run('{ books(ids: ["b1", "b2", "b3"]) { title } }')
        assert read.data == {"books": [{"title": "Title b1"}, {"title": "Title b2"}, None]}
        assert [(e["path"], e["source"], e["count"], e.get("ageMs")) for e in read.degraded] == [
            ("books", "stale", 2, 10_000),
            ("books", "omitted", 1, None),
        ]
        assert [path for path, _ in read.ledger.partial] == [["books"]]


def _book(id: str, author: str) -> dict[str, object]:
    return {
        "id": id,
        "title": f"Title {id}",
        "pages": 1,
        "author_id": author,
        "shelf_id": "s",
        "sequel_id": None,
        "similar_ids": [],
        "chapters": [],
    }
