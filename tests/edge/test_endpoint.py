"""The GraphQL route over HTTP: statuses, hostile requests, what senders choose, and clients that leave."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.types import Message, Scope

from bff_core.edge.http import GRAPHQL_JSON, JSON
from bff_core.telemetry.facts import CallFinished, RequestFinished
from tests.edge.desk import SECRET, Desk, Script, answer_word, desk, read_only

#: What would tell a stranger how we are built.
INSIDE = re.compile(
    rf"Traceback|\.py\b|bff_core|msgspec|starlette|strawberry|Exception|object at 0x|\bsys\.|{re.escape(SECRET)}"
)


def well_formed(response: httpx.Response) -> Any:
    """The body, after checking that it is a GraphQL response that names nothing inside."""
    assert response.headers["content-type"] in (f"{JSON}; charset=utf-8", f"{GRAPHQL_JSON}; charset=utf-8")
    body = response.json()
    assert set(body) <= {"data", "errors", "extensions"}
    assert "data" in body or body["errors"]
    for error in body.get("errors", []):
        assert set(error) <= {"message", "locations", "path", "extensions"}
        assert isinstance(error["message"], str)
        assert error["extensions"]["code"].isupper()
    assert not INSIDE.search(response.text)
    return body


def codes(response: httpx.Response) -> list[str]:
    """The codes of the errors."""
    return [error["extensions"]["code"] for error in well_formed(response).get("errors", [])]


def ask(query: str, **more: Any) -> str:
    """A body that asks this."""
    return json.dumps({"query": query, **more})


# Statuses -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "strict", "plain", "code"),
    [
        (ask("{ locale }"), 200, 200, None),
        ("{", 400, 400, "BAD_REQUEST"),
        ("{}", 400, 400, "BAD_REQUEST"),
        (ask("{ locale"), 400, 200, "GRAPHQL_PARSE_FAILED"),
        (ask("{ nowhere }"), 400, 200, "GRAPHQL_VALIDATION_FAILED"),
        (ask("{ locale }", operationName="B"), 400, 200, "OPERATION_RESOLUTION_FAILURE"),
        (ask("query A { locale } query B { locale }"), 400, 200, "OPERATION_RESOLUTION_FAILURE"),
        (ask("query ($n: Int!) { echo(times: $n) }"), 400, 200, "BAD_USER_INPUT"),
        (ask("query ($n: Int!) { echo(times: $n) }", variables={"n": "x"}), 400, 200, "BAD_USER_INPUT"),
        (ask("{ bug }"), 200, 200, "INTERNAL"),
        (ask("mutation { note }"), 200, 200, None),
    ],
)
async def test_status_of_each_kind_of_request(body: str, strict: int, plain: int, code: str | None) -> None:
    """What cannot be executed is a 400 for the newer type, a 200 for plain JSON unless it was no request at all."""
    async with desk() as room:
        for accept, status in ((GRAPHQL_JSON, strict), (JSON, plain), ("*/*", plain)):
            response = await room.post(body, accept=accept)
            assert (accept, response.status_code) == (accept, status)
            assert response.headers["content-type"].startswith(GRAPHQL_JSON if accept == GRAPHQL_JSON else JSON)
            assert codes(response) == ([code] if code else [])
            assert ("data" in response.json()) is (code in (None, "INTERNAL"))
        facts = room.observer.of(RequestFinished)
        assert [fact.status for fact in facts] == [strict, plain, plain]
        assert [dict(fact.errors) for fact in facts] == [{code: 1} if code else {}] * 3


async def test_several_validation_errors_have_their_places() -> None:
    """Every error of a document says where it stands, and none suggests names of the schema."""
    async with desk() as room:
        body = well_formed(await room.post(ask("{\n  ech\n  pair { nope }\n}")))
        assert [error["locations"] for error in body["errors"]] == [
            [{"line": 2, "column": 3}],
            [{"line": 3, "column": 10}],
        ]
        assert "Did you mean" not in json.dumps(body)


async def test_get_reads() -> None:
    """A GET executes a query with variables and an operation name."""
    query = "query A($t: String!) { echo(text: $t) } query B { locale }"
    async with desk() as room:
        response = await room.get({"query": query, "variables": '{"t": "ü"}', "operationName": "A"})
        assert (response.status_code, well_formed(response)) == (200, {"data": {"echo": "ü"}})


@pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON])
async def test_get_changes_nothing(accept: str) -> None:
    """A mutation by GET is a 405 that says POST, and is not executed."""
    async with desk() as room:
        response = await room.get({"query": "mutation { note }"}, accept=accept)
        assert (response.status_code, response.headers["allow"]) == (405, "POST")
        assert codes(response) == ["METHOD_NOT_ALLOWED"]
        assert "data" not in response.json()
        both = {"query": "query A { locale } mutation B { note }"}
        assert (await room.get({**both, "operationName": "B"}, accept=accept)).status_code == 405
        assert (await room.get({**both, "operationName": "A"}, accept=accept)).json() == {"data": {"locale": "en"}}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "QUERY"])
async def test_other_methods_are_refused(method: str) -> None:
    """Every other method is a 405 that says which there are."""
    async with desk() as room:
        response = await room.client.http.request(method, "/graphql", params={"query": "{ locale }"})
        assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")
        assert codes(response) == ["METHOD_NOT_ALLOWED"] if method != "HEAD" else response.content == b""
        assert room.request.status == 405


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "application/json;q=0"])
async def test_an_answer_that_nobody_takes_is_not_made(accept: str) -> None:
    """A client that takes no type of ours gets a 406 in JSON, and no service is asked."""
    async with desk() as room:
        for response in (
            await room.post(ask('{ word(id: "1") { text } }'), accept=accept),
            await room.get({"query": '{ word(id: "1") { text } }'}, accept=accept),
        ):
            assert response.status_code == 406
            assert codes(response) == ["BAD_REQUEST"]
        assert room.transports["words"].requests == []


async def test_several_accept_headers_are_one_list() -> None:
    """What a second Accept header adds counts."""
    async with desk() as room:
        response = await room.client.http.post(
            "/graphql",
            content=ask("{ locale }"),
            headers=[
                ("content-type", JSON),
                ("accept", "text/html"),
                ("accept", GRAPHQL_JSON),
            ],
        )
        assert response.headers["content-type"].startswith(GRAPHQL_JSON)


# Hostile requests ---------------------------------------------------------------------------------------------------

HOSTILE: list[Any] = [
    b"",
    b"null",
    b"0",
    b'"{ locale }"',
    b"[]",
    b'[{"query": "{ locale }"}]',
    b'{"query": "\xff\xfe"}',
    '{"query": "{ locale }"}'.encode("utf-16"),
    b'{"query": "{ locale }", "variables": {"x": NaN}}',
    b'{"query": "\\ud800"}',
    b'{"query": "{ locale }", "operationName": "\\udfff"}',
    b'{"query": "{ locale }", "variables": {"\\ud800": 1}}',
    b'{"query": "{ locale }", "variables": {"x": "\\ud800"}}',
    b'{"query": "{ locale }", "variables": {"x": ' + b"9" * 5000 + b"}}",
    b'{"query": "{ locale }", "variables": {"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    ask("{ locale }" + "\x00"),
    ask("\x00"),
    ask("\u2028"),
    ask('{ echo(text: "\\ud800") }'),
    ask('{ echo(text: "\\uD800\\uD800") }'),
    ask("{ echo(times: " + "9" * 5000 + ") }"),
    ask("{ word(id: " + "9" * 5000 + ") { text } }"),
    ask("query ($id: ID = " + "9" * 5000 + ") { word(id: $id) { text } }"),
    ask("query ($x: Int!) { echo(times: $x) }", variables={"x": 10**4000}),
    ask("query ($x: Int!) { echo(times: $x) }", variables={"x": 1e300}),
    ask("query ($x: String!) { echo(text: $x) }", variables={"x": {"a": ["b"] * 100}}),
    ask("query ($x: Int!) { echo(times: $x) }", variables={"x": "<script>"}),
    ask("{ a" * 5000),
    ask("{ pair { repeated " * 1000 + "}" * 2000),
    ask("{ " + "locale " * 20_000 + "}"),
    ask("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }"),
    ask("query ($a: [" + "[" * 3000 + "Int" + "]" * 3000 + "]) { locale }"),
    ask("{ echo(text: " + "[" * 3000 + "]" * 3000 + ") }"),
    ask("subscription { locale }"),
    ask("fragment a on Query { locale }"),
    ask("type Query { a: Int }"),
    ask("{ locale @skip }"),
    ask("{ locale @nowhere(x: 1) }"),
    ask("query ($locale: Locale!) { locale }"),
    ask('{ __type(name: "\x07") { name } }'),
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_bodies_are_answered_as_any_other(body: bytes | str) -> None:
    """Whatever a body holds: no 5xx, no trace, nothing from inside, and no bug told."""
    async with desk({"EDGE__MAX_BODY_BYTES": "4194304"}) as room:
        for accept in (JSON, GRAPHQL_JSON):
            response = await room.post(body, accept=accept)
            assert response.status_code in (200, 400)
            assert len(response.content) < 100_000
            well_formed(response)
        assert room.bugs == []
        assert [fact.status < 500 for fact in room.observer.of(RequestFinished)] == [True, True]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_encoding": "gzip"}, 415),
        ({"content_type": "application/json; charset=utf-16"}, 415),
        ({"content_type": "application/jsonp"}, 415),
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/x-www-form-urlencoded"}, 415),
        ({"content_type": "multipart/form-data; boundary=x"}, 415),
        ({"content_type": ""}, 415),
        ({"content_length": "99999999999999999999999999"}, 200),
        ({"accept_language": "\xff\xfe;q=\xb2"}, 200),
        ({"x_request_id": "\xff" * 100}, 200),
        ({"apollographql_client_name": "\xff", "apollographql_client_version": "\x01"}, 200),
        ({"authorization": ""}, 401),
        ({"authorization": "\xff"}, 401),
        ({"authorization": "Bearer " + "x" * 10_000}, 401),
        ({"authorization": "Basic dXNlcjpwYXNz"}, 401),
    ],
)
async def test_hostile_headers(headers: dict[str, str], status: int) -> None:
    """Headers of any content are answered with a well-formed body and the status of their kind."""
    async with desk() as room:
        sent = {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in headers.items()}
        response = await room.client.http.post(
            "/graphql",
            content=ask("{ locale }").encode(),
            headers=httpx.Headers({b"content-type": b"application/json", **sent}),
        )
        assert response.status_code == status
        well_formed(response)
        assert room.bugs == []


async def test_a_form_of_another_site_executes_nothing() -> None:
    """What a browser sends for another site without asking first is refused before anything is read."""
    async with desk() as room:
        for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            response = await room.post(ask('{ word(id: "1") { text } }'), content_type=content_type)
            assert (response.status_code, response.headers["accept-post"]) == (415, JSON)
        assert room.transports["words"].requests == []


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_large_names_the_limit(announced: bool) -> None:
    """A body above the limit, announced or not, is a 413 in JSON with the limit; one at the limit is read."""

    async def stream() -> Any:
        for _ in range(5):
            yield b" " * 1000

    fits = ask("{ locale }").ljust(4096).encode()
    async with desk() as room:
        assert (await room.post(fits)).status_code == 200
        response = await room.post(fits + b" " if announced else stream())
        assert response.status_code == 413
        (error,) = well_formed(response)["errors"]
        assert error["message"] == "The body must not be larger than 4096 bytes."
        assert [fact.status for fact in room.observer.of(RequestFinished)] == [200, 413]


@pytest.mark.parametrize("announced", [True, False])
async def test_no_more_of_a_large_body_is_read_than_needed(announced: bool) -> None:
    """A body announced as too large is not read at all, and one that is not announced only until it is too large."""
    async with desk() as room:
        chunks = 0

        async def receive() -> Message:
            nonlocal chunks
            chunks += 1
            return {"type": "http.request", "body": b" " * 1000, "more_body": True}

        length = [(b"content-length", b"1000000000")] if announced else []
        sent = await raw(room, receive, headers=[(b"content-type", b"application/json"), *length])
        assert sent[0]["status"] == 413
        assert chunks == (0 if announced else 5)


@pytest.mark.parametrize(
    "query",
    [
        "query={locale}&query={locale}",
        "query={locale}&variables={}&variables={}",
        "query=",
        "",
        "query={locale}&variables=" + "[" * 3000,
        "query=%FF%FE",
        "query={locale}&variables=%FF",
        "variables[x]=1",
    ],
)
async def test_hostile_query_strings(query: str) -> None:
    """A GET that is no request is a 4xx with a well-formed body, or what its broken characters stand for."""
    async with desk() as room:
        response = await room.client.http.get(f"/graphql?{query}", headers={"accept": GRAPHQL_JSON})
        assert response.status_code == 400
        well_formed(response)
        assert room.bugs == []


async def test_a_browser_with_a_query_gets_its_answer() -> None:
    """Parameters make a request of it, also where the page for browsers is served."""
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    async with desk({"EDGE__GRAPHIQL": "true"}) as room:
        page = await room.get(accept=browser)
        assert page.headers["content-type"].startswith("text/html")
        assert room.observer.of(RequestFinished) == []
        answered = await room.get({"query": "{ locale }"}, accept=browser)
        assert well_formed(answered) == {"data": {"locale": "en"}}
    async with desk() as room:
        assert codes(await room.get(accept=browser)) == ["BAD_REQUEST"]


async def test_an_answer_that_cannot_be_written_is_masked() -> None:
    """A value that JSON cannot hold is our bug: INTERNAL, well formed, told with the request's id."""
    async with desk() as room:
        response = await room.post(ask("{ unwritable }"), x_request_id="r-1")
        assert response.status_code == 500
        assert codes(response) == ["INTERNAL"]
        assert response.headers["x-request-id"] == "r-1"
        assert room.bugs == ["edge"]
        assert (room.request.status, dict(room.request.errors)) == (500, {"INTERNAL": 1})


async def test_half_a_surrogate_pair_of_a_resolver_is_written() -> None:
    """A text that UTF-8 cannot hold is escaped."""
    async with desk() as room:
        response = await room.post(ask("{ half }"))
        assert (response.status_code, response.json()) == (200, {"data": {"half": "half \ud800 pair"}})


# What senders choose ------------------------------------------------------------------------------------------------


async def test_a_request_id_is_kept_and_passed_on() -> None:
    """A valid id is in the answer, at the service and in the fact, also when the request is refused."""
    async with desk() as room:
        response = await room.post(ask('{ word(id: "1") { text } }'), x_request_id="Ab_9-")
        assert response.headers["x-request-id"] == "Ab_9-"
        (call,) = room.transports["words"].requests
        assert call.headers["x-request-id"] == "Ab_9-"
        assert room.request.request_id == "Ab_9-"
        for refused in (
            await room.post("{", x_request_id="r"),
            await room.post("{}", x_request_id="r", content_type="text/plain"),
            await room.post("{}", x_request_id="r", accept="text/html"),
            await room.post(ask("{ locale }"), x_request_id="r", authorization="Bearer x"),
            await room.client.http.put("/graphql", headers={"x-request-id": "r"}),
        ):
            assert refused.status_code >= 400
            assert refused.headers["x-request-id"] == "r"


@pytest.mark.parametrize("given", [None, "", "a b", "x" * 65, "a\tb", "<b>", "\u00fc"])
async def test_any_other_request_id_is_replaced(given: str | None) -> None:
    """Without a valid id each request gets one of its own."""
    async with desk() as room:
        headers = {} if given is None else {"x-request-id": given.encode("latin-1")}
        made = set()
        for _ in range(2):
            response = await room.client.http.post(
                "/graphql",
                json={"query": "{ locale }"},
                headers=headers,  # type: ignore[arg-type]  # httpx takes bytes
            )
            made.add(response.headers["x-request-id"])
        assert len(made) == 2
        assert all(re.fullmatch(r"[0-9a-f]{16}", one) for one in made)


async def test_only_known_clients_become_labels() -> None:
    """A known client is told by its name, any other as "other"."""
    async with desk() as room:
        for name in ("kiosk", "stranger", None):
            named = {} if name is None else {"apollographql-client-name": name}
            await room.client.query("{ locale }", headers={**named, "apollographql-client-version": "1.2"})
        facts = room.observer.of(RequestFinished)
        assert [(fact.client, fact.client_version) for fact in facts] == [
            ("kiosk", "1.2"),
            ("other", "1.2"),
            ("other", "1.2"),
        ]


# Clients that leave -------------------------------------------------------------------------------------------------


async def raw(
    room: Desk,
    receive: Callable[[], Any],
    *,
    method: str = "POST",
    headers: list[tuple[bytes, bytes]] | None = None,
) -> list[Message]:
    """Speak to the application by bare ASGI; what it sent."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "root_path": "",
        "headers": headers or [(b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("bff", 80),
        "app": room.app,
    }
    await room.app(scope, receive, send)
    return sent


class Visitor:
    """A client that sends its body, and leaves when it is told to."""

    def __init__(self, body: str) -> None:
        self._body: bytes | None = body.encode()
        self._left = asyncio.Event()

    async def receive(self) -> Message:
        """The body, then nothing until it leaves."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    def leave(self) -> None:
        """Close the connection."""
        self._left.set()


async def test_a_client_that_leaves_ends_its_calls() -> None:
    """The call to the service is cancelled, its permit is free again, 499 is told, and no task is left."""
    async with desk(script=Script(held=("words",))) as room:
        service = room.transports["words"]
        visitors = [Visitor(ask(f'{{ word(id: "{number}") {{ text }} }}')) for number in (1, 2)]
        requests = [asyncio.ensure_future(raw(room, visitor.receive)) for visitor in visitors]
        await room.clock.settle()
        assert service.pending == 2  # both permits are taken

        for visitor in visitors:
            visitor.leave()
        sent = await asyncio.gather(*requests)
        await room.clock.settle()

        assert (service.pending, service.cancelled) == (0, 2)
        assert [messages[0]["status"] for messages in sent] == [499, 499]
        assert [(fact.status, fact.calls) for fact in room.observer.of(RequestFinished)] == [(499, 1)] * 2
        assert [fact.code for fact in room.observer.of(CallFinished) if fact.service == "words"] == ["CANCELLED"] * 2
        service.let_go()
        reply = await room.client.query('{ word(id: "1") { text } }')
        assert reply.data == {"word": {"text": "word 1"}}
        assert room.bugs == []


async def test_a_client_that_leaves_harms_no_other() -> None:
    """Another request for the same key gets its answer, from the one call that was begun for the first."""
    async with desk(script=Script(held=("words",))) as room:
        leaving = Visitor(ask('{ word(id: "1") { text } }'))
        left = asyncio.ensure_future(raw(room, leaving.receive))
        staying = asyncio.ensure_future(room.client.query('{ word(id: "1") { text } }'))
        await room.clock.settle()
        leaving.leave()
        await left
        room.transports["words"].let_go()
        assert (await staying).data == {"word": {"text": "word 1"}}
        assert (len(room.transports["words"].requests), room.transports["words"].cancelled) == (1, 0)


async def test_a_client_that_leaves_during_a_resolver_without_end() -> None:
    """What is no call is cancelled too."""
    async with desk() as room:
        visitor = Visitor(ask("{ endless }"))
        request = asyncio.ensure_future(raw(room, visitor.receive))
        await room.clock.settle()
        assert not request.done()
        visitor.leave()
        assert (await request)[0]["status"] == 499
        assert room.request.status == 499


async def test_a_client_that_leaves_during_its_body() -> None:
    """A body that breaks off is 499 and executes nothing."""
    messages: list[Message] = [
        {"type": "http.request", "body": b'{"query": "{ word(id: 1)', "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    async with desk() as room:
        sent = await raw(room, receive)
        assert sent[0]["status"] == 499
        assert (room.request.status, room.request.calls, dict(room.request.errors)) == (499, 0, {})
        assert room.transports["words"].requests == []
        assert room.bugs == []


async def test_a_server_that_stops_cancels_the_request() -> None:
    """A cancelled request cancels its calls, is told as 499 and leaves no task."""
    async with desk(script=Script(held=("words",))) as room:
        visitor = Visitor(ask('{ word(id: "1") { text } }'))
        request = asyncio.ensure_future(raw(room, visitor.receive))
        await room.clock.settle()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        assert (room.transports["words"].pending, room.transports["words"].cancelled) == (0, 1)
        assert room.request.status == 499


async def test_a_server_that_stops_as_a_client_leaves_cancels_the_request() -> None:
    """Both at once, in either order: the cancellation from outside is not taken for the client's leaving."""
    for leaves_first in (True, False):
        async with desk() as room:
            visitor = Visitor(ask("{ endless }"))
            request = asyncio.ensure_future(raw(room, visitor.receive))
            await room.clock.settle()
            if leaves_first:
                visitor.leave()
                await asyncio.sleep(0)  # it is heard, and the resolver not yet told
                request.cancel()
            else:
                request.cancel()
                visitor.leave()
            with pytest.raises(asyncio.CancelledError):
                await request
            assert room.request.status == 499


async def test_a_client_that_left_leaves_no_mark_on_the_task() -> None:
    """A server that keeps the task can go on with it: it counts as not cancelled."""
    async with desk() as room:
        visitor = Visitor(ask("{ endless }"))
        asyncio.get_running_loop().call_soon(visitor.leave)
        sent = await raw(room, visitor.receive)
        task = asyncio.current_task()
        assert task is not None
        assert (sent[0]["status"], task.cancelling()) == (499, 0)


async def test_a_client_that_cannot_be_listened_to_has_left() -> None:
    """A server whose ``receive`` fails gets its request ended like one whose client went away."""
    async with desk() as room:
        messages: list[Message] = [
            {"type": "http.request", "body": ask("{ endless }").encode(), "more_body": False},
        ]

        async def receive() -> Message:
            if messages:
                return messages.pop()
            raise OSError("gone")

        sent = await raw(room, receive)
        assert (sent[0]["status"], room.request.status, room.bugs) == (499, 499, [])


async def test_who_waits_for_nothing_is_not_watched() -> None:
    """A request that is answered at once listens to its client once, for its body, and makes no task."""
    async with desk() as room:
        visitor, heard, made = Visitor(ask("{ locale }")), 0, 0
        loop = asyncio.get_running_loop()

        def counted(loop: asyncio.AbstractEventLoop, work: Any, **given: Any) -> asyncio.Future[Any]:
            nonlocal made
            made += 1
            return asyncio.Task(work, loop=loop, **given)

        async def receive() -> Message:
            nonlocal heard
            heard += 1
            return await visitor.receive()

        loop.set_task_factory(counted)
        sent = await raw(room, receive)
        loop.set_task_factory(None)
        assert (sent[0]["status"], heard, made) == (200, 1, 0)


async def test_the_lines_of_accept_are_one_list() -> None:
    """What a client takes may stand in several lines; of any other header the first line counts."""
    async with desk() as room:
        visitor = Visitor(ask("{ locale }"))
        headers = [
            (b"content-type", b"application/json"),
            (b"accept", b"text/html"),
            (b"accept", GRAPHQL_JSON.encode()),
            (b"x-request-id", b"first"),
            (b"x-request-id", b"second"),
        ]
        sent = await raw(room, visitor.receive, headers=headers)
        answered = dict(sent[0]["headers"])
        assert answered[b"content-type"].startswith(GRAPHQL_JSON.encode())
        assert answered[b"x-request-id"] == b"first"


async def test_an_answer_that_is_ready_goes_out() -> None:
    """A client that stays is answered, and nobody goes on watching for its leaving."""
    async with desk() as room:
        visitor = Visitor(ask("{ locale }"))
        sent = await raw(room, visitor.receive)
        assert (sent[0]["status"], sent[1]["body"]) == (200, b'{"data":{"locale":"en"}}')


async def test_a_bff_without_mutations_refuses_them() -> None:
    """A mutation is an invalid document there, by POST and by GET."""
    async with desk(bff=read_only()) as room:
        for response in (
            await room.post(ask("mutation { note }"), accept=GRAPHQL_JSON),
            await room.get({"query": "mutation { note }"}, accept=GRAPHQL_JSON),
        ):
            assert response.status_code == 400
            assert codes(response) == ["GRAPHQL_VALIDATION_FAILED"]


async def test_many_at_once_keep_apart() -> None:
    """Each of many requests at once gets its own answer and its own fact."""
    async with desk({"SERVICES__WORDS__WAITING": "200"}, script=Script(words=answer_word)) as room:
        replies = await asyncio.gather(
            *(
                room.client.query(
                    "query ($id: ID!) { word(id: $id) { text } }",
                    {"id": str(number)},
                    headers={"x-request-id": f"r{number}"},
                )
                for number in range(100)
            )
        )
        assert [reply.data["word"]["text"] for reply in replies] == [f"word {n}" for n in range(100)]
        assert [reply.headers["x-request-id"] for reply in replies] == [f"r{n}" for n in range(100)]
        assert len(room.observer.of(RequestFinished)) == 100
