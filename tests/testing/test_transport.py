"""The scripted transport: the double of every test that asks what went down."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from bff_core.testing.clock import FakeClock
from bff_core.testing.transport import ScriptedTransport, json_reply


def request(target: str = "/cats", method: str = "GET") -> httpx.Request:
    """A request for a target."""
    return httpx.Request(method, f"http://cats{target}")


async def test_it_answers_by_its_script_and_keeps_what_was_asked() -> None:
    """Each request is handed to the script, in order, and can be read afterwards."""
    transport = ScriptedTransport(lambda asked: json_reply({"path": asked.url.path}, 201, etag="x"))
    answer = await transport.handle_async_request(request("/cats?ids=a%2Fb"))
    await transport.handle_async_request(request("/dogs", "POST"))
    assert (answer.status_code, answer.json(), answer.headers["etag"]) == (201, {"path": "/cats"}, "x")
    assert answer.headers["content-type"] == "application/json"
    assert transport.targets == ["GET /cats?ids=a%2Fb", "POST /dogs"]
    assert len(transport.requests) == 2
    assert transport.pending == 0


async def test_an_exception_in_the_script_is_raised() -> None:
    """A script that gives an exception, or raises one, fails the request; nothing stays pending."""
    transport = ScriptedTransport(lambda _: httpx.ConnectError("refused"))
    with pytest.raises(httpx.ConnectError):
        await transport.handle_async_request(request())

    def broken(_: httpx.Request) -> httpx.Response:
        raise KeyError

    with pytest.raises(KeyError):
        await (failing := ScriptedTransport(broken)).handle_async_request(request())
    assert (transport.pending, failing.pending, transport.cancelled) == (0, 0, 0)


async def test_a_script_may_take_its_time() -> None:
    """A script that is a coroutine is awaited, and may give an exception too."""

    async def slowly(asked: httpx.Request) -> httpx.Response | Exception:
        await asyncio.sleep(0)
        return json_reply([]) if asked.url.path == "/cats" else httpx.ReadError("lost")

    transport = ScriptedTransport(slowly)
    assert (await transport.handle_async_request(request())).json() == []
    with pytest.raises(httpx.ReadError):
        await transport.handle_async_request(request("/dogs"))


async def test_held_requests_wait_until_they_are_let_go() -> None:
    """Whatever is asked while it is held is pending, also what comes later; then all are answered."""
    clock = FakeClock()
    transport = ScriptedTransport(lambda _: json_reply([]))
    transport.hold()
    first = asyncio.create_task(transport.handle_async_request(request()))
    await clock.settle()
    second = asyncio.create_task(transport.handle_async_request(request()))
    await clock.settle()
    assert (transport.pending, first.done(), second.done()) == (2, False, False)
    transport.let_go()
    await asyncio.gather(first, second)
    assert transport.pending == 0
    assert (await transport.handle_async_request(request())).status_code == 200


async def test_cancelled_requests_are_counted() -> None:
    """A test can see that a request was really given up, and that an answered one was not."""
    transport = ScriptedTransport(lambda _: json_reply([]))
    await transport.handle_async_request(request())
    transport.hold()
    task = asyncio.create_task(transport.handle_async_request(request()))
    await FakeClock().settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (transport.cancelled, transport.pending, len(transport.requests)) == (1, 0, 2)


async def test_closing_is_noted() -> None:
    """A test can see that its owner closed it."""
    transport = ScriptedTransport(lambda _: json_reply([]))
    assert not transport.closed
    await transport.aclose()
    assert transport.closed
