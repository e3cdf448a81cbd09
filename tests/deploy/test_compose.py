"""docker-compose.yml and the image, held to what they say without a container engine.

Every service of the file that is of our own image, and nginx in front of them, is started as a plain process with
exactly the command, environment and health check that stand there; only names of containers become loopback, ports
become free ones, and volumes become folders. What a container may do is the engine's to hold; here the file is read for
it.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml

from bff_core.bff import Bff
from bff_core.cli.server import GRACE_S
from bff_core.doctor import dangers
from bff_core.settings import Settings
from bff_mobile.app import mobile
from bff_web.app import web
from tests.browser.conftest import missing
from tests.conftest import Shop
from tests.deploy.front import NAMES, NOBODY, filled, nginx
from tests.sockets import workers_of

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
WHOLE: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = WHOLE["services"]
#: What lies on top of it to look inside.
DEVELOPMENT = ROOT / "deploy" / "compose.development.yml"
#: Those of our own image.
OURS = [name for name, service in SERVICES.items() if "build" in service]
#: Those that are started here.
STARTED = [*OURS, "nginx"]
BFFS: dict[str, Bff] = {"web": web, "mobile": mobile}
#: Of each BFF an operation of a released app that needs somebody who has signed in.
SIGNED_IN = {"web": "AccountPage", "mobile": "MeScreen"}
DEMO: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["bff"]["demo"]
#: The product that is bought.
PRODUCT = "UHJvZHVjdDox"
# Generous, because many start at once; a service that ends is noticed at once.
WELL_WITHIN_S = 180
ENDS_WITHIN_S = 20


def container_port(service: dict[str, Any]) -> int:
    """The one port that a service listens on, as it is inside: its health check knows."""
    port: int | None = urlsplit(service["healthcheck"]["test"][-1]).port
    assert port is not None
    return port


def seconds(text: str) -> int:
    """A time of the file, which are all whole seconds."""
    assert text.endswith("s")
    return int(text[:-1])


def environment_of(name: str) -> dict[str, str]:
    """The variables of a service, as texts."""
    return {key: str(value) for key, value in SERVICES[name].get("environment", {}).items()}


def settings_of(name: str) -> Settings:
    """What a BFF has in force by the file; a variable that is no setting of it stops here."""
    return BFFS[name].load_settings(environment_of(name))


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine in place of the containers: which port stands for which, and which folder for which
    volume."""

    ports: dict[int, int]
    folder: Path
    pids: dict[str, int] = field(default_factory=dict)

    def text(self, text: str, name: str) -> str:
        """A text of the file as it has to be here, for the service ``name``."""
        hosts = "|".join(SERVICES)
        text = re.sub(rf"\b({hosts})(?=:\d)|^0\.0\.0\.0$", "127.0.0.1", text)
        for inside, here in self.ports.items():
            text = re.sub(rf"(?<!\d){inside}(?!\d)", str(here), text)
        targets = "|".join(("/tmp", *(volume.split(":")[1] for volume in SERVICES[name].get("volumes", []))))  # noqa: S108  # the container's
        return re.sub(rf"^({targets})\b", str(self.folder / name), text)

    def environment(self, name: str) -> dict[str, str]:
        """Only what the file says, and the path that the image sets; nothing of whoever runs the test."""
        return {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
            **{key: self.text(value, name) for key, value in environment_of(name).items()},
            # A machine on which everything runs at once, and tests beside it, is late now and then.
            **({f"BFF_{name.upper()}__SHEDDING__LONGEST_LAG_MS": "10000"} if name in BFFS else {}),
        }

    def command(self, name: str) -> list[str]:
        """The command of a service."""
        words = [self.text(word, name) for word in SERVICES[name]["command"]]
        return [nginx() or "nginx", *words[1:]] if name == "nginx" else words

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
        """Where the port of a service is here."""
        return f"http://127.0.0.1:{self.ports[container_port(SERVICES[name])]}"

    def front(self, name: str) -> str:
        """Where nginx listens here for a BFF."""
        return f"http://127.0.0.1:{self.ports[int(environment_of('nginx')[f'NGINX_{name.upper()}_PORT'])]}"

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
            for name, process in reversed(started.items()):
                process.send_signal(signal.Signals[SERVICES[name].get("stop_signal", "SIGTERM")])
            for name, process in started.items():
                assert process.wait(ENDS_WITHIN_S) in (0, -15), f"{name} ended badly:\n{self._output(name)}"

    @contextlib.contextmanager
    def _process(self, name: str) -> Iterator[subprocess.Popen[bytes]]:
        (self.folder / name).mkdir(exist_ok=True)
        user = None
        if name == "nginx":
            # What the entry point of its image does first.
            (self.folder / name / "nginx.conf").write_text(filled(self.environment(name)), encoding="utf-8")
            if os.geteuid() == 0:
                user = NOBODY
                for folder in (
                    self.folder / name,
                    self.folder,
                ):
                    folder.chmod(0o755)
                os.chown(self.folder / name, NOBODY, NOBODY)
        with (
            (self.folder / f"{name}.log").open("wb") as log,
            subprocess.Popen(
                self.command(name),
                cwd=ROOT,
                env=self.environment(name),
                # nginx opens its output anew by name, which nobody may do with a file of ours.
                stdout=subprocess.DEVNULL if user else log,
                stderr=subprocess.DEVNULL if user else log,
                user=user,
            ) as process,
        ):
            self.pids[name] = process.pid
            try:
                yield process
            finally:
                process.kill()

    def _output(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")[-3000:]


def free_machine(folder: Path) -> Machine:
    """Free ports for all services that are started here; nothing runs there."""
    inside = {container_port(SERVICES[name]) for name in STARTED}
    inside |= {int(value) for key, value in environment_of("nginx").items() if key.endswith("_PORT")}
    with contextlib.ExitStack() as stack:
        taken = [(port, stack.enter_context(socket.create_server(("127.0.0.1", 0)))) for port in sorted(inside)]
        return Machine({port: server.getsockname()[1] for port, server in taken}, folder)


@pytest.fixture(scope="module")
def running(running_shop: Shop) -> Iterator[Machine]:
    """The whole file, running; started once, because that takes seconds, with the data that others made already."""
    if nginx() is None:
        missing("nginx is not installed")
    with tempfile.TemporaryDirectory(prefix="compose-") as folder:
        machine = free_machine(Path(folder))
        for file in running_shop.data.iterdir():
            service = re.split(r"[.-]", file.name)[0]
            if not file.with_suffix(f".seed{file.suffix}").exists():  # else it is what others have written since
                (machine.folder / service).mkdir(exist_ok=True)
                shutil.copy2(file, machine.folder / service)
        with machine.running(*STARTED):
            yield machine


@pytest.mark.parametrize("file", [COMPOSE, DEVELOPMENT], ids=lambda file: file.name)
def test_the_file_follows_the_compose_specification(file: Path) -> None:
    """The published schema accepts the file."""
    done = subprocess.run(
        [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_file_runs_what_the_demo_runs() -> None:
    """The same processes, on the same ports and with the same module, so that the two ways cannot drift
    apart."""
    assert set(OURS) == set(DEMO["processes"])
    for name, process in DEMO["processes"].items():
        assert container_port(SERVICES[name]) == process["port"]
        assert SERVICES[name]["command"][1:] == process["command"][1:]


@pytest.mark.parametrize("name", SERVICES)
def test_commands_and_health_checks_are_lists(name: str) -> None:
    """No shell stands between the engine and the process, so that SIGTERM reaches it."""
    assert isinstance(SERVICES[name].get("command", []), list)
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_may_more_than_it_needs(name: str) -> None:
    """It runs as nobody special, writes only where it is told to, gains no right, and takes no more than its share."""
    service = SERVICES[name]
    user = str(service["user"]).partition(":")[0]
    assert user.isdecimal()
    assert int(user) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "pid", "ipc", "network_mode", "devices"} & set(service)
    assert all("size=" in mount for mount in service["tmpfs"])
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_not_built_here_is_pinned(name: str) -> None:
    """An image of somebody else is named with its whole version, so that it changes only when this file does."""
    if name in OURS:
        assert SERVICES[name]["image"] == "bff:local"
        assert (ROOT / SERVICES[name]["build"]["dockerfile"]).exists()
    else:
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+(-\w+)?", SERVICES[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_exists_and_cannot_be_written(name: str) -> None:
    """A folder of the project is there and mounted to be read; everything else is a volume that the file names."""
    for mount in SERVICES[name].get("volumes", []):
        source, _, target = mount.partition(":")
        if source.startswith("."):
            assert (ROOT / source).exists(), source
            assert target.endswith(":ro")
        else:
            assert source in WHOLE["volumes"]


def test_only_the_front_is_reached_from_outside() -> None:
    """nginx alone is published to everybody, Grafana to its own machine; who is not, has no way out either."""
    outside = {name for name, network in WHOLE["networks"].items() if not (network or {}).get("internal")}
    assert outside == {"outside"}
    for name, service in SERVICES.items():
        published = [port.rpartition(":")[0].rpartition(":")[0] for port in service.get("ports", [])]
        assert published == {"nginx": ["", ""], "grafana": ["127.0.0.1"]}.get(name, [])
        assert bool(outside & set(service["networks"])) == bool(published)


def test_who_can_reach_whom() -> None:
    """The services share a network with the BFFs and nobody else; nginx reaches the BFFs, and no service."""
    on = {
        network: {name for name in SERVICES if network in SERVICES[name]["networks"]} for network in WHOLE["networks"]
    }
    assert on["services"] == set(OURS)
    assert on["edge"] & set(OURS) == set(BFFS)
    assert on["watch"] & set(OURS) == set(BFFS)


def test_prometheus_and_grafana_find_what_they_read() -> None:
    """Each address in their files is a container of this file, by its port, on a network that both are on."""
    read = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
    targets = [target for job in read["scrape_configs"] for each in job["static_configs"] for target in each["targets"]]
    assert {target.partition(":")[0] for target in targets} == set(BFFS)
    sources = yaml.safe_load((ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_bytes())
    addresses = [("prometheus", target) for target in targets]
    addresses += [("grafana", source["url"].removeprefix("http://")) for source in sources["datasources"]]
    for reader, address in addresses:
        name, _, port = address.partition(":")
        assert int(port) == container_port(SERVICES[name])
        assert set(SERVICES[reader]["networks"]) & set(SERVICES[name]["networks"])
    boards = yaml.safe_load((ROOT / "deploy/grafana/provisioning/dashboards/bff.yml").read_bytes())
    mounted = {mount.split(":")[1]: mount.split(":")[0] for mount in SERVICES["grafana"]["volumes"]}
    for provider in boards["providers"]:
        assert list((ROOT / mounted[provider["options"]["path"]]).glob("*.json"))


def test_nginx_finds_the_bffs_and_is_found() -> None:
    """Its variables are those of its template and name the BFFs' ports; the ports it listens on are published."""
    known = re.compile(environment_of("nginx")["NGINX_ENVSUBST_FILTER"].replace("$$", "$"))
    values = {key: value for key, value in environment_of("nginx").items() if known.search(key)}
    assert set(values) == set(NAMES)
    for name in BFFS:
        assert values[f"BFF_{name.upper()}_ADDRESS"] == f"{name}:{container_port(SERVICES[name])}"
        port = values[f"NGINX_{name.upper()}_PORT"]
        assert f"{port}:{port}" in SERVICES["nginx"]["ports"]
    assert f"nginx:{values['NGINX_FOLDER']}" in SERVICES["nginx"]["volumes"]


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_waited_for_can_get_well(name: str) -> None:
    """A container starts after the health of what it needs, and nothing waits for itself in the end."""
    waiting = [name]
    reached: set[str] = set()
    while waiting:
        needs = SERVICES[waiting.pop()].get("depends_on", {})
        assert all(need == {"condition": "service_healthy"} for need in needs.values())
        waiting += set(needs) - reached
        reached |= set(needs)
    assert name not in reached


@pytest.mark.parametrize("name", BFFS)
def test_the_file_is_the_policy_of_production(name: str) -> None:
    """No GraphiQL, no introspection, no page of another origin, no document that was never released; two workers, of
    which the cache knows; and nothing that the doctor finds dangerous."""
    settings = settings_of(name)
    assert not settings.edge.graphiql
    assert not settings.edge.introspection
    assert settings.edge.allowed_origins == ()
    assert settings.edge.trusted_proxies
    assert settings.documents.policy == {"web": "registered", "mobile": "trusted"}[name]
    assert not settings.documents.apq
    assert not settings.documents.say_registered
    assert (settings.edge.workers, settings.cache.workers) == (2, 2)
    assert settings.rates.client_per_minute > 0
    assert settings.rates.principal_per_minute > 0
    assert list(dangers(BFFS[name], settings)) == []


@pytest.mark.parametrize("name", BFFS)
def test_what_runs_may_end_before_the_container_does(name: str) -> None:
    """From SIGTERM to SIGKILL there is time to drain, for one whole request, and to close."""
    settings = settings_of(name)
    needed_ms = settings.shedding.drain_ms + max(GRACE_S * 1000, settings.edge.budget_ms + 1000) + 2000
    assert seconds(SERVICES[name]["stop_grace_period"]) * 1000 >= needed_ms


def test_to_look_inside_only_opens() -> None:
    """The file on top changes policy, ports and networks of what there is, publishes on loopback alone, under the
    ports of the demo, and is made of settings that exist."""
    above = yaml.safe_load(DEVELOPMENT.read_text(encoding="utf-8"))["services"]
    assert set(above) == set(OURS)
    for name, service in above.items():
        port = container_port(SERVICES[name])
        assert service["ports"] == [f"127.0.0.1:{port}:{port}"]
        assert set(SERVICES[name]["networks"]) < set(service["networks"]) <= set(WHOLE["networks"])
        assert set(service) <= {"ports", "networks", "environment"}
        assert set(service.get("environment", {})) <= set(SERVICES[name]["environment"])
    for name, bff in BFFS.items():
        settings = bff.load_settings({**environment_of(name), **above[name]["environment"]})
        assert settings.edge.graphiql
        assert settings.edge.introspection
        assert settings.documents.policy == "open"


@pytest.mark.parametrize("name", STARTED)
def test_each_health_check_sees_both(name: str, running: Machine, tmp_path: Path) -> None:
    """The health check says well of the service that was started, and not of one that is not there."""
    assert running.is_well(name)
    assert not free_machine(tmp_path).is_well(name)


def test_every_address_in_the_file_is_right(running: Machine) -> None:
    """The operation to try of each BFF is answered whole and undegraded, so each service was reached."""
    for name in BFFS:
        process = DEMO["processes"][name]
        variables = json.loads((ROOT / process["variables"]).read_text(encoding="utf-8"))
        answer = _post(_graphql(running, name), {**_released(ROOT / process["try"]), "variables": variables})
        assert set(answer) == {"data"}
        assert all(part is not None for part in answer["data"].values())


def test_a_token_of_the_file_is_believed(running: Machine) -> None:
    """The issuer that signs and the issuer that the BFFs believe are the same in this file."""
    for name, operation in SIGNED_IN.items():
        asked = _released(ROOT / "schema" / "operations" / name / f"{operation}.graphql")
        answer = _post(_graphql(running, name), asked, _token(running))
        assert set(answer) == {"data"}
        assert answer["data"]["me"] is not None


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/schema.graphql", "/graphql/x"])
def test_the_front_shows_one_path(path: str, running: Machine) -> None:
    """What is for operators is not for the world, also where a BFF has it."""
    for name in BFFS:
        with httpx.Client(base_url=running.front(name), trust_env=False) as client:
            assert client.get(path).status_code == 404


def test_a_document_that_was_never_released_does_not_run(running: Machine) -> None:
    """Both BFFs refuse a text of somebody's own, through nginx."""
    for name in BFFS:
        with httpx.Client(trust_env=False) as client:
            answer = client.post(_graphql(running, name), json={"query": "{ __typename }"}).json()
        assert "data" not in answer
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["DOCUMENT_REFUSED"]


async def test_a_worker_that_is_killed_costs_nobody_an_answer(running: Machine) -> None:
    """Of reads and writes through nginx while one of two workers is killed, none is lost but some that were under way;
    each is answered when it is sent again, and a write that is sent again under its key is carried out once."""
    reads, writes, at_once = 30, 30, 6
    add, page = (_released(ROOT / "schema/operations/web" / f"{one}.graphql") for one in ("AddToCart", "CartPage"))
    bodies: list[dict[str, Any]] = [page] * reads
    for number in range(writes):
        variables = {"input": {"productId": PRODUCT, "quantity": 1}, "key": f"killed-{number}"}
        bodies.insert(2 * number, {**add, "variables": variables})
    headers = {"authorization": f"Bearer {_token(running)}"}
    victim = workers_of(running.pids["web"])[0]
    sent = answered = lost = 0
    async with httpx.AsyncClient(base_url=running.front("web"), headers=headers, timeout=30, trust_env=False) as client:

        async def ask(body: dict[str, Any]) -> dict[str, Any]:
            nonlocal sent, answered, lost
            for _ in range(2):
                sent += 1
                answer = await client.post("/graphql", json=body)
                if answer.status_code == 200:
                    answered += 1
                    if answered == len(bodies) // 3:
                        os.kill(victim, signal.SIGKILL)
                    whole: dict[str, Any] = answer.json()
                    assert set(whole) == {"data"}, whole
                    return whole
                assert answer.status_code == 502
                lost += 1
            pytest.fail("lost twice")

        async def ask_all(mine: list[dict[str, Any]]) -> None:
            for body in mine:
                await ask(body)

        before = _quantity(await ask(page))
        await asyncio.gather(*(ask_all(bodies[first::at_once]) for first in range(at_once)))
        assert _quantity(await ask(page)) == before + writes
    assert (sent, answered) == (len(bodies) + 2 + lost, len(bodies) + 2)
    assert lost <= at_once
    deadline = time.monotonic() + WELL_WITHIN_S
    while victim in (workers := workers_of(running.pids["web"])) or len(workers) < 2:
        assert time.monotonic() < deadline, "no new worker came"
        await asyncio.sleep(0.05)


def _quantity(page: dict[str, Any]) -> int:
    cart = page["data"]["cart"]
    return sum(item["quantity"] for item in cart["items"] if item["product"]["id"] == PRODUCT)


def _released(file: Path) -> dict[str, Any]:
    """What an app sends for an operation that it was released with: the id of it alone."""
    return {"documentId": f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"}


def _graphql(machine: Machine, name: str) -> str:
    return machine.front(name) + str(DEMO["processes"][name]["graphql"])


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
