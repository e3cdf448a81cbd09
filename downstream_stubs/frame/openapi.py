"""OpenAPI: what FastAPI derives from the routes, made exact about errors, lists and conditional reads."""

from typing import Any

from downstream_stubs.frame.parameters import COMMA_SEPARATED
from downstream_stubs.frame.problems import MEDIA_TYPE, Problem

Document = dict[str, Any]

_REASONS = {
    400: "A parameter is unknown, missing or not acceptable, or the body is not JSON",
    401: "The token is missing, expired or not valid here",
    403: "The token does not allow this",
    404: "There is no such thing",
    413: "The body is too large",
    415: "The body is not application/json",
    422: "A field of the body is unknown, missing or not acceptable",
}


def refine(document: Document) -> None:
    """Complete a document in place; every fact is taken from the operation it is about."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            _refine_parameters(operation)
            _refine_responses(operation, conditional=method == "get", keyed="{" in path)


def _refine_parameters(operation: Document) -> None:
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        # A parameter that may be left out is absent, never null: a URL has no null.
        kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
        if len(kinds) == 1:
            del schema["anyOf"]
            schema.update(kinds[0])
        if schema.get("type") == "array":
            parameter["style"] = "form"
            parameter["explode"] = not schema.pop(COMMA_SEPARATED, False)


def _refine_responses(operation: Document, *, conditional: bool, keyed: bool) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    if conditional:
        etag = {"description": "Strong, over the bytes of the body", "schema": {"type": "string"}}
        responses["200"]["headers"] = {
            "ETag": etag,
            "Cache-Control": {"description": "How long the answer may be kept", "schema": {"type": "string"}},
        }
        responses["304"] = {"description": "If-None-Match named this answer", "headers": {"ETag": etag}}
    statuses = [400]
    statuses += [401, 403] if "security" in operation else []
    statuses += [404] if keyed else []
    statuses += [413, 415, 422] if "requestBody" in operation else []
    for status in statuses:
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        responses[str(status)] = {"description": _REASONS[status], "content": content}
