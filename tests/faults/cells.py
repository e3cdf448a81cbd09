"""The cells of the fault matrix: which screen, which service, how it fails, since when and where."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bff_core.contract import Command, Endpoint, Windows
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


@dataclass(frozen=True)
class Nameless(Screen):
    """A screen whose write the client has given no idempotency key, so that it may be sent once only."""

    def __str__(self) -> str:
        return f"{super().__str__()}-nameless"

    @property
    def variables(self) -> dict[str, Any]:
        """As in the file, but for the key."""
        return super().variables | {"key": None}


#: Ways in which an endpoint alone fails: of each effect that needs no time one.
_ALONE = ("status-500", "one-bad", "one-missing")

#: Ways in which a service fails that a screen does not need: none of them is felt.
_ELSEWHERE = ("stopped", "hung")

#: Ways in which a service fails that is read below a write: of each effect one, and each guard. How reads fail is the
#: same there as on a page; that the write stands all the same is what there is to see.
_BELOW = ("stopped", "hung", "slow", "status-500", "one-bad", "one-missing", "breaker-open", "bulkhead-full")

#: The screens that are played; that each has its golden file is tested beside the files.
PLAYED = [screen for screen in SCREENS if screen.golden.is_file()]

#: Ways in which a visitor's token cannot be verified, at once or for as long as one would wait: a public page is
#: answered all the same.
_WITHOUT_KEYS = ("stopped", "bulkhead-full")


def every_cell() -> Iterator[Cell]:
    """Every screen, every service, every way; and what differs when it began, and when one endpoint fails alone."""
    for screen in PLAYED:
        for service in screen.bff.services:
            for way in ways_of(screen, service.name):
                yield Cell(screen, service.name, way)
                cold = Cell(screen, service.name, way, cold=True)
                page = screen.plan.private and not screen.writes
                if cold.issuer and way.effect is not Effect.TIRE and (page or way.name in _WITHOUT_KEYS):
                    yield cold
        for endpoint in dict.fromkeys(one for position in screen.plan.positions for one in position.endpoints):
            for way in WAYS:
                alone = way.effect is Effect.FAIL if isinstance(endpoint, Command) else not screen.writes
                if way.name in _ALONE and alone:
                    yield Cell(screen, endpoint.service, way, only=endpoint)
    yield from nameless_cells()


def nameless_cells() -> Iterator[Cell]:
    """The writes that do without a key, failing in each way in which one with a key is sent again."""
    for screen in PLAYED:
        for position in screen.plan.positions:
            command = position.endpoints[0]
            if not isinstance(command, Command) or not command.idempotency_key:
                continue
            for way in WAYS if not command.key_required and not command.repeatable else ():
                if way.effect is Effect.FAIL and way.asked > 1:
                    yield Cell(Nameless(screen.bff, screen.file), command.service, way)


def ways_of(screen: Screen, service: str) -> Iterator[Way]:
    """The ways in which a service fails a screen; the answer to a write is one thing, whatever rows it has."""
    needed = {endpoint.service for position in screen.plan.positions for endpoint in position.endpoints}
    written = {position.endpoints[0].service for position in screen.plan.positions if position.writes}
    for way in WAYS:
        if service not in needed:
            played = way.name in _ELSEWHERE
        elif service in written:
            played = way.effect not in (Effect.SPOIL, Effect.OMIT)
        else:
            played = way.name in _BELOW or not screen.writes
        if played:
            yield way


def aged_cells() -> Iterator[Cell]:
    """Every screen and service, at each age at which an old answer of one of its endpoints stands in for a new one.

    Not those that write: what is read after a write is of now.
    """
    for screen in PLAYED:
        if screen.writes:
            continue
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
