"""Links: from a parent to a key, from an outcome to a value, a fallback, null or an error; what the ledger hears."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import strawberry

from bff_core.auth.principal import ANONYMOUS
from bff_core.contract import DeclarationError, Record, Service
from bff_core.errors import BadRequest
from bff_core.graphql.link import METADATA, NOTHING, Argument, Link, link, link_over, opaque
from bff_core.graphql.schema import build_schema
from bff_core.testing.transport import json_reply
from tests.graphql.shelf import (
    SCHEMA,
    SERVICES,
    SOMEBODY,
    World,
    author_by_id,
    biography,
    book_by_id,
    books_of,
    editions,
    my_shelf,
    room,
    search,
)


class Missing(World):
    """A world in which some ids name nothing."""

    def __init__(self, *ids: str) -> None:
        self._ids = ids

    def has(self, kind: str, key: str) -> bool:
        return key not in self._ids


class Nowhere(World):
    """A world whose nullable pointers point at nothing, and whose books have the author ``x``."""

    def points_at(self, owner: str, field: str) -> str | None:
        return {"q": None, "fav": None, "a": "x"}.get(field, super().points_at(owner, field))


def omitted(path: str, service: str, reason: str, *paths: list[str | int]) -> dict[str, Any]:
    """An entry of ``extensions.degraded`` for what was left out."""
    return {
        "path": path,
        "service": service,
        "source": "omitted",
        "reason": reason,
        "count": len(paths),
        "paths": list(paths),
    }


# Keys


async def test_an_attribute_is_the_key() -> None:
    """The parent's attribute names what is linked; the record is the value."""
    async with room() as here:
        read = await here.run('{ book(id: "b1") { author { id name } } }')

        assert read.data == {"book": {"author": {"id": "b1.a", "name": "Name b1.a"}}}
        assert here.targets == ["GET /authors?ids=b1.a", "GET /books?id=b1"]


async def test_an_argument_is_the_key() -> None:
    """At the root the client says the key; two aliases are two keys of one call."""
    async with room() as here:
        read = await here.run(
            'query($id: ID!) { a: author(id: $id) { name } b: author(id: "y") { name } }', {"id": "x"}
        )

        assert read.data == {"a": {"name": "Name x"}, "b": {"name": "Name y"}}
        assert here.targets == ["GET /authors?ids=x,y"]


async def test_a_list_argument_is_many_keys() -> None:
    """A list of ids is a list of things in its order, null where there is none."""
    async with room(Missing("b2")) as here:
        read = await here.run('{ books(ids: ["b3", "b2", "b1"]) { id } }')

        assert read.data == {"books": [{"id": "b3"}, None, {"id": "b1"}]}
        assert read.errors == []
        assert here.calls == {"books GET /books": 1}


async def test_a_composite_key_is_made_of_attribute_and_argument() -> None:
    """Key parts go down together; the argument's default counts and ``convert`` is applied to it."""
    async with room() as here:
        read = await here.run('{ book(id: "b1") { a: edition { language } b: edition(language: "DE") { language } } }')

        assert read.data == {"book": {"a": {"language": "en"}, "b": {"language": "de"}}}
        (request,) = [r for r in here.doubles["books"].transport.requests if r.method == "POST"]
        assert request.content == (b'{"editions":[{"book_id":"b1","language":"en"},{"book_id":"b1","language":"de"}]}')


async def test_an_argument_that_cannot_be_converted_is_a_bad_request() -> None:
    """``convert`` refuses what it cannot take; nothing is asked for and nothing is degraded."""
    async with room() as here:
        read = await here.run('{ book(id: "b1") { title edition(language: "e1") { language } } }')

        assert read.data == {"book": {"title": "Title b1", "edition": None}}
        assert [(path, type(error), str(error)) for path, error in read.errors] == [
            ("book.edition", BadRequest, "e1 is no language.")
        ]
        assert read.degraded == []
        assert here.calls == {"books GET /books": 1}


async def test_a_mapping_says_which_parameter_is_what() -> None:
    """An endpoint with parameters gets each from where the mapping says."""
    async with room() as here:
        await here.run('{ search(text: "whales & sons", first: 2) { total_count: totalCount } }')
        await here.run('{ booksBy(author: "a1", after: "p5") { totalCount } }')

        assert sorted(here.targets) == [
            "GET /authors/a1/books?limit=3&cursor=p5",
            "GET /search?q=whales+%26+sons&limit=2",
        ]


async def test_a_key_that_is_null_asks_nobody() -> None:
    """A parent without the key has null, and nothing is degraded."""
    async with room(Nowhere()) as here:
        read = await here.run('{ book(id: "b1") { sequel { id } } author(id: "a1") { favourite { id } } }')

        assert read.data == {"book": {"sequel": None}, "author": {"favourite": None}}
        assert (read.errors, read.degraded) == ([], [])
        assert here.calls == {"books GET /books": 1, "authors GET /authors": 1}


async def test_a_key_that_can_name_nothing_asks_nobody() -> None:
    """An id that no id can look like is null without a call, and not an error."""
    async with room() as here:
        read = await here.run(
            '{ author(id: "../admin") { name } book(id: "") { title } booksBy(author: "?") { totalCount } }'
        )

        assert read.data == {"author": None, "book": None, "booksBy": None}
        assert (read.errors, read.degraded, here.calls) == ([], [], {})


async def test_a_list_attribute_is_a_list() -> None:
    """All keys of a list go down together with those of its neighbours, in chunks."""
    async with room() as here:
        read = await here.run('{ a: book(id: "b1") { similar { id } } b: book(id: "b2") { similar { id } } }')

        assert read.data["a"] == {"similar": [{"id": "b1.l0"}, {"id": "b1.l1"}, {"id": "b1.l2"}]}
        assert here.targets == [
            "GET /books?id=b1&id=b2",
            "GET /books?id=b1.l0&id=b1.l1&id=b1.l2&id=b2.l0",
            "GET /books?id=b2.l1&id=b2.l2",
        ]


@pytest.mark.parametrize(
    ("field", "shown"),
    [("similar", [{"id": "b1.l0"}, {"id": "b1.l2"}]), ("similarOrNull", [{"id": "b1.l0"}, None, {"id": "b1.l2"}])],
)
async def test_a_list_drops_what_is_missing_or_has_a_gap(field: str, shown: list[Any]) -> None:
    """What a list attribute names and the service does not have is dropped or null, as the link says; no error."""
    async with room(Missing("b1.l1")) as here:
        read = await here.run(f'{{ book(id: "b1") {{ list: {field} {{ id }} }} }}')

        assert read.data == {"book": {"list": shown}}
        assert (read.errors, read.degraded) == ([], [])


async def test_depth_does_not_split_a_batch() -> None:
    """Fields below the same answer share their calls, though plain lists lie between some of them and it."""
    async with room() as here:
        await here.run('{ shelf(id: "s1") { top { author { name } } rows { cells { book { author { name } } } } } }')

        assert here.calls == {"shelves GET /shelves": 1, "books GET /books": 2, "authors GET /authors": 1}


async def test_an_empty_list_asks_nobody() -> None:
    """No keys, no call, an empty list."""

    class Empty(World):
        def amount(self, owner: str, field: str, most: int) -> int:
            return 0

    async with room(Empty()) as here:
        read = await here.run('{ book(id: "b1") { similar { id } } }')

        assert read.data == {"book": {"similar": []}}
        assert here.calls == {"books GET /books": 1}


async def test_many_things_for_one_key() -> None:
    """An endpoint that has any number of things for a key gives a list, which may be empty."""

    class None1(World):
        def amount(self, owner: str, field: str, most: int) -> int:
            return 0 if owner == "b2" else most

    async with room(None1()) as here:
        read = await here.run('{ books(ids: ["b1", "b2"]) { notes { id writer { name } } } }')

        first, second = read.data["books"]
        assert first == {
            "notes": [
                {"id": "b1.n0", "writer": {"name": "Name b1.n0.w"}},
                {"id": "b1.n1", "writer": {"name": "Name b1.n1.w"}},
            ]
        }
        assert second == {"notes": []}
        assert here.calls == {"books GET /books": 1, "books GET /notes": 1, "authors GET /authors": 1}


# Pages


async def test_a_page_has_the_services_cursors() -> None:
    """``first`` and ``after`` go down as they are; what comes is shown with the service's own cursors."""
    async with room() as here:
        read = await here.run(
            '{ author(id: "a1") { books(first: 2, after: "c") { totalCount edges { cursor node { id } } } } }'
        )

        assert read.data["author"]["books"] == {
            "totalCount": 99,
            "edges": [
                {"cursor": "a1c.p0", "node": {"id": "a1c.p0"}},
                {"cursor": "a1c.p1", "node": {"id": "a1c.p1"}},
            ],
        }
        assert here.targets[-1] == "GET /authors/a1/books?limit=2&cursor=c"


async def test_a_page_has_a_default_size() -> None:
    """Without ``first`` the page has the size that the link says."""
    async with room() as here:
        read = await here.run('{ author(id: "a1") { books { nodes { id } } } search { nodes { id } } }')

        assert len(read.data["author"]["books"]["nodes"]) == 3
        assert len(read.data["search"]["nodes"]) == 5


@pytest.mark.parametrize("first", [0, -1, 11, 2**31 - 1])
async def test_a_page_size_out_of_bounds_is_a_bad_request(first: int) -> None:
    """``first`` is from 1 to what the service gives at most; the sentence says so and nothing is asked."""
    async with room() as here:
        read = await here.run("query($n: Int!) { hello search(first: $n) { totalCount } }", {"n": first})

        assert read.data == {"hello": "hello", "search": None}
        assert [(path, str(error)) for path, error in read.errors] == [
            ("search", f"first must be from 1 to 10, not {first}.")
        ]
        assert read.codes == {"search": "BAD_REQUEST"}
        assert (read.degraded, here.calls) == ([], {})


async def test_a_page_without_paging_has_one_size() -> None:
    """With ``paging=False`` the client has no say, and ``show`` makes a list of the page."""
    async with room() as here:
        read = await here.run('{ author(id: "a1") { newest { id } } }')

        assert read.data == {"author": {"newest": [{"id": "a1.p0"}, {"id": "a1.p1"}]}}
        assert here.targets == ["GET /authors?ids=a1", "GET /authors/a1/books?limit=2"]


async def test_show_makes_the_value() -> None:
    """``show`` gets the record and the request's context, and is not asked when there is no record."""
    async with room(Missing("b2.a")) as here:
        read = await here.run('{ books(ids: ["b1", "b2"]) { authorName } }', locale="de")

        assert read.data == {"books": [{"authorName": "Name b1.a (de)"}, {"authorName": None}]}


async def test_a_get_below_parents_is_a_call_each() -> None:
    """An endpoint without a batch form is asked once for every parent; a 404 is null."""
    async with room(Missing("b2.a")) as here:
        here.doubles["authors"].answer = lambda request: (
            httpx.Response(404)
            if "b2.a" in request.url.path
            else json_reply({"author_id": "x", "text": "long"})
            if "biography" in request.url.path
            else json_reply({"items": [World().author(one) for one in ("b1.a", "b2.a")]})
        )
        read = await here.run('{ books(ids: ["b1", "b2"]) { author { life } } }')

        assert read.data == {"books": [{"author": {"life": "long"}}, {"author": {"life": None}}]}
        assert (read.errors, read.degraded) == ([], [])
        assert here.calls["authors GET /authors/{author_id}/biography"] == 2


# When there is none


async def test_what_is_not_there_is_null() -> None:
    """NotFound is an answer: null, no error, nothing degraded."""
    async with room(Missing("b1.a", "a1")) as here:
        read = await here.run('{ book(id: "b1") { author { name } } author(id: "a1") { name } }')

        assert read.data == {"book": {"author": None}, "author": None}
        assert (read.errors, read.degraded) == ([], [])


async def test_what_is_not_there_is_the_fallback_of_a_field_that_cannot_be_null() -> None:
    """A fallback stands in for what does not exist too, and then nothing is degraded."""
    async with room(Missing("b1.a")) as here:
        read = await here.run('{ book(id: "b1") { writer { name } } }')

        assert read.data == {"book": {"writer": {"name": "Somebody"}}}
        assert (read.errors, read.degraded) == ([], [])


async def test_a_critical_link_without_a_thing_nulls_its_parent() -> None:
    """What must be there and is not nulls the nearest nullable ancestor, as NOT_FOUND; no service failed."""
    async with room(Missing("b1.a")) as here:
        read = await here.run('{ books(ids: ["b1", "b2"]) { owner { name } } }')

        assert read.data == {"books": [None, {"owner": {"name": "Name b2.a"}}]}
        assert read.codes == {"books.0.owner": "NOT_FOUND"}
        assert read.degraded == []


# When a service fails


async def test_a_failing_service_leaves_null_and_says_so_twice() -> None:
    """An omitted field stands in ``errors`` and in the ledger, with the same path; the rest is complete."""
    async with room() as here:
        here.doubles["authors"].fail(500)
        read = await here.run('{ book(id: "b1") { title author { name } } hello }')

        assert read.data == {"book": {"title": "Title b1", "author": None}, "hello": "hello"}
        assert read.codes == {"book.author": "SERVICE_ERROR"}
        assert read.degraded == [omitted("book.author", "authors", "SERVICE_ERROR", ["book", "author"])]


async def test_a_fallback_stands_in_the_ledger_alone() -> None:
    """A value that was replaced is no error."""
    async with room() as here:
        here.doubles["authors"].answer = lambda _request: httpx.ConnectError("refused")
        read = await here.run('{ book(id: "b1") { writer { name } } }')

        assert read.data == {"book": {"writer": {"name": "Somebody"}}}
        assert read.errors == []
        assert read.degraded == [
            omitted("book.writer", "authors", "SERVICE_UNREACHABLE", ["book", "writer"]) | {"source": "fallback"}
        ]


@strawberry.type(description="A root.")
class Fallbacks:
    """Fields with a fallback and ``show``."""

    word: str | None = link(
        author_by_id,
        key=Argument("id", strawberry.ID, "An id."),
        fallback=SOMEBODY,
        show=lambda author, _info: author.name,
        description="A name.",
    )
    nothing: str | None = link(
        author_by_id,
        key=Argument("id", strawberry.ID, "An id."),
        fallback=None,
        show=lambda author, _info: author.name,
        description="A name, or null without an error.",
    )
    mine: str | None = link(
        my_shelf, fallback=None, show=lambda shelf, _info: shelf.label, description="The reader's own."
    )


async def test_a_fallback_is_shown_as_the_record_would_be() -> None:
    """``show`` is applied to a fallback too, but not to one that is null."""
    query = '{ word(id: "a1") nothing(id: "a1") }'
    async with room(Missing("a1"), schema=build_schema(Fallbacks, SERVICES)) as here:
        read = await here.run(query)
        assert read.data == {"word": "Somebody", "nothing": None}
        assert (read.errors, read.degraded) == ([], [])

        here.doubles["authors"].fail(500)
        read = await here.run(query)
        assert read.data == {"word": "Somebody", "nothing": None}
        assert read.errors == []
        assert [(entry["path"], entry["source"]) for entry in read.degraded] == [
            ("word", "fallback"),
            ("nothing", "fallback"),
        ]


async def test_a_fallback_for_a_client_that_may_not_see_it_is_not_degraded() -> None:
    """No service failed, so the ledger is silent."""
    async with room(schema=build_schema(Fallbacks, SERVICES)) as here:
        read = await here.run("{ mine }", principal=ANONYMOUS)
        assert read.data == {"mine": None}
        assert (read.errors, read.degraded, here.calls) == ([], [], {})


async def test_a_failing_critical_link_nulls_its_nearest_nullable_ancestor() -> None:
    """A critical link takes its parent along, up to what may be null, and never more."""
    async with room() as here:
        here.doubles["authors"].fail(503)
        read = await here.run('{ a: book(id: "b1") { owner { name } } b: book(id: "b2") { title } }')

        assert read.data == {"a": None, "b": {"title": "Title b2"}}
        assert read.codes == {"a.owner": "SERVICE_ERROR"}
        assert read.degraded == [omitted("a.owner", "authors", "SERVICE_ERROR", ["a", "owner"])]


async def test_who_may_not_see_it_is_told_and_nothing_is_degraded() -> None:
    """A client's fault is an error of its field; no service failed, so the ledger is silent."""
    async with room() as here:
        read = await here.run("{ hello mine { id } loans { book { id } } }", principal=ANONYMOUS)

        assert read.data == {"hello": "hello", "mine": None, "loans": None}
        assert read.codes == {"mine": "UNAUTHENTICATED", "loans": "UNAUTHENTICATED"}
        assert (read.degraded, here.calls) == ([], {})


def _only(*good: str, bad: str | None = None) -> Callable[[httpx.Request], httpx.Response]:
    """Answers one call of books: a 500 for calls with the key ``bad``, else a row each."""

    def answer(request: httpx.Request) -> httpx.Response:
        keys = request.url.params.get_list("id")
        return httpx.Response(500) if bad in keys else json_reply({"items": [World().book(key) for key in keys]})

    return answer


async def test_a_list_with_some_failed_keys_is_partial() -> None:
    """The keys that have their records stand; the failed ones are told at the list's path, once each."""
    query = '{ a: book(id: "b1") { similar { id } } b: book(id: "b2") { similar { id } } }'
    async with room() as here:
        here.doubles["books"].answer = _only(bad="b2.l1")
        read = await here.run(query)

        assert read.data == {
            "a": {"similar": [{"id": "b1.l0"}, {"id": "b1.l1"}, {"id": "b1.l2"}]},
            "b": {"similar": [{"id": "b2.l0"}]},
        }
        assert read.errors == []
        path: list[str | int] = ["b", "similar"]
        assert read.degraded == [omitted("b.similar", "books", "SERVICE_ERROR", path, path)]
        assert [(at, error.code) for at, error in read.ledger.partial] == [(path, "SERVICE_ERROR")] * 2


async def test_a_list_whose_elements_may_be_null_keeps_the_failed_ones_place() -> None:
    """Without ``missing="drop"`` a failed key is null in its place."""
    async with room() as here:
        here.doubles["books"].answer = _only(bad="b4")
        read = await here.run('{ books(ids: ["b0", "b1", "b2", "b3", "b4"]) { id } }')

        assert read.data == {"books": [{"id": f"b{n}"} for n in range(4)] + [None]}
        assert [(at, error.code) for at, error in read.ledger.partial] == [(["books"], "SERVICE_ERROR")]


async def test_a_list_whose_keys_all_failed_is_omitted() -> None:
    """When no key was answered for, the list is null with one error, not an empty list that looks true."""
    async with room() as here:
        here.doubles["books"].answer = _only(bad="b1.l1")
        read = await here.run('{ book(id: "b1") { similar { id } } }')

        assert read.data == {"book": {"similar": None}}
        assert read.codes == {"book.similar": "SERVICE_ERROR"}
        assert read.degraded == [omitted("book.similar", "books", "SERVICE_ERROR", ["book", "similar"])]
        assert read.ledger.partial == []


async def test_rows_that_cannot_be_read_are_told_at_their_list() -> None:
    """A page stands without its unreadable rows; each is told as an error of the page."""
    async with room() as here:
        rows: list[dict[str, Any]] = [World().book("x1"), {"id": "x2"}, World().book("x3"), {"id": "x4"}]
        here.doubles["authors"].answer = lambda _request: json_reply(
            {"items": rows, "cursors": ["1", "2", "3", "4"], "next": None, "total": 4}
        )
        read = await here.run('{ booksBy(author: "a") { nodes { id } totalCount } }')

        assert read.data == {"booksBy": {"nodes": [{"id": "x1"}, {"id": "x3"}], "totalCount": 4}}
        path: list[str | int] = ["booksBy"]
        assert read.degraded == [omitted("booksBy", "authors", "SERVICE_BAD_PAYLOAD", path, path)]
        assert [(at, error.code) for at, error in read.ledger.partial] == [(path, "SERVICE_BAD_PAYLOAD")] * 2


async def test_one_unreadable_row_of_a_batch_is_its_own_keys_error() -> None:
    """A bad element costs its own field and no other."""
    async with room() as here:
        here.doubles["books"].answer = lambda _request: json_reply(
            {"items": [World().book("b2"), {"id": "b1", "title": 5}]}
        )
        read = await here.run('{ a: book(id: "b1") { title } b: book(id: "b2") { title } }')

        assert read.data == {"a": None, "b": {"title": "Title b2"}}
        assert read.codes == {"a": "SERVICE_BAD_PAYLOAD"}


async def test_the_ledger_adds_up() -> None:
    """One entry per position, service, source and reason; it counts on beyond the paths it lists."""
    async with room() as here:
        here.doubles["authors"].fail(500)
        ids = [f"b{n}" for n in range(23)]
        read = await here.run(
            "query($ids: [ID!]!) { books(ids: $ids) { author { name } writer { name } } }", {"ids": ids}
        )

        assert [(e["path"], e["source"], e["count"], len(e["paths"])) for e in read.degraded] == [
            ("books.author", "omitted", 23, 20),
            ("books.writer", "fallback", 23, 20),
        ]
        assert read.degraded[0]["paths"][19] == ["books", 19, "author"]
        assert len(read.errors) == 23


# Opaque


async def test_an_opaque_resolver_loads_by_the_scope() -> None:
    """Resolvers by code are batched among themselves, and a failure is told like a link's."""
    async with room() as here:
        read = await here.run('{ a: thing(id: "b1") { id } b: thing(id: "a1") { id } c: thing(id: "b2") { id } }')
        assert read.data == {"a": {"id": "b1"}, "b": {"id": "a1"}, "c": {"id": "b2"}}
        assert here.calls == {"books GET /books": 1, "authors GET /authors": 1}

        here.doubles["authors"].fail(500)
        read = await here.run('{ a: thing(id: "b1") { id } b: thing(id: "a1") { id } }')
        assert read.data == {"a": {"id": "b1"}, "b": None}
        assert read.codes == {"b": "SERVICE_ERROR"}
        assert read.degraded == [omitted("b", "authors", "SERVICE_ERROR", ["b"])]


async def test_an_opaque_resolver_without_a_thing_is_null() -> None:
    """NotFound is null there too."""
    async with room(Missing("b1")) as here:
        read = await here.run('{ thing(id: "b1") { id } }')
        assert read.data == {"thing": None}
        assert (read.errors, read.degraded) == ([], [])


# Declarations that cannot work

_service = Service("declared")


class _Pair(Record):
    a: str
    b: str


_pairs = _service.batch("GET /pairs", keys="keys", returns=_Pair, key=("a", "b"), max_keys=5)
_found = _service.page("GET /found/{a}", returns=_Pair, query={"word": "q"}, max_limit=20)
_text = Argument("text", str, "Words.")


@pytest.mark.parametrize(
    ("declare", "sentence"),
    [
        (lambda: link(author_by_id, description=""), "link over authors GET /authors: the key has 1 parts (id), not 0"),
        (
            lambda: link(_pairs, key="a", description=""),
            "link over declared GET /pairs: the key has 2 parts (a, b), not 1",
        ),
        (
            lambda: link(author_by_id, key={"id": "x"}, description=""),
            "link over authors GET /authors: the key of a batch is an attribute, an Argument, or a tuple of them",
        ),
        (
            lambda: link(_found, key={"a": "x", "word": _text, "words": "y"}, description=""),
            "link over declared GET /found/{a}: no parameter 'words'; there are a, word",
        ),
        (
            lambda: link(_found, key={"word": _text}, description=""),
            "link over declared GET /found/{a}: nothing is said for parameter 'a'",
        ),
        (
            lambda: link(author_by_id, key="x", missing="skip", description=""),
            'link over authors GET /authors: missing is "null" or "drop", not \'skip\'',
        ),
        (
            lambda: link(author_by_id, key="x", fallback=1, critical=True, description=""),
            "link over authors GET /authors: has a fallback and is critical; it can only be one of them",
        ),
        (
            lambda: link(biography, key="x", fan_out=0, description=""),
            "link over authors GET /authors/{author_id}/biography: fan_out must be from 1 to 50, not 0",
        ),
        (
            lambda: link(biography, key="x", fan_out=51, description=""),
            "link over authors GET /authors/{author_id}/biography: fan_out must be from 1 to 50, not 51",
        ),
        (
            lambda: link(author_by_id, key="x", fan_out=3, description=""),
            "link over authors GET /authors: has a batch form, so fan_out does not apply",
        ),
        (
            lambda: link(author_by_id, key="x", page_size=3, description=""),
            "link over authors GET /authors: has no pages, so page_size does not apply",
        ),
        (
            lambda: link(search, key=_text, page_size=0, description=""),
            "link over books GET /search: page_size must be from 1 to 10, not 0",
        ),
        (
            lambda: link(search, key=_text, page_size=11, description=""),
            "link over books GET /search: page_size must be from 1 to 10, not 11",
        ),
        (lambda: opaque(description=""), "an opaque resolver names the endpoints it may call"),
    ],
)
def test_a_declaration_that_cannot_work_says_why(declare: Callable[[], Any], sentence: str) -> None:
    """Each contradiction stops the start with one sentence that names the endpoint."""
    with pytest.raises(DeclarationError) as caught:
        declare()
    assert str(caught.value) == sentence


def test_a_link_is_a_field_that_carries_its_declaration() -> None:
    """What a link declares can be read from the field: endpoints, attributes, arguments."""
    declared: Link = link(
        editions, key=("id", Argument("language", str, "Which.", default="en")), description=""
    ).metadata[METADATA]
    assert declared.endpoints == (editions,)
    assert declared.attributes == ("id",)
    assert [argument.name for argument in declared.arguments] == ["language"]
    assert not declared.has_fallback
    paged: Link = link(books_of, key="id", fan_out=1, description="").metadata[METADATA]
    assert [argument.name for argument in paged.arguments] == ["first", "after"]
    assert (paged.page_size, paged.rows({}), paged.rows({"first": 4})) == (10, 10, 4)
    assert link(books_of, key="id", paging=False, description="").metadata[METADATA].arguments == ()
    assert link(author_by_id, key="id", fallback=None, description="").metadata[METADATA].has_fallback
    assert (link_over(book_by_id).endpoint, repr(NOTHING)) == (book_by_id, "nothing")


def test_the_default_page_is_ten_rows_or_what_the_service_gives() -> None:
    """Without a page size it is 10, or less where the service gives less."""
    small = _service.page("GET /small", returns=_Pair, max_limit=4)
    assert link(small, description="").metadata[METADATA].page_size == 4
    assert link(_found, key={"a": "x", "word": _text}, description="").metadata[METADATA].page_size == 10


def test_arguments_are_described_in_the_schema() -> None:
    """A link's arguments stand in the schema with description, type and default."""
    query = SCHEMA._schema.query_type
    assert query is not None
    arguments = query.fields["search"].args
    assert {name: (str(a.type), a.default_value, a.description) for name, a in arguments.items()} == {
        "text": ("String!", "", "Words to look for."),
        "first": ("Int!", 5, "How many rows, from 1 to 10."),
        "after": ("String", None, "The cursor after which the page starts."),
    }
    assert str(query.fields["author"].args["id"].type) == "ID!"
