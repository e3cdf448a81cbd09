"""Which sockets this process holds."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
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
