"""Snapshots: what changed between two schemas, and which released operations each change meets.

graphql-core finds the changes; this room says whom they hit, from two sources:

- **Validation.** Each operation is validated against the new schema. An error that stands at a use of what
  changed is that change's doing: the operation is refused, which is certain.
- **Usage.** Some changes leave every document valid: a field that may now be null or has another type, an
  enum value that is gone or new, an input field that a variable may carry, another default. They hit each
  operation that uses the place.

What validation decides alone (an argument that became required, a type that nobody names any more) hits
nobody whose documents are still valid. An operation that became invalid for a reason no change explains is
reported on its own; nothing is lost between the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLSchema,
    find_breaking_changes,
    find_dangerous_changes,
    validate,
)

from bff_core.graphql.snapshots.folder import Operation
from bff_core.graphql.snapshots.usage import Use, find_usage

Effect = Literal["refused", "answer", "variables", "default"]
"""refused: the document is no longer valid · answer: it is valid and its answer changed · variables: it is
valid and the variables it may send are not · default: what it leaves out now means something else."""

_EFFECTS: tuple[Effect, ...] = ("refused", "variables", "answer", "default")  # the worst first


@dataclass(frozen=True, slots=True)
class Hit:
    """One released operation that a change meets.

    `file`, `line` and `column` (from 1) point into the client's document. `detail` is the validation error
    when the effect is "refused", the variable's name when it is "variables", else empty.
    """

    client: str
    operation: str
    file: str
    line: int
    column: int
    effect: Effect
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One change that can break a client (`breaking`) or surprise one (dangerous, not breaking).

    `kind` is graphql-core's name (FIELD_REMOVED); `coordinate` the schema coordinate that changed;
    `description` one sentence; `hits` at most one for each operation, by client, then file.
    """

    kind: str
    breaking: bool
    coordinate: str
    description: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed (breaking first, each by coordinate), and the operations that are invalid for a reason
    that no change names."""

    changes: tuple[Change, ...]
    unexplained: tuple[Hit, ...]


def compare(old: GraphQLSchema, new: GraphQLSchema, live: GraphQLSchema, released: Sequence[Operation]) -> Comparison:
    """Compares two schemas that were both read from text, for these released operations.

    `live` is the running form of `new`; operations are validated against it, because only its scalars know
    which literals they take.
    """
    # By coordinate, so that the order of a report does not hang on the order of the text that was read.
    found = sorted(_find_changes(old, new), key=lambda each: (not each.breaking, each.coordinate, each.description))
    checked = [
        _Checked(each, find_usage(old, each.ast) if found else {}, validate(live, each.ast)) for each in released
    ]
    changes = tuple(
        Change(
            kind=each.kind,
            breaking=each.breaking,
            coordinate=each.coordinate,
            description=each.description,
            hits=tuple(hit for one in checked if (hit := one.hit_by(each)) is not None),
        )
        for each in found
    )
    unexplained = tuple(hit for one in checked for hit in one.unexplained(found))
    return Comparison(changes, unexplained)


@dataclass(frozen=True, slots=True)
class _Found:
    """A change before anybody was asked whether it hits. `second` is the other type that it names, if any."""

    kind: str
    breaking: bool
    coordinate: str
    description: str
    second: str = ""


_COORDINATE = re.compile(r"@\w+(?:\(\w+:\))?|\w+\.\w+(?:\(\w+:\))?")
_FIRST_WORD = re.compile(r"\w+")
_TWO_TYPES = {
    "TYPE_REMOVED_FROM_UNION": re.compile(r"(?P<second>\w+) was removed from union type (?P<first>\w+)"),
    "TYPE_ADDED_TO_UNION": re.compile(r"(?P<second>\w+) was added to union type (?P<first>\w+)"),
    "IMPLEMENTED_INTERFACE_REMOVED": re.compile(r"(?P<first>\w+) no longer implements interface (?P<second>\w+)"),
    "IMPLEMENTED_INTERFACE_ADDED": re.compile(r"(?P<second>\w+) added to interfaces implemented by (?P<first>\w+)"),
}
_ONE_TYPE = {"TYPE_REMOVED", "TYPE_CHANGED_KIND"}
_LOCATION_REMOVED = re.compile(r"removed from (@\w+)")


def _find_changes(old: GraphQLSchema, new: GraphQLSchema) -> Iterator[_Found]:
    for change in find_breaking_changes(old, new):
        # That a built-in scalar is used nowhere any more follows from other changes and breaks nothing
        # itself.
        if not change.description.startswith("Standard scalar "):
            yield _located(change.type.name, True, change.description)
    yield from _became_one_of(old, new)
    for dangerous in find_dangerous_changes(old, new):
        yield _located(dangerous.type.name, False, dangerous.description)


def _located(kind: str, breaking: bool, description: str) -> _Found:
    """Reads the coordinate out of graphql-core's sentence, which is the only place where it gives it.

    The version of graphql-core is pinned and a test holds the sentence of each kind.
    """
    if kind in _TWO_TYPES:
        match = _TWO_TYPES[kind].search(description)
        if match is not None:
            return _Found(kind, breaking, match["first"], description, match["second"])
    pattern = _FIRST_WORD if kind in _ONE_TYPE else _COORDINATE
    match = pattern.search(description)
    return _Found(kind, breaking, match[0] if match is not None else "", description)


def _became_one_of(old: GraphQLSchema, new: GraphQLSchema) -> Iterator[_Found]:
    """Input types that now take exactly one of their fields, which graphql-core does not look at."""
    for name, before in old.type_map.items():
        after = new.type_map.get(name)
        if (
            isinstance(before, GraphQLInputObjectType)
            and isinstance(after, GraphQLInputObjectType)
            and after.is_one_of
            and not before.is_one_of
        ):
            yield _Found("INPUT_BECAME_ONE_OF", True, name, f"Input {name} now takes exactly one of its fields.")


@dataclass(frozen=True, slots=True)
class _Checked:
    """One released operation with what it uses of the old schema and what the new one says to it."""

    operation: Operation
    usage: Mapping[str, tuple[Use, ...]]
    errors: Sequence[GraphQLError]

    def hit_by(self, change: _Found) -> Hit | None:
        """The worst that this change does to the operation, at its first place."""
        hits = [hit for use in self._uses(change) if (hit := self._hit(change, use)) is not None]
        return min(hits, key=lambda hit: (_EFFECTS.index(hit.effect), hit.line, hit.column), default=None)

    def unexplained(self, changes: Iterable[_Found]) -> Iterator[Hit]:
        """The first error that stands at no use of any breaking change, if there is one."""
        uses = [use for change in changes if change.breaking for use in self._uses(change)]
        for error in self.errors:
            if not any(_is_at(error, use) for use in uses):
                where = error.locations[0] if error.locations else None
                line, column = (where.line, where.column) if where else (self.operation.line, 1)
                yield self._make(line, column, "refused", error.message)
                return

    def _hit(self, change: _Found, use: Use) -> Hit | None:
        if change.breaking:
            error = next((each for each in self.errors if _is_at(each, use)), None)
            if error is not None:
                return self._make(use.line, use.column, "refused", error.message)
        effect = _effect_on_valid(change.kind, use)
        if effect is None:
            return None
        return self._make(use.line, use.column, effect, use.variable)

    def _make(self, line: int, column: int, effect: Effect, detail: str) -> Hit:
        operation = self.operation
        return Hit(operation.client, operation.name, operation.file, line, column, effect, detail)

    def _uses(self, change: _Found) -> tuple[Use, ...]:
        """The uses of what changed; for an input field or enum value also those of its whole type, since a
        variable or an answer of that type may hold it."""
        find = self.usage.get
        owner = change.coordinate.partition(".")[0]
        match change.kind:
            case "FIELD_REMOVED" | "FIELD_CHANGED_KIND":
                sent = tuple(use for use in find(owner, ()) if use.how == "sends")
                return find(change.coordinate, ()) + sent
            case "VALUE_REMOVED_FROM_ENUM":
                whole = tuple(use for use in find(owner, ()) if use.how in ("sends", "reads"))
                return find(change.coordinate, ()) + whole
            case "VALUE_ADDED_TO_ENUM" | "REQUIRED_INPUT_FIELD_ADDED":
                return find(owner, ())
            case "INPUT_FIELD_DEFAULT_VALUE_CHANGE":
                sent = tuple(use for use in find(owner, ()) if use.how == "sends")
                return find(change.coordinate, ()) + sent
            case "REQUIRED_ARG_ADDED" | "REQUIRED_DIRECTIVE_ARG_ADDED":
                return find(change.coordinate.partition("(")[0], ())
            case "DIRECTIVE_LOCATION_REMOVED":
                return find(change.coordinate.partition("(")[0], ())
            case "TYPE_REMOVED_FROM_UNION" | "IMPLEMENTED_INTERFACE_ADDED":
                return find(change.second, ())
            case "IMPLEMENTED_INTERFACE_REMOVED":
                return find(change.coordinate, ()) + find(change.second, ())
            case _:
                return find(change.coordinate, ())


def _is_at(error: GraphQLError, use: Use) -> bool:
    return any(use.covers(offset) for offset in error.positions or ())


def _effect_on_valid(kind: str, use: Use) -> Effect | None:
    """What a change does to a use of it in a document that is still valid; None is "nothing"."""
    match kind, use.how:
        case "FIELD_CHANGED_KIND" | "TYPE_CHANGED_KIND", "reads":
            return "answer"
        case "VALUE_REMOVED_FROM_ENUM" | "VALUE_ADDED_TO_ENUM" | "TYPE_ADDED_TO_UNION", "reads":
            return "answer"
        case "IMPLEMENTED_INTERFACE_ADDED", "names":
            return "answer"
        case (
            "FIELD_REMOVED"
            | "FIELD_CHANGED_KIND"
            | "VALUE_REMOVED_FROM_ENUM"
            | "REQUIRED_INPUT_FIELD_ADDED"
            | "INPUT_BECAME_ONE_OF"
            | "TYPE_CHANGED_KIND",
            "sends",
        ):
            return "variables"
        case "ARG_DEFAULT_VALUE_CHANGE" | "INPUT_FIELD_DEFAULT_VALUE_CHANGE", "omits" | "sends":
            return "default"
        case _:
            return None
