"""The observer that keeps what it hears."""

from __future__ import annotations

from bff_core.telemetry.facts import BugFound, KeySetChanged, Observer
from bff_core.testing.observer import RecordingObserver


def test_facts_are_kept_in_order_and_found_by_kind() -> None:
    """All facts are kept, oldest first, and can be asked for by their class."""
    observer: Observer = (recording := RecordingObserver())
    first, bug, last = (
        KeySetChanged((), "X"),
        BugFound("room", "1", ValueError()),
        KeySetChanged(("a",), None),
    )
    for fact in (first, bug, last):
        observer.observe(fact)
    assert recording.facts == [first, bug, last]
    assert recording.of(KeySetChanged) == [first, last]
