"""Demo room: a demo from its checks to its end; what ``bff demo`` does, as one readable list."""

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any

from bff_core.demo import control, preflight
from bff_core.demo.leash import hold_leash
from bff_core.demo.problem import DemoProblem
from bff_core.demo.screen import Screen, introduction
from bff_core.demo.supervisor import Supervisor
from bff_core.demo.table import DemoTable
from bff_core.demo.tokens import ask_token

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def run_demo(
    table: DemoTable,
    *,
    project: Path,
    environment: Mapping[str, str],
    screen: Screen,
    bff: str,
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Run the demo until Ctrl-C, SIGTERM or SIGHUP, or until nobody reads its output any more.

    Errors: DemoProblem when it cannot start; everything that was started has ended by then.
    """
    began = now()
    ending = _Ending()
    screen.on_gone = ending.asked.set
    with ending.by_signals(), control.claim(project) as folder:
        check(table, environment, screen)
        async with hold_leash(table.stop_grace_s) as leash:
            supervisor = Supervisor(
                table,
                project=project,
                environment=environment,
                leash=leash,
                screen=screen,
                bff=bff,
                now=now,
            )
            ending.hurry = supervisor.kill_all
            try:
                async with control.listen(folder, supervisor, table):
                    if await _unless(ending.asked, supervisor.start_all()):
                        tries = write_tries(table, project, folder, screen)
                        token = await asyncio.to_thread(_demo_token, table, screen)
                        took = now() - began
                        screen.say(introduction(table, bff=bff, token=token, tries=tries, ready_in_s=took))
                        await ending.asked.wait()
            finally:
                screen.step("stopping", ", ".join(table.processes))
                await supervisor.close()
                screen.step("stopped", "everything has ended")


def check(table: DemoTable, environment: Mapping[str, str], screen: Screen) -> None:
    """Refuse what cannot work, before anything is started."""
    preflight.check_python()
    preflight.check_executables(table, environment)
    preflight.check_ports(table.processes.values())
    screen.step("checked", f"Python, commands, {len(table.processes)} free ports")


def write_tries(table: DemoTable, project: Path, folder: Path, screen: Screen) -> dict[str, str]:
    """Write, for each process with an operation to try, the request body that sends it.

    By name of the process: the file as it can be named here. An operation that cannot be read is told and
    left out: the demo is of use without it.
    """
    written: dict[str, str] = {}
    for name, spec in table.processes.items():
        if spec.try_operation is None:
            continue
        try:
            body = _try_body(spec.try_operation, spec.variables, project)
        except (OSError, ValueError) as error:
            screen.say(f"There is nothing to try at {name}: {error}.")
            continue
        path = folder / f"try-{name}.json"
        path.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written[name] = os.path.relpath(path)
    return written


def _try_body(operation: str, variables: str | None, project: Path) -> dict[str, object]:
    query = (project / operation).read_text(encoding="utf-8")
    return {"query": query, "variables": json.loads((project / variables).read_bytes()) if variables else {}}


def _demo_token(table: DemoTable, screen: Screen) -> str | None:
    if table.token is None:
        return None
    try:
        return ask_token(table.token.url, user=table.token.user, ttl_s=table.token.ttl_s)
    except DemoProblem as problem:
        screen.say(problem.sentence)
        return None


async def _unless(end: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work, or drop it when the end comes first; whether it was done. What it raises is raised."""
    doing, ending = asyncio.create_task(work), asyncio.create_task(end.wait())
    try:
        await asyncio.wait({doing, ending}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()
        return doing.done() and not end.is_set()
    finally:
        doing.cancel()
        ending.cancel()
        await asyncio.gather(doing, ending, return_exceptions=True)


class _Ending:
    """Whether the demo is asked to end, and by a second signal, not to wait for what takes its time."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurry: Callable[[], None] = lambda: None

    @contextlib.contextmanager
    def by_signals(self) -> Iterator[None]:
        """Be asked by the signals that end a program, for the length of the block."""
        loop = asyncio.get_running_loop()
        for number in _ENDING_SIGNALS:
            loop.add_signal_handler(number, self._receive)
        try:
            yield
        finally:
            for number in _ENDING_SIGNALS:
                loop.remove_signal_handler(number)

    def _receive(self) -> None:
        if self.asked.is_set():
            self.hurry()
        self.asked.set()
