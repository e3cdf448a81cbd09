"""The screens that read: what they ask of the services, and what they make of the answers."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import Any

import pytest

from bff_core.testing.client import Reply
from bff_web.types import checkout, customer, notification, order, parcel, payment, stock
from bff_web.types.node import encode
from services import notifications, orders, payments, products, users
from tests.web.counter import counter

ORDERS = """query ($status: OrderStatus) { orders(first: 3, status: $status) { totalCount edges { cursor node {
  id status total { amount } payment { status method { kind last4 } } parcels { status events { place } }
  lines { name product { name } }
} } } }"""


def codes(reply: Reply) -> list[tuple[str, list[str | int] | None]]:
    """Code and path of each error."""
    return [(error["extensions"]["code"], error.get("path")) for error in reply.errors]


async def test_a_page_of_orders_asks_each_service_once() -> None:
    """Payments, parcels and the products of all lines are asked for in one call each, however many orders there are."""
    async with counter() as room:
        reply = await room.client.query(ORDERS, token=room.token)
        assert (reply.errors, reply.degraded) == ([], [])
        assert room.calls == [
            "products /products?id=p1-1&id=p1-2&id=p2-1&id=p2-2&id=p3-1&id=p3-2",
            "orders /me/orders?limit=3",
            "orders /parcels?order_ids=1,2,3",
            "payments /payments?order_ids=1,2,3",
        ]
    assert reply.data["orders"]["totalCount"] == 3
    assert reply.data["orders"]["edges"][1] == {
        "cursor": "2",
        "node": {
            "id": encode("Order", "2"),
            "status": "PAID",
            "total": {"amount": "9.50"},
            "payment": {"status": "CAPTURED", "method": {"kind": "CARD", "last4": "4242"}},
            "parcels": [{"status": "IN_TRANSIT", "events": [{"place": "Ulm"}]}],
            "lines": [
                {"name": "Lamp", "product": {"name": "Product p2-1"}},
                {"name": "Lamp", "product": {"name": "Product p2-2"}},
            ],
        },
    }


async def test_a_status_is_sent_by_the_services_word_and_unknown_is_none() -> None:
    """Orders of one status are asked for by it; UNKNOWN is no word of the service, so it is refused without a call."""
    async with counter() as room:
        await room.client.query(ORDERS, {"status": "SHIPPED"}, token=room.token)
        assert "orders /me/orders?status=shipped&limit=3" in room.calls
        before = len(room.calls)
        reply = await room.client.query(ORDERS, {"status": "UNKNOWN"}, token=room.token)
        assert codes(reply) == [("BAD_REQUEST", ["orders"])]
        assert len(room.calls) == before


async def test_a_word_of_a_service_that_is_new_is_shown_as_unknown() -> None:
    """An order whose status and reason this schema does not know yet is shown all the same."""
    async with counter() as room:
        query = "query ($id: ID!) { order(id: $id) { status number cancelReason } }"
        reply = await room.client.query(query, {"id": encode("Order", "odd")}, token=room.token)
    assert reply.data == {"order": {"status": "UNKNOWN", "number": "2026-000odd", "cancelReason": "UNKNOWN"}}


@pytest.mark.parametrize(
    ("own", "services"),
    [
        (checkout.CheckoutState, orders.PlacementState),
        (customer.Theme, users.Theme),
        (notification.NotificationKind, notifications.NotificationKind),
        (order.OrderStatus, orders.OrderStatus),
        (parcel.ParcelStatus, orders.ParcelStatus),
        (payment.PaymentKind, payments.MethodKind),
        (payment.PaymentStatus, payments.PaymentStatus),
        (payment.RefundStatus, payments.RefundStatus),
        (stock.StockStatus, products.StockStatus),
    ],
)
def test_the_web_has_a_word_for_each_of_a_services(own: type[Enum], services: type[Enum]) -> None:
    """What a service's declaration learns to tell apart, the web learns too: a word without one would be a bug."""
    assert {member.value for member in own} == {member.value for member in services}


async def test_an_order_of_somebody_else_is_null() -> None:
    """What the order service does not give this caller is not there; nothing is an error."""
    async with counter() as room:
        query = "query ($id: ID!) { order(id: $id) { number } }"
        reply = await room.client.query(query, {"id": encode("Order", "foreign")}, token=room.token)
    assert (reply.data, reply.errors, reply.degraded) == ({"order": None}, [], [])


async def test_an_order_is_asked_for_by_an_orders_id_only() -> None:
    """The global id of something else is the client's mistake, and reaches no service."""
    async with counter() as room:
        query = "query ($id: ID!) { order(id: $id) { number } }"
        reply = await room.client.query(query, {"id": encode("Product", "1")}, token=room.token)
        assert codes(reply) == [("BAD_REQUEST", ["order"])]
        assert room.calls == []


@pytest.mark.parametrize(
    ("only", "call"),
    [
        ("true", "notifications /me/notifications?unread=true&limit=2"),
        ("false", "notifications /me/notifications?limit=2"),
    ],
)
async def test_the_inbox_leaves_out_what_was_read_only_when_asked_to(only: str, call: str) -> None:
    """``unreadOnly: false`` is everything: nothing is sent, so that the service does not take it for "only read"."""
    async with counter() as room:
        query = f"{{ inbox(first: 2, unreadOnly: {only}) {{ edges {{ node {{ isRead order {{ number }} }} }} }} }}"
        reply = await room.client.query(query, token=room.token)
        assert room.calls == ["orders /orders?ids=o1,o2", call]
    nodes = [edge["node"] for edge in reply.data["inbox"]["edges"]]
    assert nodes == [
        {"isRead": True, "order": {"number": "2026-0000o1"}},
        {"isRead": False, "order": {"number": "2026-0000o2"}},
    ]


async def test_facets_go_out_beside_the_search() -> None:
    """Neither waits for the other, both are asked with the same words, and all shelves are one call."""
    async with counter() as room:
        products = room.transports["products"]
        products.hold()
        query = """query ($category: ID) {
          search(query: "lamp", category: $category, brand: "Acme", first: 1) { edges { node { name } } }
          searchFacets(query: "lamp", category: $category, brand: "Acme") {
            total categories { count category { name } } brands { brand } prices { low { amount } high { amount } }
          }
        }"""
        asking = asyncio.ensure_future(room.client.query(query, {"category": encode("Category", "c1")}))
        await room.clock.settle()
        assert room.calls == [
            "products /products/search?q=lamp&category_id=c1&brand=Acme&sort=relevance&limit=1",
            "products /products/facets?q=lamp&category_id=c1&brand=Acme",
        ]
        products.let_go()
        reply = await asking
        assert room.calls[2:] == ["products /categories?ids=c1,c2,gone"]
    facets = reply.data["searchFacets"]
    assert facets["categories"] == [
        {"count": 2, "category": {"name": "c1"}},
        {"count": 2, "category": {"name": "c2"}},
        {"count": 2, "category": None},
    ]
    assert facets["prices"] == [{"low": None, "high": {"amount": "9.50"}}, {"low": {"amount": "9.50"}, "high": None}]


async def test_the_home_page_is_for_everybody() -> None:
    """Without a token recommendations are there, and what is the caller's own is an error without a call."""
    async with counter() as room:
        query = "{ recommendations(first: 1) { edges { node { name } } } orders { totalCount } unreadCount }"
        reply = await room.client.query(query)
        assert room.calls == ["products /recommendations?limit=1"]
        assert reply.data["recommendations"] == {"edges": [{"node": {"name": "Product 1"}}]}
        assert codes(reply) == [("UNAUTHENTICATED", ["orders"]), ("UNAUTHENTICATED", ["unreadCount"])]
        signed_in = await room.client.query(query, token=room.token)
    assert (signed_in.errors, signed_in.data["unreadCount"]) == ([], 4)


async def test_the_cart_shows_its_products_as_they_are_now() -> None:
    """The cart keeps what was agreed on; the product beside it comes from the catalogue, in one call."""
    async with counter() as room:
        reply = await room.client.query(
            "{ cart { version items { quantity unitPrice { amount } product { name } } } }", token=room.token
        )
        assert room.calls == ["products /products?id=1", "orders /me/cart"]
    item = {"quantity": 2, "unitPrice": {"amount": "9.50"}, "product": {"name": "Product 1"}}
    assert reply.data == {"cart": {"version": 3, "items": [item]}}


NODE = "query ($id: ID!) { node(id: $id) { __typename id ... on Order { number } ... on Notification { title } } }"


@pytest.mark.parametrize(
    ("kind", "fields"), [("Order", {"number": "2026-000001"}), ("Notification", {"title": "On its way"})]
)
async def test_what_is_the_callers_own_is_fetched_again_by_its_id(kind: str, fields: dict[str, Any]) -> None:
    """With a token it is there; without one it is an error, and its service is not asked."""
    asked = encode(kind, "1")
    async with counter() as room:
        refused = await room.client.query(NODE, {"id": asked})
        assert codes(refused) == [("UNAUTHENTICATED", ["node"])]
        assert room.calls == []
        reply = await room.client.query(NODE, {"id": asked}, token=room.token)
        assert len(room.calls) == 1
    assert reply.data == {"node": {"__typename": kind, "id": asked, **fields}}


async def test_what_is_for_everybody_is_fetched_again_without_a_token() -> None:
    """That a node may be somebody's own closes it to nobody else."""
    async with counter() as room:
        reply = await room.client.query(NODE, {"id": encode("Product", "1")})
    assert reply.data == {"node": {"__typename": "Product", "id": encode("Product", "1")}}
