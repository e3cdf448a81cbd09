"""The observer that writes facts as lines of JSON, one a fact, for whoever reads the process's output.

A line is ASCII and holds no line break but its last, whatever a client put into its name: what a client chose
is a JSON string with everything unusual escaped. Anything that looks like a bearer token is blotted out of
the finished line, so that an exception's message cannot carry one into the log.

Known flaw: a line is written by the thread that serves requests, so a reader of the output that stops reading
stops us.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import msgspec
import structlog

from bff_core.clock import Clock, SystemClock
from bff_core.errors import Overloaded, Refused
from bff_core.telemetry.facts import (
    NOT_ASKED,
    BreakerChanged,
    BugFound,
    CallFinished,
    Fact,
    FlightLanded,
    KeySetChanged,
    RequestFinished,
    RequestTurnedAway,
)

Level = Literal["debug", "info", "warning", "error"]

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

#: A JWT, also one cut short, and whatever follows the word Bearer.
_TOKEN = re.compile(
    r"eyJ[A-Za-z0-9_\-]{4,}(\.[A-Za-z0-9_\-]*){0,4}|(?<=bearer )[A-Za-z0-9_\-.~+/]{8,}=*", re.IGNORECASE
)

#: Ends of a call that say nothing against the service or us.
_EXPECTED = frozenset({None, "NOT_FOUND"})

#: The client's own doing: no reason to look at us.
_CLIENTS_DOING = frozenset(
    {"BAD_REQUEST", "UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "ORIGIN_REFUSED", "RATE_LIMITED"}
)


class LogObserver:
    """Writes each fact as a line of JSON to ``stream`` (standard output where None) at once.

    Levels: a request is info; warning when it was degraded or had an error that was not the client's doing;
    error when INTERNAL or a status of 5xx is among its ends. A call is debug when it worked or found nothing,
    info when it was not made (the request's own line says what that cost), else warning. A flight is debug, however
    it ended: its calls have lines of their own. A renewal of keys is info, a failed one warning. A breaker's
    change is warning, whichever way. A bug is error, with its trace.

    ``bff`` stands in every line where it is given; a request's line has it anyway. ``clock`` stamps the
    lines, the system's where None.

    Lines that cannot be written are counted in ``lost`` and otherwise forgotten: an observer does not raise.
    """

    def __init__(
        self,
        level: Level = "info",
        *,
        bff: str | None = None,
        clock: Clock | None = None,
        stream: TextIO | None = None,
    ) -> None:
        self.lost = 0
        self._least = _LEVELS[level]
        self._clock = clock or SystemClock()
        self._second, self._until_second = 0, ""
        # A logger of our own: structlog's global configuration is neither read nor set.
        self._logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
            structlog.WriteLogger(stream or sys.stdout),
            wrapper_class=structlog.make_filtering_bound_logger(self._least),
            context_class=dict,
            cache_logger_on_first_use=True,
            processors=[self._line],
        ).bind(**({"bff": bff} if bff else {}))

    def observe(self, fact: Fact) -> None:
        """Write one fact, if its level is high enough."""
        try:
            match fact:
                case CallFinished():
                    self._call(fact)
                case RequestFinished():
                    self._request(fact)
                case FlightLanded():
                    self._flight(fact)
                case KeySetChanged():
                    self._write(
                        "info" if fact.code is None else "warning",
                        "keys",
                        kids=list(fact.kids),
                        code=fact.code,
                    )
                case BreakerChanged():
                    self._write(
                        "warning",
                        "breaker",
                        service=fact.service,
                        group=fact.group,
                        before=fact.before,
                        after=fact.after,
                    )
                case RequestTurnedAway():
                    self._write("debug", "turned_away", reason=fact.reason, client=fact.client)
                case BugFound():
                    self._write("error", "bug", where=fact.where, request_id=fact.request_id, exc_info=fact.error)
        except (OSError, ValueError):  # the output is closed or full, and there is nowhere else to say so
            self.lost += 1

    def _call(self, fact: CallFinished) -> None:
        level: Level = "warning"
        if fact.code in _EXPECTED:
            level = "debug"
        elif fact.code in NOT_ASKED or fact.code == Refused.code:
            level = "info"
        if _LEVELS[level] < self._least:
            return  # most calls end here, several a request
        self._write(
            level,
            "call",
            service=fact.service,
            endpoint=fact.endpoint,
            keys=fact.keys,
            attempt=fact.attempt,
            waited_ms=_milliseconds(fact.waited),
            ms=_milliseconds(fact.seconds),
            status=fact.status,
            code=fact.code,
        )

    def _flight(self, fact: FlightLanded) -> None:
        if _LEVELS["debug"] < self._least:
            return  # as with calls: several a request
        self._write(
            "debug",
            "flight",
            service=fact.service,
            endpoint=fact.endpoint,
            kind=fact.kind,
            keys=fact.keys,
            riders=fact.riders,
            ms=_milliseconds(fact.seconds),
            code=fact.code,
        )

    def _request(self, fact: RequestFinished) -> None:
        level: Level = "info"
        if (fact.status >= 500 and Overloaded.code not in fact.errors) or "INTERNAL" in fact.errors:
            level = "error"
        elif fact.degraded or not _CLIENTS_DOING.issuperset(fact.errors):
            level = "warning"
        self._write(
            level,
            "request",
            bff=fact.bff,
            client=fact.client,
            client_version=fact.client_version,
            operation=fact.operation,
            request_id=fact.request_id,
            status=fact.status,
            ms=_milliseconds(fact.seconds),
            calls=fact.calls,
            errors=dict(fact.errors),
            degraded=_spaced(fact.degraded),
            cache=_spaced(fact.cache),
            path_ms={service: _milliseconds(seconds) for service, seconds in fact.path.items()},
        )

    def _write(self, level: Level, event: str, **values: object) -> None:
        self._logger.log(_LEVELS[level], event, **values)

    def _line(self, logger: object, method: str, event: MutableMapping[str, Any]) -> str:
        """The finished line, in one step: as structlog's own processors would make it, at a quarter of the cost."""
        event["time"] = self._time()
        event["level"] = method
        if "exc_info" in event:
            # Source lines and messages; never the values of variables, which may be anybody's.
            structlog.processors.format_exc_info(logger, method, event)
        return _without_tokens(_in_ascii(event))

    def _time(self) -> str:
        """Now, in ISO 8601; structlog's own stamp reads the system's time, and here time is a parameter."""
        second, part = divmod(self._clock.wall(), 1)
        if second != self._second or not self._until_second:
            self._second = int(second)
            self._until_second = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._until_second}.{int(part * 1000):03d}+00:00"


def _in_ascii(event: Mapping[str, Any]) -> str:
    try:
        line = msgspec.json.encode(event)
    except (TypeError, UnicodeEncodeError):  # what JSON knows no word for, or half of a surrogate pair
        return _dumps(event)
    # msgspec leaves letters beyond ASCII as they are, and some of them break lines or move the cursor.
    return line.decode("ascii") if line.isascii() else _dumps(event)


def _dumps(event: Mapping[str, Any]) -> str:
    return json.dumps(event, default=repr, separators=(",", ":"))


def _without_tokens(line: str) -> str:
    lower = line.lower()  # the search for a token costs as much as all else of a line; most lines cannot hold one
    return _TOKEN.sub("[token]", line) if "eyj" in lower or "bearer " in lower else line


def _spaced(counts: Mapping[tuple[str, Any], int]) -> dict[str, int]:
    return {f"{service} {what}": count for (service, what), count in counts.items()}


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)
