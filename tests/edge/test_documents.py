"""Documents over HTTP: ids in every form, automatic persisted queries, what is never registered, and each policy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from bff_core.documents.ids import sha256_of
from bff_core.edge.http import GRAPHQL_JSON, JSON
from tests.edge.desk import Desk, desk

WORD = 'query Word { word(id: "1") { text } }'
HASH = sha256_of(WORD)
DATA = {"word": {"text": "word 1"}}
APQ = {"DOCUMENTS__APQ": "true"}


def persisted(document: str = HASH, **more: Any) -> dict[str, Any]:
    """A request as Apollo Client's persisted-query link makes it."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": document}}, **more}


async def post(room: Desk, asked: Mapping[str, Any], **headers: str) -> httpx.Response:
    """The request in a POST."""
    return await room.post(json.dumps(asked), **headers)


async def get(room: Desk, asked: Mapping[str, Any], **headers: str) -> httpx.Response:
    """The request in a GET."""
    params = {name: value if isinstance(value, str) else json.dumps(value) for name, value in asked.items()}
    return await room.get(params, **headers)


def codes(response: httpx.Response) -> list[str]:
    """The codes of the errors."""
    return [error["extensions"]["code"] for error in response.json().get("errors", [])]


@pytest.mark.parametrize("send", [post, get])
async def test_a_client_registers_and_asks_by_hash(send: Any) -> None:
    """Not found by the word that clients look for, then the text with its hash, then the hash alone, in every form."""
    async with desk(APQ) as room:
        first = await send(room, persisted())
        assert (first.status_code, first.headers["cache-control"]) == (200, "private, no-store")
        assert first.json() == {
            "errors": [{"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]
        }
        assert (await send(room, persisted(), accept=GRAPHQL_JSON)).status_code == 400
        assert room.transports["words"].requests == []
        assert (await send(room, persisted(query=WORD))).json() == {"data": DATA}
        forms: list[dict[str, Any]] = [
            persisted(),
            persisted(HASH.upper()),
            persisted(query=""),
            {"documentId": HASH},
            {"documentId": f"sha256:{HASH}"},
            {"doc_id": HASH},
            {"documentId": HASH, "query": WORD},
            persisted(documentId=f"sha256:{HASH}"),
        ]
        for way in (post, get):
            for form in forms:
                assert (await way(room, form)).json() == {"data": DATA}, form
        assert len(room.transports["words"].requests) == 1 + 2 * len(forms)


@pytest.mark.parametrize(
    "asked",
    [
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": HASH}}},
        {"extensions": {"persistedQuery": {"version": "1", "sha256Hash": HASH}}},
        {"extensions": {"persistedQuery": {"sha256Hash": HASH}}},
        {"extensions": {"persistedQuery": {"version": 1}}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": 1}}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": None}}},
        {"extensions": {"persistedQuery": []}},
        {"extensions": {"persistedQuery": HASH}},
        {"extensions": []},
        persisted("abc"),
        persisted(HASH[:-1]),
        persisted(f"{HASH}0"),
        persisted(f"sha256:{HASH}"),
        persisted("g" * 64),
        persisted(f"{HASH[:-1]}\n"),
        {"documentId": "sha256:abc"},
        {"documentId": "../secret"},
        {"documentId": ""},
        {"documentId": "a" * 500},
        persisted(documentId="0" * 64),
        {"documentId": HASH, "doc_id": "0" * 64},
        persisted("0" * 64, query=WORD),
        {"documentId": "0" * 64, "query": WORD},
        persisted(query=f"{WORD}\n"),
        persisted(query=WORD.replace(" ", "  ")),
    ],
    ids=lambda asked: json.dumps(asked).replace(HASH, "HASH")[:60],
)
async def test_what_is_malformed_is_refused(asked: dict[str, Any]) -> None:
    """A shape that no client means, two ids, or an id beside another text is a 400 by POST and GET; nothing runs."""
    async with desk(APQ) as room:
        for sent in (asked, {"query": WORD, **asked}):
            for send in (post, get):
                response = await send(room, sent)
                assert (response.status_code, codes(response)) == (400, ["BAD_REQUEST"])
        for document in (HASH, "0" * 64, sha256_of(f"{WORD}\n")):
            assert codes(await post(room, persisted(document))) == ["PERSISTED_QUERY_NOT_FOUND"]
        assert room.transports["words"].requests == []


@pytest.mark.parametrize("params", [[("documentId", HASH)] * 2, [("doc_id", HASH)] * 2, [("extensions", "{}")] * 2])
async def test_a_parameter_twice_is_refused(params: Any) -> None:
    """A cache before us may have looked at the other one."""
    async with desk(APQ) as room:
        assert (await room.get([*params, ("query", WORD)])).status_code == 400


@pytest.mark.parametrize("extensions", ["{", "[" * 1000, "1", '"x"', "NaN", '{"persistedQuery": 1}'])
async def test_extensions_that_are_no_json_object_are_refused(extensions: str) -> None:
    """In a GET they are text, which may be anything."""
    async with desk(APQ) as room:
        response = await room.get({"query": WORD, "extensions": extensions})
        assert (response.status_code, codes(response)) == (400, ["BAD_REQUEST"])


async def test_other_extensions_are_passed_over() -> None:
    """Clients send what they like there."""
    async with desk(APQ) as room:
        more = {"extensions": {"clientLibrary": {"name": "x"}, "persistedQuery": None}, "query": WORD}
        assert (await post(room, more)).json() == (await get(room, more)).json() == {"data": DATA}


@pytest.mark.parametrize(
    "text",
    [
        "query {",
        "{ nowhere }",
        'query A { sayings(ids: ["1"]) { text } } query B { locale }',
        "query ($a: Int!) { echo(times: $b) }",
        "{ sayings(ids: [" + ",".join(f'"{n}"' for n in range(30)) + "]) { text } }",
    ],
)
async def test_what_is_refused_is_not_registered(text: str) -> None:
    """A text that does not parse, does not validate, names no operation or is too costly is not kept under its hash."""
    async with desk({**APQ, "LIMITS__KEYS": "10"}) as room:
        document = sha256_of(text)
        for send in (post, get):
            assert codes(await send(room, persisted(document, query=text)))
            assert codes(await send(room, persisted(document))) == ["PERSISTED_QUERY_NOT_FOUND"]
        assert room.transports["words"].requests == []


async def test_a_mutation_is_never_registered_or_run_by_get() -> None:
    """Neither alone nor beside a query; by POST it is, and then a GET with its hash is a 405 all the same."""
    async with desk(APQ) as room:
        text = "mutation Note { note }"
        refused = await get(room, persisted(sha256_of(text), query=text))
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
        assert codes(await post(room, persisted(sha256_of(text)))) == ["PERSISTED_QUERY_NOT_FOUND"]

        both = "query A { locale } mutation B { note }"
        beside = await get(room, persisted(sha256_of(both), query=both, operationName="A"))
        assert beside.json() == {"data": {"locale": "en"}}
        assert codes(await post(room, persisted(sha256_of(both)))) == ["PERSISTED_QUERY_NOT_FOUND"]

        assert (await post(room, persisted(sha256_of(text), query=text))).json() == {"data": {"note": "noted"}}
        assert (await post(room, persisted(sha256_of(text)))).json() == {"data": {"note": "noted"}}
        assert (await get(room, persisted(sha256_of(text)))).status_code == 405


async def test_what_is_registered_needs_who_asks_all_the_same() -> None:
    """A document is everybody's, what it reads is not: the hash alone opens nothing."""
    async with desk(APQ) as room:
        text = "{ diary { latest } }"
        sent = persisted(sha256_of(text), query=text)
        assert (await post(room, sent, authorization=f"Bearer {room.token}")).json()["data"]["diary"]
        assert codes(await get(room, persisted(sha256_of(text)))) == ["UNAUTHENTICATED"]
        assert len(room.transports["diaries"].requests) == 1


@pytest.mark.parametrize("policy", ["open", "registered"])
async def test_where_nothing_can_be_registered_clients_are_told(policy: str) -> None:
    """With APQ off the hash alone is answered by the word that makes clients send texts, and a text is judged alone."""
    async with desk({"DOCUMENTS__POLICY": policy}) as room:
        response = await post(room, persisted())
        assert response.status_code == 200
        assert response.json()["errors"][0]["message"] == "PersistedQueryNotSupported"
        assert codes(response) == ["PERSISTED_QUERY_NOT_SUPPORTED"]
        await post(room, persisted(query=WORD))
        assert codes(await post(room, persisted())) == ["PERSISTED_QUERY_NOT_SUPPORTED"]
        assert codes(await post(room, {"documentId": HASH})) == ["PERSISTED_QUERY_NOT_FOUND"]
        assert len(room.transports["words"].requests) == (1 if policy == "open" else 0)


@pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON])
@pytest.mark.parametrize("policy", ["registered", "trusted"])
async def test_a_text_that_is_not_registered_does_not_run(policy: str, accept: str) -> None:
    """It is a well-formed refusal, also of introspection; no service is asked."""
    async with desk({"DOCUMENTS__POLICY": policy}) as room:
        for text in (WORD, "{ __typename }", "query {"):
            response = await post(room, {"query": text}, accept=accept)
            assert response.status_code == (200 if accept == JSON else 400)
            assert codes(response) == ["DOCUMENT_REFUSED"]
        assert room.transports["words"].requests == []


async def test_under_registered_a_client_can_register_where_that_is_on() -> None:
    """Refused as a text, taken with its hash, and then known by both."""
    async with desk({"DOCUMENTS__POLICY": "registered", **APQ}) as room:
        assert codes(await post(room, {"query": WORD})) == ["DOCUMENT_REFUSED"]
        assert (await post(room, persisted(query=WORD))).json() == {"data": DATA}
        assert (await post(room, {"query": WORD})).json() == {"data": DATA}


async def test_in_development_answers_say_whether_a_document_is_registered() -> None:
    """With the hash that its text has; a failing field changes nothing about it."""
    async with desk({**APQ, "DOCUMENTS__SAY_REGISTERED": "true"}) as room:
        said = [
            (await post(room, asked)).json()["extensions"]["document"]
            for asked in ({"query": WORD}, persisted(query=WORD), persisted(), {"query": WORD}, {"query": "{ crash }"})
        ]
        assert said == [{"registered": registered, "id": HASH} for registered in (False, True, True, True)] + [
            {"registered": False, "id": sha256_of("{ crash }")}
        ]
