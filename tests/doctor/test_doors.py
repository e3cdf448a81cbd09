"""What is open to everybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from bff_core.doctor.doors import open_doors
from tests.doctor.clinic import bff, birds, settings

token = birds.get("GET /tokens/{id}", returns=dict)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1"])
def test_this_machine_may_see_all(tmp_path: Path, host: str) -> None:
    """Where nobody else can come in, doors may be open."""
    made = bff(tmp_path)
    opened = settings(
        made, EDGE__HOST=host, EDGE__GRAPHIQL="true", EDGE__INTROSPECTION="true", DOCUMENTS__POLICY="open"
    )
    assert list(open_doors(made, opened)) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "bff.example", "localhost.example"])
def test_other_machines_may_not(tmp_path: Path, host: str) -> None:
    """Each open door is a warning of its own, and a closed one none."""
    made = bff(tmp_path)
    assert list(open_doors(made, settings(made, EDGE__HOST=host))) == []
    opened = settings(
        made, EDGE__HOST=host, EDGE__GRAPHIQL="true", EDGE__INTROSPECTION="true", DOCUMENTS__POLICY="open"
    )
    found = list(open_doors(made, opened))
    assert [(one.severity, one.about) for one in found] == [
        ("warning", "edge.graphiql"),
        ("warning", "edge.introspection"),
        ("warning", "documents.policy"),
    ]
    assert all(host in one.sentence for one in found)
    assert "sign in" not in found[0].sentence


def test_documents_that_anybody_can_register_are_any(tmp_path: Path) -> None:
    """A policy that takes what clients registered is as open as whoever may register; one that does not is closed."""
    made = bff(tmp_path)
    (found,) = open_doors(made, settings(made, EDGE__HOST="0.0.0.0", DOCUMENTS__APQ="true"))
    assert (found.severity, found.about) == ("warning", "documents.apq")
    assert list(open_doors(made, settings(made, EDGE__HOST="0.0.0.0", DOCUMENTS__POLICY="trusted"))) == []


def test_graphiql_that_signs_anybody_in_says_so(tmp_path: Path) -> None:
    """Where GraphiQL hands out tokens, that is told."""
    made = bff(tmp_path, development_token=token)
    (found,) = open_doors(made, settings(made, EDGE__HOST="0.0.0.0", EDGE__GRAPHIQL="true"))
    assert found.sentence == (
        "GraphiQL is served at 0.0.0.0 to whoever asks, and whoever opens it can sign in as any user"
    )
