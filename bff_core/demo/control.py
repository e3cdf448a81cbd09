"""Demo room: how another terminal talks to a running demo, over a socket in the demo's folder.

One connection is one request: a line of JSON in, a line of JSON out, when it is done::

    {"do": "stop", "process": "users"}    →  {"say": "users is stopped; …"}
    {"do": "start", "process": "nosuch"}  →  {"problem": "There is …", "exit_code": 2, "output": []}
    {"do": "status"}                      →  {"pid": 4711, "processes": [{"name": "users", …}, …]}
    {"do": "addresses"}                   →  {"urls": {"users": "http://…"}, "token_url": "http://…"}

The socket is the user's alone (mode 0600). A lock on a file beside it says whether a demo runs: the kernel
lets go of it however the demo ends, so nothing is ever left to clean up by hand.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bff_core.demo.problem import DemoProblem, misuse
from bff_core.demo.supervisor import Supervisor
from bff_core.demo.table import DemoTable

FOLDER = ".demo"
_SOCKET = "control.sock"
_LOCK = "lock"
_LONGEST_REQUEST = 4096


@contextlib.contextmanager
def claim(project: Path) -> Iterator[Path]:
    """Be the one demo of this folder for the length of the block; its state folder. Errors: one runs."""
    folder = project / FOLDER
    folder.mkdir(exist_ok=True)
    with open(folder / _LOCK, "a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            pid = lock.read().strip() or "unknown"
            raise DemoProblem(
                f"A demo is running in this folder already (pid {pid}); "
                f"end it with Ctrl-C in its terminal or with kill {pid}."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield folder


@contextlib.asynccontextmanager
async def listen(folder: Path, supervisor: Supervisor, table: DemoTable) -> AsyncIterator[None]:
    """Answer requests for the length of the block; those that are under way at its end are cancelled."""
    handlers: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler = asyncio.create_task(_handle(reader, writer, supervisor, table))
        handlers.add(handler)
        handler.add_done_callback(handlers.discard)

    address = folder / _SOCKET
    # We hold the lock, so a socket that is there is one that a killed demo left.
    address.unlink(missing_ok=True)
    with _bound(address) as bound:
        server = await asyncio.start_unix_server(connected, sock=bound, limit=_LONGEST_REQUEST)
        try:
            yield
        finally:
            server.close()
            for handler in list(handlers):
                handler.cancel()
            await asyncio.gather(*handlers, return_exceptions=True)
            address.unlink(missing_ok=True)


def ask(project: Path, request: Mapping[str, str], *, timeout_s: float) -> dict[str, Any]:
    """Send one request to the demo of this folder and wait for its answer.

    Errors: NoDemo when none runs; DemoProblem with the demo's own sentence when it cannot do it.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(_short(project / FOLDER / _SOCKET))
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as answers:
                line = answers.readline()
        except TimeoutError:
            raise DemoProblem(f"The demo did not answer within {timeout_s:g} s; look at its terminal.") from None
        except (FileNotFoundError, ConnectionError):
            raise NoDemo from None
        except OSError as error:
            raise DemoProblem(f"The demo's socket cannot be reached: {error}.") from error
    if not line:
        raise DemoProblem("The demo ended before it answered.")
    answer: dict[str, Any] = json.loads(line)
    if "problem" in answer:
        raise DemoProblem(answer["problem"], exit_code=answer["exit_code"], output=answer["output"])
    return answer


class NoDemo(DemoProblem):
    """No demo runs in this folder."""

    def __init__(self) -> None:
        super().__init__("No demo is running in this folder; start one with bff demo.")


async def _handle(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, supervisor: Supervisor, table: DemoTable
) -> None:
    try:
        try:
            answer = await _do(await reader.readline(), supervisor, table)
        except DemoProblem as problem:
            answer = {"problem": problem.sentence, "exit_code": problem.exit_code, "output": problem.output}
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
    except (ConnectionError, ValueError):
        # Whoever asked has gone, or sent a line without end; there is nobody to tell.
        pass
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def _do(line: bytes, supervisor: Supervisor, table: DemoTable) -> dict[str, Any]:
    try:
        request = json.loads(line)
    except ValueError:
        request = None
    match request:
        case {"do": "start", "process": str(name)}:
            return {"say": await supervisor.start(name)}
        case {"do": "stop", "process": str(name)}:
            return {"say": await supervisor.stop(name)}
        case {"do": "status"}:
            return {"pid": os.getpid(), "processes": [asdict(status) for status in supervisor.status()]}
        case {"do": "addresses"}:
            urls = {name: spec.url for name, spec in table.processes.items()}
            return {"urls": urls, "token_url": table.token.url if table.token else None}
        case _:
            raise misuse("The demo knows the requests start, stop, status and addresses, one JSON object a line.")


@contextlib.contextmanager
def _bound(address: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bound:
        # Narrow from its first moment on: a chmod after it would leave a gap.
        before = os.umask(0o177)
        try:
            bound.bind(_short(address))
        except OSError as error:
            raise DemoProblem(f"The demo's socket {address} cannot be made: {error}.") from error
        finally:
            os.umask(before)
        yield bound


def _short(address: Path) -> str:
    """The shorter of its absolute and relative name: a socket's name may have about 100 characters only."""
    return min(str(address), os.path.relpath(address), key=len)
