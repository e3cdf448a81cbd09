"""The upstream of the benchmark, for where its own server is not: four lists and a page, shaped as jsonplaceholder's.

As there, every answer holds more members than the bench asks for, and a list of users or vendors is whole whatever
ids were asked. The words differ from the harness's; lengths and counts do not.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Mapping
from typing import Any, cast

import httpx
import uvloop

WORDS = ("sunt", "aut", "facere", "repellat", "provident", "occaecati", "excepturi", "optio", "reprehenderit", "quia")


def make_rows(seed: int = 7) -> dict[str, Any]:
    """What stands under each path: 100 posts of 10 users, page 1 with 50 items of 10 vendors."""
    chance = random.Random(seed)

    def words(count: int) -> str:
        return " ".join(chance.choice(WORDS) for _ in range(count))

    def moment(month: int, number: int) -> str:
        return f"2024-{month:02d}-{number % 28 + 1:02d}T10:00:00Z"

    users = [
        {
            "id": n,
            "name": f"User Name {n}",
            "username": f"user{n}",
            "email": f"user{n}@example.test",
            "address": {"street": words(2), "city": words(1), "geo": {"lat": f"-{n}.3159", "lng": f"8{n}.1496"}},
            "phone": f"1-770-736-80{n:02d}",
            "website": f"site{n}.test",
            "company": {"name": words(2), "catchPhrase": words(4), "bs": words(4)},
        }
        for n in range(1, 11)
    ]
    posts = [{"userId": (n - 1) // 10 + 1, "id": n, "title": words(6), "body": words(22)} for n in range(1, 101)]
    vendors = [
        {
            "id": n,
            "name": f"Vendor {n}",
            "country": chance.choice(["DE", "FR", "US", "JP"]),
            "rating": round(chance.uniform(1, 5), 1),
            "legalName": words(3),
            "address": {"street": words(2), "city": words(1)},
        }
        for n in range(1, 11)
    ]
    items = [
        {
            "id": n,
            "sku": f"SKU-{n:06d}",
            "name": words(3),
            "subtitle": words(5),
            "description": words(20),
            "price": round(chance.uniform(1, 500), 2),
            "currency": "EUR",
            "stock": chance.randrange(500),
            "rating": round(chance.uniform(1, 5), 1),
            "active": chance.random() < 0.8,
            "createdAt": moment(1, n),
            "updatedAt": moment(5, n),
            "shipping": {
                "weight": round(chance.uniform(0.1, 20), 2),
                "width": chance.randrange(200),
                "height": chance.randrange(200),
                "carrier": chance.choice(["dhl", "ups", "gls"]),
                "depth": chance.randrange(200),
            },
            "vendorId": (n * 7) % 10 + 1,
            "warehouse": words(1),
            "tags": [words(1), words(1)],
            "internalNote": words(8),
        }
        for n in range(1, 51)
    ]
    page = {
        "id": 1,
        "slug": "spring-sale",
        "title": words(4),
        "locale": "en-GB",
        "updatedAt": "2024-05-05T05:05:05Z",
        "itemCount": 50,
        "draft": False,
    }
    return {"/posts": posts, "/users": users, "/pages/1": page, "/items": items, "/vendors": vendors}


def as_bytes(rows: Mapping[str, Any]) -> dict[str, bytes]:
    """Each path's answer, indented as the harness's files are."""
    return {path: json.dumps(value, indent=2).encode() for path, value in rows.items()}


class CannedTransport(httpx.AsyncBaseTransport):
    """Answers from ``answers`` by the path alone, at once; nothing is counted and nothing awaited."""

    def __init__(self, answers: Mapping[str, bytes]) -> None:
        self._answers = {path.encode(): body for path, body in answers.items()}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The whole answer."""
        path, _, _ = request.url.raw_path.partition(b"?")
        return httpx.Response(200, content=self._answers[path])


class _Server(asyncio.Protocol):
    """Answers every path from memory, and reads nothing but the paths."""

    def __init__(self, answers: Mapping[bytes, bytes]) -> None:
        self._answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection, with nothing read yet."""
        self._transport, self._rest = cast(asyncio.Transport, transport), b""

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        *complete, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for request in complete:
            self._transport.write(self._answers[request.split(b" ", 2)[1].partition(b"?")[0]])


async def serve(answers: Mapping[str, bytes]) -> None:
    """Serve on a free port of loopback until ended; the port is the only line of the output."""
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"
    whole = {path.encode(): head.format(len(body)).encode() + body for path, body in answers.items()}
    server = await asyncio.get_running_loop().create_server(lambda: _Server(whole), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(as_bytes(make_rows())))
