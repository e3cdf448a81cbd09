"""The identity provider of development: its tokens and its keys."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from downstream_stubs.running import running

Bearer = Callable[..., dict[str, str]]


def order(users: httpx.Client, **wanted: object) -> str:
    answer = users.post("/tokens", json=wanted)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def claims_of(users: httpx.Client, token: str, audience: str = "shop") -> dict[str, object]:
    keys = jwt.PyJWKSet.from_dict(users.get("/.well-known/jwks.json").json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    return dict(jwt.decode(token, key, algorithms=["RS256"], audience=audience))


def test_token_says_what_was_ordered(users: httpx.Client) -> None:
    """A token carries what was ordered and is verified with the published key."""
    answer = users.post(
        "/tokens",
        json={
            "user_id": "7",
            "scopes": ["orders:read", "profile:read"],
            "ttl_s": 60,
            "audience": "elsewhere",
        },
    )
    assert answer.headers["cache-control"] == "private, no-store"
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 60)
    claims = claims_of(users, answer.json()["access_token"], "elsewhere")
    assert claims["iss"] == "http://127.0.0.1:9001"
    assert (claims["sub"], claims["aud"], claims["tenant"]) == ("7", "elsewhere", "shop")
    assert claims["scope"] == "orders:read profile:read"
    assert claims["exp"] == claims["iat"] + 60  # type: ignore[operator]  # claims are numbers here
    assert claims["nbf"] == claims["iat"]


def test_defaults_are_everything_for_half_a_day(users: httpx.Client) -> None:
    """Only the user has to be named; two tokens are never the same."""
    first, second = order(users, user_id="7"), order(users, user_id="7")
    claims = claims_of(users, first)
    rooms = ("profile", "orders", "payments", "notifications")
    assert claims["scope"] == " ".join(f"{room}:{right}" for room in rooms for right in ("read", "write"))
    assert claims["exp"] == claims["iat"] + 43_200  # type: ignore[operator]  # claims are numbers here
    assert claims["jti"] != claims_of(users, second)["jti"]


def test_token_may_be_issued_at_another_time(users: httpx.Client) -> None:
    """A token can be ordered as if it had been issued then, valid for years: it opens what one of now opens."""
    token = order(users, user_id="7", issued_at="2026-10-01T12:00:00+02:00", ttl_s=315_360_000)
    claims = jwt.decode(token, options={"verify_signature": False})
    then = int(datetime(2026, 10, 1, 10, tzinfo=UTC).timestamp())
    assert (claims["iat"], claims["nbf"], claims["exp"]) == (then, then, then + 315_360_000)
    assert users.get("/me", headers={"authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ({}, "user_id"),
        ({"user_id": "1001"}, "user_id"),
        ({"user_id": 7}, "user_id"),
        ({"user_id": "7", "ttl_s": 59}, "ttl_s"),
        ({"user_id": "7", "ttl_s": 315_360_001}, "ttl_s"),
        ({"user_id": "7", "issued_at": "2026-10-01T00:00:00"}, "issued_at"),
        ({"user_id": "7", "issued_at": "1999-12-31T23:59:59Z"}, "issued_at"),
        ({"user_id": "7", "issued_at": 1_790_000_000}, "issued_at"),
        ({"user_id": "7", "issued_at": "yesterday"}, "issued_at"),
        ({"user_id": "7", "ttl_s": "600"}, "ttl_s"),
        ({"user_id": "7", "scopes": ["admin"]}, "scopes.0"),
        ({"user_id": "7", "audience": ""}, "audience"),
        ({"user_id": "7", "role": "admin"}, "role"),
    ],
)
def test_bad_orders_are_named(users: httpx.Client, wanted: dict[str, object], name: str) -> None:
    """An order with a missing, unknown or unacceptable field is a 422 that names it."""
    answer = users.post("/tokens", json=wanted)
    assert answer.status_code == 422
    assert [error["name"] for error in answer.json()["errors"]] == [name]


def test_token_in_one_get(users: httpx.Client) -> None:
    """A GET answers the token that an order without wishes would bring; it opens what is the user's."""
    answer = users.get("/_tokens/42")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, no-store")
    token = answer.json()["access_token"]
    ordered = claims_of(users, order(users, user_id="42"))
    unlike = {"iat", "nbf", "exp", "jti"}
    assert {k: v for k, v in claims_of(users, token).items() if k not in unlike} == {
        k: v for k, v in ordered.items() if k not in unlike
    }
    assert users.get("/me", headers={"authorization": f"Bearer {token}"}).json()["id"] == "42"


@pytest.mark.parametrize("user_id", ["1001", "0", "nobody"])
def test_token_in_one_get_is_for_users(users: httpx.Client, user_id: str) -> None:
    """Nobody but a user gets one: 404 with the id."""
    answer = users.get(f"/_tokens/{user_id}")
    assert (answer.status_code, answer.json()["type"]) == (404, "not-found")
    assert answer.json()["detail"] == f"There is no user {user_id}."


def test_token_in_one_get_is_no_call(users: httpx.Client) -> None:
    """It operates the service: no fault reaches it, no list of faulty routes names it, the ledger does not tell it."""
    users.put("/_faults", json={"error_rate": 1.0})
    assert users.get("/profiles?ids=7").status_code == 503
    assert users.get("/_tokens/7").status_code == 200
    assert not [name for name in users.get("/_faults").json()["routes"] if "_tokens" in name]
    assert [call["path"] for call in users.get("/_calls").json()["calls"]] == ["/profiles"]


def test_wrong_audience_is_refused(users: httpx.Client, bearer: Bearer) -> None:
    """A token for another audience opens nothing here."""
    assert users.get("/me", headers=bearer("7", audience="elsewhere")).status_code == 401


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_unsigned_and_foreign_tokens_are_refused(users: httpx.Client) -> None:
    """No algorithm, a symmetric one over the public key, another key, and another key id are all 401."""
    real = order(users, user_id="7")
    header, payload, signature = real.split(".")
    kid = jwt.get_unverified_header(real)["kid"]
    stranger = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    claims = claims_of(users, real)
    modulus = users.get("/.well-known/jwks.json").json()["keys"][0]["n"]
    tampered = segment({**claims, "sub": "8"})
    for token in (
        f"{segment({'alg': 'none', 'kid': kid})}.{payload}.",
        jwt.encode(claims, modulus, algorithm="HS256", headers={"kid": kid}),
        jwt.encode(claims, stranger, algorithm="RS256", headers={"kid": kid}),
        jwt.encode(claims, stranger, algorithm="RS256", headers={"kid": "stranger"}),
        jwt.encode(claims, stranger, algorithm="RS256"),
        f"{header}.{tampered}.{signature}",
        f"{header}.{payload}",
    ):
        answer = users.get("/me", headers={"authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["type"]) == (401, "unauthenticated")
    assert users.get("/me", headers={"authorization": f"Bearer {real}"}).status_code == 200


def test_rotation_keeps_older_tokens(users: httpx.Client, bearer: Bearer) -> None:
    """A new key signs from now on; tokens of the one before are still accepted, its key still published."""
    before = bearer("7")
    old = users.get("/.well-known/jwks.json")
    assert old.headers["cache-control"] == "public, max-age=300"
    kid = users.post("/_keys/rotate").json()["kid"]
    new = [key["kid"] for key in users.get("/.well-known/jwks.json").json()["keys"]]
    assert new[0] == kid
    assert old.json()["keys"][0]["kid"] in new[1:]
    assert jwt.get_unverified_header(bearer("7")["authorization"].split()[1])["kid"] == kid
    assert users.get("/me", headers=before).status_code == 200


def test_published_keys_are_bounded(tmp_path: Path) -> None:
    """However often is rotated, at most five keys are published; a token of a sixth before is refused."""
    with running("users", data_dir=tmp_path) as url, httpx.Client(base_url=url) as users:
        token = order(users, user_id="7")
        for _ in range(4):
            users.post("/_keys/rotate")
        assert users.get("/me", headers={"authorization": f"Bearer {token}"}).status_code == 200
        users.post("/_keys/rotate")
        assert len(users.get("/.well-known/jwks.json").json()["keys"]) == 5
        assert users.get("/me", headers={"authorization": f"Bearer {token}"}).status_code == 401


def test_tokens_survive_a_restart(tmp_path: Path) -> None:
    """The keys live in the data directory, for their owner's eyes only."""
    with running("users", data_dir=tmp_path) as url, httpx.Client(base_url=url) as users:
        users.post("/_keys/rotate")
        token = order(users, user_id="7")
    assert (tmp_path / "users-keys.json").stat().st_mode & 0o777 == 0o600
    with running("users", data_dir=tmp_path) as url, httpx.Client(base_url=url) as users:
        assert users.get("/me", headers={"authorization": f"Bearer {token}"}).status_code == 200


def test_issuer_is_a_setting(data_dir: Path, bearer: Bearer) -> None:
    """A token of another issuer is refused even though the key is the same."""
    issuer = "https://id.example.com"
    with running("users", data_dir=data_dir, issuer=issuer) as url, httpx.Client(base_url=url) as users:
        own = order(users, user_id="7")
        assert jwt.decode(own, options={"verify_signature": False})["iss"] == issuer
        assert users.get("/me", headers={"authorization": f"Bearer {own}"}).status_code == 200
        assert users.get("/me", headers=bearer("7")).status_code == 401
