"""Keys and bodies to requests, and bytes to records, for each kind of endpoint; compiled once per endpoint.

A list is decoded in one go; when that fails, element by element, so that one bad element costs its own key
and no other. Errors name the field path (msgspec's own, ``$.items[3].price``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any, Protocol, get_args, get_origin
from urllib.parse import quote, quote_plus, urlencode

import msgspec

from bff_core.contract import Batch, Command, Edge, Endpoint, Get, Key, KeyStyle, Outcome, Page, Paged, PageInfo
from bff_core.contract.service import wire_text
from bff_core.errors import BadPayload, BadRequest, Bug, NotFound

_HALF_A_PAIR = "An argument holds half of a surrogate pair, which is no text."

#: What needs no quoting in a query, wherever it stands.
_PLAIN = re.compile(r"[A-Za-z0-9_.~:-]*")

#: What msgspec raises on bytes that are no JSON, no UTF-8, too deep, or of another shape.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Ask(msgspec.Struct, frozen=True):
    """What to send: ``target`` is path and query, already quoted; ``body`` is JSON or None."""

    target: str
    body: bytes | None = None


class Codec(Protocol):
    """The two directions of one endpoint that reads."""

    def ask(self, keys: Sequence[Any]) -> Ask:
        """The request for these keys. Raises BadRequest when a key cannot stand in a URL."""

    def outcomes(self, keys: Sequence[Any], body: bytes) -> list[Outcome[Any]]:
        """One outcome a key, in the order of the keys. Raises BadPayload when nothing can be read."""


def codec_for(endpoint: Endpoint[Any]) -> Codec:
    """The codec of an endpoint that reads, by its kind; a command has a ``CommandCodec``."""
    if isinstance(endpoint, Batch):
        return BatchCodec(endpoint)
    if isinstance(endpoint, Paged):
        return PagedCodec(endpoint)
    if isinstance(endpoint, Get):
        return GetCodec(endpoint)
    raise Bug(f"no codec for {endpoint!r}")


class GetCodec:
    """One thing by its parameters; where that is a list, a row that cannot be read is left out and told as a flaw."""

    def __init__(self, endpoint: Get[Any]) -> None:
        self._endpoint = endpoint
        self._decoder = msgspec.json.Decoder(_nested(endpoint.at, endpoint.returns))
        listed = get_origin(endpoint.returns) is list
        self._rows = _Rows(endpoint, endpoint.at, get_args(endpoint.returns)[0]) if listed else None

    def ask(self, keys: Sequence[Any]) -> Ask:
        """The request for the one key."""
        values = dict(zip(self._endpoint.parameters, keys[0], strict=True))
        return Ask(_target(self._endpoint.path, values, self._endpoint.query))

    def outcomes(self, keys: Sequence[Any], body: bytes) -> list[Outcome[Any]]:
        """The one outcome."""
        try:
            return [Outcome(self._endpoint.service, _walk(self._decoder.decode(body), self._endpoint.at))]
        except _UNREADABLE as exc:
            if self._rows is None:
                raise _bad(self._endpoint, exc) from exc
        rows = self._rows.read(body)
        flaws = tuple(error for _, _, error in rows if error)
        return [Outcome(self._endpoint.service, [row for row, _, error in rows if error is None], flaws=flaws)]


class BatchCodec:
    """Many things by their keys."""

    def __init__(self, endpoint: Batch[Any]) -> None:
        self._endpoint = endpoint
        names = {f.name: f.encode_name for f in msgspec.structs.fields(endpoint.returns)}
        self._members = [names[name] for name in endpoint.key]
        self._name = quote(endpoint.keys, safe="") if endpoint.style is KeyStyle.COMMA else quote_plus(endpoint.keys)
        self._between = "," if endpoint.style is KeyStyle.COMMA else f"&{self._name}="
        key_fields: list[Any] = [(name, str | int | float, msgspec.field(name=names[name])) for name in endpoint.key]
        self._rows = _Rows(endpoint, endpoint.at, endpoint.returns, msgspec.defstruct("KeyOnly", key_fields))

    def ask(self, keys: Sequence[Any]) -> Ask:
        """The request for all keys at once."""
        endpoint = self._endpoint
        if endpoint.style is KeyStyle.BODY:
            return Ask(endpoint.path, msgspec.json.encode({endpoint.keys: [self._in_body(k) for k in keys]}))
        texts = [":".join(map(wire_text, _parts(key))) for key in keys]
        if not _PLAIN.fullmatch("".join(texts)):  # most keys are, and one look at all of them costs less than quoting
            quoted = quote if endpoint.style is KeyStyle.COMMA else quote_plus
            texts = [quoted(_whole(text), safe=":") for text in texts]
        return Ask(f"{endpoint.path}?{self._name}={self._between.join(texts)}")

    def outcomes(self, keys: Sequence[Any], body: bytes) -> list[Outcome[Any]]:
        """Rows matched to keys by the key's text; see ``Batch`` for what may be missing or too much."""
        if not (self._endpoint.many or self._endpoint.composite):
            rows = self._rows.whole(body)
            if rows is not None:
                return self._matched(keys, rows)
        found: dict[tuple[str, ...], list[Any]] = {}
        failed: dict[tuple[str, ...], list[BadPayload]] = {}
        nameless: list[BadPayload] = []
        for row, key_of, error in self._rows.read(body):
            if error is None:
                found.setdefault(self._key_of(row), []).append(row)
            elif key_of is not None:
                failed.setdefault(self._key_of(key_of), []).append(error)
            else:
                nameless.append(error)
        return [self._outcome(tuple(map(wire_text, _parts(key))), found, failed, nameless) for key in keys]

    def _matched(self, keys: Sequence[Any], rows: Sequence[Any]) -> list[Outcome[Any]]:
        """What nearly every answer needs: one thing for each key of one part, and no row that could not be read."""
        service, name = self._endpoint.service, self._endpoint.key[0]
        found: dict[str, Any] = {}
        for row in rows:
            found.setdefault(wire_text(getattr(row, name)), row)
        texts = [wire_text(key[0] if isinstance(key, tuple) else key) for key in keys]
        return [Outcome(service, found[text]) if text in found else self._missing((text,)) for text in texts]

    def _missing(self, key: tuple[str, ...]) -> Outcome[Any]:
        service = self._endpoint.service
        return Outcome(service, error=NotFound(f"{self._endpoint.name}: no {':'.join(key)}", service=service))

    def _outcome(
        self,
        key: tuple[str, ...],
        found: Mapping[tuple[str, ...], list[Any]],
        failed: Mapping[tuple[str, ...], list[BadPayload]],
        nameless: list[BadPayload],
    ) -> Outcome[Any]:
        service = self._endpoint.service
        rows = found.get(key, [])
        # A row that cannot even say which key it is for may be this one's: "not found" would be a guess.
        errors = [*failed.get(key, []), *nameless]
        if self._endpoint.many:
            return Outcome(service, tuple(rows), flaws=tuple(errors))
        if rows:
            return Outcome(service, rows[0])
        return Outcome(service, error=errors[0]) if errors else self._missing(key)

    def _key_of(self, row: Any) -> tuple[str, ...]:
        return tuple(wire_text(getattr(row, name)) for name in self._endpoint.key)

    def _in_body(self, key: Any) -> Any:
        parts = _parts(key)
        for part in parts:
            _text(part)  # JSON cannot hold half of a surrogate pair either
        members = dict(zip(self._members, parts, strict=True))
        return members if self._endpoint.composite else parts[0]


class PagedCodec:
    """A list in pages."""

    def __init__(self, endpoint: Paged[Any]) -> None:
        self._endpoint = endpoint
        outer: list[Any] = [
            ("cursors", list[str], msgspec.field(name=endpoint.cursors)),
            ("next", str | None, msgspec.field(name=endpoint.next, default=None)),
        ]
        if endpoint.total:
            outer.append(("total", int, msgspec.field(name=endpoint.total)))
        self._frame = msgspec.json.Decoder(msgspec.defstruct("PageFrame", outer, kw_only=True))
        self._rows = _Rows(endpoint, endpoint.items, endpoint.returns)

    def ask(self, keys: Sequence[Any]) -> Ask:
        """The request for the one page: ``(*parameters, limit, cursor)``."""
        endpoint = self._endpoint
        *values, limit, cursor = keys[0]
        named = dict(zip(endpoint.parameters, values, strict=True)) | {"#limit": limit, "#cursor": cursor}
        query = {**endpoint.query, "#limit": endpoint.limit, "#cursor": endpoint.cursor}
        return Ask(_target(endpoint.path, named, query))

    def outcomes(self, keys: Sequence[Any], body: bytes) -> list[Outcome[Any]]:
        """The one page; a row that cannot be read is left out and told as a flaw."""
        try:
            frame: Any = self._frame.decode(body)
        except _UNREADABLE as exc:
            raise _bad(self._endpoint, exc) from exc
        rows = list(self._rows.read(body))
        if len(rows) != len(frame.cursors):
            raise BadPayload(
                f"{self._endpoint.name}: {len(rows)} rows with {len(frame.cursors)} cursors",
                service=self._endpoint.service,
            )
        edges = tuple(
            Edge(cursor, row) for cursor, (row, _, error) in zip(frame.cursors, rows, strict=True) if error is None
        )
        info = PageInfo(
            has_next_page=bool(frame.next),  # some services say "" where they mean null
            has_previous_page=False,
            start_cursor=edges[0].cursor if edges else None,
            # Of the whole page: the walk must not begin again before a last row that could not be read.
            end_cursor=frame.next or (frame.cursors[-1] if frame.cursors else None),
        )
        total = frame.total if self._endpoint.total else None
        flaws = tuple(error for _, _, error in rows if error)
        return [Outcome(self._endpoint.service, Page(edges, info, total), flaws=flaws)]


class CommandCodec:
    """One write: path parameters and a body one way, one answer the other."""

    def __init__(self, command: Command[Any]) -> None:
        self._command = command
        read = command.returns is not NoneType
        self._decoder = msgspec.json.Decoder(_nested(command.at, command.returns)) if read else None
        self._problems = {word: msgspec.json.Decoder(record) for word, record in command.problems.items()}

    def ask(self, parameters: Sequence[Any], body: object) -> Ask:
        """The request. Raises BadRequest when a parameter or a text of the body cannot be sent."""
        command = self._command
        if not isinstance(body, command.body or NoneType):
            raise Bug(f"{command.name}: its body is {command.body}, not {type(body)}")
        target = _target(command.path, dict(zip(command.parameters, parameters, strict=True)), {})
        if body is None:
            return Ask(target)
        try:
            return Ask(target, msgspec.json.encode(body))
        except UnicodeEncodeError:
            raise BadRequest(_HALF_A_PAIR) from None

    def outcome(self, body: bytes) -> Outcome[Any]:
        """What the service says it did; None where that is not read. Raises BadPayload."""
        if self._decoder is None:
            return Outcome(self._command.service)
        try:
            return Outcome(self._command.service, _walk(self._decoder.decode(body), self._command.at))
        except _UNREADABLE as exc:
            raise _bad(self._command, exc) from exc

    def problem(self, body: bytes) -> Any:
        """The declared record of a refusal (RFC 9457); None for one that is not declared, or cannot be read.

        A problem's type is a URI reference; what follows its last slash or ``#`` is the word it is declared by.
        """
        try:
            word = re.split("[/#]", _TYPE_OF.decode(body).type)[-1]
            return self._problems[word].decode(body) if word in self._problems else None
        except _UNREADABLE:
            return None


class _Typed(msgspec.Struct):
    type: str


_TYPE_OF = msgspec.json.Decoder(_Typed)

Row = tuple[Any, Any, BadPayload | None]


class _Rows:
    """The rows of a list under a response path: all at once, or one by one when that fails.

    Reads into triples ``(row, what could be read of its key, error)``; row is None exactly when there is an
    error.
    """

    def __init__(
        self, endpoint: Endpoint[Any], at: tuple[str, ...], row_type: Any, key_type: type[Any] | None = None
    ) -> None:
        self._endpoint = endpoint
        self._at = at
        self._all = msgspec.json.Decoder(_nested(at, list[row_type]))
        self._raw = msgspec.json.Decoder(_nested(at, list[msgspec.Raw]))
        self._one = msgspec.json.Decoder(row_type)
        self._key = msgspec.json.Decoder(key_type) if key_type else None

    def whole(self, body: bytes) -> list[Any] | None:
        """Every row; None where one of them cannot be read, and ``read`` finds out which."""
        try:
            rows: list[Any] = _walk(self._all.decode(body), self._at)
        except _UNREADABLE:
            return None
        return rows

    def read(self, body: bytes) -> list[Row]:
        """Every row of the answer. Raises BadPayload when there is no list under the response path."""
        rows = self.whole(body)
        if rows is not None:
            return [(row, None, None) for row in rows]
        try:
            elements = _walk(self._raw.decode(body), self._at)
        except _UNREADABLE as exc:
            raise _bad(self._endpoint, exc) from exc
        return [self._read_one(number, element) for number, element in enumerate(elements)]

    def _read_one(self, number: int, element: msgspec.Raw) -> Row:
        try:
            return self._one.decode(element), None, None
        except _UNREADABLE as exc:
            error = _bad(self._endpoint, exc, number)
        try:
            return None, self._key.decode(element) if self._key else None, error
        except _UNREADABLE:
            return None, None, error


def _nested(at: tuple[str, ...], inner: Any) -> Any:
    for step in reversed(at):
        inner = msgspec.defstruct("Envelope", [("value", inner, msgspec.field(name=step))])
    return inner


def _walk(value: Any, at: tuple[str, ...]) -> Any:
    for _ in at:
        value = value.value
    return value


def _bad(endpoint: Endpoint[Any], exc: Exception, number: int | None = None) -> BadPayload:
    where = "" if number is None else f" element {number}:"
    return BadPayload(f"{endpoint.name}:{where} {exc}", service=endpoint.service)


def _target(path: str, values: Mapping[str, Any], query: Mapping[str, str]) -> str:
    """Path and query: every value quoted whole, so that none can leave its place; None is not sent."""
    sent = [(query[name], _text(value)) for name, value in values.items() if name in query and value is not None]
    for name, value in values.items():
        if name not in query:
            path = path.replace("{" + name + "}", quote(_segment(value), safe=""))
    return f"{path}?{urlencode(sent)}" if sent else path


def _segment(value: Any) -> str:
    if value is None:
        raise BadRequest("A path parameter is missing.")
    text = _text(value)
    if text in ("", ".", ".."):  # quoting leaves dots alone, and a dot segment climbs
        raise BadRequest(f"{text!r} is not an id.")
    return text


def _text(value: Any) -> str:
    return _whole(wire_text(value))


def _whole(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadRequest(_HALF_A_PAIR) from None
    return text


def _parts(key: Key) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)
