"""The verifier: which tokens speak for someone."""

import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from downstream_stubs.frame.auth import Caller, Verifier
from downstream_stubs.frame.problems import ProblemError

KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
NOW = int(time.time())
CLAIMS: dict[str, object] = {
    "iss": "issuer",
    "aud": "shop",
    "sub": "7",
    "tenant": "shop",
    "scope": "a b",
    "iat": NOW,
    "nbf": NOW,
    "exp": NOW + 86_400,
}


async def verify(claims: dict[str, object]) -> Caller:
    keys = {"one": KEY.public_key()}
    token = jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": "one"})
    return await Verifier("issuer", "shop", keys.get).verify(token)


async def test_good_token_gives_its_caller() -> None:
    """Subject, tenant and scopes are taken from the claims."""
    assert await verify(CLAIMS) == Caller("7", "shop", frozenset({"a", "b"}))


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "other"},
        {"aud": "other"},
        {"exp": NOW - 1},
        {"nbf": NOW + 43_200},
        {"iat": NOW + 43_200},
        {"sub": 7},
        {"tenant": 7},
        {"scope": ["a", "b"]},
    ],
)
async def test_one_wrong_claim_is_enough(change: dict[str, object]) -> None:
    """A token that is right in all but one claim is a 401 problem."""
    with pytest.raises(ProblemError) as raised:
        await verify(CLAIMS | change)
    assert raised.value.kind.status == 401


@pytest.mark.parametrize("name", sorted(CLAIMS))
async def test_every_claim_is_needed(name: str) -> None:
    """A token that lacks a claim is a 401 problem."""
    with pytest.raises(ProblemError) as raised:
        await verify({key: value for key, value in CLAIMS.items() if key != name})
    assert raised.value.kind.status == 401
