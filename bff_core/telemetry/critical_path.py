"""The critical path of a request: which service held it up, and for how long.

At any instant a request either waits for a call to a service or works itself. Which of several calls it waited for is
told from the end backwards: the one that ended last before an instant held the request up from its beginning to its
end, and before that beginning the same is asked again. What lies between is the request's own work.

    request    |--------------------------------------------------|
    users        |---------|                                          beside products, which ended later
    products     |-----------------|
    payments                          |----------------------|
    path       own|    products    |own|       payments      | own

So the parts never overlap, and they add up to the request's time, whatever was under way at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

#: What stands in the place of a service's name for the request's own work. No service may be called so.
OWN = "own"


class Wait(NamedTuple):
    """One request waited for a call to ``service``; both instants are the clock's, in seconds.

    ``since`` is when this request sent its keys on their way, also where another one's call brought them; ``until`` is
    when it was handed what came of them. So the wait for a turn, for a permit or for a next attempt is a part of it.
    """

    service: str
    since: float
    until: float


def critical_path(began: float, ended: float, waits: Iterable[Wait]) -> dict[str, float]:
    """Seconds by service, and those of our own work under ``OWN``, of a request from ``began`` to ``ended``.

    A service that did not hold it up is missing. The seconds add up to ``ended - began``, but for the rounding of
    floats. Of waits that ended at the same instant, as all do that a deadline cuts off, the longest counts, then the
    first by name.
    """
    path: dict[str, float] = {}
    at = ended
    for wait in sorted(waits, key=_last_first):
        since = wait.since if wait.since > began else began
        if since < wait.until <= at:  # else it was beside what held the request up, or took no time
            path[wait.service] = path.get(wait.service, 0.0) + (wait.until - since)
            at = since
    path[OWN] = max(0.0, ended - began - sum(path.values()))
    return path


def _last_first(wait: Wait) -> tuple[float, float, str]:
    return -wait.until, wait.since, wait.service
