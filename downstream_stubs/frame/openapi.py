"""OpenAPI: what FastAPI derives from the routes, made exact about errors, lists and conditional reads."""

from functools import reduce
from operator import or_
from typing import Any

from downstream_stubs.frame.parameters import COMMA_SEPARATED
from downstream_stubs.frame.problems import (
    IDEMPOTENCY_KEY,
    IDEMPOTENCY_KEY_MISSING,
    IDEMPOTENCY_KEY_REUSED,
    MEDIA_TYPE,
    Kind,
    Problem,
)

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


def refusals(*refusals: Kind | tuple[Kind, type[Problem]]) -> dict[int | str, dict[str, Any]]:
    """What a route may answer beside what every route may, for ``responses=``.

    A kind whose problem has members of its own comes with the model that has them.
    """
    found: dict[int | str, dict[str, Any]] = {}
    models: dict[int, list[type[Problem]]] = {}
    for refusal in refusals:
        kind, model = refusal if isinstance(refusal, tuple) else (refusal, Problem)
        told = _words(kind)
        before = found.get(kind.status)
        some = models.setdefault(kind.status, [])
        if model not in some:
            some.append(model)
        description = told if before is None else f"{before['description']}; {told}"
        found[kind.status] = {"description": description, "model": reduce(or_, some)}
    return found


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
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]  # FastAPI's own, which is never answered
    for status, declared in responses.items():
        if int(status) >= 400 and "application/json" in declared.get("content", {}):
            declared["content"] = {MEDIA_TYPE: declared["content"].pop("application/json")}
    key = next((one for one in operation.get("parameters", ()) if one["name"] == IDEMPOTENCY_KEY), None)
    if key is not None:
        _refine_keyed(responses)
    if conditional:
        etag = {"description": "Strong, over the bytes of the body", "schema": {"type": "string"}}
        responses["200"]["headers"] = {
            "ETag": etag,
            "Cache-Control": {"description": "How long the answer may be kept", "schema": {"type": "string"}},
        }
        responses["304"] = {"description": "If-None-Match named this answer", "headers": {"ETag": etag}}
    statuses = [400]
    schemes = {name for way in operation.get("security", ()) for name in way}
    statuses += [401, 403] if "bearer" in schemes else []
    statuses += [404] if keyed else []
    statuses += [413, 415, 422] if "requestBody" in operation else []
    told = [(status, _REASONS[status]) for status in statuses]
    told += [(401, "The services' key is missing or wrong")] if "service-key" in schemes else []
    if key is not None:
        told += [(400, _words(IDEMPOTENCY_KEY_MISSING))] if key["required"] else []
        told += [(422, _words(IDEMPOTENCY_KEY_REUSED))]
    for status, words in told:
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        response = responses.setdefault(str(status), {"description": "", "content": content})
        response["description"] = "; ".join(filter(None, (response["description"], words)))


def _words(kind: Kind) -> str:
    return f"{kind.title} (`{kind.type}`)"


def _refine_keyed(responses: Document) -> None:
    replayed = {"description": "Given again for the same key", "schema": {"type": "string", "enum": ["true"]}}
    for status, response in responses.items():
        if int(status) < 300:
            response.setdefault("headers", {})["Idempotent-Replayed"] = replayed
