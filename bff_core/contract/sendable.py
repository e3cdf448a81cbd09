"""What a command sends, held to what the document says that its service takes.

The comparison runs the other way round than that of an answer: each value that our record can hold must be one that the
document allows, and what the document requires must always be sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import NODEFAULT, inspect

from bff_core.contract.documented import Document, Json, LostError, Shape, json_type
from bff_core.contract.kinds import FORMATS, LISTS, choices, either, expected
from bff_core.contract.record import LenientEnum

#: The JSON types that take each of ours as msgspec writes it.
_TAKEN_AS: Mapping[type[inspect.Type], frozenset[str]] = {
    inspect.NoneType: frozenset({"null"}),
    inspect.BoolType: frozenset({"boolean"}),
    inspect.IntType: frozenset({"integer", "number"}),
    inspect.FloatType: frozenset({"number"}),
    inspect.StrType: frozenset({"string"}),
    inspect.DecimalType: frozenset({"string"}),
    inspect.StructType: frozenset({"object"}),
    inspect.DictType: frozenset({"object"}),
    **{kind: frozenset({"array"}) for kind in LISTS},
    **{kind: frozenset({"string"}) for kind in FORMATS},
}


def refused(document: Document, where: str, who: str, schema: Json, ours: inspect.Type) -> Iterator[str]:
    """Everything of ours that a documented schema does not take, one sentence each; ``who`` sends it ``where``."""
    yield from _Sending(document).compare(where, who, schema, ours, frozenset())


class _Sending:
    """One body against one document."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def compare(
        self, where: str, who: str, schema: Json, ours: inspect.Type, seen: frozenset[tuple[type, str]]
    ) -> Iterator[str]:
        """Each of our types must be taken, to its innermost, by one of the shapes that the document allows here."""
        try:
            shapes = self._document.shapes(schema)
        except LostError as lost:
            yield f"{where}: {lost}"
            return
        for choice in choices(ours):
            if isinstance(choice, inspect.AnyType | inspect.RawType):
                continue
            found = [list(self._inside(where, who, shape, choice, seen)) for shape in shapes if _takes(shape, choice)]
            if not found:
                yield f"{where} is {either(shapes)}, {who} sends {_sent(choice)}"
            elif all(found):
                yield from found[0]

    def _inside(
        self, where: str, who: str, shape: Shape, ours: inspect.Type, seen: frozenset[tuple[type, str]]
    ) -> Iterator[str]:
        if shape.kind is None:
            return
        if shape.words is not None:
            words = _words(ours)
            if words is None:
                yield f"{where} is {shape}, {who} sends any {_sent(ours)}"
            for word in words or ():
                if word not in shape.words:
                    yield f"{where} is {shape}, {who} may send {word!r}"
        elif isinstance(ours, LISTS):
            yield from self.compare(f"{where}[]", who, shape.items, ours.item_type, seen)
        elif isinstance(ours, inspect.DictType):
            more = shape.schema.get("additionalProperties", {})
            if isinstance(more, Mapping):
                yield from self.compare(f"{where}{{}}", who, more, ours.value_type, seen)
            elif not more:
                yield f"{where} takes no members but its own, {who} sends {_sent(ours)}"
        elif isinstance(ours, inspect.StructType):
            label = shape.name or where
            if (ours.cls, label) not in seen:
                yield from self._record(label, shape, ours, seen | {(ours.cls, label)})

    def _record(
        self, label: str, shape: Shape, ours: inspect.StructType, seen: frozenset[tuple[type, str]]
    ) -> Iterator[str]:
        record = f"the record {ours.cls.__module__}.{ours.cls.__qualname__}"
        more = shape.schema.get("additionalProperties", False)
        written = [
            (
                field.encode_name,
                f"{record}.{field.name}",
                *_written(field, sparse=ours.cls.__struct_config__.omit_defaults),
            )
            for field in ours.fields
        ]
        if ours.tag_field is not None:
            written.append((ours.tag_field, record, True, inspect.LiteralType((ours.tag,))))
        for name, who, _, held in written:
            if name in shape.members:
                yield from self.compare(f"{label}.{name}", who, shape.members[name], held, seen)
            elif isinstance(more, Mapping):
                yield from self.compare(f"{label}.{name}", who, more, held, seen)
            elif not more:
                yield f"{label} has no {name!r}, {who} sends {_sent(held)}"
        sent = {name: always for name, _, always, _ in written}
        for name in sorted(shape.required):
            if name in shape.members and shape.members[name].get("readOnly"):
                continue
            if not sent.get(name, False):
                yield f"{label} requires {name!r}, which {record} {'may leave out' if name in sent else 'never sends'}"


def _takes(shape: Shape, ours: inspect.Type) -> bool:
    """Whether a documented shape takes values of one of our types, not looking inside it."""
    if shape.kind is None:
        return True
    if (words := _words(ours)) is not None:
        kinds = {"number", "integer"} if shape.kind == "number" else {shape.kind}
        return all(json_type(word) in kinds for word in words)
    wanted = FORMATS.get(type(ours))
    if wanted is not None and shape.schema.get("format", wanted) != wanted:
        return False
    return shape.kind in _TAKEN_AS.get(type(ours), frozenset())


def _words(ours: inspect.Type) -> list[Any] | None:
    """The words of an enum or a literal; None where any value will do. Nobody sends that a word was unknown."""
    if isinstance(ours, inspect.EnumType):
        lenient = issubclass(ours.cls, LenientEnum)
        return [member.value for member in ours.cls if not (lenient and member.name == "UNKNOWN")]
    return list(ours.values) if isinstance(ours, inspect.LiteralType) else None


def _written(field: inspect.Field, *, sparse: bool) -> tuple[bool, inspect.Type]:
    """Whether a field is always written, and what is written where it is.

    ``sparse``: its record leaves out what is as by default, also a null. A field whose default is UNSET may be missing;
    msgspec tells of it as one that is not required and has no default.
    """
    if field.required:
        return True, field.type
    unset = field.default is NODEFAULT and field.default_factory is NODEFAULT
    if sparse and field.default is None:
        return False, inspect.UnionType(tuple(c for c in choices(field.type) if not isinstance(c, inspect.NoneType)))
    return not (sparse or unset), field.type


def _sent(ours: inspect.Type) -> str:
    return "a decimal (string)" if isinstance(ours, inspect.DecimalType) else expected(ours)
