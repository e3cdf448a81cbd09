"""Both BFFs serve their manifests, by id alone where only trusted documents run; what is not theirs costs no call."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from bff_core.app import create_app
from bff_core.bff import Bff
from bff_core.documents.ids import sha256_of
from bff_core.edge.http import GRAPHQL_JSON
from bff_core.graphql.schema import SchemaError
from bff_core.graphql.snapshots import add
from bff_core.telemetry.facts import RequestFinished
from bff_mobile.app import mobile
from bff_web.app import web
from tests.documents.served import served
from tests.edge.desk import DESK, desk

#: Of each BFF: a screen that anybody may read with its variables, and one that writes.
SCREENS = [
    (web, "ProductPage", {"id": "UHJvZHVjdDox"}, "AddToCart"),
    (mobile, "ProductScreen", {"id": "1"}, "MarkRead"),
]
both = pytest.mark.parametrize(("bff", "screen", "variables", "writing"), SCREENS, ids=["web", "mobile"])
OFF = {"apq": "false", "say_registered": "false"}


def own(bff: Bff, name: str) -> str:
    """The text of one of main's operations, as it is filed."""
    return next(each.text for each in bff.trusted if not each.client and each.operations[0].name == name)


def codes(response: httpx.Response) -> list[str]:
    """The codes of the errors."""
    return [error["extensions"]["code"] for error in response.json().get("errors", [])]


@both
async def test_trusted_documents_run_by_id_alone(
    bff: Bff, screen: str, variables: dict[str, str], writing: str
) -> None:
    """By POST and GET, in every form of the id, with the label of its name; a text is refused, even a trusted one."""
    text = own(bff, screen)
    document = sha256_of(text)
    async with served(bff, policy="trusted", **OFF) as room:
        for asked in (
            {"documentId": f"sha256:{document}"},
            {"documentId": document, "operationName": screen},
            {"doc_id": document},
            {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": document}}},
        ):
            for send in (room.post, room.get):
                before = room.calls
                response = await send(**asked, variables=variables)
                assert response.status_code == 200
                assert "data" in response.json()
                assert room.calls > before
        assert room.labels == [screen] * 8

        before = room.calls
        assert codes(await room.post(query=text, variables=variables)) == ["DOCUMENT_REFUSED"]
        assert codes(await room.post(query="{ __typename }")) == ["DOCUMENT_REFUSED"]
        assert codes(await room.post(query=text + " ", documentId=document)) == ["BAD_REQUEST"]
        assert codes(await room.get(documentId="0" * 64)) == ["PERSISTED_QUERY_NOT_FOUND"]
        assert room.labels[8:] == ["anonymous"] * 4
        written = await room.get(documentId=sha256_of(own(bff, writing)), variables={})
        assert (written.status_code, written.headers["allow"]) == (405, "POST")
        assert room.calls == before


@both
async def test_registered_documents_run_by_text_too(
    bff: Bff, screen: str, variables: dict[str, str], writing: str
) -> None:
    """The filed text runs, to the byte; any other is refused without a call. Under open both do."""
    text = own(bff, screen)
    async with served(bff, policy="registered", **OFF) as room:
        assert "data" in (await room.post(query=text, variables=variables)).json()
        calls = room.calls
        assert calls > 0
        assert codes(await room.post(query=text.rstrip(), variables=variables)) == ["DOCUMENT_REFUSED"]
        assert codes(await room.post(query=text, variables={})) == ["BAD_USER_INPUT"]
        assert room.calls == calls
    async with served(bff, policy="open", **OFF) as room:
        assert "data" in (await room.post(query=text.rstrip(), variables=variables)).json()
        assert room.calls == calls
        assert room.labels == [screen]


@both
async def test_documents_of_supported_clients_run(
    bff: Bff, screen: str, variables: dict[str, str], writing: str
) -> None:
    """What a released client was built with is asked by its hash, and is not refused before its variables are read."""
    filed = [each for each in bff.trusted if each.client]
    assert filed
    async with served(bff, policy="trusted", **OFF) as room:
        for each in filed:
            response = await room.get(documentId=each.ids[0])
            assert "PERSISTED_QUERY_NOT_FOUND" not in codes(response)
            assert room.labels[-1] == each.operations[0].name


@both
async def test_in_development_answers_say_what_is_registered(
    bff: Bff, screen: str, variables: dict[str, str], writing: str
) -> None:
    """As both are set for development: any document runs, and each answer says whether a manifest holds it."""
    text = own(bff, screen)
    async with served(bff) as room:
        known = (await room.post(query=text, variables=variables)).json()["extensions"]["document"]
        assert known == {"registered": True, "id": sha256_of(text)}
        other = (await room.post(query="{ __typename }")).json()["extensions"]["document"]
        assert other == {"registered": False, "id": sha256_of("{ __typename }")}


@both
async def test_answers_say_nothing_of_it_elsewhere(
    bff: Bff, screen: str, variables: dict[str, str], writing: str
) -> None:
    """Unless it is asked for, no byte of an answer is spent on it."""
    async with served(bff, policy="open", **OFF) as room:
        assert (await room.post(query="{ __typename }")).json() == {"data": {"__typename": "Query"}}


# A small BFF with a client of its own -----------------------------------------------------------------------------


def with_client(folder: Path, operations: dict[str, str]) -> Bff:
    """The desk, of which a released app asks these, by ids of its own."""
    manifest = folder / "relay.json"
    manifest.write_text(json.dumps(operations), encoding="utf-8")
    add(DESK.name, DESK.schema, folder / "schema", client="kiosk@1", manifest=manifest)
    return replace(DESK, published=folder / "schema" / "published" / "desk")


async def test_ids_of_an_apps_own_are_known(tmp_path: Path) -> None:
    """Relay's md5 and any other id of the manifest stand for its text, beside the hash of that."""
    text = 'query Word { word(id: "1") { text } }'
    short = "0123456789abcdef0123456789abcdef"
    bff = with_client(tmp_path, {short: text, "note/1".replace("/", "-"): "mutation Note { note }"})
    async with desk({"DOCUMENTS__POLICY": "trusted"}, bff=bff) as room:
        for document in (short, sha256_of(text)):
            response = await room.get({"doc_id": document})
            assert response.json() == {"data": {"word": {"text": "word 1"}}}
        assert (await room.post(json.dumps({"doc_id": "note-1"}))).json() == {"data": {"note": "noted"}}
        assert codes(await room.post(json.dumps({"doc_id": short.upper()}))) == ["PERSISTED_QUERY_NOT_FOUND"]
        assert len(room.transports["words"].requests) == 2


async def test_a_label_is_the_operations_name(tmp_path: Path) -> None:
    """Of those that a manifest knows, whatever its file is called; also of a request that comes to nothing."""
    (tmp_path / "file.graphql").write_text("query Locale { locale }")
    (tmp_path / "two.graphql").write_text("query A { locale } query B { locale }")
    async with desk(bff=replace(DESK, operations=tmp_path)) as room:
        await room.client.query("query Locale { locale }")
        await room.client.query("query file { locale }")
        await room.client.query("{ locale }")
        await room.client.query("query A { locale } query B { locale }", operation_name="B")
        await room.post(json.dumps({"documentId": sha256_of("query Locale { locale }"), "operationName": "C"}))
        facts = room.observer.of(RequestFinished)
        assert [fact.operation for fact in facts] == ["Locale", "anonymous", "anonymous", "B", "Locale"]


def test_a_manifest_that_does_not_fit_stops_the_start(tmp_path: Path) -> None:
    """The sentence names operation, client, version, file and place."""
    bff = with_client(tmp_path, {"1": "query Locale { locale }"})
    file = tmp_path / "schema/published/desk/operations/kiosk@1/Locale.graphql"
    file.write_text("query Locale {\n  gone\n}")
    (file.parent / "ids.json").write_text('{"Locale": "1"}')
    with pytest.raises(SchemaError) as caught:
        create_app(bff, bff.load_settings({}))
    assert str(caught.value) == (
        "schema/published/desk/operations/kiosk@1/Locale.graphql:2:3: operation Locale of client kiosk@1, which is "
        "supported, does not fit the schema: Cannot query field 'gone' on type 'Query'."
    )


def test_an_operation_of_main_that_does_not_fit_stops_the_start(tmp_path: Path) -> None:
    """As one of a client does."""
    (tmp_path / "A.graphql").write_text("query A { gone }")
    with pytest.raises(SchemaError, match=r"A\.graphql:1:11: operation A of main does not fit the schema"):
        create_app(replace(DESK, operations=tmp_path), DESK.load_settings({}))


async def test_a_trusted_document_is_prepared_when_it_is_asked_for(tmp_path: Path) -> None:
    """One that is refused by a limit set here is known, and answers by its code; the start does not prepare any."""
    bff = with_client(
        tmp_path, {"1": "query Many { sayings(ids: [" + ",".join(f'"{n}"' for n in range(30)) + "]) { text } }"}
    )
    async with desk({"DOCUMENTS__POLICY": "trusted", "LIMITS__KEYS": "10"}, bff=bff) as room:
        response = await room.get({"doc_id": "1"}, accept=GRAPHQL_JSON)
        assert (response.status_code, codes(response)) == (400, ["TOO_COSTLY"])
