"""The page of one order, and what its buyer can still do about it."""

from typing import Any

import strawberry

from bff_core.graphql.link import Argument, link
from bff_core.graphql.write import Sent, write
from bff_web.types.money import MoneyInput, sent_money
from bff_web.types.node import key_for
from bff_web.types.order import NotCancellable, Order, OrderCancelled
from bff_web.types.outcome import InvalidInput, KeyReused, OutcomeUnknown
from bff_web.types.refund import NotRefundable, RefundDone
from services import orders, payments

_ORDER_ID = "The order's global id."
_ASK = "or send the same mutation again with the same idempotencyKey."


@strawberry.input(description="Which order is not wanted any more.")
class CancelOrderInput:
    """All of one order."""

    order_id: strawberry.ID = strawberry.field(description=_ORDER_ID)
    reason: str | None = strawberry.field(
        default=None, description="Why, in the customer's words, at most 200 letters."
    )


@strawberry.input(description="What is to go back of what was paid for an order.")
class RefundInput:
    """Some or all of one payment."""

    order_id: strawberry.ID = strawberry.field(description=_ORDER_ID)
    amount: MoneyInput | None = strawberry.field(default=None, description="How much; null for all that is left.")
    reason: str | None = strawberry.field(default=None, description="Why, in the customer's words.")


_key = key_for("Order")


def _cancel(input: CancelOrderInput) -> Sent:
    return Sent((_key(input.order_id),), orders.Cancel(reason=input.reason))


def _refund(input: RefundInput) -> Sent:
    return Sent(
        body=payments.AskRefund(order_id=_key(input.order_id), amount=sent_money(input.amount), reason=input.reason)
    )


@strawberry.type
class OrderPage:
    """Root field of an order's page."""

    order: Order | None = link(
        orders.by_id,
        key=Argument("id", strawberry.ID, _ORDER_ID, convert=_key),
        description="One order; null when there is none with this id, or it is somebody else's.",
    )


@strawberry.type
class OrderMutations:
    """What stops an order, or takes it back."""

    cancel_order: Any = write(
        orders.cancel,
        name="CancelOrderResult",
        input=CancelOrderInput,
        send=_cancel,
        done=OrderCancelled,
        refusals=(NotCancellable, InvalidInput, KeyReused),
        unknown=OutcomeUnknown,
        ask=f"Ask for the order: its status tells; {_ASK}",
        description="Call an order off before it is shipped: nothing is sent, and no money is taken.",
    )
    refund: Any = write(
        payments.refund,
        name="RefundResult",
        input=RefundInput,
        send=_refund,
        done=RefundDone,
        refusals=(NotRefundable, InvalidInput, KeyReused),
        unknown=OutcomeUnknown,
        ask=f"Ask for the order's payment: its refunds tell; {_ASK}",
        description="Give money back that was paid for an order, some or all of it.",
    )
