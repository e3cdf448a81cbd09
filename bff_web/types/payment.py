"""What was paid for an order, and what somebody can pay with, as the web shows it."""

from datetime import datetime
from enum import Enum

import strawberry

from bff_core.graphql.view import computed, shown, view
from bff_web.types.money import Money
from services import payments


@strawberry.enum(description="The ways to pay.")
class PaymentKind(Enum):
    """The web's own words for the service's."""

    CARD = strawberry.enum_value("card", description="A credit or debit card.")
    PAYPAL = strawberry.enum_value("paypal", description="A PayPal account.")
    INVOICE = strawberry.enum_value("invoice", description="A bill, paid after delivery.")
    UNKNOWN = strawberry.enum_value("unknown", description="A word of the service that this schema does not know yet.")


@strawberry.enum(description="Where a payment stands.")
class PaymentStatus(Enum):
    """The web's own words for the service's."""

    AUTHORISED = strawberry.enum_value("authorised", description="The money is set aside and not taken yet.")
    CAPTURED = strawberry.enum_value("captured", description="The money is taken.")
    DECLINED = strawberry.enum_value("declined", description="The bank said no.")
    VOIDED = strawberry.enum_value("voided", description="It was called off before any money was taken.")
    REFUNDED = strawberry.enum_value("refunded", description="All of the money went back.")
    PARTLY_REFUNDED = strawberry.enum_value("partly_refunded", description="Some of the money went back.")
    UNKNOWN = strawberry.enum_value("unknown", description="A word of the service that this schema does not know yet.")


@strawberry.enum(description="Whether the money of a refund is back.")
class RefundStatus(Enum):
    """The web's own words for the service's."""

    PENDING = strawberry.enum_value("pending", description="It is on its way.")
    DONE = strawberry.enum_value("done", description="It has arrived.")
    UNKNOWN = strawberry.enum_value("unknown", description="A word of the service that this schema does not know yet.")


def _kind(method: payments.UsedMethod | payments.PaymentMethod) -> PaymentKind:
    return PaymentKind(method.kind.value)


def _refund_status(refund: payments.Refund) -> RefundStatus:
    return RefundStatus(refund.status.value)


def _payment_status(payment: payments.Payment) -> PaymentStatus:
    return PaymentStatus(payment.status.value)


@view(payments.UsedMethod, description="What one payment was made with.")
class UsedMethod:
    """As it was then; its owner may have removed it since."""

    kind: PaymentKind = computed(_kind, "Which way of paying it is.")
    brand: str | None = shown('The brand of a card, such as "Visa"; null for all else.')
    last4: str | None = shown("The last four digits of a card; null for all else.")


@view(payments.Refund, description="Money that goes back for an order.")
class Refund:
    """One refund of a payment."""

    id: strawberry.ID = shown("The refund's id.")
    amount: Money = shown("How much goes back.")
    status: RefundStatus = computed(_refund_status, "Whether it is back.")
    reason: str | None = shown("Why, where somebody said so.")
    created_at: datetime = shown("When it was begun.")


@view(payments.Payment, description="What was paid for an order.")
class Payment:
    """The latest payment of an order."""

    id: strawberry.ID = shown("The payment's id.")
    status: PaymentStatus = computed(_payment_status, "Where it stands.")
    amount: Money = shown("How much was to be paid.")
    method: UsedMethod = shown("What it was made with.")
    refunded: Money = shown("How much of it went back so far; an amount of zero when nothing.")
    refunds: list[Refund] = shown("What went back, and when; empty when nothing did.")
    created_at: datetime = shown("When it was made.")
    captured_at: datetime | None = shown("When the money was taken; null while it is not.")


@view(payments.PaymentMethod, description="What somebody can pay with.")
class PaymentMethod:
    """One entry of the wallet."""

    id: strawberry.ID = shown("The payment method's id.")
    kind: PaymentKind = computed(_kind, "Which way of paying it is.")
    brand: str | None = shown('The brand of a card, such as "Visa"; null for all else.')
    last4: str | None = shown("The last four digits of a card; null for all else.")
    expires: str | None = shown('The last month a card is good for, such as "2027-08"; null for all else.')
    holder: str = shown("Whose it is, as it stands on the card.")
    is_default: bool = shown("Whether it is taken unless said otherwise.")
