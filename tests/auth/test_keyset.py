"""The issuer's keys: how often they are fetched, who waits for that, and what an outage does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bff_core.auth import KeySet, KeySetOptions
from bff_core.contract import Jwk, JwkSet, Outcome
from bff_core.errors import AuthUnavailable, Unreachable
from bff_core.telemetry.facts import BugFound, KeySetChanged
from bff_core.testing.clock import FakeClock
from bff_core.testing.observer import RecordingObserver
from bff_core.testing.tokens import TokenMint

#: Longer than any fetch may take, in seconds.
WITHIN = 60.0
OPTIONS = KeySetOptions(min_gap_s=30, first_gap_s=1, max_age_s=300, fetch_timeout_s=10)


class Issuer:
    """The port's double: answers with the mint's keys, fails or hangs as told, and counts."""

    def __init__(self, mint: TokenMint) -> None:
        self.mint = mint
        self.fetches = 0
        self.down = False
        self.raises: Exception | None = None
        self.published: JwkSet | None = None
        self._open = asyncio.Event()
        self._open.set()

    def hang(self) -> None:
        """Keep every answer back."""
        self._open.clear()

    def let_go(self) -> None:
        """Answer what was kept back, and all that follows."""
        self._open.set()

    async def fetch(self) -> Outcome[JwkSet]:
        """One fetch of the published keys."""
        self.fetches += 1
        await self._open.wait()
        if self.raises:
            raise self.raises
        if self.down:
            return Outcome("users", error=Unreachable("refused", service="users"))
        return Outcome("users", value=self.published or self.mint.jwks())


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def issuer() -> Issuer:
    return Issuer(TokenMint("https://issuer.test", "shop"))


@pytest.fixture
def observer() -> RecordingObserver:
    return RecordingObserver()


@pytest.fixture
async def keys(issuer: Issuer, clock: FakeClock, observer: RecordingObserver) -> AsyncIterator[KeySet]:
    keys = KeySet(issuer.fetch, clock, OPTIONS, observer)
    yield keys
    await keys.aclose()
    assert clock.timers == 0, "a closed key set leaves no timer"


async def known(keys: KeySet, kid: str) -> bool:
    """Whether the key set finds the key."""
    key = await keys.key(kid, WITHIN)
    assert key is None or key.kid == kid
    return key is not None


async def test_start_loads_in_the_background(
    keys: KeySet, issuer: Issuer, clock: FakeClock, observer: RecordingObserver
) -> None:
    """A started key set fetches once, is ready then, and answers a known kid without another fetch."""
    assert not keys.ready
    keys.start()
    assert issuer.fetches == 0
    await clock.settle()
    assert keys.ready
    assert await known(keys, "key-1")
    assert issuer.fetches == 1
    assert observer.facts == [KeySetChanged(kids=("key-1",), code=None)]


async def test_a_hundred_waiters_make_one_fetch(keys: KeySet, issuer: Issuer, clock: FakeClock) -> None:
    """All who need a key while a fetch is under way wait for that one and each gets its answer."""
    issuer.hang()
    waiters = [asyncio.create_task(known(keys, "key-1" if n % 2 else "unknown")) for n in range(100)]
    await clock.settle()
    assert issuer.fetches == 1
    issuer.let_go()
    assert await asyncio.gather(*waiters) == [bool(n % 2) for n in range(100)]
    assert issuer.fetches == 1


async def test_a_fetch_under_way_is_the_only_one(keys: KeySet, issuer: Issuer, clock: FakeClock) -> None:
    """A slow fetch is waited for, also by those who come when the gap has long passed."""
    issuer.hang()
    waiters = []
    for _ in range(5):
        waiters.append(asyncio.create_task(known(keys, "key-1")))
        await clock.advance(1.5)
    assert issuer.fetches == 1
    issuer.let_go()
    assert await asyncio.gather(*waiters) == [True] * 5
    assert issuer.fetches == 1


async def test_a_waiters_cancellation_harms_nobody(keys: KeySet, issuer: Issuer, clock: FakeClock) -> None:
    """The first waiter, who caused the fetch, is cancelled; the others get their key from the same fetch."""
    issuer.hang()
    waiters = [asyncio.create_task(known(keys, "key-1")) for _ in range(3)]
    await clock.settle()
    waiters[0].cancel()
    await clock.settle()
    assert waiters[0].cancelled()
    issuer.let_go()
    assert await asyncio.gather(*waiters[1:]) == [True, True]
    assert issuer.fetches == 1


async def test_a_fetch_whose_waiters_all_left_still_lands(keys: KeySet, issuer: Issuer, clock: FakeClock) -> None:
    """The fetch belongs to the key set: it fills it even when nobody waits any more."""
    issuer.hang()
    waiter = asyncio.create_task(known(keys, "key-1"))
    await clock.settle()
    waiter.cancel()
    await clock.settle()
    issuer.let_go()
    await clock.settle()
    assert keys.ready
    assert issuer.fetches == 1


async def test_unknown_kids_cannot_make_us_fetch(keys: KeySet, issuer: Issuer, clock: FakeClock) -> None:
    """Any number of invented kids makes one fetch each gap and no more."""
    keys.start()
    await clock.settle()
    for n in range(1000):
        assert not await known(keys, f"invented-{n}")
    assert issuer.fetches == 1
    await clock.advance(29.9)
    assert not await known(keys, "invented")
    assert issuer.fetches == 1
    await clock.advance(0.1)
    for n in range(1000):
        assert not await known(keys, f"invented-{n}")
    assert issuer.fetches == 2


async def test_a_rotated_key_is_found_by_its_kid(keys: KeySet, issuer: Issuer, clock: FakeClock) -> None:
    """A kid that appears at the issuer is found by one fetch once the gap has passed; the old one stays."""
    keys.start()
    await clock.settle()
    old = await keys.key("key-1", WITHIN)
    new = issuer.mint.rotate()
    await clock.advance(30)
    assert await known(keys, new)
    assert await keys.key("key-1", WITHIN) is old, "a key that is published unchanged stays the same object"
    assert issuer.fetches == 2


async def test_a_withdrawn_key_is_forgotten(keys: KeySet, issuer: Issuer, clock: FakeClock) -> None:
    """A key that the issuer no longer publishes is not known after the next fetch."""
    keys.start()
    await clock.settle()
    new = issuer.mint.rotate(keep=False)
    await clock.advance(30)
    assert await known(keys, new)
    assert not await known(keys, "key-1")


async def test_old_keys_are_renewed_behind_the_callers(keys: KeySet, issuer: Issuer, clock: FakeClock) -> None:
    """Keys past their age are answered at once, while one fetch renews them in the background."""
    keys.start()
    await clock.settle()
    await clock.advance(299.9)
    assert keys.known("key-1")
    await clock.settle()
    assert issuer.fetches == 1
    await clock.advance(0.1)
    issuer.hang()
    assert keys.known("key-1")
    assert keys.known("key-1")
    assert await known(keys, "key-1")
    await clock.settle()
    assert issuer.fetches == 2
    issuer.let_go()
    await clock.settle()
    assert keys.known("key-1")
    await clock.settle()
    assert issuer.fetches == 2


async def test_an_outage_keeps_the_keys(
    keys: KeySet, issuer: Issuer, clock: FakeClock, observer: RecordingObserver
) -> None:
    """When the issuer is down the known keys serve on for days, with one try each gap at most."""
    keys.start()
    await clock.settle()
    issuer.down = True
    for _ in range(10):
        await clock.advance(86_400)
        assert await known(keys, "key-1")
        assert not await known(keys, "unknown")
    await clock.settle()
    assert issuer.fetches == 11
    assert observer.of(KeySetChanged)[1:] == [KeySetChanged(("key-1",), "SERVICE_UNREACHABLE")] * 10
    issuer.down = False
    new = issuer.mint.rotate()
    await clock.advance(30)
    assert await known(keys, new)


async def test_without_any_key_a_try_is_soon_allowed_again(
    keys: KeySet, issuer: Issuer, clock: FakeClock, observer: RecordingObserver
) -> None:
    """No key at all is AuthUnavailable, which says when the next try is allowed; that try can succeed."""
    issuer.down = True
    with pytest.raises(AuthUnavailable) as first:
        await keys.key("key-1", WITHIN)
    assert first.value.retry_after == 1
    await clock.advance(0.25)
    with pytest.raises(AuthUnavailable) as second:
        await keys.key("key-1", WITHIN)
    assert second.value.retry_after == 0.75
    assert issuer.fetches == 1
    assert not keys.ready
    issuer.down = False
    await clock.advance(0.75)
    assert await known(keys, "key-1")
    assert issuer.fetches == 2
    assert observer.facts == [KeySetChanged((), "SERVICE_UNREACHABLE"), KeySetChanged(("key-1",), None)]


async def test_a_fetch_that_hangs_ends(keys: KeySet, issuer: Issuer, clock: FakeClock) -> None:
    """A port that never answers is given up after the longest time, and its waiters are told."""
    issuer.hang()
    waiter = asyncio.create_task(keys.key("key-1", WITHIN))
    await clock.advance(9.9)
    assert not waiter.done()
    await clock.advance(0.1)
    with pytest.raises(AuthUnavailable):
        await waiter
    issuer.let_go()
    assert await known(keys, "key-1")
    assert issuer.fetches == 2


async def test_who_waits_no_longer_harms_nobody_who_does(keys: KeySet, issuer: Issuer, clock: FakeClock) -> None:
    """A fetch that takes longer than one caller waits serves those who wait for it still."""
    issuer.hang()
    hasty, patient = asyncio.create_task(keys.key("key-1", 1.0)), asyncio.create_task(keys.key("key-1", WITHIN))
    await clock.advance(1.0)
    assert hasty.done()
    with pytest.raises(AuthUnavailable, match="did not arrive in time"):
        await hasty
    assert not patient.done()
    issuer.let_go()
    key = await patient
    assert (key and key.kid, issuer.fetches) == ("key-1", 1)


async def test_a_port_that_raises_is_a_bug_and_no_outage(
    keys: KeySet, issuer: Issuer, clock: FakeClock, observer: RecordingObserver
) -> None:
    """An exception of the port is reported as a bug, and the known keys serve on."""
    keys.start()
    await clock.settle()
    issuer.raises = LookupError("oops")
    await clock.advance(30)
    assert not await known(keys, "unknown")
    assert await known(keys, "key-1")
    assert [fact.error for fact in observer.of(BugFound)] == [issuer.raises]
    assert observer.facts[-1] == KeySetChanged(("key-1",), "INTERNAL")


async def test_close_ends_a_fetch_and_frees_its_waiters(keys: KeySet, issuer: Issuer, clock: FakeClock) -> None:
    """Closing cancels the fetch under way, and who waits for it hears AuthUnavailable, not a cancellation."""
    issuer.hang()
    waiter = asyncio.create_task(keys.key("key-1", WITHIN))
    await clock.settle()
    await keys.aclose()
    assert asyncio.all_tasks() <= {asyncio.current_task(), waiter}, "the fetch has ended, not only been told to"
    with pytest.raises(AuthUnavailable):
        await waiter
    with pytest.raises(AuthUnavailable):
        await keys.key("key-1", WITHIN)
    await keys.aclose()
    assert issuer.fetches == 1
    assert len(asyncio.all_tasks()) == 1


async def test_keys_that_prove_nothing_are_passed_over(keys: KeySet, issuer: Issuer, clock: FakeClock) -> None:
    """Only RSA keys for signing, with a kid, long enough and readable, are taken; of one kid the first."""
    (good,) = issuer.mint.jwks().keys
    issuer.mint.rotate()
    other = issuer.mint.jwks().keys[1]

    def like_good(**changes: str | None) -> Jwk:
        members = {"kty": "RSA", "kid": "bad", "use": "sig", "alg": "RS256", "n": good.n, "e": good.e}
        return Jwk(**{**members, **changes})  # type: ignore[arg-type]  # a bad kty is the point

    short = "u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0_IzW7yWR7QkrmBL7jTKEn5u-w"
    issuer.published = JwkSet(
        keys=(
            like_good(kty="oct"),
            like_good(kty="EC"),
            like_good(kid=None),
            like_good(kid=""),
            like_good(use="enc"),
            like_good(alg="HS256"),
            like_good(alg="none"),
            like_good(n=None),
            like_good(e=""),
            like_good(n="!"),
            like_good(n=short),
            good,
            Jwk(kty="RSA", kid="key-1", use="sig", n=other.n, e=other.e),
            Jwk(kty="RSA", kid="no-use", n=other.n, e=other.e),
        )
    )
    keys.start()
    await clock.settle()
    assert "['key-1', 'no-use']" in repr(keys)
    assert not await known(keys, "bad")
    first, second = await keys.key("key-1", WITHIN), await keys.key("no-use", WITHIN)
    assert first
    assert second
    assert first.public.public_numbers() != second.public.public_numbers()
    assert (first.algorithm, second.algorithm) == ("RS256", None)


async def test_a_set_without_a_usable_key_changes_nothing(
    keys: KeySet, issuer: Issuer, clock: FakeClock, observer: RecordingObserver
) -> None:
    """An issuer that publishes nothing usable is treated as one that is down."""
    keys.start()
    await clock.settle()
    issuer.published = JwkSet(keys=())
    await clock.advance(30)
    assert not await known(keys, "unknown")
    assert await known(keys, "key-1")
    assert observer.facts[-1] == KeySetChanged(("key-1",), "SERVICE_BAD_PAYLOAD")


@pytest.mark.parametrize(
    "wrong", [{"min_gap_s": -1.0}, {"first_gap_s": -1.0}, {"max_age_s": 0.0}, {"fetch_timeout_s": 0.0}]
)
def test_options_are_checked_when_made(wrong: dict[str, float]) -> None:
    """A duration out of range is refused by a sentence that names it."""
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        KeySetOptions(**wrong)
