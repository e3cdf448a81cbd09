"""How long an answer may serve after it came: the windows of an endpoint that is cached.

    came ── fresh ──┬── stale ──────────────────────┬── nothing
                    └── stale if error ─────────────────────┴── nothing

Both stale windows begin where ``fresh`` ends, and are named after RFC 5861. Within ``stale`` the value serves while it
is asked for anew (stale-while-revalidate); within ``stale_if_error`` it serves when asking failed. An answer that there
is no such thing serves for ``negative`` and is never stale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

#: How long "there is no such thing" serves unless the declaration says otherwise: a new thing shows soon. Seconds.
NEGATIVE = 2.0


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of one endpoint, in seconds; ``fresh`` above 0, the others 0 or more."""

    fresh: float
    stale: float = 0.0
    stale_if_error: float = 0.0
    negative: float = NEGATIVE

    def __post_init__(self) -> None:
        times = (self.fresh, self.stale, self.stale_if_error, self.negative)
        if self.fresh <= 0 or not all(math.isfinite(time) and time >= 0 for time in times):
            raise ValueError(f"fresh must be above 0 and every window 0 or more seconds, not {self}")

    @property
    def longest(self) -> float:
        """How long a value can be of any use, in seconds from when it came."""
        return self.fresh + max(self.stale, self.stale_if_error)
