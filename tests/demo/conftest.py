"""What the demo's tests share: free ports, and projects whose processes are stand-ins."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

STANDIN = Path(__file__).parent / "standin.py"


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Ports that nobody listens on; the same one is not given twice within a test."""
    given: set[int] = set()

    def take() -> int:
        while True:
            with socket.create_server(("127.0.0.1", 0)) as server:
                port: int = server.getsockname()[1]
            if port not in given:
                given.add(port)
                return port

    return take


@pytest.fixture
def section(free_port: Callable[[], int]) -> Callable[..., dict[str, Any]]:
    """Make a [tool.bff.demo] of stand-ins by name and options: ``section(users=[], web=["--worker"])``."""

    def make(**processes: list[str]) -> dict[str, Any]:
        return {
            "ready_timeout_s": 10.0,
            "stop_grace_s": 2.0,
            "processes": {
                name: {
                    "command": ["{python}", "-I", "-S", str(STANDIN), "{host}", "{port}", *options],
                    "port": free_port(),
                }
                for name, options in processes.items()
            },
        }

    return make


@pytest.fixture
def project(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """Write a project with this section; its folder."""

    def make(section: dict[str, Any]) -> Path:
        lines: list[str] = []

        def table(path: str, content: dict[str, Any]) -> None:
            lines.append(f"[{path}]")
            # A JSON text, number or list of texts is the same in TOML.
            lines.extend(f"{k} = {json.dumps(v)}" for k, v in content.items() if not isinstance(v, dict))
            for key, value in content.items():
                if isinstance(value, dict):
                    table(f"{path}.{key}", value)

        table("tool.bff.demo", section)
        (tmp_path / "pyproject.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return tmp_path

    return make
