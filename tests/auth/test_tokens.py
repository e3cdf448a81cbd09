"""From an Authorization header to a principal: good tokens, remembered ones, and every cheap attack."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bff_core.auth import (
    ANONYMOUS,
    KeySet,
    KeySetOptions,
    Principal,
    TokenOptions,
    TokenVerifier,
    VerificationKey,
)
from bff_core.contract import JwkSet, Outcome
from bff_core.errors import AuthUnavailable, Unauthenticated, Unreachable
from bff_core.testing.clock import FakeClock
from bff_core.testing.observer import RecordingObserver
from bff_core.testing.tokens import TokenMint

ISSUER, AUDIENCE = "https://issuer.test", "shop"


class CountingKeySet(KeySet):
    """Counts lookups of a key for a verification: a remembered token makes none."""

    lookups = 0

    async def key(self, kid: str, within: float) -> VerificationKey | None:
        self.lookups += 1
        return await super().key(kid, within)


class World:
    """One verifier over a mint, with what its parts counted."""

    def __init__(self, **options: Any) -> None:
        self.clock = FakeClock()
        self.mint = TokenMint(ISSUER, AUDIENCE)
        self.fetches = 0
        self.down = False
        self.keys = CountingKeySet(self.fetch, self.clock, KeySetOptions(), RecordingObserver())
        self.verifier = TokenVerifier(
            TokenOptions(issuer=ISSUER, audience=AUDIENCE, **options),
            self.keys,
            self.clock,
        )

    async def fetch(self) -> Outcome[JwkSet]:
        """The port of the key set."""
        self.fetches += 1
        if self.down:
            return Outcome("users", error=Unreachable("refused", service="users"))
        return Outcome("users", value=self.mint.jwks())

    def token(self, subject: str | None = "7", **more: Any) -> str:
        """A token of the mint by the world's clock."""
        return self.mint.token(subject, clock=self.clock, **more)

    async def accept(self, token: str) -> Principal:
        """Show the token, which must be believed."""
        principal, credential = await self.verifier.principal(f"Bearer {token}", 1.0)
        assert credential
        assert credential.authorization == f"Bearer {token}"
        return principal

    async def refuse(self, authorization: str) -> str:
        """Show the header, which must be refused; the sentence that the client reads."""
        with pytest.raises(Unauthenticated) as caught:
            await self.verifier.principal(authorization, 1.0)
        message = caught.value.public_message()
        assert message.endswith(".")
        assert len(message) < 150
        return message


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.keys.aclose()


def encode(part: object) -> str:
    """One segment of a token: JSON unless it is bytes."""
    data = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, object]:
    """What a token says."""
    segment = token.split(".")[1]
    claims: dict[str, object] = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return claims


# Good tokens


async def test_no_header_is_anonymous(world: World) -> None:
    """Without a header nobody is asked and the principal is anonymous."""
    assert await world.verifier.principal(None, 1.0) == (ANONYMOUS, None)
    assert (world.keys.lookups, world.fetches) == (0, 0)


async def test_a_good_token_gives_its_principal(world: World) -> None:
    """The principal has the token's subject, issuer, tenant, scopes and end; the credential relays it."""
    principal = await world.accept(world.token("7", scopes=["orders:read", "me"], ttl=60, tenant="shop-a"))
    assert principal == Principal("7", ISSUER, "shop-a", frozenset({"orders:read", "me"}), world.clock.wall() + 60)
    assert not principal.anonymous


@pytest.mark.parametrize("more", [{"aud": ["other", AUDIENCE]}, {"scope": None}, {"iat": None}, {"jti": "x"}])
async def test_what_may_differ(world: World, more: dict[str, Any]) -> None:
    """Several audiences, no scope and no iat are fine."""
    assert (await world.accept(world.token(**more))).subject == "7"


async def test_the_scheme_is_spelt_in_any_case(world: World) -> None:
    """The scheme is case-insensitive and spaces may follow, as HTTP says."""
    token = world.token()
    for header in (f"bearer {token}", f"BEARER  {token} "):
        principal, _ = await world.verifier.principal(header, 1.0)
        assert principal.subject == "7"


async def test_the_token_alone_is_relayed(world: World) -> None:
    """However its header is spelt, and when it is remembered too, the credential is the token and nothing around it."""
    token = world.mint.token(clock=world.clock)
    for header in (f"Bearer {token}", f"bEARER    {token}", f"bearer {token}   "):
        for _ in range(2):
            _, credential = await world.verifier.principal(header, 1.0)
            assert credential is not None
            assert credential.authorization == f"Bearer {token}"


async def test_leeway_is_given_on_both_sides(world: World) -> None:
    """A token is good five seconds before it begins and until five after its end."""
    early = world.token(nbf=world.clock.wall() + 5, iat=world.clock.wall() + 5)
    await world.accept(early)
    late = world.token(ttl=0.0)
    await world.clock.advance(4.9)
    await world.accept(late)
    await world.clock.advance(0.1)
    assert await world.refuse(f"Bearer {late}") == "The bearer token has expired."


# Remembered tokens


async def test_a_verified_token_is_remembered_until_it_expires(world: World) -> None:
    """One token shown a hundred times is verified once; past its end it is verified anew and refused."""
    token = world.token(ttl=60)
    principals = {await world.accept(token) for _ in range(100)}
    assert len(principals) == 1
    assert world.keys.lookups == 1
    await world.clock.advance(64.9)
    await world.accept(token)
    assert world.keys.lookups == 1
    await world.clock.advance(0.1)
    assert await world.refuse(f"Bearer {token}") == "The bearer token has expired."
    assert world.keys.lookups == 2
    assert "remembered=0" in repr(world.verifier)


async def test_a_refused_token_is_not_remembered(world: World) -> None:
    """A token that is too early is refused now and taken later."""
    token = world.token(nbf=world.clock.wall() + 30)
    assert await world.refuse(f"Bearer {token}") == "The bearer token is not valid yet."
    assert "remembered=0" in repr(world.verifier)
    await world.clock.advance(25)
    await world.accept(token)


async def test_memory_is_bounded() -> None:
    """Beyond the bound the token shown longest ago is forgotten, and verified anew when it comes again."""
    world = World(remembered=2)
    tokens = [world.token(str(n)) for n in range(3)]
    for token in tokens:
        await world.accept(token)
    assert "remembered=2" in repr(world.verifier)
    await world.accept(tokens[2])
    assert world.keys.lookups == 3
    await world.accept(tokens[0])
    assert world.keys.lookups == 4
    await world.keys.aclose()


async def test_a_remembered_token_ends_with_its_key(world: World) -> None:
    """When the issuer withdraws a key, tokens signed with it are no longer believed, remembered or not."""
    old = world.token(ttl=10_000)
    await world.accept(old)
    world.mint.rotate(keep=False)
    await world.clock.advance(300)
    await world.accept(old)  # shows it to be past its age; the keys are renewed behind this
    await world.clock.settle()
    assert world.fetches == 2
    assert "does not publish" in await world.refuse(f"Bearer {old}")


async def test_a_remembered_token_stays_when_its_key_is_published_on(world: World) -> None:
    """Renewing unchanged keys makes nobody verify again."""
    token = world.token(ttl=10_000)
    await world.accept(token)
    for _ in range(5):
        await world.clock.advance(300)
        await world.accept(token)
        await world.clock.settle()
    assert world.fetches == 6
    assert world.keys.lookups == 1


# Keys


async def test_a_rotated_key_is_believed_after_one_fetch(world: World) -> None:
    """A token signed with a new key is believed as soon as a fetch is allowed; the old ones stay good."""
    old = world.token(ttl=600)
    await world.accept(old)
    world.mint.rotate()
    new = world.token("8", ttl=600)
    assert "does not publish" in await world.refuse(f"Bearer {new}")
    await world.clock.advance(30)
    assert (await world.accept(new)).subject == "8"
    assert (await world.accept(old)).subject == "7"
    assert world.fetches == 2


async def test_without_keys_nobody_is_called_a_liar(world: World) -> None:
    """When no key could be fetched a token is neither good nor bad: AuthUnavailable says when to retry."""
    world.down = True
    with pytest.raises(AuthUnavailable) as caught:
        await world.verifier.principal(f"Bearer {world.token()}", 1.0)
    assert caught.value.retry_after == 1
    assert await world.verifier.principal(None, 1.0) == (ANONYMOUS, None)
    world.down = False
    await world.clock.advance(1)
    await world.accept(world.token())


# Attacks


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer a",
        "Bearer a.b",
        "Bearer a.b.c.d.e",
        "Bearer a.b.c, Bearer a.b.c",
        "Bearer a.b.c d",
        "Bearer a=.b.c",
        "Bearer ä.b.c",
        "Bearer a.b.c\r\nX-Admin: 1",
        "Bearer\ta.b.c",
        "Bearer \u0661.b.c",
        "Bearer \ud800.b.c",
        "token a.b.c",
    ],
)
async def test_a_malformed_header_says_what_is_expected(world: World, header: str) -> None:
    """Anything but Bearer and three segments is refused before any key is looked up."""
    assert await world.refuse(header) == "The Authorization header must be 'Bearer' and a signed JWT."
    assert (world.keys.lookups, world.fetches) == (0, 0)


async def test_a_token_of_more_than_8_kb_is_refused_unread(world: World) -> None:
    """The bound is exact: one character more is refused, though the signature is good."""
    spare = 8192 - len(world.token(pad=""))
    fits = world.token(pad="x" * (spare * 3 // 4 - 2))
    assert 8185 <= len(fits) <= 8192
    await world.accept(fits)
    assert await world.refuse(f"Bearer {fits + 'x' * (8193 - len(fits))}") == (
        "The bearer token must not be longer than 8192 characters."
    )
    assert world.keys.lookups == 1


@pytest.mark.parametrize(
    "header",
    [
        b"{",
        b"[]",
        b"1",
        b"null",
        b"\xff\xfe",
        b"[" * 5000,
        b'{"alg":' * 800,
        b'{"x":' + b"9" * 5000 + b"}",
    ],
)
async def test_a_header_that_is_no_json_object(world: World, header: bytes) -> None:
    """Broken, nested or huge JSON in a token's header is refused by the same sentence."""
    assert await world.refuse(f"Bearer {encode(header)}.e30.AAAA") == "The bearer token is not a signed JWT."
    assert world.keys.lookups == 0


@pytest.mark.parametrize(
    "algorithm",
    [
        "none",
        "None",
        "nOnE",
        "",
        "HS256",
        "HS512",
        "rs256",
        "RS512",
        "ES256",
        "PS256",
        "EdDSA",
        None,
        1,
        ["RS256"],
    ],
)
async def test_the_algorithm_is_on_the_list_or_the_token_is_refused(world: World, algorithm: object) -> None:
    """No other algorithm is tried, whatever signature follows, and no key is looked up for it."""
    good = world.token()
    header = encode({"alg": algorithm, "kid": world.mint.kid})
    payload, signature = good.split(".")[1:]
    for forged in (f"{header}.{payload}.", f"{header}.{payload}.{signature}"):
        assert await world.refuse(f"Bearer {forged}") == "The bearer token must be signed with RS256."
    assert world.keys.lookups == 0


async def test_the_public_key_is_no_secret_to_sign_with(world: World) -> None:
    """HS256 over any spelling of the public key is refused, also when RS256 is claimed for it."""
    public = world.mint.private_key.public_key()
    jwk = world.mint.jwks().keys[0]
    secrets = [
        public.public_bytes(encoding, form)
        for encoding in (Encoding.PEM, Encoding.DER)
        for form in (PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1)
    ]
    assert jwk.n
    secrets += [jwk.n.encode(), base64.urlsafe_b64decode(jwk.n + "=="), b""]
    payload = encode(claims_of(world.token(scopes=["admin"])))
    for secret in secrets:
        for algorithm, message in (("HS256", "must be signed with"), ("RS256", "signature is not valid")):
            signed = f"{encode({'alg': algorithm, 'kid': world.mint.kid})}.{payload}"
            signature = encode(hmac.digest(secret, signed.encode(), hashlib.sha256))
            assert message in await world.refuse(f"Bearer {signed}.{signature}")


@pytest.mark.parametrize(
    "kid",
    [
        "../../../../dev/null",
        "/etc/passwd",
        "key-1' OR '1'='1",
        "key-1\x00",
        "KEY-1",
        "key-1 ",
        "http://evil.test",
    ],
)
async def test_a_kid_is_only_a_name(world: World, kid: str) -> None:
    """A kid that is a path, a query or a URL is looked up as a name and not found."""
    await world.accept(world.token())
    for _ in range(20):
        assert "does not publish" in await world.refuse(f"Bearer {world.token(kid=kid)}")
    assert world.fetches == 1


@pytest.mark.parametrize("kid", [None, "", "x" * 129, 1, ["key-1"], {"a": 1}, True])
async def test_a_kid_is_there_and_short(world: World, kid: object) -> None:
    """No kid, one that is no text, and one longer than 128 characters are refused without a lookup."""
    header, payload = encode({"alg": "RS256", "kid": kid}), world.token().split(".")[1]
    message = await world.refuse(f"Bearer {header}.{payload}.AAAA")
    assert "kid" in message or message == "The bearer token is not a signed JWT."
    assert world.keys.lookups == 0


async def test_keys_that_a_token_brings_along_are_ignored(world: World) -> None:
    """A token signed with a key of its own is refused, wherever it says that key is to be found."""
    evil = TokenMint(ISSUER, AUDIENCE, first_key=99)
    (jwk,) = evil.jwks().keys
    embedded = {"kty": "RSA", "n": jwk.n, "e": jwk.e, "kid": world.mint.kid}
    places: list[dict[str, object]] = [
        {},
        {"jwk": embedded},
        {"jku": "http://127.0.0.1:1/jwks.json"},
        {"x5u": "http://127.0.0.1:1/cert.pem"},
        {"x5c": ["MIIB"]},
    ]
    for place in places:
        forged = evil.token(clock=world.clock, kid=world.mint.kid, headers=place)
        assert await world.refuse(f"Bearer {forged}") == "The bearer token's signature is not valid."
    assert world.fetches == 1


async def test_unknown_critical_extensions_are_refused(world: World) -> None:
    """A token that says more must be understood than we do is refused, though its signature is good."""
    extensions: list[dict[str, object]] = [
        {"crit": ["exp2"], "exp2": 1},
        {"crit": []},
        {"b64": False, "crit": ["b64"]},
        {"b64": False},
    ]
    for headers in extensions:
        forged = world.token(headers=headers)
        assert "signed JWT" in await world.refuse(f"Bearer {forged}")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"iss": "https://evil.test"}, "The bearer token comes from another issuer."),
        ({"iss": ISSUER + "/"}, "The bearer token comes from another issuer."),
        ({"iss": None}, "The bearer token has no iss."),
        ({"aud": "other"}, "The bearer token is meant for another audience."),
        ({"aud": ["other", "shop2"]}, "The bearer token is meant for another audience."),
        ({"aud": []}, "The bearer token has no aud."),
        ({"aud": None}, "The bearer token has no aud."),
        ({"exp": None}, "The bearer token has no exp."),
        ({"exp": 1_699_999_995}, "The bearer token has expired."),
        ({"exp": 0}, "The bearer token has expired."),
        ({"exp": -1}, "The bearer token's exp is not a time."),
        ({"exp": float("inf")}, "The bearer token's exp is not a time."),
        ({"exp": float("nan")}, "The bearer token's exp is not a time."),
        ({"exp": 10**400}, "The bearer token's exp is not a time."),
        ({"exp": "1800000000"}, "The bearer token's exp is not a time."),
        ({"exp": True}, "The bearer token's exp is not a time."),
        ({"exp": [1_800_000_000]}, "The bearer token's exp is not a time."),
        ({"nbf": None}, "The bearer token has no nbf."),
        ({"nbf": 1_700_000_006}, "The bearer token is not valid yet."),
        ({"nbf": "0"}, "The bearer token's nbf is not a time."),
        ({"iat": 1_700_000_006}, "The bearer token is not valid yet."),
        ({"iat": {}}, "The bearer token's iat is not a time."),
        ({"subject": None}, "The bearer token has no sub."),
        ({"subject": ""}, "The bearer token's sub is not a name."),
        ({"tenant": 5}, "The bearer token's tenant is not a name."),
        ({"tenant": ""}, "The bearer token's tenant is not a name."),
        ({"scope": ["admin"]}, "The bearer token's scope is not a text of words."),
    ],
)
async def test_a_wrong_claim_is_named(world: World, wrong: dict[str, Any], message: str) -> None:
    """A well-signed token with one wrong claim is refused by the sentence for that claim."""
    assert await world.refuse(f"Bearer {world.token(**wrong)}") == message


def truncate(token: str) -> str:
    """Without the last bytes of the signature."""
    return token[:-8]


def without_signature(token: str) -> str:
    """With an empty signature."""
    return token.rpartition(".")[0] + "."


def another_subject(token: str) -> str:
    """Another payload under the same signature."""
    header, _, signature = token.split(".")
    return f"{header}.{encode({**claims_of(token), 'sub': '1'})}.{signature}"


def flipped_bit(token: str) -> str:
    """One character of the signature changed."""
    at = token.rindex(".") + 20
    return token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]


@pytest.mark.parametrize("tamper", [truncate, without_signature, another_subject, flipped_bit])
async def test_a_tampered_token_is_refused(world: World, tamper: Callable[[str], str]) -> None:
    """Cut, unsigned or changed, a token is refused, also after the good one was remembered."""
    token = world.token()
    await world.accept(token)
    # A cut may also leave base64 that is not written as it must be, which is refused as malformed.
    sentences = {"The bearer token's signature is not valid.", "The bearer token is not a signed JWT."}
    assert await world.refuse(f"Bearer {tamper(token)}") in sentences
    await world.accept(token)


async def test_every_cut_of_a_token_is_refused(world: World) -> None:
    """Whatever a token is cut at, it is refused by a sentence and never by an error of ours."""
    token = world.token()
    for length in range(0, len(token) - 1, 7):
        await world.refuse(f"Bearer {token[:length]}")


async def test_a_key_is_used_only_for_its_own_algorithm() -> None:
    """Where two algorithms are on the list, a key that is published for one does not verify the other."""
    world = World(algorithms=("RS256", "RS512"))
    assert "another way" in await world.refuse(f"Bearer {world.token(alg='RS512')}")
    await world.accept(world.token())
    await world.keys.aclose()


async def test_a_payload_that_is_no_object(world: World) -> None:
    """A signed payload that is nested thousands deep, or no object, is refused as malformed."""
    for payload in (b"[]", b"[" * 5000, b"\xff", b"null"):
        forged = jwt.api_jws.encode(payload, world.mint.private_key, algorithm="RS256", headers={"kid": world.mint.kid})
        assert await world.refuse(f"Bearer {forged}") == "The bearer token is not a signed JWT."


@given(text=st.text(max_size=200), parts=st.lists(st.binary(max_size=60), min_size=3, max_size=3))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_header_whatever_breaks_us(world: World, text: str, parts: list[bytes]) -> None:
    """Any text at all is refused by a sentence: no other error, no fetch beyond the first."""
    for header in (text, f"Bearer {text}", "Bearer " + ".".join(map(encode, parts))):
        await world.refuse(header)
    assert world.fetches <= 1


async def test_no_sentence_repeats_the_token(world: World) -> None:
    """What a client reads never holds a part of what it sent, nor what the library said."""
    forged = world.token(iss="https://evil.test", kid="s3cret-kid", scopes=["s3cret-scope"])
    for header in (f"Bearer {forged}", "Basic s3cret", "Bearer s3cret"):
        message = await world.refuse(header)
        assert "s3cret" not in message
        assert "evil" not in message


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": ""},
        {"audience": ""},
        {"algorithms": ()},
        {"algorithms": ("none",)},
        {"algorithms": ("RS256", "HS256")},
        {"leeway": -1.0},
        {"remembered": 0},
    ],
)
def test_options_are_checked_when_made(wrong: dict[str, object]) -> None:
    """Options that would believe anybody, or nobody, are refused."""
    with pytest.raises(ValueError, match="must"):
        TokenOptions(**{"issuer": ISSUER, "audience": AUDIENCE, **wrong})  # type: ignore[arg-type]  # wrong on purpose
