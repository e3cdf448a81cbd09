"""A BFF whose answers are kept, some of them private."""

from __future__ import annotations

from pathlib import Path

import strawberry

from bff_core.bff import Bff
from bff_core.contract import Record, Service
from bff_core.graphql.link import Argument, link
from bff_core.graphql.view import shown, view

words = Service("words")


class Word(Record):
    """A word."""

    id: str


word_by_id = words.batch("GET /words", keys="id", returns=Word, key="id", max_keys=20, fresh=5, stale_if_error=60)
my_word = words.get("GET /mine", returns=Word, relay=True, fresh=0.5)


@view(Word, name="Word", description="A word.")
class WordView:
    """A word."""

    id: strawberry.ID = shown("An id.")


@strawberry.type(description="Everything one can ask.")
class Query:
    """The root."""

    word: WordView | None = link(word_by_id, key=Argument("id", strawberry.ID, "An id."), description="One word.")
    mine: WordView | None = link(my_word, description="One's own word.")


KEEPING = Bff(name="keeping", query=Query, services=(words,), settings=Path(__file__).with_name("keeping.toml"))
