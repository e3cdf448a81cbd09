"""What a golden file says: the data of a screen when all is well, the calls it takes, and where its positions stand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from bff_core.contract import Batch, Endpoint, KeyStyle
from bff_core.graphql.callplan import CallPlan, Position
from bff_core.testing.client import Reply
from tests.screens import Screen, without_year

#: A full path in an answer, as in ``errors``.
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Call:
    """One call of a golden file, from a line such as ``users GET /profiles?ids=1,2``; ``sent`` is its body's ids."""

    service: str
    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    sent: Mapping[str, Sequence[Any]]

    @classmethod
    def read(cls, line: str) -> Call:
        """The call of one line."""
        service, method, target, *body = line.split(" ", 3)
        path, _, query = target.partition("?")
        return cls(service, method, path, parse_qs(query), json.loads(body[0]) if body else {})

    def is_of(self, endpoint: Endpoint[Any]) -> bool:
        """Whether it asked this endpoint."""
        route = "/".join("[^/]+" if step.startswith("{") else re.escape(step) for step in endpoint.path.split("/"))
        return (self.service, self.method) == (endpoint.service, endpoint.method) and bool(
            re.fullmatch(route, self.path)
        )

    def keys(self, endpoint: Batch[Any]) -> int:
        """For how many keys it asked."""
        if endpoint.style is KeyStyle.BODY:
            return len(self.sent[endpoint.keys])
        values = self.query[endpoint.keys]
        return len(values[0].split(",")) if endpoint.style is KeyStyle.COMMA else len(values)


@dataclass(frozen=True)
class Golden:
    """A screen when all is well."""

    data: Any
    calls: Sequence[Call]
    plan: CallPlan

    @classmethod
    def of(cls, screen: Screen) -> Golden:
        """What the screen's file says."""
        content = json.loads(screen.golden.read_text(encoding="utf-8"))
        return cls(content["data"], [Call.read(line) for line in content["calls"]], screen.plan)

    def calls_of(self, endpoint: Endpoint[Any]) -> Sequence[Call]:
        """The calls that asked one endpoint."""
        return [call for call in self.calls if call.is_of(endpoint)]


def as_kept(reply: Reply) -> Reply:
    """An answer as golden files keep it: without what differs from year to year."""
    return Reply(reply.status, json.loads(without_year(json.dumps(reply.body))), reply.headers)


def instances(data: Any, position: str) -> Iterator[Path]:
    """Where a position stands in an answer: full paths, in the answer's order; none below what is null."""
    return _instances(data, position.split("."), ())


def _instances(node: Any, steps: Sequence[str], way: Path) -> Iterator[Path]:
    if not steps:
        yield way
        return
    name = steps[0].removesuffix("[]")
    if not isinstance(node, dict) or name not in node:
        return
    below = node[name]
    if steps[0].endswith("[]") and len(steps) > 1:
        for number, one in enumerate(below or ()):
            yield from _instances(one, steps[1:], (*way, name, number))
    else:
        yield from _instances(below, steps[1:], (*way, name))


def at(data: Any, path: Path) -> Any:
    """What stands at a full path; None where there is no such place, or only null above it."""
    try:
        for step in path:
            data = data[step]
    except (KeyError, IndexError, TypeError):
        return None
    return data


def put(data: Any, path: Path, value: Any) -> None:
    """Put a value at a full path."""
    at(data, path[:-1])[path[-1]] = value


def has_keys(position: Position) -> bool:
    """Whether each thing that stands at a position has a key of its own to be asked by: of a list, each element."""
    return all(isinstance(endpoint, Batch) and not endpoint.many for endpoint in position.endpoints)


def lists_at(data: Any, path: Path, plan: CallPlan) -> Sequence[Path]:
    """The lists of rows that a position holds: itself, or those inside of it that no other call brings."""
    value = at(data, path)
    if isinstance(value, list):
        return [path]
    if not isinstance(value, dict):
        return []
    lists = [(*path, name) for name, inside in value.items() if isinstance(inside, list)]
    others = {position.path.replace("[]", "") for position in plan.positions}
    return [one for one in lists if ".".join(step for step in one if isinstance(step, str)) not in others]
