"""What a request notes of how old its values were, for whoever holds its answer after it."""

from __future__ import annotations

from typing import NamedTuple


class Served(NamedTuple):
    """How old what one request was given of one endpoint was, seconds: the oldest value, the oldest missing thing.

    Each at the instant at which it was handed over; what just came is 0 old. ``missing`` is None where there was a
    value for every key.
    """

    oldest: float = 0.0
    missing: float | None = None


JUST_CAME = Served()
