"""The doctor's look at own operations that the limits in force refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from bff_core.doctor import examine
from bff_core.doctor.costly import costly_operations
from tests.doctor.clinic import bff, settings

FRIENDS = "query Friends($id: ID!) { bird(id: $id) { friends { friends { id } } } }"


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("LIMITS__DEPTH", "3", "The operation is 4 levels deep; limits.depth = 3."),
        ("LIMITS__COST", "42", "The operation can cost 43 = 13 of fields + 3 calls x 10; limits.cost = 42."),
        (
            "LIMITS__KEYS",
            "12",
            "The operation can ask for 13 things of the services; limits.keys = 12. "
            "Ask for smaller pages or less deeply.",
        ),
    ],
)
def test_an_own_operation_beyond_a_limit_is_found(tmp_path: Path, setting: str, value: str, sentence: str) -> None:
    """It says the file, the value, the limit and the setting."""
    file = tmp_path / "Friends.graphql"
    file.write_text(FRIENDS)
    made = bff(tmp_path, operations=tmp_path)
    (found,) = costly_operations(made, settings(made, **{setting: value}))
    assert (found.severity, found.about, found.sentence) == ("warning", "operations", f"{file}: {sentence}")
    assert found in examine(made, settings(made, **{setting: value}))


def test_what_the_limits_let_through_is_no_finding(tmp_path: Path) -> None:
    """Neither is what is wrong for another reason, which is told elsewhere; nor a BFF without operations."""
    (tmp_path / "Friends.graphql").write_text(FRIENDS)
    (tmp_path / "Broken.graphql").write_text("{")
    (tmp_path / "Bytes.graphql").write_bytes(b"\xff")
    made = bff(tmp_path, operations=tmp_path)
    assert list(costly_operations(made, settings(made))) == []
    made = bff(tmp_path)
    assert list(costly_operations(made, settings(made))) == []
