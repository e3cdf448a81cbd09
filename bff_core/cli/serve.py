"""``bff serve``: one BFF behind uvicorn."""

from __future__ import annotations

import gc
import socket

import click

from bff_core.cli.problems import stop, told

#: How long requests may go on after SIGTERM, in seconds.
GRACE_S = 5
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
@click.option("--settings", "show", is_flag=True, help="Print every setting in force and where it was set, and end.")
def serve(name: str, host: str | None, port: int | None, show: bool) -> None:
    """Serve the BFF called NAME (a key of [tool.bff.apps] in pyproject.toml) until SIGTERM or Ctrl-C.

    Settings come from the BFF's settings.toml and from the environment: BFF_WEB__EDGE__PORT is edge.port of "web".
    What `bff doctor NAME` finds dangerous is not served.
    """
    from bff_core.app import create_app
    from bff_core.apps import AppError, load_app, project_root
    from bff_core.contract import DeclarationError
    from bff_core.doctor import dangers
    from bff_core.graphql.schema import SchemaError
    from bff_core.settings import SettingsError, describe

    with told(AppError, DeclarationError, SchemaError, SettingsError):
        bff = load_app(project_root(), name)
        settings = bff.load_settings()
        if show:
            click.echo("\n".join(describe(settings)))
            return
        if found := dangers(bff, settings):
            stop("\n".join([*map(str, found), f"{name} is not served like this; all about it: bff doctor {name}"]), 1)
        app = create_app(bff, settings)
    host = host or settings.edge.host
    with _listening(host, settings.edge.port if port is None else port) as listener:
        import uvicorn

        shown = f"[{host}]" if ":" in host else host
        click.echo(f"{name} at http://{shown}:{listener.getsockname()[1]}/graphql")
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                access_log=False,
                log_level="warning",
                timeout_graceful_shutdown=GRACE_S,
                server_header=False,
            )
        )
        gc.collect()
        gc.freeze()  # schema and modules live as long as the process: the collector need not look at them again
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:  # uvicorn has ended in order and passes the signal on
            return
    if not server.started:
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
