"""A BFF whose schema may not be served: a root field that calls a service and cannot be null."""

from __future__ import annotations

from dataclasses import replace

import strawberry

from bff_core.bff import Bff
from bff_core.graphql.link import Argument, link
from tests.edge.desk import DESK, WordView, read_only, word_by_id


@strawberry.type(description="Everything one can ask.")
class Query:
    """The root."""

    word: WordView = link(word_by_id, key=Argument("id", strawberry.ID, "An id."), description="One word.")


LEAKY: Bff = replace(read_only(DESK), query=Query)
