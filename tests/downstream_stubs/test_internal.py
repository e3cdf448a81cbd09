"""What a service does about its own failures, seen in process."""

import logging

import httpx
import pytest
from fastapi import FastAPI

from downstream_stubs.frame.app import StubService
from downstream_stubs.products import ProductsSettings


class Opened:
    """A resource that counts its resets."""

    def __init__(self) -> None:
        self.is_open = False
        self.resets = 0

    def open(self) -> None:
        """Be open."""
        self.is_open = True

    def close(self) -> None:
        """Be closed."""
        self.is_open = False

    def reset(self) -> None:
        """Count."""
        self.resets += 1


class Companion:
    """Notes when it starts and stops, and whether the data was open then."""

    def __init__(self, name: str, resource: Opened, notes: list[str], fails: bool = False) -> None:
        self.name = name
        self.resource = resource
        self.notes = notes
        self.fails = fails

    async def start(self) -> None:
        """Start, or fail to."""
        if self.fails:
            raise OSError("no start")
        self.notes.append(f"{self.name} starts {'open' if self.resource.is_open else 'closed'}")

    async def stop(self) -> None:
        """Stop."""
        self.notes.append(f"{self.name} stops {'open' if self.resource.is_open else 'closed'}")


class Unopened:
    """A resource that is never there."""

    is_open = False

    def open(self) -> None:
        """Stay shut."""

    def close(self) -> None:
        """Stay shut."""


def service() -> StubService:
    def add(app: FastAPI) -> None:
        @app.get("/bug")
        async def bug() -> None:
            raise KeyError("a secret")

    return StubService(title="t", description="d", settings=ProductsSettings(), resources=[Unopened()], add_routes=add)


async def test_bug_shows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """An unexpected exception is a 500 problem without a word of it; the log has its trace."""
    transport = httpx.ASGITransport(service(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://stub") as client:
        with caplog.at_level(logging.ERROR):
            answer = await client.get("/bug")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "internal"
    assert "secret" not in answer.text
    assert "a secret" in caplog.text


async def test_not_ready_without_data() -> None:
    """A service whose data is not open lives, but is not ready."""
    transport = httpx.ASGITransport(service())
    async with httpx.AsyncClient(transport=transport, base_url="http://stub") as client:
        assert (await client.get("/healthz")).status_code == 200
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["type"]) == (503, "not-ready")


async def test_broken_connections_without_a_socket() -> None:
    """In process, where no connection can be closed, drop and truncate raise what a client would see."""
    app = service()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://stub") as client:
        await client.put("/_faults", json={"drop": True})
        with pytest.raises(ConnectionResetError):
            await client.get("/bug")


def accompanied(resource: Opened, *companions: Companion) -> StubService:
    return StubService(
        title="t",
        description="d",
        settings=ProductsSettings(),
        resources=[Unopened(), resource],
        add_routes=lambda app: None,
        companions=companions,
    )


async def test_companions_live_between_opening_and_closing() -> None:
    """What accompanies a service starts when the data is open, and stops, last first, before it is closed."""
    resource, notes = Opened(), list[str]()
    app = accompanied(resource, Companion("a", resource, notes), Companion("b", resource, notes))
    async with app.router.lifespan_context(app):
        assert notes == ["a starts open", "b starts open"]
    assert notes[2:] == ["b stops open", "a stops open"]
    assert not resource.is_open


async def test_companion_that_does_not_start_stops_the_others() -> None:
    """If one cannot start, those before it are stopped, the data is closed, and the start fails."""
    resource, notes = Opened(), list[str]()
    app = accompanied(resource, Companion("a", resource, notes), Companion("b", resource, notes, fails=True))
    with pytest.raises(OSError, match="no start"):
        async with app.router.lifespan_context(app):
            raise AssertionError("it must not start")
    assert notes == ["a starts open", "a stops open"]
    assert not resource.is_open


async def test_reset_reaches_what_can_be_reset() -> None:
    """The control route puts back each resource that can be, and is in no OpenAPI document."""
    resource = Opened()
    app = accompanied(resource)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://stub") as client:
        await client.put("/_faults", json={"error_rate": 1.0})
        assert (await client.post("/_reset")).status_code == 204
        assert (await client.get("/_calls")).json() == {"calls": []}
    assert resource.resets == 1
    assert "/_reset" not in app.openapi()["paths"]
