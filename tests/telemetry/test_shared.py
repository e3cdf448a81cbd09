"""Numbers of several workers: each of them shows those of all, and none is lost with the worker that counted it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bff_core.telemetry.shared import SharedNumbers

#: A worker: it counts and stands as its lines of standard input say, and answers with what it would show.
WORKER = """
import sys
from pathlib import Path
from prometheus_client import CollectorRegistry
from bff_core.telemetry.facts import BreakerChanged, RequestFinished
from bff_core.telemetry.metrics import MetricsObserver
from bff_core.telemetry.shared import SharedNumbers

class Use:
    in_flight, waiting, limit = 0, 0, 5

numbers = SharedNumbers(Path(sys.argv[1]))
numbers.keep()
metrics = MetricsObserver(CollectorRegistry(), "web")
metrics.watch("users", Use, lambda: 7)
for line in sys.stdin:
    match line.split():
        case ["count", many]:
            for _ in range(int(many)):
                metrics.observe(RequestFinished("web", "app", "", "Page", "r", 200, 0.25, 1, path={"users": 0.25}))
        case ["stand", in_flight, breaker]:
            Use.in_flight = int(in_flight)
            metrics.look()
            metrics.observe(BreakerChanged("users", "", "closed", breaker))
    body = numbers.render()[0] if line.startswith("show") else b""
    print(f"{numbers.seat} {len(body)}", flush=True)
    sys.stdout.write(body.decode())
    sys.stdout.flush()
"""


class Worker:
    """One worker as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": os.defpath, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        self.seat = -1

    def tell(self, *words: object) -> str:
        """Tell it something; what it says to that."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(" ".join(map(str, words)) + "\n")
        stdin.flush()
        seat, length = stdout.readline().split()
        self.seat = int(seat)
        return stdout.read(int(length))

    def show(self) -> dict[str, float]:
        """What it shows, by the names of samples; each of these tests has one series of each."""
        families = text_string_to_metric_families(self.tell("show"))
        return {sample.name + sample.labels.get("le", ""): sample.value for one in families for sample in one.samples}

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait(timeout=10)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def workers(folder: Path, many: int) -> Iterator[list[Worker]]:
    """So many workers, each on its seat; the list may get more."""
    running = [Worker(folder) for _ in range(many)]
    try:
        for worker in running:
            worker.tell("hello")
        yield running
    finally:
        for worker in running:
            worker.kill()


def test_any_worker_shows_all_and_a_dead_one_is_not_forgotten(tmp_path: Path) -> None:
    """Counters and histograms add up over workers, also over one that was killed and the one in its place.

    Of a dead worker only what it had counted stays: permits that are out with it are none, its open breaker neither.
    """
    with workers(tmp_path, 2) as (first, second):
        first.tell("count", 3)
        second.tell("count", 4)
        first.tell("stand", 1, "half-open")
        second.tell("stand", 2, "open")
        one, other = first.show(), second.show()
        assert one == other
        assert one["bff_requests_total"] == 7
        assert one["bff_request_duration_seconds_count"] == 7
        assert one["bff_request_duration_seconds_bucket0.3"] == 7
        assert one["bff_request_duration_seconds_bucket0.2"] == 0
        assert one["bff_critical_path_seconds_sum"] == pytest.approx(7 * 0.25)
        assert (one["bff_bulkhead_in_flight"], one["bff_bulkhead_limit"], one["bff_flights_under_way"]) == (3, 10, 14)
        assert one["bff_breaker_state"] == 2

        second.kill()
        left = first.show()
        assert left["bff_requests_total"] == 7
        assert (left["bff_bulkhead_in_flight"], left["bff_bulkhead_limit"], left["bff_flights_under_way"]) == (1, 5, 7)
        assert left["bff_breaker_state"] == 1
        assert not list(tmp_path.glob(f"gauge_*_{second.seat}.db"))

        third = Worker(tmp_path)
        try:
            third.tell("count", 5)
            assert third.seat == second.seat
            assert third.show()["bff_requests_total"] == 12
            assert third.show()["bff_bulkhead_limit"] == 5  # it has not looked yet
        finally:
            third.kill()
        assert first.show()["bff_requests_total"] == 12


def test_files_are_bounded_by_seats(tmp_path: Path) -> None:
    """However many workers follow one another, there are no more files than after the first, and all of them count."""
    files = []
    for number in range(1, 4):
        with workers(tmp_path, 1) as (worker,):
            worker.tell("count", 1)
            worker.tell("stand", 1, "open")
            assert worker.show()["bff_requests_total"] == number
            files.append(sorted(file.name for file in tmp_path.iterdir()))
    assert files[0] == files[1] == files[2]


def test_a_seat_is_held_by_one_and_free_after_it(tmp_path: Path) -> None:
    """Seats are taken from 0 on; one that is given up is the next to be taken."""
    first, second = SharedNumbers(tmp_path), SharedNumbers(tmp_path)
    assert (first.seat, second.seat) == (0, 1)
    first.close()
    third = SharedNumbers(tmp_path)
    assert third.seat == 0
    for one in (second, third):
        one.close()


def test_a_seat_that_nobody_holds_keeps_what_was_counted(tmp_path: Path) -> None:
    """Rendering clears the gauges of empty seats, and leaves every other file alone."""
    gone = SharedNumbers(tmp_path)
    for kind in ("counter", "gauge_livesum"):
        gone.file(kind)
    here = SharedNumbers(tmp_path)
    here.file("gauge_livesum")
    gone.close()
    (tmp_path / "gauge_livesum_0.db").write_bytes(b"")  # as if it had been killed, in the midst of making its file
    here.render()
    assert sorted(file.name for file in tmp_path.glob("*.db")) == ["counter_0.db", "gauge_livesum_1.db"]
    here.close()
