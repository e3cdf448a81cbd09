"""The key ring: the keys that sign tokens, kept in the data directory so that tokens survive a restart."""

import base64
import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from downstream_stubs.users.models import Jwk

_BITS = 2048
_KEPT = 5


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A private key and what is published of it."""

    jwk: Jwk
    private: rsa.RSAPrivateKey

    def __repr__(self) -> str:
        return f"<SigningKey {self.jwk.kid}>"


class KeyRing:
    """The newest key signs; the last five are published, so that rotation breaks no token at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._keys: list[SigningKey] = []

    def __repr__(self) -> str:
        return f"<KeyRing {[key.jwk.kid for key in self._keys]}>"

    @property
    def is_open(self) -> bool:
        """Whether there is a key to sign with."""
        return bool(self._keys)

    @property
    def signing(self) -> SigningKey:
        """The key that signs."""
        return self._keys[0]

    @property
    def published(self) -> list[Jwk]:
        """All keys whose tokens are accepted, the signing one first."""
        return [key.jwk for key in self._keys]

    def public(self, kid: str) -> rsa.RSAPublicKey | None:
        """A published key by its id."""
        return next((key.private.public_key() for key in self._keys if key.jwk.kid == kid), None)

    def open(self) -> None:
        """Read the keys, and make the first one if there is none. Raises OSError."""
        if self._keys:
            return
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Two services starting at once must end up with one key: the first file to get the name wins.
            with self._written([_new_key()]) as temporary, contextlib.suppress(FileExistsError):
                os.link(temporary, self.path)
        self._keys = _read(self.path)

    def close(self) -> None:
        """Forget the keys; they can be read again."""
        self._keys = []

    def rotate(self) -> SigningKey:
        """Make a new key that signs from now on. Raises OSError."""
        keys = [_new_key(), *self._keys][:_KEPT]
        with self._written(keys) as temporary:
            temporary.replace(self.path)
        self._keys = keys
        return keys[0]

    @contextlib.contextmanager
    def _written(self, keys: list[SigningKey]) -> Iterator[Path]:
        """The keys in a file beside the final one, for its owner only; gone afterwards unless renamed."""
        handle, name = tempfile.mkstemp(prefix=self.path.name, dir=self.path.parent)  # made with mode 0600
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                json.dump([_pem(key) for key in keys], file)
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


def _new_key() -> SigningKey:
    return _signing_key(rsa.generate_private_key(public_exponent=65_537, key_size=_BITS))


def _signing_key(private: rsa.RSAPrivateKey) -> SigningKey:
    numbers = private.public_key().public_numbers()
    n, e = _base64(numbers.n), _base64(numbers.e)
    # The key's thumbprint (RFC 7638): the same key has the same id wherever it is read.
    thumbprint = hashlib.sha256(f'{{"e":"{e}","kty":"RSA","n":"{n}"}}'.encode()).digest()
    kid = base64.urlsafe_b64encode(thumbprint).rstrip(b"=").decode()
    return SigningKey(Jwk(kty="RSA", use="sig", alg="RS256", kid=kid, n=n, e=e), private)


def _base64(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _pem(key: SigningKey) -> str:
    return key.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _read(path: Path) -> list[SigningKey]:
    try:
        pems = json.loads(path.read_text(encoding="ascii"))
        privates = [serialization.load_pem_private_key(pem.encode(), password=None) for pem in pems]
        keys = [_signing_key(private) for private in privates if isinstance(private, rsa.RSAPrivateKey)]
    except (ValueError, TypeError, AttributeError) as error:
        raise OSError(f"{path} holds no signing keys; delete it to have new ones made") from error
    if not keys:
        raise OSError(f"{path} holds no signing keys; delete it to have new ones made")
    return keys
