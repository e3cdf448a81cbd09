"""What is checked before anything is started."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bff_core.demo.preflight import check_executables, check_ports, check_python, listener
from bff_core.demo.problem import DemoProblem
from bff_core.demo.table import DemoTable, read_table


def shop(port: int, *, host: str = "127.0.0.1", command: str = "{python}", **env: str) -> DemoTable:
    """A demo of one process."""
    web: dict[str, Any] = {"command": [command], "port": port, "host": host, "env": env}
    return read_table({"processes": {"web": web}}, {})


def test_an_old_python_is_refused() -> None:
    """The sentence says which version this is and which is needed."""
    check_python((3, 11, 0))
    with pytest.raises(DemoProblem) as caught:
        check_python((3, 9, 2))
    assert caught.value.sentence.startswith("This is Python 3.9.2, and the demo needs 3.11 or newer")


def test_a_missing_executable_is_refused(tmp_path: Path) -> None:
    """The sentence names the process, the command and the place to change it."""
    table = shop(1, command="no-such-tool")
    with pytest.raises(DemoProblem) as caught:
        check_executables(table, {"PATH": str(tmp_path)})
    assert caught.value.sentence.startswith("web is started with no-such-tool, which is not installed here;")
    assert "[tool.bff.demo.processes.web]" in caught.value.sentence


def test_executables_are_looked_for_where_the_process_would(tmp_path: Path) -> None:
    """A PATH that the table gives to the process counts."""
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    check_executables(shop(1, command="tool", PATH=str(tmp_path)), {"PATH": "/nowhere"})


def test_a_free_port_passes(free_port: Callable[[], int]) -> None:
    """Nothing is raised, and the port is still free afterwards."""
    table = shop(free_port())
    check_ports(table.processes.values())
    check_ports(table.processes.values())


def test_a_taken_port_names_its_holder_and_the_setting() -> None:
    """One sentence: the port, who wants it, who has it, and a free one with the settings that choose it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(DemoProblem) as caught:
            check_ports(shop(port).processes.values())
    sentence = caught.value.sentence
    assert sentence.startswith(f"Port {port}, which web wants, is taken by pid {os.getpid()} (")
    other = sentence.split("--port web=")[1].split(" ")[0]
    assert int(other) != port
    assert f"BFF_DEMO_WEB_PORT={other}" in sentence
    assert "\n" not in sentence


def test_all_taken_ports_are_named_at_once() -> None:
    """Whoever has a second demo running learns everything in one go, with a different port for each."""
    # 100 apart, so that the port next suggested is the same for both.
    one, two = _two_servers(apart=100)
    with one, two:
        ports = [server.getsockname()[1] for server in (one, two)]
        table = read_table(
            {"processes": {n: {"command": ["a"], "port": p} for n, p in zip("ab", ports, strict=True)}}, {}
        )
        with pytest.raises(DemoProblem) as caught:
            check_ports(table.processes.values())
    sentence = caught.value.sentence
    assert all(str(port) in sentence for port in ports)
    assert sentence.split("--port a=")[1].split(" ")[0] != sentence.split("--port b=")[1].split(" ")[0]


def _two_servers(apart: int) -> tuple[socket.socket, socket.socket]:
    for port in range(20_000, 30_000):
        try:
            one = socket.create_server(("127.0.0.1", port))
        except OSError:
            continue
        try:
            return one, socket.create_server(("127.0.0.1", port + apart))
        except OSError:
            one.close()
    raise AssertionError("no two free ports")


def test_a_host_of_another_machine_is_refused(free_port: Callable[[], int]) -> None:
    """An address that cannot be listened on is not called a taken port."""
    with pytest.raises(DemoProblem) as caught:
        check_ports(shop(free_port(), host="192.0.2.1").processes.values())
    assert caught.value.sentence.startswith("web cannot listen on 192.0.2.1 port")
    assert "--host web=…" in caught.value.sentence


def test_without_proc_the_holder_is_unknown(tmp_path: Path) -> None:
    """Where the system does not tell who listens, nobody is named."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert listener(server.getsockname()[1], tmp_path) is None
