"""The signed-in user's own pages, and what changes them."""

from typing import Any

import strawberry
from msgspec import UNSET, UnsetType

from bff_core.errors import BadRequest
from bff_core.graphql.link import link
from bff_core.graphql.write import Sent, write
from bff_web.types.customer import Customer, ProfileUpdated
from bff_web.types.outcome import InvalidInput, KeyReused, OutcomeUnknown
from services import users


@strawberry.input(description="What to change in the profile; what is left out stays as it is.")
class UpdateProfileInput:
    """Left out and null are two things here."""

    given_name: str | None = strawberry.field(default=strawberry.UNSET, description="The given name; never null.")
    family_name: str | None = strawberry.field(default=strawberry.UNSET, description="The family name; never null.")
    phone: str | None = strawberry.field(
        default=strawberry.UNSET, description='A telephone number, such as "+4930123456"; null takes it away.'
    )
    locale: str | None = strawberry.field(
        default=strawberry.UNSET, description='A BCP 47 tag of language and region, such as "de-DE"; never null.'
    )


def _update(input: UpdateProfileInput) -> Sent:
    return Sent(
        body=users.ProfileChange(
            given_name=_given("givenName", input.given_name),
            family_name=_given("familyName", input.family_name),
            phone=UNSET if input.phone is strawberry.UNSET else input.phone,
            locale=_given("locale", input.locale),
        )
    )


def _given(name: str, value: str | None) -> str | UnsetType:
    """What was said of a field that everybody has; left out, it stays."""
    if value is strawberry.UNSET:
        return UNSET
    if value is None:
        raise BadRequest(f"{name} cannot be taken away; leave it out to keep it.")
    return value


@strawberry.type
class AccountPage:
    """Root field of all that is the signed-in user's own."""

    me: Customer | None = link(users.me, description="The signed-in user; an error without a valid token.")


@strawberry.type
class AccountMutations:
    """What changes the signed-in user's own."""

    update_profile: Any = write(
        users.update_me,
        name="UpdateProfileResult",
        input=UpdateProfileInput,
        send=_update,
        done=ProfileUpdated,
        refusals=(InvalidInput, KeyReused),
        unknown=OutcomeUnknown,
        ask="Ask for `me`: it shows whether this was done. It does no harm to send the same mutation again.",
        description="Change the signed-in user's profile.",
    )
