"""The mint: real tokens that pyjwt itself believes, and keys that rotate."""

from __future__ import annotations

import jwt
import pytest

from bff_core.testing.clock import FakeClock
from bff_core.testing.tokens import TokenMint


def test_a_minted_token_is_believed_by_the_library() -> None:
    """A token by the system's clock passes pyjwt's own checks with the key that is published for it."""
    mint = TokenMint("i", "a")
    token = mint.token("7", scopes=["b", "c"], extra=1)
    (key,) = mint.jwks().keys
    public = jwt.PyJWK({"kty": "RSA", "n": key.n, "e": key.e}).key
    assert jwt.get_unverified_header(token)["kid"] == key.kid == mint.kid == "key-1"
    claims = jwt.decode(token, public, algorithms=["RS256"], issuer="i", audience="a")
    assert (claims["sub"], claims["scope"], claims["extra"]) == ("7", "b c", 1)


def test_times_are_by_the_tests_clock() -> None:
    """iat and nbf are the clock's now and exp is ttl later; None leaves a claim out."""
    token = TokenMint("i", "a").token(ttl=60, clock=FakeClock(wall=1000), scope=None, nbf=None)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims == {"iss": "i", "aud": "a", "sub": "7", "iat": 1000, "exp": 1060}


def test_rotation_signs_with_a_new_key() -> None:
    """After a rotation both keys are published, or the new one alone, and tokens name the new one."""
    mint = TokenMint("i", "a")
    assert mint.rotate() == mint.kid == "key-2"
    assert [key.kid for key in mint.jwks().keys] == ["key-1", "key-2"]
    mint.rotate(keep=False)
    assert [key.kid for key in mint.jwks().keys] == ["key-3"]
    token = mint.token()
    assert jwt.get_unverified_header(token)["kid"] == "key-3"
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, TokenMint("i", "a").private_key.public_key(), algorithms=["RS256"], audience="a")
