"""Links and commands: a field that is read never writes."""

from __future__ import annotations

import re

import pytest

from bff_core.contract import DeclarationError, Record, Service
from bff_core.graphql.link import link, opaque


class Cup(Record):
    """A cup."""

    id: str


cups = Service("cups")
one = cups.get("GET /cups/{id}", returns=Cup)
smash = cups.command("DELETE /cups/{id}", returns=Cup, drops=[one])


def test_a_link_over_a_command_stops_the_start() -> None:
    """Asking for a field would write, as often as it is asked for."""
    sentence = "link over cups DELETE /cups/{id}: is a command, and a field that is read never writes"
    with pytest.raises(DeclarationError, match=f"^{re.escape(sentence)}$"):
        link(smash, key="id", description="Gone.")


def test_an_opaque_resolver_over_a_command_stops_the_start() -> None:
    """Also when it may call an endpoint that reads besides."""
    sentence = "opaque resolver: cups DELETE /cups/{id} is a command, and it only reads"
    with pytest.raises(DeclarationError, match=f"^{re.escape(sentence)}$"):
        opaque(one, smash, description="Gone.")
