"""What the demo prints."""

import io
from pathlib import Path
from typing import Any

import pytest

from bff_core.demo.screen import (
    Screen,
    bff_command,
    ended,
    introduction,
    ready_line,
    status_lines,
    wants_colour,
)
from bff_core.demo.table import DemoTable, read_table


def shop(**changes: Any) -> DemoTable:
    """A service with fault switches and a BFF with something to try."""
    section = {
        "token": {"url": "{users.url}/tokens", "user": "7"},
        "processes": {
            "users": {"command": ["a"], "port": 9001, "faults": "/_faults"},
            "web": {"command": ["b"], "port": 8000, "graphql": "/graphql", "try": "operations/Page.graphql"},
        },
    }
    return read_table({**section, **changes}, {})


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    """A pipe whose reader has gone; counts what is written to it."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        raise BrokenPipeError


def test_logs_stand_behind_names_of_one_width() -> None:
    """Lines of all processes begin at the same column."""
    out = io.StringIO()
    screen = Screen(out, ["users", "products"], colour=False)
    screen.log("users", "hello")
    screen.log("products", "")
    assert out.getvalue() == "users    | hello\nproducts | \n"


def test_steps_stand_in_a_column() -> None:
    """The progress of each process is one line that ends in its address."""
    out = io.StringIO()
    Screen(out, ["users"], colour=False).step("users", ready_line(0.94, "http://127.0.0.1:9001"))
    assert out.getvalue() == "users      starting… ready in 0.9 s  http://127.0.0.1:9001\n"


def test_colour_stays_in_the_name() -> None:
    """With colour only the name is painted, and the line itself is as the process wrote it."""
    out = io.StringIO()
    Screen(out, ["users"], colour=True).log("users", "hello")
    assert out.getvalue() == "\x1b[36m\x1b[22musers |\x1b[0m hello\n"


@pytest.mark.parametrize(
    ("out", "environment", "wanted"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(out: io.StringIO, environment: dict[str, str], wanted: bool) -> None:
    """No colour into a file, and none where NO_COLOR says so."""
    assert wants_colour(out, environment) is wanted


def test_a_reader_that_has_gone_is_told_once() -> None:
    """After a broken pipe nothing is written any more, and the demo is told one time."""
    told: list[str] = []
    out = Closed()
    screen = Screen(out, ["users"], colour=False, on_gone=lambda: told.append("gone"))
    screen.log("users", "a")
    screen.log("users", "b")
    assert told == ["gone"]
    assert out.writes == 1


def test_the_introduction_is_complete() -> None:
    """Addresses, token, a command to try and the control commands, with bff as it can be called."""
    text = introduction(
        shop(), bff=".venv/bin/bff", token="a.b.c", tries={"web": ".demo/try-web.json"}, ready_in_s=3.14
    )
    assert text == (
        "\n"
        "ready in 3.1 s\n"
        "\n"
        "  users  http://127.0.0.1:9001\n"
        "  web    GraphiQL: http://127.0.0.1:8000/graphql\n"
        "\n"
        "A token of user 7, valid for 12 hours:\n"
        "\n"
        "a.b.c\n"
        "\n"
        "Try operations/Page.graphql at web:\n"
        "\n"
        "curl -s http://127.0.0.1:8000/graphql -H 'content-type: application/json' "
        '-H "authorization: Bearer $(.venv/bin/bff token --user 7)" --data @.demo/try-web.json\n'
        "\n"
        "From another terminal:\n"
        "\n"
        "  .venv/bin/bff demo status\n"
        "  .venv/bin/bff demo stop users\n"
        "  .venv/bin/bff demo start users\n"
        "  .venv/bin/bff fault users --hang\n"
        "  .venv/bin/bff fault users --error 0.3\n"
        "  .venv/bin/bff fault users --latency 800\n"
        "  .venv/bin/bff fault users --clear\n"
        "\n"
        "Ctrl-C ends everything.\n"
    )


def test_without_a_token_the_introduction_shows_none() -> None:
    """When no token could be had, the command to try is one without."""
    text = introduction(shop(), bff="bff", token=None, tries={"web": "try.json"}, ready_in_s=1)
    assert "token" not in text
    assert "curl -s http://127.0.0.1:8000/graphql -H 'content-type: application/json' --data @try.json" in text


def test_bff_is_named_as_it_can_be_called(tmp_path: Path) -> None:
    """The project's own environment is named from where the person stands; without one the bare name is."""
    below = tmp_path / "docs"
    assert bff_command(tmp_path, tmp_path) == "bff"
    script = tmp_path / ".venv" / "bin" / "bff"
    script.parent.mkdir(parents=True)
    script.touch()
    assert bff_command(tmp_path, tmp_path) == ".venv/bin/bff"
    assert bff_command(tmp_path, below) == "../.venv/bin/bff"


def test_ends_are_told_in_words() -> None:
    """A code and a signal are not the same."""
    assert ended(3) == "exited with code 3"
    assert ended(-9) == "was killed by signal 9"


def test_status_has_a_line_for_each_process() -> None:
    """State, address and pid, or how it ended."""
    lines = status_lines(
        [
            {"name": "users", "state": "ready", "url": "http://u", "pid": 12, "exit_code": None},
            {"name": "web", "state": "ended", "url": "http://w", "pid": None, "exit_code": 3},
        ]
    )
    assert lines == ["  users  ready       http://u  pid 12", "  web    exited with code 3  http://w"]
