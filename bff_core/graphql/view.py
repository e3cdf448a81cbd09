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
from typing import Annotated, Any, TypeVar, get_origin

import msgspec
import strawberry
from graphql import GraphQLField
from strawberry.types.base import has_object_definition

from bff_core.contract import DeclarationError
from bff_core.errors import BadRequest
from bff_core.graphql.context import Info
from bff_core.graphql.scopes import SCOPES, checked
from bff_core.graphql.weight import WEIGHT, checked_weight

C = TypeVar("C", bound=type)

#: A view class keeps its record type under this attribute.
RECORD = "__bff_record__"
#: Under this key a field's metadata holds how long its list gets.
AT_MOST = "bff_at_most"
#: Under this key a field's metadata holds whether clients may ask for the first elements only.
FIRST = "bff_first"


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


def shown(
    description: str,
    *,
    scopes: Sequence[str] = (),
    at_most: int | None = None,
    first: bool = False,
    weight: float | None = None,
    deprecation_reason: str | None = None,
) -> Any:
    """A field read straight from the record's attribute of the same name, by who holds ``scopes``.

    ``at_most``: the longest a list gets, for the call plan of what is linked below it; None when nobody knows. With
    ``first`` a client may ask for fewer, by an argument of that name: the whole list has come already, and it is what
    is linked below its elements that is not asked for. ``weight``: what each element costs, 1 for an object and 0 for
    anything else where it is left out.
    """
    where = f"shown {description!r}"
    metadata = {
        SCOPES: checked(where, scopes),
        AT_MOST: at_most,
        FIRST: first,
        WEIGHT: checked_weight(where, weight),
    }
    if not first:
        return strawberry.field(description=description, deprecation_reason=deprecation_reason, metadata=metadata)
    if at_most is None:
        raise DeclarationError(f"shown {description!r}: takes first, so it says at_most")
    about = f"Only so many, the first ones, from 1 to {at_most}; all without it."

    def resolve(
        root: Any, info: Info, first: Annotated[int | None, strawberry.argument(description=about)] = None
    ) -> Any:
        rows = getattr(root, info.python_name)
        if first is None:
            return rows
        if not 1 <= first <= at_most:
            raise BadRequest(f"first must be from 1 to {at_most}, not {first}.")
        return rows[:first]

    resolve.__annotations__["first"] = Annotated[int | None, strawberry.argument(description=about)]
    return strawberry.field(
        resolver=resolve, description=description, deprecation_reason=deprecation_reason, metadata=metadata
    )


def computed(
    function: Callable[..., Any],
    description: str,
    *,
    scopes: Sequence[str] = (),
    at_most: int | None = None,
    weight: float | None = None,
    deprecation_reason: str | None = None,
) -> Any:
    """A field made from the record by ``function(record)`` or ``function(record, info)``; it must not await.

    Further parameters of the function are the field's arguments, ``function(record, info, width)``. For who lacks one
    of ``scopes`` the function is not called. ``at_most`` and ``weight`` as for ``shown``: one that takes long to make
    weighs more than its neighbours.
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
    where = f"computed {description!r}"
    return strawberry.field(
        resolver=resolve,
        description=description,
        deprecation_reason=deprecation_reason,
        metadata={SCOPES: checked(where, scopes), AT_MOST: at_most, WEIGHT: checked_weight(where, weight)},
    )


def takes_first(definition: GraphQLField) -> bool:
    """Whether clients may ask for fewer of a plain list's elements."""
    strawberry_field = (definition.extensions or {}).get("strawberry-definition")
    return strawberry_field is not None and strawberry_field.metadata.get(FIRST, False)


def at_most_of(definition: GraphQLField) -> int | None:
    """The longest that a plain list gets, as its field says; None where it does not."""
    strawberry_field = (definition.extensions or {}).get("strawberry-definition")
    found: int | None = strawberry_field.metadata.get(AT_MOST) if strawberry_field is not None else None
    return found
