"""A BFF at the desk some of whose words, links and views need scopes; the services are the desk's."""

from __future__ import annotations

from dataclasses import replace

import strawberry

from bff_core.bff import Bff
from bff_core.contract import Service
from bff_core.graphql.context import Info
from bff_core.graphql.link import Argument, link, load, opaque
from bff_core.graphql.view import computed, shown, view
from tests.edge.desk import DESK, Diary, DiaryView, Word, issuer, read_only, word_by_id, words

diaries = Service("diaries")
diary = diaries.get("GET /diary", returns=Diary, relay=True)
my_notes = diaries.get("GET /notes", returns=Diary, relay=True, scopes=["notes:read"])


@view(Word, name="Word", description="A word.")
class LockedWord:
    """A word with a field for those who may see it."""

    text: str = shown("How it is written.")
    id: strawberry.ID | None = shown("An id.", scopes=["word:id"])
    origin: str | None = computed(lambda word: f"origin of {word.id}", "Where it comes from.", scopes=["word:origin"])


@view(Word, name="Secret", description="A word that not everybody may see.", scopes=["secret:read"])
class Secret:
    """A word that not everybody may see."""

    text: str = shown("How it is written.")


_ID = Argument("id", strawberry.ID, "An id.")


@strawberry.type(description="Everything one can ask.")
class Query:
    """The root."""

    word: LockedWord | None = link(word_by_id, key=_ID, description="One word.")
    secret: Secret | None = link(word_by_id, key=_ID, description="One secret word.")
    memoir: DiaryView | None = link(diary, scopes=["memoir:read"], description="The reader's own diary, in full.")
    notes: DiaryView | None = link(my_notes, description="The reader's own notes.")

    @opaque(my_notes, diary, description="The reader's notes, or the diary.")
    async def either(self, info: Info) -> DiaryView | None:
        """The diary."""
        found: DiaryView | None = await load(diary, (), info)
        return found


LOCKED: Bff = replace(read_only(DESK), query=Query, services=(words, diaries, issuer))
