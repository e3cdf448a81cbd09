"""The fan-outs: what a link says it may have under way, and what one request may hold of a service."""

from __future__ import annotations

from collections.abc import Iterator

from bff_core.bff import Bff
from bff_core.doctor.finding import Finding
from bff_core.doctor.links import links_of
from bff_core.resilience.bulkhead import SHARES
from bff_core.settings import ServiceSettings, Settings


def share_of(service: ServiceSettings) -> int:
    """How many calls to a service one request may have under way at once, as its bulkhead has it."""
    return max(1, service.in_flight // SHARES)


def wide_fans(bff: Bff, settings: Settings) -> Iterator[Finding]:
    """Links that fan out further than one request may."""
    for linked in links_of(bff.schema):
        name, fan_out = linked.link.endpoint.service, linked.link.fan_out
        share = share_of(settings.services[name])
        if fan_out is not None and fan_out > share:
            yield Finding(
                "warning",
                linked.coordinate,
                f"fan_out={fan_out}, but one request may hold {share} of the {settings.services[name].in_flight} calls "
                f"to {name} that are under way at once: it is held to {share}",
                f"declare fan_out={share} or less, or raise services.{name}.in_flight to {fan_out * SHARES}",
            )
