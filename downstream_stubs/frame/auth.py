"""Tokens: from a bearer token to who calls, or to a 401 or 403 that says why not."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import isawaitable
from typing import Annotated

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from downstream_stubs.frame.problems import INSUFFICIENT_SCOPE, UNAUTHENTICATED, ProblemError

ALGORITHM = "RS256"
_CLAIMS = ("iss", "aud", "sub", "iat", "nbf", "exp", "scope", "tenant")
KeyOf = Callable[[str], RSAPublicKey | Awaitable[RSAPublicKey | None] | None]
"""Finds a published key by its id, None if there is none; at once or after having asked for it."""

_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", bearerFormat="JWT")


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a verified token speaks for."""

    subject: str
    tenant: str
    scopes: frozenset[str]


class Verifier:
    """A FastAPI dependency: ``Security(verifier, scopes=["profile:read"])`` gives the Caller.

    Answers 401 without a valid token, 403 if a scope is missing, and what ``key_of`` raises.
    """

    def __init__(self, issuer: str, audience: str, key_of: KeyOf) -> None:
        self._issuer = issuer
        self._audience = audience
        self._key_of = key_of

    async def __call__(
        self,
        needed: SecurityScopes,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> Caller:
        """The caller of this request."""
        if credentials is None:
            raise _unauthenticated("A bearer token is needed.", challenge="Bearer")
        caller = await self.verify(credentials.credentials)
        missing = [scope for scope in needed.scopes if scope not in caller.scopes]
        if missing:
            scopes = " ".join(missing)
            challenge = f'Bearer error="insufficient_scope", scope="{scopes}"'
            detail = f"The token lacks the scope {scopes}."
            raise ProblemError(INSUFFICIENT_SCOPE, detail, headers={"www-authenticate": challenge})
        return caller

    async def verify(self, token: str) -> Caller:
        """Who a token speaks for. Raises a 401 problem."""
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            found = self._key_of(kid) if isinstance(kid, str) else None
            key = await found if isawaitable(found) else found
            if key is None:
                raise _unauthenticated("The token is signed with an unknown key.")
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                options={"require": list(_CLAIMS)},
            )
        except jwt.PyJWTError as error:
            # PyJWT's message speaks of the token only: expired, not yet valid, wrong audience, bad signature.
            raise _unauthenticated(f"The token is not valid here: {error}.") from error
        subject, tenant, scope = claims["sub"], claims["tenant"], claims["scope"]
        if not (isinstance(subject, str) and isinstance(tenant, str) and isinstance(scope, str)):
            raise _unauthenticated("The token's sub, tenant and scope must be texts.")
        return Caller(subject, tenant, frozenset(scope.split()))


def _unauthenticated(detail: str, challenge: str = 'Bearer error="invalid_token"') -> ProblemError:
    return ProblemError(UNAUTHENTICATED, detail, headers={"www-authenticate": challenge})
