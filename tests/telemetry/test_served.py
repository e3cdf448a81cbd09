"""Two real workers on loopback: /metrics of any of them shows both, before and after one is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

#: How often each thing is asked, each time over a connection of its own, so that both workers get some.
MANY = 24


@contextmanager
def two_workers(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A small BFF behind two workers: its address, and the process that keeps them."""
    (folder / "pyproject.toml").write_text('[tool.bff.apps]\ndesk = "tests.edge.desk:DESK"\n', encoding="utf-8")
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "bff_core", "serve", "desk", "--workers", "2", "--port", "0"],
        cwd=folder,
        env={
            "PATH": os.defpath,
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(root),
            "BFF_DESK__SHEDDING__LONGEST_LAG_MS": "60000",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("desk at http://"), process.communicate(timeout=10)
        yield line.removeprefix("desk at ").strip().removesuffix("/graphql"), process
    finally:
        process.terminate()
        process.communicate(timeout=30)


def ask(url: str) -> None:
    """One operation over a connection of its own."""
    body = json.dumps({"query": "{ locale }"}).encode()
    request = urllib.request.Request(url + "/graphql", body, {"content-type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310  # loopback
        assert json.load(response) == {"data": {"locale": "en"}}


def samples(url: str) -> dict[tuple[str, str], float]:
    """What one of the workers shows: values by name and by the service, where there is one."""
    with urllib.request.urlopen(url + "/metrics", timeout=20) as response:  # noqa: S310  # loopback
        families = list(text_string_to_metric_families(response.read().decode()))
    return {(sample.name, sample.labels.get("service", "")): sample.value for one in families for sample in one.samples}


def requests(url: str) -> set[float]:
    """How many requests there were, as often as it takes to have asked both workers."""
    return {samples(url)["bff_requests_total", ""] for _ in range(MANY)}


def pids(process: subprocess.Popen[str]) -> list[int]:
    """The workers' process ids."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_metrics_of_any_worker_show_all_of_them(tmp_path: Path) -> None:
    """Every answer of /metrics counts every request, and goes on to when a worker is killed and another takes over."""
    with two_workers(tmp_path) as (url, process):
        for _ in range(MANY):
            ask(url)
        assert requests(url) == {MANY}
        assert samples(url)["bff_bulkhead_limit", "words"] % 2 == 0  # of both
        before = pids(process)
        assert len(before) == 2

        os.kill(before[0], signal.SIGKILL)
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "worker"
        assert requests(url) == {MANY}  # whoever answers: no counter falls
        for _ in range(MANY):
            ask(url)
        assert requests(url) == {2 * MANY}
        assert before[1] in pids(process)
        assert len(pids(process)) == 2
