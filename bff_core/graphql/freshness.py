"""How long an answer may serve somewhere else than here, and whom: told from the call plan and the windows in force.

    all parts       ── fresh ──┬── stale ────────────┬── nothing
                               └── stale if error ─────────┴── nothing

An answer is as good as the first of its parts that goes bad. What was kept here has used up some of its windows before
it is handed on, and the answer has what is left of them; so windows are never added up, however many caches a value
passes through. A new value that somebody holds elsewhere is never older than its endpoint allows here.

Whether an answer may be shared is a matter of the document, not of the answer: nobody's credential is relayed for any
part of it, no scope is checked, and every part says how long it serves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bff_core.contract import Endpoint, Varies, Windows
from bff_core.graphql.callplan import CallPlan
from bff_core.loading.served import JUST_CAME, Served


class Lasting(NamedTuple):
    """How long one answer serves, seconds, and how much longer after that; named after RFC 9111 and RFC 5861."""

    max_age: float
    stale_while_revalidate: float
    stale_if_error: float

    def within(self, longest: float) -> Lasting:
        """No longer than so many seconds in all, new or old."""
        max_age = min(self.max_age, longest)
        rest = longest - max_age
        return Lasting(max_age, min(self.stale_while_revalidate, rest), min(self.stale_if_error, rest))


NO_TIME = Lasting(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Freshness:
    """What is known of the answers of one operation before it is run.

    ``public``: everybody gets the same. ``parts``: the windows of the endpoints it asks. ``varies``: what of a request
    is sent along to some of them.
    """

    public: bool = False
    parts: tuple[tuple[Endpoint[Any], Windows], ...] = ()
    varies: frozenset[Varies] = frozenset()

    @property
    def longest(self) -> Lasting:
        """How long an answer serves all of whose parts have just come."""
        return self.left(lambda _: JUST_CAME, 0.0)

    def left(self, served: Callable[[Endpoint[Any]], Served], spent: float) -> Lasting:
        """How long an answer serves from now on.

        ``served``: how old what stands in it was when it was handed over; ``spent``: seconds since the first of that.
        """
        if not self.parts:
            return NO_TIME
        each = [_left(windows, served(endpoint), spent) for endpoint, windows in self.parts]
        return Lasting(*(min(seconds) for seconds in zip(*each, strict=True)))


#: What is said of an operation while nothing is known of windows.
NOT_FRESH = Freshness()


def freshness_of(plan: CallPlan, windows: Mapping[Endpoint[Any], Windows]) -> Freshness:
    """The freshness of a planned query; ``windows`` are those in force, see ``bff_core/windows.py``."""
    endpoints = dict.fromkeys(endpoint for position in plan.positions for endpoint in position.endpoints)
    parts = tuple((endpoint, windows[endpoint]) for endpoint in endpoints if endpoint in windows)
    return Freshness(
        # What asks nobody has no part that says how long it serves.
        public=bool(parts) and len(parts) == len(endpoints) and not plan.private,
        parts=parts,
        varies=frozenset(word for endpoint in endpoints for word in endpoint.policy.varies),
    )


def _left(windows: Windows, served: Served, spent: float) -> Lasting:
    """What is left of the windows of one endpoint. That there is no such thing serves for its own, and never old."""
    fresh = windows.fresh - served.oldest - spent
    if served.missing is not None:
        return Lasting(max(0.0, min(fresh, windows.negative - served.missing - spent)), 0.0, 0.0)
    over = min(0.0, fresh)  # what serves already as an old value has used up some of its further windows too
    stale = max(0.0, windows.stale + over)
    return Lasting(max(0.0, fresh), stale, max(stale, windows.stale_if_error + over))
