"""User service: profiles, addresses, preferences, and the keys that tokens are signed with.

Contract: schema/services/users.json.
"""

from datetime import datetime

from msgspec import UNSET, UnsetType

from bff_core.contract import Invalid, JwkSet, KeyReused, KeyStyle, LenientEnum, Record, Service

users = Service("users")

#: What the service's document says an id is: it answers 422 to any other, and a batch's URL gets so long and no longer.
ID = "[A-Za-z0-9_-]{1,40}"


class Profile(Record):
    """Somebody's own profile; nobody else may read it."""

    id: str
    name: str
    given_name: str
    family_name: str
    email: str
    locale: str
    created_at: datetime
    phone: str | None = None
    avatar_url: str | None = None


class PublicProfile(Record):
    """What everybody may see of a user."""

    id: str
    display_name: str
    avatar_url: str | None = None


class Address(Record):
    """Where somebody has things sent."""

    id: str
    label: str
    recipient: str
    line1: str
    city: str
    postal_code: str
    country: str
    is_default: bool
    line2: str | None = None


class Theme(LenientEnum):
    """The look somebody prefers."""

    LIGHT = "light"
    DARK = "dark"
    SYSTEM = "system"
    UNKNOWN = "unknown"


class Preferences(Record):
    """How somebody wants the shop to be."""

    currency: str
    language: str
    newsletter: bool
    theme: Theme
    favourite_category_ids: list[str]


class DevelopmentToken(Record):
    """A token from the development identity provider."""

    access_token: str


PROFILE_READ = ("profile:read",)
PROFILE_WRITE = ("profile:write",)

me = users.get("GET /me", returns=Profile, relay=True, scopes=PROFILE_READ, fresh=5, stale_if_error=300)
my_addresses = users.get(
    "GET /me/addresses",
    returns=list[Address],
    at="items",
    relay=True,
    scopes=PROFILE_READ,
    fresh=5,
    stale_if_error=300,
)
my_preferences = users.get(
    "GET /me/preferences", returns=Preferences, relay=True, scopes=PROFILE_READ, fresh=5, stale_if_error=300
)
profiles = users.batch(
    "GET /profiles",
    keys="ids",
    style=KeyStyle.COMMA,
    returns=PublicProfile,
    key="id",
    at="items",
    max_keys=100,
    pattern=ID,
    fresh=60,
    stale=600,
    stale_if_error=3600,
)
jwks = users.get("GET /.well-known/jwks.json", returns=JwkSet)
development_token = users.get("GET /_tokens/{user_id}", returns=DevelopmentToken, pattern=ID)


class ProfileChange(Record):
    """What to change in a profile; what is UNSET stays, and a telephone number of None is taken away."""

    given_name: str | UnsetType = UNSET
    family_name: str | UnsetType = UNSET
    phone: str | UnsetType | None = UNSET
    locale: str | UnsetType = UNSET


update_me = users.command(
    "PATCH /me",
    body=ProfileChange,
    returns=Profile,
    drops=[me, profiles],
    relay=True,
    scopes=PROFILE_WRITE,
    problems={"invalid-body": Invalid, "idempotency-key-reused": KeyReused},
)
