"""Cache-Control: one policy per route, added as a dependency."""

from collections.abc import Callable

from fastapi import Response

CATALOGUE = "public, max-age=60"
"""May be kept by anyone for a minute."""

FRESH_ONLY = "no-cache"
"""May be kept, but must be asked again (with its ETag) every time."""

PRIVATE = "private, no-store"
"""Belongs to one user and is kept nowhere."""


def cache_control(policy: str) -> Callable[[Response], None]:
    """A dependency that sends this policy with every answer of its route, problems apart."""

    def set_policy(response: Response) -> None:
        response.headers["cache-control"] = policy
        if policy == PRIVATE:
            response.headers["vary"] = "authorization"

    return set_policy
