"""Snapshots: writing the files: the snapshot of main, and what released clients use."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from graphql import GraphQLSchema, validate

from bff_core.graphql.snapshots.against import published_baseline
from bff_core.graphql.snapshots.changes import compare
from bff_core.graphql.snapshots.errors import CannotTell, PublishRefused
from bff_core.graphql.snapshots.folder import IDS, Folder, documents_in, parse_document, read_text
from bff_core.graphql.snapshots.report import hit_sentence
from bff_core.graphql.snapshots.sdl import canonical

_CLIENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Written:
    """What a command did to the schema folder: files as reports write them, sorted. Files that already had
    the right content are in neither."""

    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def export(bff: str, schema: GraphQLSchema, root: Path) -> Written:
    """Renews the snapshot of main. Errors: `CannotTell` when the folder cannot be written."""
    folder = Folder(root, bff)
    return _write(folder, {folder.snapshot: canonical(schema).text.encode()})


def publish(
    bff: str,
    schema: GraphQLSchema,
    root: Path,
    *,
    client: str | None = None,
    operations: Sequence[Path] = (),
) -> Written:
    """Records what is released: the live schema and, when a client is named, the documents it was released
    with.

    `operations` are files, or folders of `*.graphql` files, which become the only documents of `client`, byte
    for byte (a trusted document is known by its hash). Versions that stay in use side by side are clients of
    their own: `ios@4`, `ios@5`. Without a client only the schema is renewed: that is how a breaking change
    that no released operation uses is accepted.

    Errors, with nothing written: `PublishRefused` when an operation of another client would break, when a
    document does not fit the schema, or when a name is not fit for a folder; `CannotTell` when a file cannot
    be read.
    """
    folder = Folder(root, bff)
    if client is None and operations:
        raise PublishRefused("Operations are published for a client; name it with --client.")
    documents = {} if client is None else _documents(folder, schema, client, operations)
    return record(folder, schema, client, documents)


def record(folder: Folder, schema: GraphQLSchema, client: str | None, documents: Mapping[Path, bytes]) -> Written:
    """Writes the live schema, and `documents` (by path, each known to fit it) as all that is published of `client`.

    A client that is published is supported: its line is added to the file of those that are, if there is one.
    Errors, with nothing written: as `publish`.
    """
    live, bff = canonical(schema), folder.bff
    baseline = published_baseline(folder, live) if folder.published_schema.exists() else None
    others = [each for each in folder.released() if each.client != client]
    comparison = compare(baseline.schema if baseline else live.schema, live.schema, schema, others)
    breaks = [
        f"{change.description} {hit_sentence(hit)}"
        for change in comparison.changes
        if change.breaking
        for hit in change.hits
    ]
    breaks += [hit_sentence(hit) for hit in comparison.unexplained]
    if breaks:
        raise PublishRefused(
            f"Nothing was published, because it would break released clients of {bff}:\n"
            + "\n".join(f"  {each}" for each in breaks)
            + "\nKeep what they use, publish their new operations, or retire clients that are out of use."
        )

    files = {folder.published_schema: live.text.encode(), **documents}
    stale = [] if client is None else _files_of(folder, client)
    if client is not None and folder.supported_file.exists() and client not in folder.supported():
        lines = read_text(folder.supported_file, folder.shown(folder.supported_file)).splitlines()
        files[folder.supported_file] = "\n".join([*lines, client, ""]).encode()
    return _write(folder, files, [each for each in stale if each not in files])


def retire(bff: str, root: Path, client: str) -> Written:
    """Forgets a client that is no longer supported: its documents are removed. Errors: `CannotTell` when
    there is no such client."""
    folder = Folder(root, bff)
    clients = folder.clients()
    if client not in clients:
        known = f"published are: {', '.join(clients)}" if clients else "none is published"
        raise CannotTell(f"{client} is not a published client of {bff}; {known}.")
    path = folder.published_operations / client
    removed = tuple(folder.shown(each) for each in _files_of(folder, client))
    files: dict[Path, bytes] = {}
    if folder.supported_file.exists():
        lines = read_text(folder.supported_file, folder.shown(folder.supported_file)).splitlines()
        kept = [line for line in lines if line.partition("#")[0].strip() != client]
        files[folder.supported_file] = "\n".join([*kept, ""]).encode()
    written = _write(folder, files).written
    try:
        shutil.rmtree(path)
    except OSError as error:
        raise CannotTell(f"{folder.shown(path)} cannot be removed: {error.strerror}") from error
    return Written(written, removed)


def _files_of(folder: Folder, client: str) -> tuple[Path, ...]:
    """What is published of a client: its documents, and their ids where a manifest said them."""
    path = folder.published_operations / client
    return (*documents_in(path), *((path / IDS,) if (path / IDS).exists() else ()))


def require_name(client: str) -> None:
    """Errors: `PublishRefused` for what is not fit for a folder's name."""
    if _CLIENT.fullmatch(client) is None:
        raise PublishRefused(
            f"{client!r} is no name for a client: up to 64 letters, digits and . _ @ + -, the first a letter or digit."
        )


def _documents(folder: Folder, schema: GraphQLSchema, client: str, operations: Sequence[Path]) -> dict[Path, bytes]:
    """The client's documents by the path they will have, each checked against the live schema."""
    require_name(client)
    paths = [path for each in operations for path in (documents_in(each) if each.is_dir() else (each,))]
    if not paths:
        raise PublishRefused(f"There is no operation to publish for {client}; name files or folders of them.")
    found: dict[Path, bytes] = {}
    faults: list[str] = []
    for path in paths:
        target = folder.published_operations / client / path.with_suffix(".graphql").name
        shown = folder.shown(path)
        document = parse_document(read_text(path, shown), shown, client)
        if target in found:
            raise PublishRefused(f"Two documents for {client} are called {target.name}; give each its own name.")
        found[target] = path.read_bytes()
        faults += [
            f"{shown}:{error.locations[0].line if error.locations else 1}: {error.message}"
            for error in validate(schema, document.ast)
        ]
    if faults:
        raise PublishRefused(
            f"Nothing was published, because operations of {client} do not fit the schema of {folder.bff}:\n"
            + "\n".join(f"  {each}" for each in faults)
        )
    return found


def _write(folder: Folder, files: dict[Path, bytes], stale: Sequence[Path] = ()) -> Written:
    changed = {path: new for path, new in files.items() if not path.is_file() or path.read_bytes() != new}
    try:
        for path, new in changed.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(new)
        for path in stale:
            path.unlink()
    except OSError as error:
        raise CannotTell(f"{folder.shown(Path(error.filename))} cannot be written: {error.strerror}") from error
    return Written(
        tuple(sorted(folder.shown(path) for path in changed)),
        tuple(sorted(folder.shown(path) for path in stale)),
    )
