"""The node project of this folder: what it installs is the same on every machine, by any registry."""

from __future__ import annotations

import json
import re

from tests.clients.javascript import HERE

PACKAGE = json.loads((HERE / "package.json").read_text(encoding="utf-8"))
LOCK = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))


def test_versions_are_exact() -> None:
    """Each dependency is one version, and the lock is of these very dependencies."""
    dependencies = PACKAGE["dependencies"]
    assert [name for name, version in dependencies.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
    assert LOCK["packages"][""]["dependencies"] == dependencies


def test_lock_records_no_registry() -> None:
    """The npm lock holds hashes and no address, so that any registry can serve it."""
    packages = {name: package for name, package in LOCK["packages"].items() if name}
    assert "node_modules/graphql-http" in packages
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if "integrity" not in package] == []
