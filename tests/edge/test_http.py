"""GraphQL over HTTP as functions: what is read from a request, which media type is chosen, what an answer becomes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from starlette.datastructures import Headers, QueryParams

from bff_core.edge.http import (
    DEGRADED_HEADER,
    GRAPHQL_JSON,
    JSON,
    MOST_NAMED,
    Answer,
    HttpRefusal,
    MethodRefused,
    check_post,
    degraded_list,
    negotiate,
    read_get,
    read_post,
    refusal,
    respond,
)
from bff_core.errors import BadRequest, Forbidden, Unauthenticated

# The headers of a POST ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json; charset=utf8",
        "application/json; profile=x; charset=utf-8",
        " application/json ",
    ],
)
def test_json_in_utf8_passes(content_type: str) -> None:
    """JSON in UTF-8 passes in every spelling."""
    check_post(Headers({"content-type": content_type, "content-encoding": "identity"}))


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=application/json",
        "application/jsonp",
        "application/json-patch+json",
        "application/graphql",
        "application/graphql-response+json",
        "text/json",
        "application/json, text/plain",
    ],
)
def test_other_media_types_are_refused(content_type: str) -> None:
    """What a form of another site can post, or is no plain JSON, is a 415 that says what is taken."""
    with pytest.raises(HttpRefusal) as caught:
        check_post(Headers({"content-type": content_type}))
    assert (caught.value.status, caught.value.headers) == (415, {"accept-post": "application/json"})


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16", "utf-7", "", "utf-8'"])
def test_other_charsets_are_refused(charset: str) -> None:
    """Bytes in another charset are not guessed at."""
    with pytest.raises(HttpRefusal, match="UTF-8") as caught:
        check_post(Headers({"content-type": f"application/json; charset={charset}"}))
    assert caught.value.status == 415


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip"])
def test_compressed_bodies_are_refused(encoding: str) -> None:
    """A body that could unfold to any size is a 415 that says which coding is taken."""
    with pytest.raises(HttpRefusal, match="compressed") as caught:
        check_post(Headers({"content-type": "application/json", "content-encoding": encoding}))
    assert (caught.value.status, caught.value.headers) == (415, {"accept-encoding": "identity"})


# The body of a POST -------------------------------------------------------------------------------------------------


def test_a_body_is_read() -> None:
    """Query, variables and operationName are read; what else stands there is passed over."""
    body = {
        "query": "{ a }",
        "variables": {"x": [1, None]},
        "operationName": "A",
        "extensions": {},
        "more": 1,
    }
    asked = read_post(json.dumps(body).encode())
    assert (asked.query, asked.variables, asked.operation_name, asked.by_get) == (
        "{ a }",
        {"x": [1, None]},
        "A",
        False,
    )


def test_nulls_are_as_absent() -> None:
    """Null stands for nothing, as many clients send it."""
    asked = read_post(b'{"query": "{ a }", "variables": null, "operationName": null, "extensions": null}')
    assert (asked.variables, asked.operation_name) == ({}, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"1",
        b'"{ a }"',
        b"true",
        b"[]",
        b'[{"query": "{ a }"}]',
        b"{}",
        b'{"query": null}',
        b'{"query": ""}',
        b'{"query": " \\n\\t"}',
        b'{"query": 1}',
        b'{"query": ["{ a }"]}',
        b'{"query": {"a": 1}}',
        b'{"query": "{ a }", "variables": []}',
        b'{"query": "{ a }", "variables": "{}"}',
        b'{"query": "{ a }", "variables": 0}',
        b'{"query": "{ a }", "operationName": 1}',
        b'{"query": "{ a }", "operationName": {}}',
        b'{"query": "{ a }", "extensions": "x"}',
        b'{"query": "{ a }", "variables": {"x": NaN}}',
        b'{"query": "{ a }", "variables": {"x": Infinity}}',
        b'{"query": "{ a }", "variables": {"x": 1e999}}',
        b'{"query": "{ a }", "variables": {"x": 01}}',
        b'{"query": "{ a }"',
        b'{"query": "{ a }"} trailing',
        b"{'query': '{ a }'}",
        b'\xef\xbb\xbf{"query": "{ a }"}',
        b'{"query": "\xff"}',
        b'{"query": "\xed\xa0\x80"}',
        b'{"query": "{ a }", "variables": {"\xff": 1}}',
        '{"query": "{ a }"}'.encode("utf-16"),
        '{"query": "{ a }"}'.encode("utf-32-le"),
        b'{"query": "\\ud800"}',
        b'{"query": "\\udc00\\ud800 { a }"}',
        b'{"query": "{ a }", "operationName": "\\ud800"}',
        b'{"query": "{ a }", "variables": {"\\ud800": 1}}',
        b'{"query": "{ a }", "variables": {"x": "\\udfff"}}',
        b'{"query": "{ a }", "variables": {"x": ' + b"9" * 5000 + b"}}",
        b'{"query": "{ a }", "variables": {"x": -' + b"9" * 5000 + b"}}",
        b'{"query": "{ a }", "variables": {"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b'{"query": "{ a }", "variables": ' + b'{"x":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        b'{"query": "{ a }", "passed over": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[" * 100_000,
        b"\x00",
        b"query=%7B+a+%7D",
        b"--x\r\ncontent-disposition: form-data; name=operations\r\n\r\n{}\r\n--x--",
    ],
)
def test_what_is_no_request_is_one_short_sentence(body: bytes) -> None:
    """Whatever the bytes are, what is no request is BadRequest with a short sentence that repeats none of them."""
    with pytest.raises(BadRequest) as caught:
        read_post(body)
    message = caught.value.public_message()
    assert len(message) < 120
    assert message.isascii()
    assert message.endswith(".")
    assert "msgspec" not in message.lower()


# The query string of a GET ------------------------------------------------------------------------------------------


def test_a_query_string_is_read() -> None:
    """The parameters of a GET, variables as JSON; empty ones are as absent."""
    asked = read_get(QueryParams({"query": "{ a }", "variables": '{"x": 1}', "operationName": "A"}))
    assert (asked.query, asked.variables, asked.operation_name, asked.by_get) == (
        "{ a }",
        {"x": 1},
        "A",
        True,
    )
    asked = read_get(QueryParams("query={a}&variables=&operationName="))
    assert (asked.variables, asked.operation_name) == ({}, None)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "query=",
        "query=%20",
        "variables={}",
        "query={a}&variables=[]",
        "query={a}&variables=1",
        "query={a}&variables={",
        "query={a}&variables=" + '{"x":' * 5000,
        "query={a}&variables=" + "[" * 50_000 + "]" * 50_000,
        "query={a}&variables=" + '{"x":' + "9" * 5000 + "}",
        'query={a}&variables={"x":"\\ud800"}',
        "query={a}&query={b}",
        "query={a}&variables={}&variables={}",
        "query={a}&operationName=A&operationName=B",
        "query={a}&extensions={}&extensions={}",
    ],
)
def test_what_is_no_query_string_is_one_sentence(query: str) -> None:
    """A GET without a query, with variables that are no object or with a parameter twice is BadRequest."""
    with pytest.raises(BadRequest) as caught:
        read_get(QueryParams(query))
    assert len(caught.value.public_message()) < 120


# The media type of the answer ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("APPLICATION/JSON", JSON),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}; charset=utf-8", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, application/json", GRAPHQL_JSON),
        (f"application/json, {GRAPHQL_JSON}", JSON),
        (f"application/json;q=0.9, {GRAPHQL_JSON}", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0.5, application/json;q=0.6", JSON),
        (f"{GRAPHQL_JSON}, application/json;q=0.9, */*;q=0.1", GRAPHQL_JSON),
        ("text/html, */*;q=0.1", JSON),
        ("application/json;q=0, */*", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0, application/*", JSON),
        ("*/*;q=0, application/json", JSON),
        (f"text/html,{GRAPHQL_JSON} ; Q=1", GRAPHQL_JSON),
    ],
)
def test_the_most_welcome_type_is_chosen(accept: str | None, expected: str) -> None:
    """Weights decide, then what is named first; a type by name counts before a wildcard."""
    assert negotiate(accept) == expected


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "application/xml",
        "application/jsonp",
        "application/json;q=0",
        "*/*;q=0",
        "application/json;q=x",
        "application/json;q=nan",
        "application/json;q=2",
        "application/json;q=-1",
        ",;,",
        "\x00",
        "x" * 100_000,
    ],
)
def test_when_none_of_ours_is_taken_it_is_a_406(accept: str) -> None:
    """A client that takes neither type is refused with the names of both."""
    with pytest.raises(HttpRefusal, match=r"application/graphql-response\+json or application/json") as caught:
        negotiate(accept)
    assert caught.value.status == 406


# The answer ---------------------------------------------------------------------------------------------------------


def body_of(answer: Answer, media_type: str = JSON) -> tuple[int, Any]:
    """Status and body as a client reads them."""
    response = respond(answer, media_type)
    return response.status_code, json.loads(bytes(response.body))


@pytest.mark.parametrize(
    ("answer", "plain", "strict"),
    [
        (Answer(data={"a": 1}, started=True), 200, 200),
        (Answer([{"message": "m"}], data={"a": None}, started=True), 200, 200),
        (Answer([{"message": "m"}], data=None, started=True), 200, 200),
        (Answer([{"message": "m"}]), 200, 400),
        (Answer([{"message": "m"}], status=400), 400, 400),
        (Answer([{"message": "m"}], status=401), 401, 401),
        (Answer([{"message": "m"}], status=500), 500, 500),
    ],
)
def test_statuses_by_media_type(answer: Answer, plain: int, strict: int) -> None:
    """Once executed it is 200; what could not be executed is 200 for plain JSON and 400 for the newer type."""
    assert body_of(answer, JSON)[0] == plain
    assert body_of(answer, GRAPHQL_JSON)[0] == strict


def test_only_what_is_there_stands_in_the_body() -> None:
    """``data`` stands there when something was executed, also as null; errors and extensions when there are any."""
    assert body_of(Answer(data={"a": 1}, started=True))[1] == {"data": {"a": 1}}
    assert body_of(Answer([{"message": "m"}], started=True))[1] == {
        "errors": [{"message": "m"}],
        "data": None,
    }
    assert body_of(Answer([{"message": "m"}]))[1] == {"errors": [{"message": "m"}]}
    assert body_of(Answer(data={}, extensions={"x": 1}, started=True))[1] == {
        "data": {},
        "extensions": {"x": 1},
    }


def test_every_answer_is_private_and_typed() -> None:
    """The media type with its charset, no cache, no sniffing, and what the answer depends on."""
    headers = respond(Answer(data={}, started=True), GRAPHQL_JSON).headers
    assert headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert headers["cache-control"] == "private, no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["vary"] == "accept, authorization, cookie, accept-language, apollographql-client-name"


def test_a_healthy_answer_says_nothing_of_degradation() -> None:
    """Answers without degradations have no such header, whether they are whole, refused or failed by the client."""
    for answer in (Answer(data={}, started=True), Answer([{"message": "m"}]), refusal(BadRequest("m"))):
        assert DEGRADED_HEADER not in respond(answer, JSON).headers


def test_a_degraded_answer_says_so_in_its_head() -> None:
    """What is degraded can be read without the body: services and sources by the alphabet, each with its number."""
    counts = {("users", "fallback"): 3, ("products", "stale"): 1, ("products", "omitted"): 2}
    response = respond(Answer(data={}, started=True, degraded=counts), JSON)
    assert response.headers["x-degraded"] == "products;omitted=2;stale=1, users;fallback=3"
    assert response.headers["cache-control"] == "private, no-store"


def test_the_order_of_degradations_does_not_matter() -> None:
    """Two answers that lack the same have the same header, whichever service failed first."""
    counts = {("b", "stale"): 1, ("a", "omitted"): 2, ("b", "fallback"): 3}
    assert degraded_list(counts) == degraded_list(dict(reversed(counts.items()))) == "a;omitted=2, b;fallback=3;stale=1"


def test_the_list_of_degradations_is_a_structured_field() -> None:
    """Every member is a token, its parameters have lower-case keys and integers: a List of RFC 9651."""
    counts = {(f"service_{n}", source): 10**9 for n in range(40) for source in ("stale", "fallback", "omitted")}
    for member in degraded_list(counts).split(", "):
        assert re.fullmatch(r"[A-Za-z*][A-Za-z0-9_\-.:/*]*(;[a-z*][a-z0-9_\-.*]*=\d{1,15}){1,3}", member)


def test_the_list_of_degradations_is_bounded() -> None:
    """Beyond so many services the rest is one member, so that no proxy refuses the answer for its header."""
    counts = {(f"service_{n:02}", source): 2 for n in range(40) for source in ("stale", "omitted")}
    members = degraded_list(counts).split(", ")
    assert len(members) == MOST_NAMED + 1
    assert members[0] == "service_00;omitted=2;stale=2"
    assert members[-1] == f"*;omitted={2 * (40 - MOST_NAMED)};stale={2 * (40 - MOST_NAMED)}"
    assert degraded_list({(f"s{n:02}", "stale"): 1 for n in range(MOST_NAMED)}).count("*") == 0


def test_half_a_surrogate_pair_is_escaped() -> None:
    """A value that UTF-8 cannot hold does not take the answer with it."""
    answer = Answer([{"message": "\ud800"}], data={"a\udfff": "\ud800 ü 😀"}, started=True)
    response = respond(answer, JSON)
    assert bytes(response.body).isascii()
    assert json.loads(bytes(response.body)) == {
        "errors": [{"message": "\ud800"}],
        "data": {"a\udfff": "\ud800 ü 😀"},
    }


@pytest.mark.parametrize(
    ("fault", "status", "code", "headers"),
    [
        (BadRequest("m"), 400, "BAD_REQUEST", {}),
        (Forbidden("m"), 400, "FORBIDDEN", {}),
        (Unauthenticated("m"), 401, "UNAUTHENTICATED", {"www-authenticate": 'Bearer error="invalid_token"'}),
        (HttpRefusal(415, "m", {"accept-post": JSON}), 415, "BAD_REQUEST", {"accept-post": JSON}),
        (MethodRefused("m", ("GET", "POST")), 405, "METHOD_NOT_ALLOWED", {"allow": "GET, POST"}),
    ],
)
def test_refusals_are_well_formed(fault: Any, status: int, code: str, headers: dict[str, str]) -> None:
    """A fault of the client becomes one error with its code, the status of its kind and that status' headers."""
    answer = refusal(fault)
    assert body_of(answer) == (status, {"errors": [{"message": "m", "extensions": {"code": code}}]})
    assert answer.headers == headers
