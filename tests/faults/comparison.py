"""Whether an answer is what was predicted: what is lost, what is told of it, and all else as the golden file has it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from bff_core.graphql.callplan import Position
from bff_core.graphql.ledger import MOST_PATHS
from bff_core.testing.client import Reply
from tests.faults.golden import Golden, Path, at, has_keys, instances, lists_at, put
from tests.faults.prediction import Aged, Extent, Loss, Lost, Marred, Prediction, Thinned, Unknown

#: How long a cell takes at most: a value that was kept so much earlier is of another one. Seconds.
SOON = 10.0

#: What no client may ever read.
INSIDE = ("127.0.0.1", "Traceback", "spoiled")


@dataclass(frozen=True)
class _Told:
    """One thing that an answer must say of itself. ``age``: seconds, of an old value."""

    path: Path
    service: str
    source: str
    code: str
    age: float | None = None


def check(prediction: Prediction, golden: Golden, reply: Reply) -> None:
    """Assert that the answer is the golden one but for the predicted losses, and that it names these and no others."""
    reading = _Reading(golden, reply)
    for loss in prediction.losses:
        reading.apply(loss)
    assert reply.data == reading.expected
    _check_degraded(reading.told, reply.degraded)
    omitted = Counter((one.path, one.code) for one in reading.told if one.source == "omitted")
    assert Counter((tuple(error["path"]), error["extensions"]["code"]) for error in reply.errors) == omitted
    shown = json.dumps(reply.body)
    assert [word for word in INSIDE if word in shown] == []


def _check_degraded(told: Sequence[_Told], degraded: Sequence[Mapping[str, Any]]) -> None:
    expected: dict[tuple[str, str, str, str], list[Path]] = {}
    ages = {one.source: one.age for one in told}
    for one in told:
        position = ".".join(step for step in one.path if isinstance(step, str))
        expected.setdefault((position, one.service, one.source, one.code), []).append(one.path)
    found = {(one["path"], one["service"], one["source"], one["reason"]): one for one in degraded}
    assert found.keys() == expected.keys()
    assert len(found) == len(degraded)
    for key, paths in expected.items():
        assert found[key]["count"] == len(paths)
        listed = Counter(tuple(path) for path in found[key]["paths"])
        assert listed.total() == min(len(paths), MOST_PATHS)
        assert listed <= Counter(paths)
        age = ages[found[key]["source"]]
        assert ("ageMs" in found[key]) is (age is not None)
        assert age is None or age <= found[key]["ageMs"] / 1000 < age + SOON


class _Reading:
    """The golden data, changed loss by loss into what the answer must be.

    Where a loss leaves open which of several things it takes, the answer says which, and ``apply`` asserts that they
    are as many as were predicted.
    """

    def __init__(self, golden: Golden, reply: Reply) -> None:
        self.expected = deepcopy(golden.data)
        self._plan = golden.plan
        self.told: list[_Told] = []
        self._reply = reply
        self._in_errors = {tuple(error["path"]) for error in reply.errors}

    def apply(self, loss: Loss) -> None:
        """Take from ``expected`` what a loss takes, and note what must be told."""
        found = [(position, path) for position in loss.positions for path in instances(self.expected, position.path)]
        match loss:
            case Lost():
                self._lose(loss, found)
            case Thinned():
                self._thin(loss, found)
            case Aged():
                self._age(loss, found)
            case Marred():
                for _, path in found:
                    self._tell(loss, path, "omitted")
            case Unknown():
                for _, path in found:
                    put(self.expected, path, dict(loss.stands))

    def _lose(self, loss: Lost, found: Sequence[tuple[Position, Path]]) -> None:
        there = [(position, path) for position, path in found if self._is_there(position, path)]
        lost = there
        if loss.extent is not Extent.ALL:
            lost = [(one, path) for one, path in there if at(self._reply.data, path) == self._stands(loss, one, path)]
            _check_extent(loss, len(lost), len(there))
        for position, path in lost:
            put(self.expected, path, self._stands(loss, position, path))
            self._tell(loss, path, "fallback" if position.without == "fallback" else "omitted")

    def _is_there(self, position: Position, path: Path) -> bool:
        """Whether the position had something to lose; of what is null anyway the golden file does not say who asked."""
        value = at(self.expected, path)
        if value is None:
            return path in self._in_errors
        asked_for_nothing = value == [] and has_keys(position)
        return not asked_for_nothing

    def _stands(self, loss: Lost, position: Position, path: Path) -> Any:
        """What stands there instead, as far as it was asked for."""
        stands = loss.stands[position.path]
        return {name: stands[name] for name in at(self.expected, path)} if isinstance(stands, dict) else stands

    def _thin(self, loss: Thinned, found: Sequence[tuple[Position, Path]]) -> None:
        lost = 0
        for position, path in found:
            lists = lists_at(self.expected, path, self._plan)
            changed = not lists  # what is made of rows that are not shown
            for one in lists:
                rows, seen = at(self.expected, one), at(self._reply.data, one)
                if rows and seen is None and loss.code is not None and has_keys(position):
                    put(self.expected, one, None)  # every key of this list failed
                    missing = 1
                elif loss.extent is Extent.LAST:
                    missing = int(len(rows) >= loss.least)
                    del rows[len(rows) - missing :]
                else:
                    missing = _leave_out(rows, seen or ()) if loss.drops else _blank(rows, seen)
                lost += missing
                changed |= missing > 0
                for _ in range(missing):
                    self._tell(loss, path, "omitted")
            for name, shown in loss.beside.items() if changed else ():
                if name in at(self.expected, path):
                    put(self.expected, (*path, name), shown)
        if loss.extent is not Extent.LAST:
            _check_extent(loss, lost, None)

    def _age(self, loss: Aged, found: Sequence[tuple[Position, Path]]) -> None:
        for position, path in found:
            value = at(self.expected, path)
            each = has_keys(position) and isinstance(value, list)
            for _ in value if each else () if value is None else (value,):
                self.told.append(_Told(path, loss.service, "stale", loss.code, loss.age))

    def _tell(self, loss: Lost | Thinned | Marred, path: Path, source: str) -> None:
        if loss.code is not None:
            self.told.append(_Told(path, loss.service, source, loss.code))


def _check_extent(loss: Lost | Thinned, lost: int, there: int | None) -> None:
    where = ", ".join(position.path for position in loss.positions)
    if loss.extent is Extent.ONE:
        assert lost == 1, f"{where}: {lost} lost, not one"
    else:
        assert lost >= 1, f"{where}: none is lost"
        assert there is None or lost < there, f"{where}: all are lost"


def _leave_out(rows: list[Any], seen: Sequence[Any]) -> int:
    """Leave out as many rows as the answer lacks; which, is told by likeness, and looked at exactly afterwards."""
    missing = max(0, len(rows) - len(seen))
    for _ in range(missing):
        del rows[max(range(len(rows)), key=lambda number: _likeness([*rows[:number], *rows[number + 1 :]], seen))]
    return missing


def _blank(rows: list[Any], seen: Sequence[Any]) -> int:
    """Put null where the answer has it."""
    blank = [
        number for number, (row, now) in enumerate(zip(rows, seen, strict=True)) if row is not None and now is None
    ]
    for number in blank:
        rows[number] = None
    return len(blank)


def _likeness(rows: Sequence[Any], seen: Sequence[Any]) -> int:
    return sum(len(set(_leaves(row)) & set(_leaves(now))) for row, now in zip(rows, seen, strict=False))


def _leaves(node: Any, way: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(node, dict):
        for name, inside in node.items():
            yield from _leaves(inside, (*way, name))
    elif isinstance(node, list):
        for number, inside in enumerate(node):
            yield from _leaves(inside, (*way, number))
    else:
        yield way, node
