"""Contract: every declared endpoint and record against the OpenAPI document of its service."""

from __future__ import annotations

import importlib
import json
import pkgutil
from pathlib import Path

import pytest

import services
from bff_core.contract import Service
from bff_core.contract.openapi import drift

ROOT = Path(__file__).parents[2]


def declared() -> dict[str, Service]:
    """Each service that a module of ``services`` declares, by name."""
    modules = [importlib.import_module(f"services.{module.name}") for module in pkgutil.iter_modules(services.__path__)]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Service)]
    return {service.name: service for service in found}


def test_there_are_services_to_hold_to_their_documents() -> None:
    """The check below is over something: services are found, and each has endpoints."""
    found = declared()
    assert len(found) >= 2
    assert all(service.endpoints for service in found.values())


@pytest.mark.parametrize("service", declared().values(), ids=lambda service: service.name)
def test_a_service_is_declared_as_it_documents_itself(service: Service) -> None:
    """Nothing that a BFF sends or reads differs from what the service says of itself."""
    file = f"schema/services/{service.name}.json"
    document = json.loads((ROOT / file).read_text())
    assert drift(service, document, file) == []
