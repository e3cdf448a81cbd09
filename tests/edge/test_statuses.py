"""On what the drafts of GraphQL over HTTP differ: the status of what does not fit, and of data beside errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bff_core.edge.http import GRAPHQL_JSON, JSON
from bff_core.telemetry.facts import RequestFinished
from tests.edge.desk import desk

UNFIT = {"EDGE__STATUS_422": "true"}
PARTIAL = {"EDGE__STATUS_294": "true"}

#: What can be read and does not fit: the schema, the names of its operations, its variables, our limits.
DOES_NOT_FIT: list[dict[str, Any]] = [
    {"query": "{ nowhere }"},
    {"query": "query A { locale } query B { locale }"},
    {"query": "{ locale }", "operationName": "B"},
    {"query": "query ($times: Int!) { echo(times: $times) }"},
    {"query": "query ($times: Int!) { echo(times: $times) }", "variables": {"times": "two"}},
    {"query": "{ a: word(id: 1) { text } " + " ".join(f"a{n}: locale" for n in range(200)) + " }"},
]

#: What is no request, or no GraphQL, or no document that may run: 400 in every draft.
UNREADABLE: list[dict[str, Any]] = [
    {"query": "{"},
    {"query": 7},
    {"documentId": "0" * 64},
]


@pytest.mark.parametrize("asked", DOES_NOT_FIT, ids=lambda asked: json.dumps(asked)[:50])
async def test_what_does_not_fit_is_a_400_or_by_a_switch_a_422(asked: dict[str, Any]) -> None:
    """By default it is the audited draft's 400; with edge.status_422 the newest one's; 200 as plain JSON in both."""
    for settings, status in (({}, 400), (PARTIAL, 400), (UNFIT, 422)):
        async with desk(settings) as room:
            answer = await room.post(json.dumps(asked), accept=GRAPHQL_JSON)
            assert (answer.status_code, list(answer.json())) == (status, ["errors"])
            assert room.request.status == status
            assert (await room.post(json.dumps(asked), accept=JSON)).status_code == 200
            assert room.transports["words"].requests == []


@pytest.mark.parametrize("asked", UNREADABLE, ids=json.dumps)
async def test_what_cannot_be_read_is_a_400_whatever_the_switch(asked: dict[str, Any]) -> None:
    """The 422 is for documents that were understood."""
    async with desk(UNFIT) as room:
        assert (await room.post(json.dumps(asked), accept=GRAPHQL_JSON)).status_code == 400


@pytest.mark.parametrize("field", ["bug", "nothing", "diary { latest }"])
async def test_data_beside_errors_is_a_200_or_by_a_switch_a_294(field: str) -> None:
    """With edge.status_294 an answer with both entries, data being null too, says so; plain JSON never does."""
    asked = json.dumps({"query": f"{{ locale {field} }}"})
    for settings, status in (({}, 200), (UNFIT, 200), (PARTIAL, 294)):
        async with desk(settings) as room:
            answer = await room.post(asked, accept=GRAPHQL_JSON)
            assert (answer.status_code, set(answer.json())) == (status, {"data", "errors"})
            assert (await room.post(asked, accept=JSON)).status_code == 200


async def test_a_whole_answer_is_a_200_whatever_the_switches() -> None:
    """Without errors there is nothing that the drafts differ on."""
    async with desk({**UNFIT, **PARTIAL}) as room:
        for accept in (GRAPHQL_JSON, JSON):
            assert (await room.post('{"query": "{ locale }"}', accept=accept)).status_code == 200
        assert [fact.status for fact in room.observer.of(RequestFinished)] == [200, 200]
