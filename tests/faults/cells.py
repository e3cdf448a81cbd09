"""The cells of the fault matrix: which screen, which service, how it fails, since when and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bff_core.contract import Endpoint, Windows
from bff_core.windows import windows_of
from tests.faults.ways import AGED, WAYS, Effect, Way
from tests.screens import SCREENS, Screen


@dataclass(frozen=True)
class Cell:
    """One screen while one service fails in one way.

    ``cold``: it failed before the BFF was started, and a token comes along. ``only``: the one endpoint that fails; None
    for the whole service. ``age``: seconds since the screen was answered in full; None where nothing of that is kept.
    """

    screen: Screen
    service: str
    way: Way
    cold: bool = False
    only: Endpoint[Any] | None = None
    age: float | None = None

    def __str__(self) -> str:
        where = f"-{self.route}" if self.only else ""
        when = "-cold" if self.cold else "" if self.age is None else f"-after-{self.age:g}s"
        return f"{self.screen}-{self.service}{where}-{self.way}{when}"

    @property
    def route(self) -> str:
        """The route that fails, as the service's fault switches name it."""
        return f"{self.only.method} {self.only.path}" if self.only else "*"

    @property
    def issuer(self) -> bool:
        """Whether the service is the one whose keys tell who asks."""
        keys = self.screen.bff.keys
        return keys is not None and keys.service == self.service

    @property
    def signed_in(self) -> bool:
        """Whether the request carries a token."""
        return self.cold or self.screen.plan.private

    def hits(self, endpoint: Endpoint[Any]) -> bool:
        """Whether calls of this endpoint meet the failure."""
        return endpoint.service == self.service and self.only in (None, endpoint)

    def windows(self, endpoint: Endpoint[Any]) -> Windows | None:
        """How long answers of an endpoint are kept, as the BFF is set; None where they are not."""
        settings = self.screen.bff.load_settings({})
        kept = self.age is not None and (settings.cache.workers == 1 or not endpoint.private)
        return windows_of(endpoint, settings) if kept else None


#: Ways in which an endpoint alone fails: of each effect one.
_ALONE = ("status-500", "one-bad", "one-missing")

#: Ways in which a visitor's token cannot be verified, at once or for as long as one would wait: a public page is
#: answered all the same.
_WITHOUT_KEYS = ("stopped", "bulkhead-full")


def every_cell() -> Iterator[Cell]:
    """Every screen, every service, every way; and what differs when it began, and when one endpoint fails alone."""
    for screen in SCREENS:
        for service in screen.bff.services:
            for way in WAYS:
                yield Cell(screen, service.name, way)
                cold = Cell(screen, service.name, way, cold=True)
                if cold.issuer and way.effect is not Effect.TIRE and (screen.plan.private or way.name in _WITHOUT_KEYS):
                    yield cold
        for endpoint in dict.fromkeys(one for position in screen.plan.positions for one in position.endpoints):
            for way in WAYS:
                if way.name in _ALONE:
                    yield Cell(screen, endpoint.service, way, only=endpoint)


def aged_cells() -> Iterator[Cell]:
    """Every screen and service, at each age at which an old answer of one of its endpoints stands in for a new one."""
    for screen in SCREENS:
        endpoints = dict.fromkeys(one for position in screen.plan.positions for one in position.endpoints)
        for service in screen.bff.services:
            ages = {age for one in endpoints if one.service == service.name and (age := _stale_age(screen, one))}
            for age in sorted(ages):
                for way in AGED:
                    yield Cell(screen, service.name, way, age=age)


def _stale_age(screen: Screen, endpoint: Endpoint[Any]) -> float | None:
    """The middle of the time in which an answer serves only if asking fails; None where there is no such time."""
    windows = Cell(screen, endpoint.service, AGED[0], age=0.0).windows(endpoint)
    if windows is None or windows.stale_if_error <= windows.stale:
        return None
    return windows.fresh + (windows.stale + windows.stale_if_error) / 2
