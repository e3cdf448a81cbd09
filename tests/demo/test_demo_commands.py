"""The commands as a person types them: one demo in one process, the other commands from outside."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bff_core.demo.wire import NoAnswer, exchange
from tests.demo.ends import left_of

ROOT = Path(__file__).parents[2]
PROGRAM = (
    "import sys, click; from bff_core.demo import commands as c; "
    "bff = click.Group('bff', commands=[c.demo, c.fault, c.token]); bff(prog_name='bff')"
)
ENDS_WITHIN_S = 10

Section = Callable[..., dict[str, Any]]
Project = Callable[[dict[str, Any]], Path]


def environment() -> dict[str, str]:
    """Ours, in which the project can be imported from any folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def bff(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


class Demo:
    """A demo that runs in a process of its own, and what it has printed so far."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.process = process
        self.printed = ""

    def until(self, text: str) -> None:
        """Read on until this has been printed, 15 s at most."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + 15
        while text not in self.printed:
            readable, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            piece = os.read(self.process.stdout.fileno(), 65_536) if readable else b""
            assert piece, f"{text!r} was not printed, but:\n{self.printed}"
            self.printed += piece.decode()

    def end(self, number: int) -> int:
        """Send a signal and wait; the exit code."""
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=ENDS_WITHIN_S)
        self.printed += output.decode()
        return self.process.returncode

    def family(self) -> set[int]:
        """All processes below the demo's, of every generation."""
        found: set[int] = set()
        todo = [self.process.pid]
        while todo:
            parent = todo.pop()
            for children in Path(f"/proc/{parent}/task").glob("*/children"):
                new = {int(pid) for pid in children.read_text().split()} - found
                found |= new
                todo += new
        return found


@contextlib.contextmanager
def running(folder: Path, *words: str) -> Iterator[Demo]:
    """A demo started in this folder, killed at the end if it still runs."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "demo", *words],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        try:
            yield Demo(folder, process)
        finally:
            process.kill()


def shop(section: Section) -> dict[str, Any]:
    """A service with fault switches and tokens, and a BFF with something to try."""
    content = section(users=[], web=[])
    content["token"] = {"url": "{users.url}/tokens", "user": "7"}
    content["processes"]["users"]["faults"] = "/_faults"
    content["processes"]["web"] |= {"graphql": "/graphql", "try": "page.graphql", "variables": "page.json"}
    return content


@pytest.fixture
def demo(section: Section, project: Project) -> Iterator[Demo]:
    """A running shop."""
    folder = project(shop(section))
    (folder / "page.graphql").write_text("query Page($id: ID!) { page(id: $id) }")
    (folder / "page.json").write_text('{"id": "1"}')
    with running(folder) as demo:
        demo.until("Ctrl-C ends everything.")
        yield demo


def test_a_demo_from_start_to_end(demo: Demo) -> None:
    """Addresses, token and commands are printed; each command does what it says; SIGTERM ends it with 0."""
    folder = demo.folder
    web = next(line.split()[-1] for line in demo.printed.splitlines() if line.startswith("web        starting…"))
    assert f"web    GraphiQL: {web}/graphql" in demo.printed
    assert "\ntoken-of-7-for-43200\n" in demo.printed
    assert '"authorization: Bearer $(bff token --user 7)" --data @.demo/try-web.json' in demo.printed
    assert '"query": "query Page' in (folder / ".demo" / "try-web.json").read_text()
    assert (folder / ".demo" / "control.sock").stat().st_mode & 0o777 == 0o600

    status = bff(folder, "demo", "status").stdout.splitlines()
    assert status[0] == f"A demo is running (pid {demo.process.pid})."
    assert [line.split()[:2] for line in status[1:]] == [["users", "ready"], ["web", "ready"]]

    stopped = bff(folder, "demo", "stop", "web")
    assert (stopped.returncode, stopped.stdout) == (0, "web is stopped; start it again: bff demo start web\n")
    assert ["web", "stopped"] in [line.split()[:2] for line in bff(folder, "demo", "status").stdout.splitlines()]
    started = bff(folder, "demo", "start", "web")
    assert started.returncode == 0
    assert started.stdout.startswith(f"web is ready at {web} (in ")
    assert exchange("GET", f"{web}/readyz").ok

    unknown = bff(folder, "demo", "stop", "wbe")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr == "There is no process called 'wbe'; the demo has users, web.\n"

    again = bff(folder, "demo")
    assert again.returncode == 1
    assert again.stderr.startswith(f"A demo is running in this folder already (pid {demo.process.pid});")

    family = demo.family()
    assert len(family) == 3
    assert demo.end(signal.SIGTERM) == 0
    assert left_of(family) == set()
    assert "stopped    everything has ended" in demo.printed
    assert not (folder / ".demo" / "control.sock").exists()


def test_faults_are_set_shown_and_cleared(demo: Demo) -> None:
    """bff fault changes the service's switches and prints what is in force."""

    def fault(*words: str) -> tuple[int, str, str]:
        done = bff(demo.folder, "fault", "users", *words)
        return done.returncode, done.stdout, done.stderr

    well = "users: no fault is in force.\n"
    every, slow = (
        "users, every route: never answers\n",
        "users, GET /env: 800 ms later and up to 100 ms more\n",
    )
    assert fault() == (0, well, "")
    assert fault("--hang") == (0, every, "")
    assert fault("--latency", "800", "--jitter", "100", "--route", "GET /env") == (0, every + slow, "")
    assert fault("--clear", "--route", "*") == (0, slow, "")
    assert fault("--route", "GET /nosuch", "--drop") == (1, "", "users refused: 422, No such route.\n")
    assert fault("--clear", "--hang")[0] == 2
    assert fault("--error", "1.5")[0] == 2
    assert fault("--clear") == (0, well, "")
    done = bff(demo.folder, "fault", "web", "--hang")
    assert (done.returncode, done.stderr) == (2, "web has no fault switches; those that have: users.\n")


def test_a_token_is_all_that_is_printed(demo: Demo) -> None:
    """bff token can stand in a command substitution; a refusal is one sentence."""
    assert bff(demo.folder, "token").stdout == "token-of-7-for-43200\n"
    assert bff(demo.folder, "token", "--user", "8", "--ttl", "60").stdout == "token-of-8-for-60\n"
    refused = bff(demo.folder, "token", "--user", "nobody")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.endswith("/tokens gives no token for user 'nobody': 404, There is no user 'nobody'.\n")


def test_ports_of_the_command_line_are_known_to_the_other_commands(
    section: Section, project: Project, free_port: Callable[[], int]
) -> None:
    """What --port moved is found by bff token, which has no such option."""
    folder, moved = project(shop(section)), free_port()
    with running(folder, "--port", f"users={moved}") as demo:
        demo.until("Ctrl-C ends everything.")
        assert f"users  http://127.0.0.1:{moved}\n" in demo.printed
        assert bff(folder, "token").stdout == "token-of-7-for-43200\n"
        assert demo.end(signal.SIGINT) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_no_process_is_left_however_the_demo_ends(section: Section, project: Project, number: int) -> None:
    """Also after SIGKILL, also workers, also what ignores SIGTERM; the code is 0 for all but the kill."""
    content = section(users=["--worker"], web=["--ignore-term"]) | {"stop_grace_s": 0.3}
    with running(project(content)) as demo:
        demo.until("Ctrl-C ends everything.")
        family = demo.family()
        # The leash, two processes, one worker.
        assert len(family) == 4
        assert demo.end(number) == (-9 if number == signal.SIGKILL else 0)
        assert left_of(family) == set()


def test_after_a_kill_the_next_demo_starts(section: Section, project: Project) -> None:
    """A socket and a lock that a killed demo left are no hindrance."""
    folder = project(section(users=[]) | {"stop_grace_s": 0.3})
    with running(folder) as demo:
        demo.until("Ctrl-C ends everything.")
        family = demo.family()
        demo.end(signal.SIGKILL)
        assert left_of(family) == set()
    assert (folder / ".demo" / "control.sock").exists()
    nobody = bff(folder, "demo", "status")
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert nobody.stderr == "No demo is running in this folder; start one with bff demo.\n"
    with running(folder) as demo:
        demo.until("Ctrl-C ends everything.")
        assert demo.end(signal.SIGTERM) == 0


def test_a_demo_can_be_ended_while_it_starts(section: Section, project: Project) -> None:
    """Ctrl-C does not wait for a process that does not get ready."""
    with running(project(section(users=["--not-ready"]))) as demo:
        demo.until("users | serving")
        family = demo.family()
        assert demo.end(signal.SIGINT) == 0
        assert left_of(family) == set()


def test_a_second_signal_does_not_wait(section: Section, project: Project) -> None:
    """Whoever presses Ctrl-C twice is not kept for the grace."""
    content = section(users=["--ignore-term"]) | {"stop_grace_s": 60.0}
    with running(project(content)) as demo:
        demo.until("Ctrl-C ends everything.")
        demo.process.send_signal(signal.SIGINT)
        demo.until("stopping")
        assert demo.end(signal.SIGINT) == 0


def test_a_failed_start_ends_the_rest(section: Section, project: Project) -> None:
    """The failed process's last lines and a sentence come last, the exit code is 1, nothing runs on."""
    done = bff(project(section(users=[], web=["--exit", "3"])), "demo")
    assert done.returncode == 1
    assert done.stderr == "  cannot go on: the table is missing\nweb exited with code 3 while starting.\n"
    assert "stopped    everything has ended" in done.stdout


def test_a_taken_port_is_one_sentence(section: Section, project: Project) -> None:
    """Nothing is started, and nothing but the sentence is printed."""
    content = section(users=[])
    folder = project(content)
    with running(folder) as demo:
        demo.until("Ctrl-C ends everything.")
        other = folder / "other"
        other.mkdir()
        (other / "pyproject.toml").write_text((folder / "pyproject.toml").read_text())
        done = bff(other, "demo")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(
            f"Port {content['processes']['users']['port']}, which users wants, is taken by pid "
        )
        assert done.stderr.count("\n") == 1
        demo.end(signal.SIGTERM)


def test_a_reader_that_goes_away_ends_the_demo(section: Section, project: Project) -> None:
    """`bff demo | head` leaves nothing running."""
    with running(project(section(users=[]))) as demo:
        demo.until("Ctrl-C ends everything.")
        family = demo.family()
        assert demo.process.stdout is not None
        demo.process.stdout.close()
        url = next(line.split()[-1] for line in demo.printed.splitlines() if line.startswith("users      starting…"))
        # Logged, and so printed, before it is answered; the end may be faster than the answer.
        with contextlib.suppress(NoAnswer):
            exchange("GET", f"{url}/env")
        assert demo.process.wait(ENDS_WITHIN_S) == 0
        assert left_of(family) == set()
