"""The screens of both BFFs: every operation in schema/operations, with its variables and its call plan."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from bff_core.bff import Bff
from bff_core.clock import SystemClock
from bff_core.graphql.callplan import CallPlan, make_plan
from bff_core.graphql.operations import Operations
from bff_mobile.app import mobile
from bff_web.app import web

ROOT = Path(__file__).parents[1]


#: Whose screen it is where it is not user 7's: of those who have something in their cart.
OF_USER = {
    **dict.fromkeys(("CartPage", "Cart", "ChangeCartItem", "CheckoutScreen", "Checkout", "CheckoutOutcome"), "42"),
    "RemoveFromCart": "100",
}


#: The number of an order that was placed just now begins with the year.
_PLACED_NOW = re.compile(r'"20\d\d-(02\d{4})"')


def without_year(text: str) -> str:
    """JSON in which the numbers of orders that were placed just now are the same in every year."""
    return _PLACED_NOW.sub(r'"now-\1"', text)


class FixedWall(SystemClock):
    """Real time but for the calendar, which stands still so that "2 days ago" stays true."""

    def wall(self) -> float:
        return datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp()


@dataclass(frozen=True)
class Screen:
    """One operation of one BFF, as its file says."""

    bff: Bff
    file: Path

    def __str__(self) -> str:
        return f"{self.bff.name}-{self.file.stem}"

    @property
    def text(self) -> str:
        """The document."""
        return self.file.read_text(encoding="utf-8")

    @property
    def variables(self) -> dict[str, Any]:
        """The variables beside it; none where there is no such file."""
        file = self.file.with_suffix(".variables.json")
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}

    @cached_property
    def plan(self) -> CallPlan:
        """What is foretold of it with these variables."""
        operation = Operations(self.bff.schema).prepare(self.text)
        return make_plan(self.bff.schema, operation.document, operation.definition, self.variables)

    @property
    def user(self) -> str:
        """Who is signed in."""
        return OF_USER.get(self.file.stem, "7")

    @property
    def golden(self) -> Path:
        """The file of what it answers and asks when all is well; ``make snapshots`` writes it."""
        return ROOT / "tests" / "golden" / self.bff.name / f"{self.file.stem}.json"

    @property
    def clock(self) -> SystemClock:
        """The clock that its golden data was made by."""
        return FixedWall()

    @property
    def writes(self) -> bool:
        """Whether it is a mutation."""
        return any(position.writes for position in self.plan.positions)


SCREENS = [
    Screen(bff, file)
    for bff in (web, mobile)
    for file in sorted((ROOT / "schema" / "operations" / bff.name).glob("*.graphql"))
]

every_screen = pytest.mark.parametrize("screen", SCREENS, ids=str)
