"""What a link may be made of besides attributes and arguments: computed keys, what is never sent, arguments of show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import strawberry

from bff_core.contract import DeclarationError, Page
from bff_core.graphql.context import Info
from bff_core.graphql.firewall import complaints
from bff_core.graphql.link import METADATA, Argument, Computed, link
from bff_core.graphql.operations import Operations
from bff_core.graphql.schema import build_schema
from bff_core.graphql.view import computed, shown, view
from tests.graphql.shelf import (
    SERVICES,
    Author,
    Book,
    Shelf,
    World,
    author_by_id,
    biography,
    book_by_id,
    books_of,
    room,
    search,
    shelf_by_id,
)


def _title(book: Book, info: Info, loud: bool = False, mark: str | None = None) -> str:
    return f"{book.title.upper() if loud else book.title}{mark or ''} ({info.context.locale})"


def _first_book(shelf: Shelf) -> str | None:
    return shelf.book_ids[0] if shelf.book_ids else None


def _some_books(shelf: Shelf) -> list[str]:
    return shelf.book_ids[:2]


def _quoted(book: Book) -> list[str]:
    return [chapter.quoted_id for chapter in book.chapters]


def _nodes(page: Page[Book]) -> tuple[Book, ...]:
    return page.nodes


@view(Author, name="Author", description="Who writes.")
class AuthorView:
    """An author."""

    name: str = shown("What they are called.")


@view(Book, name="Book", description="What is written.")
class BookView:
    """A book."""

    id: strawberry.ID = shown("An id.")
    author: AuthorView | None = link(author_by_id, key="author_id", description="Who wrote it.")
    author_name: str | None = link(
        author_by_id, key="author_id", show=lambda author, _info: author.name, description="Who wrote it, in a word."
    )
    quoted: list[BookView] | None = link(
        book_by_id, key=Computed(_quoted), missing="drop", at_most=2, description="What it quotes."
    )


@view(Shelf, name="Shelf", description="Where books stand.")
class ShelfView:
    """A shelf."""

    first_title: str | None = link(book_by_id, key=Computed(_first_book), show=_title, description="What stands first.")
    some: list[BookView] | None = link(
        book_by_id, key=Computed(_some_books), missing="drop", at_most=2, description="What stands first."
    )


@view(Page[Book], description="Books, page by page.")
class BookPage:
    """A page."""

    books: list[BookView] = computed(_nodes, "The books.")


@strawberry.type(description="A root.")
class Query:
    """The root."""

    shelf: ShelfView | None = link(shelf_by_id, key=Argument("id", strawberry.ID, "An id."), description="A shelf.")
    everything: BookPage | None = link(
        search, key={"q": None}, page_size=3, most_rows=4, description="All books, a few at a time."
    )


SCHEMA = build_schema(Query, SERVICES)


def count(query: str) -> dict[str, tuple[int | None, int | None]]:
    """What is planned of an operation: keys and calls by endpoint."""
    plan = Operations(SCHEMA._schema).prepare(query).plan
    return {call.name: (call.keys, call.calls) for call in plan.calls}


class Bare(World):
    """Shelves without books."""

    def amount(self, owner: str, field: str, most: int) -> int:
        """Nothing."""
        return 0


# Computed keys


async def test_a_key_can_be_computed_from_the_record() -> None:
    """The function's value is the key, and what comes is shown as by any other link."""
    async with room(schema=SCHEMA) as here:
        read = await here.run('{ shelf(id: "s") { firstTitle } }')

        (asked,) = here.doubles["books"].transport.requests
        first = asked.url.params["id"]
        assert read.data == {"shelf": {"firstTitle": f"Title {first} (en)"}}
        assert here.calls == {"shelves GET /shelves": 1, "books GET /books": 1}


async def test_no_computed_key_is_null_without_a_call() -> None:
    """Where the function finds no key there is nothing to ask for, and nothing is degraded."""
    async with room(Bare(), schema=SCHEMA) as here:
        read = await here.run('{ shelf(id: "s") { firstTitle } }')

        assert (read.data, read.errors, read.degraded) == ({"shelf": {"firstTitle": None}}, [], [])
        assert here.calls == {"shelves GET /shelves": 1}


async def test_a_computed_list_is_a_list_over_keys() -> None:
    """A function that makes a list makes a list field: one call for all of its keys, as the plan counts them."""
    query = '{ shelf(id: "s") { some { id } } }'
    async with room(schema=SCHEMA) as here:
        read = await here.run(query)

        assert len(read.data["shelf"]["some"]) == 2
        assert here.calls == {"shelves GET /shelves": 1, "books GET /books": 1}
    assert count(query) == {"shelves GET /shelves": (1, 1), "books GET /books": (2, 1)}


async def test_a_computed_key_is_of_each_parent() -> None:
    """Every parent asks for its own, so the plan counts a key for each of them."""
    assert count("{ everything(first: 2) { books { quoted { id } } } }") == {
        "books GET /search": (1, 1),
        "books GET /books": (4, 1),
    }


def _unsaid(shelf):  # type: ignore[no-untyped-def]  # what the firewall is to notice
    return shelf.top_id


def _maybe(shelf: Shelf) -> str | None:
    return shelf.top_id


@pytest.mark.parametrize(
    ("declaration", "kind", "sentence"),
    [
        (
            link(book_by_id, key=Computed(_unsaid), description="A book."),
            BookView | None,
            "takes its key from '_unsaid', but it does not say what it makes",
        ),
        (
            link(book_by_id, key=Computed(_maybe), critical=True, description="A book."),
            BookView,
            "cannot be null, but its key '_maybe' can",
        ),
        (
            link(book_by_id, key=Computed(_some_books), missing="drop", description="A book."),
            BookView | None,
            "has a list of keys and is no list",
        ),
        (
            link(biography, key=Computed(_maybe), show=lambda life, _info: life.text, description="A life."),
            str | None,
            "calls authors GET /authors/{author_id}/biography once per parent: say fan_out=..., how many at once",
        ),
    ],
)
def test_the_firewall_looks_at_computed_keys(declaration: Any, kind: Any, sentence: str) -> None:
    """A computed key says what it makes, and is held to the same rules as an attribute."""
    held = view(Shelf, name="Held", description="A shelf.")(
        type("Held", (), {"__annotations__": {"field": kind}, "__module__": __name__, "field": declaration})
    )
    root = type(
        "Query",
        (),
        {
            "__annotations__": {"held": held | None},
            "held": link(shelf_by_id, key=Argument("id", strawberry.ID, "An id."), description="A shelf."),
        },
    )
    schema = strawberry.Schema(query=strawberry.type(root, description="A root."))
    assert complaints(schema, SERVICES) == [f"Held.field: {sentence}"]


def test_a_key_computed_from_no_record_stops_the_start() -> None:
    """The root is no view, so nothing can be computed from it."""
    root = type(
        "Query",
        (),
        {
            "__annotations__": {"book": str | None},
            "book": link(book_by_id, key=Computed(_maybe), show=_title, description="A book."),
        },
    )
    schema = strawberry.Schema(query=strawberry.type(root, description="A root."))
    assert complaints(schema, SERVICES) == [
        "Query.book: takes its key from '_maybe', but its parent is no view of a record"
    ]


# What is never sent, and the most rows


async def test_a_query_parameter_can_be_left_out_for_good() -> None:
    """None in the key's place stands for a parameter that is never sent; the field has no argument for it."""
    async with room(schema=SCHEMA) as here:
        await here.run("{ everything { books { id } } }")

        assert here.targets == ["GET /search?limit=3"]
    query = SCHEMA._schema.query_type
    assert query is not None
    assert set(query.fields["everything"].args) == {"first", "after"}


@pytest.mark.parametrize("first", [0, 5])
async def test_a_link_can_give_fewer_rows_than_its_endpoint(first: int) -> None:
    """``most_rows`` bounds ``first`` in the schema's words, at run time and in a plan for all variables."""
    text = "query($n: Int!) { everything(first: $n) { books { author { name } } } }"
    async with room(schema=SCHEMA) as here:
        read = await here.run(text, {"n": first})

        assert [str(error) for _, error in read.errors] == [f"first must be from 1 to 4, not {first}."]
        assert here.calls == {}
    query = SCHEMA._schema.query_type
    assert query is not None
    assert query.fields["everything"].args["first"].description == "How many rows, from 1 to 4."
    assert count(text)["authors GET /authors"] == (4, 1)


# Arguments of show


async def test_show_takes_arguments_of_the_field() -> None:
    """What ``show`` takes after the context are arguments of the field, with their defaults, and no part of the key."""
    async with room(schema=SCHEMA) as here:
        read = await here.run(
            '{ shelf(id: "s") { plain: firstTitle loud: firstTitle(loud: true, mark: "!") } }', locale="de"
        )

        (asked,) = here.doubles["books"].transport.requests
        first = asked.url.params["id"]
        assert read.data["shelf"] == {"plain": f"Title {first} (de)", "loud": f"TITLE {first.upper()}! (de)"}


async def test_a_fallback_is_shown_with_the_arguments_too() -> None:
    """What stands in for the record is shown in the same way."""
    nobody = Author(id="", name="nobody", favourite_id=None)

    def named(author: Author, _info: Info, loud: bool = False) -> str:
        return author.name.upper() if loud else author.name

    @view(Book, name="Plain", description="A book.")
    class Plain:
        author: str = link(author_by_id, key="author_id", fallback=nobody, show=named, description="Who.")

    root = type(
        "Query",
        (),
        {
            "__annotations__": {"book": Plain | None},
            "book": link(book_by_id, key=Argument("id", strawberry.ID, "An id."), description="A book."),
        },
    )
    schema = build_schema(strawberry.type(root, description="A root."), SERVICES)

    class NoAuthors(World):
        def has(self, kind: str, key: str) -> bool:
            return kind != "author"

    async with room(NoAuthors(), schema=schema) as here:
        read = await here.run('{ book(id: "b") { author loud: author(loud: true) } }')

        assert read.data == {"book": {"author": "nobody", "loud": "NOBODY"}}
    async with room(schema=schema, answers={"authors": lambda _: httpx.Response(500)}) as here:
        read = await here.run('{ book(id: "b") { author loud: author(loud: true) } }')

        assert read.data == {"book": {"author": "nobody", "loud": "NOBODY"}}
        assert [entry["source"] for entry in read.degraded] == ["fallback", "fallback"]


# Keys that are the same


def test_fields_that_ask_for_the_same_count_once() -> None:
    """Two fields of one object with one key between them make no call more than one of them."""
    one = count("{ everything(first: 4) { books { author { name } } } }")
    both = count("{ everything(first: 4) { books { author { name } authorName } } }")
    assert one["authors GET /authors"] == both["authors GET /authors"] == (4, 1)


def test_fields_of_different_objects_ask_for_their_own() -> None:
    """The same field under two pages is asked with the keys of both."""
    books = "books { author { name } }"
    two = count(f"{{ a: everything(first: 2) {{ {books} }} b: everything(first: 3) {{ {books} }} }}")
    assert two["authors GET /authors"] == (5, 2)  # each page's answer sends its own on


async def test_a_plain_list_is_as_long_as_its_field_says() -> None:
    """``at_most`` of a shown or computed list bounds the keys below it; the rows of a page come first."""

    @view(Shelf, name="Told", description="A shelf.")
    class Told:
        books: list[Line] = computed(_lines, "Its first books.", at_most=3)

    root = type(
        "Query",
        (),
        {
            "__annotations__": {"told": Told | None},
            "told": link(shelf_by_id, key=Argument("id", strawberry.ID, "An id."), description="A shelf."),
        },
    )
    schema = build_schema(strawberry.type(root, description="A root."), SERVICES)
    plan = Operations(schema._schema).prepare('{ told(id: "s") { books { author { name } } } }').plan
    assert plan.count() == {"shelves GET /shelves": 1, "authors GET /authors": 1}
    assert [position.keys for position in plan.positions] == [1, 3]


@view(Author, name="Line", description="A line.")
class Line:
    """A line."""

    author: AuthorView | None = link(author_by_id, key="id", description="Who.")


def _lines(shelf: Shelf) -> list[Author]:
    return [Author(id=shelf.keeper_id, name="", favourite_id=None)]


# Declarations


@pytest.mark.parametrize(
    ("declare", "sentence"),
    [
        (
            lambda: link(author_by_id, key="x", most_rows=3, description=""),
            "link over authors GET /authors: has no pages, so most_rows does not apply",
        ),
        (
            lambda: link(search, key={"q": None}, most_rows=11, description=""),
            "link over books GET /search: most_rows must be from 1 to 10, not 11",
        ),
        (
            lambda: link(search, key={"q": None}, most_rows=4, page_size=5, description=""),
            "link over books GET /search: page_size must be from 1 to 4, not 5",
        ),
        (
            lambda: link(books_of, key={"author_id": None}, description=""),
            "link over authors GET /authors/{author_id}/books: parameter 'author_id' stands in the path, "
            "so it is always sent",
        ),
        (
            lambda: link(book_by_id, key=Argument("loud", str, "A word."), show=_title, description=""),
            "link over books GET /books: 'loud' is an argument of the key and of show; it can only be one",
        ),
    ],
)
def test_a_declaration_that_cannot_work_says_why(declare: Callable[[], Any], sentence: str) -> None:
    """Each contradiction stops the start with one sentence that names the endpoint."""
    with pytest.raises(DeclarationError) as caught:
        declare()
    assert str(caught.value) == sentence


def test_a_page_without_a_size_has_no_more_rows_than_the_most() -> None:
    """Without a page size it is 10, or ``most_rows`` where that is less."""
    assert link(search, key={"q": None}, most_rows=4, description="").metadata[METADATA].page_size == 4
