"""Whatever fits a service's document, and whatever just misses it, is answered as the document says."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Err
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from downstream_stubs import snapshots
from downstream_stubs.registry import STUBS
from downstream_stubs.running import running

#: The services, each after those that it asks.
STARTED = ("users", "products", "notifications", "payments", "orders")
EXAMPLES = 25
#: What fits the document, and what just misses it.
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def operations() -> Iterator[tuple[str, APIOperation[Any, Any, Any, Any]]]:
    """Each operation of each document, with its service; needs no data."""
    for name, text in snapshots.documents():
        for found in schemathesis.openapi.from_dict(json.loads(text)).get_all_operations():
            if isinstance(found, Err):
                raise found.err()
            yield name, found.ok()


OPERATIONS = list(operations())


@pytest.fixture(scope="module")
def urls(data_dir: Path) -> Iterator[dict[str, str]]:
    """All services, knowing each other; the data is put back afterwards, for much is written."""
    urls: dict[str, str] = {}
    with ExitStack() as stack:
        for name in STARTED:
            asked = {f"{other}_url": url for other, url in urls.items()}
            known = STUBS[name].settings.model_fields
            told: dict[str, Any] = {key: url for key, url in asked.items() if key in known}
            urls[name] = stack.enter_context(running(name, data_dir=data_dir, **told))
        yield urls
        for url in urls.values():
            httpx.post(f"{url}/_reset", timeout=20).raise_for_status()


@pytest.fixture(scope="module")
def headers(urls: dict[str, str]) -> dict[str, str]:
    """What opens every route: a token with all scopes, and the services' key."""
    token = httpx.get(f"{urls['users']}/_tokens/7").json()["access_token"]
    return {"authorization": f"Bearer {token}", "x-service-key": "shop-development"}


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=lambda one: getattr(one, "label", one))
def test_no_request_breaks_a_service(
    urls: dict[str, str],
    headers: dict[str, str],
    name: str,
    operation: APIOperation[Any, Any, Any, Any],
) -> None:
    """No request ends in a 5xx; whatever comes back has a status, a type and a body that the document knows."""

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.one_of([operation.as_strategy(generation_mode=mode) for mode in MODES]))
    def ask(case: Case[Any]) -> None:
        answer = case.call(base_url=urls[name], headers=headers)
        case.validate_response(answer, checks=CHECKS)

    ask()
