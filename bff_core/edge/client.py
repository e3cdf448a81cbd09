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
    """The front end that asks.

    ``name`` and ``known_version`` are from the known lists or "other", ``version`` is what was sent, "" where that is
    nothing or no version.
    """

    name: str = OTHER
    version: str = ""
    known_version: str = OTHER


class KnownClients:
    """The names and versions that become labels."""

    def __init__(self, names: Iterable[str], versions: Iterable[str] = ()) -> None:
        self._names = frozenset(names)
        self._versions = frozenset(versions)

    def identify(self, headers: Mapping[str, str]) -> Client:
        """The client that a request's headers name."""
        name = headers.get(NAME_HEADER, "")
        version = headers.get(VERSION_HEADER, "")
        return Client(
            name if name in self._names else OTHER,
            version if _VERSION.fullmatch(version) else "",
            version if version in self._versions else OTHER,
        )
