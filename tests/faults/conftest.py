"""The services a second time: what fails in front of the BFFs fails for no service that another one asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from tests.conftest import Shop


@dataclass(frozen=True)
class Front(Shop):
    """A shop that remembers the tokens it has handed out; they are valid for years."""

    tokens: dict[str, str] = field(default_factory=dict)

    def token(self, user: str = "7", scopes: Sequence[str] | None = None) -> str:
        """The token of one user."""
        if scopes is not None:
            return super().token(user, scopes)
        if user not in self.tokens:
            self.tokens[user] = super().token(user)
        return self.tokens[user]


@pytest.fixture(scope="session")
def running_front(running_shop: Shop) -> Iterator[Shop]:
    """One more of each service, over the same data; each asks those of ``running_shop``, and only BFFs ask it."""
    with ExitStack() as stack:
        urls = {service: stack.enter_context(running_shop.another(service)) for service in running_shop.urls}
        front = Front(urls, running_shop.data)
        front.know_keys()
        yield front


@pytest.fixture
def front(running_front: Shop) -> Shop:
    """The services that only BFFs ask. They are as the last test left them: each ends what it began."""
    return running_front
