"""Views: a record is the value at run time, the view is its face."""

from __future__ import annotations

from typing import Any

import pytest
import strawberry

from bff_core.contract import DeclarationError, Edge, Page, PageInfo, Record
from bff_core.graphql.view import RECORD, computed, view
from tests.graphql.shelf import SCHEMA, Author, AuthorView, Book, BookConnection, BookView, World, room

BOOK = Book(id="b1", title="Whales", pages=7, author_id="a", shelf_id="s", sequel_id=None, similar_ids=[], chapters=[])
AUTHOR = Author(id="a1", name="Herman", favourite_id=None)


class Word(Record):
    """A word of a dictionary."""

    text: str


@view(Word, description="A word.")
class WordView:
    """A word whose text was renamed."""

    old: str = computed(lambda word: word.text, "As it was.", deprecation_reason="Ask for new.")


@strawberry.type
class Dictionary:
    """A root."""

    @strawberry.field
    def word(self) -> WordView | None:
        """None."""
        return None


def test_a_record_is_shown_without_a_copy() -> None:
    """The schema reads the record itself; nothing of the view's class is ever made."""

    @strawberry.type
    class Query:
        @strawberry.field
        def book(self) -> BookView | None:
            return BOOK  # type: ignore[return-value]  # the record is the value

        @strawberry.field
        def page(self) -> BookConnection | None:
            info = PageInfo(False, False, "c", "c")
            return Page((Edge("c", BOOK),), info, 1)  # type: ignore[return-value]  # likewise

    answer = strawberry.Schema(query=Query).execute_sync(
        "{ book { id title exactPages } page { totalCount edges { cursor node { title } } } }"
    )
    assert answer.errors is None
    assert answer.data == {
        "book": {"id": "b1", "title": "Whales", "exactPages": 7},
        "page": {"totalCount": 1, "edges": [{"cursor": "c", "node": {"title": "Whales"}}]},
    }


async def test_views_of_one_interface_are_told_apart_by_their_records() -> None:
    """Behind an interface or a union each record finds its own view."""
    async with room() as here:
        read = await here.run(
            """{
              a: thing(id: "b1") { __typename id ... on Book { title } ... on Author { name } }
              b: thing(id: "a1") { __typename id ... on Book { title } ... on Author { name } }
              c: finding(id: "b2") { __typename ... on Book { title } }
              d: finding(id: "a2") { __typename ... on Author { name } }
            }"""
        )
        assert read.errors == []
        assert read.data == {
            "a": {"__typename": "Book", "id": "b1", "title": "Title b1"},
            "b": {"__typename": "Author", "id": "a1", "name": "Name a1"},
            "c": {"__typename": "Book", "title": "Title b2"},
            "d": {"__typename": "Author", "name": "Name a2"},
        }


def test_only_views_of_an_interface_are_asked_what_they_are() -> None:
    """A view that implements nothing has no ``is_type_of``: it would be asked for every object."""
    kinds = SCHEMA._schema.type_map
    is_type_of = {name: getattr(kinds[name], "is_type_of", None) for name in ("Book", "Author", "Shelf", "BookEdge")}

    assert {name for name, asks in is_type_of.items() if asks is not None} == {"Book", "Author"}
    asks_book: Any = is_type_of["Book"]
    assert asks_book(BOOK, None)
    assert not asks_book(AUTHOR, None)


async def test_a_computed_field_takes_record_context_and_arguments() -> None:
    """``computed`` hands the record, the request's context and the field's arguments to a plain function."""
    async with room() as here:
        read = await here.run('{ book(id: "b1") { length soft: heading loud: heading(loud: true) } }', locale="de-DE")
        assert read.data == {"book": {"length": "100 pages", "soft": "Title b1 (de-DE)", "loud": "TITLE B1 (de-DE)"}}


async def test_a_computed_field_that_fails_is_its_own_error() -> None:
    """What a function raises is the field's error, with the exception untouched."""

    class NoPages(World):
        def pages(self, id: str) -> int:
            return 0

    async with room(NoPages()) as here:
        read = await here.run('{ a: book(id: "b1") { exactPages } b: book(id: "b2") { title } }')
        assert read.data == {"a": None, "b": {"title": "Title b2"}}
        assert [(path, repr(error)) for path, error in read.errors] == [
            ("a.exactPages", "ValueError('a book has pages')")
        ]
        assert read.degraded == []


def test_a_computed_fields_arguments_stand_in_the_schema() -> None:
    """Further parameters of the function are arguments with their types and defaults; ``info`` is none."""
    book = SCHEMA._schema.type_map["Book"]
    fields = book.fields  # type: ignore[attr-defined]  # an object type
    assert {name: (str(a.type), a.default_value) for name, a in fields["heading"].args.items()} == {
        "loud": ("Boolean!", False)
    }
    assert dict(fields["length"].args) == {}


def test_a_view_keeps_its_record() -> None:
    """The record, or the alias of a generic one, can be read from the view."""
    assert getattr(AuthorView, RECORD) is Author
    assert getattr(BookConnection, RECORD) == Page[Book]


def test_a_view_has_its_own_name_or_its_classs() -> None:
    """``name`` renames; descriptions come from the declaration, not from the class's docstring."""
    kinds = SCHEMA._schema.type_map
    assert kinds["Shelf"].description == "Where books stand."
    assert kinds["NoteView"].description == "What somebody wrote in a margin."


@pytest.mark.parametrize("record", [str, 5, "Book", list[Book]])
def test_a_view_is_over_a_record(record: object) -> None:
    """Anything else is refused with a sentence that shows it."""
    with pytest.raises(DeclarationError) as caught:
        view(record, description="")
    assert str(caught.value) == f"a view is over a record, not over {record!r}"


def test_a_deprecated_field_says_why() -> None:
    """``shown`` and ``computed`` pass a reason on to the schema."""

    kind = strawberry.Schema(query=Dictionary)._schema.type_map["WordView"]
    assert kind.fields["old"].deprecation_reason == "Ask for new."  # type: ignore[attr-defined]  # an object type
