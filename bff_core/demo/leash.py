"""Demo room: the supervisor's end of the leash; leash_main.py holds the other, and the theory."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence

from bff_core.demo import leash_main


class Leash:
    """Starts commands so that they end with the supervisor, however it ends. Owner: whoever entered
    ``hold_leash``."""

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe
        """The writing end; handed to each new process, which reports itself through it."""

    def command(self, command: Sequence[str]) -> tuple[str, ...]:
        """What to execute instead of ``command``, with ``pipe`` inherited and in a new session."""
        return (sys.executable, "-I", "-S", leash_main.__file__, "hold", str(self.pipe), *command)

    def let_go(self, group: int) -> None:
        """Forget a group that has ended: its number may soon be another's."""
        with contextlib.suppress(OSError):
            os.write(self.pipe, b"-%d\n" % group)


@contextlib.asynccontextmanager
async def hold_leash(grace_s: float) -> AsyncIterator[Leash]:
    """Run the leash; at the end of the block it ends every group that was not let go, and then itself."""
    reading, writing = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", leash_main.__file__, "watch", str(reading), str(grace_s)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            pass_fds=(reading,),
            # Out of reach of Ctrl-C in the terminal.
            start_new_session=True,
        )
        try:
            if process.stdout is not None:
                # From this line on it ignores the signals that end a supervisor.
                await process.stdout.readline()
            yield Leash(writing)
        finally:
            os.close(writing)
            writing = -1
            await process.communicate()
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)
