"""The demo's table: what may stand in it, what lies over it, what is filled in."""

import sys
from pathlib import Path
from typing import Any

import pytest

from bff_core.demo.problem import DemoProblem
from bff_core.demo.table import find_project, load_table, read_table


def shop() -> dict[str, Any]:
    """A table of two processes of which one needs the other's address."""
    return {
        "token": {"url": "{users.url}/tokens", "user": "7"},
        "processes": {
            "users": {
                "command": ["{python}", "serve.py"],
                "port": 9001,
                "faults": "/_faults",
                "env": {"STUBS_USERS_PORT": "{port}"},
            },
            "web": {
                "command": ["serve", "{host}:{port}"],
                "port": 8000,
                "graphql": "/graphql",
                "env": {"WEB__USERS": "{users.url}", "WEB__RAW": '{"a": 1}'},
            },
        },
    }


def problem_of(section: dict[str, Any], environment: dict[str, str] | None = None, **overrides: Any) -> str:
    """The sentence with which this table is refused, as misuse."""
    with pytest.raises(DemoProblem) as caught:
        read_table(section, environment or {}, **overrides)
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.sentence
    return caught.value.sentence


def test_placeholders_are_filled_in() -> None:
    """Own and others' addresses and the interpreter are filled in; other braces stay."""
    table = read_table(shop(), {})
    users, web = table.processes.values()
    assert users.command == (sys.executable, "serve.py")
    assert users.env == {"STUBS_USERS_PORT": "9001"}
    assert web.command == ("serve", "127.0.0.1:8000")
    assert web.env == {"WEB__USERS": "http://127.0.0.1:9001", "WEB__RAW": '{"a": 1}'}
    assert table.token is not None
    assert table.token.url == "http://127.0.0.1:9001/tokens"
    assert table.token.ttl_s == 12 * 3600


def test_limits_have_defaults() -> None:
    """A table that sets no limit gets 30 s to be ready and 5 s to end."""
    table = read_table(shop(), {})
    assert (table.ready_timeout_s, table.stop_grace_s) == (30.0, 5.0)


def test_the_environment_lies_over_the_table() -> None:
    """BFF_DEMO_ variables change hosts, ports and limits, also where another process uses them."""
    environment = {
        "BFF_DEMO_USERS_PORT": "9101",
        "BFF_DEMO_USERS_HOST": "127.0.0.2",
        "BFF_DEMO_READY_TIMEOUT_S": "2.5",
        "BFF_DEMO__EDGE__PORT": "of an application called demo",
        "PATH": "/bin",
    }
    table = read_table(shop(), environment)
    assert table.processes["users"].env == {"STUBS_USERS_PORT": "9101"}
    assert table.processes["web"].env["WEB__USERS"] == "http://127.0.0.2:9101"
    assert table.ready_timeout_s == 2.5


def test_the_command_line_lies_over_the_environment() -> None:
    """--port and --host win over BFF_DEMO_ variables."""
    environment = {"BFF_DEMO_WEB_PORT": "8100", "BFF_DEMO_WEB_HOST": "127.0.0.2"}
    table = read_table(shop(), environment, ports={"web": 8200}, hosts={"web": "127.0.0.3"})
    assert table.processes["web"].url == "http://127.0.0.3:8200"


def test_a_dash_in_a_name_is_an_underscore_in_its_variable() -> None:
    """The process `web-eu` is moved by BFF_DEMO_WEB_EU_PORT."""
    section = {"processes": {"web-eu": {"command": ["serve"], "port": 8000}}}
    assert read_table(section, {"BFF_DEMO_WEB_EU_PORT": "8100"}).processes["web-eu"].port == 8100


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("localhost", "http://localhost:8000"),
    ],
)
def test_the_url_is_one_that_this_machine_can_call(host: str, url: str) -> None:
    """A wildcard host is reached over loopback, and an IPv6 address stands in brackets."""
    assert read_table(shop(), {}, hosts={"web": host}).processes["web"].url == url


def test_unknown_keys_are_refused() -> None:
    """A key that is not known is named with the table that it stands in."""
    section = shop()
    section["processes"]["web"]["prot"] = 1
    sentence = problem_of(section)
    assert "[tool.bff.demo.processes.web]" in sentence
    assert "`prot`" in sentence
    assert "`colour`" in problem_of({**shop(), "colour": True})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"port": 0}, "`int` >= 1"),
        ({"port": 65536}, "`int` <= 65535"),
        ({"port": "8000"}, "got `str`"),
        ({"command": []}, "length >= 1"),
        ({"ready": "readyz"}, "'^/'"),
        ({"host": ""}, "length >= 1"),
        ({"env": {"A": 1}}, "got `int`"),
        ({"env": {"A": "{nosuch.url}"}}, "{nosuch.url} is unknown"),
        ({"command": ["{prot}"]}, "{prot} is unknown"),
        ({"graphql": None, "try": "a.graphql"}, "`try` needs `graphql`"),
        ({"variables": "a.json"}, "`variables` needs `try`"),
        ({"port": 9001}, "users and web both want port 9001"),
    ],
)
def test_values_out_of_range_are_refused(change: dict[str, Any], said: str) -> None:
    """Each value is checked, and the sentence says what was expected."""
    section = shop()
    section["processes"]["web"].update(change)
    assert said in problem_of(section)


def test_a_bad_variable_is_named() -> None:
    """A value in the environment that does not fit is refused under its variable's name."""
    assert problem_of(shop(), {"BFF_DEMO_WEB_PORT": "eighty"}).startswith("BFF_DEMO_WEB_PORT:")
    assert problem_of(shop(), {"BFF_DEMO_STOP_GRACE_S": "-1"}).startswith("BFF_DEMO_STOP_GRACE_S:")


def test_an_unknown_variable_is_refused() -> None:
    """A misspelt BFF_DEMO_ variable stops the start and the known ones are listed."""
    sentence = problem_of(shop(), {"BFF_DEMO_WBE_PORT": "8100"})
    assert sentence.startswith("BFF_DEMO_WBE_PORT is no setting")
    assert "BFF_DEMO_WEB_PORT" in sentence


def test_an_unknown_name_on_the_command_line_is_refused() -> None:
    """--port of a process that is not there names those that are."""
    assert problem_of(shop(), ports={"wbe": 1}) == "There is no process called 'wbe'; the demo has users, web."


def test_a_table_without_processes_is_refused() -> None:
    """A demo of nothing is a mistake."""
    assert "names no process" in problem_of({"processes": {}})


def test_the_project_is_found_from_below(tmp_path: Path) -> None:
    """A command works in every folder of the project."""
    (tmp_path / "pyproject.toml").write_text("")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_project(below) == tmp_path


@pytest.mark.parametrize(("content", "said"), [("", "no table [tool.bff.demo]"), ("a = ", "cannot be read")])
def test_a_project_without_a_readable_table_is_refused(tmp_path: Path, content: str, said: str) -> None:
    """A missing table and broken TOML are each one sentence."""
    (tmp_path / "pyproject.toml").write_text(content)
    with pytest.raises(DemoProblem) as caught:
        load_table(tmp_path, {})
    assert said in caught.value.sentence
