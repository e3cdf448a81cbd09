"""Keys: the public ones of the user service, had by HTTP, so that a service verifies its tokens by itself."""

import asyncio
import time
from collections.abc import Callable

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from downstream_stubs.frame.peer import Peer, PeerProblem, PeerUnknown
from downstream_stubs.frame.problems import KEYS_UNAVAILABLE, ProblemError

_PATH = "/.well-known/jwks.json"
_PAUSE_S = 1.0


class RemoteKeys:
    """Published keys by their id; a companion, and the ``key_of`` of a Verifier.

    They are kept until a token names one that is not among them, and are asked for again at most once a second.
    ``now`` gives seconds that never go back.
    """

    def __init__(self, peer: Peer | str, now: Callable[[], float] = time.monotonic) -> None:
        self._peer = Peer("users", peer) if isinstance(peer, str) else peer
        self._now = now
        self._keys: dict[str, RSAPublicKey] = {}
        self._asked_at = float("-inf")
        self._is_certain = False
        self._asking = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<RemoteKeys {list(self._keys)} of {self._peer.url}>"

    async def start(self) -> None:
        """Get ready; the keys are asked for with the first token."""
        await self._peer.start()

    async def stop(self) -> None:
        """Close the connection; the keys are kept."""
        await self._peer.stop()

    async def __call__(self, kid: str) -> RSAPublicKey | None:
        """A published key. Raises a 503 problem if it is unknown and the user service does not tell."""
        if kid not in self._keys:
            async with self._asking:
                if kid not in self._keys and self._now() - self._asked_at >= _PAUSE_S:
                    await self._ask()
            if kid not in self._keys and not self._is_certain:
                detail = "The user service does not tell its keys, so no token can be verified."
                raise ProblemError(KEYS_UNAVAILABLE, detail, headers={"retry-after": "1"})
        return self._keys.get(kid)

    async def _ask(self) -> None:
        try:
            published = await self._peer.ask("GET", _PATH)
            self._keys = _read(published)
            self._is_certain = True
        except (PeerProblem, PeerUnknown, jwt.PyJWTError, ValueError):
            # What is known stays good; about what is not, nothing can be said.
            self._is_certain = False
        finally:
            self._asked_at = self._now()


def _read(published: object) -> dict[str, RSAPublicKey]:
    """Raises PyJWTError or ValueError for what holds no keys."""
    if not isinstance(published, dict):
        raise ValueError("a key set is an object")
    keys = jwt.PyJWKSet.from_dict(published).keys
    return {one.key_id: one.key for one in keys if one.key_id is not None and isinstance(one.key, RSAPublicKey)}
