"""A slow client names the service to blame: both BFFs, with one service slowed at a time, read from /metrics."""

from __future__ import annotations

import asyncio
import re

import pytest

from bff_core.bff import Bff
from bff_core.telemetry.critical_path import OWN
from bff_core.telemetry.facts import CallFinished, RequestFinished
from bff_mobile.app import mobile
from bff_web.app import web
from tests.screens import SCREENS, Screen
from tests.telemetry.slowed import USUAL, slowed

BY_NAME = {str(screen): screen for screen in SCREENS}

SLOWED = [
    ("web-AccountPage", "users"),
    ("web-CartPage", "orders"),
    ("web-CartPage", "products"),
    ("web-HomePage", "notifications"),
    ("web-HomePage", "orders"),
    ("web-HomePage", "products"),
    ("web-InboxPage", "notifications"),
    ("web-InboxPage", "orders"),
    ("web-OrderHistory", "orders"),
    ("web-OrderHistory", "payments"),
    ("web-OrderHistory", "products"),
    ("web-OrderPage", "payments"),
    ("mobile-Cart", "products"),
    ("mobile-CheckoutScreen", "orders"),
    ("mobile-CheckoutScreen", "payments"),
    ("mobile-CheckoutScreen", "users"),
    ("mobile-Inbox", "notifications"),
    ("mobile-Orders", "orders"),
    ("mobile-OrderStatus", "payments"),
    ("mobile-OrderStatus", "products"),
]

CLIENTS = {"web": "web-app", "mobile": "ios"}


def parts(series: dict[str, float], screen: Screen) -> dict[str, float]:
    """``bff_critical_path_seconds_sum`` of one screen's client and operation, by service."""
    labels = f'bff="{screen.bff.name}",client="{CLIENTS[screen.bff.name]}",operation="{screen.file.stem}",service="'
    prefix = f"bff_critical_path_seconds_sum{{{labels}"
    return {name.removeprefix(prefix)[:-2]: value for name, value in series.items() if name.startswith(prefix)}


def slow(series: dict[str, float]) -> list[str]:
    """The services in ``bff_slow_requests_total``."""
    names = [name for name in series if name.startswith("bff_slow_requests_total")]
    return [name.partition('service="')[2].removesuffix('"}') for name in names]


@pytest.mark.parametrize(("name", "service"), SLOWED)
async def test_the_slow_service_is_the_one_that_is_named(name: str, service: str) -> None:
    """What holds the client up most is the slowed service, by what it was slowed, and the parts are the request."""
    screen = BY_NAME[name]
    async with slowed(screen.bff, EDGE__SLOW_MS="200") as here:
        _, usual = await here.show(screen, CLIENTS[screen.bff.name])
        assert max(usual.path.values()) < 0.1
        before = parts(await here.series(), screen)
        here.slow[service] = 0.25
        _, fact = await here.show(screen, CLIENTS[screen.bff.name])
        series = await here.series()
    found = {one: after - before.get(one, 0.0) for one, after in parts(series, screen).items()}
    assert slow(series) == [service]
    assert max(found, key=lambda one: found[one]) == service
    assert found[service] >= 0.25 + USUAL - 1e-9
    assert sum(found.values()) == pytest.approx(fact.seconds, rel=0.01)
    assert sum(fact.path.values()) == pytest.approx(fact.seconds, rel=0.01)


async def test_a_second_attempt_and_the_pause_before_it_are_the_services() -> None:
    """Who fails first and answers then has held the client up from the first call to the last."""
    screen = BY_NAME["web-AccountPage"]
    retry = {"SERVICES__ALL__RETRY__RETRIES": "1", "SERVICES__ALL__RETRY__BASE_MS": "250"}
    async with slowed(web, **retry) as here:
        here.failing["users"] = 1
        reply, fact = await here.show(screen, "web-app")
        assert here.calls["users"] == 2
    assert not reply.errors
    assert fact.seconds > 2 * USUAL
    assert fact.path == pytest.approx({"users": fact.seconds, OWN: 0.0}, abs=1e-9)


async def test_the_wait_for_our_own_permit_is_the_services() -> None:
    """A call that waits for one of our permits holds its client up under the name of its service."""
    one, other = BY_NAME["web-ProductPage"], BY_NAME["web-SearchPage"]
    async with slowed(web, SERVICES__PRODUCTS__IN_FLIGHT="1") as here:
        first = asyncio.ensure_future(here.show(one, "web-app"))
        await asyncio.sleep(0)
        await here.show(other, "web-app")
        await first
        facts = here.observer.of(RequestFinished)
        waited = sum(fact.waited for fact in here.observer.of(CallFinished))
        assert waited > USUAL
    for fact in facts:
        assert fact.path == pytest.approx({"products": fact.seconds, OWN: 0.0}, abs=1e-9)


@pytest.mark.parametrize("bff", [web, mobile], ids=["web", "mobile"])
async def test_every_screen_is_the_sum_of_its_parts(bff: Bff) -> None:
    """The seconds of services and our own are the request's within 1 %, whatever ran beside one another."""
    async with slowed(bff) as here:
        for screen in SCREENS:
            if screen.bff is bff:
                await here.show(screen, CLIENTS[bff.name])
        facts = here.observer.of(RequestFinished)
        assert len(facts) == sum(screen.bff is bff for screen in SCREENS)
        series = await here.series()
    for fact in facts:
        assert sum(fact.path.values()) == pytest.approx(fact.seconds, rel=0.01)
        assert set(fact.path) <= {OWN} | {service.name for service in bff.services}
    whole = sum(value for name, value in series.items() if name.startswith("bff_request_duration_seconds_sum"))
    paths = sum(value for name, value in series.items() if name.startswith("bff_critical_path_seconds_sum"))
    assert paths == pytest.approx(whole, rel=0.01)


HOSTILE = ['a"} 1', "web-app ", "\N{SNOWMAN}", "x" * 300, "web-app\\", "{{", "4.2.1", "ios", "../../etc", "$(x)"]


async def test_hostile_names_make_no_new_series() -> None:
    """Whatever clients call themselves, their versions and operations: after the first of them no series is new."""
    known = Screen(web, BY_NAME["web-AccountPage"].file)
    async with slowed(web, EDGE__KNOWN_VERSIONS="4.1") as here:
        await here.show(known, "web-app", **{"apollographql-client-version": "4.1"})
        await here.client.query("query Mine { __typename }", headers={"apollographql-client-name": "mine"})
        before = await here.series()
        for number, name in enumerate(HOSTILE):
            word = f"N{number}" + re.sub(r"\W", "", name, flags=re.ASCII)
            headers = {"apollographql-client-name": name, "apollographql-client-version": f"{name}-{number}"}
            raw = {key.encode(): value.encode() for key, value in headers.items()}
            body = {"query": f"query {word} {{ __typename }}", "operationName": word}
            response = await here.client.http.post("/graphql", json=body, headers=raw)
            assert response.status_code == 200
        after = await here.series()
    assert set(after) == set(before)
    of_web = 'bff="web",client="web-app",client_version="4.1",operation="AccountPage",result="whole",status="200"'
    of_others = 'bff="web",client="other",client_version="other",operation="anonymous",result="whole",status="200"'
    assert after[f"bff_requests_total{{{of_web}}}"] == 1
    assert after[f"bff_requests_total{{{of_others}}}"] == 1 + len(HOSTILE)
