"""The limits themselves, as one frozen value; the settings section ``[limits]`` says what each is for."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one document may have, each as its setting of the same name says; the defaults are production's.

    ``document_bytes`` and ``tokens`` hold for the document, all others for each of its operations with what stands in
    the fragments it spreads. ``assumed_list_size`` and ``call_cost`` are no limits but weights of ``cost``.
    """

    document_bytes: int = 32_768
    tokens: int = 800
    depth: int = 20
    aliases: int = 30
    root_fields: int = 20
    spreads: int = 100
    directives: int = 50
    directives_each: int = 4
    list_size: int = 200
    keys: int = 10_000
    cost: int = 10_000
    comparisons: int = 5000
    call_cost: int = 10
    assumed_list_size: int = 10

    def __post_init__(self) -> None:
        for one in fields(self):
            if getattr(self, one.name) < 0:
                raise ValueError(f"{one.name} must be 0 or more, not {getattr(self, one.name)}")


#: For those who look at a document without judging it.
NO_LIMITS = Limits(*(sys.maxsize,) * 12)
