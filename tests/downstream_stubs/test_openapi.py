"""The OpenAPI documents: complete, kept as files, and true of what is answered."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]  # has no types

from downstream_stubs import snapshots

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


@pytest.mark.parametrize("name", ["users", "products"])
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
                assert "$ref" in content["schema"]
                assert (media_type == "application/problem+json") == (int(status) >= 400)
            for parameter in operation.get("parameters", ()):
                schema = parameter["schema"]
                assert {"maxLength", "maxItems", "maximum", "$ref"} & set(schema), parameter["name"]
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
    assert "security" not in paths["/profiles"]["get"]


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
    conforms(found, "/categories", "get", products.get("/categories"))
    conforms(found, "/stock/query", "post", products.post("/stock/query", json={"product_ids": ids}))
    conforms(found, "/stock/query", "post", products.post("/stock/query", content=b"x"))
    for product_id in ids[:10]:
        conforms(found, "/products/{product_id}/reviews", "get", products.get(f"/products/{product_id}/reviews"))


def test_document_is_served(users: httpx.Client, products: httpx.Client) -> None:
    """A running service tells the same document."""
    assert users.get("/openapi.json").json() == document("users")
    assert products.get("/openapi.json").json() == document("products")
