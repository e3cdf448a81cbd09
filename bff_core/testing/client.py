"""An in-process client: the whole application without a socket in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.applications import Starlette


@dataclass(frozen=True, slots=True)
class Reply:
    """A GraphQL response: the whole body and the HTTP around it."""

    status: int
    body: dict[str, Any]
    headers: httpx.Headers

    @property
    def data(self) -> Any:
        """``data``, None where there is none."""
        return self.body.get("data")

    @property
    def errors(self) -> list[dict[str, Any]]:
        """``errors``, empty where there are none."""
        return list(self.body.get("errors", []))

    @property
    def degraded(self) -> list[dict[str, Any]]:
        """``extensions.degraded``, empty where there is none."""
        return list(self.body.get("extensions", {}).get("degraded", []))


class Client:
    """Sends GraphQL to one application. ``http`` is the plain client, for everything that is not a query."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def query(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        token: str | None = None,
        operation_name: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """POST one operation."""
        sent = {**(headers or {}), **({"authorization": f"Bearer {token}"} if token else {})}
        body: dict[str, Any] = {"query": query, "variables": dict(variables or {})}
        if operation_name:
            body["operationName"] = operation_name
        response = await self.http.post("/graphql", json=body, headers=sent)
        return Reply(response.status_code, response.json(), response.headers)


@asynccontextmanager
async def client_for(app: Starlette) -> AsyncIterator[Client]:
    """A client of an application whose lifespan is run around the body."""
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://bff") as http:
            yield Client(http)
