"""A cursor that is none is the client's fault and nobody's failure."""

from __future__ import annotations

import pytest

from bff_core.app import create_app
from bff_core.testing.client import client_for
from bff_web.app import web
from tests.conftest import Shop


@pytest.mark.parametrize("cursor", ["nonsense", "\u0000", "x" * 500])
async def test_bad_cursor_is_told_to_the_client(cursor: str, shop: Shop) -> None:
    """The field is null with BAD_REQUEST, nothing is degraded, and the service was asked once."""
    text = 'query ($after: String) { search(query: "lamp", after: $after) { totalCount } }'
    async with client_for(create_app(web, shop.settings(web))) as client:
        reply = await client.query(text, {"after": cursor})
    assert reply.data == {"search": None}
    assert [error["extensions"]["code"] for error in reply.errors] == ["BAD_REQUEST"]
    assert "`after`" in reply.errors[0]["message"]
    assert reply.degraded == []
    assert len(shop.calls("products")) == 1
