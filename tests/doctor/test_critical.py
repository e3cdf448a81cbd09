"""The critical links, and what falls with each."""

from __future__ import annotations

from pathlib import Path

import pytest

from bff_core.bff import Bff
from bff_core.doctor.blast import OwnPlans, own_plans
from bff_core.doctor.critical import critical_links
from tests.doctor.clinic import CLINIC, bff
from tests.graphql import shelf

SHELF = Bff(name="shelf", query=shelf.Query, services=shelf.SERVICES, settings=Path("shelf.toml"))
NONE = OwnPlans((), ())


def test_a_critical_link_is_told_with_what_it_takes_down() -> None:
    """Null stops at a nullable field, at an element that may be null, and at a list whose elements cannot be."""
    (found,) = critical_links(CLINIC, NONE)
    assert (found.severity, found.about) == ("warning", "Bird.nest")
    assert found.sentence == (
        "is critical: without nests it takes down Query.bird, Query.birds[], Query.mine, Bird.friends"
    )


def test_null_goes_up_through_what_cannot_be_null() -> None:
    """Edges and nodes that cannot be null pass it on to the connection, which can; so do interfaces and unions."""
    found = {one.about: one.sentence for one in critical_links(SHELF, NONE)}
    assert set(found) == {"Book.owner", "Book.stand"}
    falls = found["Book.owner"].removeprefix("is critical: without authors it takes down ").split(", ")
    assert {"Query.book", "Query.books[]", "Query.search", "Query.thing", "Query.finding"} <= set(falls)
    assert {"Author.books", "Author.newest", "Book.similar", "Book.similarOrNull[]", "Shelf.books"} <= set(falls)
    assert not [one for one in falls if one.startswith(("BookConnection.", "BookEdge."))]


def test_own_operations_are_told_with_their_paths(tmp_path: Path) -> None:
    """Each operation that uses the link is named with the places that become null; others are not."""
    (tmp_path / "Nest.graphql").write_text(
        'query Nest { a: bird(id: "1") { nest { tree } friends { nest { tree } } } '
        'birds(ids: ["1"]) { nest { tree } } }'
    )
    (tmp_path / "Home.graphql").write_text('query Home { bird(id: "1") { home { tree } song } }')
    made = bff(tmp_path, operations=tmp_path)
    (found,) = critical_links(made, own_plans(made))
    assert found.sentence.endswith("; of own operations Nest (a, a.friends, birds[])")


@pytest.mark.parametrize("made", [SHELF, CLINIC], ids=lambda made: str(made.name))
def test_a_link_with_a_fallback_or_null_is_not_critical(made: Bff) -> None:
    """Only what cannot be null and has nothing to stand in is told."""
    about = {one.about for one in critical_links(made, NONE)}
    assert about.isdisjoint({"Book.writer", "Book.author", "Bird.home", "Bird.song"})
