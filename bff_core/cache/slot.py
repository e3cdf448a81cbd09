"""Whose answer: under what an answer is kept and shared. Everything sent that can change an answer is part of its slot.

    slot = (endpoint, whose, key)
    whose = owner and scopes, where the credential is relayed or the answer is private
          + locale and client, where the endpoint varies by them

An endpoint stands for its service and route, since each is declared once. Two requests with equal slots send the same,
but for what cannot change an answer (the request's id, the time that is left) and for the credential itself: a fresh
and a refreshed token of one subject share a slot, and a service that answers one of them 401 or 403 has said nothing
for the other (see ``flights.py``).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from bff_core.contract import Endpoint
from bff_core.contract.service import wire_text

#: Who an answer belongs to: issuer, subject and tenant. One person's tokens share it, whatever their scopes.
Owner = tuple[str | None, str | None, str | None]


class Whose(NamedTuple):
    """Who may be given an answer. ``owner`` is None where it is the same for everybody."""

    owner: Owner | None = None
    scopes: frozenset[str] = frozenset()
    locale: str = ""
    client: str = ""


#: What is sent as it is, so that equal values are sent alike; all else is told apart by its type and its text.
_AS_THEY_ARE = frozenset((str, int, type(None)))

#: Everybody's, in every language.
EVERYBODY = Whose()


class Slot(NamedTuple):
    """What one answer is kept and shared under."""

    endpoint: Endpoint[Any]
    whose: Whose
    key: Any


class Asker(NamedTuple):
    """All of a request, beside the key, that an answer may depend on."""

    owner: Owner
    scopes: frozenset[str] = frozenset()
    locale: str = ""
    client: str = ""

    def whose(self, endpoint: Endpoint[Any]) -> Whose:
        """What of this request the endpoint's answers depend on."""
        private, varies = endpoint.private, endpoint.policy.varies
        if not private and not varies:
            return EVERYBODY
        return Whose(
            owner=self.owner if private else None,
            scopes=self.scopes if private else frozenset(),
            locale=self.locale if "locale" in varies else "",
            client=self.client if "client" in varies else "",
        )


def slot_key(key: Any) -> Any:
    """A key as part of a slot: two that are not sent alike are never equal.

    Python holds ``True``, ``1`` and ``1.0`` for one key; a service reads ``true`` and ``1``. So whatever is no plain
    text or whole number stands there with its type.
    """
    kind = type(key)
    if kind is str or kind is int:
        return key
    if isinstance(key, tuple):
        return tuple([part if type(part) in _AS_THEY_ARE else _told(part) for part in key])
    return _told(key)


def _told(part: Any) -> tuple[type[Any], str]:
    return type(part), wire_text(part)  # the type and not its name: no key of two texts is equal to it
