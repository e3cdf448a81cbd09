"""What a screen will lack when one of its services fails, told from its call plan before anything is asked.

The plan says which positions need the service, what stands in their place, and which calls come after which; the golden
file says how many things stand at each position and how many keys that took; the way says what becomes of a call. What
no loss names is predicted to be as the golden file has it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, get_origin

import msgspec

from bff_core.contract import Batch, Command, Endpoint, Get, Paged
from bff_core.graphql.callplan import CallPlan, PlannedCall, Position
from bff_core.graphql.link import METADATA, Link
from tests.faults.cells import Cell
from tests.faults.golden import Golden, Path, at, instances, lists_at, put
from tests.faults.unknown import has_key, stands_for_unknown
from tests.faults.ways import Effect
from tests.screens import Screen

#: What a client reads at what is its own when nobody can tell who it is.
NOBODY_CAN_TELL = "AUTH_UNAVAILABLE"

#: What stands where a link has a fallback, by BFF and coordinate: written down once more, to notice when it changes.
FALLBACKS: Mapping[tuple[str, str], Any] = {
    ("web", "Review.author"): {"displayName": "A customer", "avatarUrl": None},
    ("mobile", "ReviewCard.author"): "A customer",
}


@dataclass(frozen=True)
class Rows:
    """The rows that a value is made of where it is not they that are shown: how many when all is well.

    ``without_last``: what is shown of them otherwise when the last is not there.
    """

    count: int
    without_last: Mapping[str, Any] = field(default_factory=dict)


#: Values that are made of rows, by BFF and coordinate, as the services have them.
MADE_OF: Mapping[tuple[str, str], Rows] = {
    ("mobile", "MeCard.defaultAddress"): Rows(2),
    ("mobile", "Query.cart"): Rows(1, {"itemCount": "0 items"}),
}


class Extent(Enum):
    """How much of what one planned call brings is lost."""

    ALL = "all of it"
    ONE = "what has one key, and every one has a key of its own; or one row of one list"
    SOME = "what has one key, which several share; not all of it"
    LAST = "the last row of each list"


@dataclass(frozen=True)
class Lost:
    """Values that are not there: ``stands`` says what is, null or a fallback, by position.

    ``positions`` are those of one planned call, whose instances ``extent`` counts together. ``code`` is what clients
    read in ``errors`` (where null stands) and in ``extensions.degraded``; None for what the service says there is not,
    which is nobody's failure.
    """

    positions: Sequence[Position]
    service: str
    extent: Extent
    code: str | None
    stands: Mapping[str, Any]


@dataclass(frozen=True)
class Thinned:
    """Lists that lack rows, or hold null for them where ``drops`` is False; their other rows stand.

    A list that has fewer rows than ``least`` lacks none. ``beside``: what is shown otherwise beside a list that does.
    """

    positions: Sequence[Position]
    service: str
    extent: Extent
    code: str | None
    drops: bool = True
    least: int = 1
    beside: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Aged:
    """Values that are there and old: nothing is missing, and ``extensions.degraded`` says so.

    ``age``: seconds. Of a list over keys each element is told.
    """

    positions: Sequence[Position]
    service: str
    code: str
    age: float


@dataclass(frozen=True)
class Marred:
    """Values that stand as ever, and it is told that a part of what they are made of could not be read."""

    positions: Sequence[Position]
    service: str
    code: str


@dataclass(frozen=True)
class Unknown:
    """A write of which no answer says whether it was carried out: ``stands`` says so, as data; nothing else is told."""

    positions: Sequence[Position]
    service: str
    code: str
    stands: Mapping[str, Any]


Loss = Lost | Thinned | Aged | Marred | Unknown


@dataclass(frozen=True)
class Prediction:
    """``losses``: parents before what is below them. ``calls``: how many each service is asked, by name.

    ``calls`` is None where old answers are about: what serves is asked for again in the background, in its own time.
    """

    losses: Sequence[Loss]
    calls: Mapping[str, int] | None


class Unpredictable(Exception):
    """The plan and the golden file do not say enough; whoever adds such a screen extends this page."""


def predict(cell: Cell) -> Prediction:
    """The prediction for one cell. Raises Unpredictable."""
    return _Prophet(cell).prediction()


class _Prophet:
    """Walks the planned calls in their order; ``_left`` is the golden data less what the calls before have cost."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._screen = cell.screen
        self._way = way = cell.way
        self._golden = Golden.of(cell.screen)
        self._planned = _present(cell.screen.plan, self._golden)
        self._left = deepcopy(self._golden.data)
        self._gone: set[int] = set()
        # The keys are one thing, asked for at the start: where it fails, nobody can tell who asks.
        self._known = not (cell.cold and cell.issuer) or way.effect is Effect.NONE or way.spares_single

    def prediction(self) -> Prediction:
        losses: list[Loss] = []
        calls: Counter[str] = Counter()
        for call in self._planned:
            endpoint = self._taken(call)
            if any(id(one.after) in self._gone for one in call.positions) or endpoint is None:
                self._gone.update(map(id, call.positions))
                continue
            made = self._made(call, endpoint)
            loss = self._loss(call, endpoint)
            if loss is None or loss.code != NOBODY_CAN_TELL:
                failing = loss is not None and self._way.effect is Effect.FAIL
                calls[endpoint.service] += made * (self._asked(call, endpoint) if failing else 1)
            if loss is not None:
                losses.append(loss)
                self._take(loss)
        return Prediction(losses, dict(calls) if self._cell.age is None else None)

    def _taken(self, call: PlannedCall) -> Endpoint[Any] | None:
        """The endpoint that was asked, of those that an opaque resolver may ask; None where none was."""
        taken = [one for one in call.endpoints if self._golden.calls_of(one)]
        if len(taken) > 1:
            raise Unpredictable(f"{call.name}: the golden file has calls of several")
        return taken[0] if taken else None

    def _loss(self, call: PlannedCall, endpoint: Endpoint[Any]) -> Loss | None:
        if endpoint.relay and not self._known:
            return self._lost(call, endpoint, Extent.ALL, NOBODY_CAN_TELL)
        if not self._cell.hits(endpoint):
            return None
        if self._cell.age is not None and (windows := self._cell.windows(endpoint)) is not None:
            if self._cell.age < windows.fresh + windows.stale:
                return None
            if self._cell.age < windows.longest and self._way.effect is Effect.FAIL:
                return Aged(call.positions, endpoint.service, self._way.code, self._cell.age)
        match self._way.effect:
            case Effect.NONE:
                return None
            case Effect.FAIL if isinstance(endpoint, Command) and self._way.perhaps:
                stands = stands_for_unknown(self._screen, call.positions[0], self._way.code)
                return Unknown(call.positions, endpoint.service, self._way.code, stands)
            case Effect.FAIL:
                return self._lost(call, endpoint, Extent.ALL, self._way.code)
            case Effect.TIRE:
                late = self._depth(call.positions[0]) > 1
                return self._lost(call, endpoint, Extent.ALL, self._way.code) if late else None
        return self._element(call, endpoint)

    def _asked(self, call: PlannedCall, endpoint: Endpoint[Any]) -> int:
        """How often a call that fails is sent: a write only once, unless that does no harm."""
        if isinstance(endpoint, Command) and not (endpoint.repeatable or has_key(self._screen, call.positions[0])):
            return min(self._way.asked, 1)
        return self._way.asked

    def _lost(self, call: PlannedCall, endpoint: Endpoint[Any], extent: Extent, code: str | None) -> Lost:
        stands: dict[str, Any] = {}
        for position in call.positions:
            if position.without == "critical":
                raise Unpredictable(f"{position.coordinate} is critical: say here what its failure takes with it")
            fallback = position.without == "fallback"
            stands[position.path] = FALLBACKS[self._screen.bff.name, position.coordinate] if fallback else None
        return Lost(call.positions, endpoint.service, extent, code, stands)

    def _depth(self, position: Position) -> int:
        """How many calls to the failing service follow one another until this position is there."""
        own = int(any(self._cell.hits(endpoint) for endpoint in position.endpoints))
        return own + (self._depth(position.after) if position.after else 0)

    def _element(self, call: PlannedCall, endpoint: Endpoint[Any]) -> Loss | None:
        """What one element costs that cannot be read, or is not there."""
        code = self._way.code or None
        if isinstance(endpoint, Command):
            raise Unpredictable(f"{call.name}: a write has no elements")
        if isinstance(endpoint, Batch):
            return self._of_batch(call, endpoint, code)
        listed = get_origin(endpoint.returns) is list
        lists = [len(at(self._left, one)) for one in self._lists(call)]
        made_of = MADE_OF.get((self._screen.bff.name, call.positions[0].coordinate))
        if made_of and not lists:
            lists = [made_of.count]
            if listed:
                told = code is not None and made_of.count >= self._least
                return Marred(call.positions, endpoint.service, self._way.code) if told else None
        if listed or _holds_rows(endpoint) or (isinstance(endpoint, Paged) and code is not None):
            if all(rows < self._least for rows in lists):
                return None
            if code is not None and _holds_rows(endpoint):  # a row that cannot be read spoils what it is a part of
                return self._lost(call, endpoint, Extent.ALL, code)
            beside = made_of.without_last if made_of else {}
            return Thinned(call.positions, endpoint.service, Extent.LAST, code, least=self._least, beside=beside)
        # A page comes and goes as a whole, like a single thing.
        return None if self._way.spares_single else self._lost(call, endpoint, Extent.ALL, code)

    def _of_batch(self, call: PlannedCall, endpoint: Batch[Any], code: str | None) -> Loss | None:
        if self._made(call, endpoint) > 1:
            raise Unpredictable(f"{call.name}: it takes several calls, and each lacks an element")
        link = _link(self._screen, call.positions[0])
        if endpoint.many:
            rows = sum(len(at(self._left, one)) for one in self._lists(call))
            return Thinned(call.positions, endpoint.service, Extent.ONE, code) if rows >= self._least else None
        things = sum(self._things(self._left, position) for position in call.positions)
        keys = self._keys(call, endpoint, things)
        if keys < self._least:
            return None
        extent = Extent.ALL if keys == 1 else Extent.ONE if keys == things else Extent.SOME
        if not call.positions[0].path.endswith("[]"):
            return self._lost(call, endpoint, extent, code)
        if extent is Extent.ALL and code is not None:
            return self._lost(call, endpoint, extent, code)  # a list of which every key failed did so itself
        return Thinned(call.positions, endpoint.service, extent, code, drops=link is not None and link.drop_missing)

    @property
    def _least(self) -> int:
        return 2 if self._way.spares_single else 1

    def _keys(self, call: PlannedCall, endpoint: Batch[Any], things: int) -> int:
        """How many keys stand behind so many things; exact where each has its own, or all have the same."""
        alike = self._alike(endpoint)
        total = sum(self._things(self._golden.data, position) for one in alike for position in one.positions)
        keys = sum(asked.keys(endpoint) for asked in self._golden.calls_of(endpoint))
        if keys == total:
            return things
        if alike != [call]:
            raise Unpredictable(f"{call.name}: which keys are this call's, the golden file does not say")
        return max(1, keys - (total - things))

    def _things(self, data: Any, position: Position) -> int:
        """How many things with a key stand at a position."""
        found = [at(data, path) for path in instances(data, position.path)]
        if position.path.endswith("[]"):
            return sum(len(rows or ()) for rows in found)
        return sum(one is not None for one in found)

    def _lists(self, call: PlannedCall) -> Iterator[Path]:
        for position in call.positions:
            for path in instances(self._left, position.path):
                yield from lists_at(self._left, path, self._screen.plan)

    def _alike(self, endpoint: Endpoint[Any]) -> Sequence[PlannedCall]:
        """The planned calls that may ask one endpoint."""
        return [one for one in self._planned if endpoint in one.endpoints]

    def _made(self, call: PlannedCall, endpoint: Endpoint[Any]) -> int:
        """How many calls it comes to."""
        alike = self._alike(endpoint)
        found = [path for position in call.positions for path in instances(self._left, position.path)]
        if not isinstance(endpoint, Batch):
            return len(found)
        if not self._asks(alike, call, endpoint):
            return 0
        if alike == [call]:
            return len(self._golden.calls_of(endpoint))
        if call.calls is not None and call.calls > 1:
            raise Unpredictable(f"{call.name}: how many calls are this one's, the golden file does not say")
        return 1

    def _asks(self, alike: Sequence[PlannedCall], call: PlannedCall, endpoint: Batch[Any]) -> bool:
        """Whether there is a key left to ask for; where null is shown there was none, if the keys were no more."""
        found = [path for position in call.positions for path in instances(self._left, position.path)]
        things = sum(self._things(self._golden.data, position) for one in alike for position in one.positions)
        keys = sum(asked.keys(endpoint) for asked in self._golden.calls_of(endpoint))
        if endpoint.many or keys > things:
            return bool(found)
        return any(self._things(self._left, position) for position in call.positions)

    def _take(self, loss: Loss) -> None:
        """Take from ``_left`` what is lost; of things that are alike in all that counts, the last."""
        if isinstance(loss, Aged | Marred):
            return
        found = [path for position in loss.positions for path in instances(self._left, position.path)]
        if isinstance(loss, Thinned):
            lists = [one for path in found for one in lists_at(self._left, path, self._screen.plan)]
            lists = [one for one in lists if len(at(self._left, one)) >= loss.least]
            for one in lists if loss.extent in (Extent.LAST, Extent.ALL) else lists[-1:]:
                if loss.drops:
                    at(self._left, one).pop()
                else:
                    at(self._left, one)[-1] = None
            return
        whole = isinstance(loss, Unknown) or loss.extent is Extent.ALL
        for path in found if whole else found[-1:]:
            put(self._left, path, None)
        if whole:
            self._gone.update(map(id, loss.positions))


def _present(plan: CallPlan, golden: Golden) -> Sequence[PlannedCall]:
    """The planned calls, without the positions that the golden answer has no place for.

    Of the members of a write's union only one is there.
    """
    absent: set[int] = set()
    for position in plan.positions:
        parent, shown = position.after, position.coordinate.partition(".")[0]
        member = at(golden.data, (parent.path, "__typename")) if parent and parent.writes else None
        below_another = position.path.count(".") == 1 and member is not None and shown != member
        if id(parent) in absent or below_another or not any(instances(golden.data, position.path)):
            absent.add(id(position))
    calls = [
        replace(call, positions=tuple(one for one in call.positions if id(one) not in absent)) for call in plan.calls
    ]
    return [call for call in calls if call.positions]


def _holds_rows(endpoint: Endpoint[Any]) -> bool:
    """Whether it answers with one thing whose ``items`` are what a service leaves out or spoils one of."""
    record = endpoint.returns
    if not isinstance(endpoint, Get) or endpoint.at or not isinstance(record, type):
        return False
    return issubclass(record, msgspec.Struct) and any(
        one.encode_name == "items" for one in msgspec.structs.fields(record)
    )


def _link(screen: Screen, position: Position) -> Link | None:
    """The link of a position; None for an opaque resolver."""
    view, _, name = position.coordinate.partition(".")
    field: Any = screen.bff.schema.type_map[view]
    declared = field.fields[name].extensions["strawberry-definition"].metadata[METADATA]
    return declared if isinstance(declared, Link) else None


__all__ = [
    "NOBODY_CAN_TELL",
    "Aged",
    "Extent",
    "Loss",
    "Lost",
    "Marred",
    "Prediction",
    "Thinned",
    "Unknown",
    "Unpredictable",
    "predict",
]
