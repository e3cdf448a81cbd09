"""The endpoint written by hand that the road is held against: the same calls and answers, and nothing around them.

It is the harness's ``hand-aiohttp`` (Starlette, aiohttp, one JSON library), with msgspec in the place of orjson, which
is no dependency of ours; bench/README.md says what that changes. No GraphQL engine, no guard, no deadline, no token, no
metric, no log line; it knows the workloads' texts, and checks nothing that a service sends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


class Endpoint:
    """One handler a workload, found by its text; ``url`` is the upstream's."""

    def __init__(self, url: str, texts: Mapping[str, str]) -> None:
        self._url = url
        handlers: Mapping[str, Callable[[], Awaitable[dict[str, Any]]]] = {
            "a": self._posts_with_users,
            "b": self._titles,
            "c": self._constant,
            "d": self._page,
        }
        self._handlers = {texts[name]: handler for name, handler in handlers.items()}

    def application(self) -> Starlette:
        """The endpoint, served; its client lives as long as it."""
        return Starlette(routes=[Route("/graphql", self._answer, methods=["POST"])], lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self._client = aiohttp.ClientSession(
            self._url,
            connector=aiohttp.TCPConnector(limit=100),
            timeout=aiohttp.ClientTimeout(total=10),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        async with self._client:
            yield

    async def _answer(self, request: Request) -> Response:
        asked = msgspec.json.decode(await request.body())
        data = await self._handlers[asked["query"]]()
        return Response(msgspec.json.encode({"data": data}), media_type="application/json")

    async def _get(self, path: str) -> Any:
        async with self._client.get(path) as response:
            response.raise_for_status()
            return msgspec.json.decode(await response.read())

    async def _posts_with_users(self) -> dict[str, Any]:
        posts = await self._get("/posts")
        ids = list(dict.fromkeys(post["userId"] for post in posts))
        users = await self._get("/users?" + "&".join(f"id={number}" for number in ids))
        by_id = {user["id"]: {"id": user["id"], "name": user["name"], "email": user["email"]} for user in users}
        return {
            "posts": [
                {"id": post["id"], "userId": post["userId"], "title": post["title"], "user": by_id[post["userId"]]}
                for post in posts
            ]
        }

    async def _titles(self) -> dict[str, Any]:
        return {"posts": [{"title": post["title"]} for post in await self._get("/posts")]}

    async def _constant(self) -> dict[str, Any]:
        return {"greet": "Hello World!"}

    async def _page(self) -> dict[str, Any]:
        page = await self._get("/pages/1")
        items = await self._get("/items?page=1")
        ids = list(dict.fromkeys(item["vendorId"] for item in items))
        vendors = await self._get("/vendors?" + "&".join(f"id={number}" for number in ids))
        by_id = {
            vendor["id"]: {
                "id": vendor["id"],
                "name": vendor["name"],
                "country": vendor["country"],
                "rating": vendor["rating"],
            }
            for vendor in vendors
        }
        return {
            "page": {
                "id": page["id"],
                "slug": page["slug"],
                "title": page["title"],
                "locale": page["locale"],
                "updatedAt": page["updatedAt"],
                "itemCount": page["itemCount"],
                "items": [
                    {
                        "id": item["id"],
                        "sku": item["sku"],
                        "name": item["name"],
                        "subtitle": item["subtitle"],
                        "description": item["description"],
                        "price": item["price"],
                        "currency": item["currency"],
                        "stock": item["stock"],
                        "rating": item["rating"],
                        "active": item["active"],
                        "createdAt": item["createdAt"],
                        "updatedAt": item["updatedAt"],
                        "shipping": {
                            "weight": item["shipping"]["weight"],
                            "width": item["shipping"]["width"],
                            "height": item["shipping"]["height"],
                            "carrier": item["shipping"]["carrier"],
                        },
                        "vendor": by_id[item["vendorId"]],
                    }
                    for item in items
                ],
            }
        }
