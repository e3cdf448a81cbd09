"""``bff operations``: what released apps ask, filed by client and version, and held to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bff_core.cli.schema import chosen, sentences

if TYPE_CHECKING:
    from bff_core.bff import Bff
    from bff_core.graphql.snapshots import Folder, Report, Trusted

#: Digits of a hash that are shown where people read.
SHORT = 12


@click.group()
def operations() -> None:
    """The operations that released apps ask, by client and version: add, list and check them.

    They are trusted documents: served by their ids, and nothing is removed from the schema while a supported version
    asks for it. Those of main (schema/operations/) are trusted too. Which versions are supported is a file,
    schema/published/BFF/supported.txt.
    """


@operations.command()
@click.argument("bff")
@click.option("--client", required=True, help="The app, such as ios; the name it sends with each request.")
@click.option("--app-version", "version", help="Its version, such as 4.2; left out where an app has only one.")
@click.argument("manifest", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def add(bff: str, client: str, version: str | None, manifest: Path) -> None:
    """Add what a release of an app asks of BFF: the manifest that its build made, FILE.

    FILE is Apollo's (`apollo-persisted-query-manifest`) or Relay's (an object of ids and texts). Each operation is
    checked against the schema, and the version is supported from then on.

    Exit code 0: added. 1: refused; an operation does not fit, or an id is taken. 2: nothing can be told.
    """
    from bff_core.graphql import snapshots

    if "@" in client:
        raise click.UsageError("a client's name is without its version: say that with --app-version.")
    with sentences():
        ((app, root),) = chosen((bff,))
        done = snapshots.add(app.name, app.schema, root, client=snapshots.client_of(client, version), manifest=manifest)
    for path in done.written:
        click.echo(f"wrote {path}")
    for path in done.removed:
        click.echo(f"removed {path}")
    if not done.written and not done.removed:
        click.echo("nothing to do")


@operations.command("list")
@click.argument("bffs", nargs=-1)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_(bffs: tuple[str, ...], form: str) -> None:
    """List the trusted documents of each of BFFS (all when none is named), by client, each with its id."""
    from bff_core.graphql import snapshots

    with sentences():
        found = {
            bff.name: snapshots.trusted(snapshots.Folder(root, bff.name), unsupported=True)
            for bff, root in chosen(bffs)
        }
    if form == "json":
        click.echo(json.dumps({name: [_plain(each) for each in documents] for name, documents in found.items()}))
        return
    for name, documents in found.items():
        click.echo("\n".join(_listed(name, documents)))


@operations.command()
@click.argument("bffs", nargs=-1)
def check(bffs: tuple[str, ...]) -> None:
    """Check that each of BFFS still serves all that supported versions ask.

    Refused are a change of the schema that breaks an operation, an operation that is gone or is not what its manifest
    said, and one that is more than a limit in force allows; each is named with its client and version. What else
    changed in a schema: bff schema check.

    Exit code 0: all is served. 1: something is not. 2: nothing can be told.
    """
    from bff_core.graphql import snapshots
    from bff_core.settings import SettingsError

    worst = 0
    with sentences(SettingsError):
        for bff, root in chosen(bffs):
            folder = snapshots.Folder(root, bff.name)
            code, lines = _checked(folder, snapshots.check(bff.name, bff.schema, root))
            if code == 0 and (beyond := list(_beyond(bff, snapshots.trusted(folder)))):
                code, lines = 1, beyond
            worst = max(worst, code)
            click.echo("\n".join(f"{bff.name}: {line}" for line in lines))
    raise SystemExit(worst)


@operations.command()
@click.argument("bff")
def manifest(bff: str) -> None:
    """Print the manifest of main's operations for BFF, as Apollo's client libraries and build tools read it.

    For an app that is built with its BFF: it sends the ids, and the texts stay here.
    """
    from bff_core.documents.manifest import write_manifest
    from bff_core.graphql import snapshots

    with sentences():
        ((app, root),) = chosen((bff,))
        click.echo(write_manifest(snapshots.own_manifest(snapshots.Folder(root, app.name), app.schema)), nl=False)


def _checked(folder: Folder, report: Report) -> tuple[int, Sequence[str]]:
    """The exit code, and what to say."""
    from bff_core.graphql import snapshots

    lines = [f"cannot tell: {obstacle}" for obstacle in report.obstacles]
    code = 2 if lines else 0
    broken = [f"main: {fault.file}:{fault.line}:{fault.column}: {fault.message}" for fault in report.invalid]
    for change in report.breaking:
        broken += [f"{change.description} {snapshots.hit_sentence(hit)}" for hit in change.hits]
    broken += [snapshots.hit_sentence(hit) for hit in report.unexplained]
    documents: Sequence[Trusted] = ()
    try:
        documents = snapshots.trusted(folder)
    except snapshots.SnapshotError as error:
        if str(error) not in report.obstacles:
            broken.append(str(error))
            code = max(code, error.exit_code)
    if broken:
        return max(code, 1), [*lines, *(f"breaking: {each}" for each in broken)]
    if lines:
        return code, lines
    clients = sorted({each.client for each in documents if each.client})
    whose = f" and of {', '.join(clients)}" if clients else ""
    return 0, [f"ok: {len({each.text for each in documents})} documents of main{whose} are served."]


def _beyond(bff: Bff, documents: Sequence[Trusted]) -> Iterator[str]:
    """What fits the schema and is refused all the same, by the limits that are in force here."""
    from bff_core.graphql.operations import InvalidDocument, Operations

    prepared = Operations(bff.schema, limits=bff.load_settings().limits.limits)
    for each in documents:
        for named in each.operations:
            try:
                prepared.prepare(each.text, named.name or None)
            except InvalidDocument as invalid:
                whose = f"client {each.client}" if each.client else "main"
                yield f"breaking: operation {named.name} of {whose} ({each.file}) is refused: {invalid}"


def _listed(name: str, documents: Sequence[Trusted]) -> Iterator[str]:
    for client in dict.fromkeys(each.client for each in documents):
        own = [each for each in documents if each.client == client]
        note = "" if own[0].supported else ", not supported: not served, and free to break"
        yield f"{name}, {client or 'main'}{note}"
        width = max(len(_named(each)) for each in own)
        for each in own:
            shown = each.id if len(each.id) < 64 else f"sha256:{each.id[:SHORT]}…"
            yield f"  {_named(each):{width}}  {shown}  {each.file}"


def _named(document: Trusted) -> str:
    return ", ".join(f"{each.kind} {each.name}".strip() for each in document.operations)


def _plain(document: Trusted) -> dict[str, object]:
    return {
        "client": document.client or None,
        "supported": document.supported,
        "file": document.file,
        "id": document.id,
        "sha256": document.ids[0],
        "operations": [{"name": each.name or None, "type": each.kind} for each in document.operations],
    }
