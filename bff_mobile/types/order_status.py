"""The screen of one order: all of it flat and worded."""

import strawberry

from bff_core.graphql.context import Info
from bff_core.graphql.link import link
from bff_core.graphql.view import computed, shown, view
from bff_mobile import wording
from bff_mobile.phrases import phrase
from bff_mobile.types.order_line_card import OrderLineCard
from bff_mobile.types.order_words import item_count, status_text, total_text
from bff_mobile.types.parcel_card import ParcelCard
from bff_mobile.types.payment_words import payment_text
from services import orders, payments

#: Different products that one order has at most, as the order service says.
MOST_LINES = 50


def _headline(order: orders.Order, info: Info) -> str:
    return phrase(f"headline_{order.status.value}", info.context.locale)


def _placed(order: orders.Order, info: Info) -> str:
    return wording.day(order.placed_at, info.context.locale)


def _address(order: orders.Order, info: Info) -> str:
    return wording.address(order.address, info.context.locale)


def _payment(payment: payments.Payment, info: Info) -> str:
    return payment_text(payment, info.context.locale)


@view(orders.Order, description="Everything on the screen of one order.")
class OrderStatusScreen:
    """How an order stands, ready to show."""

    id: strawberry.ID = shown("The order's id.")
    number: str = shown("The number to name to customer service.")
    headline: str = computed(_headline, "How it stands in a sentence, worded for the locale.")
    status: str = computed(status_text, "How it stands in a word or two, worded.")
    cancellable: bool = shown("Whether it can still be cancelled.")
    placed: str = computed(_placed, "The day it was placed, worded.")
    total: str = computed(total_text, "What it costs in all, worded.")
    item_count: str = computed(item_count, "How many things it has, worded.")
    address: str = computed(_address, "Where it goes, on one line.")
    lines: list[OrderLineCard] = shown("What was ordered.", at_most=MOST_LINES)
    payment: str | None = link(
        payments.by_order,
        key="id",
        show=_payment,
        description="How it was paid and how that stands, worded; null when nobody knows.",
    )
    parcels: list[ParcelCard] | None = link(
        orders.parcels, key="id", description="Its parcels; empty before it is packed, null when nobody knows."
    )
