"""What tests of many rooms share: the real services on loopback, and BFFs over them."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bff_core.bff import Bff
from bff_core.settings import Settings
from downstream_stubs.running import running

ISSUER = "http://issuer.test"


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--golden-update`` writes the golden files anew instead of comparing with them."""
    parser.addoption("--golden-update", action="store_true", help="write the golden files anew")


@dataclass(frozen=True)
class Shop:
    """The services of the shop, running; ``urls`` by name. ``data``: the folder of what they serve."""

    urls: Mapping[str, str]
    data: Path

    def token(self, user: str = "7", scopes: Sequence[str] | None = None) -> str:
        """A token for one user, from the development identity provider."""
        body: dict[str, Any] = {"user_id": user, "ttl_s": 3600}
        if scopes is not None:
            body["scopes"] = list(scopes)
        return str(self._ask("users", "/tokens", "POST", body)["access_token"])

    def calls(self, service: str) -> list[dict[str, Any]]:
        """What one service was asked since its ledger was cleared, oldest first."""
        return list(self._ask(service, "/_calls")["calls"])

    def fault(self, service: str, **fault: Any) -> None:
        """Make every route of a service misbehave, until ``heal``."""
        self._ask(service, "/_faults", "PUT", {"route": "*", **fault})

    def forget(self) -> None:
        """Forget all calls; faults go on."""
        for service in self.urls:
            self._ask(service, "/_calls", "DELETE")

    @contextmanager
    def another(self, service: str) -> Iterator[str]:
        """One more of a service, over the same data; its URL. It has really stopped afterwards."""
        options: dict[str, Any] = {"issuer": ISSUER} if service == "users" else {}
        with running(service, data_dir=self.data, **options) as url:
            yield url

    def mend(self, service: str) -> None:
        """End the faults of one service."""
        self._ask(service, "/_faults", "DELETE")

    def heal(self) -> None:
        """End all faults and forget all calls."""
        for service in self.urls:
            self._ask(service, "/_faults", "DELETE")
        self.forget()

    def settings(self, bff: Bff, **environment: str) -> Settings:
        """A BFF's settings over these services; ``environment`` keys are without the BFF's prefix."""
        prefix = f"BFF_{bff.name.upper()}__"
        values = {f"SERVICES__{name.upper()}__URL": url for name, url in self.urls.items()}
        values |= {"AUTH__ISSUER": ISSUER, "LOGS__LEVEL": "error"} | environment
        return bff.load_settings({prefix + key: value for key, value in values.items()})

    def _ask(self, service: str, path: str, method: str = "GET", body: object = None) -> Any:
        request = urllib.request.Request(  # noqa: S310  # loopback
            self.urls[service] + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310  # loopback
            text = response.read()
        return json.loads(text) if text else None


@pytest.fixture(scope="session")
def running_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The services, started once for all tests."""
    data = tmp_path_factory.mktemp("services")
    with (
        running("users", data_dir=data, issuer=ISSUER) as users,
        running("products", data_dir=data) as products,
    ):
        yield Shop({"users": users, "products": products}, data)


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
