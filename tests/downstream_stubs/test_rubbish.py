"""Whatever a client sends, a service never fails."""

import json
import socket
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

BYTES = st.one_of(st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")), st.binary(max_size=30))
SEGMENTS = st.one_of(
    st.sampled_from([b"products", b"search", b"reviews", b"categories", b"stock", b"query", b"_faults", b"_calls"]),
    BYTES,
)
NAMES = st.one_of(st.sampled_from([b"id", b"ids", b"q", b"cursor", b"limit", b"category_id", b"sort", b"since"]), BYTES)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(["product_ids", "x"]), inner, max_size=2)
    ),
    max_leaves=8,
)


def escaped(raw: bytes) -> str:
    return "".join(f"%{byte:02X}" for byte in raw)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(st.lists(SEGMENTS, max_size=3), st.lists(st.tuples(NAMES, BYTES), max_size=3))
def test_any_url(products: httpx.Client, segments: list[bytes], query: list[tuple[bytes, bytes]]) -> None:
    """Every path and query is answered with a success or a 4xx problem."""
    path = "/" + "/".join(escaped(segment) for segment in segments)
    parameters = "&".join(f"{escaped(name)}={escaped(value)}" for name, value in query)
    answer = products.get(f"{path}?{parameters}")
    assert answer.status_code < 500
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(st.one_of(JSON.map(lambda value: json.dumps(value).encode()), st.binary(max_size=40)))
def test_any_body(products: httpx.Client, body: bytes) -> None:
    """Every body is answered with a success or a 4xx problem."""
    answer = products.post("/stock/query", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 400, 422)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET /products/1 HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /stock/query HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n",
    ],
)
def test_what_is_no_http(products_url: str, sent: bytes) -> None:
    """Bytes that are no HTTP are a 400 problem, and the connection is closed."""
    parts = urlsplit(products_url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(sent)
        received = b""
        while piece := connection.recv(65_536):
            received += piece
    assert received.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in received
    assert b'"malformed-request"' in received


def test_upgrade_is_ignored(products: httpx.Client) -> None:
    """A request for a WebSocket is answered as the plain request that it is."""
    headers = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-key": "x",
        "sec-websocket-version": "13",
    }
    assert products.get("/products/1", headers=headers).status_code == 200
