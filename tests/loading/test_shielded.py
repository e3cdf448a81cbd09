"""Cleaning up to the end, whatever cancellations come meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from bff_core.loading.shielded import shielded
from tests.graphql.shelf import left_over


async def test_work_without_trouble_gives_its_result() -> None:
    """What nobody cancels is simply awaited."""

    async def work() -> int:
        await asyncio.sleep(0)
        return 5

    assert await shielded(work()) == 5


async def test_the_works_own_error_is_raised() -> None:
    """An error of the work reaches whoever waits."""

    async def work() -> None:
        await asyncio.sleep(0)
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await shielded(work())


async def test_cancellations_come_after_the_work() -> None:
    """However often it is cancelled, the work runs to its end, and then the cancellation is raised."""
    released, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await released.wait()
        ended.set()

    running = asyncio.create_task(shielded(work()))
    for _ in range(3):
        await asyncio.sleep(0)
        running.cancel()
    await asyncio.sleep(0)
    assert not running.done()
    released.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended.is_set()
    assert left_over() == set()
