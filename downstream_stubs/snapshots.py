"""Snapshots: the OpenAPI documents as files, and what differs between them and the services."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from downstream_stubs.registry import STUBS


def documents() -> Iterator[tuple[str, str]]:
    """The name and the text of each service's OpenAPI document; needs no data."""
    for name, stub in STUBS.items():
        yield name, json.dumps(stub.make().openapi(), indent=2, ensure_ascii=False) + "\n"


def export(directory: Path) -> list[Path]:
    """Write all documents; returns the files. Raises OSError."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in documents():
        path = directory / f"{name}.json"
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def differences(directory: Path) -> list[str]:
    """One sentence per file that is missing or tells something else than its service."""
    found = []
    for name, text in documents():
        path = directory / f"{name}.json"
        try:
            kept = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            found.append(f"{path} is missing.")
            continue
        if kept != text:
            found.append(f"{path} differs from the service at {_first_difference(kept, text)}.")
    return found


def _first_difference(kept: str, text: str) -> str:
    try:
        return _where(json.loads(kept), json.loads(text)) or "its layout"
    except ValueError:
        return "its syntax: the file is no JSON"


def _where(one: Any, other: Any, path: str = "") -> str | None:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            below = f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}"
            if key not in one or key not in other:
                return below
            if (found := _where(one[key], other[key], below)) is not None:
                return found
        return None
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return next((found for n, (a, b) in pairs if (found := _where(a, b, f"{path}/{n}")) is not None), None)
    return None if one == other and type(one) is type(other) else path or "/"
