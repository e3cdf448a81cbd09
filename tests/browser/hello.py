"""A BFF of one screen, small enough to know by heart: what GraphiQL's own behaviour is tested against."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bff_core.edge.graphiql import (
    BUNDLE,
    DemoUser,
    Graphiql,
    Tab,
    graphiql_page,
    graphiql_routes,
    wants_page,
)
from bff_core.errors import Unreachable


@strawberry.type(description="Somebody to greet.")
class Person:
    """Its fields have descriptions, for the documentation to show."""

    name: str = strawberry.field(description="What they are called.")


def hello(info: strawberry.Info, name: str | None = None) -> str:
    """Says who the caller is when no name is given."""
    return f"Hello, {name or info.context['user'] or 'stranger'}!"


def people() -> list[Person] | None:
    """Always lost: the answer's extensions say why."""
    return None


@strawberry.type(description="Everything that can be asked.")
class Query:
    """One field that always answers, one that is lost."""

    hello: str = strawberry.field(resolver=hello, description="Greets by name, or whoever is signed in.")
    people: list[Person] | None = strawberry.field(
        resolver=people, description="People to greet; missing when their service does not answer."
    )


SCHEMA = strawberry.Schema(Query)

TABS = (
    Tab("Greeting", "query Greeting($name: String!) {\n  hello(name: $name)\n}\n", '{"name": "</script>"}'),
    Tab("People", "query People {\n  hello\n  people {\n    name\n  }\n}\n"),
)
USERS = (DemoUser("7", "User 7 (Grace)"), DemoUser("8", "User 8 (Ada)"))
DEGRADED = [
    {
        "path": "people",
        "service": "directory",
        "source": "omitted",
        "reason": "SERVICE_TIMEOUT",
        "count": 1,
        "paths": [["people"]],
    },
    {
        "path": "hello",
        "service": "greetings",
        "source": "stale",
        "reason": "SERVICE_UNREACHABLE",
        "count": 3,
        "paths": [["hello"]],
        "ageMs": 41_800,
    },
]


@dataclass(slots=True)
class Hello:
    """The application and what it was asked: who called each operation, and for whom tokens were wanted.

    ``issuer_is_down`` makes every token fail as it does when the service that issues them is stopped; the
    token of ``slow_user`` waits for ``go_on``.
    """

    tabs: Sequence[Tab] = TABS
    default_user: str | None = "7"
    issuer_is_down: bool = False
    bundle: Path = BUNDLE
    slow_user: str | None = None
    go_on: threading.Event = field(default_factory=threading.Event)
    operations: list[tuple[str | None, dict[str, str]]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def options(self) -> Graphiql:
        """What its page shows, asked for at each visit so that a test may change it."""
        return Graphiql(
            title="Hello BFF",
            tabs=self.tabs,
            users=USERS,
            default_user=self.default_user,
            bundle=self.bundle,
        )

    def app(self) -> ASGIApp:
        """The ASGI application."""

        async def endpoint(request: Request) -> Response:
            if wants_page(request.method, request.headers.get("accept")):
                return graphiql_page(self.options())
            return JSONResponse(await self._answer(request))

        route = Route("/graphql", endpoint, methods=["GET", "POST"])
        return Starlette(routes=[route, *graphiql_routes(self.options(), self._issue)])

    async def _issue(self, user: str) -> str:
        self.tokens.append(user)
        if user == self.slow_user:
            await asyncio.to_thread(self.go_on.wait, 10)
        if self.issuer_is_down:
            raise Unreachable("connection refused", service="directory")
        return f"token-of-{user}"

    async def _answer(self, request: Request) -> dict[str, Any]:
        body = await request.json()
        name = body.get("operationName")
        if name != "IntrospectionQuery":
            self.operations.append((name, dict(request.headers)))
        user = request.headers.get("authorization", "").removeprefix("Bearer token-of-")
        result = await SCHEMA.execute(
            body["query"],
            variable_values=body.get("variables"),
            operation_name=name,
            context_value={"user": f"user {user}" if user else None},
        )
        answer: dict[str, Any] = {"data": result.data}
        if result.errors:
            answer["errors"] = [error.formatted for error in result.errors]
        if name == "People":
            answer["extensions"] = {"degraded": DEGRADED}
        return answer


class Announcing(uvicorn.Server):
    """Says when it takes requests, or that it never will."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.settled = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.settled.set()

    def serve_here(self, listener: socket.socket) -> None:
        """Serve until told to stop."""
        try:
            self.run(sockets=[listener])
        finally:
            self.settled.set()


@contextlib.asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Serves on a free port of loopback while the block runs; yields the address of its endpoint."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Announcing(uvicorn.Config(app, log_level="warning", lifespan="on"))
        # In a thread, since uvicorn takes over the signals of the main one.
        thread = threading.Thread(target=server.serve_here, args=(listener,), daemon=True)
        thread.start()
        try:
            await asyncio.to_thread(server.settled.wait, 10)
            assert server.started, "the server ended before it had started"
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/graphql"
        finally:
            server.should_exit = True
            await asyncio.to_thread(thread.join, 10)
