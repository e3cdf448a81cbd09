"""Buying: the cart becomes an order, an order is bought once more, and whoever lost the answer finds out."""

from typing import Any

import strawberry

from bff_core.graphql.link import link
from bff_core.graphql.write import Sent, key_argument, write
from bff_mobile.types.checkout import (
    CameToNothing,
    CardDeclined,
    CheckoutDone,
    CheckoutOutcome,
    OutOfStock,
    PriceChanged,
    StaleCart,
)
from bff_mobile.types.exact_money import ExactMoneyInput, sent_money
from bff_mobile.types.outcome import InvalidInput, KeyReused, OutcomeUnknown
from services import orders

_TOTAL = "What the customer agreed to pay, shipping included; null for whatever it costs."
_ADDRESS = "Where it goes: one of `cart.addresses`; null for the default one."
_METHOD = "What pays for it: one of `cart.paymentChoices`; null for the default one."
_ASK = "Ask checkoutOutcome with this idempotencyKey, or send the same mutation again with it."


@strawberry.input(description="What to buy, and how.")
class CheckoutInput:
    """What is left out is as the customer has it."""

    cart_version: int = strawberry.field(description="The version of the cart that the customer has seen.")
    expected_total: ExactMoneyInput | None = strawberry.field(default=None, description=_TOTAL)
    address_id: strawberry.ID | None = strawberry.field(default=None, description=_ADDRESS)
    payment_method_id: strawberry.ID | None = strawberry.field(default=None, description=_METHOD)


@strawberry.input(description="Which order to buy once more, and how.")
class ReorderInput:
    """What is left out is as the customer has it now, and not as it was then."""

    order_id: strawberry.ID = strawberry.field(description="The earlier order's id.")
    expected_total: ExactMoneyInput | None = strawberry.field(default=None, description=_TOTAL)
    address_id: strawberry.ID | None = strawberry.field(default=None, description=_ADDRESS)
    payment_method_id: strawberry.ID | None = strawberry.field(default=None, description=_METHOD)


def _place(input: CheckoutInput) -> Sent:
    return Sent(
        body=orders.PlaceOrder(
            cart_version=input.cart_version,
            expected_total=sent_money(input.expected_total),
            address_id=input.address_id,
            payment_method_id=input.payment_method_id,
        )
    )


def _again(input: ReorderInput) -> Sent:
    return Sent(
        (input.order_id,),
        orders.Reorder(
            expected_total=sent_money(input.expected_total),
            address_id=input.address_id,
            payment_method_id=input.payment_method_id,
        ),
    )


@strawberry.type
class CheckoutAnswers:
    """Root field for who lost the answer of a checkout."""

    checkout_outcome: CheckoutOutcome | None = link(
        orders.placement,
        key=key_argument("The key that it was sent under."),
        description="What became of a `checkout` or `reorder` of the signed-in user. Null when none has arrived under"
        " this key: then send it again with the same key.",
    )


@strawberry.type
class CheckoutMutations:
    """What buys."""

    checkout: Any = write(
        orders.place,
        name="CheckoutResult",
        input=CheckoutInput,
        send=_place,
        done=CheckoutDone,
        refusals=(CardDeclined, CameToNothing, OutOfStock, PriceChanged, StaleCart, InvalidInput, KeyReused),
        unknown=OutcomeUnknown,
        ask=_ASK,
        description="Buy what is in the cart. The same idempotencyKey again is the same order again, never a second.",
    )
    reorder: Any = write(
        orders.reorder,
        name="ReorderResult",
        input=ReorderInput,
        send=_again,
        done=CheckoutDone,
        refusals=(CardDeclined, CameToNothing, OutOfStock, PriceChanged, InvalidInput, KeyReused),
        unknown=OutcomeUnknown,
        ask=_ASK,
        description="Buy once more what is still sold of an earlier order, at the prices of now; the cart has no part"
        " in it. NOT_FOUND for an order that is not the signed-in user's.",
    )
