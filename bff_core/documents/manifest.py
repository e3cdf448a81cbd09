"""Manifests: what the build of an app says it will ask, as Apollo's and Relay's tools write it; read and written.

Apollo   {"format": "apollo-persisted-query-manifest", "version": 1,
          "operations": [{"id": "…", "name": "Feed", "type": "query", "body": "query Feed { … }"}]}
Relay    {"<id>": "query Feed { … }"}
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from bff_core.documents.ids import is_hash, read_id, sha256_of

FORMAT = "apollo-persisted-query-manifest"


class ManifestError(Exception):
    """A file that is no manifest; the message is a sentence without the file's name."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation of a manifest: what the app will send (``id``, as the lookup knows it) and what that stands for.

    ``name`` and ``kind`` (query, mutation, subscription) are None where the format does not say them.
    """

    id: str
    text: str
    name: str | None = None
    kind: str | None = None


class _Operation(msgspec.Struct):
    id: str
    name: str
    body: str
    type: str


class _Apollo(msgspec.Struct):
    format: str
    version: int
    operations: list[_Operation]


def read_manifest(content: bytes) -> tuple[Entry, ...]:
    """The operations of a manifest, in its order. Raises ManifestError, also for an id that is another text's hash."""
    try:
        read = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ManifestError("it is not JSON in UTF-8") from None
    if not isinstance(read, dict):
        raise ManifestError(f"it holds a JSON {_noun(read)}, and a manifest is an object")
    entries = _apollo(read) if "format" in read else _relay(read)
    if not entries:
        raise ManifestError("it holds no operation")
    seen: dict[str, str] = {}
    for entry in entries:
        if is_hash(entry.id) and entry.id != sha256_of(entry.text):
            raise ManifestError(f"the id {entry.id} is a SHA-256, and not that of its text")
        if seen.setdefault(entry.id, entry.text) != entry.text:
            raise ManifestError(f"the id {entry.id} stands for two texts")
    return entries


def write_manifest(entries: Iterable[Entry]) -> str:
    """Apollo's form, by name; what its client libraries and build tools read. Every entry has a name and a kind."""
    operations = [
        {"id": entry.id, "name": entry.name, "type": entry.kind, "body": entry.text}
        for entry in sorted(entries, key=lambda entry: (entry.name or "", entry.id))
    ]
    return json.dumps({"format": FORMAT, "version": 1, "operations": operations}, indent=2, ensure_ascii=False) + "\n"


def _apollo(read: object) -> tuple[Entry, ...]:
    try:
        manifest = msgspec.convert(read, _Apollo)
    except msgspec.ValidationError as exc:
        raise ManifestError(f"it is no manifest of Apollo's: {exc}") from None
    if manifest.format != FORMAT or manifest.version != 1:
        raise ManifestError(
            f"it is of the format {manifest.format!r}, version {manifest.version}; read are {FORMAT!r}, version 1, "
            "and Relay's, an object of ids and texts"
        )
    return tuple(Entry(_id(each.id), each.body, each.name, each.type) for each in manifest.operations)


def _relay(read: dict[str, object]) -> tuple[Entry, ...]:
    entries = []
    for given, text in read.items():
        if not isinstance(text, str):
            raise ManifestError(
                f"{given!r} is a JSON {_noun(text)}; read are Apollo's manifests, which say their format, and Relay's, "
                "an object of ids and texts"
            )
        entries.append(Entry(_id(given), text))
    return tuple(entries)


def _id(given: str) -> str:
    document = read_id(given)
    if document is None:
        raise ManifestError(
            f"{given!r} is no id: a SHA-256, or up to 128 letters, digits and . _ : -, the first a letter or digit"
        )
    return document


def _noun(value: object) -> str:
    names = {dict: "object", list: "list", str: "text", bool: "switch", int: "number", float: "number"}
    return names.get(type(value), "null")
