"""Both BFFs with two workers each under mixed load while the services fail in turn: what is answered, and what is kept.

    python -m bench.mixed --minutes 10

Every process is one of its own: five services, two workers a BFF (``cache.workers`` is 2). Users read their screens,
fill their carts, buy, and mark as read, each request at a worker by chance. Held to at every answer:

- HTTP 200, and no code but those of failing services;
- nothing in it that is another user's: order numbers and addresses of mail are looked for in every answer;
- what a user wrote is there when they read it next, also through the other worker.

At the end: requests, answers by kind, times, and the memory of each worker over time.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any

import aiohttp

ROOT = Path(__file__).parents[1]
OPERATIONS = ROOT / "schema" / "operations"
ISSUER = "http://issuer.test"
SERVICES = ("users", "products", "notifications", "payments", "orders")
USERS = tuple(str(number) for number in range(10, 410, 10))  # each has something in the cart
WORKERS = 2

#: What a failing service may cost; anything else is a mistake of ours.
CODES = frozenset(
    {
        "DEADLINE_EXCEEDED",
        "SERVICE_BAD_PAYLOAD",
        "SERVICE_BREAKER_BUSY",
        "SERVICE_BREAKER_OPEN",
        "SERVICE_BUSY",
        "SERVICE_ERROR",
        "SERVICE_TIMEOUT",
        "SERVICE_UNREACHABLE",
        "AUTH_UNAVAILABLE",
    }
)
FAULTS: Sequence[Mapping[str, Any]] = (
    {"error_rate": 0.5, "status": 500},
    {"error_rate": 0.3, "status": 429},
    {"hang": True},
    {"drop": True},
    {"truncate": True},
    {"garbage": True},
    {"latency_ms": 50, "jitter_ms": 400},
    {"spoil": "one"},
)
#: Seconds: a service is failing for so long, then all are well for as long.
FAULT_LASTS = 2.0

READS = {
    "web": ("HomePage", "OrderHistory", "AccountPage", "CartPage", "InboxPage", "ProductPage", "SearchPage"),
    "mobile": ("Feed", "Orders", "Inbox", "MeScreen", "Cart", "ProductScreen"),
}
ADD = """mutation Add($product: ID!) {
  addToCart(input: {productId: $product, quantity: 1}) { __typename ... on CartChanged { cart { version } } }
}"""
CART = "{ cart { version } }"
CHECKOUT = """mutation Checkout($version: Int!, $key: String!) {
  checkout(input: {cartVersion: $version}, idempotencyKey: $key) { __typename ... on CheckoutDone { order { number } } }
}"""
MAIL = re.compile(r"[a-z0-9.\-]+@example\.(?:com|org|net)")
ORDER = re.compile(r"20\d\d-\d{6}")


@dataclass
class Seen:
    """What came of it."""

    kinds: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)
    memory: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


def free_ports(number: int) -> list[int]:
    """Ports that nobody has, by asking for them all at once."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def asked(url: str, method: str = "GET", body: object = None, token: str | None = None) -> Any:
    """One plain call, to its JSON."""
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    sent = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, sent, headers, method=method)  # noqa: S310  # loopback
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # loopback
        text = answer.read()
    return json.loads(text) if text else None


@contextmanager
def processes(folder: Path) -> Iterator[tuple[dict[str, str], dict[str, list[str]], dict[str, int]]]:
    """All of them, ready: the services' URLs, each BFF's workers' URLs, and the workers' process ids."""
    ports = free_ports(len(SERVICES) + 2 * WORKERS)
    urls = {name: f"http://127.0.0.1:{port}" for name, port in zip(SERVICES, ports, strict=False)}
    environment = {**os.environ, "STUBS_ISSUER": ISSUER, "STUBS_DATA_DIR": str(folder), "STUBS_LOG_LEVEL": "warning"}
    environment |= {f"STUBS_{name.upper()}_URL": url for name, url in urls.items() if name != "orders"}
    workers: dict[str, list[str]] = {"web": [], "mobile": []}
    pids: dict[str, int] = {}
    with ExitStack() as stack:

        def start(words: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
            process = subprocess.Popen([sys.executable, "-m", *words], env=env, cwd=ROOT, stdout=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            return process

        for name, port in zip(SERVICES, ports, strict=False):
            start(
                ["downstream_stubs", "serve", name, "--port", str(port)],
                environment | {f"STUBS_{name.upper()}_PORT": str(port)},
            )
            until_ready(f"{urls[name]}/readyz")
        for number, port in enumerate(ports[len(SERVICES) :]):
            bff = ("web", "mobile")[number % 2]
            own = {f"BFF_{bff.upper()}__SERVICES__{name.upper()}__URL": url for name, url in urls.items()}
            own |= {f"BFF_{bff.upper()}__AUTH__ISSUER": ISSUER, f"BFF_{bff.upper()}__CACHE__WORKERS": str(WORKERS)}
            own |= {
                f"BFF_{bff.upper()}__LOGS__LEVEL": "error",
                f"BFF_{bff.upper()}__SERVICES__ALL__BREAKER__TIMEOUT_S": "1",
            }
            process = start(["bff_core", "serve", bff, "--port", str(port)], environment | own)
            until_ready(f"http://127.0.0.1:{port}/readyz")
            workers[bff].append(f"http://127.0.0.1:{port}")
            pids[f"{bff} {number // 2 + 1}"] = process.pid
        yield urls, workers, pids


def until_ready(url: str) -> None:
    """Wait for an answer 200, a minute at most."""
    end = time.monotonic() + 60
    while True:
        try:
            asked(url)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


class Load:
    """Users that come one after another, so many at once, until the time is up."""

    def __init__(self, urls: Mapping[str, str], workers: Mapping[str, Sequence[str]], seed: int) -> None:
        self.urls = urls
        self.workers = workers
        self.chance = Random(seed)
        self.seen = Seen()
        self.tokens = {user: self._token(user) for user in USERS}
        self.owner = {word: user for user in USERS for word in self._own(user)}
        self.texts = {
            (bff, name): (OPERATIONS / bff / f"{name}.graphql").read_text()
            for bff, names in READS.items()
            for name in names
        }
        self.stocked = self._stocked()
        self._busy: set[str] = set()
        self._keys = 0

    def _stocked(self) -> list[str]:
        """Products of which there is plenty."""
        body = {"product_ids": [str(number) for number in range(1, 101)]}
        rows = asked(f"{self.urls['products']}/stock/query", "POST", body)["data"]["items"]
        return [row["product_id"] for row in rows if row["available"] > 100]

    def _token(self, user: str) -> str:
        return str(asked(f"{self.urls['users']}/tokens", "POST", {"user_id": user, "ttl_s": 86_400})["access_token"])

    def _own(self, user: str) -> Iterator[str]:
        """Words that are this user's alone."""
        token = self.tokens[user]
        yield asked(f"{self.urls['users']}/me", token=token)["email"]
        for order in asked(f"{self.urls['orders']}/me/orders?limit=50", token=token)["items"]:
            yield order["number"]

    async def run(self, seconds: float, at_once: int) -> None:
        """All of it."""
        end = time.monotonic() + seconds
        connector = aiohttp.TCPConnector(limit=at_once * 2)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(30)) as session:
            await asyncio.gather(self._fail(end), *(self._come(session, end) for _ in range(at_once)))
        for url in self.urls.values():
            await asyncio.to_thread(asked, f"{url}/_faults", "DELETE")

    async def _fail(self, end: float) -> None:
        chance = Random(self.chance.random())
        while time.monotonic() < end:
            url = self.urls[chance.choice(SERVICES)]
            await asyncio.to_thread(asked, f"{url}/_faults", "PUT", {"route": "*", **chance.choice(FAULTS)})
            await asyncio.sleep(FAULT_LASTS)
            await asyncio.to_thread(asked, f"{url}/_faults", "DELETE")
            await asyncio.sleep(FAULT_LASTS)

    async def _come(self, session: aiohttp.ClientSession, end: float) -> None:
        chance = Random(self.chance.random())
        while time.monotonic() < end:
            user = chance.choice(USERS)
            if chance.random() < 0.1 and user not in self._busy:
                self._busy.add(user)  # a cart is one person's: what they wrote is what they read next
                try:
                    await self._shop(session, user, chance)
                finally:
                    self._busy.discard(user)
                continue
            bff = chance.choice(("web", "mobile"))
            name = chance.choice(READS[bff])
            variables = {
                "ProductPage": {"id": "UHJvZHVjdDo" + chance.choice("xyz0")},
                "ProductScreen": {"id": chance.choice("12345")},
                "SearchPage": {"query": chance.choice(("lamp", "chair", "linen"))},
            }.get(name, {})
            await self._ask(session, bff, name, self.texts[bff, name], variables, user, chance)

    async def _shop(self, session: aiohttp.ClientSession, user: str, chance: Random) -> None:
        """Put something into the cart, read it, and now and then buy."""
        product = base64.b64encode(f"Product:{chance.choice(self.stocked)}".encode()).decode()
        answer = await self._ask(session, "web", "AddToCart", ADD, {"product": product}, user, chance)
        added = (answer.get("data") or {}).get("addToCart") or {}
        if added.get("__typename") != "CartChanged":
            return
        version = added["cart"]["version"]
        read = await self._ask(session, "web", "ReadCart", CART, {}, user, chance)
        cart = (read.get("data") or {}).get("cart")
        if cart and cart["version"] != version:
            self.seen.wrong.append(f"user {user} wrote version {version} and read {cart['version']}")
        if chance.random() < 0.3:
            self._keys += 1
            variables = {"version": version, "key": f"load-{self._keys}"}
            bought = await self._ask(session, "web", "Checkout", CHECKOUT, variables, user, chance)
            done = (bought.get("data") or {}).get("checkout") or {}
            self.seen.kinds[f"checkout {done.get('__typename', 'error')}"] += 1

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        bff: str,
        name: str,
        text: str,
        variables: Mapping[str, Any],
        user: str,
        chance: Random,
    ) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.tokens[user]}", "accept": "application/json"}
        body = {"query": text, "variables": variables}
        began = time.monotonic()
        async with session.post(f"{chance.choice(self.workers[bff])}/graphql", json=body, headers=headers) as answer:
            told, status = await answer.text(), answer.status
        self.seen.seconds[bff].append(time.monotonic() - began)
        where = f"{bff} {name} of user {user}"
        for word in {*MAIL.findall(told), *ORDER.findall(told)}:
            if self.owner.get(word, user) != user:
                self.seen.wrong.append(f"{where} holds {word}, which is user {self.owner[word]}'s")
        if status != 200:
            self.seen.wrong.append(f"{where}: {status} {told[:300]}")
            return {}
        read: dict[str, Any] = json.loads(told)
        codes = {error["extensions"]["code"] for error in read.get("errors", [])}
        codes |= {entry["reason"] for entry in read.get("extensions", {}).get("degraded", [])}
        if codes - CODES:
            self.seen.wrong.append(f"{where}: {sorted(codes - CODES)} {told[:300]}")
        self.seen.codes.update(codes)
        self.seen.kinds["whole" if not codes else "degraded"] += 1
        return read


def resident(pid: int) -> int:
    """Bytes that a process holds in memory."""
    return int((Path("/proc") / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def watched(load: Load, pids: Mapping[str, int], seconds: float, at_once: int) -> None:
    """The load, and the workers' memory each tenth of its time."""

    async def watch() -> None:
        while True:
            for name, pid in pids.items():
                load.seen.memory[name].append(resident(pid))
            print(f"{sum(load.seen.kinds.values())} answers, {len(load.seen.wrong)} wrong", file=sys.stderr)
            await asyncio.sleep(seconds / 10)

    watching = asyncio.create_task(watch())
    try:
        await load.run(seconds, at_once)
    finally:
        watching.cancel()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Both BFFs with two workers each, mixed load, failing services.")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (default: 10)")
    parser.add_argument("--at-once", type=int, default=16, help="requests under way at once (default: 16)")
    parser.add_argument("--seed", type=int, default=7, help="of what chance does (default: 7)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, processes(Path(folder)) as (urls, workers, pids):
        load = Load(urls, workers, given.seed)
        asyncio.run(watched(load, pids, given.minutes * 60, given.at_once))
    seen = load.seen
    print("kinds    ", dict(seen.kinds.most_common()))
    print("codes    ", dict(seen.codes.most_common()))
    for bff, seconds in seen.seconds.items():
        last = quantiles(seconds, n=100)[98]
        print(f"{bff:9} {len(seconds)} requests, p50 {median(seconds) * 1000:.0f} ms, p99 {last * 1000:.0f} ms")
    for name, sizes in seen.memory.items():
        print(f"{name:9} MiB {' '.join(f'{size / 2**20:.0f}' for size in sizes)}")
    for sentence in seen.wrong[:20]:
        print("wrong    ", sentence)
    print(f"{len(seen.wrong)} wrong answers")
    sys.exit(1 if seen.wrong else 0)


if __name__ == "__main__":
    main()
