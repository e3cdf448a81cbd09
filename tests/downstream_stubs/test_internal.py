"""What a service does about its own failures, seen in process."""

import logging

import httpx
import pytest
from fastapi import FastAPI

from downstream_stubs.frame.app import StubService
from downstream_stubs.products import ProductsSettings


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
