"""The tree of errors: what one of them says of itself, also when several fail of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bff_core.errors import (
    BadStatus,
    BffError,
    BreakerOpen,
    Bug,
    NotFound,
    Refused,
    Rejected,
    ServiceFault,
    Unauthenticated,
)


def every_kind(kind: type[BffError] = BffError) -> Iterator[type[BffError]]:
    """The class and all below it."""
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ == BffError.__module__:
            yield from every_kind(below)


def an_error(kind: type[BffError]) -> BffError:
    """One of them, with all that it can hold."""
    if issubclass(kind, BadStatus):
        return kind("said 503", service="cats", status=503, retry_after=2.0)
    if issubclass(kind, Rejected):
        return kind("not asked", service="cats", retry_after=2.0)
    if issubclass(kind, Refused):
        return kind("said no", service="cats", problem={"degrees": 95})
    return kind("failed", service="cats") if issubclass(kind, ServiceFault) else kind("failed")


@pytest.mark.parametrize("kind", list(every_kind()), ids=lambda kind: kind.__name__)
def test_an_error_that_is_raised_again_is_the_same_to_who_catches_it(kind: type[BffError]) -> None:
    """Its class, words and all that it holds are the first one's; only a bug is itself, with its frames."""
    first = an_error(kind)
    again = first.again()
    assert (type(again), str(again), again.code, vars(again)) == (kind, str(first), first.code, vars(first))
    assert (again is first) is issubclass(kind, Bug)


@pytest.mark.parametrize(
    "first", [NotFound("no", service="cats"), BreakerOpen("no", retry_after=1), Unauthenticated("no")]
)
def test_many_who_fail_of_one_error_leave_nothing_on_it(first: BffError) -> None:
    """However often it is raised again, the shared one has no frames, so it holds no request's things for another."""
    for _ in range(3):
        with pytest.raises(type(first)):
            raise first.again()
    assert first.__traceback__ is None
