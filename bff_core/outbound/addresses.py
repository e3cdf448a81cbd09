"""Outbound: from a service's name to an open connection; names are looked up once for all who connect meanwhile."""

from __future__ import annotations

import asyncio
import socket
import ssl

#: Seconds that the addresses of a name are used again.
KEPT = 10.0


class Addresses:
    """Where names lead. Belongs to one transport.

    A service that restarts makes every connection new at once. One lookup serves them all: the threads that look names
    up are few, and the time for connecting is short.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[float, list[str]]] = {}
        self._looking = asyncio.Lock()

    async def connect(self, protocol: asyncio.BaseProtocol, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Open a connection for `protocol` to the first address that takes it, in the order of the system's lookup.

        Raises OSError when none does. Known flaw: one address is tried after another, so one that answers nothing
        takes the time of those behind it.
        """
        loop = asyncio.get_running_loop()
        failure: OSError | None = None
        for address in await self._of(host, port):
            try:
                await loop.create_connection(
                    lambda: protocol, address, port, ssl=tls, server_hostname=host if tls else None
                )
            except OSError as exc:
                failure = failure or exc
            else:
                return
        self._known.pop((host, port), None)  # it may have moved
        raise failure or OSError(f"{host} has no address")

    async def _of(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        async with self._looking:
            until, addresses = self._known.get((host, port), (0.0, []))
            if loop.time() >= until:
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
                self._known[host, port] = loop.time() + KEPT, addresses
        return addresses
