"""Idempotency: what happens once however often it is sent, and what is done again."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, Header, Request, Response
from pydantic import BaseModel

from downstream_stubs.frame.app import StubService
from downstream_stubs.frame.database import WritableDatabase
from downstream_stubs.frame.idempotency import Idempotency, OptionalKey, RequiredKey
from downstream_stubs.frame.problems import Kind, ProblemError
from downstream_stubs.products import ProductsSettings

DECLINED = Kind("declined", 402, "No")
BUSY = Kind("busy", 409, "Not now")
FAILED = Kind("failed", 503, "Failed")


class Wish(BaseModel):
    """What is asked for."""

    name: str = ""
    note: str | None = None


class Done(BaseModel):
    """The answer: the how-manieth time something was done."""

    time: int
    name: str


class Work:
    """Does things when it is let: counts how often it began, and may be told to refuse."""

    def __init__(self) -> None:
        self.times = 0
        self.refusal: ProblemError | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Event()

    async def do(self, wish: Wish | None) -> tuple[int, Done]:
        """Wait at the gate, then answer or refuse."""
        self.times += 1
        self.begun.set()
        await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal
        return 201, Done(time=self.times, name=wish.name if wish else "")

    def write(self, connection: sqlite3.Connection, wish: Wish) -> tuple[int, Done]:
        """Write a thing down, then answer or refuse."""
        self.times += 1
        connection.execute("INSERT INTO things (name) VALUES (?)", [wish.name])
        if self.refusal is not None:
            raise self.refusal
        return 200, Done(time=self.times, name=wish.name)


def fill(connection: sqlite3.Connection) -> None:
    connection.executescript("CREATE TABLE things (n INTEGER PRIMARY KEY, name TEXT NOT NULL)")


Subject = Annotated[str, Header(alias="x-subject", max_length=10)]


class Bench:
    """A service with a route of each kind, its database, and a client for it."""

    def __init__(self, directory: Path) -> None:
        self.work = Work()
        self.database = WritableDatabase(directory / "things.sqlite3", fill, [])
        self.idempotency = Idempotency(self.database)
        self.app = StubService(
            title="t",
            description="d",
            settings=ProductsSettings(),
            resources=[self.database],
            add_routes=self._add_routes,
        )
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://stub")

    def _add_routes(self, app: FastAPI) -> None:
        @app.post("/once/{id}", response_model=Done, status_code=201)
        async def once(request: Request, id: str, wish: Wish, key: RequiredKey, subject: Subject = "7") -> Response:
            return await self.idempotency.once(request, subject, key, wish, lambda: self.work.do(wish))

        @app.post("/bare", response_model=Done)
        async def bare(request: Request, key: OptionalKey = None) -> Response:
            return await self.idempotency.once(request, "7", key, None, lambda: self.work.do(None))

        @app.post("/written", response_model=Done)
        async def written(request: Request, wish: Wish, key: OptionalKey = None) -> Response:
            return self.idempotency.written(request, "7", key, wish, lambda one: self.work.write(one, wish))

    async def post(self, path: str, body: object = None, key: str | None = "one", subject: str = "7") -> httpx.Response:
        """Ask for something under a key."""
        headers = {"x-subject": subject} if path.startswith("/once") else {}
        if key is not None:
            headers["idempotency-key"] = key
        return await self.client.post(path, json=body, headers=headers)

    def things(self) -> list[str]:
        """What was written down."""
        return [row["name"] for row in self.database.rows("SELECT name FROM things ORDER BY n")]


@asynccontextmanager
async def bench_in(directory: Path) -> AsyncIterator[Bench]:
    bench = Bench(directory)
    bench.app.prepare()
    async with bench.client:
        yield bench
    bench.app.release()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """A service with an empty memory."""
    async with bench_in(tmp_path) as made:
        yield made


async def settle() -> None:
    """Let every task go on until none can."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_same_again_is_answered_as_before(bench: Bench) -> None:
    """The same key and body get the same status and bytes without being done again, and are told so."""
    first = await bench.post("/once/1", {"name": "ä", "note": None})
    again = await bench.post("/once/1", {"note": None, "name": "ä"})
    assert (first.status_code, first.json()) == (201, {"time": 1, "name": "ä"})
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    apart = {"idempotent-replayed"}
    assert {name: v for name, v in again.headers.items() if name not in apart} == dict(first.headers)
    assert bench.work.times == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [("/once/1", {"name": "b"}), ("/once/1", {"name": "a", "note": None}), ("/once/2", {"name": "a"})],
)
async def test_key_of_another_request_is_refused(bench: Bench, path: str, body: dict[str, object]) -> None:
    """The same key with another body or path is a 422 that does nothing, and spoils nothing."""
    await bench.post("/once/1", {"name": "a"})
    other = await bench.post(path, body)
    assert (other.status_code, other.json()["type"]) == (422, "idempotency-key-reused")
    assert [error["name"] for error in other.json()["errors"]] == ["idempotency-key"]
    assert (await bench.post("/once/1", {"name": "a"})).json()["time"] == 1
    assert bench.work.times == 1


async def test_key_belongs_to_subject_and_route(bench: Bench) -> None:
    """Another subject's and another route's requests under the same key are other requests."""
    await bench.post("/once/1", {"name": "a"}, subject="7")
    assert (await bench.post("/once/1", {"name": "b"}, subject="8")).json() == {"time": 2, "name": "b"}
    assert (await bench.post("/written", {"name": "c"})).json() == {"time": 3, "name": "c"}
    assert (await bench.post("/bare")).json()["time"] == 4


async def test_without_a_key_everything_is_done(bench: Bench) -> None:
    """Where the key may be left out, each request without one is a request of its own."""
    for path in ("/bare", "/written"):
        times = [(await bench.post(path, {} if path == "/written" else None, key=None)).json()["time"] for _ in "ab"]
        assert times[1] == times[0] + 1


async def test_missing_key_is_told(bench: Bench) -> None:
    """A route that needs a key answers 400 with a type of its own and does nothing."""
    answer = await bench.post("/once/1", {"name": "a"}, key=None)
    assert (answer.status_code, answer.json()["type"]) == (400, "idempotency-key-missing")
    assert [error["name"] for error in answer.json()["errors"]] == ["idempotency-key"]
    assert bench.work.times == 0


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
async def test_bad_key_is_named(bench: Bench, key: str) -> None:
    """A key is 1 to 255 printable ASCII characters; another is a 400 that names the header."""
    for path, body in (("/once/1", {"name": "a"}), ("/bare", None)):
        answer = await bench.post(path, body, key=key)
        assert (answer.status_code, answer.json()["type"]) == (400, "invalid-parameter")
        assert [error["name"] for error in answer.json()["errors"]] == ["idempotency-key"]
    assert bench.work.times == 0


async def test_second_waits_for_the_first(bench: Bench) -> None:
    """Who sends the same while it is being done gets the answer of the first; other keys do not wait."""
    bench.work.gate.clear()
    first = asyncio.create_task(bench.post("/once/1", {"name": "a"}))
    await bench.work.begun.wait()
    others = [asyncio.create_task(bench.post("/once/1", {"name": "a"})) for _ in range(3)]
    stranger = asyncio.create_task(bench.post("/once/1", {"name": "a"}, key="two"))
    await settle()
    assert bench.work.times == 2
    assert not any(task.done() for task in (first, *others, stranger))
    bench.work.gate.set()
    answers = [await task for task in (first, *others)]
    assert len({answer.content for answer in answers}) == 1
    assert [answer.headers.get("idempotent-replayed") for answer in answers] == [None, "true", "true", "true"]
    await stranger
    assert bench.work.times == 2
    assert repr(bench.idempotency) == "<Idempotency 0 keys at work>"


async def test_failure_is_done_again(bench: Bench) -> None:
    """A 5xx is not kept, even if it says so; the next one under the key does the work."""
    bench.work.refusal = ProblemError(FAILED, "no", store=True)
    for path in ("/once/1", "/written"):
        bench.work.times = 0
        assert (await bench.post(path, {"name": "a"})).status_code == 503
    bench.work.refusal = None
    for path in ("/once/1", "/written"):
        assert (await bench.post(path, {"name": "a"})).json() == {"time": bench.work.times, "name": "a"}
    assert bench.things() == ["a"]


@pytest.mark.parametrize("path", ["/once/1", "/written"])
async def test_refusal_is_kept_if_it_says_so(bench: Bench, path: str) -> None:
    """A stored problem is answered again with all its members and headers; another is found out anew."""
    bench.work.refusal = ProblemError(BUSY, "later")
    assert (await bench.post(path, {"name": "a"})).json()["type"] == "busy"
    bench.work.refusal = ProblemError(
        DECLINED, "no", errors=[("a", "b")], headers={"retry-after": "9"}, extra={"order_id": "5"}, store=True
    )
    first = await bench.post(path, {"name": "a"})
    bench.work.refusal = None
    again = await bench.post(path, {"name": "a"})
    assert (again.status_code, again.content) == (402, first.content)
    assert (again.json()["order_id"], again.json()["instance"]) == ("5", path)
    assert (again.headers["retry-after"], again.headers["idempotent-replayed"]) == ("9", "true")
    assert again.headers["content-type"] == "application/problem+json"
    assert bench.work.times == 2
    assert bench.things() == []


async def test_attempt_that_was_cut_is_done_again(bench: Bench) -> None:
    """Work that was cancelled keeps nothing: who waited for it does it."""
    bench.work.gate.clear()
    first = asyncio.create_task(bench.post("/once/1", {"name": "a"}))
    await bench.work.begun.wait()
    second = asyncio.create_task(bench.post("/once/1", {"name": "a"}))
    await settle()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    bench.work.gate.set()
    answer = await second
    assert (answer.status_code, answer.json()["time"]) == (201, 2)
    assert "idempotent-replayed" not in answer.headers


async def test_waiting_ends_without_disturbing(bench: Bench) -> None:
    """Who stops waiting leaves the work to go on."""
    bench.work.gate.clear()
    first = asyncio.create_task(bench.post("/once/1", {"name": "a"}))
    await bench.work.begun.wait()
    second = asyncio.create_task(bench.post("/once/1", {"name": "a"}))
    await settle()
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    bench.work.gate.set()
    assert (await first).json()["time"] == 1
    assert (await bench.post("/once/1", {"name": "a"})).headers["idempotent-replayed"] == "true"


async def test_write_and_answer_are_one(bench: Bench) -> None:
    """What is written inside the transaction is there once, and not at all if the work refuses."""
    for _ in range(2):
        assert (await bench.post("/written", {"name": "a"})).json()["time"] == 1
    assert bench.things() == ["a"]
    bench.work.refusal = ProblemError(BUSY, "later")
    assert (await bench.post("/written", {"name": "b"}, key="two")).status_code == 409
    assert bench.things() == ["a"]


async def test_answers_outlive_the_process(tmp_path: Path) -> None:
    """A key is remembered by the next process, and forgotten with a reset."""
    async with bench_in(tmp_path) as bench:
        first = await bench.post("/once/1", {"name": "a"})
    async with bench_in(tmp_path) as bench:
        again = await bench.post("/once/1", {"name": "a"})
        assert again.content == first.content
        assert bench.work.times == 0
        assert (await bench.client.post("/_reset")).status_code == 204
        assert "idempotent-replayed" not in (await bench.post("/once/1", {"name": "a"})).headers
        assert bench.work.times == 1


async def test_bug_is_done_again(bench: Bench) -> None:
    """An exception that nobody expected is a 500 and keeps nothing."""
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(bench.app, raise_app_exceptions=False), base_url="http://stub"
    )
    bench.database.close()
    async with client:
        assert (await client.post("/bare", headers={"idempotency-key": "one"})).status_code == 500
    bench.database.open()
    assert (await bench.post("/bare")).status_code == 201
