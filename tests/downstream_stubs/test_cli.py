"""The command line, as real processes."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from downstream_stubs.cli import main


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "downstream_stubs", *arguments]


def run(*arguments: str, **environment: str) -> Result:
    """Run a command that needs no process of its own."""
    return CliRunner().invoke(main, list(arguments), env=environment, prog_name="python -m downstream_stubs")


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself as a real process."""
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=30, check=False)


@contextmanager
def served(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running service process and its URL; killed at the end if it still runs."""
    process = subprocess.Popen(
        command("serve", *arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            line = process.stdout.readline()
            assert " is ready on http://" in line, line
            yield process, line.split()[-1]
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize("arguments", [[], ["serve"], ["openapi"], ["openapi", "export"], ["openapi", "check"]])
def test_help(arguments: list[str]) -> None:
    """Every command explains itself."""
    done = run(*arguments, "--help")
    assert done.exit_code == 0
    assert "Usage: python -m downstream_stubs" in done.stdout
    if arguments == ["serve"]:
        assert "STUBS_PRODUCTS_PORT = 9002" in done.stdout


def test_serve_and_end(data_dir: Path) -> None:
    """A service logs one line a request, and ends with 0 on SIGTERM even while a request hangs."""
    with served("users", "--port", "0", "--data-dir", str(data_dir)) as (process, url):
        with httpx.Client(base_url=url) as client:
            assert client.get("/profiles?ids=1").status_code == 200
            assert client.get("/no%0Athing").status_code == 404
            assert client.get("/healthz").status_code == 200
            client.put("/_faults", json={"hang": True})
        with socket.create_connection((url.split(":")[1][2:], int(url.split(":")[2]))) as hung:
            hung.sendall(b"GET /profiles?ids=2 HTTP/1.1\r\nhost: x\r\n\r\n")
            with httpx.Client(base_url=url) as client:
                while not any(call["status"] is None for call in client.get("/_calls").json()["calls"]):
                    pass
            started = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=10) == 0
            assert time.monotonic() - started < 5
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
    served_lines = [line for line in lines if "/_" not in line]
    assert [line.rsplit(" ", 1)[0] for line in served_lines] == [
        "GET /profiles 200",
        "GET /no%0Athing 404",
        "GET /profiles -",
    ]
    assert all(line.endswith("ms") for line in lines)


def test_taken_port_is_told(data_dir: Path) -> None:
    """A port that another process listens on is one sentence and exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = start("serve", "products", "--port", port, "--data-dir", str(data_dir))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"Error: Cannot listen on 127.0.0.1 port {port}: Address already in use.")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        (["serve", "users"], {"STUBS_USERS_PROT": "1"}, "Unknown setting STUBS_USERS_PROT; known are"),
        (["serve", "users"], {"STUBS_USERS_PORT": "many"}, "STUBS_USERS_PORT: "),
        (
            ["serve", "users", "--host", "no.such.host.invalid", "--port", "0"],
            {},
            "Cannot listen on no.such.host",
        ),
        (
            ["serve", "users", "--port", "0", "--data-dir", "/proc/nothing"],
            {},
            "Cannot use the data in /proc",
        ),
    ],
)
def test_what_cannot_start_says_so(arguments: list[str], environment: dict[str, str], told: str) -> None:
    """Settings and addresses that cannot be used are one sentence and exit code 1."""
    # Were one of them let through, the directory would end the start, not the patience of who waits.
    done = run(*arguments, "--data-dir", "/proc/nothing", **environment)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {told}")
    assert len(done.stderr.splitlines()) == 1


def test_data_that_cannot_be_used_is_told() -> None:
    """A data directory that cannot be made is one sentence and exit code 1."""
    done = start("serve", "users", "--port", "0", "--data-dir", "/proc/nothing")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: Cannot use the data in /proc/nothing: ")
    assert len(done.stderr.splitlines()) == 1


def test_unknown_service_is_a_usage_error() -> None:
    """A service that there is not is exit code 2, with those that there are."""
    done = run("serve", "nothing")
    assert done.exit_code == 2
    assert "'products', 'users'" in done.stderr


def test_export_and_check(tmp_path: Path) -> None:
    """Exported documents pass the check; changed ones fail it and tell the command that renews them."""
    directory = str(tmp_path / "new")
    assert run("openapi", "export", "--dir", directory).exit_code == 0
    assert run("openapi", "check", "--dir", directory).exit_code == 0
    (tmp_path / "new" / "users.json").write_text("{}\n")
    done = run("openapi", "check", "--dir", directory)
    assert done.exit_code == 1
    assert done.stderr.splitlines()[0].startswith(f"{directory}/users.json differs from the service at /")
    assert done.stderr.splitlines()[-1] == "Renew with: make snapshots"
