"""The command line: serve one service, export or check the OpenAPI documents."""

import logging
import signal
import sqlite3
import sys
from pathlib import Path
from types import FrameType

import click

from downstream_stubs import snapshots
from downstream_stubs.frame.server import StubServer, bind, url_of
from downstream_stubs.frame.settings import ServiceSettings, SettingsError, refuse_unknown, variables
from downstream_stubs.registry import SETTINGS, STUBS

_SCHEMAS = Path("schema/services")
_RENEW = "make snapshots"


def _settings_help() -> str:
    lines = ["\b", "Environment (a misspelt STUBS_* name stops the start):"]
    for name, field in variables(SETTINGS).items():
        lines.append(f"  {name} = {field.default}  ({field.description})")
    return "\n".join(lines)


@click.group(context_settings={"max_content_width": 140})
def main() -> None:
    """The shop's REST services, to develop and to test against."""


@main.command(epilog=_settings_help())
@click.argument("service", type=click.Choice(sorted(STUBS)))
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on; 0 takes any free one.")
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Directory of the data files.")
def serve(service: str, host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Run one SERVICE until SIGTERM or Ctrl-C. Its data is made on the first start."""
    try:
        refuse_unknown(variables(SETTINGS))
        app = STUBS[service].make(host=host, port=port, data_dir=data_dir)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    settings = app.settings
    try:
        bound = bind(settings.host, settings.port)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise click.ClickException(
            f"Cannot listen on {settings.host} port {settings.port}: {reason}. Name another with --port."
        ) from error
    _end_quietly()
    _log_to_stdout(settings)
    with bound:
        try:
            app.prepare()
        except (OSError, sqlite3.Error) as error:
            raise click.ClickException(f"Cannot use the data in {settings.data_dir}: {error}.") from error
        url = url_of(bound)
        server = StubServer(app, on_started=lambda: click.echo(f"{service} is ready on {url}"))
        try:
            server.run(sockets=[bound])
        except OSError as error:
            raise click.ClickException(f"Cannot listen on {url}: {error.strerror or error}.") from error
        finally:
            app.release()


@main.group()
def openapi() -> None:
    """The services' OpenAPI documents, kept as files."""


@openapi.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=_SCHEMAS,
    show_default=True,
)
def export(directory: Path) -> None:
    """Write one document per service."""
    try:
        for path in snapshots.export(directory):
            click.echo(f"wrote {path}")
    except OSError as error:
        raise click.ClickException(f"Cannot write to {directory}: {error.strerror}.") from error


@openapi.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=_SCHEMAS,
    show_default=True,
)
def check(directory: Path) -> None:
    """Compare the files with the services; exit code 1 if they differ."""
    found = snapshots.differences(directory)
    for sentence in found:
        click.echo(sentence, err=True)
    if found:
        click.echo(f"Renew with: {_RENEW}", err=True)
        sys.exit(1)
    click.echo(f"{directory} tells what the services offer")


def _end_quietly() -> None:
    """End with exit code 0 on SIGTERM and Ctrl-C, before, during and after serving.

    Uvicorn catches both while it serves and raises them again behind its own ending; then they arrive here.
    """

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)


def _log_to_stdout(settings: ServiceSettings) -> None:
    logging.basicConfig(stream=sys.stdout, format="%(message)s", level=settings.log_level.upper())
    # Its start and end are told by ourselves; what remains are warnings and traces.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
