"""Own operations that the limits in force refuse: whoever sends one gets an error and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from bff_core.bff import Bff
from bff_core.doctor.blast import names_in
from bff_core.doctor.finding import Finding
from bff_core.errors import TooCostly
from bff_core.graphql.operations import InvalidDocument, Operations
from bff_core.settings import Settings


def costly_operations(bff: Bff, settings: Settings) -> Iterator[Finding]:
    """A finding for each; what else may be wrong with a file is told elsewhere."""
    operations = Operations(bff.schema, limits=settings.limits.limits)
    for file in sorted(bff.operations.glob("*.graphql")) if bff.operations else ():
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        for name in names_in(text):
            try:
                operations.prepare(text, name)
            except InvalidDocument as invalid:
                if invalid.reason == TooCostly.code:
                    remedy = "a client that sends it gets this error: let it ask for less, or raise the limit"
                    yield Finding("warning", "operations", f"{file}: {invalid}", remedy)
