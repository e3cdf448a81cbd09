"""``bff serve``: one BFF behind uvicorn, in one process or in several."""

from __future__ import annotations

import json
import os
import socket

import click

from bff_core.cli.problems import stop, told

#: Connections that may wait to be accepted, as uvicorn has it.
BACKLOG = 2048


@click.command()
@click.argument("name")
@click.option("--host", help="Address to listen on; the setting edge.host when left out.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="TCP port; the setting edge.port when left out; 0 picks one.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    help="Processes that serve it; the setting edge.workers when left out.",
)
@click.option("--settings", "show", is_flag=True, help="Print every setting in force and where it was set, and end.")
def serve(name: str, host: str | None, port: int | None, workers: int | None, show: bool) -> None:
    """Serve the BFF called NAME (a key of [tool.bff.apps] in pyproject.toml) until SIGTERM or Ctrl-C.

    Settings come from the BFF's settings.toml and from the environment: BFF_WEB__EDGE__PORT is edge.port of "web".
    What `bff doctor NAME` finds dangerous is not served.
    """
    from bff_core.apps import AppError, load_app, project_root
    from bff_core.cli.server import run_server
    from bff_core.cli.workers import Made, Workers
    from bff_core.contract import DeclarationError
    from bff_core.doctor import dangers
    from bff_core.graphql.schema import SchemaError
    from bff_core.settings import SettingsError, describe

    with told(AppError, DeclarationError, SchemaError, SettingsError):
        root = project_root()
        bff = load_app(root, name)
        # The option stands for the variable, so that whatever follows from the number follows from it too.
        said = {} if workers is None else {f"BFF_{name.upper()}__EDGE__WORKERS": str(workers)}
        settings = bff.load_settings({**os.environ, **said})
        if show:
            click.echo("\n".join(describe(settings)))
            return
        if found := dangers(bff, settings):
            stop("\n".join([*map(str, found), f"{name} is not served like this; all about it: bff doctor {name}"]), 1)
        made = Made(root, name, settings)
        app = made()  # also where workers make their own: what is wrong with it is told here, once

    def died(pid: int, code: int) -> None:
        line = {"bff": name, "pid": pid, "code": code, "event": "worker", "level": "error"}
        click.echo(json.dumps(line, separators=(",", ":")))

    host = host or settings.edge.host
    with _listening(host, settings.edge.port if port is None else port) as listener:
        shown = f"[{host}]" if ":" in host else host
        click.echo(f"{name} at http://{shown}:{listener.getsockname()[1]}/graphql")
        if settings.edge.workers == 1:
            started = run_server(app, settings, listener)
        else:
            del app
            started = Workers(made, listener, died).run()
    if not started:
        stop(f"{name} did not start; the lines above say why", 1)


def _listening(host: str, port: int) -> socket.socket:
    """A bound socket, or one sentence and the end."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)  # now, so that whoever reads the line can connect and waits for the first answer
    except (OSError, TypeError) as exc:  # the latter for a name that no host can have
        listener.close()
        why = exc.strerror if isinstance(exc, OSError) else "this is no name of a host"
        stop(f"cannot listen on {host}:{port}: {why}; choose another one with --host and --port", 1)
    return listener
