"""What caches may do with an answer: how long it serves, and whom, in their words; and whether a client holds it.

    by GET, of a registered document whose answers are public    public, max-age=…, and how long it may be old
    by GET, any other                                            private, no-cache: kept by who asked, and asked about
    an error, a degradation, a POST                              private, no-store

What varies is told exactly for what is shared, so that a cache neither mixes answers nor holds the same one many times.
A public answer is made for nobody in particular, whoever asks: that is what lets one of them serve all.

Source: RFC 9110 (ETag, If-None-Match, Vary), RFC 9111 (caching), RFC 5861 (stale-while-revalidate, stale-if-error).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from bff_core.auth.principal import Principal
from bff_core.edge.client import NAME_HEADER
from bff_core.graphql.context import Context
from bff_core.graphql.freshness import Freshness, Lasting

NO_STORE = "private, no-store"
NO_CACHE = "private, no-cache"
#: Of what is not shared, whatever may have had a part in it.
VARY = "accept, authorization, cookie, accept-language, " + NAME_HEADER

#: One entity tag of a list, with what stands between its quotes; ``W/`` makes no difference to whoever only reads.
_TAG = re.compile(r'\s*(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,|$)')


@dataclass(frozen=True, slots=True)
class CachingOptions:
    """``shared``: caches that serve many may keep public answers.

    ``timed_words``: an answer whose words depend on the time ("2 days ago") serves so long in all, seconds.
    """

    shared: bool = True
    timed_words: float = 60.0


@dataclass(frozen=True, slots=True)
class Caching:
    """What the head of one whole answer says to caches. ``whose`` goes into its tag: "" for everybody's."""

    control: str = NO_CACHE
    vary: str = VARY
    whose: str = ""

    def headers(self) -> Mapping[str, str]:
        """As they stand in the answer, and in the 304 that takes its place."""
        return {"cache-control": self.control, "vary": self.vary}


def for_everybody(
    freshness: Freshness, lasting: Lasting, context: Context, options: CachingOptions, *, chosen: bool
) -> Caching:
    """Of a public answer. ``chosen``: the request itself names the locale, so that no header has a part in that."""
    if context.timed:
        lasting = lasting.within(options.timed_words)
    worded = (context.worded or "locale" in freshness.varies) and not chosen
    by = ["accept"]
    if worded:
        by.append("accept-language")
    if "client" in freshness.varies:
        by.append(NAME_HEADER)
    return Caching(_control(lasting), ", ".join(by))


def for_asker(principal: Principal) -> Caching:
    """Of an answer that only who asked may keep; the tag of another's is another, also where both read the same."""
    return Caching(whose=repr((principal.issuer, principal.subject, principal.tenant, sorted(principal.scopes))))


def _control(lasting: Lasting) -> str:
    """Whole seconds, and none more than there are. What may never be old says so; caches may think otherwise else."""
    parts = ["public", f"max-age={int(lasting.max_age)}"]
    for name, seconds in (
        ("stale-while-revalidate", lasting.stale_while_revalidate),
        ("stale-if-error", lasting.stale_if_error),
    ):
        if seconds >= 1:
            parts.append(f"{name}={int(seconds)}")
    if len(parts) == 2:
        parts.append("must-revalidate")
    return ", ".join(parts)


def etag_of(body: bytes, media_type: str, whose: str) -> str:
    """The strong tag of an answer: over its bytes, as what they are sent, and whose they are."""
    digest = sha256(body)  # the fastest that is no toy, where the processor knows it
    digest.update(f"\0{media_type}\0{whose}".encode("utf-8", "surrogatepass"))
    return f'"{digest.hexdigest()[:32]}"'


def is_among(etag: str, if_none_match: str) -> bool:
    """Whether a client holds this answer, by its If-None-Match; one that is not well-formed names none."""
    if if_none_match.strip() == "*":
        return True
    at, found = 0, False
    while at < len(if_none_match):
        tag = _TAG.match(if_none_match, at)
        if tag is None:
            return False
        found = found or tag[1] == etag[1:-1]
        at = tag.end()
    return found
