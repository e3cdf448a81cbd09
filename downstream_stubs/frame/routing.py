"""Routes: refuse what a route does not know, and give each route the name that faults and the ledger use."""

from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Scope

from downstream_stubs.frame.problems import INVALID_PARAMETER, UNSUPPORTED_MEDIA_TYPE, ProblemError

APART = ("/healthz", "/readyz", "/openapi.json")


def is_apart(path: str) -> bool:
    """Whether a path is for operating the service: never faulty, never in the ledger."""
    return path.startswith("/_") or path in APART


class StrictRoute(APIRoute):
    """A route that refuses unknown query parameters, single ones given twice, and other bodies than JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler behind the checks."""
        answer = super().get_route_handler()
        single, many = _query_names(self.dependant)

        async def strict(request: Request) -> Response:
            _check_query(request, single, many)
            if self.body_field is not None:
                _check_media_type(request)
            return await answer(request)

        return strict


class RouteTable:
    """The routes of a service by name: "GET /products/{product_id}"."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._routes = [
            (f"{method} {route.path_format}", method, route.path_regex)
            for route in routes
            if isinstance(route, APIRoute) and not is_apart(route.path)
            for method in sorted(route.methods or ())
        ]

    @property
    def names(self) -> list[str]:
        """All names, in the order in which they are tried."""
        return [name for name, _, _ in self._routes]

    def name(self, scope: Scope) -> str | None:
        """The route that will answer, or None for an unknown path or method."""
        method, path = scope["method"], scope["path"]
        return next((name for name, its, regex in self._routes if its == method and regex.match(path)), None)


def _query_names(dependant: Dependant) -> tuple[frozenset[str], frozenset[str]]:
    single: set[str] = set()
    many: set[str] = set()
    for field in dependant.query_params:
        is_list = getattr(field.field_info.annotation, "__origin__", None) is list
        (many if is_list else single).add(field.alias)
    for below in dependant.dependencies:
        more_single, more_many = _query_names(below)
        single |= more_single
        many |= more_many
    return frozenset(single), frozenset(many)


def _check_query(request: Request, single: frozenset[str], many: frozenset[str]) -> None:
    given = Counter(name for name, _ in request.query_params.multi_items())
    errors = [(name, "this route has no such parameter") for name in given if name not in single and name not in many]
    errors += [(name, "give it once") for name, times in given.items() if times > 1 and name in single]
    if errors:
        detail = f"Not acceptable: {', '.join(name[:60] for name, _ in errors[:5])}."
        raise ProblemError(INVALID_PARAMETER, detail, errors=errors)


def _check_media_type(request: Request) -> None:
    given = request.headers.get("content-type")
    if (
        given is None
        and request.headers.get("content-length", "0") == "0"
        and "transfer-encoding" not in request.headers
    ):
        return  # no body at all: the declaration behind says what is missing
    if (given or "").split(";")[0].strip().lower() != "application/json":
        detail = f"The body must be application/json, not {given or 'of no type'}."
        raise ProblemError(UNSUPPORTED_MEDIA_TYPE, detail)
