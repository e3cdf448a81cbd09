"""A bookshelf to test the kernel on: authors, books and shelves, as scripted services under a small schema.

Nothing here is of the shop. The world is made up as it is asked for: every id names something, and whatever a row
points at has an id of its own, so that no two positions of an operation share a key (``World`` says how to thin it).
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import unquote

import httpx
import strawberry

from bff_core.auth.principal import ANONYMOUS, Credential, Principal
from bff_core.cache.records import CacheOptions, RecordCache
from bff_core.cache.store import MemoryStore
from bff_core.contract import Edge, Endpoint, KeyStyle, Page, Record, Service, Windows
from bff_core.deadline import Deadline
from bff_core.errors import AuthUnavailable, BadRequest, BffError
from bff_core.graphql.context import Context, Info
from bff_core.graphql.executor import Execution, StrawberryExecutor
from bff_core.graphql.ledger import Ledger
from bff_core.graphql.link import Argument, link, load, opaque
from bff_core.graphql.operations import Operations
from bff_core.graphql.schema import Schema, build_schema
from bff_core.graphql.view import computed, shown, view
from bff_core.loading.reads import Reads
from bff_core.loading.scope import RequestScope
from bff_core.outbound.channel import Channel, ChannelOptions
from bff_core.outbound.guards import GuardOptions, Guards
from bff_core.resilience.breaker import BreakerOptions
from bff_core.resilience.bulkhead import BulkheadOptions
from bff_core.resilience.retry import RetryOptions
from bff_core.testing.clock import FakeClock
from bff_core.testing.observer import RecordingObserver
from bff_core.testing.transport import Responder, ScriptedTransport, json_reply

#: Seconds that a call may take with all its attempts: one of 1.5 s, and some waiting.
LONGEST_CALL = 1.6

# The services

authors = Service("authors")
books = Service("books")
shelves = Service("shelves")


class Author(Record):
    """Who writes."""

    id: str
    name: str
    favourite_id: str | None
    country: str | None = None


class Biography(Record):
    """The life of an author."""

    author_id: str
    text: str


class Chapter(Record):
    """A part of a book."""

    quoted_id: str


class Book(Record):
    """What is written."""

    id: str
    title: str
    pages: int
    author_id: str
    shelf_id: str
    sequel_id: str | None
    similar_ids: list[str]
    chapters: list[Chapter]


class Edition(Record):
    """A book in one language."""

    book_id: str
    language: str
    publisher: str


class Note(Record):
    """What somebody wrote in a book's margin."""

    id: str
    book_id: str
    writer_id: str


class Cell(Record):
    """A place for one book."""

    book_id: str


class Row(Record):
    """A board of a shelf."""

    label: str
    cells: list[Cell]


class Shelf(Record):
    """Where books stand."""

    id: str
    label: str
    keeper_id: str
    top_id: str
    book_ids: list[str]
    rows: list[Row]


class Loan(Record):
    """A book somebody took home."""

    book_id: str


author_by_id = authors.batch(
    "GET /authors", keys="ids", style=KeyStyle.COMMA, returns=Author, key="id", at="items", max_keys=20
)
biography = authors.get("GET /authors/{author_id}/biography", returns=Biography)
books_of = authors.page("GET /authors/{author_id}/books", returns=Book, max_limit=10, total="total")
book_by_id = books.batch("GET /books", keys="id", returns=Book, key="id", at="items", max_keys=4)
editions = books.batch(
    "POST /editions", keys="editions", returns=Edition, key=("book_id", "language"), at="items", max_keys=3
)
notes = books.batch_many("GET /notes", keys="book", returns=Note, key="book_id", at="items", max_keys=4)
search = books.page("GET /search", query=("q",), returns=Book, max_limit=10, total="total")
shelf_by_id = shelves.batch("GET /shelves", keys="id", returns=Shelf, key="id", at="items", max_keys=2)
my_shelf = shelves.get("GET /mine", returns=Shelf, relay=True, scopes=("shelf:read",))
my_loans = shelves.get("GET /loans", returns=list[Loan], at="items", relay=True)

SERVICES = (authors, books, shelves)

# The schema

SOMEBODY = Author(id="somebody", name="Somebody", favourite_id=None)


@strawberry.interface(description="Whatever has an id.")
class Thing:
    """What books and authors have in common."""

    id: strawberry.ID = strawberry.field(description="An id.")


@view(Cell, description="A place for one book.")
class CellView:
    """A cell."""

    book: BookView | None = link(book_by_id, key="book_id", description="What stands here.")


@view(Row, description="A board of a shelf.")
class RowView:
    """A row."""

    label: str = shown("What it says.")
    cells: list[CellView] = shown("Places, from the left.")


@view(Shelf, name="Shelf", description="Where books stand.")
class ShelfView:
    """A shelf."""

    id: strawberry.ID = shown("An id.")
    label: str = shown("What it says.")
    rows: list[RowView] = shown("Boards, from the top.")
    keeper: AuthorView | None = link(author_by_id, key="keeper_id", description="Who dusts it.")
    top: BookView | None = link(book_by_id, key="top_id", description="What lies on top.")
    books: list[BookView] | None = link(
        book_by_id, key="book_ids", missing="drop", at_most=6, description="What stands here."
    )


@view(Edition, description="A book in one language.")
class EditionView:
    """An edition."""

    language: str = shown("A language.")
    publisher: str = shown("Who printed it.")


@view(Note, description="What somebody wrote in a margin.")
class NoteView:
    """A note."""

    id: strawberry.ID = shown("An id.")
    writer: AuthorView | None = link(author_by_id, key="writer_id", description="Who wrote it.")


def _heading(book: Book, info: Info, loud: bool = False) -> str:
    return f"{book.title.upper() if loud else book.title} ({info.context.locale})"


def _pages_text(book: Book) -> str:
    return f"{book.pages} pages"


def _exact_pages(book: Book) -> int:
    if not book.pages:
        raise ValueError("a book has pages")
    return book.pages


def _language(value: str) -> str:
    if not value.isalpha():
        raise BadRequest(f"{value} is no language.")
    return value.lower()


@view(Chapter, description="A part of a book.")
class ChapterView:
    """A chapter."""

    quoted: BookView | None = link(book_by_id, key="quoted_id", description="What it quotes.")


@view(Book, name="Book", description="What is written.")
class BookView(Thing):
    """A book."""

    id: strawberry.ID = shown("An id.")
    title: str = shown("What it is called.")
    heading: str = computed(_heading, "The title as a headline.")
    length: str = computed(_pages_text, "How long it is, in words.")
    exact_pages: int = computed(_exact_pages, "How long it is.")
    author: AuthorView | None = link(author_by_id, key="author_id", description="Who wrote it.")
    writer: AuthorView = link(
        author_by_id, key="author_id", fallback=SOMEBODY, description="Who wrote it, or somebody."
    )
    author_name: str | None = link(
        author_by_id,
        key="author_id",
        show=lambda author, info: f"{author.name} ({info.context.locale})",
        description="Who wrote it, in a word.",
    )
    owner: AuthorView = link(
        author_by_id,
        key="author_id",
        critical="a book without its author is of no use to anybody",
        description="Who wrote it, or no book.",
    )
    shelf: ShelfView | None = link(shelf_by_id, key="shelf_id", description="Where it stands.")
    stand: ShelfView = link(
        shelf_by_id,
        key="shelf_id",
        critical="who looks for a book wants to find it",
        description="Where it stands, or no book.",
    )
    sequel: BookView | None = link(book_by_id, key="sequel_id", description="How it goes on.")
    similar: list[BookView] | None = link(
        book_by_id, key="similar_ids", missing="drop", at_most=3, description="Books like it."
    )
    similar_or_null: list[BookView | None] | None = link(
        book_by_id, key="similar_ids", at_most=3, description="Books like it, with gaps."
    )
    similar_unbounded: list[BookView] | None = link(
        book_by_id, key="similar_ids", missing="drop", description="Books like it, who knows how many."
    )
    chapters: list[ChapterView] = shown("Its parts.")
    reader: AuthorView | None = link(
        author_by_id, key=Argument("id", strawberry.ID, "An id."), description="Somebody who reads it."
    )
    notes: list[NoteView] | None = link(notes, key="id", at_most=2, description="What is in its margins.")
    edition: EditionView | None = link(
        editions,
        key=("id", Argument("language", str, "Which language.", default="en", convert=_language)),
        description="The book in a language.",
    )


@view(Edge[Book], description="A book in a list.")
class BookEdge:
    """Relay's edge."""

    cursor: str = shown("Resumes the list here.")
    node: BookView = shown("The book.")


@view(Page[Book], description="Books, page by page.")
class BookConnection:
    """Relay's connection."""

    edges: list[BookEdge] = shown("The books of this page.")
    nodes: list[BookView] = strawberry.field(resolver=lambda root: root.nodes, description="The books without cursors.")
    total_count: int | None = shown("How many there are.")


@view(Author, name="Author", description="Who writes.")
class AuthorView(Thing):
    """An author."""

    id: strawberry.ID = shown("An id.")
    name: str = shown("What they are called.")
    country: str | None = shown("Where they live.")
    favourite: BookView | None = link(book_by_id, key="favourite_id", description="What they like.")
    life: str | None = link(
        biography, key="id", fan_out=2, show=lambda life, _info: life.text, description="How they lived."
    )
    books: BookConnection | None = link(books_of, key="id", fan_out=2, page_size=3, description="What they wrote.")
    newest: list[BookView] | None = link(
        books_of,
        key="id",
        fan_out=2,
        page_size=2,
        paging=False,
        show=lambda page, _info: page.nodes,
        description="The two newest of their books.",
    )


@view(Loan, description="A book somebody took home.")
class LoanView:
    """A loan."""

    book: BookView | None = link(book_by_id, key="book_id", description="Which one.")


Finding = Annotated[BookView | AuthorView, strawberry.union("Finding", description="What was found.")]
_Id = Annotated[strawberry.ID, strawberry.argument(description="An id.")]


@strawberry.type(description="Everything one can ask of the bookshelf.")
class Query:
    """The root."""

    book: BookView | None = link(book_by_id, key=Argument("id", strawberry.ID, "An id."), description="One book.")
    books: list[BookView | None] | None = link(
        book_by_id, key=Argument("ids", list[strawberry.ID], "Ids."), description="Some books."
    )
    author: AuthorView | None = link(
        author_by_id, key=Argument("id", strawberry.ID, "An id."), description="One author."
    )
    shelf: ShelfView | None = link(shelf_by_id, key=Argument("id", strawberry.ID, "An id."), description="One shelf.")
    search: BookConnection | None = link(
        search,
        key={"q": Argument("text", str, "Words to look for.", default="")},
        page_size=5,
        description="Books with these words.",
    )
    books_by: BookConnection | None = link(
        books_of,
        key={"author_id": Argument("author", strawberry.ID, "Whose.")},
        page_size=3,
        description="What somebody wrote.",
    )
    mine: ShelfView | None = link(my_shelf, description="The reader's own shelf.")
    loans: list[LoanView] | None = link(my_loans, description="What the reader took home.")

    @opaque(book_by_id, author_by_id, description="Whatever has this id.")
    async def thing(self, info: Info, id: _Id) -> Thing | None:
        """By the id's first letter."""
        found: Thing | None = await load(book_by_id if id.startswith("b") else author_by_id, id, info)
        return found

    @opaque(book_by_id, author_by_id, description="Whatever has this id.")
    async def finding(self, info: Info, id: _Id) -> Finding | None:
        """By the id's first letter."""
        found: Finding | None = await load(book_by_id if id.startswith("b") else author_by_id, id, info)
        return found

    hello: str = strawberry.field(
        resolver=lambda: "hello", description="A greeting, which needs nobody.", graphql_type=str
    )


SCHEMA = build_schema(Query, SERVICES)

# The world


class World:
    """What the services know. Everything exists and everything is full; override to thin it."""

    def has(self, kind: str, key: str) -> bool:
        """Whether there is such a thing."""
        return True

    def points_at(self, owner: str, field: str) -> str | None:
        """What a row points at by one field; None where the field may be null, and nothing is there."""
        return f"{owner}.{field}"

    def amount(self, owner: str, field: str, most: int) -> int:
        """How many things a list of a row holds."""
        return most

    def pages(self, id: str) -> int:
        """How long a book is."""
        return 100

    def author(self, id: str) -> dict[str, Any]:
        """An author as the service sends it."""
        return {"id": id, "name": f"Name {id}", "favourite_id": self.points_at(id, "fav")}

    def book(self, id: str) -> dict[str, Any]:
        """A book as the service sends it."""
        return {
            "id": id,
            "title": f"Title {id}",
            "pages": self.pages(id),
            "author_id": self.points_at(id, "a") or "nobody",
            "shelf_id": self.points_at(id, "s") or "nowhere",
            "sequel_id": self.points_at(id, "q"),
            "similar_ids": self.some(id, "l", 3),
            "chapters": [{"quoted_id": one} for one in self.some(id, "h", 2)],
        }

    def shelf(self, id: str) -> dict[str, Any]:
        """A shelf as the service sends it."""
        return {
            "id": id,
            "label": f"Label {id}",
            "keeper_id": self.points_at(id, "k") or "nobody",
            "top_id": self.points_at(id, "t") or "nothing",
            "book_ids": self.some(id, "b", 6),
            "rows": [
                {"label": label, "cells": [{"book_id": book} for book in self.some(label, "c", 2)]}
                for label in self.some(id, "r", 2)
            ],
        }

    def some(self, owner: str, field: str, most: int) -> list[str]:
        """Ids of a list of a row."""
        found = (self.points_at(owner, f"{field}{n}") for n in range(self.amount(owner, field, most)))
        return [one for one in found if one is not None]


class Double:
    """One service, scripted: ``transport`` says what it was asked; ``answer`` replaces its answers, None ends that."""

    def __init__(self, name: str, responder: Responder) -> None:
        self.name = name
        self.answer: Responder | None = None
        self._responder = responder
        self.transport = ScriptedTransport(self._respond)

    def _respond(self, request: httpx.Request) -> Any:
        return (self.answer or self._responder)(request)

    def fail(self, status: int = 500) -> None:
        """Answer everything with this status from now on."""
        self.answer = lambda _request: httpx.Response(status)

    @property
    def calls(self) -> int:
        """How often it was asked."""
        return len(self.transport.requests)


def _authors(world: World) -> Responder:
    def answer(request: httpx.Request) -> httpx.Response:
        steps = request.url.path.strip("/").split("/")
        if len(steps) == 1:
            return _rows(world.author(one) for one in _asked(request, "ids") if world.has("author", one))
        if not world.has(steps[2], steps[1]):
            return httpx.Response(404)
        if steps[2] == "biography":
            return json_reply({"author_id": steps[1], "text": f"Life of {steps[1]}"})
        return _page(world, request, steps[1])

    return answer


def _books(world: World) -> Responder:
    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/books":
            return _rows(world.book(one) for one in _asked(request, "id") if world.has("book", one))
        if path == "/notes":
            owners = _asked(request, "book")
            return _rows(
                {"id": note, "book_id": book, "writer_id": world.points_at(note, "w") or "nobody"}
                for book in owners
                for note in world.some(book, "n", 2)
            )
        if path == "/editions":
            wanted = json.loads(request.content)["editions"]
            return _rows({**one, "publisher": "Print"} for one in wanted if world.has("edition", one["book_id"]))
        return _page(world, request, request.url.params.get("q", ""))

    return answer


def _shelves(world: World) -> Responder:
    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/mine":
            return json_reply(world.shelf("mine"))
        if path == "/loans":
            return _rows({"book_id": one} for one in world.some("me", "o", 2))
        return _rows(world.shelf(one) for one in _asked(request, "id") if world.has("shelf", one))

    return answer


def _asked(request: httpx.Request, name: str) -> list[str]:
    return [unquote(part) for value in request.url.params.get_list(name) for part in value.split(",")]


def _rows(rows: Any) -> httpx.Response:
    return json_reply({"items": list(rows)})


def _page(world: World, request: httpx.Request, owner: str) -> httpx.Response:
    after = request.url.params.get("cursor", "")
    ids = world.some(f"{owner}{after}" or "all", "p", int(request.url.params["limit"]))
    rows = [world.book(one) for one in ids]
    return json_reply({"items": rows, "cursors": ids, "next": ids[-1] if ids else None, "total": 99})


# The room

READER = Principal(subject="7", scopes=frozenset({"shelf:read"}))


@dataclass
class Read:
    """What running an operation gave, and what it left behind."""

    execution: Execution
    ledger: Ledger
    scope: RequestScope

    @property
    def data(self) -> Any:
        """``data``, None where there is none."""
        return self.execution.data

    @property
    def errors(self) -> list[tuple[str, BffError | Exception | None]]:
        """Every error: its path with dots, and what was raised."""
        return [(".".join(map(str, error.path or ())), error.original_error) for error in self.execution.errors]

    @property
    def codes(self) -> dict[str, str]:
        """The code of every error that one of ours stands behind, by path."""
        return {path: error.code for path, error in self.errors if isinstance(error, BffError)}

    @property
    def degraded(self) -> list[dict[str, Any]]:
        """What ``extensions.degraded`` would show."""
        return [entry.shown() for entry in self.ledger.entries]


@dataclass
class Room:
    """The bookshelf's services, channels and schema, on a clock moved by hand."""

    clock: FakeClock
    observer: RecordingObserver
    doubles: Mapping[str, Double]
    channels: Mapping[str, Channel]
    reads: Mapping[str, Reads]
    operations: Operations
    executor: StrawberryExecutor
    scopes: list[RequestScope] = field(default_factory=list)

    def scope(
        self,
        principal: Principal = READER,
        *,
        seconds: float = 2.0,
        reserve: float = 0.1,
        unverified: AuthUnavailable | None = None,
        token: str = "token",  # noqa: S107  # nobody's
        locale: str = "en",
        client: str = "tests",
    ) -> RequestScope:
        """The scope of a new request, to be entered."""
        scope = RequestScope(
            reads=self.reads,
            deadline=Deadline.after(self.clock, seconds),
            clock=self.clock,
            principal=principal,
            credential=None if principal is ANONYMOUS else Credential(token),
            unverified=unverified,
            request_id="request-1",
            locale=locale,
            client=client,
            reserve=reserve,
        )
        self.scopes.append(scope)
        return scope

    async def run(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        principal: Principal = READER,
        name: str | None = None,
        locale: str = "en",
        **options: Any,
    ) -> Read:
        """One operation from its text to its answer, as the pipeline does it."""
        operation = self.operations.prepare(query, name)
        async with self.scope(principal, **options) as scope:
            denied = operation.plan.denied(principal.scopes)
            context = Context(scope, locale, self.clock.wall(), denied=denied)
            execution = await self.executor.execute(operation, variables or {}, context)
        return Read(execution, context.ledger, scope)

    @property
    def calls(self) -> dict[str, int]:
        """Calls by endpoint name, as ``CallPlan.count`` tells them; only endpoints that were called."""
        counts: Counter[str] = Counter()
        for name, double in self.doubles.items():
            for request in double.transport.requests:
                counts[f"{name} {request.method} {_route(request.url.path)}"] += 1
        return dict(counts)

    @property
    def targets(self) -> list[str]:
        """What went down, in no order between services."""
        return [target for double in self.doubles.values() for target in double.transport.targets]


def left_over() -> set[asyncio.Task[Any]]:
    """The tasks that still are, but for the one that asks and for flights: those are the process's, see ``room``."""
    own = asyncio.current_task()
    return {task for task in asyncio.all_tasks() if task is not own and " of " not in task.get_name()}


def _route(path: str) -> str:
    steps = path.split("/")
    if len(steps) == 4 and steps[1] == "authors":
        steps[2] = "{author_id}"
    return "/".join(steps)


@asynccontextmanager
async def room(
    world: World | None = None,
    *,
    schema: Schema = SCHEMA,
    in_flight: int = 20,
    answers: Mapping[str, Responder] | None = None,
    services: Sequence[str] = ("authors", "books", "shelves"),
    windows: Mapping[Endpoint[Any], Windows] | None = None,
    elsewhere: frozenset[Endpoint[Any]] = frozenset(),
) -> AsyncIterator[Room]:
    """A room with fresh doubles; at its end no scope, timer, request or flight may be left.

    Nothing is kept but of the endpoints in ``windows``, whose ends are exact.
    """
    world = world or World()
    clock, observer = FakeClock(), RecordingObserver()
    mishaps: list[Mapping[str, Any]] = []  # what asyncio would only have logged
    asyncio.get_running_loop().set_exception_handler(lambda _loop, mishap: mishaps.append(mishap))
    responders: dict[str, Responder] = {
        "authors": _authors(world),
        "books": _books(world),
        "shelves": _shelves(world),
        **(answers or {}),
    }
    doubles = {name: Double(name, responders[name]) for name in services}
    channels = {
        name: Channel(
            name,
            ChannelOptions(url=f"http://{name}.test", attempt_timeout=1.5),
            transport=double.transport,
            guards=Guards(
                name,
                GuardOptions(
                    retry=RetryOptions(retries=0),
                    breaker=BreakerOptions(metrics_only=True),
                    bulkhead=BulkheadOptions(in_flight=in_flight),
                ),
                clock,
                observer,
            ),
            clock=clock,
            observer=observer,
        )
        for name, double in doubles.items()
    }
    records = RecordCache(CacheOptions(windows or {}, 0, elsewhere), MemoryStore(1_000_000), clock)
    reads = {name: Reads(channel, records, clock, observer, LONGEST_CALL) for name, channel in channels.items()}
    made = Room(clock, observer, doubles, channels, reads, Operations(schema._schema), StrawberryExecutor(schema))
    yield made
    await clock.settle()  # calls that nobody waited for any more end in the next rounds
    assert mishaps == []
    assert clock.timers == 0, f"a timer is left: {clock!r}"
    assert [double.transport.pending for double in doubles.values()] == [0] * len(doubles)
    assert {name: one.flights.under_way() for name, one in reads.items() if one.flights.under_way()} == {}
    for channel in channels.values():
        assert channel.bulkhead().in_flight == 0
        await channel.aclose()
