"""Manifests: Apollo's and Relay's forms are read, what is neither is told apart, and what is written is read."""

from __future__ import annotations

import json
from hashlib import md5
from typing import Any

import pytest

from bff_core.documents.ids import sha256_of
from bff_core.documents.manifest import Entry, ManifestError, read_manifest, write_manifest

FEED = "query Feed { feed { id } }"
READ = "mutation Read { read }"


def apollo(*operations: dict[str, Any], **more: Any) -> bytes:
    """A manifest in Apollo's form."""
    manifest = {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations, **more}
    return json.dumps(manifest).encode()


def operation(text: str, name: str, **more: Any) -> dict[str, Any]:
    """An operation in Apollo's form."""
    return {"id": sha256_of(text), "name": name, "type": text.split()[0], "body": text, **more}


def test_apollos_form() -> None:
    """Ids, names, kinds and texts, in order; what later versions of the tool add is passed over."""
    content = apollo(operation(READ, "Read"), operation(FEED, "Feed", clientName=None), made="2026")
    assert read_manifest(content) == (
        Entry(sha256_of(READ), READ, "Read", "mutation"),
        Entry(sha256_of(FEED), FEED, "Feed", "query"),
    )


def test_relays_form() -> None:
    """Ids of any making and texts; names stand in the texts alone."""
    short = md5(FEED.encode(), usedforsecurity=False).hexdigest()
    content = json.dumps({short: FEED, sha256_of(READ).upper(): READ}).encode()
    assert read_manifest(content) == (Entry(short, FEED), Entry(sha256_of(READ), READ))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "JSON list"),
        (b"null", "JSON null"),
        (b"{}", "no operation"),
        (apollo(), "no operation"),
        (b'{"a": 1}', "'a' is a JSON number"),
        (b'{"a": {"text": "x"}}', "'a' is a JSON object"),
        (b'{"a b": "query A { a }"}', "'a b' is no id"),
        (apollo(operation(FEED, "Feed"), version=2), "version 2"),
        (apollo(operation(FEED, "Feed"), format="mine"), "'mine'"),
        (apollo({"id": "1", "name": "Feed"}), "no manifest of Apollo's"),
        (apollo(operation(FEED, "Feed", id="../x")), "'../x' is no id"),
        (apollo(operation(FEED, "Feed", id="0" * 64)), "not that of its text"),
        (apollo(operation(FEED, "Feed", id="1"), operation(READ, "Read", id="1")), "two texts"),
    ],
)
def test_what_is_no_manifest(content: bytes, sentence: str) -> None:
    """Each says what is wrong with it."""
    with pytest.raises(ManifestError, match=sentence):
        read_manifest(content)


def test_what_is_written_is_read() -> None:
    """Sorted by name, in Apollo's form, with every character as it is."""
    entries = [Entry(sha256_of(READ), READ, "Read", "mutation"), Entry(sha256_of("# ü"), "# ü", "A", "query")]
    assert read_manifest(write_manifest(entries).encode()) == (entries[1], entries[0])
    assert "ü" in write_manifest(entries)
