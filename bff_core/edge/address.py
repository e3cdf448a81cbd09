"""Where a request comes from, also behind proxies; what anybody can write into a header is not believed."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

#: A customer's part of the IPv6 addresses, bits: whoever has one address has all 2^64 of them.
ONE_CUSTOMER = 64

#: What stands for a caller that nobody can tell, as behind a socket of files.
UNKNOWN = "unknown"


class Callers:
    """Tells callers apart. ``trusted``: addresses or networks of the proxies before us."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted: tuple[IPv4Network | IPv6Network, ...] = tuple(ip_network(one) for one in trusted)

    def caller(self, peer: str | None, forwarded: str | None) -> str:
        """The address that a request comes from; of IPv6 the network of one customer.

        ``peer`` is who opened the connection, ``forwarded`` the X-Forwarded-For header, to which each proxy adds at its
        end whom it was asked by. It is read from there, and only as long as whoever wrote an entry is trusted.
        """
        address = _parsed(peer or "")
        if address is None:
            return UNKNOWN
        if forwarded and self._trusted:
            for entry in reversed(forwarded.split(",")):
                if not self._trusts(address):
                    break
                before = _parsed(entry.strip())
                if before is None:
                    break
                address = before
        if isinstance(address, IPv6Address):
            return str(IPv6Network((int(address) >> ONE_CUSTOMER << ONE_CUSTOMER, ONE_CUSTOMER)))
        return str(address)

    def _trusts(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._trusted)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """An address, of which some proxies tell the port as well; None for anything else."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
