"""Scopes: who lacks one is refused at that place alone, before anything is asked of a service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import pytest
import strawberry
from graphql import GraphQLObjectType, OperationDefinitionNode, is_object_type, parse

from bff_core.auth.principal import ANONYMOUS, Principal
from bff_core.contract import DeclarationError, Endpoint
from bff_core.errors import AuthUnavailable, Forbidden, Unauthenticated
from bff_core.graphql.callplan import CallPlan, make_plan
from bff_core.graphql.context import Context, Info
from bff_core.graphql.link import Argument, link, load, opaque
from bff_core.graphql.schema import Schema, build_schema
from bff_core.graphql.scopes import SCOPES, Need, scopes_of_view
from bff_core.graphql.view import computed, shown, view
from tests.graphql.shelf import (
    SERVICES,
    SOMEBODY,
    Author,
    Book,
    Chapter,
    Note,
    Read,
    Row,
    Shelf,
    author_by_id,
    biography,
    book_by_id,
    my_shelf,
    room,
    shelf_by_id,
)

_Id = Annotated[strawberry.ID, strawberry.argument(description="An id.")]
ID = Argument("id", strawberry.ID, "An id.")


@strawberry.interface(description="Whatever has an id.")
class Thing:
    """An interface with a field that needs a scope."""

    id: strawberry.ID = strawberry.field(description="An id.")
    mark: str | None = computed(lambda record: f"* {record.id}", "What is stamped on it.", scopes=["mark"])


@view(Author, name="Author", description="Who writes.")
class AuthorView(Thing):
    """For everybody, but for some fields."""

    id: strawberry.ID = shown("An id.")
    name: str = shown("What they are called.")
    country: str | None = shown("Where they live.", scopes=["person"])
    life: str | None = link(
        biography,
        key="id",
        fan_out=2,
        show=lambda life, _info: life.text,
        scopes=["person", "life"],
        description="How they lived.",
    )


@view(Row, name="Row", description="A board of a shelf.", scopes=["staff"])
class RowView:
    """Not for everybody."""

    label: str = shown("What it says.")


@view(Shelf, name="Shelf", description="Where books stand.", scopes=["staff"])
class ShelfView(Thing):
    """Not for everybody, also behind the interface."""

    id: strawberry.ID = shown("An id.")
    label: str = shown("What it says.")
    rows: list[RowView] | None = shown("Boards, from the top.")
    keeper: AuthorView | None = link(author_by_id, key="keeper_id", description="Who dusts it.")


@view(Note, name="Note", description="What somebody wrote in a margin.", scopes=["notes"])
class NoteView(Thing):
    """Not for everybody, and not for those who may see a shelf."""

    id: strawberry.ID = shown("An id.")


@view(Chapter, name="Chapter", description="A part of a book.", scopes=["deep"])
class ChapterView:
    """Not for everybody; read from the book without a resolver."""

    quoted: BookView | None = link(book_by_id, key="quoted_id", description="What it quotes.")


def _pages(book: Book, info: Info, unit: str = "pages") -> str:
    return f"{book.pages} {unit}"


@view(Book, name="Book", description="What is written.")
class BookView(Thing):
    """For everybody, but for some fields."""

    id: strawberry.ID = shown("An id.")
    title: str = shown("What it is called.")
    length: str | None = computed(_pages, "How long it is.", scopes=["count"])
    author: AuthorView | None = link(author_by_id, key="author_id", description="Who wrote it.")
    ghost: AuthorView | None = link(
        author_by_id, key="author_id", fallback=SOMEBODY, scopes=["gossip"], description="Who really wrote it."
    )
    shelf: ShelfView | None = link(shelf_by_id, key="shelf_id", description="Where it stands.")
    chapters: list[ChapterView] | None = shown("Its parts.")


Finding = Annotated[BookView | ShelfView, strawberry.union("Finding", description="What was found.")]
Find = Annotated[ShelfView | NoteView, strawberry.union("Find", description="What was found in the safe.")]


async def _found(id: str, info: Info) -> Any:
    endpoints: dict[str, Endpoint[Any]] = {"b": book_by_id, "a": author_by_id, "s": shelf_by_id}
    return await load(endpoints[id[0]], id, info)


@strawberry.type(description="Everything one can ask of the bookshelf.")
class Query:
    """The root."""

    book: BookView | None = link(book_by_id, key=ID, description="One book.")
    books: list[BookView | None] | None = link(
        book_by_id, key=Argument("ids", list[strawberry.ID], "Ids."), description="Some books."
    )
    author: AuthorView | None = link(author_by_id, key=ID, description="One author.")
    secret: AuthorView | None = link(author_by_id, key=ID, scopes=["gossip"], description="One author, in secret.")
    shelf: ShelfView | None = link(shelf_by_id, key=ID, description="One shelf.")
    mine: ShelfView | None = link(my_shelf, description="The reader's own shelf.")
    my_label: str | None = link(
        my_shelf, show=lambda shelf, _info: shelf.label, description="What the reader's own shelf says."
    )
    my_label_or_none: str | None = link(
        my_shelf,
        fallback=None,
        show=lambda shelf, _info: shelf.label,
        description="What the reader's own shelf says, if it says anything.",
    )

    @opaque(book_by_id, author_by_id, shelf_by_id, description="Whatever has this id.")
    async def thing(self, info: Info, id: _Id) -> Thing | None:
        """By the id's first letter."""
        found: Thing | None = await _found(id, info)
        return found

    @opaque(book_by_id, author_by_id, shelf_by_id, description="Whatever has these ids.")
    async def things(
        self, info: Info, ids: Annotated[list[strawberry.ID], strawberry.argument(description="Ids.")]
    ) -> list[Thing | None] | None:
        """By the ids' first letters."""
        return [await _found(one, info) for one in ids]

    @opaque(book_by_id, shelf_by_id, description="Whatever has this id.")
    async def finding(self, info: Info, id: _Id) -> Finding | None:
        """By the id's first letter."""
        found: Finding | None = await _found(id, info)
        return found

    @opaque(shelf_by_id, description="What is in the safe.")
    async def safe(self, info: Info, id: _Id) -> Find | None:
        """A note where the shelf's keeper is not known by name."""
        found: Any = await _found(id, info)
        return Note(id="n1", book_id="b1", writer_id="a1") if id == "s-note" else found  # type: ignore[return-value]  # records are the values

    @opaque(shelf_by_id, my_shelf, description="The label of a shelf, or of the reader's own.")
    async def label(self, info: Info, id: _Id) -> str | None:
        """The reader's own shelf is called so."""
        found = await load(my_shelf, (), info) if id == "mine" else await load(shelf_by_id, id, info)
        return None if found is None else str(found.label)

    @opaque(author_by_id, scopes=["gossip"], description="Whoever it is.")
    async def whoever(self, info: Info, id: _Id) -> AuthorView | None:
        """An author."""
        found: AuthorView | None = await load(author_by_id, id, info)
        return found

    hello: str = strawberry.field(resolver=lambda: "hello", description="A greeting.", graphql_type=str)


@strawberry.interface(description="A thing.")
class Slow:
    """Waits before it says what a value is."""

    id: strawberry.ID = strawberry.field(description="An id.")

    @classmethod
    async def resolve_type(cls, value: object, _info: object, _kind: object) -> str:
        """By the record."""
        return "Hidden" if isinstance(value, Shelf) else "Open"


@view(Shelf, name="Hidden", description="A shelf.", scopes=["staff"])
class Hidden(Slow):
    """Not for everybody."""

    id: strawberry.ID = shown("An id.")


@view(Book, name="Open", description="A book.")
class Open(Slow):
    """For everybody."""

    id: strawberry.ID = shown("An id.")


@strawberry.type(description="A root.")
class SlowQuery:
    """The root."""

    @opaque(book_by_id, author_by_id, shelf_by_id, description="Whatever has this id.")
    async def slow(self, info: Info, id: _Id) -> Slow | None:
        """By the id's first letter."""
        found: Slow | None = await _found(id, info)
        return found


LOCKED = build_schema(Query, SERVICES, types=[NoteView])

EVERYTHING = frozenset({"mark", "person", "life", "staff", "deep", "count", "gossip", "shelf:read"})


def holding(*scopes: str) -> Principal:
    """Somebody whose token holds these."""
    return Principal(subject="7", scopes=frozenset(scopes))


WIDE = Principal(subject="7", scopes=EVERYTHING)
UNVERIFIED = AuthUnavailable("the issuer is away")

#: Who is refused, and how: what came with the request, the error, its message.
REFUSED = {
    "anonymous": (ANONYMOUS, None, Unauthenticated("Sign in to see this.")),
    "too narrow": (holding("other"), None, Forbidden("The credential does not reach this far.")),
    "unverified": (ANONYMOUS, UNVERIFIED, UNVERIFIED),
}


def refused(read: Read) -> list[tuple[str, str, str]]:
    """Every error: path, code and message."""
    return [(path, error.code, str(error)) for path, error in read.errors]  # type: ignore[union-attr]  # all are ours


def plan_of(query: str, schema: Schema = LOCKED) -> CallPlan:
    """The plan of a document's first operation for all variables."""
    document = parse(query)
    operation = next(node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    return make_plan(schema._schema, document, operation)


def any_of(*scopes: str) -> frozenset[frozenset[str]]:
    """Ways to meet a need, each with its scopes joined by blanks."""
    return frozenset(frozenset(one.split()) for one in scopes)


#: What needs scopes: the operation, its data for who is refused, the path, the calls that are made nevertheless.
SCOPED: dict[str, tuple[str, Any, str, dict[str, int]]] = {
    "a field that is shown": (
        '{ author(id: "a1") { name country } }',
        {"author": {"name": "Name a1", "country": None}},
        "author.country",
        {"authors GET /authors": 1},
    ),
    "a field that is computed": (
        '{ book(id: "b1") { title length(unit: "sheets") } }',
        {"book": {"title": "Title b1", "length": None}},
        "book.length",
        {"books GET /books": 1},
    ),
    "a link": (
        '{ author(id: "a1") { life name } }',
        {"author": {"life": None, "name": "Name a1"}},
        "author.life",
        {"authors GET /authors": 1},
    ),
    "a link at the root": (
        '{ secret(id: "a1") { name } hello }',
        {"secret": None, "hello": "hello"},
        "secret",
        {},
    ),
    "an opaque resolver": (
        '{ whoever(id: "a1") { name } book(id: "b1") { title } }',
        {"whoever": None, "book": {"title": "Title b1"}},
        "whoever",
        {"books GET /books": 1},
    ),
    "a view that a link shows": (
        '{ book(id: "b1") { shelf { label keeper { name } } title } }',
        {"book": {"shelf": None, "title": "Title b1"}},
        "book.shelf",
        {"books GET /books": 1},
    ),
    "a view that a root link shows": (
        '{ shelf(id: "s1") { label } hello }',
        {"shelf": None, "hello": "hello"},
        "shelf",
        {},
    ),
    "a list of views that a field shows": (
        '{ book(id: "b1") { chapters { quoted { title } } title } }',
        {"book": {"chapters": None, "title": "Title b1"}},
        "book.chapters",
        {"books GET /books": 1},
    ),
}


@pytest.mark.parametrize("who", REFUSED)
@pytest.mark.parametrize("what", SCOPED)
async def test_who_lacks_a_scope_is_refused_at_that_place_alone(what: str, who: str) -> None:
    """The place is null and told in ``errors``; its siblings stand, nothing is degraded, no call is made for it."""
    query, data, path, calls = SCOPED[what]
    principal, unverified, error = REFUSED[who]
    async with room(schema=LOCKED) as here:
        read = await here.run(query, principal=principal, unverified=unverified)

        assert read.data == data
        assert refused(read) == [(path, error.code, str(error))]
        assert read.degraded == []
        assert here.calls == calls
        assert read.scope.calls == sum(calls.values())


@pytest.mark.parametrize("what", SCOPED)
async def test_who_holds_every_scope_is_told_everything(what: str) -> None:
    """With the scopes nothing is refused, and the calls planned are made."""
    query, data, path, _ = SCOPED[what]
    async with room(schema=LOCKED) as here:
        read = await here.run(query, principal=WIDE)

        assert read.errors == []
        if path != "author.country":  # the world says nothing of countries
            assert read.data != data
        assert set(here.calls) == set(plan_of(query).count())


async def test_nothing_is_asked_for_what_is_denied_while_the_rest_goes_on() -> None:
    """Also when there is time for a call: the answer waits for another service, and all but that is refused."""
    query = """{
      secret(id: "a1") { name } whoever(id: "a2") { name } shelf(id: "s1") { label } mine { label }
      safe(id: "s2") { __typename } myLabel book(id: "b1") { title }
    }"""
    async with room(schema=LOCKED) as here:
        here.doubles["books"].transport.hold()
        running = asyncio.create_task(here.run(query, principal=holding("other")))
        await here.clock.settle()
        assert here.calls == {"books GET /books": 1}
        here.doubles["books"].transport.let_go()
        read = await running
        assert read.data.pop("book") == {"title": "Title b1"}
        assert [path for path, _ in read.errors] == list(read.data)
        assert here.calls == {"books GET /books": 1}


async def test_some_of_the_scopes_are_not_enough() -> None:
    """A link that needs two is refused to who holds one of them."""
    async with room(schema=LOCKED) as here:
        read = await here.run('{ author(id: "a1") { country life } }', principal=holding("person"))
        assert refused(read) == [("author.life", "FORBIDDEN", "The credential does not reach this far.")]
        read = await here.run('{ author(id: "a1") { life } }', principal=holding("life", "person"))
        assert read.data == {"author": {"life": "Life of a1"}}


async def test_a_fallback_is_for_what_the_service_does_not_give() -> None:
    """A link that needs a scope by itself is an error for who lacks it, though a fallback stands ready."""
    query = '{ book(id: "b1") { ghost { name } } }'
    async with room(schema=LOCKED) as here:
        read = await here.run(query)
        assert (read.data, refused(read)[0][:2]) == ({"book": {"ghost": None}}, ("book.ghost", "FORBIDDEN"))
        here.doubles["authors"].fail()
        read = await here.run(query, principal=holding("gossip"))
        assert (read.data, read.errors) == ({"book": {"ghost": {"name": "Somebody"}}}, [])
        assert [entry["source"] for entry in read.degraded] == ["fallback"]


# Endpoints that need scopes


@pytest.mark.parametrize("who", REFUSED)
async def test_a_link_inherits_the_scopes_of_its_endpoint(who: str) -> None:
    """Without scopes of its own a link is refused by its endpoint's, and nothing is asked."""
    principal, unverified, error = REFUSED[who]
    async with room(schema=LOCKED) as here:
        read = await here.run("{ myLabel hello }", principal=principal, unverified=unverified)
        assert read.data == {"myLabel": None, "hello": "hello"}
        assert refused(read) == [("myLabel", error.code, str(error))]
        assert here.calls == {}
    assert plan_of("{ myLabel }").denied(frozenset()) == {"Query.myLabel"}


async def test_a_fallback_stands_in_for_what_only_the_endpoint_refuses() -> None:
    """A link that needs nothing by itself has its fallback, as for every other end of asking."""
    async with room(schema=LOCKED) as here:
        read = await here.run("{ myLabelOrNone }", principal=holding("other"))
        assert (read.data, read.errors, read.degraded) == ({"myLabelOrNone": None}, [], [])
        assert here.calls == {}


async def test_a_link_needs_what_its_endpoint_and_its_view_need() -> None:
    """One of the two is not enough."""
    for scopes, there in ((("staff",), False), (("shelf:read",), False), (("staff", "shelf:read"), True)):
        async with room(schema=LOCKED) as here:
            read = await here.run("{ mine { label } }", principal=holding(*scopes))
            assert (read.errors == []) is there
            assert here.calls == ({"shelves GET /mine": 1} if there else {})


async def test_an_endpoint_that_is_picked_refuses_by_its_own_scopes() -> None:
    """An opaque resolver is not denied to who may see what one of its endpoints gives."""
    query = '{ a: label(id: "s1") b: label(id: "mine") }'
    async with room(schema=LOCKED) as here:
        read = await here.run(query, principal=holding("other"))
        assert read.data == {"a": "Label s1", "b": None}
        assert refused(read) == [("b", "FORBIDDEN", "The credential does not reach this far.")]
        assert here.calls == {"shelves GET /shelves": 1}
    plan = plan_of(query)
    assert plan.needs == (Need("Query.label", any_of("shelf:read", "")),)
    assert plan.denied(frozenset()) == frozenset()
    assert plan.scopes == {"shelf:read"}
    assert plan.private


# Wherever it is selected


@pytest.mark.parametrize(
    "query",
    [
        '{ author(id: "a1") { id live: country } }',
        '{ author(id: "a1") { id ... { live: country } } }',
        '{ author(id: "a1") { id ... on Author { live: country } } }',
        '{ author(id: "a1") { id ...Where } } fragment Where on Author { live: country }',
        '{ author(id: "a1") { id ...Who } } fragment Who on Thing { ... on Author { live: country } }',
        '{ ...Root } fragment Root on Query { author(id: "a1") { id ...W } } fragment W on Author { live: country }',
        'query($no: Boolean = true) { author(id: "a1") { id live: country @skip(if: $no) } }',
        'query($yes: Boolean!) { author(id: "a1") { id live: country @include(if: $yes) } }',
        '{ author(id: "a1") { id live: country live: country } }',
    ],
)
async def test_an_alias_or_a_fragment_is_no_way_around(query: str) -> None:
    """However the field is selected, it is in the plan and refused at its response name."""
    assert plan_of(query).denied(frozenset()) == {"Author.country"}
    async with room(schema=LOCKED) as here:
        read = await here.run(query, {"yes": True, "no": False})
        assert read.data == {"author": {"id": "a1", "live": None}}
        assert [path for path, _ in read.errors] == ["author.live"]


async def test_every_object_of_a_list_is_refused_at_its_own_place() -> None:
    """A field with scopes below a list is an error for each element; the list stands."""
    async with room(schema=LOCKED) as here:
        read = await here.run('{ books(ids: ["b1", "b2"]) { id length shelf { id } } }')
        assert read.data == {
            "books": [{"id": "b1", "length": None, "shelf": None}, {"id": "b2", "length": None, "shelf": None}]
        }
        assert sorted(path for path, _ in read.errors) == [
            "books.0.length",
            "books.0.shelf",
            "books.1.length",
            "books.1.shelf",
        ]
        assert here.calls == {"books GET /books": 1}


async def test_what_is_not_denied_is_shown_beside_what_is() -> None:
    """Two fields with scopes of one object are told apart."""
    async with room(schema=LOCKED) as here:
        read = await here.run('{ book(id: "b1") { length mark } }', principal=holding("count"))
        assert read.data == {"book": {"length": "100 pages", "mark": None}}
        assert [path for path, _ in read.errors] == ["book.mark"]


# Interfaces and unions


async def test_a_field_of_an_interface_needs_its_scopes_on_every_type() -> None:
    """Its coordinate at run time is the concrete type's, and that is what stands in the plan."""
    query = '{ b: thing(id: "b1") { id mark } a: thing(id: "a1") { id mark } }'
    assert plan_of(query).denied(holding("staff", "notes").scopes) == {
        "Author.mark",
        "Book.mark",
        "Note.mark",
        "Shelf.mark",
    }
    async with room(schema=LOCKED) as here:
        read = await here.run(query)
        assert read.data == {"b": {"id": "b1", "mark": None}, "a": {"id": "a1", "mark": None}}
        assert [(path, type(error)) for path, error in read.errors] == [("b.mark", Forbidden), ("a.mark", Forbidden)]
        read = await here.run(query, principal=WIDE)
        assert read.data == {"b": {"id": "b1", "mark": "* b1"}, "a": {"id": "a1", "mark": "* a1"}}


def test_a_fragment_on_one_type_needs_what_that_type_needs() -> None:
    """Behind an interface only the types that the selection can stand on are in the plan."""
    plan = plan_of('{ thing(id: "b1") { ... on Book { mark } } }')
    assert {need.coordinate for need in plan.needs} == {"Query.thing", "Shelf", "Note", "Book.mark"}
    assert plan.denied(frozenset()) == {"Shelf", "Note", "Book.mark"}


@pytest.mark.parametrize("who", REFUSED)
@pytest.mark.parametrize("inside", ["id", "__typename", "... on Shelf { label }", "... on Book { title }"])
@pytest.mark.parametrize("root", ["thing", "finding"])
async def test_a_view_behind_an_interface_or_a_union_refuses_when_it_is_there(root: str, inside: str, who: str) -> None:
    """What else may stand there is shown; the view with scopes is an error, whatever is selected of it."""
    principal, unverified, error = REFUSED[who]
    if (root, inside) == ("finding", "id"):
        inside = "... on Thing { id }"
    query = f'{{ s: {root}(id: "s1") {{ {inside} }} b: {root}(id: "b1") {{ __typename }} hello }}'
    async with room(schema=LOCKED) as here:
        read = await here.run(query, principal=principal, unverified=unverified)
        assert read.data == {"s": None, "b": {"__typename": "Book"}, "hello": "hello"}
        assert refused(read) == [("s", error.code, str(error))]
        assert read.degraded == []
        read = await here.run(query, principal=WIDE)
        assert read.errors == []


async def test_a_view_with_scopes_in_a_list_of_an_interface_is_one_hole() -> None:
    """The other elements stand."""
    async with room(schema=LOCKED) as here:
        read = await here.run('{ things(ids: ["b1", "s1", "a1"]) { id } }')
        assert read.data == {"things": [{"id": "b1"}, None, {"id": "a1"}]}
        assert [(path, type(error)) for path, error in read.errors] == [("things.1", Forbidden)]


async def test_what_can_only_be_refused_is_not_asked_for() -> None:
    """Where every view that may stand there needs a scope, who holds none of them causes no call."""
    query = '{ note: safe(id: "s-note") { __typename } shelf: safe(id: "s1") { __typename } }'
    assert plan_of(query).needs == (
        Need("Query.safe", any_of("staff", "notes")),
        Need("Shelf", any_of("staff")),
        Need("Note", any_of("notes")),
    )
    async with room(schema=LOCKED) as here:
        read = await here.run(query, principal=holding("other"))
        assert [path for path, _ in read.errors] == ["note", "shelf"]
        assert here.calls == {}
        read = await here.run(query, principal=holding("notes"))
        assert read.data == {"note": {"__typename": "Note"}, "shelf": None}
        read = await here.run(query, principal=holding("staff"))
        assert read.data == {"note": None, "shelf": {"__typename": "Shelf"}}


async def test_a_view_whose_type_is_told_later_refuses_then() -> None:
    """An interface may need to wait before it can say which view a value has."""
    async with room(schema=build_schema(SlowQuery, SERVICES, types=[Hidden, Open])) as here:
        query = '{ b: slow(id: "b1") { __typename } s: slow(id: "s1") { __typename } }'
        read = await here.run(query)
        assert read.data == {"b": {"__typename": "Open"}, "s": None}
        assert [(path, type(error)) for path, error in read.errors] == [("s", Forbidden)]
        read = await here.run(query, principal=holding("staff"))
        assert read.data == {"b": {"__typename": "Open"}, "s": {"__typename": "Hidden"}}


# The plan


def test_a_plan_names_each_place_with_scopes_once() -> None:
    """With its own scopes, its endpoint's and its view's; what is for everybody is not in it."""
    plan = plan_of(
        """{
          book(id: "b1") { title length author { name life } shelf { rows { label } keeper { name } } }
          again: book(id: "b2") { length author { life } }
          mine { label }
        }"""
    )
    assert plan.needs == (
        Need("Book.length", any_of("count")),
        Need("Author.life", any_of("person life")),
        Need("Book.shelf", any_of("staff")),
        Need("Shelf.rows", any_of("staff")),
        Need("Query.mine", any_of("staff shelf:read")),
    )
    assert plan.scopes == {"count", "person", "life", "staff", "shelf:read"}
    assert plan.denied(frozenset({"person", "life", "staff"})) == {"Book.length", "Query.mine"}
    assert plan.denied(plan.scopes) == frozenset()


@pytest.mark.parametrize(
    ("query", "private"),
    [
        ('{ book(id: "b1") { title author { name } } hello }', False),
        ('{ book(id: "b1") { length } }', True),
        ('{ author(id: "a1") { life } }', True),
        ('{ shelf(id: "s1") { label } }', True),
        ('{ thing(id: "b1") { id } }', True),
        ("{ myLabel }", True),
        ("{ hello __typename __schema { types { name } } }", False),
    ],
)
def test_a_plan_is_public_only_without_scopes(query: str, private: bool) -> None:
    """An answer for which a scope is checked differs by who asks, though every endpoint in it is public."""
    assert plan_of(query).private is private


def test_a_field_that_nobody_can_reach_is_not_in_the_plan() -> None:
    """What the document itself leaves out, whatever the variables, needs nothing."""
    assert plan_of('{ author(id: "a1") { name country @skip(if: true) } }').needs == ()


def test_only_what_can_be_denied_is_checked() -> None:
    """Every other field keeps Strawberry's own resolver, and a field that its endpoint alone refuses its link's."""
    scoped = {
        f"{kind.name}.{name}"
        for kind in LOCKED._schema.type_map.values()
        if is_object_type(kind)
        for name, field in kind.fields.items()
        if getattr(field.resolve, "__module__", None) == "bff_core.graphql.scopes"
    }
    assert scoped == {
        *(f"{kind}.mark" for kind in ("Author", "Book", "Note", "Shelf")),
        *("Author.country", "Author.life", "Shelf.rows", "Book.length", "Book.ghost", "Book.shelf", "Book.chapters"),
        *("Query.secret", "Query.shelf", "Query.mine", "Query.safe", "Query.whoever"),
    }


class Noting(frozenset[str]):
    """A set that notes what it was asked for; holds nothing, and is true nevertheless."""

    def __init__(self, *_: object) -> None:
        self.asked: set[str] = set()

    def __bool__(self) -> bool:
        return True

    def __contains__(self, coordinate: object) -> bool:
        self.asked.add(str(coordinate))
        return False


@pytest.mark.parametrize(
    "query",
    [
        '{ thing(id: "s1") { mark ... on Shelf { rows { label } keeper { mark life } } } }',
        '{ finding(id: "b1") { ... on Book { length ghost { country } chapters { quoted { mark shelf { id } } } } } }',
        '{ things(ids: ["a1", "b1", "s1"]) { ...T } } fragment T on Thing { mark ... on Author { life } }',
        '{ safe(id: "s-note") { ... on Thing { mark } } mine { rows { label } } secret(id: "a1") { mark } }',
    ],
)
async def test_every_coordinate_that_is_asked_for_stands_in_the_plan(query: str) -> None:
    """So that nothing is shown because the plan had not thought of it."""
    async with room(schema=LOCKED) as here:
        operation = here.operations.prepare(query)
        async with here.scope(WIDE) as scope:
            noting = Noting()
            execution = await here.executor.execute(operation, {}, Context(scope, denied=noting))
        assert execution.errors == ()
        planned = operation.plan.denied(frozenset()) | {need.coordinate for need in operation.plan.needs}
        asked = {one for one in noting.asked if one not in ("Author", "Book")}  # types that need nothing
        assert asked
        assert asked <= planned


# Mutations


async def test_a_mutation_without_its_scope_is_not_run() -> None:
    """The check is before the resolver, also at the root of what writes; the next one runs."""
    written: list[str] = []

    def write(info: Info, what: Annotated[str, strawberry.argument(description="What.")]) -> str:
        written.append(what)
        return what

    @strawberry.type(description="What changes something.")
    class Mutation:
        scoped: str | None = strawberry.mutation(
            resolver=write, description="Writes.", metadata={SCOPES: frozenset({"write"})}, graphql_type=str | None
        )
        plain: str | None = strawberry.mutation(resolver=write, description="Writes.", graphql_type=str | None)

    async with room(schema=Schema(query=Query, mutation=Mutation)) as here:
        text = 'mutation { scoped(what: "a") plain(what: "b") }'
        read = await here.run(text)
        assert read.data == {"scoped": None, "plain": "b"}
        assert [path for path, _ in read.errors] == ["scoped"]
        assert written == ["b"]
        await here.run(text, principal=holding("write"))
        assert written == ["b", "a", "b"]


# Declarations


@pytest.mark.parametrize(
    ("declare", "sentence"),
    [
        (
            lambda: link(book_by_id, key="id", scopes="staff", description=""),
            "link over books GET /books: scopes is a list of scopes, not 'staff'",
        ),
        (
            lambda: opaque(book_by_id, scopes="staff", description=""),
            "an opaque resolver: scopes is a list of scopes, not 'staff'",
        ),
        (lambda: shown("A name.", scopes="staff"), "shown 'A name.': scopes is a list of scopes, not 'staff'"),
        (
            lambda: computed(_pages, "A name.", scopes="staff"),
            "computed 'A name.': scopes is a list of scopes, not 'staff'",
        ),
        (
            lambda: view(Book, scopes="staff", description="A book."),
            "view of Book: scopes is a list of scopes, not 'staff'",
        ),
    ],
)
def test_scopes_are_a_list(declare: Callable[[], Any], sentence: str) -> None:
    """A text would become a scope for each of its letters, which no token holds."""
    with pytest.raises(DeclarationError) as caught:
        declare()
    assert str(caught.value) == sentence


def test_scopes_are_data() -> None:
    """They can be read from the declaration; without any they are empty."""
    assert shown("", scopes=["a", "b", "a"]).metadata[SCOPES] == {"a", "b"}
    assert computed(_pages, "").metadata[SCOPES] == frozenset()
    assert link(book_by_id, key="id", scopes=("a",), description="").metadata[SCOPES] == {"a"}
    assert getattr(ShelfView, SCOPES) == {"staff"}
    assert getattr(BookView, SCOPES) == frozenset()


def test_a_view_made_from_a_view_needs_its_scopes_too() -> None:
    """Who may not see the first may not see more by the second."""

    @view(Shelf, name="WideShelf", description="A shelf.", scopes=["tall"])
    class WideShelf(ShelfView):
        pass

    assert getattr(WideShelf, SCOPES) == {"staff", "tall"}
    assert getattr(ShelfView, SCOPES) == {"staff"}


def test_a_type_that_is_no_view_needs_nothing() -> None:
    """graphql-core's own types and plain Strawberry types have no scopes."""
    assert scopes_of_view(GraphQLObjectType("Plain", {})) == frozenset()
    query = LOCKED._schema.query_type
    assert query is not None
    assert scopes_of_view(query) == frozenset()
