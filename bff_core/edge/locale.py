"""Which locale an answer is worded for: a variable, then Accept-Language, then the default."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError

#: An undeclared variable of this name sets the locale of one request; GraphQL itself passes over it.
VARIABLE = "locale"

#: The rest of a longer header is passed over: nobody reads that many languages.
MOST_CHARACTERS = 200

#: What babel may look at. It reads more than BCP 47 (``en.UTF-8``, ``en@euro``), and ``und`` as American English.
_TAG = re.compile(r"(?!und\b)[a-z]{2,3}(-[a-z0-9]{1,8}){0,5}", re.IGNORECASE | re.ASCII)


def locale_of(variables: Mapping[str, Any], accept_language: str, default: str) -> str:
    """A BCP 47 tag whose locale is known to babel; what nobody knows is passed over."""
    return chosen(variables) or _first_known(accept_language[: MOST_CHARACTERS + 1]) or default


def chosen(variables: Mapping[str, Any]) -> str | None:
    """The locale that a request's variables name, whatever its headers say; None where they do not."""
    wanted = variables.get(VARIABLE)
    return _known(wanted) if isinstance(wanted, str) and len(wanted) <= MOST_CHARACTERS else None


@lru_cache(maxsize=1024)
def _first_known(header: str) -> str | None:
    if len(header) > MOST_CHARACTERS:
        header = header[: header.rfind(",") + 1]  # half a tag is another language
    ranked = []
    for number, part in enumerate(header.split(",")):
        tag, *parameters = (piece.strip() for piece in part.split(";"))
        quality = _quality(parameters)
        if quality > 0:
            ranked.append((-quality, number, tag))
    return next((known for _, _, tag in sorted(ranked) if (known := _known(tag))), None)


def _quality(parameters: list[str]) -> float:
    """The weight of one language, 0 for one that is not wanted or cannot be read."""
    if not parameters:
        return 1.0
    name, _, value = parameters[0].partition("=")
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if name.strip().lower() == "q" and 0 <= quality <= 1 else 0.0


@lru_cache(maxsize=1024)
def _known(tag: str) -> str | None:
    """The locale that a tag means; subtags that nobody knows are left off from the end (RFC 4647, lookup)."""
    if not _TAG.fullmatch(tag):
        return None
    while tag:
        try:
            return str(Locale.parse(tag, sep="-")).replace("_", "-")
        except (ValueError, UnknownLocaleError):
            tag = tag.rpartition("-")[0]
    return None
