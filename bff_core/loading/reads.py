"""What requests share of one service: its kept answers, its flights and the channel under them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial
from typing import Any

from bff_core.cache.flights import Flight, Flights
from bff_core.cache.records import RecordCache
from bff_core.cache.slot import Slot
from bff_core.clock import Clock
from bff_core.contract import Command, Endpoint, Outcome
from bff_core.deadline import Deadline
from bff_core.loading.chunks import chunks
from bff_core.outbound.channel import Caller, Channel
from bff_core.telemetry.facts import Observer

#: Added to a flight's time, in seconds: a busy process is late with its own timers, and a last attempt that is cut
#: short for that would be told as the caller's doing, and not held against the service.
SLACK = 0.1


class Reads:
    """The way to one service, for all requests. Process scope.

    ``longest_call``: seconds that one call may take with all its attempts. With some slack it is the whole budget of a
    flight, which knows nothing of the deadlines of those who ride it.
    """

    def __init__(
        self, channel: Channel, records: RecordCache, clock: Clock, observer: Observer, longest_call: float
    ) -> None:
        self.records = records
        self.flights = Flights(channel.service, records, clock, observer)
        self._channel = channel
        self._clock = clock
        self._longest_call = longest_call
        self._refreshing = 0

    @property
    def service(self) -> str:
        """The name of the service."""
        return self._channel.service

    @property
    def share(self) -> int:
        """How many calls to the service one request may have under way at once."""
        return self._channel.share

    def begin(
        self, endpoint: Endpoint[Any], keys: Sequence[Any], slots: Sequence[Slot], caller: Caller, *, shared: bool
    ) -> Flight:
        """Begin one call for ``keys``, at most ``endpoint.calls_for``, that others may join."""
        return self.flights.begin(slots, partial(self._fetch, endpoint, keys, caller), shared=shared)

    def refresh(self, endpoint: Endpoint[Any], wanted: Sequence[tuple[Any, Slot]], caller: Caller) -> None:
        """Ask anew for kept answers that still serve, in the background.

        What is on its way already is not asked for again. Refreshes have one request's share of the bulkhead between
        them; what is beyond it is let be, and the next one to meet the answer tries again.
        """
        wanted = [(key, slot) for key, slot in wanted if self.flights.to(slot) is None]
        for chunk in chunks(wanted, endpoint.calls_for):
            if self._refreshing >= self.share:
                return
            self._refreshing += 1
            keys = [key for key, _ in chunk]
            call = partial(self._fetch, endpoint, keys, caller)
            flight = self.flights.begin([slot for _, slot in chunk], call, "refresh")
            flight.when_landed(self._refreshed)

    def send(
        self,
        command: Command[Any],
        parameters: Sequence[Hashable],
        body: Any,
        caller: Caller,
        slot: Slot,
        idempotency_key: str | None,
    ) -> Flight:
        """Send a write. It goes on to its end, whoever leaves, and what it makes untrue is dropped at that end.

        Also when its answer did not come, since it may have been done all the same.
        """

        async def write() -> list[Outcome[Any]]:
            own = self._on_own_time(caller)
            return [await self._channel.send(command, parameters, body, own, idempotency_key=idempotency_key)]

        flight = self.flights.begin([slot], write, "command", shared=False)
        flight.when_landed(lambda: self.records.drop(command.drops, slot.whose.owner))
        return flight

    async def aclose(self) -> None:
        """Cancel and await what is under way; the channel is closed by whoever opened it."""
        await self.flights.aclose()

    def _refreshed(self) -> None:
        self._refreshing -= 1

    async def _fetch(self, endpoint: Endpoint[Any], keys: Sequence[Any], caller: Caller) -> list[Outcome[Any]]:
        return await self._channel.fetch(endpoint, keys, self._on_own_time(caller))

    def _on_own_time(self, caller: Caller) -> Caller:
        deadline = Deadline.after(self._clock, self._longest_call + SLACK)
        return Caller(deadline, caller.credential, caller.request_id, caller.locale, caller.client)

    def __repr__(self) -> str:
        return f"<Reads {self._channel!r} {self.flights!r}>"
