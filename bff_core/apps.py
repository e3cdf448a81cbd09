"""Which BFFs this project has: the table ``[tool.bff.apps]`` of pyproject.toml, so that the kernel names none."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bff_core.bff import Bff


class AppError(Exception):
    """The table, or what it names, cannot be used; the message says what to change."""


def project_root(start: Path | None = None) -> Path:
    """The nearest folder, upwards from ``start`` (default: here), whose pyproject.toml has a [tool.bff.apps] table.

    Raises AppError where there is none.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if _table(folder / "pyproject.toml"):
            return folder
    raise AppError(f"no pyproject.toml with a [tool.bff.apps] table in {here} or above; run this in the project")


def app_names(root: Path) -> tuple[str, ...]:
    """The names of the project's BFFs, in the order of the table."""
    return tuple(_table(root / "pyproject.toml"))


def load_app(root: Path, name: str) -> Bff:
    """The BFF of that name. Raises AppError for one that is not in the table or cannot be imported."""
    targets = _table(root / "pyproject.toml")
    target = targets.get(name)
    if target is None:
        raise AppError(f"there is no BFF {name!r}; there are {', '.join(sorted(targets))}")
    module, _, attribute = target.partition(":")
    if not module or not attribute:
        raise AppError(f"[tool.bff.apps] {name} = {target!r} is not of the form 'package.module:attribute'")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as exc:
        raise AppError(f"[tool.bff.apps] {name} = {target!r} cannot be imported: {exc}") from exc
    if not isinstance(found, Bff):
        raise AppError(f"[tool.bff.apps] {name} = {target!r} is a {type(found).__name__}, not a Bff")
    return found


def _table(file: Path) -> Mapping[str, str]:
    """The table of one pyproject.toml, empty where there is none. Raises AppError for one that cannot be used."""
    try:
        table: Any = tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as exc:
        raise AppError(f"{file} cannot be read: {exc.strerror}") from exc
    except ValueError as exc:  # not TOML, or not UTF-8
        raise AppError(f"{file} is not TOML in UTF-8: {exc}") from exc
    for key in ("tool", "bff", "apps"):
        table = table.get(key, {}) if isinstance(table, dict) else {}
    if not isinstance(table, dict) or not all(isinstance(target, str) for target in table.values()):
        raise AppError(f"{file}: [tool.bff.apps] is a table of names and 'package.module:attribute'")
    return table
