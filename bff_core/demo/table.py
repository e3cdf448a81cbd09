"""Demo room: which processes make up the demo, read from ``[tool.bff.demo]`` of pyproject.toml.

The table names the processes, so this package names none. Every host and port is a setting; the later wins::

    pyproject.toml           [tool.bff.demo.processes.web] port = 8000
    the environment          BFF_DEMO_WEB_PORT=8100, BFF_DEMO_WEB_HOST=0.0.0.0
    the command line         bff demo --port web=8100 --host web=0.0.0.0

After that the placeholders in commands, environments and URLs are filled in: ``{python}`` is the running
interpreter, ``{host}``, ``{port}`` and ``{url}`` are the process's own, ``{users.url}`` is another's.
"""

import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from bff_core.demo.problem import DemoProblem, misuse

PREFIX = "BFF_DEMO_"

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9-]*)(?:\.([a-z]+))?\}")

_Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
_Path = Annotated[str, msgspec.Meta(pattern="^/")]
_Text = Annotated[str, msgspec.Meta(min_length=1)]
_ReadyTimeout = Annotated[float, msgspec.Meta(gt=0, le=600)]
_StopGrace = Annotated[float, msgspec.Meta(ge=0, le=60)]


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process of the demo, with nothing left to fill in."""

    name: str
    command: tuple[str, ...]
    host: str
    port: int
    ready: str
    """Path that answers 2xx as soon as the process can serve."""
    env: Mapping[str, str]
    """What is added to the environment of the supervisor."""
    faults: str | None
    """Path of its fault switches; None when it has none."""
    graphql: str | None
    """Path of its GraphQL endpoint; None for a service."""
    try_operation: str | None
    """File with the one operation shown to try, relative to the project's folder."""
    variables: str | None
    """File with that operation's variables (JSON), relative to the project's folder."""

    @property
    def url(self) -> str:
        """Where this machine reaches the process; a wildcard host is reached over loopback."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - listens nowhere
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TokenSpec:
    """Where a token to try things with is asked for."""

    url: str
    user: str
    ttl_s: int
    """Seconds for which the demo's token is valid."""


@dataclass(frozen=True, slots=True)
class DemoTable:
    """The whole demo: its processes in the order of the file, and its limits."""

    processes: Mapping[str, ProcessSpec]
    token: TokenSpec | None
    ready_timeout_s: float
    """Longest time from the start of a process until it is ready (0 < s ≤ 600)."""
    stop_grace_s: float
    """Time between SIGTERM and SIGKILL (0 ≤ s ≤ 60)."""

    def process(self, name: str) -> ProcessSpec:
        """The process called ``name``; an unknown name is a misuse that lists the known ones."""
        try:
            return self.processes[name]
        except KeyError:
            raise misuse(unknown_process(name, self.processes)) from None


def unknown_process(name: str, known: Mapping[str, object]) -> str:
    """The sentence for a name that the table does not have."""
    return f"There is no process called {name!r}; the demo has {', '.join(known)}."


def find_project(start: Path) -> Path:
    """The nearest folder, from ``start`` upward, that has a pyproject.toml."""
    for folder in (start, *start.parents):
        if (folder / "pyproject.toml").is_file():
            return folder
    raise DemoProblem("There is no pyproject.toml here or above; run this command in the project's folder.")


def load_table(
    project: Path,
    environment: Mapping[str, str],
    *,
    ports: Mapping[str, int] | None = None,
    hosts: Mapping[str, str] | None = None,
) -> DemoTable:
    """The demo's table of the project in this folder, under these overrides."""
    try:
        document = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise misuse(f"pyproject.toml cannot be read: {error}.") from error
    section = document.get("tool", {}).get("bff", {}).get("demo")
    if not isinstance(section, dict):
        raise misuse("pyproject.toml has no table [tool.bff.demo]; it says which processes the demo starts.")
    return read_table(section, environment, ports=ports, hosts=hosts)


def read_table(
    section: Mapping[str, Any],
    environment: Mapping[str, str],
    *,
    ports: Mapping[str, int] | None = None,
    hosts: Mapping[str, str] | None = None,
) -> DemoTable:
    """Check the section, lay environment and command line over it, and fill in the placeholders.

    Unknown keys, unknown BFF_DEMO_ variables, unknown names and two processes on one address are misuses.
    """
    raw: _Demo = _convert(section, _Demo, "[tool.bff.demo]")
    if not raw.processes:
        raise misuse("[tool.bff.demo] names no process; it needs at least one [tool.bff.demo.processes.NAME].")
    processes = {name: _read_process(name, value) for name, value in raw.processes.items()}
    timeouts = {"ready_timeout_s": raw.ready_timeout_s, "stop_grace_s": raw.stop_grace_s}

    _overlay_environment(processes, timeouts, environment)
    for name, port in (ports or {}).items():
        _known(name, processes).port = _convert(port, _Port, f"--port {name}")
    for name, host in (hosts or {}).items():
        _known(name, processes).host = _convert(host, _Text, f"--host {name}")
    _refuse_shared_ports(processes)

    fill = _Filler({name: _address(name, process) for name, process in processes.items()})
    return DemoTable(
        processes={name: _finish(name, process, fill) for name, process in processes.items()},
        token=None if raw.token is None else _finish_token(raw.token, fill),
        **timeouts,
    )


# The shape of the TOML, before placeholders are filled in.


class _Process(msgspec.Struct, forbid_unknown_fields=True):
    command: Annotated[list[str], msgspec.Meta(min_length=1)]
    port: _Port
    host: _Text = "127.0.0.1"
    ready: _Path = "/readyz"
    env: dict[str, str] = {}
    faults: _Path | None = None
    graphql: _Path | None = None
    try_operation: str | None = msgspec.field(default=None, name="try")
    variables: str | None = None


class _Token(msgspec.Struct, forbid_unknown_fields=True):
    url: _Text
    user: _Text
    ttl_s: Annotated[int, msgspec.Meta(ge=1)] = 43_200


class _Demo(msgspec.Struct, forbid_unknown_fields=True):
    # Converted one by one, so that an error can name the process that it is in.
    processes: dict[str, Any]
    token: _Token | None = None
    ready_timeout_s: _ReadyTimeout = 30.0
    stop_grace_s: _StopGrace = 5.0


def _convert(value: object, shape: Any, where: str, *, strict: bool = True) -> Any:
    # Any in and out: mypy does not take an Annotated alias for a type; callers annotate what they get.
    try:
        return msgspec.convert(value, shape, strict=strict)
    except msgspec.ValidationError as error:
        raise misuse(f"{where}: {error}.") from error


def _read_process(name: str, value: object) -> _Process:
    where = f"[tool.bff.demo.processes.{name}]"
    if not _NAME.fullmatch(name):
        raise misuse(f"{where}: a name is lower-case letters, digits and dashes, starting with a letter.")
    process: _Process = _convert(value, _Process, where)
    if process.try_operation is not None and process.graphql is None:
        raise misuse(f"{where}: `try` needs `graphql`, the path of the endpoint to try it at.")
    if process.variables is not None and process.try_operation is None:
        raise misuse(f"{where}: `variables` needs `try`, the operation that they are for.")
    return process


def _overlay_environment(
    processes: Mapping[str, _Process], timeouts: dict[str, float], environment: Mapping[str, str]
) -> None:
    known = {f"{PREFIX}READY_TIMEOUT_S", f"{PREFIX}STOP_GRACE_S"}
    for name in processes:
        known |= {_variable(name, "HOST"), _variable(name, "PORT")}
    for variable, text in environment.items():
        # A double underscore belongs to the nested settings of an application that is itself called demo.
        if not variable.startswith(PREFIX) or variable.startswith(f"{PREFIX}_"):
            continue
        if variable not in known:
            raise misuse(f"{variable} is no setting of the demo; it has {', '.join(sorted(known))}.")
        if variable == f"{PREFIX}READY_TIMEOUT_S":
            timeouts["ready_timeout_s"] = _convert(text, _ReadyTimeout, variable, strict=False)
        elif variable == f"{PREFIX}STOP_GRACE_S":
            timeouts["stop_grace_s"] = _convert(text, _StopGrace, variable, strict=False)
    for name, process in processes.items():
        if (host := environment.get(_variable(name, "HOST"))) is not None:
            process.host = _convert(host, _Text, _variable(name, "HOST"))
        if (port := environment.get(_variable(name, "PORT"))) is not None:
            process.port = _convert(port, _Port, _variable(name, "PORT"), strict=False)


def _variable(name: str, setting: str) -> str:
    return f"{PREFIX}{name.upper().replace('-', '_')}_{setting}"


def port_variable(name: str) -> str:
    """The environment variable that sets the port of this process."""
    return _variable(name, "PORT")


def _known(name: str, processes: Mapping[str, _Process]) -> _Process:
    if name not in processes:
        raise misuse(unknown_process(name, processes))
    return processes[name]


def _refuse_shared_ports(processes: Mapping[str, _Process]) -> None:
    taken: dict[int, str] = {}
    for name, process in processes.items():
        if other := taken.get(process.port):
            raise misuse(
                f"{other} and {name} both want port {process.port}; "
                f"give one another port with --port {name}=… or {port_variable(name)}=…."
            )
        taken[process.port] = name


def _address(name: str, process: _Process) -> dict[str, str]:
    spec = _spec(name, process, command=(), env={})
    return {"host": process.host, "port": str(process.port), "url": spec.url}


def _spec(name: str, process: _Process, *, command: tuple[str, ...], env: Mapping[str, str]) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        command=command,
        host=process.host,
        port=process.port,
        ready=process.ready,
        env=env,
        faults=process.faults,
        graphql=process.graphql,
        try_operation=process.try_operation,
        variables=process.variables,
    )


@dataclass(frozen=True, slots=True)
class _Filler:
    """Fills placeholders from the addresses of all processes; braces that are no placeholder stay."""

    addresses: Mapping[str, Mapping[str, str]]

    def __call__(self, text: str, own: str | None, where: str) -> str:
        def value(match: re.Match[str]) -> str:
            first, second = match.groups()
            if second is None:
                found = sys.executable if first == "python" else self.addresses.get(own or "", {}).get(first)
            else:
                found = self.addresses.get(first, {}).get(second)
            if found is None:
                raise misuse(
                    f"{where}: {match[0]} is unknown; there are {{python}}, {{host}}, {{port}} and {{url}}, "
                    f"and {{NAME.host}}, {{NAME.port}} and {{NAME.url}} for {', '.join(self.addresses)}."
                )
            return found

        return _PLACEHOLDER.sub(value, text)


def _finish(name: str, process: _Process, fill: _Filler) -> ProcessSpec:
    where = f"[tool.bff.demo.processes.{name}]"
    return _spec(
        name,
        process,
        command=tuple(fill(part, name, f"{where} command") for part in process.command),
        env={key: fill(text, name, f"{where} env {key}") for key, text in process.env.items()},
    )


def _finish_token(token: _Token, fill: _Filler) -> TokenSpec:
    return TokenSpec(url=fill(token.url, None, "[tool.bff.demo.token] url"), user=token.user, ttl_s=token.ttl_s)
