"""How often somebody may ask: a client at one address, and whoever a token stands for.

Counted is by the strategy "sliding window counter" of the library ``limits``: the requests of this minute, and those of
the one before as far as it still lies within the last sixty seconds. A request that is refused does not count.

The counts are those of one process. Several processes let several times as many through.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from math import floor

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import SlidingWindowCounterSupport, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from bff_core.auth.principal import Principal
from bff_core.clock import Clock
from bff_core.edge.http import HttpRefusal
from bff_core.telemetry.facts import Observer, RequestTurnedAway, TurnedAwayFor

#: Callers whose requests are counted at once. Beyond, whoever asked longest ago is forgotten.
MOST_CALLERS = 50_000


class RateLimited(HttpRefusal):
    """Somebody asks too often; ``seconds`` is when it makes sense to ask again."""

    code = "RATE_LIMITED"

    def __init__(self, per_minute: int, seconds: int) -> None:
        text = f"Not more than {per_minute} requests a minute are answered; ask again in {seconds} seconds."
        super().__init__(429, text, {"retry-after": str(seconds)})


@dataclass(frozen=True, slots=True)
class RateOptions:
    """Requests a minute, 0 for any number: ``client`` of one client at one address, ``principal`` of one principal."""

    client: int = 0
    principal: int = 0


class Rates:
    """Counts requests and refuses those that are too many. Process scope."""

    def __init__(self, options: RateOptions, clock: Clock, observer: Observer) -> None:
        self._client = RateLimitItemPerMinute(options.client) if options.client else None
        self._principal = RateLimitItemPerMinute(options.principal) if options.principal else None
        self._counts = Counts(clock)
        self._limiter = SlidingWindowCounterRateLimiter(self._counts)
        self._observer = observer

    @property
    def by_client(self) -> bool:
        """Whether clients are counted at all."""
        return self._client is not None

    async def check_client(self, client: str, address: str) -> None:
        """Count a request of a client, by its label, at an address. Raises RateLimited.

        By the address as well, since anybody may take a client's name, and must not use up what others may ask.
        """
        if self._client is not None:
            await self._check(self._client, "client_rate", client, repr((client, address)))

    async def check_principal(self, client: str, principal: Principal) -> None:
        """Count a request of whoever a verified token stands for; ``client`` is for the fact. Raises RateLimited."""
        if self._principal is not None and not principal.anonymous:
            who = repr((principal.issuer, principal.tenant, principal.subject))
            await self._check(self._principal, "principal_rate", client, who)

    async def _check(self, rate: RateLimitItem, reason: TurnedAwayFor, client: str, who: str) -> None:
        if await self._limiter.hit(rate, reason, who):
            return
        self._observer.observe(RequestTurnedAway(reason, client))
        seconds = self._counts.seconds_until_one(rate.key_for(reason, who), rate.amount, rate.get_expiry())
        raise RateLimited(rate.amount, seconds)


@dataclass(slots=True)
class _Count:
    """One caller's requests: in the window with this number, and in the one before it."""

    window: int
    now: int = 0
    before: int = 0


class Counts(Storage, SlidingWindowCounterSupport):
    """The memory of ``limits``: as its own one counts, by our clock and bounded.

    Its own one reads the system's time, keeps each key that it was shown within the last two minutes, however many, and
    at nearly every hit a task of it looks at all of them.
    """

    STORAGE_SCHEME = None
    #: An error of ours is a bug, and passes as it is.
    base_exceptions = ()

    def __init__(self, clock: Clock, most: int = MOST_CALLERS) -> None:
        super().__init__()
        self._clock = clock
        self._most = most
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def __repr__(self) -> str:
        return f"<Counts callers={len(self._counts)}/{self._most}>"

    async def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count ``amount`` for a key if not more than ``limit`` are then in the last ``expiry`` seconds."""
        count, left = self._count(key, expiry)
        if floor(count.before * left + count.now) + amount > limit:
            return False
        count.now += amount
        return True

    def seconds_until_one(self, key: str, limit: int, expiry: int) -> int:
        """Whole seconds, at least 1, until a request of a key would pass, if it asks nothing meanwhile."""
        count, left = self._count(key, expiry)
        if count.now < limit:
            wait = (left - (limit - count.now) / count.before) * expiry if count.before else 0.0
        else:
            wait = (left + 1 - limit / count.now) * expiry  # what is counted now must grow old first
        return floor(max(wait, 0.0)) + 1

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """The counts of the last window and of this one, each with the seconds for which it still counts."""
        count, left = self._count(key, expiry)
        return count.before, left * expiry, count.now, (left + 1) * expiry

    async def clear_sliding_window(self, key: str, expiry: int) -> None:
        """Forget a key."""
        self._counts.pop(key, None)

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count ``amount`` for a key in the window of now; how many there are then."""
        count, _ = self._count(key, expiry)
        count.now += amount
        return count.now

    async def get(self, key: str) -> int:
        """How many were counted for a key in its last window."""
        return self._counts[key].now if key in self._counts else 0

    async def get_expiry(self, key: str) -> float:
        """Now: the strategy in use does not ask when a window ends."""
        return self._clock.wall()

    async def check(self) -> bool:
        """Memory is always there."""
        return True

    async def reset(self) -> int | None:
        """Forget everybody; how many there were."""
        forgotten = len(self._counts)
        self._counts.clear()
        return forgotten

    async def clear(self, key: str) -> None:
        """Forget a key."""
        self._counts.pop(key, None)

    def _count(self, key: str, expiry: int) -> tuple[_Count, float]:
        """What is counted for a key, turned to the window of now; and the part of the last one that still counts."""
        window, gone = divmod(self._clock.monotonic(), expiry)
        number = int(window)
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = _Count(number)
            if len(self._counts) > self._most:
                self._counts.popitem(last=False)
        else:
            self._counts.move_to_end(key)
            if count.window != number:
                count.before = count.now if count.window == number - 1 else 0
                count.now, count.window = 0, number
        return count, 1 - gone / expiry
