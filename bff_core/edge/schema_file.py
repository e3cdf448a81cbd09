"""The schema of a BFF as a file (/schema.graphql), for the tools of front-end developers. For development only."""

from __future__ import annotations

from functools import cache

from graphql import GraphQLSchema
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bff_core.graphql.snapshots.sdl import canonical

PATH = "/schema.graphql"


def schema_route(schema: GraphQLSchema) -> Route:
    """``GET /schema.graphql`` answers the schema's text, as ``bff schema export`` writes it into a file.

    It is put together when it is first asked for. Whoever reads it knows as much as by introspection, so the
    composition root leaves it out where that is off.
    """
    text = cache(lambda: canonical(schema).text)

    async def schema_file(_: Request) -> Response:
        headers = {"cache-control": "no-cache", "x-content-type-options": "nosniff"}
        return PlainTextResponse(text(), headers=headers)

    return Route(PATH, schema_file, methods=["GET"])
