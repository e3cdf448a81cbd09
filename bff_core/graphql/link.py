"""Links: fields that cross to a service. No field reaches a service but through one of these declarations.

    customer: Customer = link(users.profiles, key="user_id", fallback=GUEST, description="Who ordered.")

A link says which endpoint, which key, and what the field is when the service does not answer: null (the default for a
nullable field), a ``fallback``, or ``critical`` (null reaches the nearest nullable ancestor). From these the call plan,
the firewall and the degradations follow.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from types import MappingProxyType
from typing import Annotated, Any, cast

import strawberry
from graphql.pyutils import Path

from bff_core.contract import Batch, Command, DeclarationError, Endpoint, Get, Key, Outcome, Paged
from bff_core.contract import Source as Origin
from bff_core.errors import BadRequest, BffError, ClientFault, NotFound
from bff_core.graphql.context import Info
from bff_core.graphql.ledger import DegradedSource
from bff_core.graphql.scopes import SCOPES, checked
from bff_core.graphql.weight import WEIGHT, checked_weight

#: Under this key a Strawberry field's metadata holds its Link or its Opaque.
METADATA = "bff"


class _Nothing:
    def __repr__(self) -> str:
        return "nothing"


NOTHING: Any = _Nothing()

NO_ARGUMENTS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Argument:
    """A GraphQL argument that is, or is part of, a link's key.

    ``convert`` turns what the client sent into what the service takes; it raises BadRequest for what it cannot.
    Without a ``default`` the argument is required.
    """

    name: str
    type: Any
    description: str
    default: Any = NOTHING
    convert: Callable[[Any], Any] | None = None

    def of(self, arguments: Mapping[str, Any]) -> Any:
        """The argument's value for the service, None when it was not sent."""
        value = arguments.get(self.name)
        return self.convert(value) if self.convert and value is not None else value


@dataclass(frozen=True)
class Computed:
    """A part of a link's key that is made from the parent's record, without a call; None where there is no key.

    The function says in its annotation what it makes: ``def first_product(order: Order) -> str | None``.
    """

    function: Callable[[Any], Any]

    @cached_property
    def type(self) -> Any:
        """What the function makes; ``inspect.Signature.empty`` where it does not say."""
        return inspect.signature(self.function, eval_str=True).return_annotation

    def __str__(self) -> str:
        return self.function.__name__


Source = str | Argument | Computed
KeySources = Source | tuple[Source, ...] | Mapping[str, Source | None] | None


@dataclass(frozen=True, eq=False)
class Link:
    """What ``link`` declares. The batched form that an executor may use is ``keys_of`` and ``settle``."""

    endpoint: Endpoint[Any]
    sources: tuple[Source | None, ...]
    fallback: Any
    critical: bool | str
    drop_missing: bool
    fan_out: int | None
    at_most: int | None
    page_size: int | None
    paging: bool
    show: Callable[[Any, Info], Any] | None
    arguments: tuple[Argument, ...] = field(default=())
    most_rows: int = 0
    show_parameters: tuple[inspect.Parameter, ...] = field(default=())

    @property
    def endpoints(self) -> tuple[Endpoint[Any], ...]:
        """The endpoints that this field may call."""
        return (self.endpoint,)

    @property
    def has_fallback(self) -> bool:
        """Whether a value stands ready for when the service does not answer."""
        return self.fallback is not NOTHING

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes of the parent record that make up the key."""
        return tuple(source for source in self.sources if isinstance(source, str))

    @property
    def of_parent(self) -> bool:
        """Whether something of the parent is in the key, so that each parent may ask for something else."""
        return any(isinstance(source, str | Computed) for source in self.sources)

    def rows(self, arguments: Mapping[str, Any]) -> int | None:
        """The most rows a page may have with these arguments; None for an endpoint without pages."""
        if not isinstance(self.endpoint, Paged):
            return None
        first = arguments.get("first") if self.paging else None
        return self.page_size if first is None else cast(int, first)

    def key_of(self, parent: Any, arguments: Mapping[str, Any]) -> Any:
        """The parent's key: a value, a tuple, a list of keys when the attribute is a list, None for no key at all."""
        values = [
            attrgetter(source)(parent) if isinstance(source, str) else _part(source, parent, arguments)
            for source in self.sources
        ]
        if isinstance(self.endpoint, Paged):
            return (*values, self._limit(arguments), arguments.get("after"))
        if isinstance(self.endpoint, Get):
            return tuple(values)
        if len(values) > 1:
            return None if None in values else tuple(values)
        return values[0]

    def takes_list(self, key: Any) -> bool:
        """Whether a parent's key stands for many things; a composite key is a tuple too, but has many sources."""
        return len(self.sources) == 1 and isinstance(self.endpoint, Batch) and isinstance(key, (list, tuple))

    def resolve(self, parent: Any, info: Info, arguments: Mapping[str, Any]) -> Any:
        """The field's value for one parent, or something to await it by; the key is asked for at once.

        Raises the error that takes the value's place when there is none.
        """
        key = self.key_of(parent, arguments)
        if key is None:
            return self._absent(info, None, arguments)
        scope = info.context.scope
        if self.takes_list(key):
            asked = [scope.ask(self.endpoint, one, fan_out=self.fan_out) for one in key]
            return _LaterMany(self, asked, info, arguments)
        one = scope.ask(self.endpoint, key, fan_out=self.fan_out)
        if isinstance(one, Outcome):
            return self.settle(one, info, arguments)
        return _Later(self, one, info, arguments)

    def settle(self, outcome: Outcome[Any], info: Info, arguments: Mapping[str, Any] = NO_ARGUMENTS) -> Any:
        """An outcome becomes the field's value, its fallback, null, or the error raised; the ledger is told."""
        error = outcome.error
        if error is None:
            if outcome.flaws:
                self._tell_flaws(outcome, info)
            if outcome.source is Origin.STALE:
                self._tell_stale(outcome, info)
            return self._shown(outcome.value, info, arguments)
        if isinstance(error, NotFound):
            return self._absent(info, error, arguments)
        if self.has_fallback:
            if not isinstance(error, ClientFault):
                ledger = info.context.ledger
                ledger.enter(_path(info), outcome.service, DegradedSource.FALLBACK, error)
            return self._shown(self.fallback, info, arguments)
        self._tell_omitted(outcome.service, error, info)
        raise error.again()

    def settle_many(
        self, outcomes: Sequence[Outcome[Any]], info: Info, arguments: Mapping[str, Any] = NO_ARGUMENTS
    ) -> list[Any]:
        """One list field from one outcome a key: missing ones are dropped or null, failed ones told in the ledger."""
        values: list[Any] = []
        failed = [o for o in outcomes if o.error is not None and not isinstance(o.error, NotFound)]
        if failed and len(failed) == len(outcomes):
            return cast("list[Any]", self.settle(failed[0], info, arguments))
        for outcome in outcomes:
            if outcome.error is None:
                if outcome.source is Origin.STALE:
                    self._tell_stale(outcome, info)
                if outcome.flaws:
                    self._tell_flaws(outcome, info)
                values.append(self._shown(outcome.value, info, arguments))
            elif not self.drop_missing:
                values.append(None)
        for outcome in failed:
            info.context.ledger.enter_partial(_path(info), outcome.service, cast(BffError, outcome.error))
        return values

    def _absent(self, info: Info, error: NotFound | None, arguments: Mapping[str, Any]) -> Any:
        """There is no such thing: null, or the fallback of a field that cannot be null; nothing is degraded."""
        if self.has_fallback:
            return self._shown(self.fallback, info, arguments)
        if self.critical:
            nothing = NotFound(f"{self.endpoint.name}: the parent has no key", service=self.endpoint.service)
            raise error.again() if error else nothing
        return None

    def _tell_omitted(self, service: str, error: BffError, info: Info) -> None:
        if not isinstance(error, ClientFault):
            info.context.ledger.enter(_path(info), service, DegradedSource.OMITTED, error)

    def _tell_flaws(self, outcome: Outcome[Any], info: Info) -> None:
        for flaw in outcome.flaws:
            info.context.ledger.enter_partial(_path(info), outcome.service, flaw)

    def _tell_stale(self, outcome: Outcome[Any], info: Info) -> None:
        reason = cast(BffError, outcome.reason)  # every stale value has one
        info.context.ledger.enter(_path(info), outcome.service, DegradedSource.STALE, reason, outcome.age)

    def _shown(self, value: Any, info: Info, arguments: Mapping[str, Any]) -> Any:
        if self.show is None or value is None:
            return value
        if not self.show_parameters:
            return self.show(value, info)
        return self.show(value, info, **{one.name: arguments[one.name] for one in self.show_parameters})

    def _limit(self, arguments: Mapping[str, Any]) -> int:
        rows = cast(int, self.rows(arguments))
        if not 1 <= rows <= self.most_rows:
            raise BadRequest(f"first must be from 1 to {self.most_rows}, not {rows}.")
        return rows


def _part(source: Argument | Computed | None, parent: Any, arguments: Mapping[str, Any]) -> Any:
    if source is None:
        return None
    return source.function(parent) if isinstance(source, Computed) else source.of(arguments)


class _Later:
    """A field's value that is not there yet.

    An object that can be awaited and no coroutine: graphql-core drops a field that it has not begun to await when a
    sibling fails at once, and a dropped coroutine complains.
    """

    __slots__ = ("_arguments", "_asked", "_info", "_link")

    def __init__(self, link: Link, asked: Awaitable[Outcome[Any]], info: Info, arguments: Mapping[str, Any]) -> None:
        self._link = link
        self._asked = asked
        self._info = info
        self._arguments = arguments

    def __await__(self) -> Generator[Any, None, Any]:
        outcome = yield from self._asked.__await__()
        return self._link.settle(outcome, self._info, self._arguments)


class _LaterMany:
    """As ``_Later``, for a list over keys."""

    __slots__ = ("_arguments", "_asked", "_info", "_link")

    def __init__(
        self,
        link: Link,
        asked: Sequence[Outcome[Any] | Awaitable[Outcome[Any]]],
        info: Info,
        arguments: Mapping[str, Any],
    ) -> None:
        self._link = link
        self._asked = asked
        self._info = info
        self._arguments = arguments

    def __await__(self) -> Generator[Any, None, list[Any]]:
        outcomes = []
        for one in self._asked:
            outcomes.append(one if isinstance(one, Outcome) else (yield from one.__await__()))
        return self._link.settle_many(outcomes, self._info, self._arguments)


@dataclass(frozen=True)
class Opaque:
    """A resolver that reaches services by code; it names the endpoints it may call and asks for one key at most."""

    endpoints: tuple[Endpoint[Any], ...]


def link(
    endpoint: Endpoint[Any],
    *,
    description: str,
    key: KeySources = None,
    fallback: Any = NOTHING,
    critical: bool | str = False,
    missing: str = "null",
    fan_out: int | None = None,
    at_most: int | None = None,
    page_size: int | None = None,
    most_rows: int | None = None,
    paging: bool = True,
    show: Callable[..., Any] | None = None,
    scopes: Sequence[str] = (),
    weight: float | None = None,
    deprecation_reason: str | None = None,
) -> Any:
    """Declare a field that crosses to a service.

    - ``key``: an attribute of the parent's record, an Argument, something Computed from the record, or several as a
      tuple (composite keys); for an endpoint with parameters a mapping from its parameters, where None is a query
      parameter that is never sent. A list attribute gives a list field.
    - ``fallback``: stands in for the record when the service fails or (on a field that cannot be null) has none.
    - ``critical``: a field that cannot be null and has no fallback; inside a list it must be a sentence that says why.
    - ``missing``: "null", or "drop" for a list whose elements cannot be null.
    - ``fan_out``: for an endpoint without a batch form under a parent, the most calls of one request at once, 1 to 50.
    - ``at_most``: the longest a list attribute gets, for the call plan; None when nobody knows.
    - ``page_size``: rows a page has unless the client says otherwise; with ``paging=False`` the client cannot.
    - ``most_rows``: the most that the client may say, where that is less than the endpoint gives.
    - ``show``: turns the record (or the fallback) into the field's value, for a field that is no view of it. It is
      called ``show(record, info)``; its further parameters are arguments of the field, as for ``computed``.
    - ``scopes``: what a token must hold besides the endpoint's; without them the field is an error, also where a
      fallback stands ready.
    - ``weight``: what each element costs, its call apart, which costs by itself; 1 for an object where it is left out.
    """
    where = f"link over {endpoint.name}"
    if isinstance(endpoint, Command):
        raise DeclarationError(f"{where}: is a command, and a field that is read never writes")
    sources = _sources(where, endpoint, key)
    if missing not in ("null", "drop"):
        raise DeclarationError(f'{where}: missing is "null" or "drop", not {missing!r}')
    if fallback is not NOTHING and critical:
        raise DeclarationError(f"{where}: has a fallback and is critical; it can only be one of them")
    if fan_out is not None and not 1 <= fan_out <= 50:
        raise DeclarationError(f"{where}: fan_out must be from 1 to 50, not {fan_out}")
    if fan_out is not None and isinstance(endpoint, Batch):
        raise DeclarationError(f"{where}: has a batch form, so fan_out does not apply")
    if isinstance(endpoint, Paged):
        most_rows = most_rows if most_rows is not None else endpoint.max_limit
        if not 1 <= most_rows <= endpoint.max_limit:
            raise DeclarationError(f"{where}: most_rows must be from 1 to {endpoint.max_limit}, not {most_rows}")
        page_size = page_size if page_size is not None else min(10, most_rows)
        if not 1 <= page_size <= most_rows:
            raise DeclarationError(f"{where}: page_size must be from 1 to {most_rows}, not {page_size}")
    elif page_size is not None or most_rows is not None:
        lost = "most_rows" if page_size is None else "page_size"
        raise DeclarationError(f"{where}: has no pages, so {lost} does not apply")
    arguments = [source for source in sources if isinstance(source, Argument)]
    if isinstance(endpoint, Paged) and paging:
        arguments += _paging_arguments(cast(int, most_rows), cast(int, page_size))
    show_parameters = () if show is None else _own_parameters(show)
    if twice := {one.name for one in show_parameters} & {argument.name for argument in arguments}:
        raise DeclarationError(f"{where}: {min(twice)!r} is an argument of the key and of show; it can only be one")
    declared = Link(
        endpoint=endpoint,
        sources=sources,
        fallback=fallback,
        critical=critical,
        drop_missing=missing == "drop",
        fan_out=fan_out,
        at_most=at_most,
        page_size=page_size,
        paging=paging,
        show=show,
        arguments=tuple(arguments),
        most_rows=most_rows or 0,
        show_parameters=show_parameters,
    )
    return strawberry.field(
        resolver=_resolver(declared),
        description=description,
        deprecation_reason=deprecation_reason,
        metadata={METADATA: declared, SCOPES: checked(where, scopes), WEIGHT: checked_weight(where, weight)},
    )


def opaque(
    *endpoints: Endpoint[Any], description: str, scopes: Sequence[str] = ()
) -> Callable[[Callable[..., Any]], Any]:
    """Declare a resolver that picks its endpoint at run time; decorate the resolver with it.

    The resolver reaches the endpoints by ``load`` below and by nothing else; the call plan counts one key of one of
    them, and the firewall holds the field to the same rules as a link. ``scopes`` are needed whichever it picks.
    """
    if not endpoints:
        raise DeclarationError("an opaque resolver names the endpoints it may call")
    if commands := [endpoint for endpoint in endpoints if isinstance(endpoint, Command)]:
        raise DeclarationError(f"opaque resolver: {commands[0].name} is a command, and it only reads")
    decorate: Callable[[Callable[..., Any]], Any] = strawberry.field(
        description=description,
        metadata={METADATA: Opaque(endpoints), SCOPES: checked("an opaque resolver", scopes)},
    )
    return decorate


async def load(endpoint: Endpoint[Any], key: Key, info: Info) -> Any:
    """For opaque resolvers: the record for one key, None when there is none; a failure is told and raised."""
    declared = link_over(endpoint)
    return declared.settle(await info.context.scope.load(endpoint, key), info)


def link_over(endpoint: Endpoint[Any]) -> Link:
    """A bare nullable link over an endpoint, whose key is given by the caller."""
    return Link(endpoint, (), NOTHING, False, False, None, None, None, False, None)


def _resolver(declared: Link) -> Callable[..., Any]:
    def resolve(root: Any, info: Info, **arguments: Any) -> Any:
        return declared.resolve(root, info, arguments)

    parameters = [
        inspect.Parameter("root", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Any),
        inspect.Parameter("info", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Info),
    ]
    for argument in declared.arguments:
        parameters.append(
            inspect.Parameter(
                argument.name,
                inspect.Parameter.KEYWORD_ONLY,
                annotation=_annotation(argument),
                default=inspect.Parameter.empty if argument.default is NOTHING else argument.default,
            )
        )
    parameters += declared.show_parameters
    resolve.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect documents
    resolve.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return resolve


def _own_parameters(show: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    """What ``show`` takes besides the record and the context."""
    parameters = list(inspect.signature(show, eval_str=True).parameters.values())
    return tuple(one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters[2:])


def _annotation(argument: Argument) -> Any:
    return Annotated[argument.type, strawberry.argument(description=argument.description)]


def _paging_arguments(most_rows: int, page_size: int) -> list[Argument]:
    return [
        Argument("first", int, f"How many rows, from 1 to {most_rows}.", default=page_size),
        Argument("after", str | None, "The cursor after which the page starts.", default=None),
    ]


def _sources(where: str, endpoint: Endpoint[Any], key: KeySources) -> tuple[Source | None, ...]:
    wanted = endpoint.key if isinstance(endpoint, Batch) else cast("Get[Any]", endpoint).parameters
    if isinstance(key, Mapping):
        if isinstance(endpoint, Batch):
            raise DeclarationError(f"{where}: the key of a batch is an attribute, an Argument, or a tuple of them")
        if unknown := sorted(set(key) - set(wanted)):
            raise DeclarationError(f"{where}: no parameter {unknown[0]!r}; there are {', '.join(wanted)}")
        if lacking := [name for name in wanted if name not in key]:
            raise DeclarationError(f"{where}: nothing is said for parameter {lacking[0]!r}")
        if in_path := [name for name in wanted if key[name] is None and name not in cast("Get[Any]", endpoint).query]:
            raise DeclarationError(f"{where}: parameter {in_path[0]!r} stands in the path, so it is always sent")
        return tuple(key[name] for name in wanted)
    sources: tuple[Source, ...] = key if isinstance(key, tuple) else () if key is None else (key,)
    if len(sources) != len(wanted):
        raise DeclarationError(f"{where}: the key has {len(wanted)} parts ({', '.join(wanted)}), not {len(sources)}")
    return sources


def _path(info: Info) -> list[str | int]:
    path: Path = info._raw_info.path
    return path.as_list()


__all__ = ["METADATA", "NOTHING", "Argument", "Computed", "Link", "Opaque", "link", "link_over", "load", "opaque"]
