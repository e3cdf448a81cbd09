"""A BFF as one declares it, importing nothing that only running it needs."""

from __future__ import annotations

from pathlib import Path

import strawberry

from bff_core.bff import Bff
from bff_core.contract import JwkSet, Record, Service
from bff_core.graphql.link import Argument, link
from bff_core.graphql.view import shown, view

words = Service("words")


class Word(Record):
    """A word."""

    id: str
    text: str


word_by_id = words.batch("GET /words", keys="id", returns=Word, key="id", max_keys=20)
keys = words.get("GET /keys", returns=JwkSet)


@view(Word, name="Word", description="A word.")
class WordView:
    """A word."""

    text: str = shown("How it is written.")


@strawberry.type(description="Everything one can ask.")
class Query:
    """The root."""

    word: WordView | None = link(word_by_id, key=Argument("id", strawberry.ID, "An id."), description="One word.")


LEAN = Bff(name="lean", query=Query, services=(words,), settings=Path("lean.toml"), keys=keys)
