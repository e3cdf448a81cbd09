"""From an Authorization header to a principal: every check a bearer token must pass, in order.

    header → size → remembered? → form → alg, kid → key → signature, iss, aud → exp, nbf, iat → principal

The signature and the claims iss and aud are pyjwt's; the three times are checked here, because pyjwt reads
the system's time and takes no other, and time is a parameter in this project. Nothing in a token's header but
``alg`` and ``kid`` is looked at: keys come from the key set alone, never from a ``jwk``, ``jku`` or ``x5c``
that a token brings along.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import jwt
from cachetools import TLRUCache
from jwt.exceptions import (
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    MissingRequiredClaimError,
    PyJWTError,
)

from bff_core.auth.keyset import RSA_ALGORITHMS, KeySet, VerificationKey
from bff_core.auth.principal import ANONYMOUS, Credential, Principal
from bff_core.clock import Clock
from bff_core.errors import Unauthenticated

_BEARER = re.compile(r"bearer +([A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*) *", re.IGNORECASE | re.ASCII)

#: Longest token looked at, in characters; longer ones cost time before they are refused.
_LONGEST_TOKEN = 8192

#: Longest name of a key looked up.
_LONGEST_KID = 128

#: Times in a token lie between 1970 and about the year 5000; all else (infinity, booleans, text) is no time.
_LAST_INSTANT = 1e11


@dataclass(frozen=True, slots=True)
class TokenOptions:
    """Which tokens are believed.

    ``issuer`` and ``audience`` are what iss must be and aud must hold. ``algorithms`` is the allow-list, some
    of RS256, RS384 and RS512. ``leeway`` is how far the issuer's clock may be off, in seconds (0 or more,
    default 5). ``remembered`` is how many verified tokens are kept (1 or more, default 10,000).
    """

    issuer: str
    audience: str
    algorithms: tuple[str, ...] = ("RS256",)
    leeway: float = 5.0
    remembered: int = 10_000

    def __post_init__(self) -> None:
        if not self.issuer or not self.audience:
            raise ValueError("issuer and audience must not be empty, or any token would do")
        if not self.algorithms or not RSA_ALGORITHMS.issuperset(self.algorithms):
            allowed = ", ".join(sorted(RSA_ALGORITHMS))
            raise ValueError(f"algorithms must be some of {allowed}, not {self.algorithms}")
        if self.leeway < 0 or self.remembered < 1:
            raise ValueError("leeway must be 0 or more seconds, remembered 1 or more tokens")


@dataclass(frozen=True, slots=True)
class _Verified:
    """``token``: where in its header the token stands."""

    principal: Principal
    key: VerificationKey
    until: float
    token: slice


class TokenVerifier:
    """Turns credentials into principals. Process lifetime; holds no token, only hashes of verified ones.

    A verified token is remembered until it expires or its key is no longer published, whichever comes first.
    """

    def __init__(self, options: TokenOptions, keys: KeySet, clock: Clock) -> None:
        self._options = options
        self._keys = keys
        self._clock = clock
        self._verified: TLRUCache[bytes, _Verified] = TLRUCache(
            maxsize=options.remembered, ttu=lambda _, verified, __: verified.until, timer=clock.wall
        )

    def __repr__(self) -> str:
        return f"<TokenVerifier issuer={self._options.issuer!r} remembered={len(self._verified)}>"

    async def principal(self, authorization: str | None, within: float) -> tuple[Principal, Credential | None]:
        """Who sent this Authorization header, and the credential to relay; ANONYMOUS and None without one.

        Raises Unauthenticated with a sentence for the client, and AuthUnavailable when no key is known to
        verify with, or it does not arrive ``within`` so many seconds.
        """
        if authorization is None:
            return ANONYMOUS, None
        if len(authorization) > _LONGEST_TOKEN + len("Bearer "):
            raise Unauthenticated(f"The bearer token must not be longer than {_LONGEST_TOKEN} characters.")
        # Of the header as it came: a token that is remembered need not even be looked for in it.
        digest = hashlib.sha256(authorization.encode("utf-8", "surrogatepass")).digest()
        verified: _Verified | None
        try:
            verified = self._verified[digest]  # ``get`` looks twice
        except KeyError:
            verified = None
        if verified is None or self._keys.known(verified.key.kid) is not verified.key:
            verified = await self._verify(authorization, within)
            self._verified[digest] = verified
        return verified.principal, Credential(authorization[verified.token])

    async def _verify(self, authorization: str, within: float) -> _Verified:
        match = _BEARER.fullmatch(authorization)
        if match is None:
            raise Unauthenticated("The Authorization header must be 'Bearer' and a signed JWT.")
        token = match[1]
        algorithm, kid = self._header(token)
        key = await self._keys.key(kid, within)
        if key is None:
            raise Unauthenticated("The bearer token is signed with a key that its issuer does not publish.")
        if key.algorithm not in (None, algorithm):
            raise Unauthenticated("The bearer token is signed in another way than its key is made for.")
        claims = self._claims(token, algorithm, key)
        expires = self._check_times(claims)
        principal = Principal(
            subject=_text(claims, "sub"),
            issuer=self._options.issuer,
            tenant=_text(claims, "tenant") if claims.get("tenant") is not None else None,
            scopes=_scopes(claims),
            expires=expires,
        )
        return _Verified(principal, key, expires + self._options.leeway, slice(*match.span(1)))

    def _header(self, token: str) -> tuple[str, str]:
        try:
            header = jwt.get_unverified_header(token)
        except PyJWTError as error:  # also for JSON nested thousands deep
            raise Unauthenticated("The bearer token is not a signed JWT.") from error
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._options.algorithms:
            accepted = " or ".join(self._options.algorithms)
            raise Unauthenticated(f"The bearer token must be signed with {accepted}.")
        if not isinstance(kid, str) or not 1 <= len(kid) <= _LONGEST_KID:
            raise Unauthenticated(f"The bearer token must name its key by a kid of at most {_LONGEST_KID} characters.")
        return algorithm, kid

    def _claims(self, token: str, algorithm: str, key: VerificationKey) -> Mapping[str, object]:
        try:
            claims: Mapping[str, object] = jwt.decode(
                token,
                key.public,
                algorithms=[algorithm],
                issuer=self._options.issuer,
                audience=self._options.audience,
                options={
                    "require": ["iss", "aud", "sub", "exp", "nbf"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except InvalidSignatureError as error:
            raise Unauthenticated("The bearer token's signature is not valid.") from error
        except MissingRequiredClaimError as error:
            raise Unauthenticated(f"The bearer token has no {error.claim}.") from error
        except InvalidIssuerError as error:
            raise Unauthenticated("The bearer token comes from another issuer.") from error
        except InvalidAudienceError as error:
            raise Unauthenticated("The bearer token is meant for another audience.") from error
        except PyJWTError as error:
            raise Unauthenticated("The bearer token is not a signed JWT.") from error
        return claims

    def _check_times(self, claims: Mapping[str, object]) -> float:
        now, leeway = self._clock.wall(), self._options.leeway
        expires = _instant(claims, "exp")
        if expires + leeway <= now:
            raise Unauthenticated("The bearer token has expired.")
        for name in ("nbf", "iat"):
            if claims.get(name) is not None and _instant(claims, name) > now + leeway:
                raise Unauthenticated("The bearer token is not valid yet.")
        return expires


def _instant(claims: Mapping[str, object], name: str) -> float:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _LAST_INSTANT:
        raise Unauthenticated(f"The bearer token's {name} is not a time.")
    return float(value)


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims[name]
    if not isinstance(value, str) or not value:
        raise Unauthenticated(f"The bearer token's {name} is not a name.")
    return value


def _scopes(claims: Mapping[str, object]) -> frozenset[str]:
    """The words of ``scope`` (RFC 9068), none where it is absent."""
    value = claims.get("scope")
    if value is None:
        return frozenset()
    if not isinstance(value, str):
        raise Unauthenticated("The bearer token's scope is not a text of words.")
    return frozenset(value.split())
