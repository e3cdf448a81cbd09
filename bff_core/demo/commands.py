"""Demo room: the commands ``bff demo``, ``bff fault`` and ``bff token``; thin, and the only place that reads
the world.

They take the environment, the folder and the terminal from the process once and hand them down; a DemoProblem
becomes its sentence on stderr and its exit code, never a trace.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click

from bff_core.demo import control
from bff_core.demo.addresses import find_addresses
from bff_core.demo.faults import Fault, FaultSwitches, Part
from bff_core.demo.problem import DemoProblem, misuse
from bff_core.demo.run import run_demo
from bff_core.demo.screen import Screen, bff_command, status_lines, wants_colour
from bff_core.demo.table import DemoTable, find_project, load_table
from bff_core.demo.tokens import ask_token


class _Assignment(click.ParamType[tuple[str, int | str]]):
    """``NAME=VALUE``."""

    name = "name=value"

    def __init__(self, convert: type[int] | type[str]) -> None:
        self._convert = convert

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int | str]:
        name, sign, text = str(value).partition("=")
        try:
            if not (name and sign and text):
                raise ValueError
            return name, self._convert(text)
        except ValueError:
            example = "web=8100" if self._convert is int else "web=0.0.0.0"
            self.fail(f"{value!r} is not of the form {example}", param, ctx)


@click.group("demo", invoke_without_command=True)
@click.option("--port", "ports", multiple=True, type=_Assignment(int), help="Port of a process: --port web=8100.")
@click.option("--host", "hosts", multiple=True, type=_Assignment(str), help="Host of a process: --host web=0.0.0.0.")
@click.pass_context
def demo(context: click.Context, ports: tuple[tuple[str, int], ...], hosts: tuple[tuple[str, str], ...]) -> None:
    """Start the services and the BFFs, and say where they are.

    Without a command: runs in the foreground until Ctrl-C. The commands change a running demo from another
    terminal.
    """
    if context.invoked_subcommand is not None:
        if ports or hosts:
            raise click.UsageError("--port and --host belong to bff demo without a command.")
        return
    with _sentences():
        project = find_project(Path.cwd())
        table = load_table(project, os.environ, ports=dict(ports), hosts=dict(hosts))
        bff = bff_command(project, Path.cwd())
        screen = Screen(sys.stdout, list(table.processes), colour=wants_colour(sys.stdout, os.environ))
        asyncio.run(run_demo(table, project=project, environment=os.environ, screen=screen, bff=bff))


@demo.command()
@click.argument("process")
def start(process: str) -> None:
    """Start PROCESS again, and wait until it is ready."""
    _tell("start", process)


@demo.command()
@click.argument("process")
def stop(process: str) -> None:
    """End PROCESS, as if it had gone down, and wait until it has."""
    _tell("stop", process)


@demo.command()
def status() -> None:
    """Show how each process of the running demo stands."""
    with _sentences():
        project = find_project(Path.cwd())
        answer = control.ask(project, {"do": "status"}, timeout_s=5.0)
        click.echo(f"A demo is running (pid {answer['pid']}).")
        for line in status_lines(answer["processes"]):
            click.echo(line)


@click.command()
@click.argument("service")
@click.option("--hang", is_flag=True, help="Take requests and never answer.")
@click.option("--error", type=click.FloatRange(0, 1), help="Share of answers that fail, 0 to 1.")
@click.option("--latency", type=click.IntRange(min=0), help="Milliseconds added to each answer.")
@click.option("--jitter", type=click.IntRange(min=0), help="Up to this many milliseconds more.")
@click.option("--status", type=int, help="Status of those that fail: 429, or 500 to 599; alone, all do.")
@click.option("--garbage", is_flag=True, help="Answer with what is not JSON.")
@click.option("--truncate", is_flag=True, help="Break the answer off in the middle.")
@click.option("--drop", is_flag=True, help="Close the connection without an answer.")
@click.option("--huge", is_flag=True, help="Answer with far too much.")
@click.option("--omit", type=click.Choice(get_args(Part)), help="Leave out an element; 404 where it is all.")
@click.option("--spoil", type=click.Choice(get_args(Part)), help="Send an element that cannot be read.")
@click.option("--retry-after", type=click.IntRange(min=0), help="Seconds that they ask to wait; alone, all fail.")
@click.option("--route", help='Only this route, such as "GET /products".')
@click.option("--clear", is_flag=True, help="End the faults.")
def fault(service: str, *, route: str | None, clear: bool, error: float | None, **options: Any) -> None:
    """Make SERVICE misbehave, or show its faults when no option is given."""
    with _sentences():
        wanted = Fault(
            error=error,
            latency_ms=options.pop("latency"),
            jitter_ms=options.pop("jitter"),
            retry_after_s=options.pop("retry_after"),
            **options,
        )
        if clear and not wanted.empty:
            raise misuse("--clear ends faults and cannot be given with one; call the command twice.")
        switches = _fault_switches(service)
        if clear:
            in_force = switches.clear(route)
        elif wanted.empty:
            in_force = switches.show()
        else:
            in_force = switches.set(wanted, route)
        for line in in_force:
            click.echo(line)


@click.command()
@click.option("--user", help="Id of the user; the table's own when left out.")
@click.option("--ttl", type=click.IntRange(min=1), help="Seconds for which it is valid; the table's own when left out.")
@click.option("--scope", "scopes", multiple=True, help="A scope; may be given several times.")
def token(user: str | None, ttl: int | None, scopes: tuple[str, ...]) -> None:
    """Print a token to try things with, and nothing else."""
    with _sentences():
        project, table = _project_and_table()
        if table.token is None:
            raise misuse("pyproject.toml has no [tool.bff.demo.token]; it says where tokens are asked for.")
        url = find_addresses(project, table).token_url or table.token.url
        click.echo(ask_token(url, user=user or table.token.user, ttl_s=ttl or table.token.ttl_s, scopes=scopes))


def _tell(what: str, process: str) -> None:
    with _sentences():
        project, table = _project_and_table()
        # Longer than anything the demo allows itself.
        patience = table.ready_timeout_s + 2 * table.stop_grace_s + 5.0
        click.echo(control.ask(project, {"do": what, "process": process}, timeout_s=patience)["say"])


def _fault_switches(service: str) -> FaultSwitches:
    project, table = _project_and_table()
    path = table.process(service).faults
    if path is None:
        able = [name for name, spec in table.processes.items() if spec.faults]
        raise misuse(f"{service} has no fault switches; those that have: {', '.join(able) or 'none'}.")
    return FaultSwitches(service, find_addresses(project, table).urls[service] + path)


def _project_and_table() -> tuple[Path, DemoTable]:
    project = find_project(Path.cwd())
    return project, load_table(project, os.environ)


@contextlib.contextmanager
def _sentences() -> Iterator[None]:
    """Turn a problem into its sentence on stderr and its exit code."""
    try:
        yield
    except DemoProblem as problem:
        click.echo(problem.text(), err=True)
        sys.exit(problem.exit_code)
