"""Flights: calls under way that several requests wait for, one for each slot.

A flight belongs to the process, not to the request that began it: its time is the endpoint's own, so that one caller's
short deadline or cancellation harms nobody. Who waits rides along, under a deadline of their own, and may leave at any
time; a read that nobody rides any more is cancelled. A refresh is ridden by the cache and a command by its effect, so
those two fly to their end.

    began ── joined by later requests for the same slot ── landed: kept in the record cache, handed to every rider

What is not shared, though it has the same slot:

- a read that began before a write ended (see ``epochs.py``) is not joined after it; and where other processes write
  too, so that nobody tells when, no read of what they may write is joined at all;
- 401 and 403: they are said of a credential, and a slot's riders may have different ones (a fresh and a refreshed
  token). Who did not begin the flight asks again, alone; ``RequestScope`` does that.

Errors are handed to every rider and never kept.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from bff_core.cache.records import RecordCache
from bff_core.cache.slot import Slot
from bff_core.clock import Clock
from bff_core.contract import Outcome
from bff_core.errors import BffError, Bug, Rejected
from bff_core.telemetry.facts import BugFound, FlightKind, FlightLanded, Observer

#: What a flight does: one outcome a slot, in their order.
Call = Callable[[], Coroutine[Any, Any, list[Outcome[Any]]]]

#: Told how it went for one slot. Must be quick and must not raise.
Arrived = Callable[[Outcome[Any]], None]


class Flight:
    """One call under way for one slot or more. ``seats``: who is told of each slot's outcome.

    ``begun`` is the epoch in which it began; ``began_at`` and ``landed_at`` are instants of the clock, the second one
    known once it has landed. What it tells when it has landed, it tells at once and once: first those
    who asked by ``when_landed``, then the seats, each in the order in which they asked.
    """

    __slots__ = ("_when_landed", "began_at", "begun", "kind", "landed_at", "riders", "seats", "task")

    def __init__(
        self, kind: FlightKind, slots: Sequence[Slot], begun: int, at: float, task: asyncio.Task[list[Outcome[Any]]]
    ) -> None:
        self.kind = kind
        self.seats: dict[Slot, list[Arrived]] = {slot: [] for slot in slots}
        self.begun = begun
        self.began_at = at
        self.landed_at = at
        self.riders = 0
        self.task = task
        self._when_landed: list[Callable[[], None]] = []

    def when_landed(self, told: Callable[[], None]) -> None:
        """Call ``told`` once it has ended, however, before any seat is told. It must be quick and must not raise."""
        self._when_landed.append(told)

    def tell(self, outcomes: Sequence[Outcome[Any]]) -> None:
        """It has landed with these outcomes, one a slot, in their order."""
        for told in self._when_landed:
            told()
        for arrived, outcome in zip(self.seats.values(), outcomes, strict=True):
            for one in arrived:
                one(outcome)

    def __repr__(self) -> str:
        return f"<Flight {self.kind} of {len(self.seats)} slots, riders={self.riders}>"


class Flights:
    """The flights to one service. Process scope: ``aclose`` cancels and awaits what is under way."""

    def __init__(self, service: str, records: RecordCache, clock: Clock, observer: Observer) -> None:
        self._service = service
        self._records = records
        self._clock = clock
        self._observer = observer
        self._by_slot: dict[Slot, Flight] = {}
        self._under_way: set[Flight] = set()

    def to(self, slot: Slot) -> Flight | None:
        """The flight that has a seat for a slot and may still be joined; None where there is none."""
        flight = self._by_slot.get(slot)
        if flight is None or not self._records.shares(slot.endpoint) or not self._records.holds(slot, flight.begun):
            return None
        return flight

    def begin(self, slots: Sequence[Slot], call: Call, kind: FlightKind = "read", *, shared: bool = True) -> Flight:
        """Begin a flight for different slots; ``shared`` says whether others may join it.

        It runs in a context of its own.
        """
        # It serves whoever joins, so it must not carry one request's context variables.
        task = asyncio.get_running_loop().create_task(
            call(), name=f"{kind} of {self._service}", context=contextvars.Context()
        )
        flight = Flight(kind, slots, self._records.epoch, self._clock.monotonic(), task)
        # Not a `finally` in the task: one that is cancelled before its first step runs none.
        task.add_done_callback(partial(self._landed, flight))
        self._under_way.add(flight)
        if shared:
            for slot in slots:
                self._by_slot[slot] = flight
        return flight

    def board(self, flight: Flight) -> None:
        """Ride along; ``leave`` must follow."""
        flight.riders += 1

    def leave(self, flight: Flight) -> None:
        """Ride no more. A read that nobody rides is cancelled, and nobody can join it from now on."""
        flight.riders -= 1
        if flight.riders == 0 and flight.kind == "read" and not flight.task.done():
            self._close(flight)
            flight.task.cancel()

    def under_way(self) -> int:
        """How many flights there are."""
        return len(self._under_way)

    async def aclose(self) -> None:
        """Cancel and await everything under way; who still rides is told that it was rejected."""
        while tasks := [flight.task for flight in self._under_way]:
            for task in tasks:
                task.cancel()
            # Those who ride are told before this goes on, and may have begun another one by then.
            await asyncio.gather(*tasks, return_exceptions=True)

    def _close(self, flight: Flight) -> None:
        for slot in flight.seats:
            if self._by_slot.get(slot) is flight:  # after a drop there may be a newer one
                del self._by_slot[slot]

    def _landed(self, flight: Flight, task: asyncio.Task[list[Outcome[Any]]]) -> None:
        self._close(flight)
        self._under_way.discard(flight)
        flight.landed_at = self._clock.monotonic()
        outcomes = self._outcomes(flight, task)
        if flight.kind != "command":
            for slot, outcome in zip(flight.seats, outcomes, strict=True):
                self._records.keep(slot, outcome, flight.begun)
        self._tell(flight, task, outcomes)
        flight.tell(outcomes)

    def _outcomes(self, flight: Flight, task: asyncio.Task[list[Outcome[Any]]]) -> Sequence[Outcome[Any]]:
        error: BffError
        if task.cancelled():
            error = Rejected(f"{self._service}: the call was given up", service=self._service)
        elif raised := task.exception():
            # What flies says failure by its outcomes, so this is a bug.
            error = self._bug(f"a flight to {self._service} raised", raised)
        elif len(outcomes := task.result()) != len(flight.seats):
            error = self._bug(f"a flight to {self._service} had {len(outcomes)} outcomes for {len(flight.seats)} seats")
        else:
            return outcomes
        # Whether a write that was given up is done, nobody knows.
        return [Outcome(self._service, error=error, unknown=flight.kind == "command")] * len(flight.seats)

    def _bug(self, what: str, raised: BaseException | None = None) -> Bug:
        bug = Bug(what)
        self._observer.observe(BugFound("cache", "", raised or bug))
        return bug

    def _tell(self, flight: Flight, task: asyncio.Task[list[Outcome[Any]]], outcomes: Sequence[Outcome[Any]]) -> None:
        error = next((outcome.error for outcome in outcomes if outcome.error is not None), None)
        self._observer.observe(
            FlightLanded(
                service=self._service,
                endpoint=next(iter(flight.seats)).endpoint.name,
                kind=flight.kind,
                keys=len(flight.seats),
                riders=flight.riders,
                seconds=flight.landed_at - flight.began_at,
                code="CANCELLED" if task.cancelled() else error.code if error else None,
            )
        )

    def __repr__(self) -> str:
        return f"<Flights {self._service} under way={len(self._under_way)}>"
