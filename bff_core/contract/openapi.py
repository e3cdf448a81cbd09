"""Declarations held to the OpenAPI document of their service: where the two have drifted apart.

A declaration says what we send and what we read; the document says what the service takes and gives.
``drift`` walks both together. What we send must be known there, and enough. What is given must fit what we
read: each type that the document allows, null and absence included, must be one that the record can hold. The
document may hold more than is declared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any

from msgspec import inspect

from bff_core.contract.documented import Document, Json, LostError, Shape, json_type
from bff_core.contract.kinds import FORMATS, KINDS, LISTS, choices, either, expected
from bff_core.contract.policy import VARIES_HEADERS
from bff_core.contract.record import LenientEnum
from bff_core.contract.sendable import refused
from bff_core.contract.service import IDEMPOTENCY_HEADER, Batch, Command, Endpoint, Get, KeyStyle, Paged, Service


def drift(service: Service, document: Json, file: str) -> list[str]:
    """Every difference between a service's declarations and its document, one sentence each, none twice.

    ``file`` is what the sentences call the document. Empty when each declared endpoint and record holds.
    """
    found: dict[str, None] = {}
    for endpoint in service.endpoints:
        for sentence in _Check(Document(document), endpoint).sentences():
            found[f"{file}: {sentence}"] = None
    return list(found)


@dataclass(frozen=True, slots=True)
class _Check:
    """One endpoint against one document."""

    document: Document
    endpoint: Endpoint[Any]

    def sentences(self) -> Iterator[str]:
        """What has drifted, from the route inwards."""
        try:
            yield from self._route()
        except LostError as lost:
            yield f"{self.endpoint.method} {self.endpoint.path}: {lost}"

    # --- the route, its parameters and its credential

    def _route(self) -> Iterator[str]:
        endpoint = self.endpoint
        route = f"{endpoint.method} {endpoint.path}"
        paths = self.document.root.get("paths", {})
        same = [path for path in paths if _nameless(path) == _nameless(endpoint.path)]
        documented = endpoint.path if endpoint.path in same else same[0] if same else None
        item = self.document.resolved(paths.get(documented, {}))[0]
        operation = item.get(endpoint.method.lower())
        if documented is None or operation is None:
            yield f"there is no {route}, which is declared as {endpoint!r}"
            return
        if documented != endpoint.path:
            yield f"the path is {documented}, the endpoint {endpoint.name} calls its parameters otherwise"
        parameters = {
            (parameter["in"], parameter["name"]): parameter
            for each in (*item.get("parameters", ()), *operation.get("parameters", ()))
            for parameter in (self.document.resolved(each)[0],)
        }
        yield from self._credential(route, operation)
        yield from self._parameters(route, parameters)
        if isinstance(endpoint, Batch) and endpoint.style is KeyStyle.BODY:
            yield from self._body(route, endpoint, operation)
        elif isinstance(endpoint, Command) and endpoint.body is not None:
            yield from self._command_body(route, endpoint.body, operation)
        elif operation.get("requestBody", {}).get("required"):
            yield f"{route} requires a body, the endpoint sends none"
        yield from self._answers(route, operation)

    def _credential(self, route: str, operation: Json) -> Iterator[str]:
        endpoint = self.endpoint
        ways: Sequence[Json] = operation.get("security", self.document.root.get("security", ()))
        if not endpoint.relay:
            if ways and not any(way == {} for way in ways):
                yield f"{route} requires a credential, the endpoint relays none"
            return
        if not ways:
            schemes = self.document.root.get("components", {}).get("securitySchemes")
            if schemes and "401" not in operation.get("responses", {}):
                yield f"{route} requires no credential, the endpoint relays one"
            return
        wanted = [frozenset(scope for scopes in way.values() for scope in scopes) for way in ways]
        if not any(scopes <= endpoint.scopes for scopes in wanted):
            yield f"{route} requires {_scopes(wanted[0])}, the endpoint declares {_scopes(endpoint.scopes)}"
        elif unknown := endpoint.scopes - frozenset().union(*wanted):
            yield f"{route} does not require {_scopes(unknown)}, which the endpoint declares"

    def _parameters(self, route: str, parameters: Mapping[tuple[str, str], Json]) -> Iterator[str]:
        endpoint = self.endpoint
        sent: list[str] = []
        if isinstance(endpoint, Get | Paged):
            sent += endpoint.query.values()
        if isinstance(endpoint, Paged):
            sent += [endpoint.limit, endpoint.cursor]
        if isinstance(endpoint, Batch) and endpoint.style is not KeyStyle.BODY:
            sent.append(endpoint.keys)
        for name in sent:
            if ("query", name) not in parameters:
                yield f"{route} has no query parameter {name!r}, which the endpoint sends"
        headers = {VARIES_HEADERS[what] for what in endpoint.policy.varies}
        if isinstance(endpoint, Command) and endpoint.idempotency_key:
            headers.add(IDEMPOTENCY_HEADER)
            known = {name.lower() for place, name in parameters if place == "header"}
            if IDEMPOTENCY_HEADER not in known and not endpoint.repeatable:
                yield (
                    f"{route} has no header {IDEMPOTENCY_HEADER!r}, under which the endpoint may be sent twice; "
                    "declare it with idempotency_key=False"
                )
            if not endpoint.key_required and any(
                place == "header" and name.lower() == IDEMPOTENCY_HEADER and parameter.get("required", False)
                for (place, name), parameter in parameters.items()
            ):
                yield (
                    f"{route} requires the header {IDEMPOTENCY_HEADER!r}, which the endpoint may leave out; "
                    'declare it with idempotency_key="required"'
                )
        for (place, name), parameter in parameters.items():
            needed = place != "path" and parameter.get("required", False)
            given = name.lower() in headers if place == "header" else place == "query" and name in sent
            if needed and not given:
                yield f"{route} requires the {place} parameter {name!r}, which the endpoint never sends"
        if isinstance(endpoint, Paged) and (limit := parameters.get(("query", endpoint.limit))):
            yield from self._limit(route, endpoint, limit)
        if isinstance(endpoint, Batch) and (keys := parameters.get(("query", endpoint.keys))):
            yield from self._keys(route, endpoint, keys)

    def _limit(self, route: str, endpoint: Paged[Any], parameter: Json) -> Iterator[str]:
        for shape in self.document.shapes(parameter.get("schema", {})):
            most = shape.schema.get("maximum")
            if "exclusiveMaximum" in shape.schema:
                most = shape.schema["exclusiveMaximum"] - 1
            if most is not None and endpoint.max_limit > most:
                yield (
                    f"{route} takes a {endpoint.limit!r} of at most {most:g}, "
                    f"the endpoint's max_limit is {endpoint.max_limit}"
                )

    def _keys(self, route: str, endpoint: Batch[Any], parameter: Json) -> Iterator[str]:
        apart = parameter.get("explode", parameter.get("style", "form") == "form")
        for shape in self.document.shapes(parameter.get("schema", {})):
            if shape.kind == "array":
                if apart is not (endpoint.style is KeyStyle.REPEATED):
                    takes = "repeated" if apart else "separated by commas"
                    style = endpoint.style.value
                    yield f"{route} takes {endpoint.keys!r} {takes}, the endpoint's style is {style}"
                yield from self._most(route, endpoint, shape)
            elif endpoint.style is KeyStyle.REPEATED and endpoint.max_keys > 1:
                yield f"{route} takes {endpoint.keys!r} once as {shape}, the endpoint repeats it"

    def _most(self, route: str, endpoint: Batch[Any], keys: Shape) -> Iterator[str]:
        most = keys.schema.get("maxItems")
        if most is not None and endpoint.max_keys > most:
            yield (f"{route} takes at most {most} {endpoint.keys!r}, the endpoint's max_keys is {endpoint.max_keys}")

    def _body(self, route: str, endpoint: Batch[Any], operation: Json) -> Iterator[str]:
        schema = self.document.json_of(operation.get("requestBody", {}))
        if schema is None:
            yield f"{route} takes no JSON body, the endpoint sends one"
            return
        for shape in self.document.shapes(schema):
            members = shape.members
            for name in sorted(shape.required):
                if name != endpoint.keys:
                    yield f"{route} requires {name!r} in its body, which the endpoint never sends"
            if endpoint.keys not in members:
                yield f"{route} has no {endpoint.keys!r} in its body, which the endpoint sends"
                continue
            for keys in self.document.shapes(members[endpoint.keys]):
                where = f"{shape.name or route}.{endpoint.keys}"
                if keys.kind != "array":
                    yield f"{where} is {keys}, the endpoint sends an array"
                    continue
                yield from self._most(route, endpoint, keys)
                yield from self._body_key(f"{where}[]", endpoint, keys.items)

    def _command_body(self, route: str, body: type[Any], operation: Json) -> Iterator[str]:
        schema = self.document.json_of(operation.get("requestBody", {}))
        if schema is None:
            yield f"{route} takes no JSON body, the endpoint sends one"
            return
        where = f"the body of {route}"
        yield from refused(self.document, where, f"the endpoint {self.endpoint.name}", schema, inspect.type_info(body))

    def _body_key(self, where: str, endpoint: Batch[Any], schema: Json) -> Iterator[str]:
        fields = {field.name: field for field in _struct(endpoint.returns).fields}
        parts = [fields[name] for name in endpoint.key]
        shapes = self.document.shapes(schema)
        if endpoint.composite:
            for shape in shapes:
                members = shape.members
                for field in parts:
                    if field.encode_name not in members:
                        yield f"{where} has no {field.encode_name!r}, a part of the key of {endpoint.name}"
                    else:
                        name = f"{where}.{field.encode_name}"
                        yield from self._sendable(name, self.document.shapes(members[field.encode_name]), field.type)
        else:
            yield from self._sendable(where, shapes, parts[0].type)

    def _sendable(self, where: str, shapes: Sequence[Shape], ours: inspect.Type) -> Iterator[str]:
        """What we send is what the record holds, so one documented shape must take it."""
        if not any(_fits(_without_null(ours), shape) for shape in shapes):
            yield f"{where} is {either(shapes)}, the endpoint {self.endpoint.name} sends {expected(ours)}"

    # --- the answer

    def _answers(self, route: str, operation: Json) -> Iterator[str]:
        if self.endpoint.returns is NoneType:
            return
        good = sorted(status for status in operation.get("responses", {}) if status.startswith("2"))
        # What a command answers when it is sent again may have a status of its own; a read has one good answer.
        read = good if isinstance(self.endpoint, Command) else good[:1]
        for schema in [self.document.json_of(operation["responses"][status]) for status in read] or [None]:
            if schema is None:
                yield f"{route} documents no JSON answer"
            else:
                yield from self._answer(route, schema)

    def _answer(self, route: str, schema: Json) -> Iterator[str]:
        endpoint = self.endpoint
        where = f"the answer of {route}"
        who = f"the endpoint {endpoint.name}"
        if isinstance(endpoint, Paged):
            frame: dict[str, Any] = {endpoint.cursors: list[str], endpoint.next: str | None}
            if endpoint.total is not None:
                frame[endpoint.total] = int
            for name, wanted in frame.items():
                ours = inspect.type_info(wanted)
                optional = name == endpoint.next
                yield from self._member(where, who, schema, name, ours, optional=optional)
            yield from self._under(where, who, schema, endpoint.items, list[endpoint.returns])  # type: ignore[name-defined]  # a run-time type
        elif isinstance(endpoint, Batch):
            yield from self._under(where, who, schema, endpoint.at, list[endpoint.returns])  # type: ignore[name-defined]  # a run-time type
        elif isinstance(endpoint, Get | Command):
            yield from self._under(where, who, schema, endpoint.at, endpoint.returns)

    def _under(self, where: str, who: str, schema: Json, path: Sequence[str], returns: Any) -> Iterator[str]:
        """Walk the response path, then compare what lies at its end."""
        ours = inspect.type_info(returns)
        if not path:
            yield from self._compare(where, who, schema, ours, frozenset())
            return
        for step in path[:-1]:
            shape, *more = self.document.shapes(schema)
            label = shape.name or where
            if more or step not in shape.members:
                yield f"{label} is {either([shape, *more])}, {who} reads its member {step!r}"
                return
            if step not in shape.required:
                yield f"{label}.{step} may be missing, {who} reads its answer there"
            where, schema = f"{label}.{step}", shape.members[step]
        yield from self._member(where, who, schema, path[-1], ours)

    def _member(
        self,
        where: str,
        who: str,
        schema: Json,
        name: str,
        ours: inspect.Type,
        *,
        optional: bool = False,
    ) -> Iterator[str]:
        """One member of each documented shape of an object against what we read it as."""
        for shape in self.document.shapes(schema):
            label = shape.name or where
            members = shape.members
            if name not in members:
                yield f"{label} has no {name!r}, which {who} reads as {expected(ours)}"
                continue
            if not optional and name not in shape.required:
                yield f"{label}.{name} may be missing, {who} expects {expected(ours)}"
            yield from self._compare(f"{label}.{name}", who, members[name], ours, frozenset())

    def _compare(
        self, where: str, who: str, schema: Json, ours: inspect.Type, seen: frozenset[tuple[type, str]]
    ) -> Iterator[str]:
        """Each shape that the document allows at a place must be one that we can read there."""
        try:
            shapes = self.document.shapes(schema)
        except LostError as lost:
            yield f"{where}: {lost}"
            return
        for shape in shapes:
            fitting = [choice for choice in choices(ours) if _fits(choice, shape)]
            if not fitting:
                yield f"{where} is {shape}, {who} expects {expected(ours)}"
                continue
            # msgspec allows one struct in a union without tags, so the first that fits is the one.
            yield from self._inside(where, who, shape, fitting[0], seen)

    def _inside(
        self,
        where: str,
        who: str,
        shape: Shape,
        ours: inspect.Type,
        seen: frozenset[tuple[type, str]],
    ) -> Iterator[str]:
        if isinstance(ours, inspect.EnumType):
            known = {member.value for member in ours.cls}
            words = shape.words
            for word in words or ():
                if word not in known:
                    yield f"{where} may be {word!r}, {who} expects {expected(ours)}, which has no such word"
            if words is None and not issubclass(ours.cls, LenientEnum):
                yield f"{where} is any {shape}, {who} expects {expected(ours)}, which is not lenient"
        elif isinstance(ours, inspect.LiteralType):
            if shape.words is None:
                yield f"{where} is any {shape}, {who} expects {expected(ours)}"
            for word in shape.words or ():
                if word not in ours.values:
                    yield f"{where} may be {word!r}, {who} expects {expected(ours)}"
        elif isinstance(ours, LISTS):
            yield from self._compare(f"{where}[]", who, shape.items, ours.item_type, seen)
        elif isinstance(ours, inspect.DictType):
            more = shape.schema.get("additionalProperties", {})
            yield from self._compare(
                f"{where}{{}}", who, more if isinstance(more, Mapping) else {}, ours.value_type, seen
            )
        elif isinstance(ours, inspect.StructType):
            label = shape.name or where
            if (ours.cls, label) not in seen:
                yield from self._record(label, shape.schema, ours, seen | {(ours.cls, label)})

    def _record(
        self, label: str, schema: Json, ours: inspect.StructType, seen: frozenset[tuple[type, str]]
    ) -> Iterator[str]:
        members = schema.get("properties", {})
        for field in ours.fields:
            name = field.encode_name
            who = f"the record {ours.cls.__module__}.{ours.cls.__qualname__}.{field.name}"
            if name not in members:
                yield f"{label} has no {name!r}, {who} expects {expected(field.type)}"
                continue
            if field.required and name not in schema.get("required", ()):
                yield f"{label}.{name} may be missing, {who} expects {expected(field.type)}"
            yield from self._compare(f"{label}.{name}", who, members[name], field.type, seen)


def _fits(ours: inspect.Type, shape: Shape) -> bool:
    """Whether one of our types can be read from a documented shape, not looking inside it."""
    if isinstance(ours, inspect.AnyType | inspect.RawType):
        return True
    if isinstance(ours, inspect.UnionType):
        return any(_fits(choice, shape) for choice in ours.types)
    if isinstance(ours, inspect.EnumType):
        return shape.kind in {json_type(member.value) for member in ours.cls}
    if isinstance(ours, inspect.LiteralType):
        return shape.kind in {json_type(value) for value in ours.values}
    if (wanted := FORMATS.get(type(ours))) and shape.schema.get("format") != wanted:
        return False
    return shape.kind in KINDS.get(type(ours), frozenset())


def _without_null(ours: inspect.Type) -> inspect.Type:
    return inspect.UnionType(tuple(c for c in choices(ours) if not isinstance(c, inspect.NoneType)))


def _scopes(scopes: frozenset[str]) -> str:
    return f"the scopes {', '.join(sorted(scopes))}" if scopes else "no scopes"


def _struct(returns: type[Any]) -> inspect.StructType:
    ours = inspect.type_info(returns)
    if not isinstance(ours, inspect.StructType):
        raise TypeError(f"{returns!r} is no record")
    return ours


def _nameless(path: str) -> str:
    """A path without the names of its parameters, which mean nothing on the wire."""
    return re.sub(r"\{[^}]*\}", "{}", path)


__all__ = ["drift"]
