"""Problems: what a service answers instead of what was asked (RFC 9457, application/problem+json)."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"

_log = logging.getLogger("stubs.problems")


class FieldProblem(BaseModel):
    """One part of the request that is at fault."""

    name: str = Field(description="the parameter, or the path into the body with dots")
    reason: str = Field(description="what was expected of it")


class Problem(BaseModel):
    """Why the request was not answered.

    A kind that tells more has a model of its own with further members (RFC 9457, extension members).
    """

    type: str = Field(description="a stable word for the kind of problem; a URI reference")
    title: str = Field(description="the kind in a few words; the same for every problem of a type")
    status: int = Field(ge=400, le=599, description="the HTTP status again")
    detail: str = Field(description="this occurrence, in a sentence")
    instance: str | None = Field(default=None, description="the path that was asked")
    errors: list[FieldProblem] | None = Field(default=None, description="the parts at fault, where there are any")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its stable word, its HTTP status and its title."""

    type: str
    status: int
    title: str


INVALID_PARAMETER = Kind("invalid-parameter", 400, "A parameter is not acceptable")
MALFORMED_BODY = Kind("malformed-body", 400, "The body is not JSON")
MALFORMED_REQUEST = Kind("malformed-request", 400, "The request is not HTTP")
IDEMPOTENCY_KEY_MISSING = Kind("idempotency-key-missing", 400, "The request needs an idempotency key")
UNAUTHENTICATED = Kind("unauthenticated", 401, "A valid token is needed")
SERVICE_KEY_NEEDED = Kind("service-key-needed", 401, "Only the shop's own services may ask this")
INSUFFICIENT_SCOPE = Kind("insufficient-scope", 403, "The token lacks a scope")
FORBIDDEN = Kind("forbidden", 403, "Not yours")
NOT_FOUND = Kind("not-found", 404, "There is no such thing")
NO_SUCH_ROUTE = Kind("no-such-route", 404, "There is no such route")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "The route has no such method")
BODY_TOO_LARGE = Kind("body-too-large", 413, "The body is too large")
UNSUPPORTED_MEDIA_TYPE = Kind("unsupported-media-type", 415, "The body's media type is not understood")
INVALID_BODY = Kind("invalid-body", 422, "The body is not acceptable")
IDEMPOTENCY_KEY_REUSED = Kind("idempotency-key-reused", 422, "The idempotency key belongs to another request")
INTERNAL = Kind("internal", 500, "Something went wrong here")
NOT_READY = Kind("not-ready", 503, "The data is not there")
KEYS_UNAVAILABLE = Kind("keys-unavailable", 503, "The keys of the tokens cannot be had")

IDEMPOTENCY_KEY = "idempotency-key"
"""The header by which a client says that two requests are one."""


class ProblemError(Exception):
    """Raised by a route to answer with a problem.

    ``errors`` are pairs of name and reason; ``headers`` are added to the answer; ``extra`` are further members of
    the problem, values as JSON has them. ``store`` says that the same idempotency key shall meet this problem again
    instead of another attempt; it holds for a 4xx alone.
    """

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
        store: bool = False,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
        self.store = store and kind.status < 500

    def response(self, instance: str) -> Response:
        """The answer for the path that was asked."""
        return problem_response(
            self.kind, self.detail, instance, errors=self.errors, headers=self.headers, extra=self.extra
        )


def problem_response(
    kind: Kind,
    detail: str,
    instance: str,
    *,
    errors: Sequence[tuple[str, str]] = (),
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, object] | None = None,
) -> Response:
    """A problem as an answer; it is never stored by anyone."""
    return Response(
        problem_bytes(kind, detail, instance, errors, extra),
        status_code=kind.status,
        media_type=MEDIA_TYPE,
        headers={"cache-control": "no-store", **(headers or {})},
    )


def problem_bytes(
    kind: Kind,
    detail: str,
    instance: str,
    errors: Sequence[tuple[str, str]] = (),
    extra: Mapping[str, object] | None = None,
) -> bytes:
    """A problem as JSON."""
    problem = Problem(
        type=kind.type,
        title=kind.title,
        status=kind.status,
        detail=detail,
        instance=instance,
        errors=[FieldProblem(name=name, reason=reason) for name, reason in errors] or None,
    )
    members = problem.model_dump(exclude_none=True)
    for name, value in (extra or {}).items():
        members.setdefault(name, value)
    # ASCII only: names come from the client and may hold half a surrogate pair, which UTF-8 cannot carry.
    return json.dumps(members).encode("ascii")


async def on_problem(request: Request, error: Exception) -> Response:
    """Answer what a route raised."""
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for this class only
    return error.response(_path(request))


async def on_invalid_request(request: Request, error: Exception) -> Response:
    """Answer what does not fit its declaration: 400 for the URL, 422 for a body's fields."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return problem_response(MALFORMED_BODY, "The body could not be read as JSON.", _path(request))
    if any(one["type"] == "missing" and tuple(one["loc"]) == ("header", IDEMPOTENCY_KEY) for one in found):
        reason = "give 1 to 255 printable ASCII characters, the same when the request is sent again"
        detail = f"The header {IDEMPOTENCY_KEY} is missing."
        errors = [(IDEMPOTENCY_KEY, reason)]
        return problem_response(IDEMPOTENCY_KEY_MISSING, detail, _path(request), errors=errors)
    errors = [_field_error(one["loc"], one["msg"]) for one in found]
    kind = INVALID_BODY if all(one["loc"][0] == "body" for one in found) else INVALID_PARAMETER
    names = ", ".join(dict.fromkeys(_printable(name) for name, _ in errors))
    return problem_response(kind, f"Not acceptable: {names}.", _path(request), errors=errors)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what the framework itself refuses: unknown routes, wrong methods, unreadable bodies."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    path = _path(request)
    if error.status_code == 404:
        return problem_response(NO_SUCH_ROUTE, "No route has this path.", path)
    if error.status_code == 405:
        allowed = allowed_methods(request)
        detail = f"{request.method} is not among the methods of this path: {allowed}."
        return problem_response(METHOD_NOT_ALLOWED, detail, path, headers={"allow": allowed})
    return problem_response(MALFORMED_BODY, "The body could not be read as JSON.", path)


async def on_bug(request: Request, error: Exception) -> Response:
    """Answer an unexpected exception without a word about it; the server logs its trace."""
    _log.error("bug in %s", _path(request), exc_info=error)
    return problem_response(INTERNAL, "The service failed to answer; its log says why.", _path(request))


def allowed_methods(request: Request) -> str:
    """All methods of all routes with the asked path; the framework names those of the first route only."""
    methods = {
        method
        for route in request.app.routes
        if route.path_regex.match(request.scope["path"])
        for method in route.methods or ()
    }
    return ", ".join(sorted(methods))


def _field_error(loc: Sequence[int | str], reason: str) -> tuple[str, str]:
    where, *rest = loc
    if where == "body":
        return ".".join(str(part) for part in rest) or "body", reason
    name, *inner = rest or [where]
    position = f"item {inner[0]}: " if inner else ""
    return str(name), position + reason


def _printable(name: str) -> str:
    return name if len(name) <= 60 else name[:57] + "..."


def _path(request: Request) -> str:
    return str(request.scope["path"])
