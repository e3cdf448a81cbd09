"""Payment service: what was paid for an order and how, what was given back, and what somebody can pay with.

Contract: schema/services/payments.json.
"""

from datetime import datetime

import msgspec

from bff_core.contract import Invalid, KeyReused, KeyStyle, LenientEnum, Record, Service
from services import notifications
from services.money import Money

payments = Service("payments")

#: What the service's document says an id is: it answers 422 to any other, and a batch's URL gets so long and no longer.
ID = "[A-Za-z0-9_-]{1,40}"

PAYMENTS_READ = ("payments:read",)
PAYMENTS_WRITE = ("payments:write",)


class MethodKind(LenientEnum):
    """The ways to pay."""

    CARD = "card"
    PAYPAL = "paypal"
    INVOICE = "invoice"
    UNKNOWN = "unknown"


class UsedMethod(Record):
    """How one payment was made; ``last4`` are the last digits of a card."""

    id: str
    kind: MethodKind
    brand: str | None = None
    last4: str | None = None


class PaymentStatus(LenientEnum):
    """Where a payment stands."""

    AUTHORISED = "authorised"
    CAPTURED = "captured"
    DECLINED = "declined"
    VOIDED = "voided"
    REFUNDED = "refunded"
    PARTLY_REFUNDED = "partly_refunded"
    UNKNOWN = "unknown"


class RefundStatus(LenientEnum):
    """Whether the money is back."""

    PENDING = "pending"
    DONE = "done"
    UNKNOWN = "unknown"


class Refund(Record):
    """Money that goes back for an order."""

    id: str
    order_id: str
    amount: Money
    status: RefundStatus
    created_at: datetime
    reason: str | None = None


class Payment(Record):
    """The latest payment of an order. ``refunded``: how much of it went back."""

    id: str
    order_id: str
    amount: Money
    status: PaymentStatus
    method: UsedMethod
    created_at: datetime
    refunded: Money
    refunds: list[Refund]
    captured_at: datetime | None = None


class PaymentMethod(Record):
    """What somebody can pay with. ``expires`` is a month such as "2027-08"."""

    id: str
    kind: MethodKind
    holder: str
    is_default: bool
    brand: str | None = None
    last4: str | None = None
    expires: str | None = None


by_order = payments.batch(
    "GET /payments",
    keys="order_ids",
    style=KeyStyle.COMMA,
    returns=Payment,
    key="order_id",
    at="items",
    max_keys=50,
    pattern=ID,
    relay=True,
    scopes=PAYMENTS_READ,
    fresh=2,
    no_stale=True,
    negative=0,  # an order that waits for its payment has one the moment after
)
methods = payments.get(
    "GET /me/payment-methods",
    returns=list[PaymentMethod],
    at="items",
    relay=True,
    scopes=PAYMENTS_READ,
    fresh=5,
    stale_if_error=300,
)


class NotRefundable(Record):
    """Refused: nothing was paid, or all of it went back."""

    status: PaymentStatus = msgspec.field(name="status_now")


class AskRefund(Record):
    """How much of what was paid for an order is to go back; None is all that is left."""

    order_id: str
    amount: Money | None = None
    reason: str | None = None


refund = payments.command(
    "POST /refunds",
    body=AskRefund,
    returns=Refund,
    drops=[by_order, notifications.inbox, notifications.unread_count],
    relay=True,
    scopes=PAYMENTS_WRITE,
    idempotency_key="required",
    problems={"invalid-body": Invalid, "idempotency-key-reused": KeyReused, "not-refundable": NotRefundable},
)
