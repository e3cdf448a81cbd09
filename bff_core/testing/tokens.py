"""An issuer of tokens for tests: real RSA keys, real signatures, times by the test's clock."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from bff_core.clock import Clock, SystemClock
from bff_core.contract import Jwk, JwkSet


@functools.cache
def _private_key(number: int) -> rsa.RSAPrivateKey:
    # Kept for the process: making one takes a tenth of a second, and no test is about its making.
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class TokenMint:
    """Makes tokens of one issuer for one audience, and publishes the keys that verify them.

    Keys are named ``key-1``, ``key-2``, … and are the same in every mint of a process; two mints differ in
    what they publish and say, not in their keys, unless ``first_key`` tells them apart.
    """

    def __init__(self, issuer: str, audience: str, *, first_key: int = 1) -> None:
        self.issuer = issuer
        self.audience = audience
        self._published = [first_key]

    def __repr__(self) -> str:
        return f"<TokenMint issuer={self.issuer!r} keys={self._published}>"

    @property
    def kid(self) -> str:
        """The name of the key that signs now."""
        return f"key-{self._published[-1]}"

    @property
    def private_key(self) -> rsa.RSAPrivateKey:
        """The key that signs now."""
        return _private_key(self._published[-1])

    def token(
        self,
        subject: str | None = "7",
        *,
        scopes: Iterable[str] = (),
        ttl: float = 300.0,
        clock: Clock | None = None,
        alg: str = "RS256",
        kid: str | None = None,
        headers: dict[str, object] | None = None,
        **claims: object,
    ) -> str:
        """A signed token, valid from now for ``ttl`` seconds.

        ``claims`` replace or add to those of the token, None leaves one out; ``headers`` likewise. Without a
        clock it is the system's.
        """
        now = (clock or SystemClock()).wall()
        payload: dict[str, object] = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": subject,
            "iat": now,
            "nbf": now,
            "exp": now + ttl,
            "scope": " ".join(scopes),
        }
        payload.update(claims)
        header = {"kid": kid or self.kid, **(headers or {})}
        return jwt.encode(
            {name: value for name, value in payload.items() if value is not None},
            self.private_key,
            algorithm=alg,
            headers={name: value for name, value in header.items() if value is not None},
        )

    def jwks(self) -> JwkSet:
        """The published keys, oldest first."""
        return JwkSet(keys=tuple(self._jwk(number) for number in self._published))

    def rotate(self, *, keep: bool = True) -> str:
        """Sign with a new key from now on, give its name; without ``keep`` the former are withdrawn."""
        number = self._published[-1] + 1
        self._published = [*self._published, number] if keep else [number]
        return self.kid

    def _jwk(self, number: int) -> Jwk:
        numbers = RSAAlgorithm.to_jwk(_private_key(number).public_key(), as_dict=True)
        return Jwk(kty="RSA", kid=f"key-{number}", use="sig", alg="RS256", n=numbers["n"], e=numbers["e"])
