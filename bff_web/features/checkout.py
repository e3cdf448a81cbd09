"""The checkout: the cart becomes an order, and whoever lost the answer finds out."""

from typing import Any

import strawberry

from bff_core.graphql.link import link
from bff_core.graphql.write import Sent, key_argument, write
from bff_web.types.cart import StaleCart
from bff_web.types.checkout import CameToNothing, CardDeclined, CheckoutDone, CheckoutOutcome, OutOfStock, PriceChanged
from bff_web.types.money import MoneyInput, sent_money
from bff_web.types.outcome import InvalidInput, KeyReused, OutcomeUnknown
from services import orders


@strawberry.input(description="What to buy, and how.")
class CheckoutInput:
    """What is left out is as the customer has it: their default address, their default payment method."""

    cart_version: int = strawberry.field(description="The version of the cart that the customer has seen.")
    expected_total: MoneyInput | None = strawberry.field(
        default=None, description="What the customer agreed to pay, shipping included; null for whatever it costs."
    )
    address_id: strawberry.ID | None = strawberry.field(
        default=None, description="Where it goes: one of `me.addresses`; null for the default one."
    )
    payment_method_id: strawberry.ID | None = strawberry.field(
        default=None, description="What pays for it: one of `me.paymentMethods`; null for the default one."
    )


def _place(input: CheckoutInput) -> Sent:
    return Sent(
        body=orders.PlaceOrder(
            cart_version=input.cart_version,
            expected_total=sent_money(input.expected_total),
            address_id=input.address_id,
            payment_method_id=input.payment_method_id,
        )
    )


@strawberry.type
class CheckoutPage:
    """Root field for who lost the answer of a checkout."""

    checkout_outcome: CheckoutOutcome | None = link(
        orders.placement,
        key=key_argument("The key that the checkout was sent under."),
        description="What became of a checkout of the signed-in user. Null when none has arrived under this key: then"
        " send it again with the same key.",
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
        ask="Ask checkoutOutcome with this idempotencyKey, or send the same mutation again with it.",
        description="Buy what is in the cart. The same idempotencyKey again is the same order again, never a second.",
    )
