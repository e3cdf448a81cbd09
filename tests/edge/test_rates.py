"""Rate limits: who is counted together, when one is refused, and when one may ask again."""

from __future__ import annotations

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff_core.edge.address import Callers
from bff_core.edge.rates import Counts
from bff_core.settings import SettingsError
from bff_core.telemetry.facts import RequestFinished, RequestTurnedAway
from bff_core.testing.clock import FakeClock
from tests.edge.desk import DESK, Desk, desk

WORD = json.dumps({"query": '{ word(id: "1") { text } }'})
LOCALE = '{"query": "{ locale }"}'


def check_refused(response: httpx.Response, per_minute: int, seconds: int) -> None:
    """A request that came too often: told so in the form of all answers, and when to come back."""
    assert (response.status_code, response.headers["retry-after"]) == (429, str(seconds))
    (error,) = response.json()["errors"]
    assert error == {
        "message": f"Not more than {per_minute} requests a minute are answered; ask again in {seconds} seconds.",
        "extensions": {"code": "RATE_LIMITED"},
    }


def turned_away(room: Desk) -> list[tuple[str, str]]:
    """Why requests were turned away and whose, in order."""
    return [(fact.reason, fact.client) for fact in room.observer.of(RequestTurnedAway)]


# One principal ------------------------------------------------------------------------------------------------------


async def test_a_principal_that_asks_too_often_is_refused() -> None:
    """Beyond its number a minute a principal is a 429 with Retry-After, asks no service, and may ask again then."""
    async with desk({"RATES__PRINCIPAL_PER_MINUTE": "3"}) as room:
        token = room.mint.token(clock=room.clock)
        for number in range(3):
            assert (await room.client.query(f'{{ word(id: "{number}") {{ text }} }}', token=token)).status == 200
        check_refused(await room.post(WORD, authorization=f"Bearer {token}"), 3, 61)
        assert len(room.transports["words"].requests) == 3
        assert turned_away(room) == [("principal_rate", "other")]
        assert [fact.status for fact in room.observer.of(RequestFinished)] == [200, 200, 200, 429]

        await room.clock.advance(60)
        check_refused(await room.post(WORD, authorization=f"Bearer {token}"), 3, 1)
        await room.clock.advance(1)
        assert (await room.post(WORD, authorization=f"Bearer {token}")).status_code == 200


async def test_principals_are_counted_apart() -> None:
    """Another subject, and the same one of another tenant, have numbers of their own; another token of one has not."""
    async with desk({"RATES__PRINCIPAL_PER_MINUTE": "1"}) as room:
        mint, clock = room.mint, room.clock
        tokens = [
            (mint.token("7", clock=clock), 200),
            (mint.token("8", clock=clock), 200),
            (mint.token("7", clock=clock, tenant="a"), 200),
            (mint.token("7", clock=clock, tenant="b"), 200),
            (mint.token("7", clock=clock, ttl=60.0), 429),
            (mint.token("7', 'x", clock=clock), 200),
        ]
        for token, status in tokens:
            assert (await room.post(LOCALE, authorization=f"Bearer {token}")).status_code == status


async def test_nobody_is_no_principal() -> None:
    """Without a token, or with one that is refused, no principal is counted."""
    async with desk({"RATES__PRINCIPAL_PER_MINUTE": "1"}) as room:
        for _ in range(3):
            assert (await room.post(LOCALE)).status_code == 200
            assert (await room.post(LOCALE, authorization="Bearer x.y.z")).status_code == 401
        assert turned_away(room) == []


async def test_a_principal_is_bounded_unless_set_otherwise() -> None:
    """By default a principal has 600 requests a minute, and everybody else any number."""
    settings = DESK.load_settings({})
    assert (settings.rates.principal_per_minute, settings.rates.client_per_minute) == (600, 0)


# One client ---------------------------------------------------------------------------------------------------------


async def test_a_client_that_asks_too_often_is_refused() -> None:
    """Beyond its number a minute a client at one address is a 429 before its body is read; refused requests and
    credentials that are not valid count as well."""
    async with desk({"RATES__CLIENT_PER_MINUTE": "4"}) as room:
        for body, authorization, status in (
            (WORD, None, 200),
            ("{", None, 400),
            (WORD, "Bearer x.y.z", 401),
            (LOCALE, f"Bearer {room.token}", 200),
        ):
            headers = {} if authorization is None else {"authorization": authorization}
            assert (await room.post(body, **headers)).status_code == status
        check_refused(await room.post(WORD), 4, 61)
        assert len(room.transports["words"].requests) == 1
        assert turned_away(room) == [("client_rate", "other")]


async def test_clients_are_counted_apart() -> None:
    """A known client has its own number, so that one that runs wild shuts out no other; unknown names share one."""
    async with desk({"RATES__CLIENT_PER_MINUTE": "1"}) as room:
        for name, status in (("kiosk", 200), ("other", 200), ("stranger", 429), ("kiosk", 429)):
            assert (await room.post(LOCALE, apollographql_client_name=name)).status_code == status
        assert turned_away(room) == [("client_rate", "other"), ("client_rate", "kiosk")]


async def test_addresses_are_counted_apart_behind_a_trusted_proxy() -> None:
    """X-Forwarded-For tells callers apart when the proxy that says it is trusted."""
    async with desk({"RATES__CLIENT_PER_MINUTE": "1", "EDGE__TRUSTED_PROXIES": "127.0.0.1"}) as room:
        for forwarded, status in (
            ("198.51.100.1", 200),
            ("198.51.100.2", 200),
            ("198.51.100.1", 429),
            ("203.0.113.9, 198.51.100.1", 429),  # what the client wrote itself does not count
            ("198.51.100.1, 127.0.0.1", 429),
        ):
            response = await room.post(LOCALE, x_forwarded_for=forwarded)
            assert (forwarded, response.status_code) == (forwarded, status)


async def test_nobody_chooses_an_address() -> None:
    """Without a trusted proxy the header is passed over, in one line and in several."""
    async with desk({"RATES__CLIENT_PER_MINUTE": "1"}) as room:
        assert (await room.post(LOCALE, x_forwarded_for="198.51.100.1")).status_code == 200
        assert (await room.post(LOCALE, x_forwarded_for="198.51.100.2")).status_code == 429
    async with desk({"RATES__CLIENT_PER_MINUTE": "1", "EDGE__TRUSTED_PROXIES": "127.0.0.1"}) as room:
        for number, status in ((1, 200), (2, 429)):
            lines = [
                ("content-type", "application/json"),
                ("x-forwarded-for", f"203.0.113.{number}"),
                ("x-forwarded-for", "198.51.100.7"),
            ]
            assert (await room.client.http.post("/graphql", content=LOCALE, headers=lines)).status_code == status


async def test_preflights_do_not_count() -> None:
    """A browser that asks first uses up nothing."""
    settings = {"RATES__CLIENT_PER_MINUTE": "1", "EDGE__ALLOWED_ORIGINS": "https://shop.example"}
    async with desk(settings) as room:
        headers = {"origin": "https://shop.example", "access-control-request-method": "POST"}
        for _ in range(3):
            assert (await room.client.http.options("/graphql", headers=headers)).status_code == 204
        assert (await room.post(LOCALE)).status_code == 200
        refused = await room.post(LOCALE, origin="https://shop.example")
        assert refused.status_code == 429
        assert refused.headers["access-control-allow-origin"] == "https://shop.example"
        assert "retry-after" in refused.headers["access-control-expose-headers"]


# Addresses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "forwarded", "caller"),
    [
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
        ("10.0.0.1", "'; DROP TABLE", "10.0.0.1"),
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),
        ("fd00::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fd00::1", "[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("2001:db8::1", None, "2001:db8::/64"),
        (None, "198.51.100.1", "unknown"),
        ("testclient", "198.51.100.1", "unknown"),
    ],
)
def test_a_caller_is_told_by_the_last_who_is_not_trusted(peer: str | None, forwarded: str | None, caller: str) -> None:
    """From its end the header is believed as long as proxies of ours wrote it; of IPv6 a customer is a network."""
    assert Callers(["10.0.0.0/8", "fd00::/8"]).caller(peer, forwarded) == caller


@pytest.mark.parametrize("value", ["localhost", "10.0.0.1/8", "10.0.0.0/33", "10.0.0", "*", "nginx"])
def test_a_proxy_that_is_no_network_is_no_setting(value: str) -> None:
    """A name, and a network with bits beyond it, stop the start."""
    with pytest.raises(SettingsError, match=r"edge\.trusted_proxies .*allowed is each address or network"):
        DESK.load_settings({"BFF_DESK__EDGE__TRUSTED_PROXIES": value})


# Counting -----------------------------------------------------------------------------------------------------------


async def test_no_minute_has_more_than_allowed_at_its_borders() -> None:
    """Who used up the end of one minute cannot use up the beginning of the next."""
    clock = FakeClock(start=59.0)
    counts = Counts(clock)
    assert [await counts.acquire_sliding_window_entry("a", 10, 60) for _ in range(11)] == [True] * 10 + [False]
    for later in (2, 10):
        await clock.advance(later)
        assert [await counts.acquire_sliding_window_entry("a", 10, 60) for _ in range(3)] == [True, False, False]


@given(
    limit=st.integers(1, 50),
    steps=st.lists(st.tuples(st.integers(0, 40), st.floats(0, 90)), min_size=1, max_size=8),
)
async def test_when_to_come_back_is_when_one_passes(limit: int, steps: list[tuple[int, float]]) -> None:
    """Whatever was asked before: a second before the time that is told one is refused or not, and at it one passes."""
    clock = FakeClock()
    counts = Counts(clock)
    for asked, pause in steps:
        for _ in range(asked):
            await counts.acquire_sliding_window_entry("a", limit, 60)
        clock.block(pause)
    if await counts.acquire_sliding_window_entry("a", limit, 60):
        return
    seconds = counts.seconds_until_one("a", limit, 60)
    assert 1 <= seconds <= 121
    if seconds > 1:
        early = Counts(clock)
        early._counts = counts._counts  # the same counts, looked at earlier
        clock.block(seconds - 1.001)
        assert not await early.acquire_sliding_window_entry("a", limit, 60)
        clock.block(1.001)
    else:
        clock.block(1)
    assert await counts.acquire_sliding_window_entry("a", limit, 60)


async def test_callers_without_end_take_no_memory_without_end() -> None:
    """Beyond the bound whoever asked longest ago is forgotten; who goes on asking is not."""
    counts = Counts(FakeClock(), most=100)
    for number in range(10_000):
        await counts.acquire_sliding_window_entry("busy", 1000, 60)
        await counts.acquire_sliding_window_entry(f"caller {number}", 1000, 60)
    assert repr(counts) == "<Counts callers=100/100>"
    assert await counts.get("busy") == 1000
    assert await counts.get("caller 0") == 0


async def test_the_memory_is_one_of_the_library_s() -> None:
    """What other strategies of ``limits`` ask of a memory it answers too."""
    counts = Counts(FakeClock(start=30.0))
    assert await counts.incr("a", 60) == 1
    assert await counts.get_sliding_window("a", 60) == (0, 30.0, 1, 90.0)
    assert await counts.check()
    await counts.clear("a")
    assert await counts.get("a") == 0
    await counts.incr("a", 60, 5)
    await counts.clear_sliding_window("a", 60)
    await counts.incr("b", 60)
    assert await counts.reset() == 1
    assert await counts.get_expiry("b") == 1_700_000_000.0
