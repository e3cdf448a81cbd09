"""The index of patterns: complete, and each that is here has a file, a test and a command."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT, code_in, tables
from tests.docs.test_commands import complaint

#: The catalogue's patterns, as its Spanish headings have them.
CATALOGUE = {
    "API gateway": "Puerta de enlace de API",
    "Service discovery": "Descubrimiento de servicios",
    "Load balancer": "Balanceo de carga",
    "Central configuration": "Configuración centralizada",
    "Centralised logs, metrics and traces": "Registro, métricas y trazas",
    "Messaging": "Mensajería",
    "Database per service": "Base de datos por servicio",
    "Saga": "Saga",
    "Event sourcing": "Event sourcing",
    "CQRS": "CQRS",
    "Security": "Seguridad",
    "Circuit breaker": "Cortacircuitos",
    "Bulkhead": "Mamparos",
    "Strangler fig": "Higuera estranguladora",
    "Backend for frontend": "Backend para frontend",
    "Sidecar": "Sidecar",
    "Service mesh": "Malla de servicios",
    "Orchestration": "Orquestación",
    "Choreography": "Coreografía",
}
ROWS, MORE = tables(ROOT / "docs" / "patterns.md")


def test_every_pattern_of_the_catalogue_is_there() -> None:
    """Each pattern has its row, under its Spanish heading, in the catalogue's order."""
    assert {row["Pattern"]: row["Patrón"] for row in ROWS} == CATALOGUE
    assert [row["Pattern"] for row in ROWS] == list(CATALOGUE)


@pytest.mark.parametrize("row", [*ROWS, *MORE], ids=lambda row: row["Pattern"])
def test_what_is_here_can_be_seen(row: dict[str, str]) -> None:
    """A pattern that is here names a file, a test with tests in it and a command; one that is not says "not yet"."""
    shown = [row["File"], row["Test"], row["See it"]]
    if row["File"] == "-":
        assert row["State"].startswith("not yet")
        assert shown == ["-"] * 3
        return
    assert re.match(r"here|partly|not yet:", row["State"])
    for column in ("File", "Test"):
        (path,) = code_in(row[column])
        assert (ROOT / path).is_file(), f"there is no {path}"
    (test,) = code_in(row["Test"])
    assert test.startswith("tests/")
    assert re.search(r"^(async )?def test_", (ROOT / test).read_text(encoding="utf-8"), re.MULTILINE)
    (command,) = code_in(row["See it"])
    assert complaint(command.split()) is None
