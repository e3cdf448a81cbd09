"""The critical path as arithmetic: which of several waits held a request up, and that the parts are the whole."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from bff_core.telemetry.critical_path import OWN, Wait, critical_path


def path(ended: float, *waits: tuple[str, float, float], began: float = 0.0) -> dict[str, float]:
    """The path, to a nanosecond."""
    found = critical_path(began, ended, [Wait(*wait) for wait in waits])
    assert math.isclose(sum(found.values()), ended - began, abs_tol=1e-9)
    return {service: round(seconds, 9) for service, seconds in found.items()}


def test_a_request_without_calls_is_its_own_work() -> None:
    """Who waited for nobody worked the whole time, also where that is no time at all."""
    assert path(0.3) == {OWN: 0.3}
    assert path(5.0, began=5.0) == {OWN: 0.0}


def test_what_ended_last_held_it_up() -> None:
    """Of two calls at once only the one that ended last counts, from its beginning."""
    assert path(1.0, ("users", 0.1, 0.5), ("products", 0.1, 0.9)) == {"products": 0.8, OWN: 0.2}
    assert path(1.0, ("users", 0.4, 0.9), ("products", 0.1, 0.8)) == {"users": 0.5, OWN: 0.5}


def test_the_same_is_asked_before_its_beginning() -> None:
    """Waves add up; a call that ended after the next wave began was beside it."""
    waves = ("products", 0.0, 0.3), ("users", 0.35, 0.6), ("orders", 0.0, 0.5)
    assert path(0.7, *waves) == {"users": 0.25, "products": 0.3, OWN: 0.15}


def test_a_wave_that_began_when_another_ended_leaves_no_gap() -> None:
    """An end and a beginning at the same instant follow one another."""
    assert path(3.0, ("a", 0.0, 1.0), ("b", 1.0, 2.0), ("a", 2.0, 3.0)) == {"a": 2.0, "b": 1.0, OWN: 0.0}


def test_what_ended_after_the_end_was_not_waited_for() -> None:
    """A request that is over sooner than a call did not wait for it."""
    assert path(0.5, ("users", 0.0, 0.6), ("products", 0.0, 0.2)) == {"products": 0.2, OWN: 0.3}


def test_what_began_before_the_beginning_counts_from_there() -> None:
    """No wait reaches back before the request."""
    assert path(2.0, ("users", 0.5, 1.75), began=1.0) == {"users": 0.75, OWN: 0.25}


def test_what_took_no_time_holds_nobody_up() -> None:
    """A wait of 0 s is no part, however many there are, and takes nothing from a longer one that ended with it."""
    assert path(1.0, ("a", 1.0, 1.0), ("b", 0.0, 1.0), ("c", 0.0, 0.0)) == {"b": 1.0, OWN: 0.0}


def test_of_those_cut_off_together_the_longest_counts() -> None:
    """At one instant the longest wait counts, then the first by name, in whatever order they come."""
    waits = ("users", 0.0, 2.0), ("payments", 0.5, 2.0), ("orders", 0.0, 2.0)
    assert path(2.0, *waits) == path(2.0, *reversed(waits)) == {"orders": 2.0, OWN: 0.0}


#: Instants on a grid, so that ends and beginnings often fall together.
INSTANTS = st.integers(0, 20).map(lambda n: n / 8)
WAITS = st.lists(st.builds(Wait, st.sampled_from("abc"), INSTANTS, INSTANTS), max_size=12)


@given(INSTANTS, INSTANTS, WAITS)
def test_the_parts_are_the_whole(one: float, other: float, waits: list[Wait]) -> None:
    """Whatever overlaps whatever: no part is negative, all of them add up, and no service has more than it was awaited.

    Eighths of a second are exact as floats, so the sum is exact as well.
    """
    began, ended = min(one, other), max(one, other)
    found = critical_path(began, ended, waits)
    assert sum(found.values()) == ended - began
    assert min(found.values()) >= 0
    for service in found.keys() - {OWN}:
        instants = {
            n
            for wait in waits
            if wait.service == service
            for n in range(round(wait.since * 8), round(wait.until * 8))
            if began * 8 <= n < ended * 8
        }
        assert found[service] * 8 <= len(instants)
