"""Facts as lines of JSON: one a fact, at its level, whatever is in it, and never a token."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from bff_core.clock import SystemClock
from bff_core.telemetry.facts import (
    BreakerChanged,
    BugFound,
    CallFinished,
    FlightLanded,
    KeySetChanged,
    Observer,
    RequestFinished,
)
from bff_core.telemetry.logs import Level, LogObserver
from bff_core.testing.clock import FakeClock
from bff_core.testing.tokens import TokenMint


class Log:
    """A log observer over a stream in memory."""

    def __init__(self, level: Level = "debug") -> None:
        self.stream = io.StringIO()
        self.observer = LogObserver(level, bff="web", clock=FakeClock(wall=1_700_000_000.25), stream=self.stream)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What was written, each line read as JSON."""
        text = self.stream.getvalue()
        assert text == "" or text.endswith("\n")
        assert text.isascii()
        return [json.loads(line) for line in text.splitlines()]


def a_request(**changes: Any) -> RequestFinished:
    """A request that went well, but for the changes."""
    values: dict[str, Any] = {
        "bff": "web",
        "client": "shop-web",
        "client_version": "1.2",
        "operation": "ProductPage",
        "request_id": "r1",
        "status": 200,
        "seconds": 0.01234567,
        "calls": 4,
    }
    return RequestFinished(**{**values, **changes})


def a_call(**changes: Any) -> CallFinished:
    """A call that went well, but for the changes."""
    values: dict[str, Any] = {
        "service": "users",
        "endpoint": "users GET /profiles",
        "keys": 3,
        "waited": 0.001,
        "seconds": 0.02,
        "status": 200,
        "code": None,
    }
    return CallFinished(**{**values, **changes})


def a_flight(**changes: Any) -> FlightLanded:
    """A flight that went well, but for the changes."""
    values: dict[str, Any] = {
        "service": "users",
        "endpoint": "users GET /profiles",
        "kind": "read",
        "keys": 3,
        "riders": 2,
        "seconds": 0.02,
        "code": None,
    }
    return FlightLanded(**{**values, **changes})


def test_a_request_is_one_line_with_all_that_is_known_of_it() -> None:
    """One line a request: when, who, what, how long, how many calls, what failed, what stood in, what was kept."""
    log = Log("info")
    observer: Observer = log.observer
    observer.observe(
        a_request(
            errors={"SERVICE_TIMEOUT": 2},
            degraded={("products", "fallback"): 3, ("users", "omitted"): 1},
            cache={("products", "fresh"): 3, ("products", "stale_if_error"): 1, ("users", "miss"): 2},
            path={"users": 0.0101, "own": 0.00225},
        )
    )
    assert log.lines == [
        {
            "time": "2023-11-14T22:13:20.250+00:00",
            "level": "warning",
            "event": "request",
            "bff": "web",
            "client": "shop-web",
            "client_version": "1.2",
            "operation": "ProductPage",
            "request_id": "r1",
            "status": 200,
            "ms": 12.35,
            "calls": 4,
            "errors": {"SERVICE_TIMEOUT": 2},
            "degraded": {"products fallback": 3, "users omitted": 1},
            "cache": {"products fresh": 3, "products stale_if_error": 1, "users miss": 2},
            "path_ms": {"users": 10.1, "own": 2.25},
        }
    ]


@pytest.mark.parametrize(
    ("fact", "level"),
    [
        (a_request(), "info"),
        (a_request(status=400, errors={"BAD_REQUEST": 1}), "info"),
        (a_request(errors={"UNAUTHENTICATED": 1, "NOT_FOUND": 2}), "info"),
        (a_request(errors={"NOT_FOUND": 1, "SERVICE_ERROR": 1}), "warning"),
        (a_request(degraded={("users", "omitted"): 1}), "warning"),
        (a_request(errors={"INTERNAL": 1}), "error"),
        (a_request(status=503), "error"),
        (a_call(), "debug"),
        (a_call(code="NOT_FOUND", status=404), "debug"),
        (a_call(code="SERVICE_BUSY", status=None), "info"),
        (a_call(code="REFUSED", status=409), "info"),
        (a_call(code="SERVICE_BREAKER_OPEN", status=None), "info"),
        (a_call(code="SERVICE_BREAKER_BUSY", status=None), "info"),
        (a_call(code="DEADLINE_EXCEEDED", status=None), "info"),
        (a_call(code="SERVICE_TIMEOUT", status=None), "warning"),
        (a_call(code="SERVICE_BAD_PAYLOAD"), "warning"),
        (a_flight(), "debug"),
        (a_flight(kind="refresh", code="SERVICE_ERROR"), "debug"),
        (a_flight(code="CANCELLED"), "debug"),
        (KeySetChanged(("a",), None), "info"),
        (KeySetChanged((), "SERVICE_UNREACHABLE"), "warning"),
        (BreakerChanged("users", "", "closed", "open"), "warning"),
        (BreakerChanged("users", "", "half-open", "closed"), "warning"),
        (BugFound("edge", "r1", ValueError("x")), "error"),
    ],
)
def test_each_fact_has_its_level_and_is_left_out_below_the_least(fact: Any, level: Level) -> None:
    """A fact is written at its level and everything less is left out when the least level is above it."""
    order: list[Level] = ["debug", "info", "warning", "error"]
    for least in order:
        log = Log(least)
        log.observer.observe(fact)
        expected = [level] if order.index(level) >= order.index(least) else []
        assert [line["level"] for line in log.lines] == expected


def test_a_call_and_a_renewal_say_what_they_know() -> None:
    """The line of a call and that of the keys have their facts' values."""
    log = Log()
    log.observer.observe(a_call(code="SERVICE_ERROR", status=500))
    log.observer.observe(KeySetChanged(("a", "b"), None))
    call, keys = log.lines
    assert (call["event"], call["service"], call["endpoint"]) == ("call", "users", "users GET /profiles")
    assert (call["keys"], call["status"], call["code"]) == (3, 500, "SERVICE_ERROR")
    assert (call["waited_ms"], call["ms"]) == (1, 20)
    assert (keys["event"], keys["kids"], keys["code"]) == ("keys", ["a", "b"], None)


def test_a_flight_says_who_rode_it() -> None:
    """The line of a flight has why it was made, how many waited, how long it took and how it ended."""
    log = Log()
    log.observer.observe(a_flight(kind="refresh", riders=0, code="SERVICE_TIMEOUT"))
    (line,) = log.lines
    assert {name: value for name, value in line.items() if name not in ("time", "level", "bff")} == {
        "event": "flight",
        "service": "users",
        "endpoint": "users GET /profiles",
        "kind": "refresh",
        "keys": 3,
        "riders": 0,
        "ms": 20,
        "code": "SERVICE_TIMEOUT",
    }


def test_a_breaker_says_whose_it_is_and_how_it_changed() -> None:
    """The line of a breaker has the service, the route group and both states."""
    log = Log()
    log.observer.observe(BreakerChanged("users", "search", "open", "half-open"))
    (line,) = log.lines
    assert {name: line[name] for name in ("event", "service", "group", "before", "after")} == {
        "event": "breaker",
        "service": "users",
        "group": "search",
        "before": "open",
        "after": "half-open",
    }


def test_a_bug_comes_with_its_trace() -> None:
    """The trace has the lines of the source and the causes, and no values of variables."""
    log = Log()

    def burst() -> None:
        hidden = "of" + "-a-variable"
        raise LookupError("burst") from KeyError(len(hidden))

    try:
        burst()
    except LookupError as error:
        log.observer.observe(BugFound("loading", "r1", error))
    (line,) = log.lines
    assert (line["event"], line["where"], line["request_id"]) == ("bug", "loading", "r1")
    assert "in burst" in line["exception"]
    assert "LookupError: burst" in line["exception"]
    assert "KeyError: 13" in line["exception"]
    assert "of-a-variable" not in line["exception"]


@pytest.mark.parametrize(
    "hostile",
    [
        'a\n{"level":"error","event":"bug"}',
        "a\r\nb",
        'quote" and \\ backslash',
        "\x1b[31mred\x1b[0m",
        "\x9b31m \x85 \u2028 \u2029",
        "\x00",
        "\ud800",
        "%s %(x)s {0} {event}",
        "🙂" * 50,
    ],
)
def test_a_client_cannot_write_lines_of_its_own(hostile: str) -> None:
    """Whatever a client calls itself, there is one line, in ASCII, with that name and no other change."""
    log = Log()
    log.observer.observe(a_request(client_version=hostile, operation=hostile))
    (line,) = log.lines
    assert line["client_version"] == line["operation"] == hostile
    assert (line["level"], line["event"]) == ("info", "request")


def test_no_token_is_ever_written() -> None:
    """A token in an exception, a client's name or a key's name is blotted out, whole or cut short."""
    log = Log()
    token = TokenMint("i", "a").token()
    header, payload, signature = token.split(".")
    log.observer.observe(BugFound("edge", "r", ValueError(f"could not read {token}")))
    log.observer.observe(BugFound("edge", "r", ValueError(f"headers: {{'authorization': 'Bearer {token}'}}")))
    log.observer.observe(BugFound("edge", "r", ValueError(f"Authorization: bearer {'s3cret' * 4}")))
    log.observer.observe(a_request(client_version=token[:60], request_id=f"x{header}.{payload}"))
    log.observer.observe(KeySetChanged((token,), None))
    text = log.stream.getvalue()
    for part in (header, payload, signature, signature[:20], "s3cret", header[:30]):
        assert part not in text
    assert len(log.lines) == 5
    assert text.count("[token]") >= 6


def test_an_output_that_is_gone_raises_nothing() -> None:
    """Lines that cannot be written are counted, and the request goes on."""
    log = Log()
    log.stream.close()
    log.observer.observe(a_request())
    log.observer.observe(a_call())
    assert log.observer.lost == 2


def test_the_logger_is_its_own() -> None:
    """Making an observer leaves structlog's global configuration as it was, and two observers do not mix."""
    before = structlog.is_configured(), dict(structlog.get_config())
    first, second = Log("error"), Log("debug")
    first.observer.observe(a_request())
    second.observer.observe(a_request())
    assert (len(first.lines), len(second.lines)) == (0, 1)
    assert (structlog.is_configured(), dict(structlog.get_config())) == before


class WallClock(SystemClock):
    """A clock on the wall that the test sets."""

    now = 0.0

    def wall(self) -> float:
        """As it was set."""
        return self.now


def test_each_line_has_its_own_instant() -> None:
    """To the millisecond, rounded down, also across a second, and backwards should the system's clock be set."""
    clock, stream = WallClock(), io.StringIO()
    observer = LogObserver(clock=clock, stream=stream)
    wanted = []
    for seconds in (0.0, 0.0009, 0.25, 0.9999, 1.0, 61.5, 59.125):
        clock.now = 1_700_000_000.0 + seconds
        observer.observe(a_request())
        wanted.append(datetime.fromtimestamp(clock.now, UTC).isoformat(timespec="milliseconds"))
    assert [json.loads(line)["time"] for line in stream.getvalue().splitlines()] == wanted


def test_standard_output_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a stream, lines go to standard output as it is when the observer is made."""
    LogObserver().observe(a_request(bff="mobile"))
    line = json.loads(capsys.readouterr().out)
    assert line["bff"] == "mobile"
    assert datetime.fromisoformat(line["time"]).tzinfo is not None
