"""What somebody chooses from when they check out: where it goes, and what pays for it."""

import strawberry

from bff_core.graphql.context import Info
from bff_core.graphql.view import computed, shown, view
from bff_mobile import wording
from bff_mobile.types.payment_words import method_text
from services import payments, users


def _address(address: users.Address, info: Info) -> str:
    return wording.address(address, info.context.locale)


@view(users.Address, description="Where it may go.")
class AddressChoice:
    """One address, as a row to choose."""

    id: strawberry.ID = shown("To say as `addressId`.")
    label: str = shown("What its owner calls it.")
    text: str = computed(_address, "The address on one line, in the order of its country.")
    is_default: bool = shown("Whether it goes there unless said otherwise.")


def _method(method: payments.PaymentMethod, info: Info) -> str:
    return method_text(method, info.context.locale)


@view(payments.PaymentMethod, description="What may pay for it.")
class PaymentChoice:
    """One way to pay, as a row to choose."""

    id: strawberry.ID = shown("To say as `paymentMethodId`.")
    text: str = computed(_method, "The way to pay, worded for the locale.")
    is_default: bool = shown("Whether it pays unless said otherwise.")
