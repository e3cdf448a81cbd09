"""Parameters: ids (alone, in a list, repeated or separated by commas) and times, as all services take them."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints

Id = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_-]+$")]
"""An opaque id: 1 to 40 letters, digits, hyphens or underscores."""

COMMA_SEPARATED = "x-comma-separated"
"""Marks a list parameter that is sent as one value; openapi.py turns it into style and explode."""


def _written(value: object) -> object:
    if not isinstance(value, str | datetime):
        raise ValueError("should be a text in ISO 8601")
    return value


Instant = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_written)]
"""A time as ISO 8601 writes it, with its zone; also in a strict body, which knows no other times than texts."""


def _split(value: object) -> object:
    if not isinstance(value, list):
        return value
    if len(value) > 1:
        raise ValueError("give it once, its ids separated by commas")
    return value[0].split(",")


CommaIdList = Annotated[list[Id], BeforeValidator(_split)]
"""Ids from one parameter that separates them by commas; an id may stand there twice."""
