"""The oracle: all that was recorded from the real sony/gobreaker, replayed without a difference."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bff_core.errors import BreakerBusy, BreakerOpen
from bff_core.resilience.breaker import Admission, Breaker, BreakerOptions, Counts, TripRule
from bff_core.telemetry.facts import BreakerChanged, Fact
from bff_core.testing.clock import FakeClock

RECORDED = Path(__file__).parents[1] / "oracle" / "gobreaker-v1.0.0.jsonl.gz"
SECOND = 1_000_000_000

#: Sequences of each setting, as the recording's page says.
SEQUENCES = {
    "seeds": 3000,
    "defaults": 400,
    "max1": 300,
    "max3": 300,
    "no_interval": 300,
    "short": 300,
    "tiny": 100,
    "ratio": 400,
    "ratio_no_interval": 300,
    "long_timeout": 300,
}
STEPS = 312_937


class Nanoseconds(FakeClock):
    """A clock in whole nanoseconds. The breaker only compares and adds, so nothing is rounded."""

    now = 0

    def monotonic(self) -> float:
        """Nanoseconds since the breaker was made."""
        return self.now


class FailureRatio:
    """gobreaker's example of a rule of one's own: enough requests, also those under way, and too many failures."""

    def __init__(self, requests: int, ratio: float) -> None:
        self._requests = requests
        self._ratio = ratio

    def begin(self) -> None:
        """The counts say it all."""

    def note(self, failed: bool, now: float) -> None:
        """The counts say it all."""

    def met(self, counts: Counts) -> bool:
        """Requests >= n and TotalFailures / Requests >= x."""
        return counts.requests >= self._requests and counts.failures / counts.requests >= self._ratio


class Replay:
    """One recorded sequence, against a breaker of ours; ``crowded`` with calls between its steps that do not count."""

    def __init__(self, sequence: dict[str, Any], *, crowded: bool = False) -> None:
        self.sequence = sequence
        self.crowded = crowded
        self.clock = Nanoseconds()
        self.told: list[list[str]] = []
        trip = sequence["trip"] or ["consecutive_failures_over", 5]  # the library's default
        rule: TripRule | None = FailureRatio(*trip[1:]) if trip[0] == "failure_ratio" else None
        options = BreakerOptions(
            max_requests=sequence["max_requests"] or 1,
            interval=sequence["interval"],
            timeout=sequence["timeout"] or 60 * SECOND,
            trip_after=trip[1] if rule is None else 10**9,  # not looked at beside a rule
        )
        self.breaker = Breaker("recorded", options, self.clock, self, rule=rule)
        self.calls: dict[int, Admission] = {}

    def observe(self, fact: Fact) -> None:
        """Note a change as the recording does."""
        assert isinstance(fact, BreakerChanged)
        self.told.append([fact.before, fact.after])

    def results(self) -> Iterator[list[Any]]:
        """What ours does at each step, in the recording's form."""
        every = self.sequence["read"] == "every"
        for step in self.sequence["steps"]:
            self.told = []
            outcome = self._take(step)
            if self.crowded:
                self._pass_by()
            # In "asked" nobody looks: the state is the last one told of.
            state = self.breaker.state if every else self.breaker.statistics().state
            counts = self.breaker.counts
            yield [outcome, state, _listed(counts), self.told]

    def compare(self) -> None:
        """Each step's result with the recorded one."""
        name, steps = self.sequence["id"], self.sequence["steps"]
        for number, (ours, theirs) in enumerate(zip(self.results(), self.sequence["results"], strict=True)):
            assert ours == theirs, f"sequence {name}, step {number}: {steps[number]}"

    def _take(self, step: list[Any]) -> str | None:
        match step:
            case ["advance", nanoseconds]:
                self.clock.now += nanoseconds
            case ["begin", call]:
                return self._begin(call)
            case ["finish", call, True]:
                self.calls.pop(call).succeeded()
            case ["finish", call, False]:
                self.calls.pop(call).failed()
            case ["state"]:
                return self.breaker.state
            case _:
                raise AssertionError(f"a step that the recording's page does not know: {step}")
        return None

    def _pass_by(self) -> None:
        """A call that the recording does not have, and that does not count."""
        with contextlib.suppress(BreakerOpen, BreakerBusy):
            self.breaker.admit().ignored()

    def _begin(self, call: int) -> str:
        try:
            self.calls[call] = self.breaker.admit()
        except BreakerOpen as error:
            # Whole nanoseconds stay whole; an outcome that the recording does not know tells of it if not.
            return "open_state" if isinstance(error.retry_after, int) else "rounded"
        except BreakerBusy:
            return "too_many_requests"
        return "admitted"


def _listed(counts: Counts) -> list[int]:
    return [
        counts.requests,
        counts.successes,
        counts.failures,
        counts.consecutive_successes,
        counts.consecutive_failures,
    ]


@pytest.fixture(scope="module")
def recorded() -> dict[str, list[bytes]]:
    """The recording's lines, by their setting."""
    lines: dict[str, list[bytes]] = defaultdict(list)
    with gzip.open(RECORDED) as file:
        for line in file:
            found = re.search(rb'"setting":"(\w+)"', line)
            assert found
            lines[found[1].decode()].append(line)
    return lines


def test_the_recording_is_whole(recorded: dict[str, list[bytes]]) -> None:
    """Every sequence and step of it is there, in both readings, with every outcome and change among them."""
    assert {setting: len(lines) for setting, lines in recorded.items()} == SEQUENCES
    steps, seen = 0, Counter[str]()
    for lines in recorded.values():
        for line in lines:
            sequence = json.loads(line)
            assert len(sequence["steps"]) == len(sequence["results"])
            steps += len(sequence["steps"])
            seen[sequence["read"]] += 1
            for outcome, _, _, changes in sequence["results"]:
                seen.update([outcome or "-", *(" to ".join(change) for change in changes)])
    assert steps == STEPS
    assert seen["every"] == seen["asked"] == 2850
    assert min(seen[outcome] for outcome in ("admitted", "open_state", "too_many_requests")) > 1_000
    changes = ("closed to open", "open to half-open", "half-open to open", "half-open to closed")
    assert min(seen[change] for change in changes) > 500


@pytest.mark.parametrize("setting", SEQUENCES)
def test_ours_does_what_gobreaker_did(recorded: dict[str, list[bytes]], setting: str) -> None:
    """Outcome, state, counts and changes are equal at every step of every sequence."""
    for line in recorded[setting]:
        Replay(json.loads(line)).compare()


@pytest.mark.parametrize("setting", SEQUENCES)
def test_calls_that_do_not_count_leave_no_trace(recorded: dict[str, list[bytes]], setting: str) -> None:
    """Where it is looked at after every step anyway, a call after each step that does not count changes nothing."""
    for line in recorded[setting]:
        sequence = json.loads(line)
        if sequence["read"] == "every":
            Replay(sequence, crowded=True).compare()
