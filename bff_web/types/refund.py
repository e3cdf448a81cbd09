"""What asking for money back came to, as the web shows it."""

from bff_core.graphql.link import link
from bff_core.graphql.view import computed, view
from bff_web.types.order import Order
from bff_web.types.payment import PaymentStatus, Refund
from services import orders, payments


@view(payments.Refund, description="The money goes back.")
class RefundDone:
    """A refund that was agreed to."""

    refund: Refund = computed(lambda refund: refund, "How much goes back, and whether it is back already.")
    order: Order | None = link(orders.by_id, key="order_id", description="The order it was paid for.")


def _status(refusal: payments.NotRefundable) -> PaymentStatus:
    return PaymentStatus(refusal.status.value)


@view(payments.NotRefundable, description="Refused: there is no money of this payment that could go back.")
class NotRefundable:
    """Nothing was paid, or all of it went back."""

    status: PaymentStatus = computed(_status, "Where the payment stands.")
