"""The helper that runs a service inside a test."""

import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from downstream_stubs.frame.settings import SettingsError
from downstream_stubs.running import running


def test_ready_inside_and_gone_outside(data_dir: Path) -> None:
    """The service answers from the first line inside, and neither thread nor port is left behind it."""
    before = threading.active_count()
    with running("users", data_dir=data_dir) as url:
        assert httpx.get(f"{url}/readyz").status_code == 200
    assert threading.active_count() == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/readyz")


def test_port_can_be_had_again(data_dir: Path) -> None:
    """A service may come back on the port that it had."""
    with running("users", data_dir=data_dir) as url:
        pass
    with running("users", data_dir=data_dir, port=urlsplit(url).port or 0) as again:
        assert again == url
        assert httpx.get(f"{url}/readyz").status_code == 200


def test_taken_port(data_dir: Path) -> None:
    """A port that is taken is an OSError."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match="in use"), running("users", data_dir=data_dir, port=port):
            pass


def test_data_that_cannot_be_used() -> None:
    """A service whose data directory cannot be made does not start, and nothing waits for it."""
    with pytest.raises(RuntimeError, match="did not start"), running("users", data_dir=Path("/proc/nothing")):
        pass


def test_unknown_setting(data_dir: Path) -> None:
    """A setting that there is not is told as such."""
    with pytest.raises(SettingsError, match="STUBS_PROT"), running("users", data_dir=data_dir, prot=1):
        pass
