"""Which web pages may use this BFF: answers the browsers' preflights and refuses pages of origins that nobody listed.

Starlette's CORSMiddleware is not used. It lets a request of an unknown origin be executed and only keeps the answer
from the page, refuses in plain text that names no setting, allows credentials to every listed origin or to none, and
says so to origins that are not listed as well.

A request without an Origin header is no business of this file: no page sent it, or one of our own did.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.responses import Response

from bff_core.edge.http import HttpRefusal

#: What stands in the list for every port of this machine; for development.
LOCALHOST = "localhost"

#: What a page may read of an answer besides its body.
EXPOSED = ("x-request-id", "x-degraded", "retry-after", "etag")

METHODS = "GET, POST"

_LOCAL = re.compile(r"http://(localhost|127\.0\.0\.1)(:[0-9]{1,5})?")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.\-]*://[A-Za-z0-9.\-_~\[\]:]{1,255}")
#: Names of headers with commas between. A browser sends those that its page set, in small letters and sorted.
_NAMES = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~,\- ]{1,1000}")


class OriginRefused(HttpRefusal):
    """A page of an origin that is not listed."""

    code = "ORIGIN_REFUSED"

    def __init__(self, origin: str) -> None:
        shown = f"of {origin}" if _ORIGIN.fullmatch(origin) else "without an origin of their own"
        super().__init__(
            403, f"Pages {shown} may not use this BFF: its setting edge.allowed_origins names those that may."
        )


@dataclass(frozen=True, slots=True)
class CorsOptions:
    """``allowed``: origins as browsers write them, or ``LOCALHOST``; ``credentials``: those of them that may send some.

    ``max_age``: how long a browser may remember a preflight's answer, seconds.
    """

    allowed: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    max_age: float = 600.0


class Cors:
    """The answers to pages; process scope."""

    def __init__(self, options: CorsOptions) -> None:
        self._allowed = _Listed(options.allowed)
        self._credentials = _Listed(options.credentials)
        self._max_age = f"{options.max_age:.0f}"

    def check(self, headers: Mapping[str, str]) -> None:
        """Let a request pass that no page sent, or a page of ours or of a listed origin. Raises OriginRefused."""
        origin = headers.get("origin")
        if origin is not None and origin not in self._allowed and not _same(origin, headers):
            raise OriginRefused(origin)

    def preflight(self, method: str, headers: Mapping[str, str]) -> Response | None:
        """The answer to the preflight of a listed origin; None for any other request, which ``check`` then judges.

        Whatever headers the page wants to send it may: we read only those we know. A method that is not ours is not
        among those that the answer names, and the browser refuses it.
        """
        if method != "OPTIONS" or "access-control-request-method" not in headers:
            return None
        if headers.get("origin") not in self._allowed:
            return None
        wanted = headers.get("access-control-request-headers", "")
        allowed = {"access-control-allow-headers": wanted.lower()} if _NAMES.fullmatch(wanted) else {}
        response = Response(
            status_code=204,
            headers={
                "access-control-allow-methods": METHODS,
                "access-control-max-age": self._max_age,
                "vary": "access-control-request-method, access-control-request-headers",
                **allowed,
            },
        )
        self.mark(response, headers)
        return response

    def mark(self, response: Response, headers: Mapping[str, str]) -> None:
        """Say in a response which page may read it. Every response varies by origin, so that no cache mixes them."""
        marked = MutableHeaders(raw=response.raw_headers)
        marked.add_vary_header("origin")
        origin = headers.get("origin")
        if origin is None or origin not in self._allowed:
            return
        marked["access-control-allow-origin"] = origin
        marked["access-control-expose-headers"] = ", ".join(EXPOSED)
        if origin in self._credentials:
            marked["access-control-allow-credentials"] = "true"


class _Listed:
    """Origins by their exact spelling; ``LOCALHOST`` stands for those of this machine."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._origins = frozenset(origins) - {LOCALHOST}
        self._local = LOCALHOST in origins

    def __contains__(self, origin: str | None) -> bool:
        if origin is None:
            return False
        return origin in self._origins or (self._local and _LOCAL.fullmatch(origin) is not None)


def _same(origin: str, headers: Mapping[str, str]) -> bool:
    """Whether a page of our own sent it.

    A browser says so itself where it can, and no page can write that header. Older ones are told by the Host header;
    not by the scheme, which only a proxy before us knows.
    """
    if headers.get("sec-fetch-site") == "same-origin":
        return True
    _, mark, place = origin.partition("://")
    return bool(mark) and place.lower() == headers.get("host", "").lower()
