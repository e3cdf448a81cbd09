"""The verdict: what the end of a call says about the service."""

from __future__ import annotations

from enum import Enum

from bff_core.errors import BadStatus, BffError, Forbidden, NotFound, Refused, ServiceFault, Unauthenticated

#: Statuses that say that the service is not well. Others from 500 on say something of the one request (501, 505) or
#: of somebody between (511), and count neither way.
FAILURES = frozenset({500, 502, 503, 504})

#: Statuses below 500 that say that it is not well to be asked now, and nothing of whether it works.
NO_MATTER = frozenset({408, 429})


class Verdict(str, Enum):
    """How a call counts."""

    SUCCESS = "success"
    FAILURE = "failure"
    IGNORED = "ignored"


def verdict(error: BffError | None) -> Verdict:
    """How a call that ended with ``error``, or None for a whole answer, counts for its service's breaker.

    To be asked for the error of the call, never for that of one key in an answer that could be read.
    """
    match error:
        case None | NotFound() | Refused() | Unauthenticated() | Forbidden():
            return Verdict.SUCCESS  # the service answered, and what it said was meant
        case BadStatus(status=status):
            return _of_status(status)
        case ServiceFault():
            return Verdict.FAILURE
    return Verdict.IGNORED  # the client's doing, or ours: the service was not asked, or has no part in it


def _of_status(status: int) -> Verdict:
    if status in FAILURES:
        return Verdict.FAILURE
    return Verdict.IGNORED if status in NO_MATTER or status >= 500 else Verdict.SUCCESS
