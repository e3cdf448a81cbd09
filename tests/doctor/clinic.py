"""A small BFF to examine: birds and their nests. It is well, and each test spoils one thing of it."""

# mypy: disable-error-code="untyped-decorator"
# Strawberry types its decorators by a plugin that looks at whole packages.

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import strawberry

from bff_core.bff import Bff
from bff_core.contract import KeyStyle, Record, Service
from bff_core.doctor import Finding
from bff_core.graphql.link import Argument, link
from bff_core.graphql.view import shown, view
from bff_core.settings import Settings

birds = Service("birds")
nests = Service("nests")

SETTINGS = """
[edge]
port = 0
[services.birds]
url = "http://birds.test"
[services.nests]
url = "http://nests.test"
"""


class Bird(Record):
    """What flies."""

    id: str
    nest_id: str
    friend_ids: list[str]


class Song(Record):
    """What a bird sings."""

    text: str


class Nest(Record):
    """Where birds live."""

    id: str
    tree: str


ID = "[0-9]{1,9}"
bird_by_id = birds.batch("GET /birds", keys="id", returns=Bird, key="id", max_keys=20, pattern=ID, fresh=5, stale=30)
song = birds.get("GET /birds/{id}/song", returns=Song)
my_bird = birds.get("GET /mine", returns=Bird, relay=True, fresh=2)
nest_by_id = nests.batch(
    "GET /nests",
    keys="ids",
    style=KeyStyle.COMMA,
    returns=Nest,
    key="id",
    max_keys=20,
    pattern=ID,
    fresh=9,
    no_stale=True,
)

NOWHERE = Nest(id="", tree="somewhere")


@view(Nest, name="Nest", description="Where birds live.")
class NestView:
    """A nest."""

    tree: str = shown("Where it is.")


@view(Bird, name="Bird", description="What flies.")
class BirdView:
    """A bird."""

    id: strawberry.ID = shown("An id.")
    nest: NestView = link(
        nest_by_id, key="nest_id", critical="a bird that lives nowhere is none", description="Where it lives."
    )
    home: NestView = link(nest_by_id, key="nest_id", fallback=NOWHERE, description="Where it lives, or somewhere.")
    song: str | None = link(song, key="id", fan_out=5, show=lambda song, _info: song.text, description="What it sings.")
    friends: list[BirdView] | None = link(
        bird_by_id, key="friend_ids", missing="drop", at_most=3, description="Whom it flies with."
    )


@strawberry.type(description="Everything one can ask of birds.")
class Query:
    """The root."""

    bird: BirdView | None = link(bird_by_id, key=Argument("id", strawberry.ID, "An id."), description="One bird.")
    birds: list[BirdView | None] | None = link(
        bird_by_id, key=Argument("ids", list[strawberry.ID], "Ids."), description="Some birds."
    )
    mine: BirdView | None = link(my_bird, description="One's own bird.")


CLINIC = Bff(name="clinic", query=Query, services=(birds, nests), settings=Path("clinic.toml"))


def bff(folder: Path, more: str = "", **changed: object) -> Bff:
    """The BFF with its settings in a folder, and what a test adds to them; ``changed`` are fields of it."""
    file = folder / "settings.toml"
    file.write_text(SETTINGS + more, encoding="utf-8")
    return replace(CLINIC, settings=file, **changed)  # type: ignore[arg-type]  # fields of many types


def settings(made: Bff, **environment: str) -> Settings:
    """Its settings; ``environment`` keys are without the BFF's prefix."""
    return made.load_settings({f"BFF_CLINIC__{key}": value for key, value in environment.items()})


def told(findings: Iterator[Finding] | Sequence[Finding]) -> dict[str, str]:
    """What findings say, by what they are about."""
    return {finding.about: finding.sentence for finding in findings}
