"""Peers and keys: how a service asks another, and what it knows when that one does not answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.requests import Request

from downstream_stubs.frame.auth import Verifier
from downstream_stubs.frame.keys import RemoteKeys
from downstream_stubs.frame.peer import Peer, PeerProblem, PeerUnknown, relayed
from downstream_stubs.frame.problems import ProblemError

Handler = Callable[[httpx.Request], httpx.Response]


@asynccontextmanager
async def started(handler: Handler) -> AsyncIterator[Peer]:
    peer = Peer("payments", "http://payments", transport=httpx.MockTransport(handler))
    await peer.start()
    try:
        yield peer
    finally:
        await peer.stop()


async def test_answer_is_its_json() -> None:
    """A 2xx gives its JSON, None without a body; what was given went down as it was."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(201, json={"id": "5"}) if request.method == "POST" else httpx.Response(204)

    async with started(answer) as peer:
        headers = {"authorization": "Bearer t", "idempotency-key": "k"}
        assert await peer.ask("POST", "/payments", json={"a": 1}, headers=headers) == {"id": "5"}
        assert await peer.ask("GET", "/payments", params={"order_ids": "1,2"}) is None
    assert asked[0].content == b'{"a":1}'
    assert (asked[0].headers["authorization"], asked[0].headers["idempotency-key"]) == ("Bearer t", "k")
    assert (str(asked[1].url), asked[1].content) == ("http://payments/payments?order_ids=1%2C2", b"")


async def test_no_is_told_with_its_type() -> None:
    """A 4xx is raised with the problem's word and members; without a problem in it, with neither."""
    answers = [
        httpx.Response(402, json={"type": "card-declined", "decline_code": "x"}),
        httpx.Response(404, text="<html>"),
        httpx.Response(409, json=[1]),
    ]
    async with started(lambda _: answers.pop(0)) as peer:
        with pytest.raises(PeerProblem) as declined:
            await peer.ask("POST", "/payments")
        assert (declined.value.status, declined.value.type) == (402, "card-declined")
        assert declined.value.body["decline_code"] == "x"
        for status in (404, 409):
            with pytest.raises(PeerProblem) as raised:
                await peer.ask("POST", "/payments")
            assert (raised.value.status, raised.value.type, raised.value.body) == (status, "", {})


async def test_everything_else_is_unknown() -> None:
    """A 5xx, a redirect, a broken connection and what is no JSON leave open whether anything was done."""

    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset", request=request)

    handlers: list[Handler] = [
        lambda _: httpx.Response(503, json={"type": "payment-unknown"}),
        lambda _: httpx.Response(307, headers={"location": "/elsewhere"}),
        lambda _: httpx.Response(200, text="<html>"),
        broken,
    ]
    for handler in handlers:
        async with started(handler) as peer:
            with pytest.raises(PeerUnknown) as raised:
                await peer.ask("POST", "/payments")
            assert raised.value.peer == "payments"


async def test_waiting_has_an_end() -> None:
    """An answer that does not come in time is unknown; being cancelled is not taken for it."""

    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError("nobody lets it go")

    for timeout_s in (0.01, 60.0):
        peer = Peer("payments", "http://payments", timeout_s, httpx.MockTransport(never))
        await peer.start()
        asking = asyncio.create_task(peer.ask("GET", "/"))
        if timeout_s > 1:
            await asyncio.sleep(0)
            asking.cancel()
        with pytest.raises(PeerUnknown if timeout_s < 1 else asyncio.CancelledError):
            await asking
        await peer.stop()


async def test_nobody_there_is_unknown() -> None:
    """A port without a service is unknown; a peer that was not started is a mistake."""
    peer = Peer("payments", "http://127.0.0.1:9")
    with pytest.raises(RuntimeError, match="before its start"):
        await peer.ask("GET", "/")
    await peer.start()
    with pytest.raises(PeerUnknown, match="ConnectError"):
        await peer.ask("GET", "/")
    await peer.stop()
    assert repr(peer) == "<Peer payments http://127.0.0.1:9 stopped>"


class Sleeper(asyncio.Protocol):
    """A connection to a service that takes every request, and answers once ``well`` is set."""

    def __init__(self, well: asyncio.Event) -> None:
        self._well = well

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody asks."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """A request, whole in one piece as it is so short."""
        if self._well.is_set():
            self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


async def test_giving_up_takes_nothing_from_those_who_come_later() -> None:
    """However many gave up while a peer hung, all at once and again, it is asked as ever when it is well."""
    well = asyncio.Event()
    server = await asyncio.get_running_loop().create_server(lambda: Sleeper(well), "127.0.0.1", 0)
    peer = Peer("payments", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout_s=0.2)
    async with server:
        await peer.start()
        try:
            for _ in range(3):
                asked = [peer.ask("GET", "/payments") for _ in range(300)]
                given_up = await asyncio.gather(*asked, return_exceptions=True)
                assert {type(one) for one in given_up} == {PeerUnknown}
            well.set()
            peer.timeout_s = 20.0
            assert await asyncio.gather(*(peer.ask("GET", "/payments") for _ in range(300))) == [None] * 300
        finally:
            await peer.stop()


def test_token_and_request_id_go_along() -> None:
    """Of a request's headers those two are relayed, and no other."""
    names = [b"authorization", b"x-request-id", b"x-service-key", b"cookie"]
    headers = [(name, b"value") for name in names]
    request = Request({"type": "http", "headers": headers})
    assert relayed(request) == {"authorization": "value", "x-request-id": "value"}
    assert relayed(Request({"type": "http", "headers": []})) == {}


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """The seconds now."""
        return self.now


class KeyServer:
    """A user service that publishes what the real one does, unless it is down; counts how often it is asked."""

    def __init__(self, users: httpx.Client) -> None:
        self.published = users.get("/.well-known/jwks.json").json()
        self.is_down = False
        self.asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer the keys."""
        assert request.url.path == "/.well-known/jwks.json"
        self.asked += 1
        return httpx.Response(500) if self.is_down else httpx.Response(200, json=self.published)


@asynccontextmanager
async def remote(server: KeyServer, clock: Clock) -> AsyncIterator[RemoteKeys]:
    keys = RemoteKeys(Peer("users", "http://users", transport=httpx.MockTransport(server)), clock)
    await keys.start()
    try:
        yield keys
    finally:
        await keys.stop()


async def test_keys_are_asked_for_once(users: httpx.Client) -> None:
    """However many tokens come at once, the keys are asked for once and kept."""
    server, clock = KeyServer(users), Clock()
    kid = server.published["keys"][0]["kid"]
    async with remote(server, clock) as keys:
        assert all(await asyncio.gather(*(keys(kid) for _ in range(5))))
        clock.now += 3_600
        assert await keys(kid)
    assert server.asked == 1


async def test_unknown_key_is_asked_for_once_a_second(users: httpx.Client) -> None:
    """A key id that is not known is looked up again, at most once a second, so that nobody can make it ask more."""
    server, clock = KeyServer(users), Clock()
    kid = server.published["keys"][0]["kid"]
    async with remote(server, clock) as keys:
        for name in ("a", "b", "c"):
            assert await keys(name) is None
        assert server.asked == 1
        clock.now += 1
        assert await keys("d") is None
        assert server.asked == 2
        assert await keys(kid)
    assert server.asked == 2


async def test_without_keys_nothing_is_said_about_a_token(users: httpx.Client) -> None:
    """While the user service is down, an unknown key is a 503 and no 401; known keys go on being good."""
    server, clock = KeyServer(users), Clock()
    kid = server.published["keys"][0]["kid"]
    server.is_down = True
    async with remote(server, clock) as keys:
        for _ in range(2):
            with pytest.raises(ProblemError) as raised:
                await keys(kid)
            assert (raised.value.kind.type, raised.value.kind.status) == ("keys-unavailable", 503)
            assert raised.value.headers == {"retry-after": "1"}
        assert server.asked == 1
        server.is_down = False
        clock.now += 1
        assert await keys(kid)
        server.is_down = True
        clock.now += 1
        with pytest.raises(ProblemError):
            await keys("new")
        assert await keys(kid)


@pytest.mark.parametrize("published", [[], {}, {"keys": []}, {"keys": [{"kty": "none"}]}])
async def test_rubbish_is_no_key_set(users: httpx.Client, published: object) -> None:
    """What holds no keys is as good as no answer."""
    server = KeyServer(users)
    server.published = published
    async with remote(server, Clock()) as keys:
        with pytest.raises(ProblemError):
            await keys("a")


async def test_tokens_of_a_new_key_are_good_at_once(users_url: str) -> None:
    """A service that verifies by HTTP knows whom a token speaks for, also after the key was changed."""
    clock = Clock()
    keys = RemoteKeys(users_url, clock)
    verifier = Verifier("http://127.0.0.1:9001", "shop", keys)
    await keys.start()
    try:
        async with httpx.AsyncClient(base_url=users_url) as users:
            for user_id in ("7", "8"):
                token = (await users.get(f"/_tokens/{user_id}")).json()["access_token"]
                assert (await verifier.verify(token)).subject == user_id
                await users.post("/_keys/rotate")
                clock.now += 1
    finally:
        await keys.stop()
