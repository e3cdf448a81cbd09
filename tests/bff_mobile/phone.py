"""The mobile BFF over scripted services: what a phone sees, and what the services were asked for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from bff_core.app import Doubles, create_app
from bff_core.testing.client import Client, Reply, client_for
from bff_core.testing.clock import FakeClock
from bff_core.testing.tokens import TokenMint
from bff_core.testing.transport import ScriptedTransport, json_reply
from bff_mobile.app import mobile

#: When every test happens.
NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)

KEYS = "/.well-known/jwks.json"

SCOPES = ("profile:read", "orders:read", "payments:read", "notifications:read")

Answers = Mapping[str, Any]


def money(amount: str, currency: str = "EUR") -> dict[str, str]:
    """An amount as the services send it."""
    return {"amount": amount, "currency": currency}


def page(*rows: Any, next: str | None = None) -> dict[str, Any]:
    """A page as the services send it."""
    return {"items": rows, "cursors": [f"c{n}" for n, _ in enumerate(rows)], "next": next, "total": len(rows)}


def product(id: str, *, images: bool = True) -> dict[str, Any]:
    """A product as its service sends it."""
    pictures = [{"url": f"https://images.test/{id}.jpg", "alt": "It.", "width": 1600, "height": 1200}]
    return {
        "id": id,
        "sku": f"S{id}",
        "name": f"Product {id}",
        "description": "Good.",
        "brand": "Brand",
        "category_id": "1",
        "price": money("9.99"),
        "images": pictures if images else [],
        "rating": {"average": 4.5, "count": 2},
        "tags": [],
        "attributes": [],
        "related_ids": [],
        "updated_at": "2026-01-01T00:00:00Z",
    }


def address(**other: Any) -> dict[str, Any]:
    """An address as the services send it; with more members it is one of a user's own."""
    return {
        "recipient": "Ada L.",
        "line1": "Main St 1",
        "line2": None,
        "city": "Leipzig",
        "postal_code": "04109",
        "country": "DE",
        **other,
    }


def order(id: str = "1", **other: Any) -> dict[str, Any]:
    """An order of two of product 11 and one of product 12, as its service sends it."""
    return {
        "id": id,
        "number": f"2026-{id:0>6}",
        "status": "shipped",
        "placed_at": "2026-09-29T12:00:00Z",
        "lines": [
            {"id": "1", "product_id": "11", "name": "Cup", "quantity": 2, "unit_price": money("9.99")},
            {"id": "2", "product_id": "12", "name": "Pot", "quantity": 1, "unit_price": money("1200.00")},
        ],
        "subtotal": money("1219.98"),
        "shipping": money("0.00"),
        "total": money("1219.98"),
        "address": address(),
        "cancellable": False,
        **other,
    }


@dataclass
class Phone:
    """A signed-in app; ``transports`` are the services' by name."""

    client: Client
    token: str
    transports: Mapping[str, ScriptedTransport]

    async def ask(self, query: str, locale: str = "en") -> Reply:
        """One operation, worded for a locale."""
        return await self.client.query(query, token=self.token, headers={"accept-language": locale})

    @property
    def targets(self) -> list[str]:
        """What the services were asked, without the issuer's keys."""
        return [
            target for name in self.transports for target in self.transports[name].targets if not target.endswith(KEYS)
        ]


@asynccontextmanager
async def phone(answers: Answers) -> AsyncIterator[Phone]:
    """A phone whose services answer by path; a batch of products has every product. Other paths are 500."""
    clock, mint = FakeClock(wall=NOW.timestamp()), TokenMint("http://issuer.test", "shop")

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == KEYS:
            return json_reply(mint.jwks())
        if path in answers:
            return json_reply(answers[path])
        if path == "/products":
            return json_reply({"items": [product(one) for one in request.url.params.get_list("id")]})
        return json_reply({}, 500)

    transports = {service.name: ScriptedTransport(answer) for service in mobile.services}
    settings = mobile.load_settings(
        {
            "BFF_MOBILE__AUTH__ISSUER": mint.issuer,
            "BFF_MOBILE__LOGS__LEVEL": "error",
            "BFF_MOBILE__SERVICES__ALL__RETRY__RETRIES": "0",  # a retry waits, and nobody moves the clock
        }
    )
    app = create_app(mobile, settings, Doubles(clock=clock, transports=lambda one: transports[one.name]))
    async with client_for(app) as client:
        await clock.settle()
        yield Phone(client, mint.token(clock=clock, scopes=SCOPES), transports)
