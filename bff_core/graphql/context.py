"""What a resolver finds in ``info.context``: the request's scope, its ledger, its locale, and what it is denied.

Locale and time are asked for and not just there, so that it is known of an answer whether they had a part in it: in
which language it is worded, and that "two days ago" stands in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import strawberry

from bff_core.graphql.ledger import Ledger

if TYPE_CHECKING:  # so that a schema can be built and checked without the clients of HTTP below the scope
    from bff_core.loading.scope import RequestScope


class Context:
    """One request, as its resolvers see it.

    ``denied``: coordinates that this principal may not see, see ``CallPlan.denied``. ``worded`` and ``timed`` say
    whether a resolver has asked for the locale and for the time.
    """

    __slots__ = ("_locale", "_now", "denied", "ledger", "scope", "timed", "worded")

    def __init__(
        self,
        scope: RequestScope,
        locale: str = "en",
        now: float = 0.0,
        ledger: Ledger | None = None,
        denied: frozenset[str] = frozenset(),
    ) -> None:
        self.scope = scope
        self.ledger = Ledger() if ledger is None else ledger
        self.denied = denied
        self.worded = self.timed = False
        self._locale = locale
        self._now = now

    @property
    def locale(self) -> str:
        """A BCP 47 tag such as ``de-DE``."""
        self.worded = True
        return self._locale

    @property
    def now(self) -> float:
        """When the request began, in seconds since 1970 UTC."""
        self.timed = True
        return self._now


Info: TypeAlias = strawberry.Info[Context, None]
