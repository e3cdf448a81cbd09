"""Peers: how one service asks another, by HTTP like everyone else."""

import asyncio
from collections.abc import Mapping

import httpx
from starlette.requests import Request

_RELAYED = ("authorization", "x-request-id")

#: Questions to one peer at once; more wait here. In the client's own queue whoever gives up can lose a connection for
#: good (encode/httpcore issue 1093), until none is left, so that queue must stay empty.
_AT_ONCE = 64


class PeerProblem(Exception):
    """Another service said no (4xx), so it did nothing.

    ``type`` is the problem's stable word, empty if the body is no problem; ``body`` the whole body, empty if it is no
    JSON object.
    """

    def __init__(self, peer: str, status: int, type: str, body: Mapping[str, object]) -> None:
        super().__init__(f"{peer} answered {status} {type}")
        self.peer = peer
        self.status = status
        self.type = type
        self.body = body


class PeerUnknown(Exception):
    """Nobody knows whether another service did it: no whole answer came in time, or a 5xx."""

    def __init__(self, peer: str, reason: str) -> None:
        super().__init__(f"{peer}: {reason}")
        self.peer = peer
        self.reason = reason


class Peer:
    """One other service; a companion of the service that asks it.

    ``url`` is its base URL, without a slash at the end; ``timeout_s`` the time for one whole answer, in seconds.
    """

    def __init__(
        self, name: str, url: str, timeout_s: float = 2.0, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.name = name
        self.url = url
        self.timeout_s = timeout_s
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def __repr__(self) -> str:
        return f"<Peer {self.name} {self.url}{'' if self._client else ' stopped'}>"

    async def start(self) -> None:
        """Make the client; it connects when it is first used."""
        # Without the environment: a proxy between the shop's own services is never meant.
        self._client = httpx.AsyncClient(
            base_url=self.url,
            timeout=self.timeout_s,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=_AT_ONCE),
            trust_env=False,
            transport=self._transport,
        )

    async def stop(self) -> None:
        """Close all connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> object:
        """The answer's JSON, None for an empty body; ``headers`` begin with what ``relayed`` gives.

        Raises PeerProblem for a 4xx, PeerUnknown for anything else but a whole 2xx.
        """
        if self._client is None:
            raise RuntimeError(f"{self.name} is asked before its start")
        try:
            # httpx bounds each wait; this bounds them all together.
            async with asyncio.timeout(self.timeout_s), self._turns:
                answer = await self._client.request(method, path, json=json, params=params, headers=headers)
        except TimeoutError as error:
            raise PeerUnknown(self.name, f"no answer within {self.timeout_s:g} s") from error
        except httpx.HTTPError as error:
            raise PeerUnknown(self.name, f"no whole answer ({type(error).__name__})") from error
        if 400 <= answer.status_code < 500:
            raise _problem(self.name, answer)
        if not answer.is_success:
            raise PeerUnknown(self.name, f"answered {answer.status_code}")
        return self._json(answer) if answer.content else None

    def _json(self, answer: httpx.Response) -> object:
        try:
            return answer.json()
        except ValueError as error:
            raise PeerUnknown(self.name, f"answered {answer.status_code} with what is no JSON") from error


def relayed(request: Request) -> dict[str, str]:
    """The headers of a request that go along when it makes its service ask another."""
    return {name: request.headers[name] for name in _RELAYED if name in request.headers}


def _problem(peer: str, answer: httpx.Response) -> PeerProblem:
    try:
        body = answer.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    kind = body.get("type")
    return PeerProblem(peer, answer.status_code, kind if isinstance(kind, str) else "", body)
