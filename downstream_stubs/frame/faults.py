"""Faults: which route misbehaves and how, switched while the service runs.

Precedence where an entry asks for several: latency first, then drop, hang, error, garbage, huge, truncate,
omit, spoil; the first that applies is what happens. The entry of a route replaces the one for "*" there.
"""

import asyncio
import random
from enum import Enum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from downstream_stubs.frame.elements import Part
from downstream_stubs.frame.problems import INVALID_BODY, ProblemError
from downstream_stubs.frame.routing import RouteTable

EVERY_ROUTE = "*"
_LONGEST_MS = 600_000


def _is_failure(status: int) -> int:
    if status == 429 or 500 <= status <= 599:
        return status
    raise ValueError("should be 429 or 500 to 599")


class Fault(BaseModel):
    """What is wrong with one route, or with every route that has no entry of its own."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    route: str = Field(default=EVERY_ROUTE, max_length=200, description='"METHOD /path/{template}", or "*" for all')
    latency_ms: int = Field(default=0, ge=0, le=_LONGEST_MS, description="milliseconds before anything else happens")
    jitter_ms: int = Field(default=0, ge=0, le=_LONGEST_MS, description="up to this many milliseconds more, by chance")
    error_rate: float = Field(default=0.0, ge=0.0, le=1.0, description="share of requests answered with `status`")
    status: Annotated[int, AfterValidator(_is_failure)] = Field(default=503, description="429, or 500 to 599")
    hang: bool = Field(default=False, description="no answer until the faults are cleared")
    garbage: bool = Field(default=False, description="200 with bytes that are no JSON")
    truncate: bool = Field(default=False, description="half of the answer, then the connection is closed")
    drop: bool = Field(default=False, description="the connection is closed without an answer")
    huge: bool = Field(default=False, description="200 with 32 MiB of JSON")
    omit: Part = Field(default="none", description="an element is left out; 404 where that is the whole answer")
    spoil: Part = Field(default="none", description="an element cannot be read: no field but its ids has its type")
    retry_after_s: int | None = Field(default=None, ge=0, le=3600, description="seconds that a failure asks to wait")


class Act(Enum):
    """What happens to one request after its latency."""

    ANSWER = "answer"
    DROP = "drop"
    HANG = "hang"
    ERROR = "error"
    GARBAGE = "garbage"
    HUGE = "huge"
    TRUNCATE = "truncate"
    OMIT = "omit"
    SPOIL = "spoil"


class Faults:
    """The entries of one service, and the requests they hold up. Lives as long as the process."""

    def __init__(self, table: RouteTable, seed: int) -> None:
        self.table = table
        self._seed = seed
        self._entries: dict[str, Fault] = {}
        self._chance = random.Random(seed)
        self._cleared = asyncio.Event()
        self.closing = False

    def __repr__(self) -> str:
        return f"<Faults {list(self._entries)}{' closing' if self.closing else ''}>"

    @property
    def entries(self) -> list[Fault]:
        """What is set, in the order of its first setting."""
        return list(self._entries.values())

    def put(self, fault: Fault) -> None:
        """Set or replace the entry of a route. Raises a 422 problem that names the known ones."""
        if fault.route != EVERY_ROUTE and fault.route not in self.table.names:
            reason = f"known are: *, {', '.join(self.table.names)}"
            raise ProblemError(INVALID_BODY, f"No such route; {reason}.", errors=[("route", reason)])
        self._entries[fault.route] = fault

    def clear(self) -> None:
        """Take all faults away, let waiting requests go on, and begin chance anew."""
        self._entries.clear()
        self._chance = random.Random(self._seed)
        self._let_go()

    def close(self) -> None:
        """The service ends: waiting requests lose their connection instead of delaying it."""
        self.closing = True
        self._let_go()

    def of(self, route: str | None) -> Fault | None:
        """The entry for a route, None if it is well."""
        return self._entries.get(route or EVERY_ROUTE) or self._entries.get(EVERY_ROUTE)

    def latency(self, fault: Fault) -> float:
        """Seconds this request has to wait."""
        jitter = self._chance.uniform(0, fault.jitter_ms) if fault.jitter_ms else 0.0
        return (fault.latency_ms + jitter) / 1000

    def act(self, fault: Fault) -> Act:
        """Decide what happens to this request."""
        if fault.drop:
            return Act.DROP
        if fault.hang:
            return Act.HANG
        if fault.error_rate and self._chance.random() < fault.error_rate:
            return Act.ERROR
        for wanted, act in (
            (fault.garbage, Act.GARBAGE),
            (fault.huge, Act.HUGE),
            (fault.truncate, Act.TRUNCATE),
            (fault.omit != "none", Act.OMIT),
            (fault.spoil != "none", Act.SPOIL),
        ):
            if wanted:
                return act
        return Act.ANSWER

    async def cleared(self) -> None:
        """Wait until the faults are cleared or the service ends."""
        await self._cleared.wait()

    def _let_go(self) -> None:
        # A new event for those who come later; the old one wakes those who wait now.
        self._cleared.set()
        self._cleared = asyncio.Event()
