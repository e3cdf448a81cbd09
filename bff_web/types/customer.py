"""The signed-in user as the web shows them."""

from enum import Enum

import strawberry

from bff_core.graphql.link import link
from bff_core.graphql.view import computed, shown, view
from bff_web.types.category import Category
from bff_web.types.payment import PaymentMethod
from services import payments, products, users


@strawberry.enum(description="The look somebody prefers.")
class Theme(Enum):
    """The web's own words for the service's."""

    LIGHT = strawberry.enum_value("light", description="Dark on light.")
    DARK = strawberry.enum_value("dark", description="Light on dark.")
    SYSTEM = strawberry.enum_value("system", description="As the device has it.")
    UNKNOWN = strawberry.enum_value("unknown", description="A word of the service that this schema does not know yet.")


def _theme(preferences: users.Preferences) -> Theme:
    return Theme(preferences.theme.value)


@view(users.Address, description="Where somebody has things sent.")
class Address:
    """A postal address."""

    id: strawberry.ID = shown("The address's id.")
    label: str = shown('What its owner calls it, such as "Home".')
    recipient: str = shown("Who takes things there.")
    line1: str = shown("Street and number.")
    line2: str | None = shown("What else the postman must know.")
    city: str = shown("The town.")
    postal_code: str = shown("The postal code.")
    country: str = shown("The ISO 3166 code of the country.")
    is_default: bool = shown("Whether things go there unless said otherwise.")


@view(users.Preferences, description="How somebody wants the shop to be.")
class Preferences:
    """Settings of the signed-in user."""

    currency: str = shown("The ISO 4217 code of the currency they think in.")
    language: str = shown("The language they read.")
    newsletter: bool = shown("Whether they want letters.")
    theme: Theme = computed(_theme, "The look they prefer.")
    favourite_categories: list[Category] | None = link(
        products.categories,
        key="favourite_category_ids",
        missing="drop",
        at_most=10,
        description="The shelves they come for.",
    )


@view(users.Profile, description="The signed-in user.")
class Customer:
    """Only its owner ever sees it."""

    id: strawberry.ID = shown("The user's id.")
    name: str = shown("The full name.")
    given_name: str = shown("The given name.")
    family_name: str = shown("The family name.")
    email: str = shown("Where letters go.")
    phone: str | None = shown("A telephone number.")
    locale: str = shown("The locale they prefer, as a BCP 47 tag.")
    avatar_url: str | None = shown("Their picture.")
    addresses: list[Address] | None = link(users.my_addresses, description="Where they have things sent.")
    preferences: Preferences | None = link(users.my_preferences, description="How they want the shop to be.")
    payment_methods: list[PaymentMethod] | None = link(
        payments.methods, description="What they can pay with, the default one first."
    )


@view(users.Profile, description="The profile is changed.")
class ProfileUpdated:
    """What a change of the profile came to."""

    me: Customer = computed(lambda profile: profile, "The signed-in user as they are now.")
