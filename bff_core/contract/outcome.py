"""How the asking for one key ended: what passes between the channel, the loaders and the links."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from bff_core.errors import BffError

V = TypeVar("V")


class Source(str, Enum):
    """Where a value came from."""

    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Outcome(Generic[V]):
    """The value for one key, or the error that stands in its place; never both.

    ``value`` is None exactly when ``error`` is not. ``service`` names who was (or would have been) asked.
    ``flaws`` are rows of a list value that could not be read and were left out, one error each.
    """

    service: str
    value: V | None = None
    error: BffError | None = None
    source: Source = Source.SERVICE
    flaws: tuple[BffError, ...] = ()
