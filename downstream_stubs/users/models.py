"""What the user service takes and answers."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from downstream_stubs.frame.parameters import Id, Instant

Scope = Literal[
    "profile:read",
    "profile:write",
    "orders:read",
    "orders:write",
    "payments:read",
    "payments:write",
    "notifications:read",
    "notifications:write",
]
ALL_SCOPES: tuple[Scope, ...] = get_args(Scope)

CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2")]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217")]


class Profile(BaseModel):
    """A user as only the user sees it."""

    id: str
    name: str = Field(description="the full name, in the order of the user's culture")
    given_name: str
    family_name: str
    email: str
    phone: str | None = Field(description="E.164")
    locale: str = Field(description="BCP 47, language and region")
    avatar_url: str | None
    tenant: str
    created_at: datetime


def _left_out(schema: dict[str, Any]) -> None:
    schema.pop("default")


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$"),
    # What stands for a name that was left out is no name, and never told.
    Field(json_schema_extra=_left_out),
]


class ProfileChange(BaseModel):
    """What a user changes about itself; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", strict=True)

    given_name: Name = ""
    family_name: Name = ""
    phone: Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$", max_length=16)] | None = Field(
        default=None, description="E.164; null takes it away", json_schema_extra=_left_out
    )
    locale: str = Field(
        default="",
        pattern=r"^[a-z]{2,3}-[A-Z]{2}$",
        max_length=6,
        description="BCP 47, language and region",
        json_schema_extra=_left_out,
    )


class PublicProfile(BaseModel):
    """A user as everyone may see it."""

    id: str
    display_name: str
    avatar_url: str | None
    member_since: datetime


class PublicProfiles(BaseModel):
    """Those of the asked profiles that exist, ordered by id."""

    items: list[PublicProfile]


class Address(BaseModel):
    """Where a user has parcels sent."""

    id: str
    label: str = Field(description="what the user calls it")
    recipient: str
    line1: str
    line2: str | None
    city: str
    postal_code: str
    country: CountryCode
    is_default: bool = Field(description="true for exactly one of a user's addresses")


class Addresses(BaseModel):
    """A user's addresses, the default one first."""

    items: list[Address]


class Preferences(BaseModel):
    """How a user wants the shop to be."""

    currency: CurrencyCode
    newsletter: bool
    theme: Literal["light", "dark", "system"]
    favourite_category_ids: list[str] = Field(max_length=10, description="ids of the product service's categories")
    language: str = Field(description="BCP 47, language only")


_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)


class TokenOrder(BaseModel):
    """What a token should say."""

    model_config = ConfigDict(extra="forbid", strict=True)

    user_id: Id = Field(description="an existing user; becomes sub")
    scopes: list[Scope] = Field(default=list(ALL_SCOPES), max_length=20, description="all known ones by default")
    ttl_s: int = Field(default=43_200, ge=60, le=315_360_000, description="seconds from its issue until it expires")
    issued_at: Annotated[Instant, Field(ge=_EARLIEST, lt=_LATEST)] | None = Field(
        default=None, description="as if issued then, for tests whose calendar stands still; now by default"
    )
    audience: str = Field(default="shop", min_length=1, max_length=100, description="becomes aud")


class Token(BaseModel):
    """A new access token."""

    access_token: str = Field(description="a JWT signed with RS256")
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="seconds")


class Jwk(BaseModel):
    """A public key (RFC 7517)."""

    kty: Literal["RSA"]
    use: Literal["sig"]
    alg: Literal["RS256"]
    kid: str
    n: str
    e: str


class Jwks(BaseModel):
    """All keys whose tokens are accepted, the signing one first."""

    keys: list[Jwk]


class Rotation(BaseModel):
    """The key that signs from now on."""

    kid: str
