"""What tests of many rooms share: the real services on loopback, and BFFs over them."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from bff_core.bff import Bff
from bff_core.settings import Settings
from downstream_stubs.registry import STUBS
from downstream_stubs.running import running

ISSUER = "http://issuer.test"

#: Seconds: how long one service waits for another, and until it tries again what it could not tell.
SHORT = {"peer_timeout_s": 1.0, "errand_pause_s": 0.5}

#: Bytes: several times what the services' data takes.
ROOM = 1_000_000_000

#: The services, each after those that it asks.
STARTED = ("users", "products", "notifications", "payments", "orders")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--golden-update`` writes the golden files anew instead of comparing with them."""
    parser.addoption("--golden-update", action="store_true", help="write the golden files anew")


@dataclass(frozen=True)
class Shop:
    """The services of the shop, running; ``urls`` by name. ``data``: the folder of what they serve."""

    urls: Mapping[str, str]
    data: Path

    def token(self, user: str = "7", scopes: Sequence[str] | None = None) -> str:
        """A token for one user, from the development identity provider; valid by real and by standing clocks."""
        body: dict[str, Any] = {"user_id": user, "issued_at": "2025-01-01T00:00:00Z", "ttl_s": 300_000_000}
        if scopes is not None:
            body["scopes"] = list(scopes)
        return str(self.ask("users", "/tokens", "POST", body)["access_token"])

    def calls(self, service: str) -> list[dict[str, Any]]:
        """What one service was asked since its ledger was cleared, oldest first."""
        return list(self.ask(service, "/_calls")["calls"])

    def fault(self, service: str, **fault: Any) -> None:
        """Make every route of a service misbehave, until ``heal``."""
        self.ask(service, "/_faults", "PUT", {"route": "*", **fault})

    def forget(self) -> None:
        """Forget all calls; faults go on."""
        for service in self.urls:
            self.ask(service, "/_calls", "DELETE")

    @contextmanager
    def another(self, service: str) -> Iterator[str]:
        """One more of a service, over the same data; its URL. It has really stopped afterwards."""
        with running(service, data_dir=self.data, **_told(service, self.urls)) as url:
            yield url

    def mend(self, service: str) -> None:
        """End the faults of one service."""
        self.ask(service, "/_faults", "DELETE")

    def know_keys(self) -> None:
        """Let every service that verifies tokens fetch the issuer's keys now, and not in the midst of a test."""
        token = self.token()
        for service, path in (
            ("orders", "/me/cart"),
            ("payments", "/me/payment-methods"),
            ("notifications", "/me/devices"),
        ):
            self.ask(service, path, token=token)

    def heal(self) -> None:
        """End all faults, undo all writes and forget all calls."""
        for service in self.urls:
            self.mend(service)
        self.reset()
        self.forget()

    def reset(self) -> None:
        """Undo all writes."""
        for service in self.urls:
            self.ask(service, "/_reset", "POST")

    def settings(self, bff: Bff, **environment: str) -> Settings:
        """A BFF's settings over these services; ``environment`` keys are without the BFF's prefix."""
        prefix = f"BFF_{bff.name.upper()}__"
        values = {f"SERVICES__{name.upper()}__URL": url for name, url in self.urls.items()}
        values |= {"AUTH__ISSUER": ISSUER, "LOGS__LEVEL": "error", "DOCUMENTS__SAY_REGISTERED": "false"}
        # A machine that is busy with other tests is late, and what is tested here is not what becomes of that.
        values |= {"SHEDDING__LONGEST_LAG_MS": "60000"} | environment
        return bff.load_settings({prefix + key: value for key, value in values.items()})

    def ask(
        self, service: str, path: str, method: str = "GET", body: object = None, *, token: str | None = None
    ) -> Any:
        """What a service answers to one call of ours, from its JSON; None where it answers nothing."""
        request = urllib.request.Request(  # noqa: S310  # loopback
            self.urls[service] + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {}),
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310  # loopback
            text = response.read()
        return json.loads(text) if text else None


@pytest.fixture(scope="session")
def running_shop() -> Iterator[Shop]:
    """The services, started once for all tests."""
    urls: dict[str, str] = {}
    with ExitStack() as stack:
        data = Path(stack.enter_context(TemporaryDirectory(prefix="services-", dir=_memory())))
        for service in STARTED:
            urls[service] = stack.enter_context(running(service, data_dir=data, **_told(service, urls)))
        shop = Shop(urls, data)
        shop.know_keys()
        yield shop


def _memory() -> Path | None:
    """A folder that is no disk, where there is one with room: undoing writes takes a third of the time there."""
    memory = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > ROOM else None


def _told(service: str, urls: Mapping[str, str]) -> dict[str, Any]:
    """The settings by which a service knows the issuer and those it asks."""
    known = STUBS[service].settings.model_fields
    told: dict[str, Any] = {f"{other}_url": url for other, url in urls.items()} | {"issuer": ISSUER} | SHORT
    return {name: value for name, value in told.items() if name in known}


@pytest.fixture
def shop(running_shop: Shop) -> Iterator[Shop]:
    """The services without faults and with empty ledgers, before and after."""
    running_shop.heal()
    yield running_shop
    running_shop.heal()


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return Path(__file__).parents[1]
