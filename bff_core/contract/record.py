"""The values a service answers with, as typed records."""

from __future__ import annotations

from enum import Enum
from typing import Any, Generic, TypeVar, dataclass_transform

import msgspec

from bff_core.contract.declaration import DeclarationError

R = TypeVar("R")


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class _RecordType(msgspec.StructMeta):
    """Makes every record frozen, by keyword only, and of no interest to the garbage collector."""

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> Any:
        return super().__new__(
            mcls, name, bases, namespace, **{"frozen": True, "kw_only": True, "gc": False, **options}
        )


class Record(msgspec.Struct, metaclass=_RecordType):
    """One value of a service, decoded straight from its JSON.

    Declare the fields that the BFFs use and no more: unknown keys in an answer are skipped. A field that the
    service calls by another name says so with ``msgspec.field(name="their_name")``. A value that does not fit
    its field is that element's BadPayload. Records hold no reference cycles, so the garbage collector need
    not look at them.
    """


class LenientEnum(str, Enum):
    """An enum of a service that may grow: a word nobody declared becomes the member ``UNKNOWN``.

    Every subclass declares ``UNKNOWN``, which is checked when it is made: without it one new word of a
    service would fail whole rows.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "UNKNOWN" not in cls.__members__:
            raise DeclarationError(f"{cls.__qualname__}: a LenientEnum declares a member UNKNOWN")

    @classmethod
    def _missing_(cls, value: object) -> LenientEnum | None:
        return cls.__members__.get("UNKNOWN")


class Edge(msgspec.Struct, Generic[R], frozen=True, gc=False):
    """One row of a page with the service's own cursor, which resumes after it."""

    cursor: str
    node: R


class PageInfo(msgspec.Struct, frozen=True, gc=False):
    """Where a page stands. Pages are walked forwards only, so ``has_previous_page`` is False."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


class Page(msgspec.Struct, Generic[R], frozen=True, gc=False):
    """One page of a list, in the service's order, with the service's own cursors.

    ``edges`` may be empty; ``total_count`` is None where the service does not count.
    """

    edges: tuple[Edge[R], ...]
    page_info: PageInfo
    total_count: int | None = None

    @property
    def nodes(self) -> tuple[R, ...]:
        """The rows without their cursors."""
        return tuple(edge.node for edge in self.edges)
