"""Tokens: what the identity provider of development signs."""

import time
import uuid

import jwt

from downstream_stubs.frame.auth import ALGORITHM
from downstream_stubs.users.keys import SigningKey
from downstream_stubs.users.models import Token, TokenOrder


def sign(order: TokenOrder, key: SigningKey, issuer: str, tenant: str) -> Token:
    """A token as it was ordered, valid from the second of its issue on."""
    now = int(time.time() if order.issued_at is None else order.issued_at.timestamp())
    claims = {
        "iss": issuer,
        "aud": order.audience,
        "sub": order.user_id,
        "tenant": tenant,
        "scope": " ".join(dict.fromkeys(order.scopes)),
        "iat": now,
        "nbf": now,
        "exp": now + order.ttl_s,
        "jti": uuid.uuid4().hex,
    }
    text = jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"kid": key.jwk.kid})
    return Token(access_token=text, token_type="Bearer", expires_in=order.ttl_s)  # noqa: S106 - a kind, no secret
