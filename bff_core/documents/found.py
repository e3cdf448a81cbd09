"""What a lookup gives: a document's text and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """A document that may run.

    ``id``: the hash of its text where somebody asked by it or had to know it, else None. ``name``: its operation's,
    as a manifest knows it. ``registered``: a manifest holds it, or a client registered it; ``trusted``: a manifest
    does. ``registers``: to be kept once it is prepared; until then nobody knows whether it is any good.
    """

    text: str
    id: str | None = None
    name: str | None = None
    registered: bool = False
    trusted: bool = False
    registers: bool = False
