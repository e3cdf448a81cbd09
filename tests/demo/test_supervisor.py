"""The supervisor over real, small processes."""

import asyncio
import contextlib
import io
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from bff_core.demo.leash import hold_leash
from bff_core.demo.problem import DemoProblem
from bff_core.demo.screen import Screen
from bff_core.demo.supervisor import State, Supervisor
from bff_core.demo.table import read_table
from bff_core.demo.wire import exchange
from tests.demo.ends import left_of

Section = Callable[..., dict[str, Any]]


class Output(io.StringIO):
    """What is printed; ``more`` is set whenever something is."""

    def __init__(self) -> None:
        super().__init__()
        self.more = asyncio.Event()

    def write(self, text: str) -> int:
        """Print, and tell."""
        self.more.set()
        return super().write(text)


class Demo:
    """A supervisor with what it printed."""

    def __init__(self, supervisor: Supervisor, out: Output) -> None:
        self.supervisor = supervisor
        self._out = out

    @property
    def printed(self) -> list[str]:
        return self._out.getvalue().splitlines()

    async def until_printed(self, line: str) -> None:
        """Wait for this line, 5 s at most."""
        async with asyncio.timeout(5):
            while line not in self.printed:
                self._out.more.clear()
                await self._out.more.wait()

    def pid(self, name: str) -> int:
        return next(status.pid for status in self.supervisor.status() if status.name == name) or 0

    def state(self, name: str) -> State:
        return next(status.state for status in self.supervisor.status() if status.name == name)

    def url(self, name: str) -> str:
        return next(status.url for status in self.supervisor.status() if status.name == name)


@contextlib.asynccontextmanager
async def supervised(section: dict[str, Any], project: Path) -> AsyncIterator[Demo]:
    """A supervisor of these processes, closed at the end."""
    table = read_table(section, {})
    out = Output()
    async with hold_leash(table.stop_grace_s) as leash:
        screen = Screen(out, list(table.processes), colour=False)
        supervisor = Supervisor(table, project=project, environment=dict(os.environ), leash=leash, screen=screen)
        try:
            yield Demo(supervisor, out)
        finally:
            await supervisor.close()


async def test_all_processes_get_ready_and_say_so(section: Section, tmp_path: Path) -> None:
    """Each has one progress line with its address, and its output stands behind its name."""
    async with supervised(section(users=[], web=[]), tmp_path) as demo:
        await demo.supervisor.start_all()
        assert [demo.state(name) for name in ("users", "web")] == [State.READY, State.READY]
        assert demo.printed[0] == "starting   users, web"
        for name in ("users", "web"):
            [step] = [line for line in demo.printed if line.startswith(f"{name:<10} starting…")]
            assert " ready in " in step
            assert step.endswith(demo.url(name))
        assert "users | serving" in demo.printed
        assert "web   | serving" in demo.printed


async def test_the_table_makes_the_environment(section: Section, tmp_path: Path) -> None:
    """A process has what the table gives it, on top of what the supervisor has."""
    content = section(users=[], web=[])
    content["processes"]["web"]["env"] = {"USERS_URL": "{users.url}"}
    async with supervised(content, tmp_path) as demo:
        await demo.supervisor.start("web")
        environment = (await asyncio.to_thread(exchange, "GET", demo.url("web") + "/env")).json()
        assert environment["USERS_URL"] == demo.url("users")
        assert environment["PATH"] == os.environ["PATH"]


async def test_a_process_that_ends_while_starting_is_told_with_its_last_lines(section: Section, tmp_path: Path) -> None:
    """The problem names it and its exit code, and carries what it said."""
    async with supervised(section(users=["--not-ready"], web=["--exit", "3"]), tmp_path) as demo:
        with pytest.raises(DemoProblem) as caught:
            await demo.supervisor.start_all()
        assert caught.value.sentence == "web exited with code 3 while starting."
        assert caught.value.output == ("cannot go on: the table is missing",)
        users = demo.pid("users")
        assert left_of([users], 0) == {users}
    assert left_of([users], 0) == set()


async def test_a_command_that_cannot_be_run_is_told(section: Section, tmp_path: Path) -> None:
    """What fails at the very start is told like any other end."""
    content = section(web=[])
    content["processes"]["web"]["command"] = [str(tmp_path / "nothing")]
    async with supervised(content, tmp_path) as demo:
        with pytest.raises(DemoProblem) as caught:
            await demo.supervisor.start_all()
        assert caught.value.sentence == "web exited with code 127 while starting."
        assert caught.value.output == (f"cannot run {tmp_path}/nothing: No such file or directory",)


async def test_a_process_that_does_not_get_ready_is_ended(section: Section, tmp_path: Path) -> None:
    """After the timeout the problem names the address that was asked and the setting."""
    content = section(web=["--not-ready"]) | {"ready_timeout_s": 0.4}
    async with supervised(content, tmp_path) as demo:
        with pytest.raises(DemoProblem) as caught:
            await demo.supervisor.start_all()
        assert caught.value.sentence == (
            f"web was not ready at {demo.url('web')}/readyz within 0.4 s; BFF_DEMO_READY_TIMEOUT_S gives it more."
        )
        assert demo.state("web") is State.ENDED
        assert demo.pid("web") == 0


async def test_a_process_that_ends_later_is_told_and_the_others_go_on(section: Section, tmp_path: Path) -> None:
    """The line says how it ended and how to start it again, which then works."""
    async with supervised(section(users=[], web=[]), tmp_path) as demo:
        await demo.supervisor.start_all()
        await asyncio.to_thread(exchange, "POST", demo.url("users") + "/exit/3")
        await demo.until_printed("users exited with code 3; start it again: bff demo start users")
        assert "users | leaving" in demo.printed
        assert (demo.state("users"), demo.state("web")) == (State.ENDED, State.READY)
        assert (await demo.supervisor.start("users")).startswith(f"users is ready at {demo.url('users')} (in ")
        assert demo.state("users") is State.READY


async def test_stop_is_no_accident(section: Section, tmp_path: Path) -> None:
    """A stopped process has ended when stop returns, is not reported as exited, and can be started again."""
    async with supervised(section(users=[]), tmp_path) as demo:
        await demo.supervisor.start_all()
        pid = demo.pid("users")
        await demo.supervisor.stop("users")
        assert left_of([pid], 0) == set()
        assert demo.state("users") is State.STOPPED
        await demo.supervisor.start("users")
        assert demo.pid("users") not in (0, pid)
        assert not [line for line in demo.printed if "exited" in line or "killed" in line]


async def test_asking_for_what_is_so_already_changes_nothing(section: Section, tmp_path: Path) -> None:
    """Start of what runs and stop of what does not are answered, not failed."""
    async with supervised(section(users=[]), tmp_path) as demo:
        assert await demo.supervisor.stop("users") == "users is not running."
        await demo.supervisor.start("users")
        pid = demo.pid("users")
        assert await demo.supervisor.start("users") == f"users is running already, at {demo.url('users')}."
        assert demo.pid("users") == pid


async def test_an_unknown_name_lists_the_known(section: Section, tmp_path: Path) -> None:
    """A misspelt name is a misuse."""
    async with supervised(section(users=[], web=[]), tmp_path) as demo:
        for asked in (demo.supervisor.start, demo.supervisor.stop):
            with pytest.raises(DemoProblem) as caught:
                await asked("usres")
            assert caught.value.sentence == "There is no process called 'usres'; the demo has users, web."
            assert caught.value.exit_code == 2


async def test_a_process_that_ignores_sigterm_is_killed_after_the_grace(section: Section, tmp_path: Path) -> None:
    """Closing takes the grace once, not once for each process."""
    content = section(users=["--ignore-term"], web=["--ignore-term"]) | {"stop_grace_s": 0.5}
    async with supervised(content, tmp_path) as demo:
        await demo.supervisor.start_all()
        pids = [demo.pid("users"), demo.pid("web")]
        began = asyncio.get_running_loop().time()
        await demo.supervisor.close()
        took = asyncio.get_running_loop().time() - began
        assert left_of(pids, 0) == set()
        assert 0.5 <= took < 1.0


async def test_workers_end_with_their_process(section: Section, tmp_path: Path) -> None:
    """A worker that ignores SIGTERM and outlives the process it belongs to is ended with the group."""
    async with supervised(section(users=["--worker"]), tmp_path) as demo:
        await demo.supervisor.start_all()
        [worker] = _children(demo.pid("users"))
        assert left_of([worker], 0) == {worker}
        await demo.supervisor.stop("users")
        assert left_of([worker]) == set()


async def test_a_killed_process_is_told_by_its_signal(section: Section, tmp_path: Path) -> None:
    """What the system killed is not said to have exited."""
    async with supervised(section(users=[]), tmp_path) as demo:
        await demo.supervisor.start_all()
        os.kill(demo.pid("users"), signal.SIGKILL)
        await demo.until_printed("users was killed by signal 9; start it again: bff demo start users")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
