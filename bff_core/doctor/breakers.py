"""The breakers: each must be able to open, and stands in force unless somebody wants it otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from bff_core.bff import Bff
from bff_core.doctor.finding import Finding
from bff_core.settings import BreakerSettings, Settings


def blind_breakers(bff: Bff, settings: Settings) -> Iterator[Finding]:
    """Breakers that can never see enough: of a service that hangs, too few calls end before what they count is gone.

    Such a service ends a call for each permit once in the time of an attempt, and no more.
    """
    for name, service in settings.services.items():
        watch = _watch(service.breaker)
        if watch is None:
            continue
        # As the number is written: a float's last bit would decide at the bound.
        ends = service.in_flight * Fraction(str(watch.seconds)) * 1000 / service.attempt_timeout_ms
        if ends >= watch.needed:
            continue
        yield Finding(
            "dangerous",
            f"services.{name}.breaker.{watch.key}",
            f"it takes {watch.needed} calls within {watch.seconds:g} s to open, but while the service hangs at most "
            f"{float(ends):.4g} end in that time ({service.in_flight} at once, {service.attempt_timeout_ms} ms each), "
            "so it never opens",
            f"lower {watch.key}, or raise {watch.window}",
        )


def idle_breakers(bff: Bff, settings: Settings) -> Iterator[Finding]:
    """Breakers that let everything through, or nothing."""
    for name, service in settings.services.items():
        if service.breaker.metrics_only:
            yield Finding(
                "warning",
                f"services.{name}.breaker.metrics_only",
                "the breaker counts and refuses nobody: while the service hangs, every call to it takes its "
                f"{service.longest_call_ms} ms",
                "set it to false when you have seen what the breaker would do",
            )
        if service.breaker.forced == "open":
            yield Finding(
                "warning",
                f"services.{name}.breaker.forced",
                "every call to the service is refused, whether it is well or not",
                'set it to "none" when the service may be asked again',
            )


@dataclass(frozen=True, slots=True)
class _Watch:
    """How many calls a breaker needs to see within how long, and the keys that say so."""

    key: str
    needed: int
    window: str
    seconds: float


def _watch(breaker: BreakerSettings) -> _Watch | None:
    """None for a breaker that looks at nothing, or that never forgets and so needs no more than time."""
    if breaker.forced == "open":
        return None
    if breaker.mode == "rate":
        return _Watch("minimum_calls", breaker.minimum_calls, "window_s", breaker.window_s)
    if breaker.interval_s > 0:
        return _Watch("trip_after", breaker.trip_after + 1, "interval_s", breaker.interval_s)
    return None
