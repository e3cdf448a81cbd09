"""The issuer's public keys, fetched by a port, shared by all requests and renewed behind their backs.

A token names its key by ``kid``. Known keys are answered at once. A try to fetch is one flight, a task of the
key set: whoever needs it waits beside it, so that a hundred waiters make one fetch and none of them can
cancel it. Tries are at least ``min_gap_s`` apart, whatever made them: tokens with invented kids cannot make
us fetch. Keys older than ``max_age_s`` are renewed in the background and serve on meanwhile; when the issuer
cannot be reached, they serve for as long as it takes.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from bff_core.clock import Clock
from bff_core.contract import Jwk, JwkSet, Outcome
from bff_core.errors import AuthUnavailable, BadPayload, BffError, Bug
from bff_core.telemetry.facts import BugFound, KeySetChanged, Observer

#: What RSA keys sign with here. Symmetric keys are never read: a published one would let anybody sign.
RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512"})

#: A shorter RSA key proves nothing (NIST SP 800-131A).
_LEAST_BITS = 2048


@dataclass(frozen=True, slots=True)
class KeySetOptions:
    """When keys are fetched. All durations are seconds.

    ``min_gap_s``: least time between two tries (0 or more, default 30). ``first_gap_s``: the same as long as
    no key is known at all, so that a start beside a starting issuer is not without keys for half a minute (0
    or more, default 1). ``max_age_s``: age at which keys are renewed in the background (more than 0, default
    300). ``fetch_timeout_s``: longest time of one try, a last resort above the port's own limits (more than
    0, default 10).
    """

    min_gap_s: float = 30.0
    first_gap_s: float = 1.0
    max_age_s: float = 300.0
    fetch_timeout_s: float = 10.0

    def __post_init__(self) -> None:
        for name in ("min_gap_s", "first_gap_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be 0 or more seconds, not {getattr(self, name)}")
        for name in ("max_age_s", "fetch_timeout_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0 seconds, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True, eq=False)
class VerificationKey:
    """One public key, ready to verify with.

    ``algorithm`` is the only one it may be used with, None for any RSA one.

    Keys compare by identity; one that is published unchanged stays the same object over every renewal.
    """

    kid: str
    algorithm: str | None
    public: RSAPublicKey


class KeySet:
    """The keys of one issuer. Process lifetime: ``start`` it with the application, ``aclose`` it at the end.

    ``fetch`` is the port that gets the published set; it says failure by its Outcome. Only RSA keys of at
    least 2048 bits with a kid and for signing are taken, all others are passed over. A set without any such
    key counts as a failure: an issuer that withdraws its last key is far less likely than one that answers
    nonsense.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Outcome[JwkSet]]],
        clock: Clock,
        options: KeySetOptions,
        observer: Observer,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._options = options
        self._observer = observer
        self._keys: Mapping[str, tuple[Jwk, VerificationKey]] = {}
        self._loaded_at: float | None = None
        self._tried_at: float | None = None
        self._flight: asyncio.Task[None] | None = None
        self._closed = False

    def __repr__(self) -> str:
        age = "never loaded" if self._loaded_at is None else f"age={self._clock.monotonic() - self._loaded_at:.0f}s"
        return f"<KeySet kids={sorted(self._keys)} {age} fetching={self._flight is not None}>"

    @property
    def ready(self) -> bool:
        """True once any key is known; it stays true."""
        return bool(self._keys)

    def start(self) -> None:
        """Begin the first fetch in the background; needs a running event loop."""
        self._try()

    async def aclose(self) -> None:
        """Cancel a fetch under way and wait for its end; who waits for it hears AuthUnavailable."""
        self._closed = True
        if self._flight:
            self._flight.cancel()
            await asyncio.wait([self._flight])

    def known(self, kid: str) -> VerificationKey | None:
        """The key if it is known now; old keys are given too, and renewed in the background."""
        if self._loaded_at is not None and self._clock.monotonic() - self._loaded_at >= self._options.max_age_s:
            self._try()
        held = self._keys.get(kid)
        return held and held[1]

    async def key(self, kid: str, within: float) -> VerificationKey | None:
        """The key, after a fetch if it is unknown and one is allowed; None where it is not published.

        Raises AuthUnavailable when no key at all is known, or the fetch takes more than ``within`` seconds. Being
        cancelled here harms neither the fetch nor others.
        """
        if key := self.known(kid):
            return key
        if flight := self._try():
            # Not `await flight`: that would cancel it with its first waiter, and hand its cancellation to us.
            try:
                async with self._clock.timeout(within):
                    await asyncio.wait([flight])
            except TimeoutError:
                raise AuthUnavailable("the issuer's keys did not arrive in time") from None
        if not self._keys:
            raise AuthUnavailable("no key of the issuer is known", retry_after=self._until_next_try())
        return self.known(kid)

    def _try(self) -> asyncio.Task[None] | None:
        """The fetch under way; a new one if none is and the gap has passed; else None."""
        if self._flight is None and not self._closed and self._until_next_try() <= 0:
            self._tried_at = self._clock.monotonic()
            # In a context of its own: the fetch serves everybody and must not carry one request's context.
            self._flight = asyncio.create_task(self._renew(), name="key set", context=contextvars.Context())
            self._flight.add_done_callback(self._landed)
        return self._flight

    def _landed(self, flight: asyncio.Task[None]) -> None:
        self._flight = None

    def _until_next_try(self) -> float:
        if self._tried_at is None:
            return 0.0
        gap = self._options.min_gap_s if self._keys else self._options.first_gap_s
        return max(0.0, self._tried_at + gap - self._clock.monotonic())

    async def _renew(self) -> None:
        error: BffError | None = None
        try:
            async with self._clock.timeout(self._options.fetch_timeout_s):
                outcome = await self._fetch()
            error = outcome.error
            if outcome.value is not None:
                keys = self._read(outcome.value)
                if keys:
                    self._keys = keys
                    self._loaded_at = self._clock.monotonic()
                else:
                    error = BadPayload("no RSA key for signing is published", service=outcome.service)
        except TimeoutError:
            error = AuthUnavailable(f"the keys did not arrive within {self._options.fetch_timeout_s:g} s")
        except Exception as unexpected:  # a port says failure by its Outcome, so this is a bug; the keys serve on
            error = Bug("the port that fetches the keys raised")
            self._observer.observe(BugFound(where="auth", request_id="", error=unexpected))
        self._observer.observe(KeySetChanged(kids=tuple(sorted(self._keys)), code=error.code if error else None))

    def _read(self, published: JwkSet) -> dict[str, tuple[Jwk, VerificationKey]]:
        keys: dict[str, tuple[Jwk, VerificationKey]] = {}
        for jwk in published.keys:
            if not jwk.kid or jwk.kid in keys:  # of two keys with one name the first counts
                continue
            held = self._keys.get(jwk.kid)
            if held and held[0] == jwk:
                keys[jwk.kid] = held
            elif key := _usable(jwk):
                keys[jwk.kid] = (jwk, key)
        return keys


def _usable(jwk: Jwk) -> VerificationKey | None:
    if jwk.kty != "RSA" or not jwk.kid or jwk.use not in (None, "sig") or not (jwk.n and jwk.e):
        return None
    if jwk.alg is not None and jwk.alg not in RSA_ALGORITHMS:
        return None
    try:
        public = PyJWK({"kty": "RSA", "n": jwk.n, "e": jwk.e}, algorithm=jwk.alg or "RS256").key
    except (PyJWTError, ValueError):
        return None
    if not isinstance(public, RSAPublicKey) or public.key_size < _LEAST_BITS:
        return None
    return VerificationKey(jwk.kid, jwk.alg, public)
