"""Demo room: what is printed, and how it is laid out."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from click import style

from bff_core.demo.table import DemoTable, ProcessSpec

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_cyan", "bright_magenta", "bright_green")


def wants_colour(out: TextIO, environment: Mapping[str, str]) -> bool:
    """Colour only for a person: on a terminal, and not where NO_COLOR is set to anything."""
    return out.isatty() and not environment.get("NO_COLOR")


class Screen:
    """Prints the demo's lines: steps (``users      ready in 0.9 s``), logs (``users    | …``), sentences.

    A reader that has gone away (a closed pipe or terminal) is told once to ``on_gone``; from then on nothing
    is printed, so that it cannot stop the supervisor from ending its processes.
    """

    def __init__(
        self, out: TextIO, names: Sequence[str], *, colour: bool, on_gone: Callable[[], None] = lambda: None
    ) -> None:
        self._out = out
        self._colour = colour
        self._width = max((len(name) for name in names), default=0)
        self._colours = {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(names)}
        self.on_gone = on_gone
        self._gone = False

    def log(self, name: str, line: str) -> None:
        """One line of a process's output, behind its name."""
        self.say(f"{self._paint(name, f'{name:<{self._width}} |')} {line}")

    def step(self, name: str, what: str) -> None:
        """One line of progress: the step, or the process it is about, and how it stands."""
        self.say(f"{self._paint(name, f'{name:<{max(self._width, 10)}}')} {what}")

    def say(self, text: str) -> None:
        """One line, or a block of lines, as it is."""
        if self._gone:
            return
        try:
            self._out.write(text + "\n")
            self._out.flush()
        except (OSError, ValueError):
            self._gone = True
            self.on_gone()

    def _paint(self, name: str, text: str) -> str:
        if not self._colour:
            return text
        return style(text, fg=self._colours.get(name), bold=name not in self._colours)


def bff_command(project: Path, folder: Path) -> str:
    """How a person in ``folder`` calls ``bff``: the project's own environment where there is one, else the
    bare name."""
    script = project / ".venv" / "bin" / "bff"
    return os.path.relpath(script, folder) if script.exists() else "bff"


def ready_line(seconds: float, url: str) -> str:
    """How the step of one process ends."""
    return f"starting… ready in {seconds:.1f} s  {url}"


def ended(returncode: int) -> str:
    """How a process ended, in words: ``exited with code 3``, ``was killed by signal 9``."""
    return f"exited with code {returncode}" if returncode >= 0 else f"was killed by signal {-returncode}"


def introduction(table: DemoTable, *, bff: str, token: str | None, tries: Mapping[str, str], ready_in_s: float) -> str:
    """All that is printed once everything runs.

    ``tries`` holds, by process, the file with the request body to try; ``token`` is None where there is none
    to show.
    """
    width = max(len(name) for name in table.processes)
    lines = ["", f"ready in {ready_in_s:.1f} s", ""]
    for spec in table.processes.values():
        what = f"GraphiQL: {spec.url}{spec.graphql}" if spec.graphql else spec.url
        lines.append(f"  {spec.name:<{width}}  {what}")
    user = table.token.user if token and table.token else None
    if token and table.token:
        lines += [
            "",
            f"A token of user {table.token.user}, valid for {_duration(table.token.ttl_s)}:",
            "",
            token,
        ]
    for name, body in tries.items():
        spec = table.processes[name]
        lines += ["", f"Try {spec.try_operation} at {name}:", "", curl(spec, bff=bff, body=body, user=user)]
    lines += ["", "From another terminal:", "", *(f"  {line}" for line in control_commands(table, bff)), ""]
    lines.append("Ctrl-C ends everything.")
    return "\n".join(lines) + "\n"


def curl(spec: ProcessSpec, *, bff: str, body: str, user: str | None) -> str:
    """A complete command that sends the request body in the file ``body`` to this process, as this user or
    nobody."""
    headers = ["-H 'content-type: application/json'"]
    if user is not None:
        headers.append(f'-H "authorization: Bearer $({bff} token --user {user})"')
    return f"curl -s {spec.url}{spec.graphql} {' '.join(headers)} --data @{body}"


def control_commands(table: DemoTable, bff: str) -> list[str]:
    """The commands that change a running demo, shown with a process that they work on."""
    faulty = [name for name, spec in table.processes.items() if spec.faults]
    name = faulty[-1] if faulty else next(iter(table.processes))
    lines = [f"{bff} demo status", f"{bff} demo stop {name}", f"{bff} demo start {name}"]
    if faulty:
        options = ("--hang", "--error 0.3", "--latency 800", "--clear")
        lines += [f"{bff} fault {name} {option}" for option in options]
    return lines


def _duration(seconds: int) -> str:
    if seconds % 3600 == 0:
        hours = seconds // 3600
        return "1 hour" if hours == 1 else f"{hours} hours"
    return f"{seconds} s"


def status_lines(processes: Sequence[Mapping[str, object]]) -> list[str]:
    """One line for each process, as the demo's ``status`` answers them."""
    width = max((len(str(process["name"])) for process in processes), default=0)
    lines = []
    for process in processes:
        code, pid = process["exit_code"], process["pid"]
        state = ended(code) if isinstance(code, int) else str(process["state"])
        lines.append(f"  {process['name']:<{width}}  {state:<10}  {process['url']}{f'  pid {pid}' if pid else ''}")
    return lines
