"""The time of one call: with all its attempts it must end before the request that waits for it."""

from __future__ import annotations

from collections.abc import Iterator

from bff_core.bff import Bff
from bff_core.doctor.finding import Finding
from bff_core.settings import ServiceSettings, Settings

#: The least that ``attempt_timeout_ms`` may be set to.
LEAST_MS = 10


def late_calls(bff: Bff, settings: Settings) -> Iterator[Finding]:
    """Services whose last attempt nobody waits for any more."""
    edge = settings.edge
    has = edge.budget_ms - edge.reserve_ms
    for name, service in settings.services.items():
        if service.longest_call_ms > has:
            yield Finding(
                "dangerous",
                f"services.{name}.attempt_timeout_ms",
                f"a call may take {service.longest_call_ms} ms ({_sum(service)}), but a request waits for {has} ms: "
                "the last attempt is made for nobody",
                _remedy(service, has),
            )


def _sum(service: ServiceSettings) -> str:
    attempts = service.retry.retries + 1
    turns = f"{attempts} x ({service.longest_wait_ms} ms for a turn + {service.attempt_timeout_ms} ms)"
    backoffs = service.retry.longest_backoffs_ms
    return f"{turns} + {sum(backoffs)} ms between them" if backoffs else turns


def _remedy(service: ServiceSettings, has: int) -> str:
    attempts, backoffs = service.retry.retries + 1, sum(service.retry.longest_backoffs_ms)
    fits = (has - backoffs) // attempts - service.longest_wait_ms
    shorter = [f"lower it to {fits} or less"] if fits >= LEAST_MS else []
    fewer = ["lower retry.retries"] if service.retry.retries else []
    return ", or ".join([*shorter, *fewer, "raise edge.budget_ms"])
