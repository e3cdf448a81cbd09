"""What the cards of an order, and that of its status, say alike."""

from bff_core.graphql.context import Info
from bff_mobile import wording
from bff_mobile.phrases import phrase
from services import orders


def status_text(order: orders.Order, info: Info) -> str:
    """Where it stands, worded; a status that nobody knows yet reads so."""
    return phrase(f"order_{order.status.value}", info.context.locale)


def total_text(order: orders.Order, info: Info) -> str:
    """What it costs in all, worded."""
    return wording.price(order.total, info.context.locale)


def item_count(order: orders.Order, info: Info) -> str:
    """How many things it has, worded."""
    return wording.items(sum(line.quantity for line in order.lines), info.context.locale)
