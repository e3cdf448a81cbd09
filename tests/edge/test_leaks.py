"""Nothing from inside reaches a client: whatever fails, the whole response is searched, its headers too."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from graphql import GraphQLEnumType

from bff_core.bff import Bff
from bff_core.testing.transport import Reply, json_reply
from bff_mobile.app import mobile
from bff_web.app import web
from tests.edge.both import bench
from tests.edge.test_hostile_ids import OPERATIONS

#: As in production, but that any text may run.
PRODUCTION = {
    "EDGE__GRAPHIQL": "false",
    "EDGE__INTROSPECTION": "false",
    "EDGE__ALLOWED_ORIGINS": "",
    "DOCUMENTS__POLICY": "open",
    "DOCUMENTS__SAY_REGISTERED": "false",
}

#: Stands in whatever a service says or its connection complains of.
SECRET = "hunter2-10.9.8.7"

#: What would tell a stranger how we are built, where our services are, and what our schema has that was not asked for.
INSIDE = re.compile(
    r"hunter2|127\.0\.0\.1|localhost|issuer\.test|:900\d|https?://"
    r"|Traceback|\.py\b|line \d+, in |object at 0x|<class|Error\(|Exception"
    r"|bff_core|bff_web|bff_mobile|services\.|downstream"
    r"|uvicorn|starlette|strawberry|graphql-core|graphql\.|httpx|msgspec|pydantic|python|asyncio|jwt\."
    r"|(GET|POST|PUT|DELETE|PATCH) /|Did you mean|did you mean",
)

FAULTS: dict[str, Callable[[httpx.Request], Reply]] = {
    "no connection": lambda _: httpx.ConnectError(f"cannot connect to {SECRET}:9001"),
    "broken off": lambda _: httpx.ReadError(f"[Errno 104] {SECRET}"),
    "late": lambda _: httpx.ReadTimeout(SECRET),
    "an exception": lambda _: ValueError(f"Traceback (most recent call last): {SECRET}"),
    "a page of a trace": lambda _: httpx.Response(
        500, text=f"<html>Traceback: File app.py, line 1, in f {SECRET}</html>", headers={"server": SECRET}
    ),
    "busy": lambda _: httpx.Response(
        503, json={"detail": SECRET}, headers={"retry-after": "1", "x-powered-by": SECRET}
    ),
    "nobody": lambda _: httpx.Response(401, json={"detail": SECRET}, headers={"www-authenticate": SECRET}),
    "forbidden": lambda _: httpx.Response(403, json={"detail": SECRET}),
    "elsewhere": lambda _: httpx.Response(302, headers={"location": f"http://{SECRET}/"}),
    "another form": lambda _: json_reply({"secret": SECRET, "items": [{"id": SECRET}], "data": SECRET}),
    "a list of secrets": lambda _: json_reply([{"id": SECRET}, SECRET]),
    "no JSON": lambda _: httpx.Response(200, text=f"{{{SECRET}"),
    "a problem": lambda _: httpx.Response(
        409,
        json={"type": f"http://{SECRET}/problems/x", "title": SECRET, "detail": SECRET},
        headers={"content-type": "application/problem+json"},
    ),
}


def check(response: httpx.Response) -> None:
    """Search a whole response."""
    text = "\n".join([*(f"{name}: {value}" for name, value in response.headers.items()), response.text])
    found = INSIDE.search(text)
    assert found is None, (found, text[:2000])
    assert not {"server", "x-powered-by", "via", "set-cookie"} & set(response.headers)


@pytest.mark.parametrize("bff", [web, mobile], ids=lambda bff: bff.name)
async def test_no_fault_of_a_service_says_more_than_its_code(bff: Bff) -> None:
    """Every screen, signed in and not, while all services fail in each way: codes and fixed sentences and no more."""
    quick = {"SERVICES__ALL__RETRY__RETRIES": "0", "SERVICES__ALL__BREAKER__METRICS_ONLY": "true"}
    failing = [*FAULTS.values()]

    def fail(request: httpx.Request) -> Reply:
        return failing[0](request)

    async with bench(bff, {**PRODUCTION, **quick}, fail) as room:
        bodies = []
        for file in sorted((OPERATIONS / bff.name).glob("*.graphql")):
            variables = file.with_suffix(".variables.json")
            told = json.loads(variables.read_text()) if variables.is_file() else {}
            bodies.append({"query": file.read_text(), "variables": told})
        assert len(bodies) > 10
        asked = 0
        while failing:
            for body in bodies:
                for headers in ({}, {"authorization": f"Bearer {room.token}"}):
                    response = await room.client.http.post("/graphql", json=body, headers=headers)
                    assert response.status_code == 200
                    check(response)
            asked += len(list(room.asked()))
            failing.pop(0)
        assert asked > len(FAULTS) * 10


def documents(bff: Bff) -> list[str]:
    """Documents that nearly name something of this BFF's schema."""
    schema = bff.schema
    query = schema.query_type
    assert query is not None
    field = next(iter(query.fields))
    argued = next((name, next(iter(one.args))) for name, one in query.fields.items() if one.args)
    enums = [kind for kind in schema.type_map.values() if isinstance(kind, GraphQLEnumType)]
    enum, entry = next((kind.name, next(iter(kind.values))) for kind in enums if not kind.name.startswith("__"))
    return [
        f"{{ {field}x }}",
        f"{{ {field[:-1]} {{ id }} }}",
        "{ m }",
        f'{{ {argued[0]}({argued[1]}x: "1") {{ id }} }}',
        f"query ($a: {enum}s) {{ __typename }}",
        f"query ($a: {enum[:-1]}) {{ __typename }}",
        f"query ($a: {enum} = {entry}S) {{ __typename }}",
        "{ ... on Quer { __typename } }",
        "fragment a on Product1 { id } { ...a }",
        "{ __typename @skp(if: true) }",
        "{ __typename @skip(iff: true) }",
        "{ ...unknownFragment }",
        "mutation { x }",
        "subscription { x }",
        "{",
        "{ a(",
        "query ($x: Int!) { __typename }",
        '{ __type(name: "Query") { fields { name } } }',
        "{ __schema { types { name } } }",
        "{ ...a } fragment a on Query { b: __schema { queryType { name } } }",
        '{ a: __type(name: "Product") { ofType { ofType { name } } } }',
    ]


@pytest.mark.parametrize("bff", [web, mobile], ids=lambda bff: bff.name)
async def test_no_document_is_helped_along(bff: Bff) -> None:
    """Documents that nearly name a field, argument, type, enum value or directive: no suggestion in any message."""
    async with bench(bff, PRODUCTION) as room:
        for document in documents(bff):
            for accept in ("application/json", "application/graphql-response+json"):
                response = await room.client.http.post("/graphql", json={"query": document}, headers={"accept": accept})
                assert "data" not in response.json(), document
                check(response)


@pytest.mark.parametrize("bff", [web, mobile], ids=lambda bff: bff.name)
async def test_no_refused_request_says_more(bff: Bff) -> None:
    """Requests that are none, of every kind, and paths that there are not: only what was expected and what came."""
    async with bench(bff, PRODUCTION) as room:
        http = room.client.http
        json_type = {"content-type": "application/json"}
        for response in [
            await http.post("/graphql", content=b"{", headers=json_type),
            await http.post("/graphql", content=b'{"query": 1}', headers=json_type),
            await http.post(
                "/graphql", content=b'{"query": "{a}", "extensions": {"persistedQuery": 1}}', headers=json_type
            ),
            await http.post("/graphql", content=b"[" * 100_000, headers=json_type),
            await http.post("/graphql", content=b"\xff", headers=json_type),
            await http.post("/graphql", content=b"x", headers={"content-type": "text/plain"}),
            await http.post("/graphql", json={"query": "{a}"}, headers={"content-encoding": "gzip"}),
            await http.post("/graphql", json={"query": "{a}"}, headers={"authorization": "Bearer x.y.z"}),
            await http.post("/graphql", json={"query": "{a}"}, headers={"accept": "text/html"}),
            await http.get("/graphql", params={"query": "mutation { x }"}),
            await http.get("/graphql", params={"variables": "[", "query": "{a}"}),
            await http.put("/graphql"),
            await http.get("/"),
            await http.get("/graphql/x"),
            await http.get("/../../etc/passwd"),
            await http.post("/healthz"),
            await http.get("/readyz"),
        ]:
            check(response)


@pytest.mark.parametrize("bff", [web, mobile], ids=lambda bff: bff.name)
async def test_production_shows_neither_schema_nor_page(bff: Bff, tmp_path: Path) -> None:
    """Without a setting that opens them: introspection is refused, and GraphiQL, its files, its tokens and the schema's
    file are not there."""
    plain = tmp_path / "settings.toml"
    plain.write_text(
        '[edge]\nport = 0\n[auth]\nissuer = "http://issuer.test"\naudience = "shop"\n'
        + "".join(f'[services.{service.name}]\nurl = "http://{service.name}.test"\n' for service in bff.services)
    )
    edge = bff.load_settings({}).edge
    assert edge.graphiql, "in development the page is served"
    async with bench(replace(bff, settings=plain), {"DOCUMENTS__POLICY": "open"}) as room:
        http = room.client.http
        browser = {"accept": "text/html,*/*;q=0.8"}
        page = await http.get("/graphql", headers=browser)
        assert (page.status_code, page.headers["content-type"]) == (400, "application/json; charset=utf-8")
        for path in (
            "/graphiql",
            "/graphiql/assets/manifest.json",
            "/schema.graphql",
            "/docs",
            "/openapi.json",
            "/ops",
        ):
            assert (path, (await http.get(path)).status_code) == (path, 404)
        assert (await http.post("/graphiql/token", json={"user": "7"})).status_code == 404
        for query in ("{ __schema { types { name } } }", '{ __type(name: "Query") { name } }'):
            reply = await room.client.query(query)
            assert reply.data is None
            assert reply.errors
        assert (await room.client.query("{ __typename }")).data == {"__typename": "Query"}
    async with bench(replace(bff, settings=plain)) as room:
        (error,) = (await room.client.query("{ __typename }")).errors
        assert error["extensions"]["code"] == "DOCUMENT_REFUSED"
