"""A short document that asks for a whole catalogue, again for each of its products, is refused; no service hears it."""

from __future__ import annotations

from bff_core.app import create_app
from bff_core.testing.client import client_for
from bff_web.app import web
from tests.conftest import Shop


async def test_products_related_to_products_twelve_deep(shop: Shop) -> None:
    """Eight products each have eight related ones, and so on: the answer is one error, and no call is made."""
    selection = "name"
    for _ in range(12):
        selection = f"id related {{ {selection} }}"
    async with client_for(create_app(web, shop.settings(web))) as client:
        reply = await client.query(f'{{ product(id: "UHJvZHVjdDox") {{ {selection} }} }}')
    assert reply.data is None
    assert [error["extensions"]["code"] for error in reply.errors] == ["TOO_COSTLY"]
    assert shop.calls("products") == []
