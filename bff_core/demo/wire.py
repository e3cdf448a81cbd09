"""Demo room: one short HTTP exchange with a process of the demo.

``http.client`` and not a client library: the demo is no part of a request's road, and this never looks at the
proxy variables of the environment, which would send loopback calls elsewhere.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit


class NoAnswer(Exception):
    """Nothing that speaks HTTP answered in time; the message says what happened instead."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of one exchange."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status says success."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The decoded body; None when it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def reason(self) -> str:
        """What a problem document (RFC 9457) says went wrong, with its first field error, else the status."""
        problem = self.json()
        said = problem.get("detail") or problem.get("title") if isinstance(problem, dict) else None
        if not isinstance(said, str):
            return f"status {self.status}"
        match problem.get("errors"):
            case [{"name": str(name), "reason": str(reason)}, *_] if reason not in said:
                return f"{self.status}, {said.rstrip('.')} ({name}: {reason})"
        return f"{self.status}, {said.rstrip('.')}"


def exchange(method: str, url: str, *, body: Mapping[str, object] | None = None, timeout_s: float = 5.0) -> Answer:
    """Send one request, with ``body`` as JSON where there is one. Errors: NoAnswer."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname is None:
        raise NoAnswer(f"{url} is not an http:// address")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = HTTPConnection(parts.hostname, parts.port or 80, timeout=timeout_s)
    try:
        if body is None:
            connection.request(method, target)
        else:
            connection.request(method, target, json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        return Answer(response.status, response.read())
    except TimeoutError as error:
        raise NoAnswer(f"no answer within {timeout_s:g} s") from error
    except ConnectionRefusedError as error:
        raise NoAnswer("nothing listens there") from error
    except (OSError, HTTPException) as error:
        raise NoAnswer(str(error) or type(error).__name__) from error
    finally:
        connection.close()
