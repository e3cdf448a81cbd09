"""docker-compose.yml and the image, held to what they say without a container engine.

Every service of the file is started as a plain process with exactly the command, environment and health check
that stand there; only names of containers become loopback, ports become free ones, and volumes become
folders.
"""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
DEMO: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["bff"]["demo"]
# Generous, because the first start makes data; a service that ends is noticed at once.
WELL_WITHIN_S = 60
ENDS_WITHIN_S = 10


def container_port(service: dict[str, Any]) -> int:
    """The one port that a service publishes, as it is inside."""
    [published] = service["ports"]
    return int(published.rsplit(":", 1)[1])


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine in place of the containers: which port stands for which, and which folder for which
    volume."""

    ports: dict[int, int]
    folder: Path

    def text(self, text: str, name: str) -> str:
        """A text of the file as it has to be here, for the service ``name``."""
        hosts = "|".join(SERVICES)
        text = re.sub(rf"\b({hosts})(?=:\d)", "127.0.0.1", text.replace("0.0.0.0", "127.0.0.1"))
        for inside, here in self.ports.items():
            text = re.sub(rf"(?<!\d){inside}(?!\d)", str(here), text)
        for volume in SERVICES[name].get("volumes", []):
            target = volume.split(":")[1]
            text = re.sub(rf"^{target}\b", str(self.folder / name), text)
        return text

    def environment(self, name: str) -> dict[str, str]:
        """Only what the file says, and the path that the image sets; nothing of whoever runs the test."""
        given = SERVICES[name].get("environment", {})
        return {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
            **{key: self.text(str(value), name) for key, value in given.items()},
        }

    def command(self, name: str) -> list[str]:
        """The command of a service."""
        return [self.text(word, name) for word in SERVICES[name]["command"]]

    def is_well(self, name: str) -> bool:
        """What the service's health check says."""
        kind, *words = SERVICES[name]["healthcheck"]["test"]
        assert kind == "CMD", "a health check is a list, so that no shell is needed"
        done = subprocess.run(
            [self.text(word, name) for word in words],
            cwd=ROOT,
            env=self.environment(name),
            capture_output=True,
            timeout=10,
            check=False,
        )
        assert b"Traceback" not in done.stderr
        return done.returncode == 0

    def url(self, name: str) -> str:
        """Where the published port of a service is here."""
        return f"http://127.0.0.1:{self.ports[container_port(SERVICES[name])]}"

    @contextlib.contextmanager
    def running(self, *names: str) -> Iterator[None]:
        """These services, each well by its own health check; at the end each ends by SIGTERM."""
        with contextlib.ExitStack() as stack:
            started = {name: stack.enter_context(self._process(name)) for name in names}
            deadline = time.monotonic() + WELL_WITHIN_S
            for name, process in started.items():
                while not self.is_well(name):
                    assert process.poll() is None, f"{name} ended:\n{self._output(name)}"
                    assert time.monotonic() < deadline, f"{name} did not get well:\n{self._output(name)}"
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(0.05)
            yield
            for process in started.values():
                process.terminate()
            for name, process in started.items():
                assert process.wait(ENDS_WITHIN_S) in (0, -15), f"{name} ended badly:\n{self._output(name)}"

    @contextlib.contextmanager
    def _process(self, name: str) -> Iterator[subprocess.Popen[bytes]]:
        (self.folder / name).mkdir(exist_ok=True)
        with (
            (self.folder / f"{name}.log").open("wb") as log,
            subprocess.Popen(
                self.command(name), cwd=ROOT, env=self.environment(name), stdout=log, stderr=log
            ) as process,
        ):
            try:
                yield process
            finally:
                process.kill()

    def _output(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")[-3000:]


def free_machine(folder: Path) -> Machine:
    """Free ports for all services of the file; nothing runs there."""
    with contextlib.ExitStack() as stack:
        taken = [
            (container_port(service), stack.enter_context(socket.create_server(("127.0.0.1", 0))))
            for service in SERVICES.values()
        ]
        return Machine({inside: server.getsockname()[1] for inside, server in taken}, folder)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The whole file, running; started once, because that takes seconds."""
    machine = free_machine(tmp_path_factory.mktemp("compose"))
    with machine.running(*SERVICES):
        yield machine


def test_the_file_follows_the_compose_specification() -> None:
    """The published schema accepts the file."""
    done = subprocess.run(
        [
            Path(sys.executable).with_name("check-jsonschema"),
            "--builtin-schema",
            "vendor.compose-spec",
            COMPOSE,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_file_runs_what_the_demo_runs() -> None:
    """The same processes, on the same ports and with the same module, so that the two ways cannot drift
    apart."""
    assert set(SERVICES) == set(DEMO["processes"])
    for name, process in DEMO["processes"].items():
        assert container_port(SERVICES[name]) == process["port"]
        assert SERVICES[name]["command"][1:] == process["command"][1:]


@pytest.mark.parametrize("name", SERVICES)
def test_commands_and_health_checks_are_lists(name: str) -> None:
    """No shell stands between the engine and the process, so that SIGTERM reaches it."""
    assert isinstance(SERVICES[name]["command"], list)
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_only(name: str) -> None:
    """Development tokens are handed to anybody who asks; the network must not be able to."""
    assert all(published.startswith("127.0.0.1:") for published in SERVICES[name]["ports"])


@pytest.mark.parametrize("name", SERVICES)
def test_each_health_check_sees_both(name: str, running: Machine, tmp_path: Path) -> None:
    """The health check says well of the service that was started, and not of one that is not there."""
    assert running.is_well(name)
    assert not free_machine(tmp_path).is_well(name)


def test_every_address_in_the_file_is_right(running: Machine) -> None:
    """The operation to try of each BFF is answered whole and undegraded, so each service was reached."""
    tried = 0
    for name, process in DEMO["processes"].items():
        if "try" in process:
            answer = _try(running, name, process)
            assert set(answer) == {"data"}
            assert all(part is not None for part in answer["data"].values())
            tried += 1
    assert tried == 2


def test_a_token_of_the_file_is_believed(running: Machine) -> None:
    """The issuer that signs and the issuer that the BFFs believe are the same in this file."""
    asked = 0
    for name, process in DEMO["processes"].items():
        if "graphql" in process:
            url = running.url(name) + process["graphql"]
            answer = _post(url, {"query": "{ me { __typename } }"}, _token(running))
            assert set(answer) == {"data"}
            assert answer["data"]["me"] is not None
            asked += 1
    assert asked == 2


def _try(machine: Machine, name: str, process: dict[str, Any]) -> dict[str, Any]:
    body = {
        "query": (ROOT / process["try"]).read_text(encoding="utf-8"),
        "variables": json.loads((ROOT / process["variables"]).read_text(encoding="utf-8")),
    }
    return _post(machine.url(name) + process["graphql"], body, _token(machine))


def _token(machine: Machine) -> str:
    issuer = re.fullmatch(r"\{(\w+)\.url\}(/\w+)", DEMO["token"]["url"])
    assert issuer is not None
    answer = _post(machine.url(issuer[1]) + issuer[2], {"user_id": DEMO["token"]["user"]})
    return str(answer["access_token"])


def _post(url: str, body: dict[str, Any], token: str | None = None) -> dict[str, Any]:
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - loopback
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as response:
            answer: dict[str, Any] = json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            pytest.fail(f"{url}: {error.code} {error.read().decode()}")
    return answer
