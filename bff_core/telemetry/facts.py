"""What rooms report, as plain data: one fact a request, a flight, a call, a change of keys or a breaker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from msgspec import Struct, field

from bff_core.errors import BffError, Bug, NotFound, Rejected, ServiceFault

#: The codes of calls that we refused ourselves: those of Rejected and what stands under it in the tree of errors.
NOT_ASKED = frozenset({Rejected.code, *(kind.code for kind in Rejected.__subclasses__())})


def _codes_of(kind: type[BffError]) -> set[str]:
    return {kind.code}.union(*(_codes_of(below) for below in kind.__subclasses__()))


#: The codes of errors that are a service's doing or ours, so that a client got less than it could ask for.
NOT_THE_CLIENTS = frozenset((_codes_of(ServiceFault) | _codes_of(Rejected) | {Bug.code}) - {NotFound.code})

#: How a request ended for its client, the worst that applies: it left before the answer (``gone``), there is no answer
#: or a bug in it (``failed``), something is missing that is not its own doing (``partial``), all is there and something
#: old or a fallback among it (``degraded``), it asked for what it may not have or what there is not (``refused``), or
#: it got all that it asked for (``whole``).
RequestResult = Literal["gone", "failed", "partial", "degraded", "refused", "whole"]

#: How one key of a request was served. Without asking: from a kept answer that was ``fresh``, ``negative`` (there is no
#: such thing) or ``stale`` (and asked for anew meanwhile). By asking: the request's own call (``miss``) or one that was
#: under way (``joined``). A key whose asking failed and whose old answer stood in is ``stale_if_error`` besides.
CacheResult = Literal["fresh", "stale", "stale_if_error", "negative", "miss", "joined"]

#: Why a flight is made: a request waits for an answer, a kept one is asked for anew while it serves, or it is a write.
FlightKind = Literal["read", "refresh", "command"]


class CallFinished(Struct, frozen=True):
    """One call to a service has ended, or one of several attempts at it; ``attempt`` starts at 1.

    ``endpoint`` is the declared name (``users GET /profiles``), ``keys`` how many keys it carried, ``waited`` and
    ``seconds`` are durations in seconds: before the permit was had, and from then to the end. ``code`` is None for
    success, else the error's code; ``status`` is None where no answer came. ``sent`` is False for a call that never
    left us: refused by a guard (``code`` is one of ``NOT_ASKED``), or given up before it had a permit.
    """

    service: str
    endpoint: str
    keys: int
    waited: float
    seconds: float
    status: int | None
    code: str | None
    attempt: int = 1
    sent: bool = True


class FlightLanded(Struct, frozen=True):
    """One call that requests may share has ended; the attempts that it took are facts of their own.

    ``riders`` is how many requests waited for it at its end, ``keys`` how many keys it carried, ``seconds`` how long it
    was under way, waits and retries included. ``code`` is None for success, "CANCELLED" when nobody waited any more,
    else the code that all keys share or that of the first one that failed.
    """

    service: str
    endpoint: str
    kind: FlightKind
    keys: int
    riders: int
    seconds: float
    code: str | None


class RequestFinished(Struct, frozen=True):
    """One GraphQL request has been answered (or given up by its client: ``status`` 499).

    ``operation`` is a name of the BFF's own operations, else "anonymous" when the document carries no known one;
    ``client`` is a name from the known list, else "other". ``errors`` counts by code, ``degraded`` counts by
    ``(service, source)``, ``cache`` counts keys by ``(service, result)``; ``seconds`` is from the first byte of the
    request to the last byte of the answer made, and ``path`` its parts: seconds by the service that held it up, and the
    rest under ``critical_path.OWN``. ``client_version`` is what the client sent, for a log; ``known_version`` is one of
    the known list or "other", for a label.
    """

    bff: str
    client: str
    client_version: str
    operation: str
    request_id: str
    status: int
    seconds: float
    calls: int
    errors: Mapping[str, int] = field(default_factory=dict)
    degraded: Mapping[tuple[str, str], int] = field(default_factory=dict)
    cache: Mapping[tuple[str, CacheResult], int] = field(default_factory=dict)
    path: Mapping[str, float] = field(default_factory=dict)
    known_version: str = "other"


#: Why a request is turned away: too many are under way, the loop is late, the process is ending, or its client (at one
#: address) or its principal asks too often.
TurnedAwayFor = Literal["requests", "lag", "ending", "client_rate", "principal_rate"]


def result_of(fact: RequestFinished) -> RequestResult:
    """How it ended for its client."""
    if fact.status == 499:
        return "gone"
    if fact.status >= 500 or Bug.code in fact.errors:
        return "failed"
    if not NOT_THE_CLIENTS.isdisjoint(fact.errors):
        return "partial"
    if fact.degraded:
        return "degraded"
    return "refused" if fact.errors or fact.status >= 400 else "whole"


class RequestTurnedAway(Struct, frozen=True):
    """A request was refused for what else is going on, not for what it asks; ``client`` is as in RequestFinished."""

    reason: TurnedAwayFor
    client: str


class KeySetChanged(Struct, frozen=True):
    """A try to renew the issuer's keys has ended; ``kids`` are those known afterwards, ``code`` None for success."""

    kids: tuple[str, ...]
    code: str | None


#: How a breaker can stand, from the one that lets all through to the one that lets nothing through.
BreakerState = Literal["closed", "half-open", "open"]


class BreakerChanged(Struct, frozen=True):
    """A breaker went from one state to another; ``group`` is the route group, "" for the whole service."""

    service: str
    group: str
    before: BreakerState
    after: BreakerState


class BugFound(Struct, frozen=True):
    """Something that must not be: ``where`` names the room, ``error`` is the exception with its trace."""

    where: str
    request_id: str
    error: BaseException


Fact = CallFinished | FlightLanded | RequestFinished | RequestTurnedAway | KeySetChanged | BreakerChanged | BugFound


class Observer(Protocol):
    """Hears every fact. Must be quick, must not await, must not raise."""

    def observe(self, fact: Fact) -> None:
        """Take note of one fact."""
