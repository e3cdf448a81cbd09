"""Scopes: what a caller's token must hold, as data on views, fields and links; and how who lacks one is refused.

    email: str | None = shown("Where to write.", scopes=["profile:read"])

What an operation needs is in its call plan, and is compared with what the principal holds once, before it runs
(``CallPlan.denied``). At run time a place that is denied is refused and its resolver is not called, so no call is made
for it. What needs no scope is left as it is, and costs nothing.

Two things are known only when a value is there: which endpoint an opaque resolver picks, and which view stands behind
an interface or a union. So a field is denied when none of these can be right for the caller, and else:

- the endpoint that was picked refuses by its own scopes (``RequestScope``), as it does for every link over it;
- the view that arrives refuses by its own (``Need`` of a view's name): one error where it would have stood.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    default_field_resolver,
    default_type_resolver,
    get_named_type,
    is_abstract_type,
    is_object_type,
)

from bff_core.contract import DeclarationError, Endpoint
from bff_core.graphql.context import Context

#: Under this key a Strawberry field's metadata, and under this attribute a view, holds the scopes it needs.
SCOPES = "__bff_scopes__"

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Need:
    """What a place of an operation needs of its caller.

    ``coordinate``: ``Type.field``; or ``Type``, for a view behind an interface or a union. ``any_of``: sets of scopes,
    of which the caller must hold one whole; with several, what is found at run time says which, and an empty one says
    that it may be something for everybody.
    """

    coordinate: str
    any_of: frozenset[frozenset[str]]

    @property
    def scopes(self) -> frozenset[str]:
        """Every scope that may be needed here."""
        return _NONE.union(*self.any_of)

    def met_by(self, held: frozenset[str]) -> bool:
        """Whether who holds these scopes may see something here."""
        return any(scopes <= held for scopes in self.any_of)


def checked(where: str, scopes: Sequence[str]) -> frozenset[str]:
    """The scopes that ``where`` declares. Raises DeclarationError for a text: its letters would become scopes."""
    if isinstance(scopes, str):
        raise DeclarationError(f"{where}: scopes is a list of scopes, not {scopes!r}")
    return frozenset(scopes)


def scopes_of_field(definition: GraphQLField) -> frozenset[str]:
    """The scopes that a field needs by itself."""
    strawberry_field = (definition.extensions or {}).get("strawberry-definition")
    found: frozenset[str] = strawberry_field.metadata.get(SCOPES, _NONE) if strawberry_field is not None else _NONE
    return found


def scopes_of_view(kind: GraphQLObjectType) -> frozenset[str]:
    """The scopes that a view needs wherever it is shown; none for a type that is no view."""
    strawberry_type = (kind.extensions or {}).get("strawberry-definition")
    found: frozenset[str] = getattr(strawberry_type.origin, SCOPES, _NONE) if strawberry_type is not None else _NONE
    return found


def views_of(schema: GraphQLSchema, shown: GraphQLOutputType) -> Sequence[GraphQLObjectType]:
    """The object types that can stand where a field shows ``shown``; none for scalars and enums."""
    named = get_named_type(shown)
    if is_object_type(named):
        return (named,)
    return schema.get_possible_types(named) if is_abstract_type(named) else ()


def needs_of(
    schema: GraphQLSchema, coordinate: str, definition: GraphQLField, endpoints: Iterable[Endpoint[Any]]
) -> Iterator[Need]:
    """What a field needs, and after it each view that may stand behind it; nothing where everybody may look."""
    any_of = _any_of(schema, definition, (endpoint.scopes for endpoint in endpoints))
    if any(any_of):
        yield Need(coordinate, any_of)
    if is_abstract_type(get_named_type(definition.type)):
        for kind in views_of(schema, definition.type):
            if scopes := scopes_of_view(kind):
                yield Need(kind.name, frozenset([scopes]))


def enforce(schema: GraphQLSchema) -> None:
    """Make each field, interface and union of a schema that can be denied refuse when it is.

    This replaces ``resolve`` and ``resolve_type`` of graphql-core's own objects, which Strawberry 0.341 makes afresh
    for each schema and each type, and which graphql-core 3.3 reads at every execution. Strawberry's field extensions
    would not do: one belongs to a declaration, and knows neither on which type its field stands (an inherited one
    stands on several) nor that the field's type, named before it exists, is a view with scopes.

    A field that needs scopes only by its endpoints is left to the request's scope, which refuses it for each key: so
    the link's fallback can stand in, as for everything else that its service does not give.
    """
    for kind in schema.type_map.values():
        if is_object_type(kind):
            for name, definition in kind.fields.items():
                if _NONE not in _any_of(schema, definition):
                    definition.resolve = _refusing(f"{kind.name}.{name}", definition.resolve or default_field_resolver)
        elif is_abstract_type(kind) and any(map(scopes_of_view, schema.get_possible_types(kind))):
            kind.resolve_type = _refusing_type(kind.resolve_type or default_type_resolver)


def _any_of(
    schema: GraphQLSchema, definition: GraphQLField, of_endpoints: Iterable[frozenset[str]] = ()
) -> frozenset[frozenset[str]]:
    own = scopes_of_field(definition)
    of_views = {scopes_of_view(kind) for kind in views_of(schema, definition.type)} or {_NONE}
    return frozenset(own | one | other for one in set(of_endpoints) or {_NONE} for other in of_views)


def _refusing(coordinate: str, resolve: Callable[..., Any]) -> Callable[..., Any]:
    def checked_first(source: Any, info: GraphQLResolveInfo[Context], **arguments: Any) -> Any:
        context: Context = info.context
        if context.denied and coordinate in context.denied:
            raise context.scope.refused()
        return resolve(source, info, **arguments)

    return checked_first


def _refusing_type(resolve_type: Callable[..., Any]) -> Callable[..., Any]:
    def allowed(name: str | None, context: Context) -> str | None:
        if name in context.denied:
            raise context.scope.refused()
        return name

    async def allowed_later(name: Awaitable[str | None], context: Context) -> str | None:
        return allowed(await name, context)

    def checked_first(value: Any, info: GraphQLResolveInfo[Context], abstract: Any) -> Any:
        name = resolve_type(value, info, abstract)
        if not info.context.denied:
            return name
        return allowed_later(name, info.context) if isawaitable(name) else allowed(name, info.context)

    return checked_first
