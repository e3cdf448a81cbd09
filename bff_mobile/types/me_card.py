"""The signed-in user as a card."""

from collections.abc import Sequence

import strawberry

from bff_core.graphql.context import Info
from bff_core.graphql.link import link
from bff_core.graphql.view import computed, shown, view
from bff_mobile import wording
from bff_mobile.phrases import phrase
from bff_mobile.types.payment_words import method_text
from services import payments, users


def _member_since(profile: users.Profile, info: Info) -> str:
    locale = info.context.locale
    return phrase("member_since", locale, day=wording.day(profile.created_at, locale))


def _payment_methods(methods: Sequence[payments.PaymentMethod], info: Info) -> list[str]:
    return [method_text(method, info.context.locale) for method in methods]


def _default_address(addresses: Sequence[users.Address], info: Info) -> str | None:
    default = next((address for address in addresses if address.is_default), None)
    return wording.address(default, info.context.locale) if default else None


@view(users.Profile, description="The signed-in user.")
class MeCard:
    """Only its owner ever sees it."""

    id: strawberry.ID = shown("The user's id.")
    name: str = shown("The full name.")
    email: str = shown("Where letters go.")
    avatar_url: str | None = shown("Their picture.")
    member_since: str = computed(_member_since, "Since when they are here, worded for the locale.")
    payment_methods: list[str] | None = link(
        payments.methods,
        show=_payment_methods,
        description="What they can pay with, worded, the default first; null while nobody knows.",
    )
    default_address: str | None = link(
        users.my_addresses,
        show=_default_address,
        description="Where things go unless said otherwise, on one line; null when there is no such address.",
    )
