"""Demo room: the supervisor, which starts, watches and ends the processes of the table.

A process is in one of these states::

    stopped ──start──► starting ──2xx at `ready`──► ready ──stop──► stopped
                          │                           │
                          └──ended, or too slow──► ended ◄──ended by itself──┘

``starting`` that fails raises, because somebody waits for it; ``ready`` that ends is told on the screen,
because nobody does, and the demo goes on. All of one process's changes happen one after the other.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from bff_core.demo.child import Child
from bff_core.demo.leash import Leash
from bff_core.demo.problem import DemoProblem, misuse
from bff_core.demo.screen import Screen, ended, ready_line
from bff_core.demo.table import DemoTable, ProcessSpec, unknown_process
from bff_core.demo.wire import NoAnswer, exchange

POLL_S = 0.05
# One look at `ready`: a process that hangs there is asked again until its time is up.
PROBE_TIMEOUT_S = 1.0
# How often somebody who waits is told that it is still going on.
REMIND_S = 5.0


class State(StrEnum):
    """How a process stands."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Status:
    """One process as ``bff demo status`` shows it."""

    name: str
    state: State
    url: str
    pid: int | None
    """None when it does not run."""
    exit_code: int | None
    """Of its last run, negative for a signal; None when it has not ended by itself."""


@dataclass(slots=True)
class _Entry:
    spec: ProcessSpec
    state: State = State.STOPPED
    child: Child | None = None
    exit_code: int | None = None
    watching: asyncio.Task[None] | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Supervisor:
    """Owns the processes: what it started has ended when ``close`` returns.

    ``bff`` is how a person calls the command here, for sentences that name one.
    """

    def __init__(
        self,
        table: DemoTable,
        *,
        project: Path,
        environment: Mapping[str, str],
        leash: Leash,
        screen: Screen,
        bff: str = "bff",
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._project = project
        self._environment = environment
        self._leash = leash
        self._screen = screen
        self._bff = bff
        self._now = now
        self._entries = {name: _Entry(spec) for name, spec in table.processes.items()}

    async def start_all(self) -> None:
        """Start all processes at once and wait until each is ready.

        The first that fails ends the waiting and is raised (DemoProblem); ``close`` ends the others.
        """
        self._screen.step("starting", ", ".join(self._entries))
        starts = [asyncio.create_task(self.start(name)) for name in self._entries]
        try:
            await asyncio.wait(starts, return_when=asyncio.FIRST_EXCEPTION)
            for start in starts:
                if start.done():
                    start.result()
        finally:
            await _end_tasks(starts)

    async def start(self, name: str) -> str:
        """Start one process and wait until it is ready; what happened, in a sentence."""
        entry = self._entry(name)
        async with entry.turn:
            if entry.child is not None and entry.child.running:
                return f"{name} is running already, at {entry.spec.url}."
            began = self._now()
            entry.state, entry.exit_code = State.STARTING, None
            child = entry.child = await Child.start(
                entry.spec,
                project=self._project,
                environment=self._environment,
                leash=self._leash,
                on_line=lambda line: self._screen.log(name, line),
            )
            try:
                await self._until_ready(entry.spec, child)
            except DemoProblem:
                entry.state = State.ENDED
                entry.exit_code = await child.stop(self._table.stop_grace_s)
                raise
            entry.state = State.READY
            entry.watching = asyncio.create_task(self._watch(entry, child))
            took = self._now() - began
            self._screen.step(name, ready_line(took, entry.spec.url))
            return f"{name} is ready at {entry.spec.url} (in {took:.1f} s)."

    async def stop(self, name: str) -> str:
        """End one process and wait until it has ended; what happened, in a sentence."""
        entry = self._entry(name)
        async with entry.turn:
            if entry.child is None or not entry.child.running:
                return f"{name} is not running."
            # Before the signal, so that the watcher does not take this for an accident.
            entry.state = State.STOPPED
            await entry.child.stop(self._table.stop_grace_s)
            sentence = f"{name} is stopped; start it again: {self._bff} demo start {name}"
            self._screen.say(sentence)
            return sentence

    def status(self) -> list[Status]:
        """How every process stands, in the order of the table."""
        return [
            Status(
                name=name,
                state=entry.state,
                url=entry.spec.url,
                pid=entry.child.pid if entry.child is not None and entry.child.running else None,
                exit_code=entry.exit_code,
            )
            for name, entry in self._entries.items()
        ]

    def kill_all(self) -> None:
        """End all processes at once, for somebody who does not want to wait for ``close``."""
        for entry in self._entries.values():
            if entry.child is not None:
                entry.child.kill()

    async def close(self) -> None:
        """End all processes together: SIGTERM, the grace, SIGKILL."""
        entries = [entry for entry in self._entries.values() if entry.child is not None]
        for entry in entries:
            entry.state = State.STOPPED
        await asyncio.gather(*(entry.child.stop(self._table.stop_grace_s) for entry in entries if entry.child))
        await _end_tasks([entry.watching for entry in entries if entry.watching is not None])

    def _entry(self, name: str) -> _Entry:
        if name not in self._entries:
            raise misuse(unknown_process(name, self._entries))
        return self._entries[name]

    async def _until_ready(self, spec: ProcessSpec, child: Child) -> None:
        """Ask until it is ready. Errors: it ended, or its time is up."""
        ending = asyncio.create_task(child.wait())
        asking = asyncio.create_task(self._ask_until_ready(spec))
        try:
            await asyncio.wait(
                {ending, asking}, timeout=self._table.ready_timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            if ending.done():
                raise DemoProblem(f"{spec.name} {ended(ending.result())} while starting.", output=tuple(child.tail))
            if not asking.done():
                raise DemoProblem(
                    f"{spec.name} was not ready at {spec.url}{spec.ready} within "
                    f"{self._table.ready_timeout_s:g} s; BFF_DEMO_READY_TIMEOUT_S gives it more.",
                    output=tuple(child.tail),
                )
            asking.result()
        finally:
            await _end_tasks([ending, asking])

    async def _ask_until_ready(self, spec: ProcessSpec) -> None:
        began = reminded = self._now()
        while not await asyncio.to_thread(_is_ready, spec):
            if self._now() - reminded >= REMIND_S:
                reminded = self._now()
                self._screen.step(spec.name, f"starting… {reminded - began:.0f} s")
            await asyncio.sleep(POLL_S)

    async def _watch(self, entry: _Entry, child: Child) -> None:
        code = await child.wait()
        if entry.state is State.READY:
            entry.state, entry.exit_code = State.ENDED, code
            name = entry.spec.name
            self._screen.say(f"{name} {ended(code)}; start it again: {self._bff} demo start {name}")


def _is_ready(spec: ProcessSpec) -> bool:
    try:
        return exchange("GET", spec.url + spec.ready, timeout_s=PROBE_TIMEOUT_S).ok
    except NoAnswer:
        return False


async def _end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
