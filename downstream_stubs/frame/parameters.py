"""Parameters: the ids that services take, alone, in a list, repeated or separated by commas."""

from typing import Annotated

from pydantic import BeforeValidator, StringConstraints

Id = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_-]+$")]
"""An opaque id: 1 to 40 letters, digits, hyphens or underscores."""

COMMA_SEPARATED = "x-comma-separated"
"""Marks a list parameter that is sent as one value; openapi.py turns it into style and explode."""


def _split(value: object) -> object:
    if not isinstance(value, list):
        return value
    if len(value) > 1:
        raise ValueError("give it once, its ids separated by commas")
    return value[0].split(",")


CommaIdList = Annotated[list[Id], BeforeValidator(_split)]
"""Ids from one parameter that separates them by commas; an id may stand there twice."""
