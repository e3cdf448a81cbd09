"""Carts: what users mean to buy, and which of two who change a cart at once has seen it."""

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime

from downstream_stubs.frame.database import WritableDatabase
from downstream_stubs.frame.problems import INVALID_BODY, NOT_FOUND, ProblemError
from downstream_stubs.history import NOW, shipping_cents
from downstream_stubs.orders.models import MOST_OF_ONE, MOST_PRODUCTS, Cart, CartItem
from downstream_stubs.orders.money import in_cents, money
from downstream_stubs.orders.problems import STALE_CART
from downstream_stubs.orders.store import now


class Carts:
    """The cart of each user; everyone has one, empty and of version 0 before its first change.

    What changes a cart takes the connection of a transaction, raises the version by one if anything is different
    afterwards, and gives the cart. With a ``version`` it raises a 409 problem unless that is the cart's.
    """

    def __init__(self, database: WritableDatabase) -> None:
        self._database = database

    def cart(self, user_id: str) -> Cart:
        """A user's cart, oldest item first."""
        rows = self._database.rows("SELECT version, updated_at FROM carts WHERE user_id = ?", [user_id])
        version, updated_at = (rows[0]["version"], rows[0]["updated_at"]) if rows else (0, NOW.isoformat())
        items = self._database.rows("SELECT * FROM cart_items WHERE user_id = ? ORDER BY n", [user_id])
        subtotal = sum(item["quantity"] * item["cents"] for item in items)
        shipping = shipping_cents(subtotal)
        return Cart(
            id=f"cart-{user_id}",
            version=version,
            items=[
                CartItem(
                    product_id=item["product_id"],
                    quantity=item["quantity"],
                    unit_price=money(item["cents"]),
                    added_at=datetime.fromisoformat(item["added_at"]),
                )
                for item in items
            ],
            subtotal=money(subtotal),
            shipping=money(shipping),
            total=money(subtotal + shipping),
            updated_at=datetime.fromisoformat(updated_at),
        )

    def add(
        self,
        connection: sqlite3.Connection,
        user_id: str,
        product_id: str,
        quantity: int,
        cents: int,
        version: int | None,
    ) -> Cart:
        """Put pieces of a product on top of what is there, at the price it has now. Raises a 422 problem."""
        cart = self._seen(user_id, version)
        held = {item.product_id: item.quantity for item in cart.items}
        if held.get(product_id, 0) + quantity > MOST_OF_ONE:
            raise _invalid("quantity", f"at most {MOST_OF_ONE} of one product with those in the cart")
        if product_id not in held and len(held) >= MOST_PRODUCTS:
            raise _invalid("product_id", f"a cart holds {MOST_PRODUCTS} products")
        connection.execute(
            "INSERT INTO cart_items (user_id, product_id, quantity, cents, added_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity, cents = excluded.cents",
            [user_id, product_id, quantity, cents, now().isoformat()],
        )
        return self._changed(connection, user_id)

    def change(
        self, connection: sqlite3.Connection, user_id: str, product_id: str, quantity: int, version: int | None
    ) -> Cart:
        """Hold another number of pieces of a product. Raises a 404 problem if there are none."""
        cart = self._seen(user_id, version)
        held = {item.product_id: item.quantity for item in cart.items}
        if product_id not in held:
            raise ProblemError(NOT_FOUND, f"There is no product {product_id} in the cart.")
        if held[product_id] == quantity:
            return cart
        connection.execute(
            "UPDATE cart_items SET quantity = ? WHERE user_id = ? AND product_id = ?", [quantity, user_id, product_id]
        )
        return self._changed(connection, user_id)

    def remove(self, connection: sqlite3.Connection, user_id: str, product_id: str) -> Cart:
        """Hold nothing of a product, whether there was some or not."""
        gone = connection.execute(
            "DELETE FROM cart_items WHERE user_id = ? AND product_id = ?", [user_id, product_id]
        ).rowcount
        return self._changed(connection, user_id) if gone else self.cart(user_id)

    def reprice(self, connection: sqlite3.Connection, user_id: str, cents: Mapping[str, int]) -> None:
        """Bring prices up to date. The version stays: what the user means to buy is the same."""
        connection.executemany(
            "UPDATE cart_items SET cents = ? WHERE user_id = ? AND product_id = ?",
            [(one, user_id, product_id) for product_id, one in cents.items()],
        )

    def take_out(self, connection: sqlite3.Connection, user_id: str, bought: Iterable[tuple[str, int]]) -> None:
        """Take out what was bought; what was put in since the order began stays."""
        connection.executemany(
            "UPDATE cart_items SET quantity = quantity - ? WHERE user_id = ? AND product_id = ?",
            [(quantity, user_id, product_id) for product_id, quantity in bought],
        )
        connection.execute("DELETE FROM cart_items WHERE user_id = ? AND quantity < 1", [user_id])
        self._changed(connection, user_id)

    def _seen(self, user_id: str, version: int | None) -> Cart:
        cart = self.cart(user_id)
        if version is not None and version != cart.version:
            detail = f"The cart is of version {cart.version}, not {version}."
            extra = {"cart_version": cart.version, "cart": cart.model_dump(mode="json")}
            raise ProblemError(STALE_CART, detail, extra=extra)
        return cart

    def _changed(self, connection: sqlite3.Connection, user_id: str) -> Cart:
        connection.execute(
            "INSERT INTO carts VALUES (?, 1, ?)"
            " ON CONFLICT DO UPDATE SET version = version + 1, updated_at = excluded.updated_at",
            [user_id, now().isoformat()],
        )
        return self.cart(user_id)


def cents_of(cart: Cart) -> dict[str, int]:
    """What one piece of each product costs in a cart."""
    return {item.product_id: in_cents(item.unit_price.model_dump()) for item in cart.items}


def _invalid(name: str, reason: str) -> ProblemError:
    return ProblemError(INVALID_BODY, f"Not acceptable: {name} ({reason}).", errors=[(name, reason)])
