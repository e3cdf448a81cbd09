"""Both BFFs, as they run in development, under the audits of the npm package graphql-http.

The audits are the GraphQL-over-HTTP working group's own. Their ids are kept here: one that vanishes from the package is
red, and one that is new in it too, so that nobody updates the package without looking at what it now holds us to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest
import pytest_asyncio

from bff_core.app import create_app
from bff_core.bff import Bff
from bff_mobile.app import mobile
from bff_web.app import web
from tests.browser.hello import serving
from tests.clients.javascript import JavaScript
from tests.conftest import Shop

AUDITS = (
    # what is answered: media types and encoding
    *("22EB", "4655", "47DE", "80D8", "82A3"),
    # what is taken: encoding, methods, media types
    *("BF61", "78D5", "2C94", "5A70", "9C48", "9ABE", "03D4"),
    # the parameters of a request
    *("A5BF", "423L", "LKJ0", "LKJ1", "LKJ2", "LKJ3", "34A2", "13EE"),
    *("6C00", "6C01", "6C02", "6C03", "8161", "B8B3"),
    *("94B0", "0220", "94B1", "0221", "94B2", "0222"),
    *("4760", "4761", "4762", "4763", "2EA1", "28B9", "D6D5", "6A70"),
    *("58B0", "58B1", "58B2", "58B3", "428F", "1B7A"),
    # what is no request, no document, or does not fit: as plain JSON
    *("B6DC", "BCF8", "B7N8", "8764", "3E3A", "572B", "FDE2", "7B9B"),
    # the same, as application/graphql-response+json
    *("865D", "556A", "D586", "51FE", "74FF", "5E5B", "86EE"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """What one audit found: ``status`` is ok, notice, warn or error, ``reason`` why it is not ok."""

    name: str
    status: str
    reason: str


Findings = Mapping[str, Mapping[str, Found]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def findings(javascript: JavaScript, running_shop: Shop) -> AsyncIterator[Findings]:
    """By BFF and audit what was found; all audits run once."""
    apps = {bff.name: create_app(bff, running_shop.settings(bff)) for bff in (web, mobile)}
    async with serving(apps["web"]) as at_web, serving(apps["mobile"]) as at_mobile:
        results = await javascript.run("audits.mjs", at_web, at_mobile)
    yield {
        name: {one["id"]: Found(one["name"], one["status"], one["reason"]) for one in results[url]}
        for name, url in (("web", at_web), ("mobile", at_mobile))
    }


def test_all_audits_are_known(findings: Findings) -> None:
    """The package has the 61 audits that are listed here, each once, and no other."""
    assert len(AUDITS) == len(set(AUDITS)) == 61
    assert {name: set(found) for name, found in findings.items()} == {"web": set(AUDITS), "mobile": set(AUDITS)}


@pytest.mark.parametrize("bff", [web, mobile], ids=lambda bff: bff.name)
@pytest.mark.parametrize("audit", AUDITS)
def test_audit(audit: str, bff: Bff, findings: Findings) -> None:
    """A BFF passes the audit: neither an error nor a warning nor a notice."""
    found = findings[bff.name][audit]
    assert found.status == "ok", f"{found.name}: {found.reason}"
