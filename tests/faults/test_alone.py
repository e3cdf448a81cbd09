"""With every service but one stopped, each BFF still answers all that this one can give, and says what is not there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest

from bff_core.app import Doubles, create_app
from bff_core.testing.client import Client, Reply, client_for
from bff_mobile.app import mobile
from bff_web.app import web
from tests.conftest import Shop
from tests.faults.golden import Golden, as_kept, at, instances, put
from tests.faults.scene import LeapingClock
from tests.outbound.raw_server import nobody_listening
from tests.screens import SCREENS, Screen

#: What a client reads of a service that has stopped, and of its own where nobody can tell who it is.
STOPPED = "SERVICE_UNREACHABLE"
NOBODY_CAN_TELL = "AUTH_UNAVAILABLE"

#: So long after it was answered in full, all that the account's screen shows is old, and may stand in. Seconds.
LATER = 60.0


@dataclass(frozen=True)
class Alone:
    """A screen, the one service that is well, and how many calls it gets.

    ``owner``: whose is what the others do not give, by position; ``stands``: what stands there, null where nothing is
    said. ``public``: whether nobody need be signed in for it. ``kept``: whether the screen was answered in full before,
    so that it is old answers that stand there.
    """

    screen: str
    service: str
    calls: int
    owner: Mapping[str, str] = field(default_factory=dict)
    stands: Mapping[str, Any] = field(default_factory=dict)
    public: bool = False
    kept: bool = False

    def __str__(self) -> str:
        return f"{self.screen}-with-{self.service}-alone"

    @property
    def played(self) -> Screen:
        """The screen by its name."""
        return next(one for one in SCREENS if str(one) == self.screen)


ALONE = [
    Alone(
        "web-AccountPage",
        "users",
        calls=3,
        owner={"me.paymentMethods": "payments", "me.preferences.favouriteCategories": "products"},
    ),
    Alone(
        "web-ProductPage",
        "products",
        calls=6,
        owner={"product.reviews.edges[].node.author": "users"},
        stands={"product.reviews.edges[].node.author": {"displayName": "A customer", "avatarUrl": None}},
        public=True,
    ),
    Alone(
        "web-OrderPage",
        "orders",
        calls=2,
        owner={"order.lines[].product": "products", "order.payment": "payments"},
    ),
    # What was paid is shown below an order alone; but money is given back without it.
    Alone("web-Refund", "payments", calls=1, owner={"refund.order": "orders"}),
    Alone(
        "web-InboxPage",
        "notifications",
        calls=2,
        owner={"inbox.edges[].node.order": "orders", "inbox.edges[].node.product": "products"},
    ),
    Alone("mobile-MeScreen", "users", calls=2, owner={"me.paymentMethods": "payments"}),
    Alone(
        "mobile-ProductScreen",
        "products",
        calls=4,
        owner={"productScreen.reviews[].author": "users"},
        stands={"productScreen.reviews[].author": "A customer"},
        public=True,
    ),
    Alone(
        "mobile-OrderStatus",
        "orders",
        calls=2,
        owner={"orderStatus.payment": "payments", "orderStatus.lines[].imageUrl": "products"},
    ),
    # The app shows what belongs to payments below a user or an order alone: one that is kept will do.
    Alone("mobile-MeScreen", "payments", calls=1, owner={"me": "users", "me.defaultAddress": "users"}, kept=True),
    Alone("mobile-Inbox", "notifications", calls=2),
]


@asynccontextmanager
async def left_alone(alone: Alone, front: Shop, *, cold: bool = False) -> AsyncIterator[Client]:
    """A client of a BFF that has only this one service left; ``cold``: from its start on, else once it knows the keys.

    What the client has written is undone afterwards.
    """
    screen = alone.played
    token = front.token(screen.user)
    with ExitStack() as stack:
        urls = {name: stack.enter_context(nobody_listening()) for name in front.urls if name != alone.service}
        issuer = stack.enter_context(ExitStack())
        if not cold and "users" in urls:
            urls["users"] = issuer.enter_context(front.another("users"))
        clock = LeapingClock(screen.clock)
        environment = {f"SERVICES__{name.upper()}__URL": url for name, url in urls.items()}
        app = create_app(screen.bff, front.settings(screen.bff, **environment), Doubles(clock=clock))
        async with client_for(app) as client:
            if not cold:
                await client.query("{ __typename }", token=token)
            if alone.kept:
                before = await client.query(screen.text, screen.variables, token=token)
                assert before.body == {"data": Golden.of(screen).data}
                clock.leap(LATER)
            issuer.close()
            front.forget()
            try:
                yield client
            finally:
                front.reset()


async def asked(client: Client, alone: Alone, front: Shop) -> Reply:
    """The screen, asked for by whose it is."""
    screen = alone.played
    return as_kept(await client.query(screen.text, screen.variables, token=front.token(screen.user)))


def told(reply: Reply) -> dict[tuple[str, str, str, str], int]:
    """What an answer says is degraded: how many values, by path, service, source and reason."""
    return {(one["path"], one["service"], one["source"], one["reason"]): one["count"] for one in reply.degraded}


def named(reply: Reply) -> set[tuple[str, str]]:
    """Where an answer says an error is, with its code."""
    return {(json.dumps(one["path"]), one["extensions"]["code"]) for one in reply.errors}


def calls(front: Shop) -> dict[str, int]:
    """How many calls of the BFF each service got, of those that got any."""
    return dict(
        Counter(service for service in front.urls for call in front.calls(service) if call["headers"]["x-deadline-ms"])
    )


def check(alone: Alone, reply: Reply) -> None:
    """Assert that what is the one service's is whole, and that the rest is null, the fallback or old, and named so."""
    golden = Golden.of(alone.played)
    expected, degraded, errors = deepcopy(golden.data), dict[tuple[str, str, str, str], int](), set[tuple[str, str]]()
    for position, service in alone.owner.items():
        stands = alone.stands.get(position)
        there = [path for path in instances(golden.data, position) if at(golden.data, path) is not None]
        source = "stale" if alone.kept else "omitted" if stands is None else "fallback"
        degraded[position.replace("[]", ""), service, source, STOPPED] = len(there)
        for path in there if not alone.kept else ():
            put(expected, path, stands)
            errors |= {(json.dumps(path), STOPPED)} if stands is None else set()
    assert reply.status == 200
    assert reply.data == expected
    assert named(reply) == errors
    assert told(reply) == degraded


@pytest.mark.parametrize("alone", ALONE, ids=str)
async def test_one_service_alone_gives_all_it_has(alone: Alone, front: Shop) -> None:
    """What is the one service's is whole, in its usual calls; the rest is null, the fallback or old, and named so."""
    async with left_alone(alone, front) as client:
        reply = await asked(client, alone, front)
        made = calls(front)
    check(alone, reply)
    assert made == {alone.service: alone.calls}


@pytest.mark.parametrize("alone", [one for one in ALONE if one.public or one.service == "users"], ids=str)
async def test_a_cold_start_is_enough_for_what_is_public_and_for_the_issuer(alone: Alone, front: Shop) -> None:
    """A BFF that starts so serves public pages as above, and all that is the issuer's, with its keys."""
    async with left_alone(alone, front, cold=True) as client:
        reply = await asked(client, alone, front)
        made = calls(front)
    check(alone, reply)
    assert made == {alone.service: alone.calls + (alone.service == "users")}


@pytest.mark.parametrize(
    "alone", [one for one in ALONE if not (one.public or one.kept or one.service == "users")], ids=str
)
async def test_after_a_cold_start_nobody_can_tell_whose_it_is(alone: Alone, front: Shop) -> None:
    """Whoever never knew the issuer's keys is not ready, and asks for nothing private, not even where all is well."""
    async with left_alone(alone, front, cold=True) as client:
        ready = await client.http.get("/readyz")
        reply = await asked(client, alone, front)
        made = calls(front)
    roots = dict.fromkeys(Golden.of(alone.played).data)
    assert (ready.status_code, ready.json()) == (503, {"ready": False, "missing": ["keys of the token issuer"]})
    assert reply.status == 200
    assert reply.data == roots
    assert named(reply) == {(json.dumps([root]), NOBODY_CAN_TELL) for root in roots}
    assert told(reply) == {(root, alone.service, "omitted", NOBODY_CAN_TELL): 1 for root in roots}
    assert made == {}


def test_each_service_is_alone_once_under_each_bff() -> None:
    """No service of a BFF is left out."""
    assert sorted((one.played.bff.name, one.service) for one in ALONE) == sorted(
        (bff.name, service.name) for bff in (web, mobile) for service in bff.services
    )
