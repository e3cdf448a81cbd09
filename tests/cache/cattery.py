"""What the tests of this room keep and fly for: a service of cats, who asks, and a record cache with its clock."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from random import Random
from types import ModuleType
from typing import Any

from bff_core.cache.records import CacheOptions, Hit, RecordCache
from bff_core.cache.slot import Asker, Slot, slot_key
from bff_core.cache.store import MemoryStore
from bff_core.contract import Endpoint, Outcome, Record, Service, Windows
from bff_core.errors import BffError
from bff_core.testing.clock import FakeClock

ISSUER = "http://issuer.test"

cats = Service("cats")


class Cat(Record):
    """A cat."""

    id: str
    name: str = "Tom"


by_id = cats.batch("GET /cats", keys="id", returns=Cat, key="id", max_keys=100)
in_body = cats.batch("POST /cats", keys="ids", returns=Cat, key="id", max_keys=100)
by_two = cats.batch("POST /kittens", keys="ids", returns=Cat, key=("id", "name"), max_keys=100)
search = cats.page("GET /search", query=("q",), returns=Cat, max_limit=50)
mine = cats.get("GET /mine", returns=Cat, relay=True)
basket = cats.get("GET /basket/{id}", returns=Cat, public=False)
worded = cats.batch("GET /worded", keys="id", returns=Cat, key="id", max_keys=100, varies=("locale",))
branded = cats.batch("GET /branded", keys="id", returns=Cat, key="id", max_keys=100, varies=("client",))
letters = cats.get("GET /letters", returns=Cat, relay=True, varies=("locale", "client"))
feed = cats.command("POST /feed", returns=None, drops=[by_id, mine])

#: Every window of its own length, none of them jittered unless a test says so. Seconds.
WINDOWS = Windows(fresh=10, stale=20, stale_if_error=50, negative=2)


def asker(subject: str | None = "7", *, tenant: str | None = None, scopes: tuple[str, ...] = ()) -> Asker:
    """Somebody who asks."""
    return Asker((ISSUER, subject, tenant), frozenset(scopes))


def slot_of(endpoint: Endpoint[Any], key: Any = "a", who: Asker | None = None) -> Slot:
    """What an answer is kept under."""
    return Slot(endpoint, (who or asker()).whose(endpoint), slot_key(key))


SLOT = slot_of(by_id)
TOM = Cat(id="a")


class Keeping:
    """A record cache that keeps what ``by_id`` and ``mine`` answer, and verbs to use it."""

    def __init__(
        self,
        windows: Windows = WINDOWS,
        *,
        jitter: float = 0.0,
        elsewhere: frozenset[Endpoint[Any]] = frozenset(),
        max_bytes: int = 1_000_000,
        seed: int = 1,
    ) -> None:
        self.clock = FakeClock(start=1000.0)
        self.store = MemoryStore(max_bytes)
        options = CacheOptions({by_id: windows, mine: windows}, jitter, elsewhere)
        self.records = RecordCache(options, self.store, self.clock, Random(seed))

    def keep(self, value: Any = TOM, slot: Slot = SLOT, begun: int | None = None) -> None:
        """Keep an answer that was asked for now, or in an earlier epoch."""
        self.records.keep(slot, Outcome("cats", value), self.records.epoch if begun is None else begun)

    def fail(self, error: BffError, slot: Slot = SLOT) -> None:
        """Have an answer come that is an error."""
        self.records.keep(slot, Outcome("cats", error=error), self.records.epoch)

    def look(self, slot: Slot = SLOT) -> Hit | None:
        """What serves without asking."""
        return self.records.look(slot)

    def result(self, slot: Slot = SLOT) -> str | None:
        """How it serves; None where the service must be asked."""
        hit = self.records.look(slot)
        return hit and hit.result


def reachable(*roots: object) -> Iterator[object]:
    """Everything that is held by these, however deep; types, modules and declarations are not looked into."""
    seen: dict[int, object] = {}
    todo: list[object] = list(roots)
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, type | ModuleType | Endpoint):
            continue
        seen[id(one)] = one
        yield one
        todo += gc.get_referents(one)
