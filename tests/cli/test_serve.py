"""``bff serve``: a real process on loopback, its settings, and every way it cannot start."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.conftest import Project


@contextmanager
def served(project: Project, *arguments: str, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The BFF as a process, from its first line to its end; its address."""
    process = project.start("serve", "desk", *arguments, environment=environment)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("desk at http://"), process.communicate(timeout=10)
        yield line.removeprefix("desk at ").strip(), process
    finally:
        process.kill()
        process.communicate(timeout=10)


def ask(url: str, query: str) -> object:
    """POST one operation over a real socket; the server may still be on its way."""
    request = urllib.request.Request(  # noqa: S310  # loopback
        url, json.dumps({"query": query}).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310  # loopback
        return json.load(response)


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 0)])
def test_serves_until_it_is_told_to_end(project: Project, stop: signal.Signals, code: int) -> None:
    """The line says where, GraphQL answers there, and SIGTERM or Ctrl-C ends it in order and in silence."""
    with served(project) as (url, process):
        assert url.endswith("/graphql")
        assert ask(url, "{ locale }") == {"data": {"locale": "en"}}
        process.send_signal(stop)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (code, "")
        assert out == ""  # the log level of its settings is error


def test_logs_are_lines_of_json_after_the_first(project: Project) -> None:
    """Each request is a line of JSON on standard output."""
    with served(project, BFF_DESK__LOGS__LEVEL="info") as (url, process):
        ask(url, "{ locale }")
        process.terminate()
        out, _ = process.communicate(timeout=20)
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["status"] for line in lines if line["event"] == "request"] == [200]


def test_host_and_port_are_options(project: Project) -> None:
    """--host and --port win over the settings, and 0 picks a port."""
    with served(project, "--host", "localhost", "--port", "0", BFF_DESK__EDGE__PORT="1") as (url, _):
        assert url.startswith("http://localhost:")
        assert not url.startswith("http://localhost:1/")
        assert ask(url, "{ locale }") == {"data": {"locale": "en"}}


def test_ipv6_is_shown_in_brackets(project: Project) -> None:
    """The address that is printed can be opened, also of IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with served(project, "--host", "::1") as (url, _):
        assert url.startswith("http://[::1]:")
        assert ask(url, "{ locale }") == {"data": {"locale": "en"}}


def test_a_taken_port_is_exit_code_1(project: Project) -> None:
    """A port that somebody else listens on is one sentence that says what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, out, err = project.run("serve", "desk", "--port", str(port))
    assert (code, out) == (1, "")
    assert err == (
        f"cannot listen on 127.0.0.1:{port}: Address already in use; choose another one with --host and --port\n"
    )


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "ü..b", "203.0.113.1"])
def test_an_address_of_somebody_else_is_exit_code_1(project: Project, host: str) -> None:
    """A host that is none, or not of this machine, is one sentence."""
    result = project.bff("serve", "desk", "--host", host)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"cannot listen on {host}:0: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none_is_exit_code_2(project: Project, port: str) -> None:
    """A port out of range is told by its range."""
    result = project.bff("serve", "desk", "--port", port)
    assert (result.exit_code, result.stdout) == (2, "")


def test_settings_are_shown_with_their_origin(project: Project) -> None:
    """--settings prints every setting with where it was set, and serves nothing."""
    code, out, err = project.run(
        "serve",
        "desk",
        "--settings",
        environment={"BFF_DESK__EDGE__BUDGET_MS": "900", "BFF_DESK__SERVICES__ALL__ATTEMPT_TIMEOUT_MS": "700"},
    )
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert "edge.budget_ms = 900 (environment)" in lines
    assert "edge.reserve_ms = 100 (file)" in lines
    assert "edge.host = 127.0.0.1 (default)" in lines
    assert "services.words.attempt_timeout_ms = 700 (environment)" in lines
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"BFF_DESK__EDGE__PORT": "many"}, "edge.port (BFF_DESK__EDGE__PORT): came 'many'"),
        ({"BFF_DESK__EDGE__PROT": "1"}, "did you mean port"),
        ({"BFF_DESK__EDGE__BUDGET_MS": "100"}, "reserve_ms = 100 must be less than half of budget_ms = 100"),
    ],
)
def test_settings_that_cannot_work_are_exit_code_2(
    project: Project, environment: dict[str, str], sentence: str
) -> None:
    """Each problem is a line that names the key, and nothing is served."""
    code, out, err = project.run("serve", "desk", environment=environment)
    assert (code, out) == (2, "")
    assert sentence in err


@pytest.mark.parametrize(
    ("environment", "about"),
    [
        ({"WORDS__ATTEMPT_TIMEOUT_MS": "1851"}, "services.words.attempt_timeout_ms"),
        ({"WORDS__MAX_URL_BYTES": "2000"}, "words GET /words"),
        ({"ALL__BREAKER__MODE": "rate", "ALL__BREAKER__MINIMUM_CALLS": "26"}, "services.words.breaker.minimum_calls"),
    ],
)
def test_what_the_doctor_finds_dangerous_is_not_served(
    project: Project, environment: dict[str, str], about: str
) -> None:
    """The findings are told on stderr with the command that tells all, and the exit code is 1."""
    variables = {f"BFF_DESK__SERVICES__{key}": value for key, value in environment.items()}
    process = project.start("serve", "desk", environment=variables)
    try:
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (process.returncode, out) == (1, "")
    assert err.startswith(f"dangerous: {about}\n")
    assert err.endswith("desk is not served like this; all about it: bff doctor desk\n")


def test_what_is_only_a_warning_is_served(project: Project) -> None:
    """A BFF with warnings starts, and says nothing of them."""
    assert "3 warnings" in project.bff("doctor", "desk").stdout
    with served(project) as (url, process):
        assert ask(url, "{ locale }") == {"data": {"locale": "en"}}
        process.terminate()
        assert process.communicate(timeout=20)[1] == ""


def test_settings_are_shown_also_of_what_is_not_served(project: Project) -> None:
    """--settings is how one finds out, so no finding stands in its way."""
    result = project.bff(
        "serve", "desk", "--settings", environment={"BFF_DESK__SERVICES__WORDS__ATTEMPT_TIMEOUT_MS": "2000"}
    )
    assert (result.exit_code, result.stderr) == (0, "")
    assert "services.words.attempt_timeout_ms = 2000 (environment)" in result.stdout


def test_a_settings_file_that_cannot_be_read_is_exit_code_2(project: Project) -> None:
    """A settings file that is missing is one sentence with its path."""
    project.write("pyproject.toml", '[tool.bff.apps]\ndesk = "tests.cli.unset:UNSET"\n')
    result = project.bff("serve", "desk")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith("nowhere.toml: cannot be read (No such file or directory)\n")
