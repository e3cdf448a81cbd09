"""``bff schema``: the schemas as files that a change is held to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bff_core.cli.problems import told

if TYPE_CHECKING:
    from bff_core.bff import Bff


@click.group()
def schema() -> None:
    """Export, check and publish the schemas in schema/."""


@schema.command()
@click.argument("bffs", nargs=-1)
def export(bffs: tuple[str, ...]) -> None:
    """Write the snapshot of each of BFFS (all when none is named)."""
    from bff_core.graphql import snapshots

    with sentences():
        for bff, root in chosen(bffs):
            written = snapshots.export(bff.name, bff.schema, root)
            click.echo(f"{bff.name}: {', '.join(written.written) or 'nothing to renew'}")


@schema.command()
@click.argument("bffs", nargs=-1)
@click.option("--against", help="Measure from this schema file or git reference, not from what is published.")
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
@click.option("--allow-unused", is_flag=True, help="Let a breaking change pass that no released operation uses.")
def check(bffs: tuple[str, ...], against: str | None, form: str, allow_unused: bool) -> None:
    """Compare each of BFFS with its snapshot and with what released clients use.

    Exit code 0: the same. 1: drift, or a change that breaks. 2: nothing can be told.
    """
    from bff_core.graphql import snapshots

    with sentences():
        reports = [
            snapshots.check(bff.name, bff.schema, root, against=against, allow_unused=allow_unused)
            for bff, root in chosen(bffs)
        ]
    formats: dict[str, snapshots.Format] = {known: known for known in snapshots.FORMATS}
    click.echo(snapshots.render(reports, formats[form]))
    raise SystemExit(snapshots.exit_code(reports))


@schema.command()
@click.argument("bff")
@click.option("--client", help="Publish operations of this client, such as ios@4.")
@click.option("--retire", is_flag=True, help="The client named is used no more: forget its operations.")
@click.argument("operations", nargs=-1, type=click.Path(exists=True, path_type=Path))
def publish(bff: str, client: str | None, retire: bool, operations: tuple[Path, ...]) -> None:
    """Record the schema of BFF as what released clients rely on, with a client's OPERATIONS (files or folders)."""
    from bff_core.graphql import snapshots

    if bool(operations) and client is None:
        raise click.UsageError("operations belong to a client: name it with --client.")
    if retire and (client is None or operations):
        raise click.UsageError("--retire goes with --client and without operations.")
    with sentences():
        ((app, root),) = chosen((bff,))
        if retire and client is not None:
            done = snapshots.retire(app.name, root, client)
        else:
            done = snapshots.publish(app.name, app.schema, root, client=client, operations=operations)
    for path in done.written:
        click.echo(f"wrote {path}")
    for path in done.removed:
        click.echo(f"removed {path}")
    if not done.written and not done.removed:
        click.echo("nothing to do")


def chosen(names: tuple[str, ...]) -> Iterator[tuple[Bff, Path]]:
    """Each of the BFFs named (all when none is), with the project's schema folder."""
    from bff_core.apps import app_names, load_app, project_root

    root = project_root()
    for name in names or app_names(root):
        yield load_app(root, name), root / "schema"


@contextmanager
def sentences(*more: type[Exception]) -> Iterator[None]:
    """What the commands about schemas end with: a sentence and the exit code that goes with it; ``more`` end so too."""
    from bff_core.apps import AppError
    from bff_core.contract import DeclarationError
    from bff_core.graphql.schema import SchemaError
    from bff_core.graphql.snapshots import SnapshotError

    with told(AppError, DeclarationError, SchemaError, SnapshotError, *more):
        yield
