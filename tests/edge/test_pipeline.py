"""The journey of a request: who asks, until when, what of a failure is shown, and the one fact told at its end."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from bff_core.errors import AuthUnavailable
from bff_core.telemetry.facts import BugFound, CallFinished, RequestFinished
from bff_core.testing.client import Reply
from bff_core.testing.clock import FakeClock
from bff_core.testing.tokens import TokenMint
from bff_core.testing.transport import json_reply
from tests.edge.desk import SECRET, Desk, Script, answer_word, desk

WORD = '{ word(id: "1") { text } }'
DIARY = "{ diary { latest } }"
BOTH = '{ word(id: "1") { text } diary { latest } }'


def shown(reply: Reply) -> list[tuple[str, list[str | int] | None]]:
    """Code and path of each error."""
    return [(error["extensions"]["code"], error.get("path")) for error in reply.errors]


class Words:
    """The service of words, which can go down."""

    def __init__(self) -> None:
        self.down = False

    def __call__(self, request: httpx.Request) -> httpx.Response | Exception:
        """Every word exists while it is up."""
        return httpx.Response(503, text=f"{SECRET} is down") if self.down else answer_word(request)


# Who asks -----------------------------------------------------------------------------------------------------------


async def test_a_valid_token_reaches_the_service_that_relays_it() -> None:
    """The diary is read with the token, and no other service sees it."""
    async with desk() as room:
        reply = await room.client.query(BOTH, token=room.token)
        assert reply.data == {"word": {"text": "word 1"}, "diary": {"latest": "Bearer"}}
        (word,) = room.transports["words"].requests
        assert "authorization" not in word.headers


async def test_nobody_reads_public_fields_only() -> None:
    """Without a token public fields answer and private ones say UNAUTHENTICATED, without a call."""
    async with desk() as room:
        reply = await room.client.query(BOTH)
        assert (reply.status, reply.data) == (200, {"word": {"text": "word 1"}, "diary": None})
        assert shown(reply) == [("UNAUTHENTICATED", ["diary"])]
        assert reply.degraded == []
        assert room.transports["diaries"].requests == []


def _expired(room: Desk) -> str:
    return room.mint.token(clock=room.clock, ttl=-3600)


def _foreign(room: Desk) -> str:
    return TokenMint("http://elsewhere.test", "desk").token(clock=room.clock)


def _forged(room: Desk) -> str:
    head, body, _ = room.token.split(".")
    return f"{head}.{body}.{'A' * 342}"


@pytest.mark.parametrize("token", [_expired, _foreign, _forged, lambda _: "nonsense", lambda _: ""])
async def test_a_token_that_is_not_valid_is_refused(token: Any) -> None:
    """A credential that is not valid is a 401 with a challenge and a GraphQL body; nothing is executed."""
    async with desk() as room:
        sent = token(room)
        headers = {"authorization": f"Bearer {sent}"}
        reply = await room.client.query(BOTH, headers=headers)
        assert reply.status == 401
        assert reply.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert shown(reply) == [("UNAUTHENTICATED", None)]
        assert "data" not in reply.body
        assert not sent or sent not in str(reply.body)
        assert [t.requests for name, t in room.transports.items() if name != "issuer"] == [[], []]
        assert (room.request.status, dict(room.request.errors)) == (401, {"UNAUTHENTICATED": 1})


async def test_without_keys_public_fields_answer() -> None:
    """While no key is known a token cannot be looked at: public fields answer, private ones say AUTH_UNAVAILABLE."""
    script = Script(issuer=lambda _: httpx.Response(500))
    async with desk(script=script) as room:
        reply = await room.client.query(BOTH, token=room.token)
        assert (reply.status, reply.data) == (200, {"word": {"text": "word 1"}, "diary": None})
        assert shown(reply) == [("AUTH_UNAVAILABLE", ["diary"])]
        assert room.transports["diaries"].requests == []
        assert room.bugs == []


async def test_an_issuer_that_hangs_takes_half_of_the_time_at_most() -> None:
    """With the keys on their way, public fields are asked for at half of the budget and answer in time."""
    async with desk({"SERVICES__ISSUER__ATTEMPT_TIMEOUT_MS": "2000"}, script=Script(held=("issuer",))) as room:
        request = asyncio.ensure_future(room.client.query(BOTH, token=room.token))
        await room.clock.advance(0.999)
        assert room.transports["words"].requests == []
        await room.clock.advance(0.001)
        assert request.done()
        reply = await request
        assert reply.data == {"word": {"text": "word 1"}, "diary": None}
        assert shown(reply) == [("AUTH_UNAVAILABLE", ["diary"])]
        assert room.request.seconds == pytest.approx(1.0)
        assert room.transports["issuer"].cancelled == 0  # the keys are everybody's: their fetch goes on


async def test_keys_that_come_in_time_verify() -> None:
    """A token that comes while the keys are fetched waits for them."""
    async with desk(script=Script(held=("issuer",))) as room:
        request = asyncio.ensure_future(room.client.query(DIARY, token=room.token))
        await room.clock.advance(0.5)
        room.transports["issuer"].let_go()
        assert (await request).data == {"diary": {"latest": "Bearer"}}


# What of a failure is shown -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.Response(500, text=f"{SECRET} is down"), "SERVICE_ERROR"),
        (httpx.Response(503), "SERVICE_ERROR"),
        (httpx.Response(429), "SERVICE_ERROR"),
        (httpx.ConnectError(f"{SECRET} refused"), "SERVICE_UNREACHABLE"),
        (httpx.ReadTimeout(SECRET), "SERVICE_TIMEOUT"),
        (httpx.Response(200, text="<html>"), "SERVICE_BAD_PAYLOAD"),
        (httpx.Response(200, content=b"\xff\xfe"), "SERVICE_BAD_PAYLOAD"),
        (json_reply([{"id": "1", "text": 5}]), "SERVICE_BAD_PAYLOAD"),
    ],
)
async def test_a_service_that_fails_is_an_answer_with_a_hole(answer: Any, code: str) -> None:
    """HTTP 200, the rest complete, the hole in errors and in extensions.degraded with one path, no inner word."""
    async with desk(script=Script(words=lambda _: answer)) as room:
        reply = await room.client.query('{ word(id: "1") { text } locale }')
        assert (reply.status, reply.data) == (200, {"word": None, "locale": "en"})
        assert shown(reply) == [(code, ["word"])]
        assert reply.degraded == [
            {
                "path": "word",
                "service": "words",
                "source": "omitted",
                "reason": code,
                "count": 1,
                "paths": [["word"]],
            }
        ]
        assert reply.headers["x-degraded"] == "words;omitted=1"
        assert SECRET not in str(reply.body)
        assert room.bugs == []
        fact = room.request
        assert (fact.status, dict(fact.errors), dict(fact.degraded), fact.calls) == (
            200,
            {code: 1},
            {("words", "omitted"): 1},
            1,
        )


async def test_an_old_value_that_stands_in_is_degraded_and_no_error() -> None:
    """A service that fails after it answered: the kept value, with its age, in the extensions and the header alone."""
    query = '{ saying(id: "1") { text } locale }'
    words = Words()
    async with desk(script=Script(words=words)) as room:
        whole = await room.client.query(query)
        assert (whole.degraded, "x-degraded" in whole.headers) == ([], False)
        await room.clock.advance(90.0)
        words.down = True
        reply = await room.client.query(query)
        assert (reply.status, reply.body["data"]) == (200, whole.data)
        assert "errors" not in reply.body
        assert reply.degraded == [
            {
                "path": "saying",
                "service": "words",
                "source": "stale",
                "ageMs": 90_000,
                "reason": "SERVICE_ERROR",
                "count": 1,
                "paths": [["saying"]],
            }
        ]
        assert reply.headers["x-degraded"] == "words;stale=1"
        assert reply.headers["cache-control"] == "private, no-store"
        assert len(room.transports["words"].requests) == 2, "the service was asked before the old value stood in"
        assert SECRET not in str(reply.body)
        _, fact = room.observer.of(RequestFinished)
        assert (dict(fact.errors), dict(fact.degraded)) == ({}, {("words", "stale"): 1})
        assert dict(fact.cache) == {("words", "miss"): 1, ("words", "stale_if_error"): 1}


async def test_the_header_adds_up_services_and_sources() -> None:
    """Old values, gaps and several services of one answer stand in one header, whatever came first."""
    query = '{ saying(id: "1") { text } word(id: "2") { text } other: word(id: "3") { text } diary { latest } }'
    words = Words()
    async with desk(script=Script(words=words, diaries=lambda _: httpx.Response(500))) as room:
        await room.client.query('{ saying(id: "1") { text } }')
        await room.clock.advance(20.0)
        words.down = True
        reply = await room.client.query(query, token=room.token)
        assert reply.headers["x-degraded"] == "diaries;omitted=1, words;omitted=2;stale=1"
        assert len(reply.errors) == 3
        assert {entry["source"] for entry in reply.degraded if "ageMs" in entry} == {"stale"}


async def test_a_client_s_own_fault_is_not_degraded() -> None:
    """A private field without a credential is an error, and the header is not there."""
    async with desk() as room:
        reply = await room.client.query(BOTH)
        assert shown(reply) == [("UNAUTHENTICATED", ["diary"])]
        assert "x-degraded" not in reply.headers


@pytest.mark.parametrize("name", ["bug", "crash", "graphqlError", "huge"])
async def test_a_bug_is_masked_and_told(name: str) -> None:
    """What failed by our doing is INTERNAL in its place, in one fixed sentence, and told once with the request's id."""
    async with desk() as room:
        reply = await room.client.query(f"{{ locale {name} }}", headers={"x-request-id": "r-1"})
        assert (reply.status, reply.data) == (200, {"locale": "en", name: None})
        assert shown(reply) == [("INTERNAL", [name])]
        assert reply.errors[0]["message"] == "An internal error occurred."
        assert reply.errors[0]["locations"] == [{"line": 1, "column": 10}]
        (bug,) = room.observer.of(BugFound)
        assert (bug.where, bug.request_id) == ("graphql", "r-1")
        assert room.request.errors == {"INTERNAL": 1}


async def test_the_bug_told_is_the_exception_itself() -> None:
    """Who reads the log finds the exception with its message and trace."""
    async with desk() as room:
        await room.client.query("{ crash }")
        (bug,) = room.observer.of(BugFound)
        assert isinstance(bug.error, ValueError)
        assert bug.error.__traceback__ is not None
        assert SECRET in str(bug.error)


async def test_a_value_of_another_type_is_masked() -> None:
    """What graphql-core says of a value that is not of its type repeats the value, so it stays inside."""
    async with desk() as room:
        reply = await room.client.query("{ stranger { name } }")
        assert shown(reply) == [("INTERNAL", ["stranger"])]
        assert "Stranger" not in str(reply.errors)
        assert room.bugs == ["graphql"]


async def test_null_where_it_must_not_be_is_masked() -> None:
    """A value that does not keep its type destroys no more than GraphQL says, and tells nothing from inside."""
    async with desk() as room:
        reply = await room.client.query("{ locale nothing }")
        assert (reply.status, reply.body["data"]) == (200, None)
        assert shown(reply) == [("INTERNAL", ["nothing"])]
        assert reply.errors[0]["message"] == "An internal error occurred."
        assert room.bugs == ["graphql"]


async def test_one_of_our_errors_inside_of_graphql_s_keeps_its_code() -> None:
    """An error of the tree is shown by its code, whatever it is wrapped in."""
    async with desk() as room:
        reply = await room.client.query("{ wrapped }")
        assert shown(reply) == [("DEADLINE_EXCEEDED", ["wrapped"])]
        assert SECRET not in str(reply.body)
        assert room.bugs == []


async def test_a_bug_of_a_service_s_road_is_told_once_a_request() -> None:
    """One bug that many positions waited for is one fact of the pipeline, and an error at each position."""

    def break_down(_: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError(SECRET)

    async with desk(script=Script(words=break_down)) as room:
        reply = await room.client.query('{ a: word(id: "1") { text } b: word(id: "2") { text } }')
        assert shown(reply) == [("INTERNAL", ["a"]), ("INTERNAL", ["b"])]
        assert room.bugs == ["outbound", "graphql"]
        assert SECRET not in str(reply.body)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("query ($n: Int = 2) { echo(times: $n) }", ["echo"]),
        ("query ($n: Int = 2) { pair { repeated(times: $n) } }", ["pair", "repeated"]),
        ("query ($n: Boolean = true) { pair { repeated @skip(if: $n) } }", ["pair"]),
    ],
)
async def test_a_null_found_at_execution_is_the_client_s_doing(query: str, path: list[str | int]) -> None:
    """A null where the argument takes none, which only execution notices, is no bug of ours."""
    async with desk() as room:
        reply = await room.client.query(query, {"n": None})
        assert shown(reply) == [("BAD_USER_INPUT", path)]
        assert "$n" in reply.errors[0]["message"]
        assert room.bugs == []


async def test_an_undeclared_variable_is_passed_over() -> None:
    """Variables that no operation declares do no harm."""
    async with desk() as room:
        assert (await room.client.query("{ locale }", {"more": {"x": [1]}})).data == {"locale": "en"}


async def test_introspection_by_setting() -> None:
    """The schema is told where the setting says so, and ``__typename`` everywhere."""
    query = "{ __schema { queryType { name } } }"
    async with desk() as room:
        assert (await room.client.query(query)).data == {"__schema": {"queryType": {"name": "Query"}}}
    async with desk({"EDGE__INTROSPECTION": "false"}) as room:
        reply = await room.client.query(query)
        assert set(shown(reply)) == {("GRAPHQL_VALIDATION_FAILED", None)}
        assert (await room.client.query('{ __type(name: "Word") { name } }')).data is None
        assert (await room.client.query("{ __typename }")).data == {"__typename": "Query"}


# Until when ---------------------------------------------------------------------------------------------------------


async def test_a_resolver_that_never_ends_is_ended_at_the_deadline() -> None:
    """At the budget, not before, the answer is DEADLINE_EXCEEDED; nothing goes on behind it."""
    async with desk() as room:
        request = asyncio.ensure_future(room.client.query("{ endless locale }"))
        await room.clock.advance(1.999)
        assert not request.done()
        await room.clock.advance(0.001)
        reply = await request
        assert (reply.status, reply.body["data"]) == (200, None)
        assert shown(reply) == [("DEADLINE_EXCEEDED", None)]
        assert room.request.seconds == pytest.approx(2.0)
        assert room.clock.timers == 0


async def test_a_service_that_hangs_leaves_its_place_before_the_deadline() -> None:
    """A link ends itself at the deadline less the reserve, so that the rest is answered in time."""
    script = Script(held=("words",))
    async with desk({"SERVICES__WORDS__ATTEMPT_TIMEOUT_MS": "2000"}, script=script) as room:
        request = asyncio.ensure_future(room.client.query('{ word(id: "1") { text } locale }'))
        await room.clock.advance(1.899)
        assert not request.done()
        await room.clock.advance(0.001)
        reply = await request
        assert reply.data == {"word": None, "locale": "en"}
        assert shown(reply)[0][0] in ("DEADLINE_EXCEEDED", "SERVICE_TIMEOUT")
        assert len(reply.degraded) == 1
        assert room.transports["words"].cancelled == 1


async def test_the_budget_is_a_setting() -> None:
    """Another budget is another deadline; the services are told their own time, which no caller shortens."""
    async with desk({"EDGE__BUDGET_MS": "500", "SERVICES__ALL__ATTEMPT_TIMEOUT_MS": "450"}) as room:
        await room.client.query(WORD)
        (call,) = room.transports["words"].requests
        assert call.headers["x-deadline-ms"] == "450"
        request = asyncio.ensure_future(room.client.query("{ endless }"))
        await room.clock.advance(0.5)
        assert shown(await request) == [("DEADLINE_EXCEEDED", None)]


# The locale ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "header", "expected"),
    [
        ({"locale": "de-AT"}, "fr", "de-AT"),
        ({"locale": "nonsense"}, "fr", "fr"),
        ({}, "fr;q=0.5, de;q=0.9", "de"),
        ({}, "x" * 5000, "en"),
        ({}, None, "en"),
    ],
)
async def test_resolvers_find_the_locale(variables: dict[str, Any], header: str | None, expected: str) -> None:
    """The variable, then the header, then the setting is what a resolver finds in its context."""
    async with desk() as room:
        headers = {} if header is None else {"accept-language": header}
        reply = await room.client.query("{ locale }", variables, headers=headers)
        assert reply.data == {"locale": expected}


async def test_the_default_locale_is_a_setting() -> None:
    """Whoever names no language gets the setting's."""
    async with desk({"EDGE__DEFAULT_LOCALE": "pt-BR"}) as room:
        assert (await room.client.query("{ locale }")).data == {"locale": "pt-BR"}


# The fact -----------------------------------------------------------------------------------------------------------


async def test_each_request_is_one_fact() -> None:
    """Refused, invalid, failed or answered: one fact each, with its status, calls and codes."""
    async with desk() as room:
        await room.post("{")
        await room.post("{}", content_type="text/plain")
        await room.get({"query": "mutation { note }"})
        await room.client.query("{ nowhere nothere }")
        await room.client.query(BOTH)
        await room.client.query("{ locale }")
        facts = room.observer.of(RequestFinished)
        assert [(fact.status, fact.calls, dict(fact.errors)) for fact in facts] == [
            (400, 0, {"BAD_REQUEST": 1}),
            (415, 0, {"BAD_REQUEST": 1}),
            (405, 0, {"METHOD_NOT_ALLOWED": 1}),
            (200, 0, {"GRAPHQL_VALIDATION_FAILED": 2}),
            (200, 1, {"UNAUTHENTICATED": 1}),
            (200, 0, {}),
        ]
        assert {fact.bff for fact in facts} == {"desk"}
        assert {fact.operation for fact in facts} == {"anonymous"}
        assert len({fact.request_id for fact in facts}) == 6


async def test_a_name_that_a_client_chose_is_no_label() -> None:
    """An operation that is not the BFF's own is anonymous, whatever it calls itself."""
    async with desk() as room:
        await room.client.query("query Chosen { locale }")
        assert room.request.operation == "anonymous"


async def test_seconds_are_from_the_request_s_first_byte() -> None:
    """The time of a body that comes slowly counts in the fact, and not against the budget."""
    clock_of: list[FakeClock] = []

    async def slowly() -> Any:
        yield b'{"query": '
        await clock_of[0].advance(1.5)
        yield b'"{ locale }"}'

    async with desk() as room:
        clock_of.append(room.clock)
        response = await room.post(slowly())
        assert response.json() == {"data": {"locale": "en"}}
        assert room.request.seconds == pytest.approx(1.5)


async def test_the_fact_says_how_each_key_was_served() -> None:
    """Keys are counted by service and by whether they were kept, asked for, or known not to exist."""

    def answer(request: httpx.Request) -> Any:
        ids = request.url.params.get_list("id")
        return json_reply([{"id": one, "text": one} for one in ids if one != "none"])

    query = "query ($ids: [ID!]!) { sayings(ids: $ids) { text } }"
    async with desk(script=Script(words=answer)) as room:
        await room.client.query(query, {"ids": ["1", "2", "none"]})
        await room.client.query(query, {"ids": ["1", "2", "3", "none"]})
        await room.client.query("{ locale }")
        await room.post("{")
        assert [dict(fact.cache) for fact in room.observer.of(RequestFinished)] == [
            {("words", "miss"): 3},
            {("words", "fresh"): 2, ("words", "negative"): 1, ("words", "miss"): 1},
            {},
            {},
        ]
        assert len(room.transports["words"].requests) == 2


async def test_calls_are_counted_per_request() -> None:
    """The fact counts the calls that went down, not the keys."""
    async with desk() as room:
        await room.client.query('{ a: word(id: "1") { text } b: word(id: "2") { text } c: word(id: "1") { id } }')
        assert room.request.calls == 1
        (call,) = [fact for fact in room.observer.of(CallFinished) if fact.service == "words"]
        assert call.keys == 2


def test_auth_unavailable_names_nothing_inside() -> None:
    """What a client reads while keys are missing is one fixed sentence."""
    assert SECRET not in AuthUnavailable(SECRET).public_message()
