"""An OpenAPI document, read as far as it says which shapes a value can have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

Json = Mapping[str, Any]

#: References and compositions that lie deeper than this lead in a circle.
_DEEPEST = 20


class LostError(Exception):
    """A ``$ref`` leads nowhere, or in a circle; the message says which."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One of the shapes a documented value can have: a resolved schema with at most one type.

    ``name`` is what the document calls the schema, "" for one that stands where it is used.
    """

    schema: Json
    name: str

    @property
    def kind(self) -> str | None:
        """The JSON type; None where the document leaves it open."""
        kind = self.schema.get("type")
        if kind is None and "properties" in self.schema:
            return "object"
        if kind is None and self.words:
            return json_type(self.words[0])
        return kind if isinstance(kind, str) else None

    @property
    def words(self) -> tuple[Any, ...] | None:
        """The words of an enum or a const; None where any will do."""
        if "const" in self.schema:
            return (self.schema["const"],)
        if "enum" in self.schema:
            return tuple(word for word in self.schema["enum"] if word is not None)
        return None

    @property
    def members(self) -> Json:
        """The schemas of an object's members by name."""
        members: Json = self.schema.get("properties", {})
        return members

    @property
    def required(self) -> frozenset[str]:
        """The members that are never missing."""
        return frozenset(self.schema.get("required", ()))

    @property
    def items(self) -> Json:
        """The schema of an array's elements."""
        items: Json = self.schema.get("items", {})
        return items

    def __str__(self) -> str:
        kind = self.kind
        if kind is None:
            return "anything"
        if kind == "object" and self.name:
            return f"{self.name} (object)"
        if self.words and kind != "null":
            return "one of " + ", ".join(map(str, self.words))
        return f"{kind} ({self.schema['format']})" if "format" in self.schema else kind


class Document:
    """An OpenAPI 3.1 document as FastAPI writes it; of 3.0 the word ``nullable`` is understood too."""

    def __init__(self, root: Json) -> None:
        self.root = root

    def resolved(self, schema: Json) -> tuple[Json, str]:
        """What a ``$ref`` leads to, and the last part of its name ("" where there is none)."""
        name = ""
        for _ in range(_DEEPEST):
            ref = schema.get("$ref")
            if ref is None:
                return schema, name
            target: Any = self.root
            for step in str(ref).removeprefix("#/").split("/"):
                step = unquote(step).replace("~1", "/").replace("~0", "~")
                if not (isinstance(target, Mapping) and step in target):
                    raise LostError(f"{ref} leads nowhere")
                target, name = target[step], step
            schema = target
        raise LostError(f"{schema['$ref']} leads in a circle")

    def shapes(self, schema: Json, depth: int = 0) -> list[Shape]:
        """All shapes that a documented value can have, null among them. Raises LostError."""
        schema, name = self.resolved(schema)
        if depth > _DEEPEST:
            raise LostError(f"{name or 'a schema'} is made of itself")
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return [shape for each in schema[word] for shape in self.shapes(each, depth + 1)]
        if "allOf" in schema:
            return [self._merged(schema, name, depth)]
        kinds = schema.get("type")
        found = list(kinds) if isinstance(kinds, list) else [kinds]
        if schema.get("nullable") or (None in schema.get("enum", ()) and "null" not in found):
            found.append("null")
        return [Shape(schema if kind is None else {**schema, "type": kind}, name) for kind in found]

    def json_of(self, holder: Json) -> Json | None:
        """The schema of the JSON in a body or an answer; None where there is none."""
        for media, content in self.resolved(holder)[0].get("content", {}).items():
            if media == "application/json" or media.endswith("+json"):
                schema: Json = content.get("schema", {})
                return schema
        return None

    def _merged(self, schema: Json, name: str, depth: int) -> Shape:
        merged: dict[str, Any] = {word: value for word, value in schema.items() if word != "allOf"}
        for each in schema["allOf"]:
            for part in self.shapes(each, depth + 1):
                name = name or part.name
                members, required = merged.get("properties", {}), merged.get("required", [])
                merged.update(part.schema)
                merged["properties"] = {**members, **part.members}
                merged["required"] = [*required, *part.required]
        return Shape({word: value for word, value in merged.items() if value not in ({}, [])}, name)


def json_type(value: object) -> str:
    """The JSON type of a word in an enum."""
    return {str: "string", bool: "boolean", int: "integer", type(None): "null"}.get(type(value), "number")
