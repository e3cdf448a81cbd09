"""Which sockets this process holds, and which the workers of a served BFF."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from pathlib import Path
from urllib.parse import urlsplit


def sockets_to(url: str) -> int:
    """How many open sockets of this process lead to the port of a URL; the other ends, if they are ours, do not."""
    port = urlsplit(url).port
    return sum(_leads_to(int(name), port) for name in os.listdir("/dev/fd"))


def _leads_to(number: int, port: int | None) -> bool:
    with contextlib.suppress(OSError):  # one that was closed meanwhile, or leads nowhere
        if stat.S_ISSOCK(os.fstat(number).st_mode):
            one = socket.socket(fileno=number)
            try:
                return one.family == socket.AF_INET and bool(one.getpeername()[1] == port)
            finally:
                one.detach()  # it belongs to whoever opened it
    return False


def taken_by(pid: int, port: int) -> int:
    """How many connections to ``port`` of this machine another process has accepted and not closed; Linux only."""
    table = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    taken = {row[9] for row in table if row[3] == "01" and int(row[1].rpartition(":")[2], 16) == port}
    held = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # one that was closed meanwhile
            held += os.readlink(link).removeprefix("socket:[").rstrip("]") in taken
    return held


def workers_of(pid: int) -> list[int]:
    """The process ids of the workers of ``bff serve``, whose own is ``pid``; Linux only."""
    children = _read(f"/proc/{pid}/task/{pid}/children").split()
    return [int(child) for child in children if "spawn_main" in _read(f"/proc/{child}/cmdline")]


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8", errors="replace")
    except OSError:  # whose it was is gone
        return ""
