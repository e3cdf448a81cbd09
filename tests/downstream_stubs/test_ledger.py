"""The ledger: what a service was asked."""

import httpx
from starlette.types import Message, Receive, Scope, Send

from downstream_stubs.frame.ledger import Ledger
from downstream_stubs.frame.recording import RecordingMiddleware
from downstream_stubs.frame.routing import RouteTable


def test_calls_are_written_down(products: httpx.Client) -> None:
    """A call is told with method, path, raw query, route, body, status and the headers that matter."""
    products.get(
        "/products?id=2&id=1",
        headers={"authorization": "Bearer secret", "x-request-id": "r1", "x-deadline-ms": "250"},
    )
    products.post("/stock/query", json={"product_ids": ["1"]})
    products.get("/nothing")
    answer = products.get("/_calls")
    assert "secret" not in answer.text
    first, second, third = answer.json()["calls"]
    assert first == {
        "seq": first["seq"],
        "method": "GET",
        "path": "/products",
        "query": "id=2&id=1",
        "route": "GET /products",
        "body_ids": None,
        "status": 200,
        "headers": {"authorization": True, "x-request-id": "r1", "x-deadline-ms": "250"},
    }
    assert (second["route"], second["body_ids"]) == ("POST /stock/query", {"product_ids": ["1"]})
    assert second["headers"] == {"authorization": False, "x-request-id": None, "x-deadline-ms": None}
    assert (third["route"], third["status"], third["query"]) == (None, 404, "")
    assert [first["seq"] + 1, first["seq"] + 2] == [second["seq"], third["seq"]]


def test_control_is_not_written_down(products: httpx.Client) -> None:
    """What operates the service is no call of it."""
    for path in ("/healthz", "/readyz", "/openapi.json", "/_faults", "/_calls"):
        products.get(path)
    assert products.get("/_calls").json() == {"calls": []}


def test_since_and_clear(products: httpx.Client) -> None:
    """Calls after a number; clearing forgets, and numbers go on."""
    for n in range(1, 4):
        products.get(f"/products/{n}")
    calls = products.get("/_calls").json()["calls"]
    later = products.get("/_calls", params={"since": calls[0]["seq"]}).json()["calls"]
    assert later == calls[1:]
    assert products.delete("/_calls").status_code == 204
    assert products.get("/_calls").json()["calls"] == []
    products.get("/products/9")
    assert [call["seq"] for call in products.get("/_calls").json()["calls"]] == [calls[-1]["seq"] + 1]
    for bad in ("-1", "x", str(2**64)):
        answer = products.get("/_calls", params={"since": bad})
        assert (answer.status_code, answer.json()["errors"][0]["name"]) == (400, "since")


def test_ledger_is_bounded() -> None:
    """Only the newest calls are kept."""
    ledger = Ledger(kept=3)
    for n in range(5):
        ledger.open(
            method="GET",
            path=f"/{n}",
            query="",
            route=None,
            authorized=False,
            request_id=None,
            deadline_ms=None,
        )
    assert [call.path for call in ledger.since(0)] == ["/2", "/3", "/4"]
    assert [call.seq for call in ledger.since(4)] == [5]


async def test_status_is_there_before_the_answer() -> None:
    """Who has the whole answer finds its status in the ledger, however long the service still tidies up."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        await send({"type": "http.response.body", "body": b"half"})

    ledger = Ledger(kept=3)
    seen: list[int | None] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        seen.append(ledger.since(0)[0].status)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [],
    }
    await RecordingMiddleware(app, ledger, RouteTable([]), 1_024)(scope, receive, send)
    assert seen == [None, None, 201]
