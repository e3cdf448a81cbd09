"""What is kept of the services' answers: windows that contradict the declarations, and those that do nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bff_core.bff import Bff
from bff_core.contract import Endpoint
from bff_core.doctor.finding import Finding
from bff_core.settings import Settings, SettingsError
from bff_core.windows import windows_in_force, written_elsewhere


def contradictions(error: SettingsError) -> Iterator[Finding]:
    """What stops the start by itself, as findings: a line of a SettingsError each."""
    for problem in error.problems:
        yield Finding(
            "dangerous",
            "settings",
            problem,
            "set it right in the file or the environment; docs/settings.md has each key",
        )


def wrong_windows(bff: Bff, settings: Settings) -> Iterator[Finding]:
    """Windows that the declarations do not allow."""
    try:
        windows_in_force(bff.services, settings)
    except SettingsError as error:
        yield from contradictions(error)


def idle_windows(bff: Bff, settings: Settings) -> Iterator[Finding]:
    """Windows that keep nothing, because of how the cache is set."""
    cache = settings.cache
    declared = [one for service in bff.services for one in service.endpoints if one.policy.windows is not None]
    if not declared:
        return
    if cache.max_bytes == 0:
        yield Finding(
            "warning",
            "cache.max_bytes",
            f"nothing is kept, though windows are declared for {_names(declared)}",
            "give it some bytes, unless you mean to do without: each request asks the services anew, and no old answer "
            "stands in when they fail",
        )
    elif cache.workers > 1 and (unkept := written_elsewhere(bff.services).intersection(declared)):
        yield Finding(
            "warning",
            "cache.workers",
            f"{cache.workers} workers share no store, so nothing that is private or that a write drops is kept: "
            + _names(one for one in declared if one in unkept),
            "serve it with one worker, or live with it: each request asks for these anew",
        )


def private_answers(settings: Settings) -> str:
    """Whether private answers are kept, in words."""
    cache = settings.cache
    if cache.max_bytes == 0:
        return "not kept: cache.max_bytes is 0"
    if cache.workers > 1:
        return f"not kept: {cache.workers} workers share no store"
    return "kept in this process's memory"


def _names(endpoints: Iterable[Endpoint[object]]) -> str:
    return ", ".join(endpoint.name for endpoint in endpoints)
