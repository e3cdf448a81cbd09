"""The bench of hostile documents: each ends as its row says, asks nobody, and an ordinary request beside it goes on."""

from __future__ import annotations

import asyncio

import pytest

from bench.hostile import HOSTILE, cpu_ms, everything, nobody, settings, subject
from bff_core.app import Doubles, create_app
from bff_core.graphql.limits.limits import Limits
from bff_core.testing.client import client_for


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_document_ends_as_it_should(name: str) -> None:
    """Refused with its code and without a call to any service; an ordinary request sent with it is answered."""
    services, hostile = nobody(), HOSTILE[name]
    async with client_for(create_app(subject(), settings(), Doubles(transports=lambda _service: services))) as client:
        services.requests.clear()
        _, ordinary = await asyncio.gather(cpu_ms(client, hostile, 0), client.query("{ __typename }"))
        assert (ordinary.data, ordinary.errors) == ({"__typename": "Query"}, [])
        if hostile.refused:
            assert [one for one in services.requests if "jwks" not in one.url.path] == []


def test_the_bench_holds_them_to_what_is_shipped() -> None:
    """The limits are production's; only what would keep the documents away before them is not."""
    assert settings().limits.limits == Limits()


async def test_the_table_has_a_row_for_each() -> None:
    """What it prints says how much, how it ended and what it cost."""
    subjects = {name: HOSTILE[name] for name in ("2^25 spreads in 1 kB", "32 kB: one comment")}
    lines = (await everything(1, subjects)).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == list(subjects)
    assert [line.split("|")[3].strip() for line in lines[2:]] == ["`TOO_COSTLY`", "an answer"]
