"""An event loop whose time can be pushed on: what waits for a timer waits no longer, and nothing sleeps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

#: Lets so many seconds pass at once, and whatever is due then happen.
Push = Callable[[float], Awaitable[None]]

#: Rounds of the loop in which what became due has been done, and what that made ready.
ROUNDS = 5


class PushedLoop(asyncio.SelectorEventLoop):
    """The standard loop over real sockets, ``ahead`` seconds ahead of the machine's clock."""

    def __init__(self) -> None:
        self.ahead = 0.0
        super().__init__()

    def time(self) -> float:
        """Seconds on the loop's own scale."""
        return super().time() + self.ahead

    async def push(self, seconds: float) -> None:
        """Let that much time pass at once."""
        self.ahead += seconds
        for _ in range(ROUNDS):
            await asyncio.sleep(0)


def on_a_pushed_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a test, which takes ``make`` and ``push``, on a loop whose time it pushes on."""

    def run(make: object) -> None:
        async def on(loop: PushedLoop) -> None:
            await test(make, loop.push)

        loop = PushedLoop()
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(on(loop))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run
