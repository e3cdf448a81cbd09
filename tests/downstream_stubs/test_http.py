"""What all routes have in common: problems, conditional reads, request ids, bounds."""

from pathlib import Path

import httpx
import pytest

from downstream_stubs.running import running


def is_problem(answer: httpx.Response, status: int, kind: str) -> bool:
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert body["status"] == answer.status_code
    assert body["title"]
    assert body["detail"]
    return (answer.status_code, body["type"]) == (status, kind)


@pytest.mark.parametrize("path", ["/nothing", "/", "/products/", "/products/1/", "/_nothing", "/docs"])
def test_unknown_routes(products: httpx.Client, path: str) -> None:
    """A path without a route is a 404 problem, with the path as its instance; nothing is redirected."""
    answer = products.get(path)
    assert is_problem(answer, 404, "no-such-route")
    assert answer.json()["instance"] == path


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/products/7", "GET"),
        ("HEAD", "/products/7", "GET"),
        ("OPTIONS", "/products/7", "GET"),
        ("GET", "/stock/query", "POST"),
        ("POST", "/_faults", "DELETE, GET, PUT"),
        ("PUT", "/_calls", "DELETE, GET"),
    ],
)
def test_wrong_methods(products: httpx.Client, method: str, path: str, allowed: str) -> None:
    """A method that the path lacks is a 405 that lists all it has."""
    answer = products.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    if method != "HEAD":
        assert is_problem(answer, 405, "method-not-allowed")


@pytest.mark.parametrize("path", ["/products/1", "/categories", "/products/search", "/products/1/reviews", "/_faults"])
def test_unknown_parameters(products: httpx.Client, path: str) -> None:
    """A query parameter that a route does not know is a 400 that names it."""
    answer = products.get(path, params={"fields": "id", "X": ""})
    assert is_problem(answer, 400, "invalid-parameter")
    assert [error["name"] for error in answer.json()["errors"]] == ["fields", "X"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"\xff\xfe", b'{"product_ids": ["1"]', b"[" * 60_000, b"nul", b'{"product_ids": ["1"]} x'],
)
def test_bad_json(products: httpx.Client, body: bytes) -> None:
    """A body that is no JSON is a 400, an absent one a 422; never a failure of the service."""
    answer = products.post("/stock/query", content=body, headers={"content-type": "application/json"})
    if body:
        assert is_problem(answer, 400, "malformed-body")
    else:
        assert is_problem(answer, 422, "invalid-body")


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "application/jsonx", "", "x"])
def test_other_media_types(products: httpx.Client, media_type: str) -> None:
    """A body of another type is a 415, also if it could be read."""
    answer = products.post("/stock/query", content=b'{"product_ids": ["1"]}', headers={"content-type": media_type})
    assert is_problem(answer, 415, "unsupported-media-type")


def test_media_type_with_charset(products: httpx.Client) -> None:
    """Parameters and case of the media type do not matter."""
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    assert products.post("/stock/query", content=b'{"product_ids": ["1"]}', headers=headers).status_code == 200


def test_body_limit(products: httpx.Client) -> None:
    """A body longer than 64 KiB is a 413, whether its length is told or not."""
    long = b" " * 65_537
    headers = {"content-type": "application/json"}
    assert is_problem(products.post("/stock/query", content=long, headers=headers), 413, "body-too-large")
    pieces = iter([long[:40_000], long[40_000:]])
    assert is_problem(products.post("/stock/query", content=pieces, headers=headers), 413, "body-too-large")
    fits = b'{"product_ids": ["1"]}'.ljust(65_536)
    assert products.post("/stock/query", content=fits, headers=headers).status_code == 200


def test_half_surrogates(products: httpx.Client) -> None:
    """Text that cannot be sent back as it came is refused like any other, and kept in the ledger."""
    headers = {"content-type": "application/json"}
    for body in (b'{"product_ids": ["\\ud800"]}', b'{"\\ud800": 1, "product_ids": ["1"]}'):
        assert is_problem(products.post("/stock/query", content=body, headers=headers), 422, "invalid-body")
    calls = products.get("/_calls").json()["calls"]
    assert calls[0]["body_ids"] == {"product_ids": ["\ud800"]}


@pytest.mark.parametrize("path", ["/products/1", "/products/search?q=lamp", "/categories", "/products/1/reviews"])
def test_conditional_reads(products: httpx.Client, path: str) -> None:
    """Who names the tag of what it has gets 304 without a body; another tag gets the whole."""
    first = products.get(path)
    tag = first.headers["etag"]
    assert tag.startswith('"')
    for wanted in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = products.get(path, headers={"if-none-match": wanted})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == first.headers["cache-control"]
    for wanted in ('"other"', tag.strip('"'), ""):
        again = products.get(path, headers={"if-none-match": wanted})
        assert (again.status_code, again.content) == (200, first.content)


def test_tags_tell_answers_apart(products: httpx.Client) -> None:
    """Different answers have different tags; problems have none."""
    assert products.get("/products/1").headers["etag"] != products.get("/products/2").headers["etag"]
    assert "etag" not in products.get("/products/none").headers


def test_request_id_is_echoed(products: httpx.Client) -> None:
    """An id that comes is sent back, on problems too; an unprintable or overlong one is not."""
    for path in ("/products/1", "/products/none", "/nothing", "/healthz"):
        assert products.get(path, headers={"x-request-id": "abc-1"}).headers["x-request-id"] == "abc-1"
    for bad in (b"a b", "é".encode(), b"x" * 129):
        assert "x-request-id" not in products.get("/products/1", headers={b"x-request-id": bad}).headers
    assert "x-request-id" not in products.get("/products/1").headers


def test_health(products: httpx.Client, users: httpx.Client) -> None:
    """A running service lives and is ready."""
    for client in (products, users):
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").json() == {"status": "ok"}


def test_two_at_once(data_dir: Path, products: httpx.Client) -> None:
    """Two services over the same data do not disturb each other."""
    with running("products", data_dir=data_dir) as url, httpx.Client(base_url=url) as other:
        assert other.get("/products/1").content == products.get("/products/1").content
