"""Views: Strawberry types over records, without a copy. The record is the value at run time, the view is its face.

    @view(orders.Order, description="An order.")
    class Order:
        status: OrderStatus = shown("Where the order stands.")

A field without a resolver is read from the record's attribute of the same name; the firewall checks at start that the
record has it and that its type fits.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, get_origin

import msgspec
import strawberry
from strawberry.types.base import has_object_definition

from bff_core.contract import DeclarationError
from bff_core.graphql.context import Info
from bff_core.graphql.scopes import SCOPES, checked

C = TypeVar("C", bound=type)

#: A view class keeps its record type under this attribute.
RECORD = "__bff_record__"


def view(record: Any, *, description: str, name: str | None = None, scopes: Sequence[str] = ()) -> Callable[[C], C]:
    """Make the decorated class a GraphQL object type whose values are ``record``\\ s.

    ``record`` may be a generic alias (``Page[Product]``). A view that implements an interface can be told from other
    views by its record's type, so no two views of one interface may share a record. Who lacks one of ``scopes`` is
    refused wherever the view is shown; a class made from a view needs its scopes too.
    """
    of = get_origin(record) or record
    if not (isinstance(of, type) and issubclass(of, msgspec.Struct)):
        raise DeclarationError(f"a view is over a record, not over {record!r}")
    needed = checked(f"view of {of.__name__}", scopes)

    def decorate(cls: C) -> C:
        if any(has_object_definition(base) for base in cls.__mro__[1:]):
            # Only where the type must be told from others; elsewhere the question costs time for every object.
            cls.is_type_of = staticmethod(lambda value, _info: isinstance(value, of))  # type: ignore[attr-defined]  # read by Strawberry
        setattr(cls, RECORD, record)
        setattr(cls, SCOPES, needed | getattr(cls, SCOPES, frozenset()))
        return strawberry.type(cls, name=name, description=description)

    return decorate


def shown(description: str, *, scopes: Sequence[str] = (), deprecation_reason: str | None = None) -> Any:
    """A field read straight from the record's attribute of the same name, by who holds ``scopes``."""
    return strawberry.field(
        description=description,
        deprecation_reason=deprecation_reason,
        metadata={SCOPES: checked(f"shown {description!r}", scopes)},
    )


def computed(
    function: Callable[..., Any],
    description: str,
    *,
    scopes: Sequence[str] = (),
    deprecation_reason: str | None = None,
) -> Any:
    """A field made from the record by ``function(record)`` or ``function(record, info)``; it must not await.

    Further parameters of the function are the field's arguments, ``function(record, info, width)``. For who lacks one
    of ``scopes`` the function is not called.
    """
    parameters = list(inspect.signature(function, eval_str=True).parameters.values())
    takes_info = len(parameters) > 1

    def resolve(root: Any, info: Info, **arguments: Any) -> Any:
        return function(root, info, **arguments) if takes_info else function(root)

    own = [
        inspect.Parameter("root", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Any),
        inspect.Parameter("info", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Info),
    ]
    own += [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters[2:]]
    resolve.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]  # what inspect documents
    resolve.__annotations__ = {parameter.name: parameter.annotation for parameter in own}
    return strawberry.field(
        resolver=resolve,
        description=description,
        deprecation_reason=deprecation_reason,
        metadata={SCOPES: checked(f"computed {description!r}", scopes)},
    )
