"""What the doctor says of a BFF that is not well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["dangerous", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not well.

    ``severity``: what is "dangerous" will fail some day for sure, so it must not be served; a "warning" is for a person
    to judge. ``about``: the setting, the endpoint or the field. ``sentence``: what is so and what comes of it.
    ``remedy``: what to do.
    """

    severity: Severity
    about: str
    sentence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.about}\n  {self.sentence}\n  {self.remedy}"
