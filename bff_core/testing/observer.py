"""An observer that keeps what it hears, for tests that ask what was reported."""

from __future__ import annotations

from typing import TypeVar

from bff_core.telemetry.facts import Fact

F = TypeVar("F")


class RecordingObserver:
    """A ``bff_core.telemetry.facts.Observer`` whose ``facts`` lists all it heard, oldest first."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def __repr__(self) -> str:
        return f"<RecordingObserver facts={len(self.facts)}>"

    def observe(self, fact: Fact) -> None:
        """Keep one fact."""
        self.facts.append(fact)

    def of(self, kind: type[F]) -> list[F]:
        """The facts of one kind, oldest first."""
        return [fact for fact in self.facts if isinstance(fact, kind)]
