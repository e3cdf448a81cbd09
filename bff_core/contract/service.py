"""What a service offers, as plain declarations: nothing reaches it except through an endpoint declared here.

    users = Service("users")
    profiles = users.batch("GET /profiles", keys="ids", returns=Profile, key="id", max_keys=100)
    rename = users.command("PATCH /profiles/{id}", body=NewName, returns=Profile, drops=[profiles])

A declaration is checked when it is made: one that cannot work raises DeclarationError and stops the start.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from types import MappingProxyType, NoneType
from typing import Any, Generic, Literal, TypeVar, Unpack, overload

import msgspec

from bff_core.contract.declaration import DeclarationError
from bff_core.contract.policy import Policy, Settled, settle
from bff_core.contract.record import Page

V = TypeVar("V")
R = TypeVar("R", bound=msgspec.Struct)
E = TypeVar("E", bound="Endpoint[Any]")

_ROUTE = re.compile(r"([A-Z]+) ((?:/(?!\.{1,2}(?:/|$))(?:[A-Za-z0-9_\-.]|\{[a-z_][a-z0-9_]*\})*)+)")
_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")

_PROBLEM = re.compile(r"[A-Za-z0-9._~-]+")

#: How a command may be sent, and which of these do no harm when they are sent again (RFC 9110, 9.2.2).
_WRITES = ("POST", "PUT", "PATCH", "DELETE")
_IDEMPOTENT = frozenset(("PUT", "DELETE"))

#: The header that names one write, so that a service which is sent it again carries it out once.
IDEMPOTENCY_HEADER = "idempotency-key"


class KeyStyle(str, Enum):
    """How a batch of keys is put into the request."""

    REPEATED = "repeated"  # ?id=1&id=2
    COMMA = "comma"  # ?ids=1,2
    BODY = "body"  # POST {"ids": ["1", "2"]}


@dataclass(frozen=True, eq=False)
class Endpoint(Generic[V]):
    """One route of a service and what it gives for one key; ``V`` is the type of that value.

    ``key`` of a get or a page is a tuple with a value (or None: not sent) for each of ``parameters``, in
    order. ``key`` of a batch is a scalar, or a tuple for composite keys. ``key`` of a command is the tuple of
    its path parameters. Endpoints compare by identity: each is declared once. ``policy`` is all that ``Policy``
    says; what others ask for most has a property here.
    """

    service: str
    method: str
    path: str
    returns: type[Any]
    policy: Settled

    @property
    def name(self) -> str:
        """``users GET /profiles``: for plans, logs and metrics; unique among the endpoints of one kind."""
        return f"{self.service} {self.method} {self.path}"

    @property
    def relay(self) -> bool:
        """Whether the caller's credential is sent along."""
        return self.policy.relay

    @property
    def scopes(self) -> frozenset[str]:
        """Those that a caller's token must hold."""
        return self.policy.scopes

    @property
    def private(self) -> bool:
        """Whether the answer depends on who asks."""
        return self.policy.private

    @property
    def group(self) -> str:
        """Names the routes of a service that share a circuit breaker; "" for the service's own."""
        return self.policy.group

    @property
    def calls_for(self) -> int:
        """How many keys one call takes."""
        return 1

    def accepts(self, key: Any) -> bool:
        """Whether a key can name anything at this endpoint; one that cannot is NotFound without a call.

        So a hostile id reaches no service, and one bad id does not make a service refuse the whole batch it
        is in. Nothing is ever named by None, by an empty text or by a dot segment, whatever the pattern says.
        """
        pattern = self.policy.pattern
        return all(
            part is not None and (text := wire_text(part)) not in _NAMELESS and pattern.fullmatch(text) is not None
            for part in self.identifiers(key)
        )

    def identifiers(self, key: Any) -> Sequence[Any]:
        """The parts of a key that name things, as against free text, limits and cursors."""
        return ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


@dataclass(frozen=True, eq=False, repr=False)
class Get(Endpoint[V]):
    """One thing by its parameters. A 404 is NotFound. ``at`` is the response path ("" for the whole)."""

    parameters: tuple[str, ...]
    query: Mapping[str, str]
    at: tuple[str, ...]

    def identifiers(self, key: Any) -> Sequence[Any]:
        """The path parameters."""
        return _in_path(self.parameters, self.query, key)


@dataclass(frozen=True, eq=False, repr=False)
class Batch(Endpoint[V]):
    """Many things by their keys, at most ``max_keys`` a call.

    The answer may hold the rows in any order, leave rows out (NotFound for that key, or an empty tuple when
    ``many``) and hold rows nobody asked for (dropped). ``key`` names the record's attributes that make up the
    key.

    In a query the parts of a composite key are joined by ":"; with COMMA keys are joined by ",". A key that
    holds the joining character itself could be read as another key, so it is not accepted, whatever the
    pattern says. A body sends composite keys as objects, whose members have the service's own names, and
    needs no such rule.
    """

    keys: str
    key: tuple[str, ...]
    style: KeyStyle
    max_keys: int
    at: tuple[str, ...]
    many: bool

    @property
    def composite(self) -> bool:
        """True when a key is a tuple of more than one value."""
        return len(self.key) > 1

    @cached_property
    def joiners(self) -> frozenset[str]:
        """The characters that join keys or their parts in the request, so that no part may hold them."""
        return frozenset(
            ([":"] if self.composite and self.style is not KeyStyle.BODY else [])
            + ([","] if self.style is KeyStyle.COMMA else [])
        )

    def accepts(self, key: Any) -> bool:
        """As everywhere; and a key has as many parts as declared, none of which holds a joining character."""
        kind = type(key)
        if (kind is str or kind is int) and len(self.key) == 1:  # as nearly always; as below, at a third of the cost
            text = key if kind is str else str(key)
            whole = text not in _NAMELESS and self.policy.pattern.fullmatch(text) is not None
            return whole and self.joiners.isdisjoint(text)
        parts = self.identifiers(key)
        return (
            len(parts) == len(self.key)
            and super().accepts(key)
            and all(self.joiners.isdisjoint(wire_text(part)) for part in parts)
        )

    def identifiers(self, key: Any) -> Sequence[Any]:
        """Every part of the key."""
        return key if isinstance(key, tuple) else (key,)

    @property
    def calls_for(self) -> int:
        """The most keys that go into one call."""
        return self.max_keys


@dataclass(frozen=True, eq=False, repr=False)
class Paged(Endpoint[Page[R]]):
    """A list in pages, with the service's own cursors.

    ``parameters`` are all but limit and cursor, which a key holds last: ``(*parameters, limit, cursor)``.
    ``items``, ``cursors``, ``next`` and ``total`` are the response's fields; ``total`` may be None.
    """

    parameters: tuple[str, ...]
    query: Mapping[str, str]
    limit: str
    cursor: str
    max_limit: int
    items: tuple[str, ...]
    cursors: str
    next: str
    total: str | None

    def identifiers(self, key: Any) -> Sequence[Any]:
        """The path parameters."""
        return _in_path(self.parameters, self.query, key)


@dataclass(frozen=True, eq=False, repr=False)
class Command(Endpoint[V]):
    """A write. No field reaches it through a link, and its answer is never kept.

    ``body`` is the record that is sent, None for a command without one. ``returns`` is NoneType for an answer that
    nobody reads. ``drops`` are the reads, of any service, whose kept answers this write makes untrue.
    ``idempotency_key`` says that the service carries out writes with the same key once, ``key_required`` that it takes
    none without a key. ``problems`` are its refusals: the record of each, by the word that the problem's type ends
    with.
    """

    parameters: tuple[str, ...]
    body: type[msgspec.Struct] | None
    at: tuple[str, ...]
    drops: tuple[Endpoint[Any], ...]
    idempotency_key: bool
    key_required: bool
    problems: Mapping[str, type[msgspec.Struct]]

    @property
    def repeatable(self) -> bool:
        """True for PUT and DELETE. Another write is sent twice only under an idempotency key."""
        return self.method in _IDEMPOTENT

    def identifiers(self, key: Any) -> Sequence[Any]:
        """The whole key: all its parts stand in the path."""
        parts: Sequence[Any] = key
        return parts


@dataclass(frozen=True)
class Service:
    """One REST service, by its name in settings (``services.<name>.url``), plans, logs and metrics.

    Its endpoints are declared with ``get``, ``batch``, ``page`` and ``command``, which all take the keywords of
    ``Policy``; ``endpoints`` lists them in order of declaration.
    """

    name: str
    _endpoints: list[Endpoint[Any]] = field(default_factory=list, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise DeclarationError(f"service name {self.name!r}: use lower-case letters, digits and underscores")

    @property
    def endpoints(self) -> Sequence[Endpoint[Any]]:
        """Every endpoint declared so far."""
        return tuple(self._endpoints)

    def get(
        self,
        route: str,
        *,
        returns: type[V],
        query: Mapping[str, str] | Sequence[str] = (),
        at: str = "",
        **policy: Unpack[Policy],
    ) -> Get[V]:
        """Declare one thing. ``query`` maps parameter names to the service's (or lists equal ones)."""
        method, path, placeholders = self._route(route, "GET")
        named = self._query(route, placeholders, query)
        self._decodable(route, returns)
        return self._add(
            Get(
                service=self.name,
                method=method,
                path=path,
                returns=returns,
                policy=self._policy(route, policy),
                parameters=(*placeholders, *named),
                query=named,
                at=_steps(at),
            )
        )

    def batch(
        self,
        route: str,
        *,
        keys: str,
        returns: type[R],
        key: str | Sequence[str],
        max_keys: int,
        style: KeyStyle | None = None,
        at: str = "",
        **policy: Unpack[Policy],
    ) -> Batch[R]:
        """Declare one thing for each of many keys. ``style`` defaults to REPEATED (GET) or BODY (POST)."""
        return self._batch(route, keys, returns, key, max_keys, style, at, policy, many=False)

    def batch_many(
        self,
        route: str,
        *,
        keys: str,
        returns: type[R],
        key: str | Sequence[str],
        max_keys: int,
        style: KeyStyle | None = None,
        at: str = "",
        **policy: Unpack[Policy],
    ) -> Batch[tuple[R, ...]]:
        """Declare any number of things for each key: rows grouped by ``key``, in the answer's order."""
        return self._batch(route, keys, returns, key, max_keys, style, at, policy, many=True)

    def page(
        self,
        route: str,
        *,
        returns: type[R],
        max_limit: int,
        query: Mapping[str, str] | Sequence[str] = (),
        limit: str = "limit",
        cursor: str = "cursor",
        items: str = "items",
        cursors: str = "cursors",
        next: str = "next",
        total: str | None = None,
        **policy: Unpack[Policy],
    ) -> Paged[R]:
        """Declare a list in pages of at most ``max_limit`` rows; ``items`` is a response path."""
        method, path, placeholders = self._route(route, "GET")
        if max_limit < 1:
            raise DeclarationError(f"{self.name} {route}: max_limit must be 1 or more, not {max_limit}")
        named = self._query(route, placeholders, query, limit, cursor)
        self._rows(route, returns)
        return self._add(
            Paged(
                service=self.name,
                method=method,
                path=path,
                returns=returns,
                policy=self._policy(route, policy),
                parameters=(*placeholders, *named),
                query=named,
                limit=limit,
                cursor=cursor,
                max_limit=max_limit,
                items=_steps(items),
                cursors=cursors,
                next=next,
                total=total,
            )
        )

    @overload
    def command(
        self,
        route: str,
        *,
        returns: type[V],
        body: type[msgspec.Struct] | None = None,
        drops: Sequence[Endpoint[Any]] | None = None,
        at: str = "",
        idempotency_key: bool | Literal["required"] = True,
        problems: Mapping[str, type[msgspec.Struct]] = ...,
        **policy: Unpack[Policy],
    ) -> Command[V]: ...

    @overload
    def command(
        self,
        route: str,
        *,
        returns: None,
        body: type[msgspec.Struct] | None = None,
        drops: Sequence[Endpoint[Any]] | None = None,
        at: str = "",
        idempotency_key: bool | Literal["required"] = True,
        problems: Mapping[str, type[msgspec.Struct]] = ...,
        **policy: Unpack[Policy],
    ) -> Command[None]: ...

    def command(
        self,
        route: str,
        *,
        returns: type[Any] | None,
        body: type[msgspec.Struct] | None = None,
        drops: Sequence[Endpoint[Any]] | None = None,
        at: str = "",
        idempotency_key: bool | Literal["required"] = True,
        problems: Mapping[str, type[msgspec.Struct]] = MappingProxyType({}),
        **policy: Unpack[Policy],
    ) -> Command[Any]:
        """Declare a write, by POST, PUT, PATCH or DELETE.

        ``drops`` has no default: what a write makes untrue is said, also where it is nothing. With ``returns=None``
        the answer is not read. A service that does not know the header ``idempotency-key`` says
        ``idempotency_key=False``: it is sent none then, and a POST or PATCH is sent once only. One that takes no write
        without it says ``"required"``. ``problems``: the ways in which the service says no that are data and no errors,
        by the word that a problem's type ends with, as in ``{"card-declined": CardDeclined}``.
        """
        method, path, placeholders = self._route(route, *_WRITES)
        if body is not None:
            self._record(route, body, "a body is a record, so body")
        self._decodable(route, returns)
        if returns is None and at:
            raise DeclarationError(
                f"{self.name} {route}: at={at!r} leads into an answer that returns=None says is not read"
            )
        return self._add(
            Command(
                service=self.name,
                method=method,
                path=path,
                returns=NoneType if returns is None else returns,
                policy=settle(f"{self.name} {route}", policy, kept=False),
                parameters=placeholders,
                body=body,
                at=_steps(at),
                drops=self._dropped(route, drops),
                idempotency_key=bool(idempotency_key),
                key_required=idempotency_key == "required",
                problems=self._problems(route, problems),
            )
        )

    def _problems(self, route: str, problems: Mapping[str, type[msgspec.Struct]]) -> Mapping[str, type[msgspec.Struct]]:
        for word, record in problems.items():
            if not _PROBLEM.fullmatch(word):
                raise DeclarationError(
                    f"{self.name} {route}: a problem is named by the word its type ends with, not {word!r}"
                )
            self._record(route, record, f"a problem is read as a record, so {word}")
            self._decodable(route, record)
        return dict(problems)

    def _dropped(self, route: str, drops: Sequence[Endpoint[Any]] | None) -> tuple[Endpoint[Any], ...]:
        where = f"{self.name} {route}"
        if drops is None:
            raise DeclarationError(
                f"{where}: say in drops= which reads have answers that this write makes untrue; drops=[] says none"
            )
        if isinstance(drops, Endpoint | str):
            raise DeclarationError(f"{where}: drops is a list of endpoints, not {drops!r}")
        dropped = tuple(drops)
        for number, endpoint in enumerate(dropped):
            if isinstance(endpoint, Command) or not isinstance(endpoint, Endpoint):
                raise DeclarationError(f"{where}: drops holds endpoints that read (get, batch, page), not {endpoint!r}")
            if endpoint in dropped[:number]:
                raise DeclarationError(f"{where}: drops {endpoint!r} twice")
        return dropped

    def _batch(
        self,
        route: str,
        keys: str,
        returns: type[Any],
        key: str | Sequence[str],
        max_keys: int,
        style: KeyStyle | None,
        at: str,
        policy: Policy,
        *,
        many: bool,
    ) -> Batch[Any]:
        method, path, placeholders = self._route(route, "GET", "POST")
        where = f"{self.name} {route}"
        style = style or (KeyStyle.BODY if method == "POST" else KeyStyle.REPEATED)
        if placeholders:
            raise DeclarationError(f"{where}: a batch takes its keys as {keys!r}, not in the path")
        if (style is KeyStyle.BODY) is not (method == "POST"):
            raise DeclarationError(f"{where}: keys in a body go with POST, keys in the query with GET")
        if max_keys < 1:
            raise DeclarationError(f"{where}: max_keys must be 1 or more, not {max_keys}")
        self._rows(route, returns)
        attributes = (key,) if isinstance(key, str) else tuple(key)
        if not attributes or len(set(attributes)) < len(attributes):
            raise DeclarationError(
                f"{where}: key is a field of {returns.__name__} or several different ones, not {key!r}"
            )
        known = {f.name for f in msgspec.structs.fields(returns)}
        if missing := [name for name in attributes if name not in known]:
            raise DeclarationError(f"{where}: key {missing[0]!r} is no field of {returns.__name__}")
        return self._add(
            Batch(
                service=self.name,
                method=method,
                path=path,
                returns=returns,
                policy=self._policy(route, policy),
                keys=keys,
                key=attributes,
                style=style,
                max_keys=max_keys,
                at=_steps(at),
                many=many,
            )
        )

    def _route(self, route: str, *methods: str) -> tuple[str, str, tuple[str, ...]]:
        match = _ROUTE.fullmatch(route)
        if not match or match[1] not in methods:
            expected = f"{' or '.join(methods)} /path/{{parameter}}"
            raise DeclarationError(f"{self.name}: route {route!r} is not of the form {expected!r}")
        placeholders = tuple(_PLACEHOLDER.findall(match[2]))
        self._distinct(route, placeholders, "path parameter")
        return match[1], match[2], placeholders

    def _query(
        self,
        route: str,
        placeholders: Sequence[str],
        query: Mapping[str, str] | Sequence[str],
        *paging: str,
    ) -> dict[str, str]:
        if isinstance(query, str):  # a str is a sequence of str: its letters would become parameters
            raise DeclarationError(f"{self.name} {route}: query is a mapping or a list of names, not {query!r}")
        if not isinstance(query, Mapping):
            self._distinct(route, query, "query parameter")
            query = {name: name for name in query}
        self._distinct(route, [*placeholders, *query], "parameter")
        self._distinct(route, [*query.values(), *paging], "query parameter")
        return dict(query)

    def _distinct(self, route: str, names: Sequence[str], what: str) -> None:
        if twice := [name for number, name in enumerate(names) if name in names[:number]]:
            raise DeclarationError(f"{self.name} {route}: {what} {twice[0]!r} stands there twice")

    def _rows(self, route: str, returns: Any) -> None:
        self._record(route, returns, "rows are records, so returns")
        self._decodable(route, returns)

    def _record(self, route: str, record: Any, what: str) -> None:
        if not (isinstance(record, type) and issubclass(record, msgspec.Struct)):
            raise DeclarationError(f"{self.name} {route}: {what} is a Record class, not {record!r}")

    def _decodable(self, route: str, returns: Any) -> None:
        try:
            msgspec.json.Decoder(returns)
        except (TypeError, NameError) as exc:
            raise DeclarationError(f"{self.name} {route}: {returns!r} cannot be read from JSON: {exc}") from exc

    def _policy(self, route: str, policy: Policy) -> Settled:
        return settle(f"{self.name} {route}", policy)

    def _add(self, endpoint: E) -> E:
        for other in self._endpoints:
            if (other.name, other.__class__) == (endpoint.name, endpoint.__class__):
                raise DeclarationError(f"{endpoint.name} is declared twice")
        self._endpoints.append(endpoint)
        return endpoint


Key = Hashable


#: Texts that name nothing and would change the path they stand in.
_NAMELESS = frozenset(("", ".", ".."))


def wire_text(value: object) -> str:
    """A part of a key, or a parameter, as the text that stands in a request and that rows are matched by.

    An enum is the word a service uses for it, a truth value is ``true`` or ``false``, times are ISO 8601.
    """
    if isinstance(value, str) and not isinstance(value, Enum):
        return value
    if type(value) is int:  # neither a truth value nor an enum
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(msgspec.to_builtins(value))


def _in_path(parameters: Sequence[str], query: Mapping[str, str], key: Any) -> Sequence[Any]:
    return [value for name, value in zip(parameters, key, strict=False) if name not in query]


def _steps(path: str) -> tuple[str, ...]:
    return tuple(step for step in path.split(".") if step)
