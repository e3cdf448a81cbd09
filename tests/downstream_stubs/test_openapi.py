"""The OpenAPI documents: complete, kept as files, and true of what is answered."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]  # has no types

from downstream_stubs import snapshots
from downstream_stubs.frame.openapi import refusals
from downstream_stubs.frame.problems import Kind, Problem

DIRECTORY = Path(__file__).parents[2] / "schema" / "services"


def document(name: str) -> dict[str, Any]:
    return dict(json.loads(dict(snapshots.documents())[name]))


def conforms(document: dict[str, Any], path: str, method: str, answer: httpx.Response) -> None:
    """Hold one answer to what the document says about it."""
    content = document["paths"][path][method]["responses"][str(answer.status_code)]["content"]
    schema = content[answer.headers["content-type"]]["schema"]
    whole = {**schema, "components": document["components"]}
    Draft202012Validator(whole, format_checker=FormatChecker()).validate(answer.json())


def test_files_are_up_to_date() -> None:
    """The documents in schema/services are those of the services; `make snapshots` renews them."""
    assert snapshots.differences(DIRECTORY) == []


def test_drift_is_told(tmp_path: Path) -> None:
    """A missing file, a changed fact and a broken file are each told with the place."""
    snapshots.export(tmp_path)
    assert snapshots.differences(tmp_path) == []
    users, products = tmp_path / "users.json", tmp_path / "products.json"
    changed = json.loads(users.read_text())
    changed["components"]["schemas"]["Profile"]["properties"]["email"]["type"] = "integer"
    users.write_text(json.dumps(changed, indent=2) + "\n")
    products.unlink()
    first, second = snapshots.differences(tmp_path)
    assert first == f"{users} differs from the service at /components/schemas/Profile/properties/email/type."
    assert second == f"{products} is missing."
    users.write_text("{")
    assert "no JSON" in snapshots.differences(tmp_path)[0]


@pytest.mark.parametrize("name", ["users", "products", "orders", "payments", "notifications"])
def test_document_is_complete(name: str) -> None:
    """Answers and properties are typed, parameters bounded, errors problems."""
    found = document(name)
    for path, methods in found["paths"].items():
        # What operates a service is not told, but for the tokens that a BFF in development declares as an endpoint.
        assert not path.startswith("/_") or path == "/_tokens/{user_id}"
        for operation in methods.values():
            assert operation["description"]
            for status, answer in operation["responses"].items():
                if status == "304":
                    continue
                ((media_type, content),) = answer["content"].items()
                assert {"$ref", "anyOf"} & set(content["schema"])
                assert (media_type == "application/problem+json") == (int(status) >= 400)
            for parameter in operation.get("parameters", ()):
                schema = parameter["schema"]
                bounds = {"maxLength", "maxItems", "maximum", "$ref", "enum"}
                is_bounded = bounds & set(schema) or schema["type"] == "boolean"
                assert is_bounded, parameter["name"]
    for schema in found["components"]["schemas"].values():
        for described in schema.get("properties", {}).values():
            assert {"type", "$ref", "anyOf", "const"} & set(described)
    assert "HTTPValidationError" not in json.dumps(found)


def test_lists_in_the_url() -> None:
    """The document tells repeated ids from comma-separated ones."""
    paths = document("products")["paths"]
    (repeated,) = paths["/products"]["get"]["parameters"]
    assert (repeated["name"], repeated["explode"], repeated["schema"]["maxItems"]) == ("id", True, 50)
    (commas,) = paths["/categories"]["get"]["parameters"]
    assert (commas["name"], commas["explode"], commas["schema"]["maxItems"]) == ("ids", False, 100)


def test_scopes_are_told() -> None:
    """The document says which scope a route needs, and that public ones need no token."""
    paths = document("users")["paths"]
    assert paths["/me"]["get"]["security"] == [{"bearer": ["profile:read"]}]
    assert paths["/me"]["patch"]["security"] == [{"bearer": ["profile:write"]}]
    assert "security" not in paths["/profiles"]["get"]


def test_keys_are_told() -> None:
    """The document says whether a request needs an idempotency key or the services' one, and what that may bring."""
    change = document("users")["paths"]["/me"]["patch"]
    (optional,) = change["parameters"]
    assert (optional["in"], optional["name"], optional["required"]) == ("header", "idempotency-key", False)
    assert "idempotency-key-missing" not in change["responses"]["400"]["description"]
    assert "idempotency-key-reused" in change["responses"]["422"]["description"]
    assert "Idempotent-Replayed" in change["responses"]["200"]["headers"]
    paths = document("products")["paths"]
    reserve = paths["/stock/reservations"]["post"]
    (required,) = reserve["parameters"]
    assert (required["name"], required["required"]) == ("idempotency-key", True)
    assert "idempotency-key-missing" in reserve["responses"]["400"]["description"]
    assert reserve["security"] == [{"service-key": []}]
    assert set(reserve["responses"]) == {"201", "400", "401", "409", "413", "415", "422"}
    release = paths["/stock/reservations/{order_id}/release"]["post"]
    assert "idempotency-key" not in json.dumps(release)


def test_refusals_are_told() -> None:
    """A status that only one route answers stands in the document with its kinds and what their problems hold more."""
    found = document("products")
    conflict = found["paths"]["/stock/reservations"]["post"]["responses"]["409"]
    for kind in ("out-of-stock", "already-reserved", "reservation-released"):
        assert f"`{kind}`" in conflict["description"]
    schema = conflict["content"]["application/problem+json"]["schema"]
    assert [one["$ref"].rpartition("/")[2] for one in schema["anyOf"]] == ["OutOfStock", "Problem"]
    members = found["components"]["schemas"]["OutOfStock"]["properties"]
    assert {"product_ids", "type", "errors"} <= set(members)


class Late(Problem):
    """A problem that says how late it is."""

    seconds: int


def test_refusals_of_one_status() -> None:
    """Kinds of one status share its place, and a model that several of them have stands there once."""
    late, later, gone = Kind("late", 409, "Late"), Kind("later", 409, "Later"), Kind("gone", 410, "Gone")
    assert refusals((late, Late), (later, Late), gone) == {
        409: {"description": "Late (`late`); Later (`later`)", "model": Late},
        410: {"description": "Gone (`gone`)", "model": Problem},
    }
    assert refusals(gone, late, (later, Late))[409]["model"] == Problem | Late


def test_answers_of_users_conform(users: httpx.Client, bearer: Callable[..., dict[str, str]]) -> None:
    """What the user service answers is what its document says, problems included."""
    found = document("users")
    for user_id in ("1", "7", "500", "1000"):
        headers = bearer(user_id)
        for path in ("/me", "/me/addresses", "/me/preferences"):
            conforms(found, path, "get", users.get(path, headers=headers))
        conforms(found, "/users/{user_id}", "get", users.get(f"/users/{user_id}", headers=headers))
        conforms(found, "/users/{user_id}", "get", users.get("/users/2", headers=headers))
    conforms(found, "/me", "get", users.get("/me"))
    for change in ({"given_name": "Ada"}, {"given_name": ""}):
        conforms(found, "/me", "patch", users.patch("/me", headers=bearer("7"), json=change))
    conforms(found, "/profiles", "get", users.get("/profiles?ids=1,2,3"))
    conforms(found, "/profiles", "get", users.get("/profiles"))
    conforms(found, "/tokens", "post", users.post("/tokens", json={"user_id": "7"}))
    conforms(found, "/tokens", "post", users.post("/tokens", json={}))
    conforms(found, "/_tokens/{user_id}", "get", users.get("/_tokens/7"))
    conforms(found, "/_tokens/{user_id}", "get", users.get("/_tokens/none"))
    conforms(found, "/.well-known/jwks.json", "get", users.get("/.well-known/jwks.json"))


def test_answers_of_products_conform(products: httpx.Client) -> None:
    """What the product service answers is what its document says, problems included."""
    found = document("products")
    ids = [str(n) for n in range(1, 51)]
    conforms(found, "/products", "get", products.get("/products", params={"id": ids}))
    conforms(found, "/products/{product_id}", "get", products.get("/products/7"))
    conforms(found, "/products/{product_id}", "get", products.get("/products/none"))
    conforms(found, "/products/search", "get", products.get("/products/search?q=lamp"))
    conforms(found, "/products/search", "get", products.get("/products/search?cursor=x"))
    conforms(found, "/products/facets", "get", products.get("/products/facets?q=lamp"))
    conforms(found, "/recommendations", "get", products.get("/recommendations"))
    conforms(found, "/categories", "get", products.get("/categories"))
    path, headers = "/stock/reservations", {"x-service-key": "shop-development", "idempotency-key": "k"}
    for quantity, several in ((1, ids[:1]), (99, ids), (0, ids)):
        lines = [{"product_id": one, "quantity": quantity} for one in several]
        keyed = {**headers, "idempotency-key": f"k{quantity}"}
        answer = products.post(path, json={"order_id": f"o{quantity}", "lines": lines}, headers=keyed)
        conforms(found, path, "post", answer)
    conforms(found, path, "post", products.post(path, json={}, headers={"x-service-key": "shop-development"}))
    conforms(found, path, "post", products.post(path, json={}))
    path = "/stock/reservations/{order_id}/release"
    conforms(found, path, "post", products.post("/stock/reservations/o1/release", headers=headers))
    conforms(found, "/stock/query", "post", products.post("/stock/query", json={"product_ids": ids}))
    conforms(found, "/stock/query", "post", products.post("/stock/query", content=b"x"))
    for product_id in ids[:10]:
        conforms(found, "/products/{product_id}/reviews", "get", products.get(f"/products/{product_id}/reviews"))


def test_answers_of_payments_conform(payments: httpx.Client, bearer: Callable[..., dict[str, str]]) -> None:
    """What the payment service answers is what its document says, refusals included."""
    found = document("payments")
    caller, order = bearer("7"), {"order_id": "20001", "amount": {"amount": "40.00", "currency": "EUR"}}

    def asked(path: str, method: str, url: str, key: str | None = None, body: object = None) -> httpx.Response:
        headers = caller if key is None else {**caller, "idempotency-key": key}
        answer = payments.request(method, url, headers=headers, json=body)
        conforms(found, path, method.lower(), answer)
        return answer

    seen = [
        asked("/me/payment-methods", "GET", "/me/payment-methods"),
        asked("/payments", "POST", "/payments", "a", {**order, "method_id": "7-pm2"}),
        asked("/payments", "POST", "/payments", "b", order),
        asked("/payments", "POST", "/payments", "c", order),
        asked("/payments", "POST", "/payments", "c", {}),
        asked("/payments", "POST", "/payments", None, order),
    ]
    paid = f"/payments/{seen[2].json()['id']}"
    seen += [
        asked("/refunds", "POST", "/refunds", "a", {**order, "amount": {"amount": "1.00", "currency": "EUR"}}),
        asked("/refunds", "POST", "/refunds", "b", {"order_id": "20001", "reason": "broken"}),
        asked("/refunds", "POST", "/refunds", "c", {"order_id": "20001"}),
        asked("/payments", "GET", "/payments?order_ids=20001,1,none"),
        asked("/payments", "GET", "/payments"),
        asked("/payments/{payment_id}", "GET", paid),
        asked("/payments/{payment_id}", "GET", "/payments/none"),
        asked("/payments/{payment_id}/void", "POST", f"{paid}/void"),
        asked("/payments/{payment_id}/void", "POST", "/payments/none/void"),
    ]
    assert [answer.status_code for answer in seen] == [
        *(200, 402, 201, 409, 422, 400),
        *(201, 201, 409, 200, 400, 200, 404, 409, 404),
    ]


def test_answers_of_notifications_conform(notifications: httpx.Client, bearer: Callable[..., dict[str, str]]) -> None:
    """What the notification service answers is what its document says, problems included."""
    found = document("notifications")
    caller, service = bearer("7"), {"x-service-key": "shop-development", "idempotency-key": "a"}
    phone = {"platform": "ios", "token": "x", "app_version": "1.0", "locale": "de-DE"}
    told = {"user_id": "7", "kind": "welcome"}
    for method, path, url, headers, body, status in (
        ("POST", "/notifications", "/notifications", service, told, 201),
        ("POST", "/notifications", "/notifications", service, {**told, "user_id": "8"}, 422),
        ("POST", "/notifications", "/notifications", caller, told, 401),
        ("GET", "/notifications", "/notifications?ids=ntf-1,ntf-7000", caller, None, 200),
        ("GET", "/me/notifications", "/me/notifications?limit=50", caller, None, 200),
        ("GET", "/me/notifications", "/me/notifications?cursor=x", caller, None, 400),
        ("GET", "/me/notifications/unread-count", "/me/notifications/unread-count", caller, None, 200),
        ("POST", "/me/notifications/read", "/me/notifications/read", caller, {}, 200),
        ("PUT", "/me/devices/{device_id}", "/me/devices/phone", caller, phone, 200),
        ("PUT", "/me/devices/{device_id}", "/me/devices/phone", caller, {}, 422),
        ("GET", "/me/devices", "/me/devices", caller, None, 200),
    ):
        answer = notifications.request(method, url, headers=headers, json=body)
        assert answer.status_code == status, answer.text
        conforms(found, path, method.lower(), answer)


def test_document_is_served(users: httpx.Client, products: httpx.Client) -> None:
    """A running service tells the same document."""
    assert users.get("/openapi.json").json() == document("users")
    assert products.get("/openapi.json").json() == document("products")
