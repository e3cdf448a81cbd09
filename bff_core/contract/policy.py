"""What an endpoint says beside its route: whose answer it is, how long it may be kept, what guards it.

Every way to declare an endpoint takes these keywords, and ``settle`` is where they are checked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypedDict, get_args

from bff_core.contract.declaration import DeclarationError
from bff_core.contract.windows import NEGATIVE, Windows

#: What a key may look like unless its endpoint says otherwise; anything else is not sent, it is NotFound.
ID_PATTERN = r"[A-Za-z0-9_\-.:~]{1,100}"

#: What of a request may be sent along with the key, so that answers differ by it.
Varies = Literal["locale", "client"]

#: The header that each of them is sent in.
VARIES_HEADERS: Mapping[Varies, str] = MappingProxyType({"locale": "accept-language", "client": "x-client-name"})


class Policy(TypedDict, total=False):
    """The keywords of an endpoint that are the same for every kind.

    - ``relay``: send the caller's credential along; every answer is private to the caller then.
    - ``scopes``: those a caller's token must hold; links over the endpoint inherit them. They need ``relay``.
    - ``public``: whether an answer is the same for everybody; left out, it is so unless the credential is relayed.
      False without ``relay`` is for answers that only their owner may see though the service does not check it.
    - ``varies``: "locale" sends the request's locale (``accept-language``), "client" the client's name
      (``x-client-name``); an answer is then kept for each apart.
    - ``pattern``: what a key may look like.
    - ``group``: the routes of a service that share a circuit breaker; "" for the service's own.
    - ``fresh``, ``stale``, ``stale_if_error``, ``negative``: seconds, see ``Windows``. Without ``fresh`` nothing is
      kept.
    - ``no_stale``: an old answer is worse than none (stock, payments); no setting can give it a stale window.
    """

    relay: bool
    scopes: Sequence[str]
    public: bool
    varies: Sequence[Varies]
    pattern: str
    group: str
    fresh: float
    stale: float
    stale_if_error: float
    negative: float
    no_stale: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """A policy, checked and with its defaults; the attributes of an endpoint by the same names."""

    relay: bool
    scopes: frozenset[str]
    private: bool
    varies: frozenset[Varies]
    pattern: re.Pattern[str]
    group: str
    windows: Windows | None
    no_stale: bool


#: The keywords that say how long an answer serves.
_OF_KEEPING = ("fresh", "stale", "stale_if_error", "negative", "no_stale")


def settle(where: str, policy: Policy, *, kept: bool = True) -> Settled:
    """The policy of the endpoint called ``where``; with ``kept=False`` it is one whose answers are never kept.

    Raises DeclarationError for what contradicts itself, and for a keyword that is none.
    """
    if unknown := [word for word in policy if word not in Policy.__annotations__]:
        raise DeclarationError(f"{where}: there is no {unknown[0]!r} to say; {', '.join(Policy.__annotations__)} are")
    if not kept and (said := [word for word in _OF_KEEPING if word in policy]):
        raise DeclarationError(f"{where}: a write is never kept, so {said[0]} has no meaning")
    relay, public = policy.get("relay", False), policy.get("public")
    if relay and public:
        raise DeclarationError(
            f"{where}: relays the credential, so its answers are the caller's own; it cannot be public"
        )
    return Settled(
        relay=relay,
        scopes=_scopes(where, relay, policy.get("scopes", ())),
        private=relay or public is False,
        varies=_varies(where, policy.get("varies", ())),
        pattern=_pattern(where, policy.get("pattern", ID_PATTERN)),
        group=policy.get("group", ""),
        windows=_windows(where, policy),
        no_stale=policy.get("no_stale", False),
    )


def _scopes(where: str, relay: bool, scopes: Sequence[str]) -> frozenset[str]:
    if isinstance(scopes, str):  # its letters would become scopes that no token holds
        raise DeclarationError(f"{where}: scopes is a list of scopes, not {scopes!r}")
    if scopes and not relay:
        raise DeclarationError(f"{where}: scopes need relay=True, or the service could not check them")
    return frozenset(scopes)


def _varies(where: str, varies: Sequence[Varies]) -> frozenset[Varies]:
    if isinstance(varies, str) or (unknown := sorted(set(varies) - set(get_args(Varies)))):
        named = varies if isinstance(varies, str) else unknown[0]
        raise DeclarationError(f"{where}: varies is a list of {' and '.join(get_args(Varies))}, not {named!r}")
    return frozenset(varies)


def _pattern(where: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as exc:
        raise DeclarationError(f"{where}: pattern {pattern!r} is no regular expression: {exc}") from exc


def _windows(where: str, policy: Policy) -> Windows | None:
    stale, if_error = policy.get("stale", 0.0), policy.get("stale_if_error", 0.0)
    if policy.get("no_stale") and (stale or if_error):
        raise DeclarationError(f"{where}: says no_stale, and how long it may be stale; it can only be one of them")
    fresh = policy.get("fresh")
    if fresh is None:
        if stale or if_error or "negative" in policy:
            raise DeclarationError(f"{where}: nothing of it is kept without fresh=, so it has no other window")
        return None
    try:
        return Windows(fresh, stale, if_error, policy.get("negative", NEGATIVE))
    except ValueError as exc:
        raise DeclarationError(f"{where}: {exc}") from exc
