"""Fixtures of the stubs' tests: the services run once on loopback and are put right before each test."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from downstream_stubs.history import PastOrder, history
from downstream_stubs.running import running
from tests.downstream_stubs.market import Market


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the services of this test run keep their data."""
    return tmp_path_factory.mktemp("stub-data")


@pytest.fixture(scope="session")
def past() -> Sequence[PastOrder]:
    """What orders, payments and notifications began with."""
    return history()


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
def notifications_url(data_dir: Path, users_url: str) -> Iterator[str]:
    """The base URL of a running notification service."""
    with running("notifications", data_dir=data_dir, users_url=users_url) as url:
        yield url


@pytest.fixture(scope="session")
def payments_url(data_dir: Path, users_url: str, notifications_url: str) -> Iterator[str]:
    """The base URL of a running payment service."""
    with running("payments", data_dir=data_dir, users_url=users_url, notifications_url=notifications_url) as url:
        yield url


@pytest.fixture(scope="session")
def orders_url(
    data_dir: Path, users_url: str, products_url: str, payments_url: str, notifications_url: str
) -> Iterator[str]:
    """The base URL of a running order service."""
    others: dict[str, Any] = {"users_url": users_url, "products_url": products_url}
    others |= {"payments_url": payments_url, "notifications_url": notifications_url}
    with running("orders", data_dir=data_dir, **others) as url:
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


@pytest.fixture(scope="session")
def notifications_client(notifications_url: str) -> Iterator[httpx.Client]:
    """Likewise."""
    with httpx.Client(base_url=notifications_url, timeout=5) as client:
        yield client


@pytest.fixture(scope="session")
def payments_client(payments_url: str) -> Iterator[httpx.Client]:
    """Likewise."""
    with httpx.Client(base_url=payments_url, timeout=5) as client:
        yield client


@pytest.fixture(scope="session")
def orders_client(orders_url: str) -> Iterator[httpx.Client]:
    """Likewise; it waits for the others."""
    with httpx.Client(base_url=orders_url, timeout=20) as client:
        yield client


@pytest.fixture
def users(users_client: httpx.Client) -> httpx.Client:
    """A client of a user service without faults and calls, and with the data it began with."""
    return _put_right(users_client)


@pytest.fixture
def products(products_client: httpx.Client) -> httpx.Client:
    """A client of a product service without faults and calls, and with the data it began with."""
    return _put_right(products_client)


@pytest.fixture
def notifications(notifications_client: httpx.Client) -> httpx.Client:
    """A client of a notification service without faults and calls, and with the data it began with."""
    return _put_right(notifications_client)


@pytest.fixture
def payments(payments_client: httpx.Client) -> httpx.Client:
    """A client of a payment service without faults and calls, and with the data it began with."""
    return _put_right(payments_client)


@pytest.fixture
def orders(orders_client: httpx.Client) -> httpx.Client:
    """A client of an order service without faults and calls, and with the data it began with."""
    return _put_right(orders_client)


@pytest.fixture
def bearer(users: httpx.Client) -> Callable[..., dict[str, str]]:
    """Makes the header with a user's token."""

    def make(user_id: str, **order: object) -> dict[str, str]:
        answer = users.post("/tokens", json={"user_id": user_id, **order})
        assert answer.status_code == 200, answer.text
        return {"authorization": f"Bearer {answer.json()['access_token']}"}

    return make


@pytest.fixture
def market(
    orders: httpx.Client,
    products: httpx.Client,
    payments: httpx.Client,
    notifications: httpx.Client,
    bearer: Callable[..., dict[str, str]],
) -> Market:
    """User 7 in front of all services."""
    return Market(orders, products, payments, notifications, bearer("7"))


def _put_right(client: httpx.Client) -> httpx.Client:
    client.delete("/_faults")
    client.post("/_reset")
    client.delete("/_calls")
    return client
