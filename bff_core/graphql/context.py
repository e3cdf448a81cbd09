"""What a resolver finds in ``info.context``: the request's scope, its ledger, its locale, and what it is denied."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import strawberry

from bff_core.graphql.ledger import Ledger

if TYPE_CHECKING:  # so that a schema can be built and checked without the clients of HTTP below the scope
    from bff_core.loading.scope import RequestScope


@dataclass(frozen=True, slots=True)
class Context:
    """One request, as its resolvers see it.

    ``locale`` is a BCP 47 tag such as ``de-DE``; ``now`` is when the request began, in seconds since 1970 UTC.
    ``denied``: coordinates that this principal may not see, see ``CallPlan.denied``.
    """

    scope: RequestScope
    locale: str = "en"
    now: float = 0.0
    ledger: Ledger = field(default_factory=Ledger)
    denied: frozenset[str] = frozenset()


Info: TypeAlias = strawberry.Info[Context, None]
