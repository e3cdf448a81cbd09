"""The keys that an issuer of tokens publishes, as records: a JSON Web Key Set (RFC 7517)."""

from __future__ import annotations

from bff_core.contract.record import Record


class Jwk(Record):
    """One public key, with the members that an RSA key has; ``n`` and ``e`` are base64url without padding.

    Private members are not declared, so that a key which leaks them is never held.
    """

    kty: str
    kid: str | None = None
    use: str | None = None
    alg: str | None = None
    n: str | None = None
    e: str | None = None


class JwkSet(Record):
    """All keys that are published now, in the issuer's order."""

    keys: tuple[Jwk, ...]
