"""Cleaning up to the end, whatever cancellations come meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def shielded(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` to its end. A cancellation that comes meanwhile is raised again, but only then.

    For cleanup that awaits: whoever was cancelled once may be cancelled again while it tidies up, and what it then
    leaves lying has no owner. ``work`` must end by itself.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None and not task.cancelled():
        raise cancelled
    return task.result()
