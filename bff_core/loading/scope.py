"""One request's loading: the loaders, who waits for them, until when, and what is cleaned up at the end.

The loaders are aiodataloader's. Three things are laid around them, because its futures are shared between positions:

- **Shield.** Nobody awaits a loader's future. Each ``load`` awaits a future of its own that the loader's hands its
  outcome to. graphql-core cancels the siblings of a failing non-null field; awaiting the shared future itself would let
  that cancellation reach every other position that waits for the same key.
- **Deadline.** One timer a request, at the deadline less the reserve: whoever still waits then is handed
  DeadlinePassed. A timeout on a loader's own future would leave a cancelled future in its cache and poison every later
  load of that key.
- **Owner.** Every task a loader starts is the scope's; closing the scope cancels and awaits them, so none outlives the
  request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

from aiodataloader import DataLoader

from bff_core.auth.principal import Credential, Principal
from bff_core.clock import Clock
from bff_core.contract import Batch, Endpoint, Outcome
from bff_core.deadline import Deadline
from bff_core.errors import AuthUnavailable, Bug, DeadlinePassed, Forbidden, NotFound, Unauthenticated
from bff_core.loading.shielded import shielded
from bff_core.outbound.channel import Caller, Channel

V = TypeVar("V")


class RequestScope:
    """What one request may use to reach the services; opened and closed by the pipeline (``async with``).

    ``reserve``: seconds of the deadline kept back for putting the answer together. ``unverified``: a credential came
    and could not be looked at, so the principal is anonymous and private endpoints say why. ``calls`` counts what
    went down.
    """

    def __init__(
        self,
        *,
        channels: Mapping[str, Channel],
        deadline: Deadline,
        clock: Clock,
        principal: Principal,
        credential: Credential | None = None,
        unverified: AuthUnavailable | None = None,
        request_id: str = "",
        reserve: float = 0.05,
    ) -> None:
        self.principal = principal
        self.deadline = deadline
        self.request_id = request_id
        self.calls = 0
        self._unverified = unverified
        self._channels = channels
        self._clock = clock
        self._caller = Caller(deadline.earlier(reserve), credential, request_id)
        self._loaders: dict[tuple[Endpoint[Any], int | None], EndpointLoader] = {}
        self._known: dict[Endpoint[Any], dict[Any, asyncio.Future[Outcome[Any]]]] = {}
        self._waiters: dict[asyncio.Future[Outcome[Any]], tuple[Endpoint[Any], list[asyncio.Future[Outcome[Any]]]]] = {}
        self._shares: dict[str, asyncio.Semaphore] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._undispatched = 0
        self._over = False

    async def __aenter__(self) -> RequestScope:
        self._timer = self._clock.call_later(self._caller.deadline.left, self.give_up)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._timer.cancel()
        self.give_up()
        if self._undispatched or self._tasks:
            await shielded(self._end_tasks())
        self._loaders.clear()
        self._known.clear()
        self._waiters.clear()  # a load that was cancelled hands nothing over

    def give_up(self) -> None:
        """Wait for nothing any more: whoever waits is handed DeadlinePassed now, and so is whoever asks later."""
        self._over = True
        for endpoint, waiters in self._waiters.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(Outcome(endpoint.service, error=_late(endpoint)))

    async def _end_tasks(self) -> None:
        # A loader's dispatch is on its way to becoming a task, and nothing tells when: let it, then end it.
        while self._undispatched:  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(0)
        tasks = [task for task in self._tasks if not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)

    def ask(
        self, endpoint: Endpoint[V], key: Hashable, *, fan_out: int | None = None
    ) -> Outcome[V] | Awaitable[Outcome[V]]:
        """Ask for one key now: its outcome where it is known, else something to await it by.

        All who ask before the loop runs again are in the same batch, however deep in the answer they stand. So a
        resolver asks when it is called, not when its coroutine is first run: a coroutine below two lists starts some
        rounds of the loop later than its neighbours above, and would make a call of its own.
        ``fan_out`` bounds how many calls of an endpoint without a batch form this request has under way at once.
        """
        known = self._known.get(endpoint)
        future = known.get(key) if known else None  # a key once let through need not be looked at again
        if future is None or self._time_is_up():
            outcome = self._without_asking(endpoint, key)
            if outcome is not None:
                return outcome
            future = self._loader(endpoint, fan_out).load(key)
        if future.done():
            return future.result()
        waiter: asyncio.Future[Outcome[V]] = asyncio.get_running_loop().create_future()
        if future not in self._waiters:
            self._waiters[future] = endpoint, []
            future.add_done_callback(self._hand_over)
        self._waiters[future][1].append(waiter)
        return waiter

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

    def _loader(self, endpoint: Endpoint[Any], fan_out: int | None) -> EndpointLoader:
        loader = self._loaders.get((endpoint, fan_out))
        if loader is None:
            known = self._known.setdefault(endpoint, {})  # shared: a key is asked for once, whoever asks
            loader = self._loaders[endpoint, fan_out] = EndpointLoader(self, endpoint, fan_out, known)
        return loader

    def _hand_over(self, future: asyncio.Future[Outcome[Any]]) -> None:
        _, waiters = self._waiters.pop(future, (None, ()))
        for waiter in waiters:
            _hand_over(waiter, future)

    def _time_is_up(self) -> bool:
        return self._over or self._caller.deadline.left <= 0

    async def fetch(self, endpoint: Endpoint[Any], keys: Sequence[Any]) -> list[Outcome[Any]]:
        """One call, counted; the loaders' way down.

        What is more than the request's share of the service's bulkhead waits here, in its own request and under its
        own deadline, and not in the waiting room where it would be in everybody's way.
        """
        channel = self._channels[endpoint.service]
        share = self._shares.get(endpoint.service)
        if share is None:
            share = self._shares[endpoint.service] = asyncio.Semaphore(channel.share)
        async with share:
            if self._over:  # while this waited for its turn
                return [Outcome(endpoint.service, error=_late(endpoint))] * len(keys)
            self.calls += 1
            return await channel.fetch(endpoint, keys, self._caller)

    def _without_asking(self, endpoint: Endpoint[Any], key: Any) -> Outcome[Any] | None:
        service = endpoint.service
        if self._time_is_up():
            return Outcome(service, error=_late(endpoint))
        if endpoint.relay and self.principal.anonymous:
            return Outcome(service, error=self._unverified or Unauthenticated("Sign in to see this."))
        if endpoint.scopes and not endpoint.scopes <= self.principal.scopes:
            return Outcome(service, error=Forbidden("The credential does not reach this far."))
        if not endpoint.accepts(key):
            return Outcome(service, error=NotFound(f"{endpoint.name}: {key!r} cannot be a key", service=service))
        return None

    def __repr__(self) -> str:
        waiting = sum(not waiter.done() for _, waiters in self._waiters.values() for waiter in waiters)
        return (
            f"<RequestScope {self.request_id} calls={self.calls} waiting={waiting} "
            f"tasks={len(self._tasks)} left={self.deadline.left:.3f}s>"
        )


class EndpointLoader(DataLoader[Any, Outcome[Any]]):
    """The request's loader for one endpoint: a batch becomes chunks of ``calls_for`` keys, a call each."""

    def __init__(
        self,
        scope: RequestScope,
        endpoint: Endpoint[Any],
        fan_out: int | None,
        known: dict[Any, asyncio.Future[Outcome[Any]]],
    ) -> None:
        super().__init__(max_batch_size=endpoint.calls_for, batch=isinstance(endpoint, Batch), cache_map=known)
        self._scope = scope
        self._endpoint = endpoint
        self._permits = asyncio.Semaphore(fan_out) if fan_out else None

    def load(self, key: Any) -> asyncio.Future[Outcome[Any]]:
        """A future shared by all who ask for this key; only ``RequestScope.ask`` may hold it."""
        known = len(self._cache)
        future = super().load(key)
        self._scope._undispatched += len(self._cache) - known
        return future

    async def batch_load_fn(self, keys: list[Any]) -> list[Outcome[Any]]:
        """One outcome a key, in the order of the keys; never raises but for the scope's own cancellation."""
        scope = self._scope
        scope._undispatched -= len(keys)
        task = asyncio.current_task()
        if task is None:
            raise Bug("a loader dispatched outside of a task")
        scope._tasks.add(task)
        task.add_done_callback(scope._tasks.discard)
        if self._permits is None:
            return await scope.fetch(self._endpoint, keys)
        async with self._permits:
            return await scope.fetch(self._endpoint, keys)


def _hand_over(waiter: asyncio.Future[Outcome[Any]], future: asyncio.Future[Outcome[Any]]) -> None:
    if waiter.done():
        return
    if future.cancelled():
        waiter.cancel()
    elif error := future.exception():
        waiter.set_exception(error)
    else:
        waiter.set_result(future.result())


def _late(endpoint: Endpoint[Any]) -> DeadlinePassed:
    return DeadlinePassed(f"{endpoint.name}: the request's time is up", service=endpoint.service)
