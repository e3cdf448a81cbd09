"""What the README says a mobile screen saves, measured anew: one request against those that plain REST takes."""

from __future__ import annotations

import urllib.request

import pytest

from bff_core.app import Doubles, create_app
from bff_core.testing.client import client_for
from tests.conftest import Shop
from tests.docs.pages import ROOT
from tests.screens import SCREENS

PAGE = ROOT / "README.md"
BEGIN, END = "<!-- measured: mobile -->", "<!-- /measured: mobile -->"
READ = [screen for screen in SCREENS if screen.bff.name == "mobile" and not screen.writes]


def size_of(url: str, call: dict[str, object], token: str) -> int:
    """The bytes of the body that a service answers to one call."""
    query = f"?{call['query']}" if call["query"] else ""
    body = None if call["body_ids"] is None else str(call["body_ids"]).replace("'", '"').encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    request = urllib.request.Request(  # noqa: S310  # loopback
        f"{url}{call['path']}{query}", body, headers, method=str(call["method"])
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # loopback
        return len(answer.read())


async def test_the_table_of_the_readme_is_what_is_measured(shop: Shop, request: pytest.FixtureRequest) -> None:
    """For each screen: requests, how many follow one another, and bytes; by REST with ids in batches, and by us."""
    rows = ["| Screen | Plain REST: requests | one after another | bytes | This BFF: requests | bytes |"]
    rows.append("|---|---|---|---|---|---|")
    for screen in READ:
        token = shop.token(screen.user)
        app = create_app(screen.bff, shop.settings(screen.bff), Doubles(clock=screen.clock))
        async with client_for(app) as client:
            await client.query("{ __typename }", token=token)
            shop.heal()
            reply = await client.http.post(
                "/graphql",
                json={"query": screen.text, "variables": screen.variables},
                headers={"authorization": f"Bearer {token}"},
            )
        calls = [(shop.urls[service], call) for service in shop.urls for call in shop.calls(service)]
        if not calls or reply.json()["data"] is None or None in reply.json()["data"].values():
            continue  # the screen of something that is not there
        plain = sum(size_of(url, call, token) for url, call in calls)
        waves = len({call.wave for call in screen.plan.calls})
        rows.append(f"| {screen.file.stem} | {len(calls)} | {waves} | {plain:,} | 1 | {len(reply.content):,} |")
    assert len(rows) > 6
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    kept, found, after = rest.partition(END)
    assert found, f"{PAGE} has no part {BEGIN}"
    made = "\n\n" + "\n".join(rows) + "\n\n"
    if request.config.getoption("--golden-update"):
        PAGE.write_text(f"{before}{BEGIN}{made}{END}{after}", encoding="utf-8")
        return
    assert kept == made, "the README's table is not what is measured; renew it with make snapshots"
