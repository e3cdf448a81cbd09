"""Snapshots: the documents that one BFF trusts: those of main and those of the released clients that are supported.

A trusted document is known by the hash of its text, byte for byte as it is filed. What the manifest of a client calls
it (`ids.json` beside its documents) is an id as well, where that is no hash. Nothing else says what is trusted: main's
own manifest is made from `operations/`, and `add` files what an app that lives elsewhere was built with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from graphql import GraphQLSchema, OperationDefinitionNode, validate

from bff_core.documents.ids import is_hash, sha256_of
from bff_core.documents.manifest import Entry, ManifestError, read_manifest
from bff_core.graphql.snapshots.errors import CannotTell, NotServed, PublishRefused
from bff_core.graphql.snapshots.folder import IDS, Document, Folder, documents_in, parse_document, read_text
from bff_core.graphql.snapshots.publish import Written, record, require_name

AT = "@"
"""Between a client's name and its version, in the name of the folder that holds its documents."""


@dataclass(frozen=True, slots=True)
class Named:
    """One operation of a document: its name, empty where it has none, and its kind (query, mutation, subscription)."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Trusted:
    """One document that may run by its ids.

    `client` as in the folder (`ios@4.2`), empty for main's own; `supported` is False for one that is filed and not
    served. `id` is what the client sends, `ids` all that it may be asked by, the hash of the text first.
    """

    client: str
    supported: bool
    file: str
    text: str
    id: str
    ids: tuple[str, ...]
    operations: tuple[Named, ...]


def client_of(name: str, version: str | None) -> str:
    """What a client is called in the folder and in reports: `ios@4.2`, or `web-app` where versions do not matter."""
    return f"{name}{AT}{version}" if version else name


def trusted(
    folder: Folder,
    schema: GraphQLSchema | None = None,
    *,
    operations: Path | None = None,
    released: bool = True,
    unsupported: bool = False,
) -> list[Trusted]:
    """The trusted documents of a BFF: main's own, then each client's, by file.

    `operations` is where main's are, if not where the folder has them; without `released` they are all. Those of
    clients that are not supported come too where `unsupported` is asked for. With a schema each that is served is held
    to it.

    Errors: `CannotTell` for a file that cannot be read; `NotServed` for a document that is gone, is not what its
    manifest says or does not fit the schema, and for an id that stands for two texts.
    """
    checked: dict[str, tuple[Named, ...]] = {}
    found = list(_filed(folder, operations or folder.operations, "", True, schema, checked))
    supported = folder.supported() if released else ()
    for client in folder.clients() if released and unsupported else supported:
        serves = client in supported
        path = folder.published_operations / client
        found += _filed(folder, path, client, serves, schema if serves else None, checked if serves else {})
    _require_one_text_an_id(each for each in found if each.supported)
    return found


def own_manifest(folder: Folder, schema: GraphQLSchema) -> list[Entry]:
    """What an app built from main sends: the operations of main by the hash of their documents. Errors: as `trusted`,
    and for an operation without a name."""
    entries = []
    for document in trusted(folder, schema, released=False):
        for operation in document.operations:
            if not operation.name:
                raise CannotTell(f"{document.file} holds an operation without a name, and a manifest needs one.")
            entries.append(Entry(document.id, document.text, operation.name, operation.kind))
    return entries


def add(bff: str, schema: GraphQLSchema, root: Path, *, client: str, manifest: Path) -> Written:
    """Files the manifest that a release of an app was built with, Apollo's or Relay's; its operations are then served
    and held to, like those of any published client.

    Errors, with nothing written: `CannotTell` for a file that cannot be read; `PublishRefused` for one that is no
    manifest, for an operation that does not fit the schema or has no name of its own, for a release that would lose
    an operation, and as `publish`; `NotServed` for an id that already stands for another text.
    """
    folder = Folder(root, bff)
    require_name(client)
    shown = folder.shown(manifest)
    entries = _entries(manifest, shown)
    path = folder.published_operations / client
    texts: dict[str, str] = {}
    ids: dict[str, str] = {}
    faults: list[str] = []
    for entry in entries:
        document = parse_document(entry.text, f"{shown}: operation {entry.name or entry.id}", client)
        named = _named(document)
        if len(named) != 1 or not named[0].name:
            raise PublishRefused(f"{document.file}: a manifest's entry holds one operation, and that has a name.")
        if entry.name not in (None, named[0].name):
            raise PublishRefused(f"{document.file} is called {named[0].name} in its text.")
        if named[0].name in texts:
            raise PublishRefused(f"{shown} holds two operations called {named[0].name}; give each its own name.")
        texts[named[0].name], ids[named[0].name] = entry.text, entry.id
        faults += [f"operation {named[0].name}: {error.message}" for error in validate(schema, document.ast)]
    if faults:
        raise PublishRefused(
            f"Nothing was added, because operations of {client} do not fit the schema of {bff}:\n"
            + "\n".join(f"  {each}" for each in faults)
        )
    _require_nothing_lost(folder, client, ids)
    _require_one_text_an_id(
        [
            *(each for each in trusted(folder) if each.client != client),
            *(Trusted(client, True, shown, texts[name], ids[name], _ids(texts[name], ids[name]), ()) for name in texts),
        ]
    )
    files = {path / f"{name}.graphql": text.encode() for name, text in texts.items()}
    files[path / IDS] = (json.dumps(ids, indent=2, sort_keys=True) + "\n").encode()
    return record(folder, schema, client, files)


def _entries(manifest: Path, shown: str) -> Sequence[Entry]:
    try:
        return read_manifest(manifest.read_bytes())
    except ManifestError as error:
        raise PublishRefused(f"{shown} is no manifest: {error}.") from error
    except OSError as error:
        raise CannotTell(f"{shown} cannot be read: {error.strerror}") from error


def _filed(
    folder: Folder,
    path: Path,
    client: str,
    supported: bool,
    schema: GraphQLSchema | None,
    checked: dict[str, tuple[Named, ...]],
) -> Iterator[Trusted]:
    """The documents in a folder. `checked`: what the texts so far hold, since releases share most of them."""
    ids = _filed_ids(folder, path)
    stems = set()
    for file in documents_in(path):
        shown = folder.shown(file)
        text = _exact(file, shown)
        stems.add(file.stem)
        if text not in checked:
            checked[text] = _held_to(schema, parse_document(text, shown, client))
        document = ids.get(file.stem, sha256_of(text)) if ids is not None else sha256_of(text)
        if ids is not None and (file.stem not in ids or (is_hash(document) and document != sha256_of(text))):
            raise NotServed(
                f"{shown} is not what {folder.shown(path / IDS)} says. Only `bff operations add {folder.bff}` should "
                "write there; restore it from git."
            )
        yield Trusted(client, supported, shown, text, document, _ids(text, document), checked[text])
    if ids is not None and (lost := sorted(set(ids) - stems)):
        raise NotServed(
            f"Operation {lost[0]} of client {client} is gone from {folder.shown(path)}, and {client} asks for it. "
            f"Restore it from git, or end the support of {client}: `bff schema publish {folder.bff} --client {client} "
            "--retire`."
        )


def _ids(text: str, document: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((sha256_of(text), document)))


def _filed_ids(folder: Folder, path: Path) -> Mapping[str, str] | None:
    file = path / IDS
    if not file.exists():
        return None
    shown = folder.shown(file)
    try:
        ids = json.loads(read_text(file, shown))
    except ValueError:
        ids = None
    if not isinstance(ids, dict) or not all(isinstance(each, str) for each in ids.values()):
        raise CannotTell(f"{shown} is no JSON object of names and ids; restore it from git.")
    return ids


def _exact(file: Path, shown: str) -> str:
    """The text without any change to its newlines: its hash is what clients know it by."""
    read_text(file, shown)  # says what is wrong with it
    return file.read_bytes().decode("utf-8")


def _held_to(schema: GraphQLSchema | None, document: Document) -> tuple[Named, ...]:
    if schema is not None and (errors := validate(schema, document.ast, max_errors=1)):
        where = errors[0].locations[0] if errors[0].locations else None
        place = f"{document.file}:{where.line}:{where.column}" if where else document.file
        names = ", ".join(each.name or "without a name" for each in _named(document))
        whose = f" of client {document.client}, which is supported," if document.client else " of main"
        raise NotServed(f"{place}: operation {names}{whose} does not fit the schema: {errors[0].message}")
    return _named(document)


def _named(document: Document) -> tuple[Named, ...]:
    return tuple(
        Named(node.name.value if node.name else "", node.operation.value)
        for node in document.ast.definitions
        if isinstance(node, OperationDefinitionNode)
    )


def _require_nothing_lost(folder: Folder, client: str, ids: Mapping[str, str]) -> None:
    """A release that is out asks for all that it was built with, whatever its next build asks for."""
    before = _filed_ids(folder, folder.published_operations / client) or {}
    lost = sorted(name for name, document in before.items() if document not in ids.values())
    if lost and client in folder.supported():
        raise PublishRefused(
            f"Nothing was added, because {client} is supported and asks for {', '.join(lost)}, which the new manifest "
            "does not hold. Add another release under its own --app-version, or end the support of this one first: "
            f"`bff schema publish {folder.bff} --client {client} --retire`."
        )


def _require_one_text_an_id(documents: Iterator[Trusted] | Sequence[Trusted]) -> None:
    seen: dict[str, Trusted] = {}
    for each in documents:
        for document in each.ids:
            other = seen.setdefault(document, each)
            if other.text != each.text:
                raise NotServed(
                    f"The id {document} stands for two texts: {other.file} and {each.file}. An id is one document's "
                    "within a BFF; let the app's build make ids of hashes."
                )
