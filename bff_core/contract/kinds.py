"""Our types beside those of JSON: which kinds each can be read from, and its name in the words of a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import inspect

from bff_core.contract.documented import Shape

#: Our types that are arrays with one type of element.
LISTS = (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType)

#: The formats that a text must be documented with for us to read it as one of these.
FORMATS: Mapping[type[inspect.Type], str] = {
    inspect.DateTimeType: "date-time",
    inspect.DateType: "date",
    inspect.TimeType: "time",
    inspect.TimeDeltaType: "duration",
    inspect.UUIDType: "uuid",
}

#: The JSON types that each of ours can be read from.
KINDS: Mapping[type[inspect.Type], frozenset[str]] = {
    inspect.NoneType: frozenset({"null"}),
    inspect.BoolType: frozenset({"boolean"}),
    inspect.IntType: frozenset({"integer"}),
    inspect.FloatType: frozenset({"integer", "number"}),
    inspect.StrType: frozenset({"string"}),
    inspect.DecimalType: frozenset({"string", "integer", "number"}),
    inspect.StructType: frozenset({"object"}),
    inspect.DictType: frozenset({"object"}),
    **{kind: frozenset({"array"}) for kind in LISTS},
    **{kind: frozenset({"string"}) for kind in FORMATS},
}


def choices(ours: inspect.Type) -> tuple[inspect.Type, ...]:
    """The types that a union is made of; any other type alone."""
    return ours.types if isinstance(ours, inspect.UnionType) else (ours,)


def expected(ours: inspect.Type) -> str:
    """Our type in the words of a document."""
    if isinstance(ours, inspect.UnionType):
        return " or ".join(expected(choice) for choice in ours.types)
    if isinstance(ours, inspect.StructType):
        return f"{ours.cls.__name__} (object)"
    if isinstance(ours, inspect.EnumType):
        return f"{ours.cls.__name__} (enum)"
    if isinstance(ours, LISTS):
        return f"an array of {expected(ours.item_type)}"
    if isinstance(ours, inspect.DictType):
        return f"an object of {expected(ours.value_type)}"
    if isinstance(ours, inspect.LiteralType):
        return "one of " + ", ".join(map(str, ours.values))
    if isinstance(ours, inspect.DecimalType):
        return "a decimal (string or number)"
    if type(ours) in FORMATS:
        return f"string ({FORMATS[type(ours)]})"
    kinds = KINDS.get(type(ours))
    return max(kinds) if kinds else type(ours).__name__.removesuffix("Type").lower()


def either(shapes: Sequence[Shape]) -> str:
    """Several documented shapes in one phrase."""
    return " or ".join(map(str, shapes))
