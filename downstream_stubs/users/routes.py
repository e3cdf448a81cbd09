"""The routes of the user service."""

import sqlite3
from typing import Annotated, TypeVar

from fastapi import Depends, FastAPI, Path, Query, Request, Response, Security

from downstream_stubs.frame.auth import Caller, Verifier
from downstream_stubs.frame.caching import CATALOGUE, PRIVATE, cache_control
from downstream_stubs.frame.idempotency import Idempotency, OptionalKey
from downstream_stubs.frame.parameters import COMMA_SEPARATED, CommaIdList, Id
from downstream_stubs.frame.problems import FORBIDDEN, INVALID_BODY, NOT_FOUND, UNAUTHENTICATED, ProblemError
from downstream_stubs.users.keys import KeyRing
from downstream_stubs.users.models import (
    Addresses,
    Jwks,
    Preferences,
    Profile,
    ProfileChange,
    PublicProfiles,
    Rotation,
    Token,
    TokenOrder,
)
from downstream_stubs.users.seed import TENANT
from downstream_stubs.users.settings import UsersSettings
from downstream_stubs.users.store import UserStore
from downstream_stubs.users.tokens import sign

T = TypeVar("T")

_PRIVATE = [Depends(cache_control(PRIVATE))]
_PUBLIC = [Depends(cache_control(CATALOGUE))]


def add_routes(
    app: FastAPI, store: UserStore, idempotency: Idempotency, keys: KeyRing, settings: UsersSettings
) -> None:
    """Add what the user service offers."""
    verifier = Verifier(settings.issuer, settings.audience, keys.public)
    reader = Security(verifier, scopes=["profile:read"])
    writer = Security(verifier, scopes=["profile:write"])

    @app.get("/me", dependencies=_PRIVATE, tags=["me"])
    async def read_me(caller: Annotated[Caller, reader]) -> Profile:
        """The profile of the token's subject."""
        return _of_subject(store.profile(caller.subject))

    @app.patch("/me", response_model=Profile, dependencies=_PRIVATE, tags=["me"])
    async def change_me(
        request: Request, change: ProfileChange, caller: Annotated[Caller, writer], key: OptionalKey = None
    ) -> Response:
        """Change what is given of the profile of the token's subject; the full name follows."""

        def write(connection: sqlite3.Connection) -> tuple[int, Profile]:
            return 200, store.change(connection, _of_subject(store.profile(caller.subject)), change)

        return idempotency.written(request, caller.subject, key, change, write)

    @app.get("/me/addresses", dependencies=_PRIVATE, tags=["me"])
    async def read_my_addresses(caller: Annotated[Caller, reader]) -> Addresses:
        """The addresses of the token's subject, the default one first."""
        return Addresses(items=store.addresses(caller.subject))

    @app.get("/me/preferences", dependencies=_PRIVATE, tags=["me"])
    async def read_my_preferences(caller: Annotated[Caller, reader]) -> Preferences:
        """The preferences of the token's subject."""
        return _of_subject(store.preferences(caller.subject))

    @app.get("/users/{user_id}", dependencies=_PRIVATE, tags=["users"])
    async def read_user(user_id: Annotated[Id, Path()], caller: Annotated[Caller, reader]) -> Profile:
        """A whole profile; only the user's own token opens it."""
        # That a user exists is no secret (see /profiles), so the answer may tell the two refusals apart.
        profile = store.profile(user_id)
        if profile is None:
            raise ProblemError(NOT_FOUND, f"There is no user {user_id}.")
        if caller.subject != user_id:
            raise ProblemError(FORBIDDEN, f"The token is not user {user_id}'s.")
        return profile

    @app.get("/profiles", dependencies=_PUBLIC, tags=["users"])
    async def read_profiles(
        ids: Annotated[
            CommaIdList,
            Query(
                min_length=1,
                max_length=100,
                description="1 to 100 ids, separated by commas",
                json_schema_extra={COMMA_SEPARATED: True},
            ),
        ],
    ) -> PublicProfiles:
        """Public profiles by id: unknown ones are left out, the rest is ordered by id."""
        return PublicProfiles(items=store.public_profiles(ids))

    @app.post("/tokens", dependencies=_PRIVATE, tags=["identity"])
    async def issue_token(order: TokenOrder) -> Token:
        """Sign a token for anyone: this is the identity provider of development."""
        if store.profile(order.user_id) is None:
            reason = "there is no such user"
            raise ProblemError(INVALID_BODY, f"Not acceptable: user_id ({reason}).", errors=[("user_id", reason)])
        return sign(order, keys.signing, settings.issuer, TENANT)

    # Below /_, so that a page which signs in for its visitor still can while every route of the service is faulty.
    @app.get("/_tokens/{user_id}", dependencies=_PRIVATE, tags=["identity"])
    async def issue_default_token(user_id: Annotated[Id, Path()]) -> Token:
        """Sign a token with all scopes for anyone, in one GET; `/tokens` takes finer orders."""
        if store.profile(user_id) is None:
            raise ProblemError(NOT_FOUND, f"There is no user {user_id}.")
        return sign(TokenOrder(user_id=user_id), keys.signing, settings.issuer, TENANT)

    @app.get(
        "/.well-known/jwks.json",
        dependencies=[Depends(cache_control("public, max-age=300"))],
        tags=["identity"],
    )
    async def read_keys() -> Jwks:
        """The public keys that tokens are verified with, the signing one first."""
        return Jwks(keys=keys.published)

    @app.post("/_keys/rotate", include_in_schema=False)
    async def rotate_keys() -> Rotation:
        return Rotation(kid=keys.rotate().jwk.kid)


def _of_subject(found: T | None) -> T:
    # The seed changed under a token that is still valid: for its holder that is a token of nobody.
    if found is None:
        raise ProblemError(UNAUTHENTICATED, "The token's subject does not exist.")
    return found
