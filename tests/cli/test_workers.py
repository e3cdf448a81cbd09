"""``bff serve --workers``: real processes behind one socket, of which one is killed, and all are told to end.

The one service behind them holds every answer until it is let go, and a worker is stopped while its sibling accepts: so
it is known who holds which request, and nothing depends on time.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.cli.conftest import Project
from tests.sockets import taken_by, workers_of

#: Requests that each worker gets.
EACH = 12
#: Generous: processes start while other tests run.
SOON_S = 60.0

#: Wide enough for all requests in one worker, and times that no test comes near.
ROOMY = {
    "BFF_DESK__EDGE__BUDGET_MS": "60000",
    "BFF_DESK__SERVICES__ALL__ATTEMPT_TIMEOUT_MS": "55000",
    "BFF_DESK__SERVICES__ALL__IN_FLIGHT": "40",
    "BFF_DESK__SERVICES__ALL__MAX_CONNECTIONS": "64",
    "BFF_DESK__SHEDDING__LONGEST_LAG_MS": "60000",  # a worker that was stopped is late
}


@dataclass
class HeldWords:
    """A service over a real socket: every word exists, and nobody is told before ``let_go`` is set."""

    asked: list[str] = field(default_factory=list)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a worker, until it is closed."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                (word,) = re.findall(rb"id=(\w+)", head)
                self.asked.append(word.decode())
                await self.let_go.wait()
                body = json.dumps([{"id": word.decode(), "text": f"word {word.decode()}"}]).encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
                writer.write(b"content-length: %d\r\n\r\n%b" % (len(body), body))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the worker is gone
        finally:
            writer.close()


@dataclass
class Served:
    """A BFF with two workers, and its service."""

    process: subprocess.Popen[str]
    port: int
    words: HeldWords
    sent: int = 0

    @property
    def workers(self) -> list[int]:
        """Their process ids."""
        return workers_of(self.process.pid)

    def ask(self, *words: str) -> list[asyncio.Task[bytes]]:
        """Ask for each word, on a connection of its own."""
        self.sent += len(words)
        return [asyncio.create_task(self.post(f'{{ word(id: "{word}") {{ text }} }}')) for word in words]

    async def post(self, query: str) -> bytes:
        """The whole response to a query, or b"" where there was nobody, or it broke off before its end."""
        body = json.dumps({"query": query}).encode()
        head = "POST /graphql HTTP/1.1\r\nhost: desk\r\ncontent-type: application/json\r\nconnection: close\r\n"
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
                return await reader.read()
            finally:
                writer.close()
        except OSError:
            return b""

    async def ask_each(self) -> list[asyncio.Task[bytes]]:
        """Give each worker its requests, and wait until the service has heard of them all; those of the first first."""
        first, second = self.workers
        asked = []
        for idle, words in ((second, range(EACH)), (first, range(EACH, 2 * EACH))):
            os.kill(idle, signal.SIGSTOP)
            asked += self.ask(*(f"w{number}" for number in words))
            await until(lambda: len(self.words.asked) == self.sent)
            os.kill(idle, signal.SIGCONT)
        assert [taken_by(worker, self.port) for worker in (first, second)] == [EACH, EACH]
        return asked


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    async with asyncio.timeout(SOON_S):
        while not holds():  # noqa: ASYNC110  # another process sets no event of ours
            await asyncio.sleep(0.01)


def is_answer(word: str, answer: bytes) -> bool:
    """Whether this is the whole answer about the word."""
    return answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(
        b'{"data":{"word":{"text":"word %b"}}}' % word.encode()
    )


@asynccontextmanager
async def served(project: Project) -> AsyncIterator[Served]:
    """The BFF with two workers, both there."""
    words = HeldWords()
    async with await asyncio.start_server(words.serve, "127.0.0.1", 0) as service:
        url = f"http://127.0.0.1:{service.sockets[0].getsockname()[1]}"
        environment = {**ROOMY, "BFF_DESK__SERVICES__WORDS__URL": url}
        process = project.start("serve", "desk", "--workers", "2", environment=environment)
        desk = Served(process, 0, words)
        try:
            assert process.stdout is not None
            line = await asyncio.to_thread(process.stdout.readline)
            assert line.startswith("desk at http://"), process.communicate(timeout=10)
            desk.port = int(re.findall(r":(\d+)/", line)[0])
            await until(lambda: len(desk.workers) == 2)
            yield desk
        finally:
            words.let_go.set()
            for pid in desk.workers:  # a test that failed may have left one stopped
                os.kill(pid, signal.SIGCONT)
            process.terminate()
            process.communicate(timeout=SOON_S)


async def test_a_worker_that_is_killed_loses_what_it_holds_and_nothing_else(project: Project) -> None:
    """Its requests break off, those of the other are answered, and those that broke off are answered when sent again;
    a new worker serves in its place."""
    async with served(project) as desk:
        asked = await desk.ask_each()
        killed, other = desk.workers
        os.kill(killed, signal.SIGKILL)
        assert await asyncio.gather(*asked[:EACH]) == [b""] * EACH
        assert not any(one.done() for one in asked[EACH:])
        desk.words.let_go.set()
        kept = await asyncio.gather(*asked[EACH:])
        assert [is_answer(f"w{EACH + n}", answer) for n, answer in enumerate(kept)] == [True] * EACH
        again = await asyncio.gather(*desk.ask(*(f"w{number}" for number in range(EACH))))
        assert [is_answer(f"w{number}", answer) for number, answer in enumerate(again)] == [True] * EACH
        assert len(desk.words.asked) == 3 * EACH

        assert desk.process.stdout is not None
        line = json.loads(await asyncio.to_thread(desk.process.stdout.readline))
        assert line == {"bff": "desk", "pid": killed, "code": -signal.SIGKILL, "event": "worker", "level": "error"}
        await until(lambda: len(desk.workers) == 2)
        assert killed not in desk.workers
        os.kill(other, signal.SIGSTOP)
        (answer,) = await asyncio.gather(*desk.ask("new"))
        os.kill(other, signal.SIGCONT)
        assert is_answer("new", answer)


async def test_told_to_end_they_finish_what_runs(project: Project) -> None:
    """After SIGTERM every request that runs is answered whole, whoever comes then is told to come again, and the exit
    code is 0."""
    async with served(project) as desk:
        asked = await desk.ask_each()
        desk.process.terminate()
        refused = b""
        async with asyncio.timeout(SOON_S):
            while not refused.startswith(b"HTTP/1.1 503 "):
                refused = await desk.post("{ locale }")  # which a worker that has not heard of it yet answers at once
        assert b"OVERLOADED" in refused
        assert b"retry-after: " in refused
        assert not any(one.done() for one in asked)
        desk.words.let_go.set()
        answers = await asyncio.gather(*asked)
        assert [is_answer(f"w{number}", answer) for number, answer in enumerate(answers)] == [True] * 2 * EACH
        assert len(desk.words.asked) == 2 * EACH
        out, err = await asyncio.to_thread(desk.process.communicate, timeout=SOON_S)
        assert (desk.process.returncode, out, err) == (0, "", "")
        assert await desk.post("{ locale }") == b""


async def test_workers_do_not_outlive_their_supervisor(project: Project) -> None:
    """When the supervisor is killed its workers end in order by themselves, and the port is free."""
    async with served(project) as desk:
        asked = await desk.ask_each()
        workers = desk.workers
        desk.process.kill()
        desk.words.let_go.set()
        answers = await asyncio.gather(*asked)
        assert [is_answer(f"w{number}", answer) for number, answer in enumerate(answers)] == [True] * 2 * EACH
        await until(lambda: not any(_is_there(worker) for worker in workers))
        assert await desk.post("{ locale }") == b""


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("arguments", "environment", "workers"),
    [
        ((), {}, ("1 (default)", "1 (default)")),
        (("--workers", "3"), {}, ("3 (environment)", "3 (default)")),
        ((), {"BFF_DESK__EDGE__WORKERS": "2"}, ("2 (environment)", "2 (default)")),
        (("--workers", "2"), {"BFF_DESK__CACHE__WORKERS": "6"}, ("2 (environment)", "6 (environment)")),
    ],
)
def test_what_is_kept_follows_from_the_workers(
    project: Project, arguments: Sequence[str], environment: dict[str, str], workers: tuple[str, str]
) -> None:
    """The number of processes that the cache reckons with is that of the workers, unless more serve elsewhere."""
    result = project.bff("serve", "desk", *arguments, "--settings", environment=environment)
    lines = result.stdout.splitlines()
    assert [line for line in lines if ".workers = " in line] == [
        f"cache.workers = {workers[1]}",
        f"edge.workers = {workers[0]}",
    ]


def test_fewer_workers_everywhere_than_here_stop_the_start(project: Project) -> None:
    """cache.workers counts those of all machines, so it cannot be less than edge.workers."""
    result = project.bff("serve", "desk", "--workers", "3", environment={"BFF_DESK__CACHE__WORKERS": "2"})
    assert result.exit_code == 2
    assert "cache.workers = 2 must not be less than edge.workers = 3" in result.stderr
