"""The verdict: every class of the error tree counts as decided here, and none is forgotten."""

from __future__ import annotations

import pytest

from bff_core.errors import BadStatus, BffError, Rejected, ServiceFault
from bff_core.resilience.breaker import Verdict, verdict
from tests.docs.test_errors import classes

#: How each class counts, by its name. A new class must be decided upon: add it here, and in ``verdict`` if need be.
DECIDED = {
    "BffError": "ignored",
    "ClientFault": "ignored",
    "BadRequest": "ignored",
    "DocumentMismatch": "ignored",
    "DocumentNotFound": "ignored",
    "RegistrationNotSupported": "ignored",
    "DocumentRefused": "ignored",
    "TooCostly": "ignored",
    "InvalidDocument": "ignored",
    "HttpRefusal": "ignored",
    "MethodRefused": "ignored",
    "OriginRefused": "ignored",
    "RateLimited": "ignored",
    # What a service that got the credential said, as 401 and 403: an answer.
    "Unauthenticated": "success",
    "Forbidden": "success",
    "Refused": "success",
    "ServiceFault": "failure",
    "Unreachable": "failure",
    "TimedOut": "failure",
    "BadStatus": "by status",
    "BadPayload": "failure",
    "NotFound": "success",
    "Rejected": "ignored",
    "BreakerOpen": "ignored",
    "BreakerBusy": "ignored",
    "BulkheadFull": "ignored",
    "DeadlinePassed": "ignored",
    "Overloaded": "ignored",
    "AuthUnavailable": "ignored",
    "Bug": "ignored",
}

TREE = classes()


def made(kind: type[BffError]) -> BffError:
    """An error of the class; those that take more than a message are made by their base's arguments."""
    error = kind.__new__(kind, "x")
    if issubclass(kind, ServiceFault | Rejected):
        error.service = "users"  # type: ignore[attr-defined]  # both have it
    return error


def test_every_class_is_decided_upon() -> None:
    """The tree and the table have the same classes: a new one makes this fail until somebody has thought about it."""
    assert set(DECIDED) == set(TREE)


@pytest.mark.parametrize("name", sorted(name for name, decided in DECIDED.items() if decided != "by status"))
def test_each_class_counts_as_decided(name: str) -> None:
    """An error of the class counts for the service, against it, or not at all."""
    assert verdict(made(TREE[name])).value == DECIDED[name]


def test_a_whole_answer_is_a_success() -> None:
    """No error is the service's success."""
    assert verdict(None) is Verdict.SUCCESS


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((500, 502, 503, 504), Verdict.FAILURE),
        ((408, 429), Verdict.IGNORED),
        ((501, 505, 506, 507, 508, 510, 511, 520, 599), Verdict.IGNORED),
        ((304, 400, 401, 402, 403, 404, 405, 407, 409, 410, 412, 422, 428, 430, 431, 451, 499), Verdict.SUCCESS),
    ],
)
def test_statuses(statuses: tuple[int, ...], expected: Verdict) -> None:
    """Four statuses count against the service, two below 500 not at all; the others below 500 are answers."""
    for status in statuses:
        assert verdict(BadStatus("x", service="users", status=status)) is expected, status


def test_the_tables_agree_with_the_whole_range() -> None:
    """Over all statuses there are four failures, and everything else from 500 on does not count."""
    verdicts = {status: verdict(BadStatus("x", service="users", status=status)) for status in range(100, 600)}
    assert sum(found is Verdict.FAILURE for found in verdicts.values()) == 4
    assert sum(found is Verdict.IGNORED for found in verdicts.values()) == 2 + 96
