"""From a service's name to a connection: looked up once for all, one address after another, forgotten when it fails."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from bff_core.outbound.addresses import KEPT, Addresses


class Network(asyncio.SelectorEventLoop):
    """A loop whose names, addresses and time are the test's; ``up`` are the addresses that take a connection."""

    def __init__(self) -> None:
        super().__init__()
        self.names = {"orders": ["10.0.0.1", "10.0.0.2"]}
        self.up = {"10.0.0.1", "10.0.0.2"}
        self.lookups = 0
        self.tried: list[str] = []
        self.later = 0.0

    def time(self) -> float:
        """The loop's own, and what the test adds to it."""
        return super().time() + self.later

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        """What the system would say of a name, after some turns of the loop."""
        self.lookups += 1
        for _turn in range(3):
            await asyncio.sleep(0)
        if host not in self.names:
            raise socket.gaierror(f"{host} is unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self.names[host]]

    async def create_connection(self, factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:  # type: ignore[override]  # its overloads say no more
        """Taken by an address that is up."""
        self.tried.append(host)
        await asyncio.sleep(0)
        if host not in self.up:
            raise ConnectionRefusedError(host)
        return None, factory()


async def connect(addresses: Addresses, host: str = "orders") -> None:
    await addresses.connect(asyncio.Protocol(), host, 80, None)


def run(scenario: Any) -> None:
    """Run a scenario on a network of its own."""
    with asyncio.Runner(loop_factory=Network) as runner:
        network = runner.get_loop()
        assert isinstance(network, Network)
        runner.run(scenario(network, Addresses()))


def test_many_who_connect_at_once_look_a_name_up_once() -> None:
    """One lookup serves all who wait for it and all who come soon after; then the name is looked up anew."""

    async def scenario(network: Network, addresses: Addresses) -> None:
        await asyncio.gather(*(connect(addresses) for _ in range(50)))
        await connect(addresses)
        assert (network.lookups, len(network.tried)) == (1, 51)
        network.later = KEPT + 1
        await connect(addresses)
        assert network.lookups == 2

    run(scenario)


def test_another_address_is_tried_where_one_does_not_answer() -> None:
    """In the order of the lookup, until one takes the connection."""

    async def scenario(network: Network, addresses: Addresses) -> None:
        network.up = {"10.0.0.2"}
        await connect(addresses)
        assert network.tried == ["10.0.0.1", "10.0.0.2"]

    run(scenario)


def test_a_service_that_moved_is_found_again() -> None:
    """Where no address answers the first one's error is raised, and the next connection looks the name up anew."""

    async def scenario(network: Network, addresses: Addresses) -> None:
        network.up = {"10.0.0.3"}
        with pytest.raises(ConnectionRefusedError, match=r"10\.0\.0\.1"):
            await connect(addresses)
        network.names["orders"] = ["10.0.0.3"]
        await connect(addresses)
        assert (network.lookups, network.tried[-1]) == (2, "10.0.0.3")

    run(scenario)


def test_an_unknown_name_is_not_remembered() -> None:
    """A name that cannot be looked up raises OSError, and is looked up again the next time."""

    async def scenario(network: Network, addresses: Addresses) -> None:
        for number in (1, 2):
            with pytest.raises(OSError, match="unknown"):
                await connect(addresses, "nowhere")
            assert network.lookups == number
        network.names["nowhere"] = ["10.0.0.1"]
        await connect(addresses, "nowhere")

    run(scenario)


def test_who_leaves_during_the_lookup_harms_nobody() -> None:
    """When the one who looks a name up is cancelled, the next in line looks it up."""

    async def scenario(network: Network, addresses: Addresses) -> None:
        first, second = (asyncio.ensure_future(connect(addresses)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await second
        assert first.cancelled()
        assert network.lookups == 2

    run(scenario)
