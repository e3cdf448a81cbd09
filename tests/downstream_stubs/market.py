"""A buyer at the order service, in verbs; and what the other services know of it."""

from dataclasses import dataclass, replace
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Market:
    """The services, each with the data it began with, and one buyer's token."""

    orders: httpx.Client
    products: httpx.Client
    payments: httpx.Client
    notifications: httpx.Client
    token: dict[str, str]

    def at(self, orders: httpx.Client) -> "Market":
        """The same with another order service."""
        return replace(self, orders=orders)

    def by(self, token: dict[str, str]) -> "Market":
        """The same for another buyer."""
        return replace(self, token=token)

    def add(self, product_id: str, quantity: int = 1) -> dict[str, Any]:
        """Put a product into the cart; the cart."""
        item = {"product_id": product_id, "quantity": quantity}
        answer = self.orders.post("/me/cart/items", json=item, headers=self.token)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def cart(self) -> dict[str, Any]:
        """The cart."""
        return dict(self.orders.get("/me/cart", headers=self.token).json())

    def place(self, key: str, **checkout: Any) -> httpx.Response:
        """Order the cart as it is, or of another ``cart_version``."""
        body = {"cart_version": self.cart()["version"], **checkout} if "cart_version" not in checkout else checkout
        return self.orders.post("/orders", json=body, headers={**self.token, "idempotency-key": key})

    def reorder(self, order_id: str, key: str, **terms: Any) -> httpx.Response:
        """Order again what was bought before."""
        headers = {**self.token, "idempotency-key": key}
        return self.orders.post(f"/orders/{order_id}/reorder", json=terms, headers=headers)

    def cancel(self, order_id: str, **body: Any) -> httpx.Response:
        """Stop an order."""
        return self.orders.post(f"/orders/{order_id}/cancel", json=body, headers=self.token)

    def order(self, order_id: str) -> dict[str, Any]:
        """An order."""
        return dict(self.orders.get(f"/orders/{order_id}", headers=self.token).json())

    def order_ids(self) -> list[str]:
        """The ids of the buyer's orders that history does not know, the latest first."""
        page = self.orders.get("/me/orders", params={"limit": 50}, headers=self.token).json()
        return [one["id"] for one in page["items"] if int(one["id"]) > 20_000]

    def placement(self, key: str) -> httpx.Response:
        """What came of a key."""
        return self.orders.get(f"/placements/{key}", headers=self.token)

    def stock(self, product_id: str) -> int:
        """How many pieces of a product there are."""
        answer = self.products.post("/stock/query", json={"product_ids": [product_id]})
        return int(answer.json()["data"]["items"][0]["available"])

    def payment(self, order_id: str) -> dict[str, Any] | None:
        """The payment of an order."""
        items = self.payments.get("/payments", params={"order_ids": order_id}, headers=self.token).json()["items"]
        return items[0] if items else None

    def notices(self, order_id: str) -> list[str]:
        """What the buyer was told about an order, in order."""
        page = self.notifications.get("/me/notifications", params={"limit": 50}, headers=self.token).json()
        return [one["kind"] for one in reversed(page["items"]) if one["order_id"] == order_id]

    def asked(self, service: httpx.Client, route: str) -> list[dict[str, Any]]:
        """The calls of a route that a service has seen."""
        return [one for one in service.get("/_calls").json()["calls"] if one["route"] == route]


def fault(service: httpx.Client, route: str, **what: Any) -> None:
    """Make a route misbehave until ``mend``."""
    answer = service.put("/_faults", json={"route": route, **what})
    assert answer.status_code == 200, answer.text


def mend(service: httpx.Client) -> None:
    """End all faults of a service."""
    service.delete("/_faults")
