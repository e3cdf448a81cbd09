"""Who asks: the principal that a verified token stands for, and the credential, which stays wrapped."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, as the issuer says; equal principals may see the same.

    ``subject`` is None for someone who sent no credential. ``scopes`` are the words that the token grants.
    ``expires`` is in seconds since 1970 UTC, None where nothing expires. Holds no token, so its repr is safe
    to log where personal data is.
    """

    subject: str | None
    issuer: str | None = None
    tenant: str | None = None
    scopes: frozenset[str] = frozenset()
    expires: float | None = None

    @property
    def anonymous(self) -> bool:
        """True for someone who sent no credential."""
        return self.subject is None


#: Someone who sent no credential.
ANONYMOUS = Principal(subject=None)


class Credential:
    """The bearer token as it came, to be relayed to services that ask for it; its repr hides it."""

    __slots__ = ("_token",)

    def __init__(self, token: str) -> None:
        self._token = token

    @property
    def authorization(self) -> str:
        """The value of the Authorization header that relays it."""
        return f"Bearer {self._token}"

    def __repr__(self) -> str:
        return "<Credential hidden>"

    def __reduce__(self) -> str:
        # Pickled or copied into a task queue it would be readable there.
        raise TypeError("a credential is not pickled")
