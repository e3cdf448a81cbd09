"""Everything that the doctor tells of one BFF, as data: what is in force, what is not well, and the blast radius."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bff_core.bff import Bff
from bff_core.contract import Service, Windows
from bff_core.doctor.blast import Blast, OwnPlans, blast_radius, own_plans, unplanned
from bff_core.doctor.breakers import blind_breakers, idle_breakers
from bff_core.doctor.calls import late_calls
from bff_core.doctor.costly import costly_operations
from bff_core.doctor.critical import critical_links
from bff_core.doctor.doors import open_doors
from bff_core.doctor.fans import share_of, wide_fans
from bff_core.doctor.finding import Finding
from bff_core.doctor.kept import contradictions, idle_windows, private_answers, wrong_windows
from bff_core.doctor.targets import long_targets
from bff_core.settings import CacheSettings, EdgeSettings, ServiceSettings, Settings, SettingsError
from bff_core.windows import windows_in_force


@dataclass(frozen=True, slots=True)
class KeptEndpoint:
    """An endpoint whose answers are kept, and for how long."""

    name: str
    private: bool
    windows: Windows


@dataclass(frozen=True, slots=True)
class ServiceInForce:
    """How one service is asked: its settings, and what follows from them. ``share``: calls of one request at once."""

    name: str
    settings: ServiceSettings
    share: int
    longest_call_ms: int
    kept: tuple[KeptEndpoint, ...]


@dataclass(frozen=True, slots=True)
class InForce:
    """How a BFF is set. ``private_answers``: whether they are kept, in words."""

    edge: EdgeSettings
    cache: CacheSettings
    private_answers: str
    services: tuple[ServiceInForce, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """One BFF. ``in_force`` is None where the settings cannot be: the findings say why, and nothing else is told."""

    bff: str
    in_force: InForce | None
    findings: tuple[Finding, ...]
    blast_radius: tuple[Blast, ...] = ()

    @property
    def dangerous(self) -> int:
        """How many of the findings are."""
        return sum(finding.severity == "dangerous" for finding in self.findings)


def dangers(bff: Bff, settings: Settings) -> list[Finding]:
    """What must not be served."""
    return [
        finding
        for topic in (wrong_windows, late_calls, long_targets, blind_breakers)
        for finding in topic(bff, settings)
    ]


def examine(bff: Bff, settings: Settings) -> list[Finding]:
    """Everything that is not well, what is dangerous first."""
    return [*dangers(bff, settings), *_warnings(bff, settings, own_plans(bff))]


def report(bff: Bff) -> Report:
    """What is to be told of a BFF, by its own settings."""
    try:
        settings = bff.load_settings()
    except SettingsError as error:
        return Report(bff.name, None, tuple(contradictions(error)))
    own = own_plans(bff)
    findings = (*dangers(bff, settings), *_warnings(bff, settings, own))
    return Report(bff.name, _in_force(bff, settings), findings, blast_radius(own))


def _warnings(bff: Bff, settings: Settings, own: OwnPlans) -> Iterator[Finding]:
    for topic in (idle_windows, idle_breakers, wide_fans, open_doors):
        yield from topic(bff, settings)
    yield from critical_links(bff, own)
    yield from unplanned(own)
    yield from costly_operations(bff, settings)


def _in_force(bff: Bff, settings: Settings) -> InForce:
    services = tuple(_service(service, settings) for service in bff.services)
    return InForce(settings.edge, settings.cache, private_answers(settings), services)


def _service(service: Service, settings: Settings) -> ServiceInForce:
    own = settings.services[service.name]
    try:
        windows = windows_in_force([service], settings)
    except SettingsError:  # a finding, and then those declared are the ones to look at
        windows = {one: one.policy.windows for one in service.endpoints if one.policy.windows is not None}
    kept = tuple(KeptEndpoint(endpoint.name, endpoint.private, times) for endpoint, times in windows.items())
    return ServiceInForce(service.name, own, share_of(own), own.longest_call_ms, kept)
