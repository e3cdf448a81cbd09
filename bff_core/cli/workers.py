"""Workers: several processes that serve one BFF from one listening socket, and the process that keeps them.

The socket is the supervisor's, and every worker accepts from the one queue behind it. So a connection that waits there
when a worker dies is taken by another one; what dies with a worker is what it held: its connections, and the requests
on them. The supervisor, which serves nothing itself, puts a new worker in the place of one that died. When it is told
to end it tells the workers, and waits for them.

Each worker makes the application for itself, from the settings that the supervisor read and checked, so that they
cannot differ.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from starlette.applications import Starlette
from uvicorn.config import STARTUP_FAILURE

from bff_core.cli.server import run_server
from bff_core.settings import Settings
from bff_core.telemetry.shared import SharedNumbers

#: A worker that lived for a shorter time, in seconds, is not replaced before it is over: one that always dies at once
#: must not take the machine from those that live.
LEAST_LIFE_S = 1.0


@dataclass(frozen=True, slots=True)
class Made:
    """The application of one BFF, made where it is called: what a worker is sent in place of an application.

    ``root`` is the project's folder, ``settings`` those of the supervisor.
    """

    root: Path
    name: str
    settings: Settings

    def __call__(self, numbers: SharedNumbers | None = None) -> Starlette:
        """The application, in this process; ``numbers`` as for ``create_app``, which says what is raised."""
        from bff_core.app import create_app
        from bff_core.apps import load_app

        return create_app(load_app(self.root, self.name), self.settings, numbers=numbers)


class Workers:
    """``settings.edge.workers`` processes. Lifetime: that of the supervisor, whose main thread runs them.

    ``died`` hears of each that ended by itself: its process id, and its exit code or minus the signal that ended it.
    What they count they keep in one folder, so that any of them can show the metrics of all.
    """

    def __init__(self, made: Made, listener: socket.socket, died: Callable[[int, int], None]) -> None:
        self._made = made
        self._listener = listener
        self._died = died
        self._workers: dict[SpawnProcess, float] = {}  # and when each was started

    def run(self) -> bool:
        """Keep them until SIGTERM or Ctrl-C; False when one could not start, as then no other one would."""
        with _told_to_end() as told, TemporaryDirectory(prefix=f"bff-{self._made.name}-") as folder:
            for _ in range(self._made.settings.edge.workers):
                self._start(Path(folder))
            try:
                return self._keep(told, Path(folder))
            finally:
                self._end()

    def _keep(self, told: Connection, folder: Path) -> bool:
        while True:
            ready = wait([told, *(worker.sentinel for worker in self._workers)])
            if told in ready:
                return True
            for worker in [worker for worker in self._workers if worker.sentinel in ready]:
                worker.join()
                if worker.exitcode == STARTUP_FAILURE:
                    return False
                self._died(worker.pid or 0, worker.exitcode or 0)
                lived = time.monotonic() - self._workers.pop(worker)
                worker.close()
                if told.poll(max(0.0, LEAST_LIFE_S - lived)):
                    return True
                self._start(folder)

    def _start(self, folder: Path) -> None:
        worker = multiprocessing.get_context("spawn").Process(target=_work, args=(self._made, self._listener, folder))
        worker.start()
        self._workers[worker] = time.monotonic()

    def _end(self) -> None:
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:  # each has a bound of its own; whoever waits for us has SIGKILL
            worker.join()


@contextlib.contextmanager
def _told_to_end() -> Iterator[Connection]:
    """What can be read from as soon as SIGTERM or Ctrl-C has come, which then do nothing else."""
    reader, writer = multiprocessing.Pipe(duplex=False)
    with reader, writer:
        told = (signal.SIGTERM, signal.SIGINT)
        before = {sign: signal.signal(sign, lambda *_: writer.send_bytes(b".")) for sign in told}
        try:
            yield reader
        finally:
            for sign, handler in before.items():
                signal.signal(sign, handler)


def _work(made: Made, listener: socket.socket, folder: Path) -> None:
    """The life of a worker."""
    supervisor = multiprocessing.parent_process()
    if supervisor is not None:
        ends = threading.Thread(target=_end_after, args=(supervisor.sentinel,), daemon=True)
        ends.start()
    numbers = SharedNumbers(folder)
    numbers.keep()
    if not run_server(made(numbers), made.settings, listener):
        sys.exit(STARTUP_FAILURE)


def _end_after(supervisor: int) -> None:
    """End in order when the supervisor is no more: nobody else would end us, and the port would stay taken."""
    wait([supervisor])
    os.kill(os.getpid(), signal.SIGTERM)
