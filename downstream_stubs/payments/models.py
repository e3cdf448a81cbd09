"""What the payment service takes and answers."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from downstream_stubs.frame.parameters import Id
from downstream_stubs.frame.problems import Problem

MethodKind = Literal["card", "paypal", "invoice"]
PaymentStatus = Literal["authorised", "captured", "declined", "voided", "refunded", "partly_refunded"]
RefundStatus = Literal["pending", "done"]


class Money(BaseModel):
    """An amount, as text so that nothing is rounded on the way."""

    amount: str = Field(pattern=r"^[0-9]+\.[0-9]{2}$", description="decimal")
    currency: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217")


class UsedMethod(BaseModel):
    """What a payment was made with, as it was then."""

    id: str
    kind: MethodKind
    brand: str | None = Field(description="of a card")
    last4: str | None = Field(description="the last four digits of a card")


class Refund(BaseModel):
    """Money that goes back to the buyer."""

    id: str
    payment_id: str
    order_id: str
    amount: Money
    status: RefundStatus
    reason: str | None = Field(description="in the buyer's words")
    created_at: datetime


class Payment(BaseModel):
    """What was paid for an order, or was tried to."""

    id: str
    order_id: str
    user_id: str
    amount: Money
    status: PaymentStatus
    method: UsedMethod
    created_at: datetime
    captured_at: datetime | None = Field(description="when the money was taken; null unless it was")
    refunded: Money = Field(description="the sum of its refunds")
    refunds: list[Refund] = Field(description="oldest first")


class Payments(BaseModel):
    """The latest payment of each asked order that is the caller's, ordered by order_id as a number."""

    items: list[Payment]


class Method(BaseModel):
    """Something that a user can pay with."""

    id: str
    kind: MethodKind
    brand: str | None = Field(description="of a card")
    last4: str | None = Field(description="the last four digits of a card")
    expires: str | None = Field(description="the last month of a card: 2027-08")
    holder: str
    is_default: bool = Field(description="true for exactly one of a user's methods")


class Methods(BaseModel):
    """What a user can pay with, the default one first."""

    items: list[Method]


class GivenMoney(BaseModel):
    """An amount in a request: more than nothing."""

    model_config = ConfigDict(extra="forbid", strict=True)

    amount: str = Field(
        pattern=r"^[0-9]{1,9}\.[0-9]{2}$", max_length=12, description="decimal, at least 0.01", examples=["12.99"]
    )
    currency: str = Field(pattern=r"^[A-Z]{3}$", max_length=3, description="ISO 4217; the shop takes EUR")


class PaymentOrder(BaseModel):
    """What should be paid, and with what."""

    model_config = ConfigDict(extra="forbid", strict=True)

    order_id: Id
    amount: GivenMoney
    method_id: Id | None = Field(default=None, description="one of the caller's methods; null: the default one")


class RefundOrder(BaseModel):
    """What should be given back of an order's payment."""

    model_config = ConfigDict(extra="forbid", strict=True)

    order_id: Id
    amount: GivenMoney | None = Field(default=None, description="null: whatever is left of it")
    reason: str | None = Field(default=None, max_length=200, description="in the buyer's words")


class DeclinedProblem(Problem):
    """The bank said no; what was tried is kept as a declined payment."""

    decline_code: Literal["insufficient_funds"]


class AlreadyPaidProblem(Problem):
    """There is a payment of this order that holds: its id."""

    payment_id: str


class StandingProblem(Problem):
    """The payment cannot change so: where it stands. (`status` is the HTTP status of every problem.)"""

    status_now: PaymentStatus
