"""The ledger: what one answer lacks or replaces, added up by position, service, source and reason."""

from __future__ import annotations

from bff_core.errors import NotFound, TimedOut, Unreachable
from bff_core.graphql.ledger import MOST_PATHS, DegradedSource, Ledger

LATE = TimedOut("late", service="books")
GONE = Unreachable("gone", service="books")


def test_a_new_ledger_is_empty() -> None:
    """Nothing noted is false, so that an answer without degradations shows none."""
    ledger = Ledger()
    assert not ledger
    assert ledger.entries == ()


def test_entries_are_by_position_service_source_and_reason() -> None:
    """The same four make one entry; any other makes its own, in the order in which they were met."""
    ledger = Ledger()
    ledger.enter(["a", 0, "b"], "books", DegradedSource.OMITTED, LATE)
    ledger.enter(["a", 0, "b"], "books", DegradedSource.FALLBACK, LATE)
    ledger.enter(["a", 1, "b"], "books", DegradedSource.OMITTED, GONE)
    ledger.enter(["a", 2, "b"], "books", DegradedSource.OMITTED, LATE)
    ledger.enter(["a", 2, "b"], "authors", DegradedSource.OMITTED, LATE)
    ledger.enter(["a", 2, "c"], "books", DegradedSource.OMITTED, LATE)

    assert ledger
    assert [(e.path, e.service, e.source.value, e.reason, e.count) for e in ledger.entries] == [
        ("a.b", "books", "omitted", "SERVICE_TIMEOUT", 2),
        ("a.b", "books", "fallback", "SERVICE_TIMEOUT", 1),
        ("a.b", "books", "omitted", "SERVICE_UNREACHABLE", 1),
        ("a.b", "authors", "omitted", "SERVICE_TIMEOUT", 1),
        ("a.c", "books", "omitted", "SERVICE_TIMEOUT", 1),
    ]


def test_an_entry_lists_its_first_paths_and_counts_on() -> None:
    """The list of full paths is bounded, the count is not."""
    ledger = Ledger()
    for number in range(MOST_PATHS + 5):
        ledger.enter(["a", number], "books", DegradedSource.OMITTED, LATE)

    (entry,) = ledger.entries
    assert entry.shown() == {
        "path": "a",
        "service": "books",
        "source": "omitted",
        "reason": "SERVICE_TIMEOUT",
        "count": 25,
        "paths": [["a", number] for number in range(20)],
    }


def test_a_stale_entry_shows_the_greatest_age() -> None:
    """Old values at one position are one entry: how many, where, and how old the oldest is in whole milliseconds."""
    ledger = Ledger()
    for number, age in enumerate((12.3456, 90.0004, 0.0)):
        ledger.enter(["a", number], "books", DegradedSource.STALE, LATE, age)

    (entry,) = ledger.entries
    assert entry.shown() == {
        "path": "a",
        "service": "books",
        "source": "stale",
        "ageMs": 90_000,
        "reason": "SERVICE_TIMEOUT",
        "count": 3,
        "paths": [["a", 0], ["a", 1], ["a", 2]],
    }
    assert isinstance(entry.shown()["ageMs"], int)


def test_stale_entries_are_by_position_and_reason() -> None:
    """An old value whose service failed in another way, or at another place, has an entry and an age of its own."""
    ledger = Ledger()
    ledger.enter(["a"], "books", DegradedSource.STALE, LATE, 1.0)
    ledger.enter(["a"], "books", DegradedSource.STALE, GONE, 5.0)
    ledger.enter(["b"], "books", DegradedSource.STALE, LATE, 0.0)

    assert [(e.path, e.reason, e.shown()["ageMs"]) for e in ledger.entries] == [
        ("a", "SERVICE_TIMEOUT", 1000),
        ("a", "SERVICE_UNREACHABLE", 5000),
        ("b", "SERVICE_TIMEOUT", 0),
    ]


def test_only_stale_entries_have_an_age() -> None:
    """A fallback and an omission are of no age."""
    ledger = Ledger()
    ledger.enter(["a"], "books", DegradedSource.FALLBACK, LATE, 3.0)
    ledger.enter(["a"], "books", DegradedSource.OMITTED, LATE)

    assert ["ageMs" in entry.shown() for entry in ledger.entries] == [False, False]


def test_counts_are_by_service_and_source() -> None:
    """All positions and reasons of a service add up, apart by what stands in; an empty ledger counts nothing."""
    ledger = Ledger()
    assert ledger.counts == {}
    for number in range(MOST_PATHS + 5):
        ledger.enter(["a", number], "books", DegradedSource.OMITTED, LATE)
    ledger.enter(["b"], "books", DegradedSource.OMITTED, GONE)
    ledger.enter(["b"], "books", DegradedSource.STALE, GONE, 1.0)
    ledger.enter(["c"], "authors", DegradedSource.FALLBACK, GONE)

    assert ledger.counts == {("books", "omitted"): 26, ("books", "stale"): 1, ("authors", "fallback"): 1}


def test_a_partial_list_is_noted_with_its_error() -> None:
    """A list that lacks an element has an entry, and the error that the answer shows for it."""
    ledger = Ledger()
    error = NotFound("no", service="books")
    path: list[str | int] = ["a", 0, "list"]
    ledger.enter_partial(path, "books", error)
    path.append("changed later")

    assert [entry.shown()["paths"] for entry in ledger.entries] == [[["a", 0, "list"]]]
    assert ledger.partial == [(["a", 0, "list"], error)]


def test_a_closed_ledger_notes_nothing() -> None:
    """What ends after the answer was made has no part in it."""
    ledger = Ledger()
    ledger.enter(["a"], "books", DegradedSource.OMITTED, LATE)
    ledger.close()
    ledger.enter(["a"], "books", DegradedSource.OMITTED, LATE)
    ledger.enter_partial(["b"], "books", LATE)

    assert [(entry.path, entry.count) for entry in ledger.entries] == [("a", 1)]
    assert ledger.partial == []
