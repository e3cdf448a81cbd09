"""The signed-in user as a card."""

import strawberry

from bff_core.graphql.context import Info
from bff_core.graphql.view import computed, shown, view
from bff_mobile import wording
from bff_mobile.phrases import phrase
from services import users


def _member_since(profile: users.Profile, info: Info) -> str:
    locale = info.context.locale
    return phrase("member_since", locale, day=wording.day(profile.created_at, locale))


@view(users.Profile, description="The signed-in user.")
class MeCard:
    """Only its owner ever sees it."""

    id: strawberry.ID = shown("The user's id.")
    name: str = shown("The full name.")
    email: str = shown("Where letters go.")
    avatar_url: str | None = shown("Their picture.")
    member_since: str = computed(_member_since, "Since when they are here, worded for the locale.")
