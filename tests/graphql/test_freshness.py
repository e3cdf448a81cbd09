"""How long answers may serve elsewhere, and whom: derived from the call plan and the windows in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bff_core.contract import Endpoint, Record, Service, Windows
from bff_core.graphql.callplan import CallPlan, Position
from bff_core.graphql.freshness import NO_TIME, NOT_FRESH, Freshness, Lasting, freshness_of
from bff_core.graphql.operations import Operations
from bff_core.graphql.scopes import Need
from bff_core.loading.served import JUST_CAME, Served
from bff_core.settings import Settings
from bff_core.windows import windows_in_force
from bff_mobile.app import mobile
from bff_web.app import web

things = Service("things")


class Thing(Record):
    """A thing."""

    id: str


def declared(path: str, **policy: Any) -> Endpoint[Any]:
    """An endpoint of the things."""
    return things.batch(f"GET /{path}", keys="id", returns=Thing, key="id", max_keys=10, **policy)


short = declared("short", fresh=5, stale=60, stale_if_error=600)
long = declared("long", fresh=30, stale=10, stale_if_error=300, varies=("locale",))
strict = declared("strict", fresh=1, no_stale=True, varies=("client",))
plain = declared("plain")
own = declared("own", relay=True, fresh=10)
closed = declared("closed", public=False, fresh=10)

WINDOWS: Mapping[Endpoint[Any], Windows] = {
    endpoint: endpoint.policy.windows for endpoint in things.endpoints if endpoint.policy.windows is not None
}


def plan(*endpoints: Endpoint[Any], needs: tuple[Need, ...] = ()) -> CallPlan:
    """A plan with a position for each of the endpoints."""
    positions = [
        Position(f"a{number}", "Query.a", (one,), 1, 1, None, "null", f"a{number}", (number,))
        for number, one in enumerate(endpoints)
    ]
    return CallPlan("", tuple(positions), needs=needs)


def left(freshness: Freshness, served: Mapping[Endpoint[Any], Served] | None = None, spent: float = 0.0) -> Lasting:
    """What is left of an answer whose parts were served like this; those that are not told have just come."""
    return freshness.left(lambda endpoint: (served or {}).get(endpoint, JUST_CAME), spent)


@pytest.mark.parametrize(
    ("endpoints", "public"),
    [
        ((short,), True),
        ((short, long, strict), True),
        ((short, plain), False),
        ((short, own), False),
        ((short, closed), False),
        ((own,), False),
        ((), False),
    ],
)
def test_an_answer_is_public_if_every_part_is(endpoints: tuple[Endpoint[Any], ...], public: bool) -> None:
    """No part may belong to who asks, and each must say how long it serves; without parts nobody says it."""
    assert freshness_of(plan(*endpoints), WINDOWS).public is public


def test_an_answer_with_a_scope_is_not_public() -> None:
    """Whoever lacks the scope is shown less, also where no credential is relayed."""
    need = Need("Query.a", frozenset({frozenset({"things:read"})}))
    assert not freshness_of(plan(short, needs=(need,)), WINDOWS).public


def test_one_of_the_candidates_of_an_opaque_resolver_is_enough() -> None:
    """Nobody knows which it picks, so all of them count."""
    position = Position("a", "Query.a", (short, own), 1, 1, None, "null", "a", ())
    assert not freshness_of(CallPlan("", (position,)), WINDOWS).public


def test_windows_are_the_least_of_the_parts() -> None:
    """Each by itself; they need not be of the same part."""
    assert freshness_of(plan(short), WINDOWS).longest == Lasting(5, 60, 600)
    assert freshness_of(plan(short, long), WINDOWS).longest == Lasting(5, 10, 300)
    assert freshness_of(plan(short, long, strict), WINDOWS).longest == Lasting(1, 0, 0)
    assert NOT_FRESH.longest == NO_TIME


def test_what_differs_by_locale_and_client_is_known() -> None:
    """From the endpoints that are sent them."""
    assert freshness_of(plan(short), WINDOWS).varies == frozenset()
    assert freshness_of(plan(short, long, strict), WINDOWS).varies == {"locale", "client"}


@pytest.mark.parametrize(
    ("served", "spent", "expected"),
    [
        ({short: Served(oldest=2)}, 0, Lasting(3, 10, 300)),
        ({short: Served(oldest=2)}, 1, Lasting(2, 10, 300)),
        ({long: Served(oldest=28)}, 0, Lasting(2, 10, 300)),
        ({long: Served(oldest=34)}, 0, Lasting(0, 6, 296)),
        ({long: Served(oldest=34)}, 1.5, Lasting(0, 4.5, 294.5)),
        ({long: Served(oldest=50)}, 0, Lasting(0, 0, 280)),
        ({long: Served(oldest=1000)}, 0, Lasting(0, 0, 0)),
        ({long: Served(missing=0)}, 0, Lasting(2, 0, 0)),
        ({long: Served(missing=1.5)}, 0.25, Lasting(0.25, 0, 0)),
        ({long: Served(missing=3)}, 0, Lasting(0, 0, 0)),
        ({long: Served(oldest=29.5, missing=0)}, 0, Lasting(0.5, 0, 0)),
    ],
)
def test_what_is_used_up_is_not_given_again(
    served: Mapping[Endpoint[Any], Served], spent: float, expected: Lasting
) -> None:
    """The age of each part, the time since, and what of the further windows it has used up; a missing thing's own."""
    assert left(freshness_of(plan(short, long), WINDOWS), served, spent) == expected


def test_no_part_serves_longer_in_all_than_its_endpoint_says() -> None:
    """However old it was when it was handed on: its age, what is called fresh and what may be old add up to no more."""
    for oldest in (0.0, 4.9, 5.0, 29.0, 31.0, 38.0, 64.0, 400.0):
        lasting = left(freshness_of(plan(short, long), WINDOWS), {short: Served(oldest), long: Served(oldest)})
        for windows in (WINDOWS[short], WINDOWS[long]):
            assert lasting.max_age == 0 or oldest + lasting.max_age <= windows.fresh
            for further, most in (
                (lasting.stale_while_revalidate, windows.stale),
                (lasting.stale_if_error, max(windows.stale, windows.stale_if_error)),
            ):
                assert further == 0 or oldest + lasting.max_age + further <= windows.fresh + most


def test_a_bound_holds_for_all_windows_together() -> None:
    """What is new uses it up first."""
    assert Lasting(20, 30, 300).within(60) == Lasting(20, 30, 40)
    assert Lasting(20, 30, 300).within(10) == Lasting(10, 0, 0)
    assert Lasting(20, 30, 300).within(1000) == Lasting(20, 30, 300)


def of_shop(bff: Any, environment: Mapping[str, str]) -> dict[str, Freshness]:
    """The freshness of each operation of a BFF, by name."""
    settings: Settings = bff.load_settings(environment)
    operations = Operations(bff.schema, windows=windows_in_force(bff.services, settings))
    names = [(each.text, one.name) for each in bff.trusted for one in each.operations]
    return {name: operations.prepare(text, name).freshness for text, name in names}


def test_the_public_documents_of_the_shop() -> None:
    """Those that show the catalogue and nothing of whoever looks at it; no write is among them."""
    assert {name for name, one in of_shop(web, {}).items() if one.public} == {"ProductPage", "SearchPage"}
    of_mobile = of_shop(mobile, {})
    assert {name for name, one in of_mobile.items() if one.public} == {"Feed", "ProductScreen"}
    assert of_mobile["Feed"].longest == Lasting(60, 3600, 86_400)
    assert of_mobile["ProductScreen"].longest == Lasting(1, 0, 0)  # for its stock, which is never old
