"""The web BFF over a shop that is made up: every id names something, and every service says what it was asked.

What the screens show over the real services is in the golden files; here it is how they ask.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from bff_core.app import Doubles, create_app
from bff_core.testing.client import Client, client_for
from bff_core.testing.clock import FakeClock
from bff_core.testing.tokens import TokenMint
from bff_core.testing.transport import ScriptedTransport, json_reply
from bff_web.app import web

DAY = "2026-11-01T12:00:00Z"
PRICE = {"amount": "9.50", "currency": "EUR"}
SCOPES = ("profile:read", "orders:read", "payments:read", "notifications:read")


def _product(id: str) -> dict[str, Any]:
    return {
        "id": id,
        "sku": f"S-{id}",
        "name": f"Product {id}",
        "description": "A thing.",
        "brand": "Acme",
        "category_id": "c1",
        "price": PRICE,
        "images": [],
        "rating": {"average": None, "count": 0},
        "tags": [],
        "attributes": [],
        "related_ids": [],
        "updated_at": DAY,
    }


def _order(id: str) -> dict[str, Any]:
    """An order of two products that no other order is of; with the id "odd" its words are such as nobody knows."""
    return {
        "id": id,
        "number": f"2026-{id:>06}",
        "status": "gift-wrapped" if id == "odd" else "paid",
        "placed_at": DAY,
        "lines": [
            {"id": n, "product_id": f"p{id}-{n}", "name": "Lamp", "quantity": 1, "unit_price": PRICE} for n in "12"
        ],
        "subtotal": PRICE,
        "shipping": {"amount": "0.00", "currency": "EUR"},
        "total": PRICE,
        "address": {"recipient": "Ada", "line1": "Lane 1", "city": "Ulm", "postal_code": "1", "country": "DE"},
        "cancellable": True,
        "cancel_reason": "full-moon" if id == "odd" else None,
    }


def _payment(order: str) -> dict[str, Any]:
    method = {"id": "7-pm1", "kind": "card", "brand": "Visa", "last4": "4242"}
    none = {"amount": "0.00", "currency": "EUR"}
    row = {"id": f"pay-{order}", "order_id": order, "amount": PRICE, "status": "captured", "method": method}
    return row | {"created_at": DAY, "captured_at": DAY, "refunded": none, "refunds": []}


def _parcel(order: str) -> dict[str, Any]:
    row = {"id": f"box-{order}", "order_id": order, "carrier": "Post", "tracking_number": "T1", "status": "in_transit"}
    return row | {"events": [{"at": DAY, "place": "Ulm", "status": "in_transit"}]}


def _notification(id: str) -> dict[str, Any]:
    return {"id": id, "kind": "order_shipped", "title": "On its way", "body": "It is.", "created_at": DAY} | {
        "order_id": f"o{id}",
        "read_at": DAY if id == "1" else None,
    }


def _page(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"items": rows, "cursors": [row["id"] for row in rows], "next": None, "total": len(rows)}


def answer(request: httpx.Request) -> httpx.Response:
    """What any service of the shop says; each has paths of its own."""
    asked = request.url.params
    limit = int(asked.get("limit", "0"))
    ids = [one for name in ("ids", "order_ids") for one in asked.get(name, "").split(",") if one]
    numbers = [str(number) for number in range(1, limit + 1)]
    found: Any = None
    match request.url.path:
        case "/products":
            found = {"items": [_product(one) for one in asked.get_list("id")]}
        case "/products/search" | "/recommendations":
            found = _page([_product(one) for one in numbers])
        case "/products/facets":
            shelves = [{"category_id": one, "count": 2} for one in ("c1", "c2", "gone")]
            prices = [{"from": None, "to": PRICE, "count": 1}, {"from": PRICE, "to": None, "count": 5}]
            found = {"total": 6, "categories": shelves, "brands": [{"brand": "Acme", "count": 6}], "prices": prices}
        case "/categories":
            known = [one for one in ids if one != "gone"]
            found = {"items": [{"id": one, "name": one, "slug": one, "product_count": 1} for one in known]}
        case "/orders":
            found = {"items": [_order(one) for one in ids if one != "foreign"]}
        case "/me/orders":
            found = _page([_order(one) for one in numbers])
        case "/parcels":
            found = {"items": [_parcel(one) for one in ids]}
        case "/me/cart":
            item = {"product_id": "1", "quantity": 2, "unit_price": PRICE, "added_at": DAY}
            found = {"id": "7", "version": 3, "items": [item], "total": PRICE, "updated_at": DAY}
        case "/payments":
            found = {"items": [_payment(one) for one in ids]}
        case "/notifications":
            found = {"items": [_notification(one) for one in ids]}
        case "/me/notifications":
            found = _page([_notification(one) for one in numbers])
        case "/me/notifications/unread-count":
            found = {"unread": 4}
    return httpx.Response(404) if found is None else json_reply(found)


@dataclass
class Counter:
    """The web BFF with its doubles; ``client`` speaks to it. ``transports`` by service."""

    client: Client
    clock: FakeClock
    mint: TokenMint
    transports: Mapping[str, ScriptedTransport]

    @property
    def token(self) -> str:
        """A valid token of user 7, good for everything that is read here."""
        return self.mint.token(scopes=SCOPES, clock=self.clock)

    @property
    def calls(self) -> list[str]:
        """What the services were asked, in order within each of them, but for keys and stock."""
        return [
            f"{name} {request.url.raw_path.decode()}"
            for name, transport in self.transports.items()
            for request in transport.requests
            if request.url.path != "/.well-known/jwks.json"
        ]


@asynccontextmanager
async def counter() -> AsyncIterator[Counter]:
    """The web BFF, open, over fresh doubles."""
    clock = FakeClock()
    mint = TokenMint("http://issuer.test", "shop")

    def users(request: httpx.Request) -> httpx.Response:
        return json_reply(mint.jwks()) if request.url.path == "/.well-known/jwks.json" else answer(request)

    transports = {
        service.name: ScriptedTransport(users if service.name == "users" else answer) for service in web.services
    }
    settings = web.load_settings({"BFF_WEB__AUTH__ISSUER": mint.issuer, "BFF_WEB__LOGS__LEVEL": "error"})
    app = create_app(web, settings, Doubles(clock=clock, transports=lambda service: transports[service.name]))
    async with client_for(app) as client:
        await clock.settle()
        yield Counter(client, clock, mint, transports)
        await clock.settle()
