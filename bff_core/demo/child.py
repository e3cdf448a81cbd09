"""Demo room: one running process, its output and its end."""

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from bff_core.demo.leash import Leash
from bff_core.demo.leash_main import signal_group
from bff_core.demo.lines import Lines
from bff_core.demo.table import ProcessSpec

TAIL_LINES = 20
# How long output may still come after the process has ended and its group was killed.
DRAIN_S = 1.0


class Child:
    """A process of the demo from its start to its end; one object is one run.

    It leads a session and process group of its own: Ctrl-C in the terminal reaches only the supervisor, which
    then ends everything in order, and ending the group ends the workers of the process too. Owner: the
    supervisor, which awaits ``wait`` before it lets go.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, output: int, on_line: Callable[[str], None], leash: Leash
    ) -> None:
        self.pid = process.pid
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._process = process
        self._on_line = on_line
        self._leash = leash
        self._reading = asyncio.create_task(self._read(output))
        self._ending = asyncio.create_task(self._end())

    @classmethod
    async def start(
        cls,
        spec: ProcessSpec,
        *,
        project: Path,
        environment: Mapping[str, str],
        leash: Leash,
        on_line: Callable[[str], None],
    ) -> "Child":
        """Start the process in the project's folder, held by the leash."""
        # A pipe of our own: with asyncio's, waiting for the end would also wait for whoever else holds the
        # pipe.
        output, inherited = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *leash.command(spec.command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=inherited,
                stderr=inherited,
                cwd=project,
                env={**environment, "PYTHONUNBUFFERED": "1", **spec.env},
                pass_fds=(leash.pipe,),
                start_new_session=True,
            )
        except BaseException:
            os.close(output)
            raise
        finally:
            os.close(inherited)
        return cls(process, output, on_line, leash)

    @property
    def running(self) -> bool:
        """Whether its end has not been seen yet."""
        return not self._ending.done()

    async def wait(self) -> int:
        """Wait until it has ended and its output is read; its exit code, negative for a signal.

        Cancelling ends the waiting and nothing else.
        """
        return await asyncio.shield(self._ending)

    async def stop(self, grace_s: float) -> int:
        """End its group: SIGTERM, and SIGKILL after ``grace_s`` seconds."""
        if self.running:
            signal_group(self.pid, signal.SIGTERM)
            try:
                return await asyncio.wait_for(self.wait(), grace_s)
            except TimeoutError:
                self.kill()
        return await self.wait()

    def kill(self) -> None:
        """End its group at once."""
        if self.running:
            signal_group(self.pid, signal.SIGKILL)

    async def _end(self) -> int:
        code = await self._process.wait()
        # Workers that outlive the process they belong to would keep its port.
        signal_group(self.pid, signal.SIGKILL)
        self._leash.let_go(self.pid)
        await asyncio.wait({self._reading}, timeout=DRAIN_S)
        if not self._reading.done():
            self._reading.cancel()
            await asyncio.wait({self._reading})
        return code

    async def _read(self, output: int) -> None:
        lines = Lines()
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(output, "rb", 0)
        )
        try:
            while data := await reader.read(65_536):
                self._emit(lines.feed(data))
        finally:
            transport.close()
            self._emit(lines.rest())

    def _emit(self, lines: list[str]) -> None:
        for line in lines:
            self.tail.append(line)
            self._on_line(line)
