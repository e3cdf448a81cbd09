"""The road beside the endpoint written by hand: both answer in full, with the same calls, and everything is on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from bench.beside import guarded, line, pair, runs
from bench.layers import query
from bench.upstream import as_bytes
from bff_core.testing.client import client_for
from tests.bench.test_bff import CALLS, ROWS, expected
from tests.bench.test_layers import data_of


class Upstream(asyncio.Protocol):
    """The bench's upstream in this process; ``asked`` is what it was asked."""

    asked: list[str]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._rest = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        *complete, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for request in complete:
            method, target, _ = request.split(b"\r\n")[0].decode().split(" ")
            self.asked.append(f"{method} {target}")
            body = as_bytes(ROWS)[target.partition("?")[0]]
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._transport.close()


@asynccontextmanager
async def upstream() -> AsyncIterator[tuple[str, list[str]]]:
    """Its URL, and what it was asked."""
    asked: list[str] = []

    def connected() -> Upstream:
        connection = Upstream()
        connection.asked = asked
        return connection

    server = await asyncio.get_running_loop().create_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    finally:
        server.close()


@pytest.mark.parametrize("workload", CALLS)
async def test_all_four_answer_the_same_with_the_same_calls(workload: str) -> None:
    """Execution asks nobody; the road, the road alone and the endpoint by hand make each call once and answer alike."""
    async with upstream() as (url, asked), pair(url, as_bytes(ROWS)) as both:
        execution, *others = runs(workload, as_bytes(ROWS), both)
        assert data_of(await execution()) == expected(workload)
        assert asked == []
        await others[1]()  # the road alone learns its answer from the road
        for run in others:
            asked.clear()
            body = await run()
            assert isinstance(body, bytes)
            assert msgspec.json.decode(body) == {"data": expected(workload)}
            assert asked == CALLS[workload]


async def test_everything_is_on() -> None:
    """A token is verified and a bad one refused, a request is counted by the metrics, and the guards are there."""
    async with upstream() as (url, _), pair(url, as_bytes(ROWS)) as both, client_for(both.whole) as client:
        good = await client.query(query("b"), headers={"authorization": both.authorization})
        assert (good.status, good.errors) == (200, [])
        bad = await client.query(query("b"), headers={"authorization": both.authorization[:-4] + "AAAA"})
        assert (bad.status, [error["extensions"]["code"] for error in bad.errors]) == (401, ["UNAUTHENTICATED"])
        metrics = (await client.http.get("/metrics")).text
        counted = 'client="other",client_version="other",operation="anonymous",result="whole",status="200"} 1.0'
        assert f'bff_requests_total{{bff="bench",{counted}' in metrics
        assert 'bff_service_call_duration_seconds_count{bff="bench",code="OK",endpoint="upstream GET /posts"' in metrics


def test_the_table_says_what_was_measured() -> None:
    """Medians in microseconds, the difference by rounds, and the ratio with its smallest and largest round."""
    found = [[100.0, 110.0, 90.0], [200.0, 230.0, 190.0], [50.0, 60.0, 40.0], [25.0, 20.0, 40.0]]
    assert line("a", found) == "| a | 200 | 100 | 100 | 50 | 25 | 2.00 (1.00 to 3.00) |"
    assert guarded.keys is not None
