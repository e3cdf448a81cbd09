"""One request's loading: what it asks for, who waits for it, until when, and what is cleaned up at the end.

    ask(endpoint, key) → the record cache → the key's place → the loader collects places until the loop runs again
                       → flights: joined where one is under way, else chunks of ``calls_for``, a call each

The loader is aiodataloader's. A key has one *place* in a request, and these are laid around it:

- **Shield.** Nobody awaits anything shared. Each who asks awaits a future of its own, and the place hands its outcome
  over. graphql-core cancels the siblings of a failing non-null field; awaiting a shared future itself would let that
  cancellation reach every other position, and every other request, that waits for the same key.
- **Deadline.** One timer a request, at the deadline less the reserve: whoever still waits then is handed an old answer
  that may stand in, or DeadlinePassed. The flight goes on for whoever else rides it.
- **Owner.** Flights are the process's; the request rides them and leaves them when it closes. Its loader's tasks only
  send keys on their way, and closing waits for them, so none outlives the request.

For the request's critical path it notes what it waited for: since when and until when somebody waited for each flight.
That costs one look at the clock for all keys that leave together. What nobody waited for is no wait, and neither is a
refresh in the background.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Generator, Hashable, Mapping, Sequence
from functools import partial
from math import inf
from types import TracebackType
from typing import Any, TypeVar

from aiodataloader import DataLoader, Loader, dispatch_queue

from bff_core.auth.principal import Credential, Principal
from bff_core.cache.flights import Flight
from bff_core.cache.slot import Asker, Slot, slot_key
from bff_core.clock import Clock
from bff_core.contract import Command, Endpoint, Outcome
from bff_core.deadline import Deadline
from bff_core.errors import AuthUnavailable, BffError, DeadlinePassed, Forbidden, NotFound, Unauthenticated
from bff_core.loading.chunks import chunks
from bff_core.loading.reads import Reads
from bff_core.loading.served import JUST_CAME, Served
from bff_core.loading.shielded import shielded
from bff_core.loading.turns import Turns
from bff_core.outbound.channel import Caller
from bff_core.telemetry.critical_path import Wait
from bff_core.telemetry.facts import CacheResult

V = TypeVar("V")


class RequestScope:
    """What one request may use to reach the services; opened and closed by the pipeline (``async with``).

    ``reserve``: seconds of the deadline kept back for putting the answer together. ``unverified``: a credential came
    and could not be looked at, so the principal is anonymous and private endpoints say why. ``calls`` counts the calls
    that this request began, ``looks`` its keys by service and by how the record cache and the flights served them.
    ``waits``: what it waited for, complete once it is closed.
    """

    def __init__(
        self,
        *,
        reads: Mapping[str, Reads],
        deadline: Deadline,
        clock: Clock,
        principal: Principal,
        credential: Credential | None = None,
        unverified: AuthUnavailable | None = None,
        request_id: str = "",
        locale: str = "",
        client: str = "",
        reserve: float = 0.05,
    ) -> None:
        self.principal = principal
        self.deadline = deadline
        self.request_id = request_id
        self.calls = 0
        self.looks: defaultdict[tuple[str, CacheResult], int] = defaultdict(int)
        self.waits: list[Wait] = []
        self._given_up: list[Wait] = []
        self._unverified = unverified
        self._reads = reads
        self._clock = clock
        self._asker = Asker((principal.issuer, principal.subject, principal.tenant), principal.scopes, locale, client)
        self._caller = Caller(deadline.earlier(reserve), credential, request_id, locale, client)
        self._desks: dict[Endpoint[Any], _Desk] = {}
        self._shares: dict[str, Turns] = {}
        self._riding: dict[Flight, _Ride] = {}
        self._begun: set[Flight] = set()
        self._undispatched = 0
        self._over = False

    async def __aenter__(self) -> RequestScope:
        self._loop = asyncio.get_running_loop()
        self._loader = ScopeLoader(self)
        left = self._caller.deadline.left
        self._over = left <= 0
        self._timer = self._clock.call_later(left, self._time_is_up)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if kind is not None:  # cut off: what was given up was waited for, also by who has been cancelled just now
            self.waits += [*self._given_up, *self._waits_until_now(self._unsettled())]
        self.give_up()
        for share in self._shares.values():
            share.close()
        for flight, ride in self._riding.items():
            if ride.waited:
                self.waits.append(Wait(ride.reads.service, ride.since, flight.landed_at))
            ride.reads.flights.leave(flight)
        self._riding.clear()
        if self._undispatched:
            await shielded(self._all_dispatched())
        self._desks.clear()

    def give_up(self) -> None:
        """Wait for nothing any more: whoever waits is handed DeadlinePassed now, and so is whoever asks later."""
        places = self._unsettled()
        self._given_up += self._waits_until_now([place for place in places if place.awaited])
        for place in places:
            self._hand_over(place, _late(place.desk.endpoint))

    def _time_is_up(self) -> None:
        """As ``give_up``, but while the answer can still be put together: what is old may stand in."""
        places = self._unsettled()
        self.waits += self._waits_until_now([place for place in places if place.awaited])
        for place in places:
            self._settle(place, _late(place.desk.endpoint))

    def _waits_until_now(self, places: Sequence[_Place]) -> list[Wait]:
        """What these were waited for until now; no flight will tell."""
        now = self._clock.monotonic()
        since = {(place.slot.endpoint.service, place.since) for place in places if place.since <= now}
        return [Wait(service, then, now) for service, then in since]

    def _unsettled(self) -> list[_Place]:
        self._over = True
        return [place for desk in self._desks.values() for place in desk.places.values() if place.outcome is None]

    async def _all_dispatched(self) -> None:
        # The loader's dispatch is on its way to becoming a task, and nothing tells when: let it.
        while self._undispatched:  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(0)

    def ask(
        self, endpoint: Endpoint[V], key: Hashable, *, fan_out: int | None = None
    ) -> Outcome[V] | Awaitable[Outcome[V]]:
        """Ask for one key now: its outcome where it is known, else something to await it by.

        All who ask before the loop runs again are in the same batch, however deep in the answer they stand. So a
        resolver asks when it is called, not when its coroutine is first run: a coroutine below two lists starts some
        rounds of the loop later than its neighbours above, and would make a call of its own.
        ``fan_out`` bounds how many calls of an endpoint without a batch form this request has under way at once.
        """
        desk = self._desks.get(endpoint)
        if desk is None:
            desk = self._desks[endpoint] = self._desk(endpoint)
        kind = type(key)
        own_key = key if kind is str or kind is int else slot_key(key)  # as nearly always; the same, without a call
        place = desk.places.get(own_key)
        if place is None:  # a key once let through need not be looked at again
            refused = self._without_asking(desk, key)
            if refused is not None:
                return refused
            place = desk.places[own_key] = _Place(key, Slot(endpoint, desk.whose, own_key), desk)
            self._look(place, fan_out)
        if place.outcome is not None:
            return place.outcome
        return place

    async def load(self, endpoint: Endpoint[V], key: Hashable, *, fan_out: int | None = None) -> Outcome[V]:
        """The outcome for one key, batched with every other load of this endpoint that is ready at the same time.

        Raises nothing but the caller's own cancellation, which harms no other waiter.
        """
        asked = self.ask(endpoint, key, fan_out=fan_out)
        return asked if isinstance(asked, Outcome) else await asked

    async def load_many(
        self, endpoint: Endpoint[V], keys: Sequence[Hashable], *, fan_out: int | None = None
    ) -> list[Outcome[V]]:
        """One outcome a key, in the order of the keys; they are asked for together."""
        asked = [self.ask(endpoint, key, fan_out=fan_out) for key in keys]
        return [one if isinstance(one, Outcome) else await one for one in asked]

    async def send(
        self,
        command: Command[V],
        parameters: Sequence[Hashable] = (),
        body: object = None,
        *,
        idempotency_key: str | None = None,
    ) -> Outcome[V]:
        """Send a write; when it has ended, or this request's time has, how that went.

        The write goes on to its end on its own time, also when this request is given up. What it drops is not served
        any more, neither to others nor to a later field of this request.
        """
        desk = self._desk(command)
        refused = self._without_asking(desk, tuple(parameters))
        if refused is not None:
            return refused
        self.calls += 1
        slot = Slot(command, desk.whose._replace(owner=self._asker.owner), tuple(parameters))
        flight = desk.reads.send(command, parameters, body, self._caller, slot, idempotency_key)
        flight.when_landed(lambda: self._forget(command.drops))
        self._begun.add(flight)
        place = _Place((), slot, desk)
        place.since = self._clock.monotonic()
        self._desks.setdefault(command, desk).places[flight] = place
        self._sit(place, flight, self._board(desk.reads, flight, place.since))
        return await place

    def served(self, endpoint: Endpoint[Any]) -> Served:
        """How old what this request was given of an endpoint was at that instant; to be asked before it closes."""
        desk = self._desks.get(endpoint)
        return JUST_CAME if desk is None else desk.served

    def refused(self) -> BffError:
        """Why this principal may not see what needs a scope that it does not hold."""
        if self.principal.anonymous:
            return self._unverified or Unauthenticated("Sign in to see this.")
        return Forbidden("The credential does not reach this far.")

    def _look(self, place: _Place, fan_out: int | None) -> None:
        """Serve a place from the record cache, or put it on its way."""
        desk = place.desk
        hit = desk.reads.records.look(place.slot)
        if hit is None:
            self._undispatched += 1
            place.lane = desk.lane(fan_out)
            self._loader.collect(place)
            return
        self.looks[desk.endpoint.service, hit.result] += 1
        desk.note(hit.outcome)
        place.outcome = hit.outcome
        if hit.refresh:
            if not desk.stale:
                self._loop.call_soon(self._refresh, desk)
            desk.stale.append((place.key, place.slot))

    def _refresh(self, desk: _Desk) -> None:
        """Every kept answer of one endpoint that this round of the loop found stale, in as few calls as can be."""
        stale, desk.stale = desk.stale, []
        desk.reads.refresh(desk.endpoint, stale, self._caller)

    def _depart(self, places: Sequence[_Place]) -> None:
        """Places that were asked for together leave, by lanes."""
        self._undispatched -= len(places)
        if self._over:
            return
        by_lane: dict[_Lane, list[_Place]] = {}
        now = self._clock.monotonic()
        for place in places:
            place.since = now
            by_lane.setdefault(place.lane, []).append(place)
        for lane, own in by_lane.items():
            self._go(lane, own)

    def _go(self, lane: _Lane, places: Sequence[_Place]) -> None:
        """Places with a flight join it, the rest goes out in chunks."""
        alone, together = [], []
        for place in places:
            if place.alone:
                alone.append(place)
            elif not self._joined(place):
                together.append(place)
        for kind in (together, alone):
            for chunk in chunks(kind, lane.desk.endpoint.calls_for):
                self._take_turn(lane, chunk)

    def _take_turn(self, lane: _Lane, places: Sequence[_Place]) -> None:
        """One call, when it is this request's turn.

        What is more than the request's share of the service's bulkhead waits here, in its own request, and not in the
        waiting room where it would be in everybody's way.
        """
        desk, permits = lane.desk, lane.permits
        service = desk.endpoint.service
        share = self._shares.get(service)
        if share is None:
            share = self._shares[service] = Turns(desk.reads.share)
        gives = [share.give] if permits is None else [share.give, permits.give]
        at_once = True

        def begin() -> None:
            if not at_once:
                self._look_again(places)
            self._begin(desk, places, gives)

        if permits is None:
            share.take(begin)
        else:
            permits.take(lambda: share.take(begin))
        at_once = False

    def _look_again(self, places: Sequence[_Place]) -> None:
        """While they waited for their turn, other requests may have brought or begun what places want."""
        for place in places:
            if place.outcome is None and not place.alone:
                hit = place.desk.reads.records.look(place.slot)
                if hit is not None:
                    self.looks[place.slot.endpoint.service, hit.result] += 1
                    if place.awaited:
                        self.waits += self._waits_until_now([place])
                    place.desk.note(hit.outcome)
                    self._hand_over(place, hit.outcome)
                else:
                    self._joined(place)

    def _begin(self, desk: _Desk, places: Sequence[_Place], gives: Sequence[Callable[[], None]]) -> None:
        """Begin the call for those places that still want it; its end gives the turns back."""
        places = [place for place in places if place.outcome is None and not place.rides]
        if not places or self._over:
            for give in gives:  # not now: a long row of these would be as many frames deep
                self._loop.call_soon(give)
            return
        self.looks[desk.endpoint.service, "miss"] += len(places)
        self.calls += 1
        keys, slots = [place.key for place in places], [place.slot for place in places]
        flight = desk.reads.begin(desk.endpoint, keys, slots, self._caller, shared=not places[0].alone)
        self._begun.add(flight)
        for give in gives:
            flight.when_landed(give)
        ride = self._board(desk.reads, flight, places[0].since)
        for place in places:
            self._sit(place, flight, ride)

    def _joined(self, place: _Place) -> bool:
        """Join the flight to a place's slot, if there is one."""
        flight = place.desk.reads.flights.to(place.slot)
        if flight is None:
            return False
        self.looks[place.desk.endpoint.service, "joined"] += 1
        self._sit(place, flight, self._board(place.desk.reads, flight, place.since))
        return True

    def _board(self, reads: Reads, flight: Flight, since: float) -> _Ride:
        ride = self._riding.get(flight)
        if ride is None:
            ride = self._riding[flight] = _Ride(reads, since)
            reads.flights.board(flight)
        return ride

    def _sit(self, place: _Place, flight: Flight, ride: _Ride) -> None:
        place.rides = True
        flight.seats[place.slot].append(partial(self._arrived, place, flight, ride))

    def _arrived(self, place: _Place, flight: Flight, ride: _Ride, outcome: Outcome[Any]) -> None:
        """A flight has landed with the outcome for a place, which may have been given up meanwhile."""
        if place.outcome is not None:
            return
        if not ride.waited and place.awaited:
            ride.waited = True
        error = outcome.error
        if error is None:
            self._hand_over(place, outcome)
        elif isinstance(error, Unauthenticated | Forbidden) and flight not in self._begun and not self._over:
            # Said of another one's credential: whether ours reaches this far, only asking with ours can tell.
            place.alone, place.rides = True, False
            self._undispatched += 1
            place.lane = place.desk.lane(None)
            self._loader.collect(place)
        else:
            self._settle(place, outcome)

    def _settle(self, place: _Place, failed: Outcome[Any]) -> None:
        """End a place that failed: with an old answer if one may stand in, else with the error."""
        stale = failed.error and place.desk.reads.records.instead_of(place.slot, failed.error)
        if stale:
            self.looks[stale.service, "stale_if_error"] += 1
        place.desk.note(stale or failed)
        self._hand_over(place, stale or failed)

    def _hand_over(self, place: _Place, outcome: Outcome[Any]) -> None:
        place.outcome = outcome
        for waiter in place.waiters:
            if not waiter.done():
                waiter.set_result(outcome)
        place.waiters.clear()

    def _forget(self, endpoints: Sequence[Endpoint[Any]]) -> None:
        """What this request was given of these endpoints is not true any more: ask again for what is asked for next."""
        for endpoint in endpoints:
            desk = self._desks.get(endpoint)
            if desk is not None:
                desk.places = {key: place for key, place in desk.places.items() if place.outcome is None}

    def _desk(self, endpoint: Endpoint[Any]) -> _Desk:
        refused = not endpoint.scopes <= self.principal.scopes or (endpoint.relay and self.principal.anonymous)
        return _Desk(endpoint, self._reads[endpoint.service], self._asker, refused)

    def _without_asking(self, desk: _Desk, key: Any) -> Outcome[Any] | None:
        endpoint = desk.endpoint
        if self._over:
            return _late(endpoint, sent=False)
        if desk.refused:
            return Outcome(endpoint.service, error=self.refused())
        if not endpoint.accepts(key):
            what = f"{endpoint.name}: {key!r} cannot be a key"
            return Outcome(endpoint.service, error=NotFound(what, service=endpoint.service))
        return None

    def __repr__(self) -> str:
        places = [place for desk in self._desks.values() for place in desk.places.values()]
        waiting = sum(len(place.waiters) for place in places)
        return (
            f"<RequestScope {self.request_id} calls={self.calls} waiting={waiting} "
            f"flights={len(self._riding)} left={self.deadline.left:.3f}s>"
        )


class _Place:
    """One key of one request: who waits for it, and how asking for it ended.

    ``rides``: a flight for it is under way. ``alone``: that may be nobody else's. ``since``: the instant at which it
    went on its way; never, as long as it has not.
    """

    __slots__ = ("alone", "desk", "key", "lane", "outcome", "rides", "since", "slot", "waiters")

    def __init__(self, key: Any, slot: Slot, desk: _Desk) -> None:
        self.key = key
        self.slot = slot
        self.desk = desk
        self.lane: _Lane  # once it is on its way
        self.alone = False
        self.rides = False
        self.since = inf
        self.outcome: Outcome[Any] | None = None
        self.waiters: list[asyncio.Future[Outcome[Any]]] = []

    @property
    def awaited(self) -> bool:
        """Whether anybody waits for it; who has been cancelled does not any more."""
        return any(not waiter.done() for waiter in self.waiters)

    def __await__(self) -> Generator[Any, None, Outcome[Any]]:
        """The outcome, once it is there. Each who awaits has a future of their own, and nobody one without need."""
        if self.outcome is None:
            waiter: asyncio.Future[Outcome[Any]] = asyncio.get_running_loop().create_future()
            self.waiters.append(waiter)
            return (yield from waiter)
        return self.outcome


class _Ride:
    """One request's part in a flight: ``since`` when it counts on it, and whether anybody ``waited`` for it to land."""

    __slots__ = ("reads", "since", "waited")

    def __init__(self, reads: Reads, since: float) -> None:
        self.reads = reads
        self.since = since
        self.waited = False


class _Desk:
    """One request's asking at one endpoint: its places by key, and its lanes by fan-out.

    ``refused``: who asks may not be shown any of it.
    """

    def __init__(self, endpoint: Endpoint[Any], reads: Reads, asker: Asker, refused: bool) -> None:
        self.endpoint = endpoint
        self.reads = reads
        self.refused = refused
        self.whose = asker.whose(endpoint)
        self.places: dict[Any, _Place] = {}
        self.stale: list[tuple[Any, Slot]] = []
        self.served = JUST_CAME
        self._lanes: dict[int | None, _Lane] = {}

    def note(self, outcome: Outcome[Any]) -> None:
        """Remember how old it was, if that is more than was seen here, and whether there was no such thing."""
        served = self.served
        if isinstance(outcome.error, NotFound):
            self.served = served._replace(missing=max(outcome.age, served.missing or 0.0))
        elif outcome.age > served.oldest:
            self.served = served._replace(oldest=outcome.age)

    def lane(self, fan_out: int | None) -> _Lane:
        """The way out for links with this ``fan_out``; a key is asked for once, whichever comes first."""
        lane = self._lanes.get(fan_out)
        if lane is None:
            lane = self._lanes[fan_out] = _Lane(self, Turns(fan_out) if fan_out else None)
        return lane


class _Lane:
    """Places that leave a desk together. ``permits`` bounds how many of its calls are under way at once."""

    __slots__ = ("desk", "permits")

    def __init__(self, desk: _Desk, permits: Turns | None) -> None:
        self.desk = desk
        self.permits = permits


class ScopeLoader(DataLoader[_Place, None]):
    """Collects a request's places until the loop runs again, then sends them on their way together.

    One serves all endpoints: what is asked for in one round leaves in one task, whatever it is.

    Its future tells that places have departed, not what came for them: that is handed over at each place, as soon as it
    is there, so that no place waits for its neighbours' calls. So one future will do for all who depart together, and
    it needs no cache of its own.
    """

    def __init__(self, scope: RequestScope) -> None:
        super().__init__(cache=False, loop=scope._loop)
        self._scope = scope
        self._departed: asyncio.Future[None]

    def collect(self, place: _Place) -> None:
        """Take a place along with those that are already here."""
        if self._queue:
            self._queue.append(Loader(place, self._departed))
        else:
            self._departed = self.load(place)

    def do_resolve_reject(self, key: _Place, future: asyncio.Future[None]) -> None:
        """Queue the first of some places, and have the queue dispatched in the loop's next round but one.

        As aiodataloader itself does, but for the task it makes to wait for that round.
        """
        self._queue.append(Loader(key, future))
        self.loop.call_soon(self.loop.call_soon, dispatch_queue, self)

    async def batch_load_fn(self, places: list[_Place]) -> list[None]:
        """Send the places on their way; never raises."""
        self._scope._depart(places)
        return [None] * len(places)


def _late(endpoint: Endpoint[Any], *, sent: bool = True) -> Outcome[Any]:
    """The request's time is up; whether a write that was ``sent`` is done, nobody knows then."""
    error = DeadlinePassed(f"{endpoint.name}: the request's time is up", service=endpoint.service)
    return Outcome(endpoint.service, error=error, unknown=sent and isinstance(endpoint, Command))
