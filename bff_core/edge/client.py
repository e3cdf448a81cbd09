"""Which client asks: the name and version it sends, held to a known list so that labels stay few."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

NAME_HEADER = "apollographql-client-name"
VERSION_HEADER = "apollographql-client-version"

#: The label of every client whose name is not on the list: what a sender chooses must not become a label.
OTHER = "other"

_VERSION = re.compile(r"[A-Za-z0-9.+_\-]{1,40}")


@dataclass(frozen=True, slots=True)
class Client:
    """The front end that asks; ``name`` is from the known list or "other", ``version`` "" when none fits."""

    name: str = OTHER
    version: str = ""


class KnownClients:
    """The names that become labels."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)

    def identify(self, headers: Mapping[str, str]) -> Client:
        """The client that a request's headers name."""
        name = headers.get(NAME_HEADER, "")
        version = headers.get(VERSION_HEADER, "")
        return Client(name if name in self._names else OTHER, version if _VERSION.fullmatch(version) else "")
