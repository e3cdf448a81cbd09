"""Demo room: what must be true before anything is started, each failure one sentence that says what to do."""

import errno
import os
import shutil
import socket
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from bff_core.demo.problem import DemoProblem
from bff_core.demo.table import DemoTable, ProcessSpec, port_variable

OLDEST_PYTHON = (3, 11)


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> None:
    """Refuse a Python older than 3.11."""
    if version < OLDEST_PYTHON:
        have, need = (".".join(str(part) for part in numbers) for numbers in (version, OLDEST_PYTHON))
        raise DemoProblem(f"This is Python {have}, and the demo needs {need} or newer; install it and start again.")


def check_executables(table: DemoTable, environment: Mapping[str, str]) -> None:
    """Refuse a table of which a command does not exist on this machine."""
    for spec in table.processes.values():
        path = spec.env.get("PATH", environment.get("PATH"))
        if shutil.which(spec.command[0], path=path) is None:
            raise DemoProblem(
                f"{spec.name} is started with {spec.command[0]}, which is not installed here; "
                f"install it, or change `command` in [tool.bff.demo.processes.{spec.name}] of pyproject.toml."
            )


def check_ports(specs: Iterable[ProcessSpec]) -> None:
    """Refuse when a port is not free, naming who has it and the setting that chooses another."""
    taken = [spec for spec in specs if not _can_listen(spec)]
    if not taken:
        return
    wanted = {spec.port for spec in taken}
    said, flags, variables = [], [], []
    for spec in taken:
        free = _free_port_near(spec.host, spec.port, wanted)
        wanted.add(free)
        holder = listener(spec.port)
        said.append(f"port {spec.port}, which {spec.name} wants, is taken" + (f" by {holder}" if holder else ""))
        flags.append(f"--port {spec.name}={free}")
        variables.append(f"{port_variable(spec.name)}={free}")
    sentence = " and ".join(said)
    raise DemoProblem(
        f"{sentence[0].upper()}{sentence[1:]}; free {'it' if len(taken) == 1 else 'them'}, "
        f"or start with bff demo {' '.join(flags)} (in the environment: {' '.join(variables)})."
    )


def listener(port: int, proc: Path = Path("/proc")) -> str | None:
    """Who listens on a TCP port, as ``pid 123 (command line)``; None where /proc does not tell."""
    sockets = _listening_sockets(port, proc)
    if not sockets:
        return None
    for folder in proc.glob("[0-9]*"):
        try:
            if any(os.readlink(entry) in sockets for entry in (folder / "fd").iterdir()):
                words = (folder / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
                command = b" ".join(words).decode(errors="replace")
                return f"pid {folder.name} ({command[:80]})"
        except OSError:
            # It has ended meanwhile, or it is another user's.
            continue
    return None


def _listening_sockets(port: int, proc: Path) -> set[str]:
    found: set[str] = set()
    for table in ("net/tcp", "net/tcp6"):
        try:
            rows = (proc / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            columns = row.split()
            # 0A is LISTEN; the local address ends in the port, in hexadecimal.
            if columns[3] == "0A" and int(columns[1].rsplit(":", 1)[1], 16) == port:
                found.add(f"socket:[{columns[9]}]")
    return found


def _can_listen(spec: ProcessSpec) -> bool:
    try:
        _listen(spec.host, spec.port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise DemoProblem(
            f"{spec.name} cannot listen on {spec.host} port {spec.port} ({error.strerror or error}); "
            f"choose another with --host {spec.name}=… or --port {spec.name}=…."
        ) from error
    return True


def _listen(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        # As servers do: a port with connections that are only dying down is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen(1)


def _free_port_near(host: str, port: int, avoid: set[int]) -> int:
    for candidate in range(port + 100, 65536, 100):
        if candidate in avoid:
            continue
        try:
            _listen(host, candidate)
        except OSError:
            continue
        return candidate
    with socket.create_server((host, 0)) as server:
        chosen: int = server.getsockname()[1]
        return chosen
