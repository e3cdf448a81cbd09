"""Every attack on tokens through the whole edge: 401, nothing runs, and the issuer is not made to answer for it.

What each check says stands in ``tests/auth``; here it is held that none is passed by on the way.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bff_core.edge.http import GRAPHQL_JSON, JSON
from bff_core.telemetry.facts import RequestFinished
from bff_core.testing.tokens import TokenMint
from tests.edge.desk import Desk, desk

BOTH = json.dumps({"query": '{ word(id: "1") { text } diary { latest } }'})


def encode(part: object) -> str:
    """One segment of a token: JSON unless it is bytes."""
    data = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(token: str) -> dict[str, Any]:
    """What a token says."""
    segment = token.split(".")[1]
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return read


def unsigned(algorithm: str) -> Callable[[Desk], str]:
    """A token that says it needs no signature."""
    return lambda room: f"{encode({'alg': algorithm, 'kid': room.mint.kid})}.{room.token.split('.')[1]}."


def by_public_key(algorithm: str) -> Callable[[Desk], str]:
    """A token signed with the public key as if it were a secret."""

    def forge(room: Desk) -> str:
        public = room.mint.private_key.public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        signed = f"{encode({'alg': algorithm, 'kid': room.mint.kid})}.{room.token.split('.')[1]}"
        return f"{signed}.{encode(hmac.digest(pem, signed.encode(), hashlib.sha256))}"

    return forge


def by_another_key(**headers: Any) -> Callable[[Desk], str]:
    """A token signed with a key of the attacker's under the kid of the issuer's, and where that key can be found."""

    def forge(room: Desk) -> str:
        evil = TokenMint(room.mint.issuer, room.mint.audience, first_key=99)
        own = {name: evil_jwk(evil) if value is JWK else value for name, value in headers.items()}
        return evil.token(clock=room.clock, kid=room.mint.kid, headers=own)

    return forge


JWK = object()


def evil_jwk(mint: TokenMint) -> dict[str, Any]:
    """The attacker's public key."""
    (jwk,) = mint.jwks().keys
    return {"kty": "RSA", "n": jwk.n, "e": jwk.e, "kid": "key-1", "alg": "RS256"}


def told(**more: Any) -> Callable[[Desk], str]:
    """A token that the issuer signed, which says something else."""
    return lambda room: room.mint.token(clock=room.clock, **more)


def twice(name: str, first: object, last: object) -> Callable[[Desk], str]:
    """A header that has one member twice, over a payload of the issuer's."""

    def forge(room: Desk) -> str:
        member = f"{json.dumps(name)}: {json.dumps(first)}, {json.dumps(name)}: {json.dumps(last)}"
        whole = f'{{"alg": "RS256", "kid": "{room.mint.kid}", {member}}}'
        return ".".join((encode(whole.encode()), *room.token.split(".")[1:]))

    return forge


def another_payload(room: Desk) -> str:
    """Another subject under the same signature."""
    header, _, signature = room.token.split(".")
    return f"{header}.{encode({**claims(room.token), 'sub': '1'})}.{signature}"


def two_subjects(room: Desk) -> str:
    """A second subject added to a payload, under the same signature."""
    header, _, signature = room.token.split(".")
    payload = json.dumps(claims(room.token))[:-1] + ', "sub": "1"}'
    return f"{header}.{encode(payload.encode())}.{signature}"


ATTACKS: Mapping[str, Callable[[Desk], str]] = {
    "none": unsigned("none"),
    "None": unsigned("None"),
    "no algorithm": unsigned(""),
    "HS256 with the public key": by_public_key("HS256"),
    "RS256 said of an HMAC": by_public_key("RS256"),
    "kid that climbs": told(kid="../../../../dev/null"),
    "kid that is a path": told(kid="/proc/self/environ"),
    "kid that is a query": told(kid="key-1' OR '1'='1"),
    "kid that is an address": told(kid="http://evil.test/keys.json"),
    "kid that is nobody's": told(kid="key-77"),
    "kid of control characters": told(kid="key-1\x00\r\n"),
    "no kid": lambda room: room.mint.token(clock=room.clock, headers={"kid": None}),
    "another key of the same kid": by_another_key(),
    "a key brought along": by_another_key(jwk=JWK),
    "an address of keys": by_another_key(jku="http://127.0.0.1:1/jwks.json"),
    "an address of a certificate": by_another_key(x5u="http://127.0.0.1:1/cert.pem"),
    "a certificate": by_another_key(x5c=["MIIB"]),
    "crit": told(headers={"crit": ["exp2"], "exp2": 1}),
    "b64": told(headers={"b64": False, "crit": ["b64"]}),
    "another issuer": told(iss="http://evil.test"),
    "an issuer that goes on": told(iss="http://issuer.test/"),
    "no issuer": told(iss=None),
    "another audience": told(aud="bank"),
    "no audience": told(aud=None),
    "expired": told(ttl=-3600.0),
    "no end": told(exp=None),
    "an end beyond time": told(exp=10**400),
    "not yet": lambda room: room.mint.token(clock=room.clock, nbf=room.clock.wall() + 60),
    "no beginning": told(nbf=None),
    "issued in the future": lambda room: room.mint.token(clock=room.clock, iat=room.clock.wall() + 60),
    "no subject": lambda room: room.mint.token(None, clock=room.clock),
    "cut": lambda room: room.token[:-20],
    "cut to its head": lambda room: room.token.split(".")[0],
    "no signature": lambda room: room.token.rpartition(".")[0] + ".",
    "two parts": lambda room: room.token.rpartition(".")[0],
    "five parts": lambda room: room.token + ".AAAA.AAAA",
    "another payload": another_payload,
    "two subjects": two_subjects,
    "two algorithms": twice("alg", "none", "RS256"),
    "two algorithms, turned": twice("alg", "RS256", "none"),
    "two kids": twice("kid", "key-77", "key-1"),
    "a header nested deeply": lambda room: f"{encode(b'[' * 5000)}.{room.token.partition('.')[2]}",
    "a payload nested deeply": lambda room: f"{room.token.split('.')[0]}.{encode(b'[' * 5000)}.AAAA",
    "huge": lambda room: room.token + "A" * 10_000,
    "two in one": lambda room: f"{room.token}, Bearer {room.token}",
    "empty": lambda room: "",
}


@pytest.mark.parametrize("accept", [JSON, GRAPHQL_JSON])
async def test_every_attack_is_a_401_and_nothing_runs(accept: str) -> None:
    """Each forgery, twice: a 401 with a challenge and no data; no service is asked, not for public fields either; the
    issuer hears of unknown kids once, however many come; and a good token is believed as before."""
    async with desk() as room:
        issuer = room.transports["issuer"]
        assert len(issuer.requests) == 1
        for name, forge in ATTACKS.items():
            token = forge(room)
            for _ in range(2):
                response = await room.post(BOTH, authorization=f"Bearer {token}", accept=accept)
                assert (name, response.status_code) == (name, 401)
                assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
                body = response.json()
                assert "data" not in body
                assert [error["extensions"]["code"] for error in body["errors"]] == ["UNAUTHENTICATED"]
                assert not token or token[:40] not in response.text
        assert room.transports["words"].requests == room.transports["diaries"].requests == []
        assert len(issuer.requests) == 1  # the gap between two fetches is not over
        assert [fact.status for fact in room.observer.of(RequestFinished)] == [401] * 2 * len(ATTACKS)
        assert room.bugs == []
        good = await room.post(BOTH, authorization=f"Bearer {room.token}", accept=accept)
        assert good.json() == {"data": {"word": {"text": "word 1"}, "diary": {"latest": "Bearer"}}}


async def test_unknown_kids_make_one_fetch_a_gap() -> None:
    """When a fetch is allowed again a hundred invented kids make one, and the attack on the issuer ends there."""
    async with desk() as room:
        issuer = room.transports["issuer"]
        await room.clock.advance(31)
        for number in range(100):
            token = room.mint.token(clock=room.clock, kid=f"key-{number + 100}")
            assert (await room.post(BOTH, authorization=f"Bearer {token}")).status_code == 401
        assert len(issuer.requests) == 2


async def test_a_token_is_read_from_its_header_alone() -> None:
    """In the address, the body, a cookie or another header it stands for nobody."""
    async with desk() as room:
        query = "{ diary { latest } }"
        for response in (
            await room.get({"query": query, "access_token": room.token}),
            await room.post(json.dumps({"query": query, "access_token": room.token, "authorization": room.token})),
            await room.post(json.dumps({"query": query}), cookie=f"token={room.token}"),
            await room.post(json.dumps({"query": query}), x_authorization=f"Bearer {room.token}"),
            await room.post(json.dumps({"query": query}), proxy_authorization=f"Bearer {room.token}"),
        ):
            assert response.json()["data"] == {"diary": None}
        assert room.transports["diaries"].requests == []
