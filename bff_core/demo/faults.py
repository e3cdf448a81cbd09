"""Demo room: the fault switches of a service, set and shown over HTTP.

What a service keeps is one fault a route, ``*`` for all routes without one of their own::

    PUT    {"route": "GET /products", "latency_ms": 800}  →  {"faults": [{…}, …]}, as GET
    DELETE                                                →  nothing is wrong any more
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from bff_core.demo.problem import DemoProblem, misuse
from bff_core.demo.wire import Answer, NoAnswer, exchange

EVERY_ROUTE = "*"

#: Which element of an answer is meant: the last of a list or the whole; or only ever one of several.
Part: TypeAlias = Literal["one", "one-of-many"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What a service is told to do wrong; checked when made, and empty when nothing was asked for."""

    error: float | None = None
    """Share of answers that fail (0 to 1)."""
    status: int | None = None
    """Status of the answers that fail (429, or 500 to 599); without a share, all do."""
    latency_ms: int | None = None
    """Time added to each answer (milliseconds, ≥ 0)."""
    jitter_ms: int | None = None
    """Up to this much more of it, by chance (milliseconds, ≥ 0)."""
    hang: bool = False
    garbage: bool = False
    truncate: bool = False
    drop: bool = False
    huge: bool = False
    omit: Part | None = None
    """Leave out an element; answer 404 where it is all there is."""
    spoil: Part | None = None
    """Send an element that cannot be read."""
    retry_after_s: int | None = None
    """When the answers that fail say to come back (seconds, ≥ 0); without a share, all do."""

    def __post_init__(self) -> None:
        # Written so that NaN, which is on no side of anything, is refused too.
        if self.error is not None and not 0 <= self.error <= 1:
            raise misuse(f"--error is a share from 0 to 1, and {self.error:g} came.")
        if self.status is not None and self.status != 429 and not 500 <= self.status <= 599:
            raise misuse(f"--status is 429 or from 500 to 599, and {self.status} came.")
        for option, unit, value in (
            ("--latency", "milliseconds", self.latency_ms),
            ("--jitter", "milliseconds", self.jitter_ms),
            ("--retry-after", "seconds", self.retry_after_s),
        ):
            if value is not None and value < 0:
                raise misuse(f"{option} is in {unit} and at least 0, and {value} came.")

    @property
    def empty(self) -> bool:
        """Whether nothing was asked for."""
        return not self.body()

    def body(self) -> dict[str, object]:
        """What is sent: only what was asked for."""
        how_they_fail = (self.status, self.retry_after_s)
        values: dict[str, object | None] = {
            "error_rate": 1.0 if self.error is None and how_they_fail != (None, None) else self.error,
            "status": self.status,
            "latency_ms": self.latency_ms,
            "jitter_ms": self.jitter_ms,
            "hang": self.hang or None,
            "garbage": self.garbage or None,
            "truncate": self.truncate or None,
            "drop": self.drop or None,
            "huge": self.huge or None,
            "omit": self.omit,
            "spoil": self.spoil,
            "retry_after_s": self.retry_after_s,
        }
        return {key: value for key, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class FaultSwitches:
    """The switches of one service, at the URL of its faults.

    Each method answers with what is in force afterwards, a line for each route. Errors: DemoProblem, when the
    service cannot be reached or refuses.
    """

    service: str
    url: str

    def show(self) -> list[str]:
        """Change nothing."""
        return self._told(self._entries())

    def set(self, fault: Fault, route: str | None) -> list[str]:
        """Put this fault in force for one route (``GET /products``) or for all, instead of the one before."""
        self._call("PUT", {"route": route or EVERY_ROUTE, **fault.body()})
        return self.show()

    def clear(self, route: str | None) -> list[str]:
        """End the fault of one route, or all."""
        kept = [entry for entry in self._entries() if route is not None and entry.get("route") != route]
        # A service ends all or nothing; those of other routes are put back.
        self._call("DELETE")
        for entry in kept:
            self._call("PUT", entry)
        return self.show()

    def _entries(self) -> list[dict[str, Any]]:
        content = self._call("GET").json()
        entries = content.get("faults") if isinstance(content, dict) else None
        if not isinstance(entries, list):
            raise DemoProblem(f"{self.service} answered without a list of faults at {self.url}.")
        return entries

    def _told(self, entries: list[dict[str, Any]]) -> list[str]:
        lines = []
        for entry in entries:
            route = "every route" if entry.get("route") == EVERY_ROUTE else entry.get("route")
            lines.append(f"{self.service}, {route}: {in_words(entry)}")
        return lines or [f"{self.service}: no fault is in force."]

    def _call(self, method: str, body: Mapping[str, object] | None = None) -> Answer:
        try:
            answer = exchange(method, self.url, body=body)
        except NoAnswer as error:
            raise DemoProblem(
                f"{self.service} cannot be reached at {self.url}: {error}; bff demo status says whether it runs."
            ) from error
        if not answer.ok:
            raise DemoProblem(f"{self.service} refused: {answer.reason()}.")
        return answer


def in_words(entry: Mapping[str, Any]) -> str:
    """What one entry of a service means."""
    words = []
    latency, jitter = entry.get("latency_ms"), entry.get("jitter_ms")
    if latency or jitter:
        words.append(f"{latency or 0} ms later" + (f" and up to {jitter} ms more" if jitter else ""))
    if entry.get("drop"):
        words.append("closes the connection without an answer")
    if entry.get("hang"):
        words.append("never answers")
    if rate := entry.get("error_rate"):
        after = entry.get("retry_after_s")
        words.append(
            f"answers {rate:.0%} with status {entry.get('status', 503)}"
            + ("" if after is None else f" and asks to wait {after} s")
        )
    if entry.get("garbage"):
        words.append("answers with what is no JSON")
    if entry.get("huge"):
        words.append("answers with far too much")
    if entry.get("truncate"):
        words.append("breaks off in the middle of an answer")
    for part, what in (("omit", "leaves out"), ("spoil", "spoils")):
        if (which := entry.get(part, "none")) != "none":
            words.append(f"{what} one element" + (" of several" if which == "one-of-many" else ""))
    return ", ".join(words) or "nothing wrong"
