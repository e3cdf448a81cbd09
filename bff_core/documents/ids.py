"""Ids of documents: the hash of a text, and what else clients may call it by."""

from __future__ import annotations

import hashlib
import re

_PREFIX = "sha256:"
_HASH = re.compile(r"[0-9a-fA-F]{64}")
#: What a client's build tool may have chosen: Relay's md5, a number, a name with a version.
_OTHER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:\-]{0,127}")


def sha256_of(text: str) -> str:
    """The id of a text: 64 hexadecimal digits, small, over its UTF-8 bytes.

    Half of a surrogate pair, which UTF-8 cannot hold, is hashed as it stands: no client can have meant that.
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_hash(given: str) -> str | None:
    """The hash that stands there bare, in small letters; None for what is none."""
    return given.lower() if _HASH.fullmatch(given) else None


def read_id(given: str) -> str | None:
    """The id as the lookup knows it: ``sha256:`` taken off, a hash in small letters; None for what can be none."""
    if given.startswith(_PREFIX):
        return read_hash(given[len(_PREFIX) :])
    return read_hash(given) or (given if _OTHER.fullmatch(given) else None)


def is_hash(document: str) -> bool:
    """Whether an id that was read says which text it is of."""
    return _HASH.fullmatch(document) is not None
