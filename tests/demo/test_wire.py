"""One HTTP exchange, and how what went wrong with it is told."""

import json
import re
import socket
import threading
from collections.abc import Callable

import pytest

from bff_core.demo.problem import DemoProblem
from bff_core.demo.tokens import ask_token
from bff_core.demo.wire import Answer, NoAnswer, exchange


def problem(**members: object) -> str:
    """How this problem document is told."""
    return Answer(422, json.dumps(members).encode()).reason()


def whole(request: bytes) -> bool:
    """Whether all of this request has come."""
    head, end, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


def answered(reply: bytes, call: Callable[[str], object]) -> bytes:
    """Answer the one call with these bytes and close; what was sent to us."""
    received = b""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            nonlocal received
            connection, _ = server.accept()
            with connection:
                # Head and body may come in two pieces.
                while not whole(received):
                    received += connection.recv(65_536)
                connection.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            call(f"http://127.0.0.1:{server.getsockname()[1]}/tokens?a=1")
        finally:
            thread.join()
    return received


def test_a_problem_is_told_by_its_detail() -> None:
    """Detail before title, with the first field's reason unless the detail has it; else the status."""
    assert problem(title="No", detail="There is no such thing.") == "422, There is no such thing"
    assert problem(title="No") == "422, No"
    field = [{"name": "ttl_s", "reason": "should be at least 60"}]
    assert problem(detail="Not acceptable.", errors=field) == "422, Not acceptable (ttl_s: should be at least 60)"
    assert problem(detail="It should be at least 60.", errors=field) == "422, It should be at least 60"
    assert problem() == "status 422"
    assert Answer(502, b"<html>").reason() == "status 502"


def test_what_is_sent_is_one_whole_request() -> None:
    """Method, path with query, and the body as JSON."""
    reply = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
    sent = answered(reply, lambda url: exchange("PUT", url, body={"a": 1}))
    head, _, body = sent.partition(b"\r\n\r\n")
    assert head.startswith(b"PUT /tokens?a=1 HTTP/1.1\r\n")
    assert b"content-type: application/json" in head
    assert body == b'{"a": 1}'


@pytest.mark.parametrize("reply", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"])
def test_an_answer_that_is_none_is_no_answer(reply: bytes) -> None:
    """Nothing, garbage and half an answer are told and not raised as what they are inside."""
    with pytest.raises(NoAnswer) as caught:
        answered(reply, lambda url: exchange("GET", url))
    assert str(caught.value)


def test_silence_is_no_answer() -> None:
    """A process that hangs is given up after the timeout."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(NoAnswer, match=r"no answer within 0\.1 s"):
            exchange("GET", url, timeout_s=0.1)


def test_other_addresses_than_http_are_refused() -> None:
    """What cannot be called is told before it is tried."""
    with pytest.raises(NoAnswer, match="is not an http:// address"):
        exchange("GET", "https://127.0.0.1/")


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"access_token": 5}', b"nonsense"])
def test_an_answer_without_a_token_is_told(content: bytes) -> None:
    """An issuer that answers something else is one sentence."""
    reply = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(content), content)
    with pytest.raises(DemoProblem, match="answered without an access_token"):
        answered(reply, lambda url: ask_token(url, user="7", ttl_s=60))


def test_scopes_are_asked_for_only_when_named() -> None:
    """Without a scope the issuer's own are meant."""
    reply = b'HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\n{"access_token": "t"} '
    sent = answered(reply, lambda url: ask_token(url, user="7", ttl_s=60))
    assert sent.endswith(b'{"user_id": "7", "ttl_s": 60}')
    sent = answered(reply, lambda url: ask_token(url, user="7", ttl_s=60, scopes=["a"]))
    assert sent.endswith(b'{"user_id": "7", "ttl_s": 60, "scopes": ["a"]}')
