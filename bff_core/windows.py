"""The windows in force: those that endpoints declare, with the settings of one BFF laid over them.

    windows_in_force(bff.services, settings)[products.by_id].fresh

An override changes how long an answer is kept, never whether: what declares no ``fresh=`` is not kept, and what is
declared ``no_stale`` is never stale.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from bff_core.contract import Command, Endpoint, Service, Windows
from bff_core.settings import Settings, SettingsError, WindowSettings


def windows_in_force(services: Iterable[Service], settings: Settings) -> dict[Endpoint[Any], Windows]:
    """The windows of every endpoint that has some. Raises SettingsError with a line for every problem found."""
    services = tuple(services)
    problems = [line for service in services for line in _problems(service, settings)]
    if problems:
        raise SettingsError(problems)
    endpoints = (endpoint for service in services for endpoint in service.endpoints)
    return {endpoint: windows for endpoint in endpoints if (windows := windows_of(endpoint, settings)) is not None}


def windows_of(endpoint: Endpoint[Any], settings: Settings) -> Windows | None:
    """The windows of one endpoint; None where nothing of it is kept. For settings without problems."""
    declared = endpoint.policy.windows
    own = settings.services[endpoint.service].windows.get(_route(endpoint))
    if declared is None or own is None:
        return declared
    given = {
        "fresh": own.fresh_s,
        "stale": own.stale_s,
        "stale_if_error": own.stale_if_error_s,
        "negative": own.negative_s,
    }
    return replace(declared, **{name: seconds for name, seconds in given.items() if seconds is not None})


def written_elsewhere(services: Iterable[Service]) -> frozenset[Endpoint[Any]]:
    """What another process that serves the same BFF may make untrue: all that is private, and all that writes drop."""
    endpoints = [endpoint for service in services for endpoint in service.endpoints]
    dropped = {dropped for endpoint in endpoints if isinstance(endpoint, Command) for dropped in endpoint.drops}
    return frozenset(one for one in endpoints if one in dropped or (one.private and not isinstance(one, Command)))


def _problems(service: Service, settings: Settings) -> Iterator[str]:
    routes: dict[str, list[Endpoint[Any]]] = {}
    for endpoint in service.endpoints:
        routes.setdefault(_route(endpoint), []).append(endpoint)
    for route, own in settings.services[service.name].windows.items():
        key = f'services.{service.name}.windows."{route}"'
        if route in routes:
            yield from (f"{key}{text}" for text in _misfits(own, routes[route]))
        else:
            near = difflib.get_close_matches(route, routes, n=2, cutoff=0.6)
            hint = f"did you mean {_listed(near, ' or ')}?" if near else f"routes are {_listed(routes, ', ')}"
            yield f"{key}: {service.name} has no such route; {hint}"


def _misfits(own: WindowSettings, endpoints: Sequence[Endpoint[Any]]) -> Iterator[str]:
    """What one route's override cannot do; a route may be declared once for each kind of endpoint."""
    if not any(endpoint.policy.windows for endpoint in endpoints):
        yield ": declares no fresh=, so nothing of it may be kept"
    elif any(endpoint.policy.no_stale for endpoint in endpoints):
        for name in ("stale_s", "stale_if_error_s"):
            if seconds := getattr(own, name):
                yield f".{name} = {seconds:g}: is declared no_stale, so it must be 0"


def _route(endpoint: Endpoint[Any]) -> str:
    return f"{endpoint.method} {endpoint.path}"


def _listed(routes: Iterable[str], between: str) -> str:
    return between.join(f'"{route}"' for route in routes)
