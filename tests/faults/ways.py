"""The ways in which a service fails, each with what it means for one call; nothing here knows a screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Effect(Enum):
    """What a failing service does to the calls that it gets."""

    NONE = "they are answered as ever"
    FAIL = "each fails"
    TIRE = "each takes so long that no time is left for a second one after it"
    SPOIL = "one element of the answer cannot be read"
    OMIT = "one element of the answer is not there"


class Means(Enum):
    """How it is brought about."""

    SWITCH = "a fault is switched on in the service"
    STOP = "the service is ended"
    BREAKER = "its breaker is open"
    BULKHEAD = "its one permit is taken by a call that hangs"


@dataclass(frozen=True)
class Way:
    """One way to fail.

    ``code``: what clients read where a call fails. ``asked``: how often a failing call reaches the service, with its
    retries. ``spares_single``: an answer with only one element is as ever. ``fault`` is the switch. ``settings`` are
    those of the failing service, ``everywhere`` those of all services and ``edge`` the BFF's own, where a scene's usual
    ones would not do. ``counts``: whether the breaker may hold it against the service. ``perhaps``: whether a write
    that meets it may have been carried out all the same, as far as anybody can tell.
    """

    name: str
    effect: Effect
    code: str = ""
    asked: int = 1
    spares_single: bool = False
    means: Means = Means.SWITCH
    fault: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    everywhere: Mapping[str, str] = field(default_factory=dict)
    edge: Mapping[str, str] = field(default_factory=dict)
    counts: bool = True
    perhaps: bool = False

    def __str__(self) -> str:
        return self.name


#: Two attempts and all their waits end long before any budget, so what is told is the service's own slowness. Nobody
#: waits for a permit; that time is what a call may lose to a busy machine and still have both its attempts in full.
_SHORT = {
    "ATTEMPT_TIMEOUT_MS": "400",
    "CONNECT_TIMEOUT_MS": "400",
    "LONGEST_WAIT_MS": "400",
    "RETRY__RETRIES": "1",
    "RETRY__BASE_MS": "5",
}

#: One answer is in time with much to spare, and two, one after the other, never are: 2 x 500 ms against 1100 - 140 ms.
_TIRING_EDGE = {"BUDGET_MS": "1100", "RESERVE_MS": "140"}
_TIRING = {
    "ATTEMPT_TIMEOUT_MS": "900",
    "CONNECT_TIMEOUT_MS": "900",
    "LONGEST_WAIT_MS": "10",
    "RETRY__RETRIES": "0",
}

#: The first failure would open the breaker.
_TOUCHY = {"BREAKER__TRIP_AFTER": "0"}

WAYS = (
    Way("stopped", Effect.FAIL, "SERVICE_UNREACHABLE", asked=0, means=Means.STOP),
    Way("hung", Effect.FAIL, "SERVICE_TIMEOUT", asked=2, fault={"hang": True}, settings=_SHORT, perhaps=True),
    Way(
        "too-slow",
        Effect.FAIL,
        "SERVICE_TIMEOUT",
        asked=2,
        fault={"latency_ms": 60_000},
        settings=_SHORT,
        perhaps=True,
    ),
    Way(
        "tiring",
        Effect.TIRE,
        "DEADLINE_EXCEEDED",
        fault={"latency_ms": 500},
        everywhere=_TIRING,
        edge=_TIRING_EDGE,
    ),
    Way("slow", Effect.NONE, fault={"latency_ms": 50}),
    Way("status-500", Effect.FAIL, "SERVICE_ERROR", fault={"error_rate": 1.0, "status": 500}, perhaps=True),
    Way(
        "status-503",
        Effect.FAIL,
        "SERVICE_ERROR",
        asked=2,
        fault={"error_rate": 1.0, "status": 503},
        perhaps=True,
    ),
    Way(
        "status-429",
        Effect.FAIL,
        "SERVICE_ERROR",
        fault={"error_rate": 1.0, "status": 429},
        settings=_TOUCHY,
        counts=False,
    ),
    Way(
        "status-429-come-back",
        Effect.FAIL,
        "SERVICE_ERROR",
        asked=2,
        fault={"error_rate": 1.0, "status": 429, "retry_after_s": 0},
        settings=_TOUCHY,
        counts=False,
    ),
    Way(
        "status-429-come-back-too-late",
        Effect.FAIL,
        "SERVICE_ERROR",
        fault={"error_rate": 1.0, "status": 429, "retry_after_s": 60},
        settings=_TOUCHY,
        counts=False,
    ),
    Way("garbage", Effect.FAIL, "SERVICE_BAD_PAYLOAD", fault={"garbage": True}, perhaps=True),
    Way("truncated", Effect.FAIL, "SERVICE_UNREACHABLE", asked=2, fault={"truncate": True}, perhaps=True),
    Way("dropped", Effect.FAIL, "SERVICE_UNREACHABLE", asked=2, fault={"drop": True}, perhaps=True),
    Way("one-bad", Effect.SPOIL, "SERVICE_BAD_PAYLOAD", fault={"spoil": "one"}),
    Way("one-bad-of-many", Effect.SPOIL, "SERVICE_BAD_PAYLOAD", spares_single=True, fault={"spoil": "one-of-many"}),
    Way("one-missing", Effect.OMIT, fault={"omit": "one"}),
    Way("one-missing-of-many", Effect.OMIT, spares_single=True, fault={"omit": "one-of-many"}),
    Way("breaker-open", Effect.FAIL, "SERVICE_BREAKER_OPEN", asked=0, means=Means.BREAKER),
    Way(
        "bulkhead-full",
        Effect.FAIL,
        "SERVICE_BUSY",
        asked=0,
        means=Means.BULKHEAD,
        fault={"hang": True},
        settings={"IN_FLIGHT": "1", "WAITING": "0"},
        everywhere={"ATTEMPT_TIMEOUT_MS": "2800", "LONGEST_WAIT_MS": "10", "RETRY__RETRIES": "0"},
        edge={"BUDGET_MS": "3000"},
    ),
)

#: The ways that old answers are tried with: what they stand in for, and one in which the service has its say.
AGED = (
    Way(
        "hung",
        Effect.FAIL,
        "SERVICE_TIMEOUT",
        fault={"hang": True},
        # Long enough for the healthy answers that come first.
        settings={
            "ATTEMPT_TIMEOUT_MS": "300",
            "CONNECT_TIMEOUT_MS": "300",
            "LONGEST_WAIT_MS": "400",
            "RETRY__RETRIES": "0",
        },
    ),
    *(way for way in WAYS if way.name in ("status-500", "status-429", "garbage", "one-missing")),
)
