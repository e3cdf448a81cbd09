"""Words: what a notification of each kind says, and what it must be about."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from downstream_stubs.notifications.models import Kind


@dataclass(frozen=True, slots=True)
class Words:
    """A title and a sentence or two; ``about`` is the id that such a notification cannot do without."""

    title: str
    body: str
    about: Literal["order_id", "product_id"] | None = "order_id"


WORDS: Mapping[Kind, Words] = {
    "welcome": Words("Welcome", "Good to have you. This is where we tell you about your orders.", about=None),
    "order_placed": Words("Thank you for your order", "We have it and will pack it soon."),
    "order_shipped": Words("Your order is on its way", "It has left our warehouse. The order shows where it is."),
    "order_delivered": Words("Your order has arrived", "We hope that you like it. If not, you can send it back."),
    "order_cancelled": Words("Your order is cancelled", "Nothing will be sent, and nothing is charged."),
    "payment_declined": Words("Your payment was declined", "Your bank said no, so the order was not placed."),
    "refund_done": Words(
        "Your refund is done", "We have sent the money back. Your bank may take a few days to show it."
    ),
    "price_drop": Words("It costs less now", "Something that caught your eye has become cheaper.", about="product_id"),
}
