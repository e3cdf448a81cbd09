"""How a breaker is set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from bff_core.resilience.breaker.consecutive import ConsecutiveFailures
from bff_core.resilience.breaker.rate import FailureRate
from bff_core.resilience.breaker.rule import TripRule

Mode = Literal["consecutive", "rate"]
Forced = Literal["none", "open"]


@dataclass(frozen=True, slots=True)
class BreakerOptions:
    """When a breaker opens, and how it closes again; the names of the first four are gobreaker's.

    ``max_requests``: calls that half-open admits in all, and successes that close, 1 or more.
    ``interval``: seconds after which the counts of the closed state are cleared, 0 or more; 0 never clears. Not looked
    at in rate mode, whose window slides.
    ``timeout``: seconds that it stays open, above 0.
    ``trip_after``: consecutive mode opens when more failures than this follow one another, 0 or more.
    ``mode``: "consecutive" or "rate", which of the two rules opens it.
    ``window``: seconds that rate mode looks back, above 0.
    ``minimum_calls``: calls that must have ended in the window before rate mode opens, 1 or more.
    ``rate``: the part of them that must have failed, above 0 and at most 1.
    ``forced``: "open" refuses every call, whatever happened; for an operator who takes a service out. Else "none".
    ``metrics_only``: counts, changes and reports as ever, and admits every call; to see what a breaker would do.
    """

    max_requests: int = 5
    interval: float = 60.0
    timeout: float = 30.0
    trip_after: int = 3
    mode: Mode = "consecutive"
    window: float = 10.0
    minimum_calls: int = 20
    rate: float = 0.5
    forced: Forced = "none"
    metrics_only: bool = False

    def __post_init__(self) -> None:
        # Each range is written so that NaN is outside of it.
        expected = {
            f"max_requests of 1 or more, not {self.max_requests}": self.max_requests >= 1,
            f"an interval of 0 s or more, not {self.interval}": 0 <= self.interval < math.inf,
            f"a timeout above 0 s, not {self.timeout}": 0 < self.timeout < math.inf,
            f"trip_after of 0 or more, not {self.trip_after}": self.trip_after >= 0,
            f'the mode "consecutive" or "rate", not "{self.mode}"': self.mode in ("consecutive", "rate"),
            f"a window above 0 s, not {self.window}": 0 < self.window < math.inf,
            f"minimum_calls of 1 or more, not {self.minimum_calls}": self.minimum_calls >= 1,
            f"a rate above 0 and up to 1, not {self.rate}": 0 < self.rate <= 1,
            f'"none" or "open" for forced, not "{self.forced}"': self.forced in ("none", "open"),
            "not both forced open and metrics only": not (self.forced == "open" and self.metrics_only),
        }
        for wish, kept in expected.items():
            if not kept:
                raise ValueError(f"a breaker wants {wish}")

    def rule(self) -> TripRule:
        """A new rule of the mode, for one breaker."""
        if self.mode == "rate":
            return FailureRate(self.window, self.minimum_calls, self.rate)
        return ConsecutiveFailures(self.trip_after)
