"""Faults: switched over HTTP, acting on the socket."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from downstream_stubs.frame.faults import Act, Fault, Faults
from downstream_stubs.frame.routing import RouteTable
from downstream_stubs.running import running


@contextlib.contextmanager
def asked(url: str, path: str) -> Iterator[socket.socket]:
    """A connection over which a GET has been sent."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: stub\r\n\r\n".encode())
        yield connection


def rest(connection: socket.socket) -> bytes:
    """All bytes until the other side closes."""
    received = b""
    while piece := connection.recv(65_536):
        received += piece
    return received


def arrived(client: httpx.Client, path: str) -> None:
    """Wait until the ledger has seen a call."""
    until = time.monotonic() + 5
    while not any(call["path"] == path for call in client.get("/_calls").json()["calls"]):
        assert time.monotonic() < until, f"{path} never arrived"


def test_nothing_is_wrong_at_first(products: httpx.Client) -> None:
    """Without entries the list is empty; it names the routes that may have one."""
    listed = products.get("/_faults").json()
    assert listed["faults"] == []
    assert listed["routes"] == [
        "GET /products",
        "GET /products/search",
        "GET /products/facets",
        "GET /recommendations",
        "GET /products/{product_id}",
        "GET /products/{product_id}/reviews",
        "GET /categories",
        "POST /stock/query",
        "POST /stock/reservations",
        "POST /stock/reservations/{order_id}/release",
    ]


def test_errors(products: httpx.Client) -> None:
    """An error rate of one fails every request with the asked status, as a problem, reads and posts alike."""
    products.put("/_faults", json={"error_rate": 1.0, "status": 500})
    for answer in (products.get("/products/1"), products.post("/stock/query", json={"product_ids": ["1"]})):
        assert answer.status_code == 500
        assert answer.json()["type"] == "injected-fault"
        assert answer.headers["content-type"] == "application/problem+json"
    products.put("/_faults", json={"error_rate": 1, "status": 429})
    assert products.get("/products/1").status_code == 429


def test_one_route_only(products: httpx.Client) -> None:
    """The entry of a route spares the others, and replaces the one for all there."""
    products.put("/_faults", json={"route": "GET /products/{product_id}", "error_rate": 1.0})
    assert products.get("/products/1").status_code == 503
    assert products.get("/products/search").status_code == 200
    assert products.get("/products/1/reviews").status_code == 200
    products.put("/_faults", json={"error_rate": 1.0, "status": 502})
    products.put("/_faults", json={"route": "GET /categories"})
    assert products.get("/categories").status_code == 200
    assert products.get("/products/1").status_code == 503
    assert products.get("/products/search").status_code == 502
    assert len(products.get("/_faults").json()["faults"]) == 3
    assert products.delete("/_faults").status_code == 204
    assert products.get("/products/1").status_code == 200


def test_control_is_never_faulty(products: httpx.Client) -> None:
    """What operates the service works whatever is wrong with it."""
    products.put("/_faults", json={"drop": True})
    for path in ("/healthz", "/readyz", "/openapi.json", "/_faults", "/_calls"):
        assert products.get(path).status_code == 200
    with pytest.raises(httpx.RemoteProtocolError):
        products.get("/nothing")


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ({"route": "GET /nothing"}, "route"),
        ({"route": "GET /_faults"}, "route"),
        ({"latency_ms": -1}, "latency_ms"),
        ({"latency_ms": "9"}, "latency_ms"),
        ({"jitter_ms": 600_001}, "jitter_ms"),
        ({"error_rate": 1.1}, "error_rate"),
        ({"status": 404}, "status"),
        ({"status": 600}, "status"),
        ({"hang": 1}, "hang"),
        ({"omit": "all"}, "omit"),
        ({"spoil": True}, "spoil"),
        ({"retry_after_s": -1}, "retry_after_s"),
        ({"explode": True}, "explode"),
    ],
)
def test_bad_faults_are_named(products: httpx.Client, fault: dict[str, object], name: str) -> None:
    """A fault that cannot be is a 422 that names the field and changes nothing."""
    answer = products.put("/_faults", json=fault)
    assert answer.status_code == 422
    assert [error["name"] for error in answer.json()["errors"]] == [name]
    assert products.get("/_faults").json()["faults"] == []
    if name == "route":
        assert "GET /products/{product_id}" in answer.json()["detail"]


def test_drop(products: httpx.Client, products_url: str) -> None:
    """A dropped request gets not one byte; the ledger has it, without a status."""
    products.put("/_faults", json={"drop": True})
    with asked(products_url, "/products/1") as connection:
        assert rest(connection) == b""
    (call,) = products.get("/_calls").json()["calls"]
    assert (call["path"], call["status"]) == ("/products/1", None)


@pytest.mark.parametrize("path", ["/products/1", "/products/none", "/products/search"])
def test_truncate(products: httpx.Client, products_url: str, path: str) -> None:
    """A truncated answer promises more than it sends, and the connection is closed."""
    whole = products.get(path)
    products.put("/_faults", json={"truncate": True})
    with asked(products_url, path) as connection:
        head, _, body = rest(connection).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {whole.status_code} ".encode())
    assert head.lower().count(b"content-length") == 1
    assert f"content-length: {len(whole.content)}".encode() in head.lower()
    assert body == whole.content[: len(whole.content) // 2]
    assert 0 < len(body) < len(whole.content)
    with pytest.raises(httpx.RemoteProtocolError):
        products.get(path)


def test_truncated_nothing(products: httpx.Client) -> None:
    """Even an answer without a body is cut short."""
    tag = products.get("/products/1").headers["etag"]
    products.put("/_faults", json={"truncate": True})
    with pytest.raises(httpx.RemoteProtocolError):
        products.get("/products/1", headers={"if-none-match": tag})


def test_garbage(products: httpx.Client) -> None:
    """Garbage is a 200 that calls itself JSON and is none."""
    products.put("/_faults", json={"garbage": True})
    answer = products.get("/products/1")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    with pytest.raises(UnicodeDecodeError):
        json.loads(answer.content)


def test_retry_after(products: httpx.Client) -> None:
    """A failure says when to come back only if it was told to."""
    products.put("/_faults", json={"error_rate": 1.0, "status": 429})
    assert "retry-after" not in products.get("/products/1").headers
    products.put("/_faults", json={"error_rate": 1.0, "status": 429, "retry_after_s": 9})
    assert products.get("/products/1").headers["retry-after"] == "9"
    products.put("/_faults", json={"retry_after_s": 9})
    assert "retry-after" not in products.get("/products/1").headers


THREE = {"id": ["1", "2", "3"]}


def test_one_element_left_out(products: httpx.Client) -> None:
    """A batch lacks its last row, wherever it is; one without any row is well formed."""
    whole = products.get("/products", params=THREE).json()
    products.put("/_faults", json={"omit": "one"})
    assert products.get("/products", params=THREE).json() == {"items": whole["items"][:2]}
    assert products.get("/products", params={"id": "1"}).json() == {"items": []}
    assert products.get("/products", params={"id": "none"}).json() == {"items": []}
    stock = products.post("/stock/query", json={"product_ids": ["1", "2"]}).json()
    assert [one["product_id"] for one in stock["data"]["items"]] == ["1"]


def test_one_thing_left_out(products: httpx.Client) -> None:
    """What is no batch is not there at all: a 404, for a thing as for a page."""
    products.put("/_faults", json={"omit": "one"})
    for path in ("/products/1", "/products/1/reviews", "/products/search"):
        answer = products.get(path)
        assert (answer.status_code, answer.json()["type"]) == (404, "not-found")


def test_one_element_spoiled(products: httpx.Client) -> None:
    """The last row of a batch or a page says who it is and nothing that can be read; so does a single thing."""
    rows = products.get("/products", params=THREE).json()["items"]
    page = products.get("/products/1/reviews").json()
    products.put("/_faults", json={"spoil": "one"})
    spoiled = products.get("/products", params=THREE).json()["items"]
    assert spoiled[:2] == rows[:2]
    ids = {"id": rows[2]["id"], "category_id": rows[2]["category_id"]}
    assert spoiled[2] == {name: {"spoiled": True} for name in rows[2]} | ids
    spoiled_page = products.get("/products/1/reviews").json()
    assert spoiled_page["items"][:-1] == page["items"][:-1]
    assert spoiled_page["items"][-1]["title"] == {"spoiled": True}
    assert {**spoiled_page, "items": None} == {**page, "items": None}
    assert products.get("/products/1").json()["name"] == {"spoiled": True}
    assert products.get("/products/none").json()["type"] == "not-found"


@pytest.mark.parametrize("switch", ["omit", "spoil"])
def test_one_element_of_many(products: httpx.Client, switch: str) -> None:
    """What has only one element is spared; of two the last is touched."""
    two = {"id": ["1", "2"]}
    whole = {path: products.get(path).content for path in ("/products?id=1", "/products/1", "/products?id=none")}
    rows = products.get("/products", params=two).json()["items"]
    products.put("/_faults", json={switch: "one-of-many"})
    for path, content in whole.items():
        assert json.loads(products.get(path).content) == json.loads(content)
    touched = products.get("/products", params=two).json()["items"]
    assert touched[0] == rows[0]
    assert rows[1] not in touched


@pytest.mark.parametrize("switch", ["omit", "spoil"])
def test_an_altered_answer_has_no_tag(products: httpx.Client, switch: str) -> None:
    """Who holds the whole answer is not told that it still stands, and the altered one is never taken for it."""
    tag = products.get("/categories").headers["etag"]
    products.put("/_faults", json={switch: "one"})
    answer = products.get("/categories", headers={"if-none-match": tag})
    assert answer.status_code == 200
    assert "etag" not in answer.headers


def test_huge(products: httpx.Client) -> None:
    """A huge answer is 32 MiB of JSON whose length is not told beforehand."""
    products.put("/_faults", json={"huge": True})
    with products.stream("GET", "/products/1") as answer:
        assert answer.status_code == 200
        assert "content-length" not in answer.headers
        assert sum(len(piece) for piece in answer.iter_raw()) > 32 * 2**20


def test_latency(products: httpx.Client) -> None:
    """An answer comes no earlier than its latency, and is whole."""
    whole = products.get("/products/1").content
    products.put("/_faults", json={"latency_ms": 60})
    started = time.monotonic()
    assert products.get("/products/1").content == whole
    assert time.monotonic() - started >= 0.06


def test_hang_until_cleared(products: httpx.Client, products_url: str) -> None:
    """A hung request is in the ledger at once and answered when the faults are cleared."""
    products.put("/_faults", json={"hang": True})
    with asked(products_url, "/products/1") as connection:
        arrived(products, "/products/1")
        (call,) = products.get("/_calls").json()["calls"]
        assert call["status"] is None
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        products.delete("/_faults")
        connection.settimeout(5)
        assert connection.recv(12) == b"HTTP/1.1 200"
    (call,) = products.get("/_calls").json()["calls"]
    assert call["status"] == 200


def test_hung_body_is_answered_after(products: httpx.Client, products_url: str) -> None:
    """A request with a body is not damaged by its wait."""
    products.put("/_faults", json={"hang": True})
    answers: list[httpx.Response] = []

    def ask() -> None:
        answers.append(httpx.post(f"{products_url}/stock/query", json={"product_ids": ["7"]}, timeout=5))

    thread = threading.Thread(target=ask)
    thread.start()
    arrived(products, "/stock/query")
    products.delete("/_faults")
    thread.join()
    assert [one["product_id"] for one in answers[0].json()["data"]["items"]] == ["7"]


def test_others_answer_while_one_hangs(products: httpx.Client, products_url: str) -> None:
    """A hung route holds up no other."""
    products.put("/_faults", json={"route": "GET /products/{product_id}", "hang": True})
    with asked(products_url, "/products/1"):
        arrived(products, "/products/1")
        assert products.get("/categories").status_code == 200


def test_who_leaves_is_forgotten(products: httpx.Client, products_url: str) -> None:
    """A client that leaves while it hangs ends its request; later ones are not disturbed."""
    products.put("/_faults", json={"hang": True})
    with asked(products_url, "/products/1"):
        arrived(products, "/products/1")
    products.delete("/_faults")
    assert products.get("/products/2").status_code == 200
    assert [call["status"] for call in products.get("/_calls").json()["calls"]] == [None, 200]


@pytest.mark.parametrize("fault", [{"hang": True}, {"latency_ms": 600_000}])
def test_end_is_prompt(data_dir: Path, fault: dict[str, object]) -> None:
    """A service with waiting requests ends at once and closes their connections."""
    with contextlib.ExitStack() as still_open:
        with running("products", data_dir=data_dir, shutdown_grace_s=30) as url:
            with httpx.Client(base_url=url) as client:
                client.put("/_faults", json=fault)
                connection = still_open.enter_context(asked(url, "/products/1"))
                arrived(client, "/products/1")
            started = time.monotonic()
        assert time.monotonic() - started < 10  # far from the 30 s that the answer could have taken
        assert rest(connection) == b""


def faults(seed: int = 1) -> Faults:
    return Faults(RouteTable([]), seed)


def test_chance_is_seeded() -> None:
    """The same seed gives the same errors and jitters; clearing begins anew; another seed gives others."""
    half = Fault(error_rate=0.5, jitter_ms=100)

    def draw(one: Faults) -> list[tuple[Act, float]]:
        return [(one.act(half), one.latency(half)) for _ in range(50)]

    one, other = faults(), faults()
    first = draw(one)
    assert draw(other) == first
    assert draw(one) != first
    one.clear()
    assert draw(one) == first
    assert draw(faults(2)) != first
    assert 10 < sum(act is Act.ERROR for act, _ in first) < 40
    assert all(0 <= latency <= 0.1 for _, latency in first)


def test_precedence() -> None:
    """Of several faults the first of drop, hang, error, garbage, huge, truncate, omit, spoil happens."""
    wrong: dict[str, object] = {
        "drop": True,
        "hang": True,
        "error_rate": 1.0,
        "garbage": True,
        "huge": True,
        "truncate": True,
        "omit": "one",
        "spoil": "one",
    }
    order = [Act.DROP, Act.HANG, Act.ERROR, Act.GARBAGE, Act.HUGE, Act.TRUNCATE, Act.OMIT, Act.SPOIL, Act.ANSWER]
    for act in order:
        assert faults().act(Fault.model_validate(wrong)) is act
        if wrong:
            del wrong[next(iter(wrong))]
