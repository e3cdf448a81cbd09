"""The limits as they are shipped: every operation of the project passes them with room to spare."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import Lexer, Source, TokenKind, get_introspection_query

from bff_core.bff import Bff
from bff_core.graphql.limits.limits import Limits
from bff_core.graphql.operations import Operations
from bff_core.settings import LimitSettings
from bff_mobile.app import mobile
from bff_web.app import web
from tests.screens import SCREENS, Screen, every_screen

#: How many times more than any operation of the project asks for may be asked for.
ROOM = 2
SUBJECTS = {bff.name: Operations(bff.schema) for bff in (web, mobile)}


def test_the_kernel_and_the_settings_mean_the_same() -> None:
    """What stands in the settings' model by default is what the kernel takes by default: production's."""
    assert LimitSettings().limits == Limits()


@pytest.mark.parametrize("bff", [web, mobile], ids=lambda bff: str(bff.name))
def test_the_development_settings_keep_them(bff: Bff) -> None:
    """Neither BFF's file loosens a limit, so that development refuses what production would."""
    assert bff.load_settings({}).limits.limits == Limits()


@every_screen
def test_every_screen_passes_with_room_to_spare(screen: Screen) -> None:
    """With the largest pages that its variables could ask for, it is far from each limit."""
    limits = Limits()
    operation = SUBJECTS[screen.bff.name].prepare(screen.text)
    shape = operation.shape
    found = {
        "document_bytes": len(screen.text.encode()),
        "tokens": _tokens(screen.text),
        "depth": shape.depth,
        "aliases": shape.aliases,
        "root_fields": shape.fields,
        "spreads": shape.spreads,
        "directives": shape.directives,
        "directives_each": shape.directives_each,
        "list_size": shape.list_size,
        "keys": operation.plan.keys,
        "cost": operation.cost.total,
    }
    assert {name: value for name, value in found.items() if value * ROOM > getattr(limits, name)} == {}
    assert not operation.unsettled
    SUBJECTS[screen.bff.name].check(operation, screen.variables)


def test_there_are_screens() -> None:
    """The test above had something to look at, and every released operation of older apps passes too."""
    assert len(SCREENS) > 25
    root = Path(__file__).parents[3] / "schema" / "published"
    for bff in (web, mobile):
        released = sorted((root / bff.name).rglob("*.graphql"))
        assert len(released) > 1
        for file in released:
            if file.name != "schema.graphql":
                SUBJECTS[bff.name].prepare(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("bff", [web, mobile], ids=lambda bff: str(bff.name))
def test_what_tools_ask_passes(bff: Bff) -> None:
    """The whole introspection, with all that a tool may want to know."""
    whole = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )
    assert SUBJECTS[bff.name].prepare(whole).cost.total * ROOM < Limits().cost


def _tokens(text: str) -> int:
    lexer = Lexer(Source(text))
    return sum(1 for _ in iter(lambda: lexer.advance().kind is TokenKind.EOF, True))
