"""What the tests of snapshots share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.graphql.snapshots.repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty schema folder."""
    return Repository(tmp_path)
