"""The composition root: what it makes by the settings, and that its lifespan opens and closes all of it."""

from __future__ import annotations

import asyncio
import gc
import weakref
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bff_core.app import Doubles, create_app
from bff_core.bff import Bff, DemoUser
from bff_core.contract import Service
from bff_core.settings import Settings, SettingsError
from bff_core.telemetry.facts import RequestFinished
from bff_core.testing.client import client_for
from bff_core.testing.clock import FakeClock
from bff_core.testing.transport import ScriptedTransport, json_reply
from tests.edge.desk import DESK, Script, desk

BROWSER = "text/html,*/*;q=0.8"


def settings(**environment: str) -> Settings:
    """The desk's settings."""
    return DESK.load_settings({f"BFF_DESK__{key}": value for key, value in environment.items()})


async def metrics(http: httpx.AsyncClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample but those of buckets and creation times, by name and labels without the BFF's."""
    response = await http.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, tuple(sorted((k, v) for k, v in sample.labels.items() if k != "bff"))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
        if not sample.name.endswith(("_bucket", "_created", "_sum"))
    }


# Routes by setting --------------------------------------------------------------------------------------------------


async def test_metrics_are_served() -> None:
    """/metrics counts requests, errors, calls and key renewals, by known names only."""
    async with desk() as room:
        await room.client.query(
            'query Mine { word(id: "1") { text } crash }', headers={"apollographql-client-name": "kiosk"}
        )
        await room.client.query("{ locale }", headers={"apollographql-client-name": "<script>"})
        await room.post("{")
        samples = await metrics(room.client.http)

    kiosk = (("client", "kiosk"), ("client_version", "other"), ("operation", "anonymous"))
    other = (("client", "other"), ("client_version", "other"), ("operation", "anonymous"))
    assert samples["bff_requests_total", (*kiosk, ("result", "failed"), ("status", "200"))] == 1
    assert samples["bff_requests_total", (*other, ("result", "whole"), ("status", "200"))] == 1
    assert samples["bff_requests_total", (*other, ("result", "refused"), ("status", "400"))] == 1
    assert samples["bff_request_duration_seconds_count", kiosk] == 1
    errors = {key: value for key, value in samples.items() if key[0] == "bff_graphql_errors_total"}
    assert errors == {
        ("bff_graphql_errors_total", tuple(sorted((*kiosk, ("code", "INTERNAL"))))): 1,
        ("bff_graphql_errors_total", tuple(sorted((*other, ("code", "BAD_REQUEST"))))): 1,
    }
    call = (("code", "OK"), ("endpoint", "words GET /words"), ("service", "words"))
    assert samples["bff_service_call_duration_seconds_count", call] == 1
    assert samples["bff_key_renewals_total", (("code", "OK"),)] == 1
    assert samples["bff_bugs_total", (("where", "graphql"),)] == 1
    assert "<script>" not in str(samples)


async def test_metrics_say_how_bulkheads_and_flights_stand() -> None:
    """/metrics has every service's permits and flights as they are at that instant."""
    async with desk(script=Script(held=("words",))) as room:
        asked = asyncio.ensure_future(room.client.query('{ word(id: "1") { text } }'))
        await room.clock.settle()
        meanwhile = await metrics(room.client.http)
        room.transports["words"].let_go()
        await asked
        afterwards = await metrics(room.client.http)

    def read(samples: dict[tuple[str, tuple[tuple[str, str], ...]], float], service: str) -> tuple[float, ...]:
        names = ("bulkhead_in_flight", "bulkhead_waiting", "bulkhead_limit", "flights_under_way")
        return tuple(samples[f"bff_{name}", (("service", service),)] for name in names)

    assert [read(meanwhile, service) for service in ("words", "diaries", "issuer")] == [
        (1, 0, 2, 1),
        (0, 0, 2, 0),
        (0, 0, 2, 0),
    ]
    assert read(afterwards, "words") == (0, 0, 2, 0)


async def test_metrics_are_off_by_setting() -> None:
    """Without edge.metrics there is no such route."""
    async with desk({"EDGE__METRICS": "false"}) as room:
        assert (await room.client.http.get("/metrics")).status_code == 404
        assert (await room.client.http.get("/readyz")).status_code == 200


async def test_two_apps_count_apart() -> None:
    """Each application has a registry of its own, so a process can hold many."""
    async with desk() as one, desk() as two:
        await one.client.query("{ locale }")
        requests = [
            sum(value for (name, _), value in (await metrics(room.client.http)).items() if name == "bff_requests_total")
            for room in (one, two)
        ]
    assert requests == [1, 0]


async def test_graphiql_is_off_unless_set() -> None:
    """Without edge.graphiql there is no page, no file of it and nobody who issues tokens."""
    async with desk() as room:
        http = room.client.http
        assert (await http.get("/graphql", headers={"accept": BROWSER})).status_code == 400
        assert (await http.post("/graphiql/token", json={"user": "7"})).status_code == 404
        assert (await http.get("/graphiql/assets/manifest.json")).status_code == 404
        assert [str(request.url) for request in room.transports["issuer"].requests] == ["http://issuer.test/keys"]


async def test_graphiql_is_on_by_setting() -> None:
    """With edge.graphiql browsers get the page, and a token from the issuer by its declared endpoint."""

    def answer(request: httpx.Request) -> httpx.Response:
        return json_reply({"access_token": "made up"} if "/tokens/" in request.url.path else {"keys": []})

    bff = replace(DESK, demo_users=(DemoUser("7", "Seven"),))
    async with desk({"EDGE__GRAPHIQL": "true"}, bff=bff, script=Script(issuer=answer)) as room:
        page = await room.client.http.get("/graphql", headers={"accept": BROWSER})
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        token = await room.client.http.post("/graphiql/token", json={"user": "7"})
        assert token.json() == {"token": "made up"}
        assert room.transports["issuer"].targets[-1] == "GET /tokens/7"


async def test_a_user_nobody_knows_gets_a_sentence() -> None:
    """An issuer that fails is a sentence in the page, not an error of the server."""
    async with desk({"EDGE__GRAPHIQL": "true"}, script=Script(issuer=lambda _: httpx.Response(404))) as room:
        token = await room.client.http.post("/graphiql/token", json={"user": "7"})
        assert token.status_code == 200
        assert "There is no such thing" in token.json()["error"]


async def test_a_bff_without_an_issuer_of_tokens_has_no_such_route() -> None:
    """Without a development token endpoint GraphiQL is served and signs nobody in."""
    async with desk({"EDGE__GRAPHIQL": "true"}, bff=replace(DESK, development_token=None)) as room:
        page = await room.client.http.get("/graphql", headers={"accept": BROWSER})
        assert page.status_code == 200
        assert (await room.client.http.post("/graphiql/token", json={"user": "7"})).status_code == 404


async def test_a_bff_without_keys_signs_nobody_in() -> None:
    """Without a key set every request is anonymous, whatever it brings, and the BFF is ready at once."""
    async with desk(bff=replace(DESK, keys=None)) as room:
        assert (await room.client.http.get("/readyz")).status_code == 200
        reply = await room.client.query("{ diary { latest } }", token="x.y.z")
        assert [error["extensions"]["code"] for error in reply.errors] == ["UNAUTHENTICATED"]
        assert reply.status == 200
        assert room.transports["issuer"].requests == []


async def test_own_operations_become_labels(tmp_path: Path) -> None:
    """The names of the BFF's own operations are labels; others stay anonymous."""
    (tmp_path / "Locale.graphql").write_text("query Locale { locale }")
    async with desk(bff=replace(DESK, operations=tmp_path)) as room:
        await room.client.query("query Locale { locale }")
        await room.client.query("query Other { locale }")
        await room.client.query("query Locale { crash } query Other { locale }", operation_name="Other")
        facts = room.observer.of(RequestFinished)
        assert [fact.operation for fact in facts] == ["Locale", "anonymous", "anonymous"]


async def test_unknown_paths_are_404() -> None:
    """There is nothing but the routes."""
    async with desk() as room:
        for path in ("/", "/graphql/x", "/_faults", "/docs"):
            assert (await room.client.http.get(path)).status_code == 404


# What must not start ------------------------------------------------------------------------------------------------


def test_settings_that_cannot_work_stop_the_start() -> None:
    """create_app without settings loads the BFF's own, and what is wrong there is a SettingsError."""
    with pytest.raises(SettingsError, match=r"nowhere[.]toml: cannot be read"):
        create_app(replace(DESK, settings=Path("nowhere.toml")))


def test_operations_with_broken_variables_stop_the_start(tmp_path: Path) -> None:
    """A file of variables beside an operation that is no JSON object is named."""
    (tmp_path / "A.graphql").write_text("query A { locale }")
    (tmp_path / "A.variables.json").write_text("[1]")
    with pytest.raises(SettingsError, match=r"A\.variables\.json holds a JSON list"):
        create_app(replace(DESK, operations=tmp_path), settings())


async def test_settings_are_loaded_when_none_are_given() -> None:
    """create_app needs no more than the BFF."""
    transports: dict[str, ScriptedTransport] = {}

    def transport(service: Service) -> ScriptedTransport:
        return transports.setdefault(service.name, ScriptedTransport(lambda _: json_reply({"keys": []})))

    async with client_for(create_app(DESK, doubles=Doubles(transports=transport))) as client:
        assert (await client.query("{ locale }")).data == {"locale": "en"}
    assert sorted(transports) == ["diaries", "issuer", "words"]
    assert all(one.closed for one in transports.values())


# The lifespan -------------------------------------------------------------------------------------------------------


async def test_the_real_parts_are_closed() -> None:
    """With real transports over sockets nothing stays open: a connection, session or task left would complain."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while await reader.readline():
            while (await reader.readline()).strip():
                pass
            body = b'[{"id": "1", "text": "word 1"}]'
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    before = asyncio.all_tasks()
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        app = create_app(DESK, settings(SERVICES__WORDS__URL=url, SERVICES__ISSUER__URL=url))
        async with client_for(app) as client:
            for _ in range(3):
                assert (await client.query('{ word(id: "1") { text } }')).data == {"word": {"text": "word 1"}}
        left = asyncio.all_tasks() - before
        assert [task for task in left if getattr(task.get_coro(), "__name__", "") != "serve"] == []
    assert connections == 2  # one to the words, kept; one to the keys
    gc.collect()


async def test_a_fetch_of_keys_under_way_ends_with_the_application() -> None:
    """Stopping while the issuer hangs leaves no task and no request."""
    transports = {name: ScriptedTransport(lambda _: json_reply({})) for name in ("words", "diaries", "issuer")}
    transports["issuer"].hold()
    before = asyncio.all_tasks()
    clock = FakeClock()
    app = create_app(DESK, settings(), Doubles(clock=clock, transports=lambda service: transports[service.name]))
    async with client_for(app):
        await clock.settle()
        assert transports["issuer"].pending == 1
    assert (transports["issuer"].pending, transports["issuer"].cancelled) == (0, 1)
    assert asyncio.all_tasks() == before
    assert all(one.closed for one in transports.values())


async def test_an_error_while_serving_closes_all_the_same() -> None:
    """The lifespan closes every channel also when its body raises."""
    transports = {name: ScriptedTransport(lambda _: json_reply({})) for name in ("words", "diaries", "issuer")}
    app = create_app(DESK, settings(), Doubles(transports=lambda service: transports[service.name]))
    with pytest.raises(KeyError):
        async with client_for(app):
            raise KeyError
    assert all(one.closed for one in transports.values())


async def test_an_application_leaves_the_collector_alone() -> None:
    """An application is garbage when it is dropped, and freezing is the command's business: a process may hold many."""
    frozen = gc.get_freeze_count()
    app = create_app(DESK, settings(), Doubles(transports=lambda _: ScriptedTransport(lambda _: json_reply({}))))
    async with client_for(app) as client:
        await client.query("{ locale }")
        assert gc.get_freeze_count() == frozen
    gone = weakref.ref(app)
    del app, client
    gc.collect()
    assert gone() is None


def test_a_bff_names_itself() -> None:
    """A declaration needs no settings and no network for its schema."""
    assert isinstance(DESK, Bff)
    assert set(DESK.schema.type_map) >= {"Query", "Word", "Diary"}
