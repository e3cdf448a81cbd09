"""How the asking for one key ended: what passes between the channel, the cache, the loaders and the links."""

from __future__ import annotations

from enum import Enum
from typing import Generic, TypeVar

import msgspec

from bff_core.errors import BffError

V = TypeVar("V")


class Source(str, Enum):
    """Where a value came from.

    ``CACHED`` is a kept value within the time in which it may serve as if it were new; ``STALE`` is one that serves
    only because asking failed, and that is a degradation.
    """

    SERVICE = "service"
    CACHED = "cached"
    STALE = "stale"


class Outcome(msgspec.Struct, Generic[V], frozen=True):
    """The value for one key, or the error that stands in its place; never both.

    ``value`` is None exactly when ``error`` is not, but for a command whose answer is not read. ``service`` names who
    was (or would have been) asked. ``flaws`` are rows of a list value that could not be read and were left out, one
    error each. ``age`` is how long ago what is kept came, in seconds; 0 for what just came. ``reason`` is why a stale
    value stands in, None otherwise. ``unknown`` is True for a command that failed and may have been carried out all the
    same: the service may have got it and did not say that it refused. A command that failed and is not unknown was
    certainly not carried out.
    """

    service: str
    value: V | None = None
    error: BffError | None = None
    source: Source = Source.SERVICE
    flaws: tuple[BffError, ...] = ()
    age: float = 0.0
    reason: BffError | None = None
    unknown: bool = False
