"""Waiting for processes that are no children of ours to end: the system tells it, by a file of the process."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterable


def left_of(pids: Iterable[int], seconds: float = 5.0) -> set[int]:
    """Which of these processes still run after up to so many seconds; one that nobody has reaped yet does not."""
    deadline = time.monotonic() + seconds
    return {pid for pid in pids if not _ends(pid, deadline - time.monotonic())}


def _ends(pid: int, seconds: float) -> bool:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], max(0.0, seconds))[0])
    finally:
        os.close(process)
