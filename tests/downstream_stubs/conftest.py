"""Fixtures of the stubs' tests: both services run once on loopback and are put right before each test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from downstream_stubs.running import running


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the services of this test run keep their data."""
    return tmp_path_factory.mktemp("stub-data")


@pytest.fixture(scope="session")
def users_url(data_dir: Path) -> Iterator[str]:
    """The base URL of a running user service."""
    with running("users", data_dir=data_dir) as url:
        yield url


@pytest.fixture(scope="session")
def products_url(data_dir: Path) -> Iterator[str]:
    """The base URL of a running product service."""
    with running("products", data_dir=data_dir) as url:
        yield url


@pytest.fixture(scope="session")
def users_client(users_url: str) -> Iterator[httpx.Client]:
    """One client for the whole run: making one costs more than most tests."""
    with httpx.Client(base_url=users_url, timeout=5) as client:
        yield client


@pytest.fixture(scope="session")
def products_client(products_url: str) -> Iterator[httpx.Client]:
    """Likewise."""
    with httpx.Client(base_url=products_url, timeout=5) as client:
        yield client


@pytest.fixture
def users(users_client: httpx.Client) -> httpx.Client:
    """A client of a user service without faults and calls."""
    return _put_right(users_client)


@pytest.fixture
def products(products_client: httpx.Client) -> httpx.Client:
    """A client of a product service without faults and calls."""
    return _put_right(products_client)


@pytest.fixture
def bearer(users: httpx.Client) -> Callable[..., dict[str, str]]:
    """Makes the header with a user's token."""

    def make(user_id: str, **order: object) -> dict[str, str]:
        answer = users.post("/tokens", json={"user_id": user_id, **order})
        assert answer.status_code == 200, answer.text
        return {"authorization": f"Bearer {answer.json()['access_token']}"}

    return make


def _put_right(client: httpx.Client) -> httpx.Client:
    client.delete("/_faults")
    client.delete("/_calls")
    return client
