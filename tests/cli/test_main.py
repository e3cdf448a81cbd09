"""The command itself: every command helps, and what it cannot do anything about is a sentence with an exit code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bff_core.cli import main
from tests.cli.conftest import Project


def _commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _commands(inner, (*path, name))


COMMANDS = list(_commands(main))


def test_the_commands_are_these() -> None:
    """What the README names is there."""
    assert {path for path in COMMANDS if len(path) == 1} == {
        ("serve",),
        ("schema",),
        ("operations",),
        ("explain",),
        ("doctor",),
        ("demo",),
        ("fault",),
        ("token",),
    }
    assert {path[1] for path in COMMANDS if path[:1] == ("schema",) and len(path) == 2} == {
        "export",
        "check",
        "publish",
    }
    assert {path[1] for path in COMMANDS if path[:1] == ("operations",) and len(path) == 2} == {
        "add",
        "check",
        "list",
        "manifest",
    }


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_helps(
    path: tuple[str, ...], option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--help says what a command is for and ends well, also outside of any project."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, [*path, option])
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: main {' '.join(path)}".rstrip())
    text = result.output.split("\n\n")[1].strip()
    assert text
    assert not text.startswith("Options:")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["serve"],
        ["explain"],
        ["schema", "nothing"],
        ["--nothing"],
        ["serve", "a", "b"],
        ["doctor", "--nothing"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str], project: Project) -> None:
    """An unknown command, a missing argument or one too many says how it is used, and ends with 2."""
    result = project.bff(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage:" in result.stderr


def test_without_a_command_the_help_is_shown(project: Project) -> None:
    """The bare command shows what there is."""
    result = project.bff()
    assert result.exit_code in (0, 2)
    assert "Commands:" in result.output


def test_version(project: Project) -> None:
    """--version says the package's."""
    result = project.bff("--version")
    assert (result.exit_code, bool(re.fullmatch(r"bff \d+\.\d+\.\d+\n", result.stdout))) == (0, True)


COMMANDS_OF_A_PROJECT = [
    ["serve", "desk"],
    ["serve", "desk", "--settings"],
    ["schema", "export"],
    ["schema", "check", "desk"],
    ["schema", "publish", "desk"],
    ["explain", "a.graphql"],
    ["doctor"],
    ["doctor", "desk"],
]
COMMANDS_WITH_A_SCHEMA = [one for one in COMMANDS_OF_A_PROJECT if "--settings" not in one]


@pytest.mark.parametrize("arguments", COMMANDS_OF_A_PROJECT, ids=" ".join)
def test_outside_of_a_project_every_command_says_so(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no pyproject.toml with BFFs, each command ends with 2 and the same sentence."""
    monkeypatch.chdir(tmp_path)
    elsewhere = Project(tmp_path)
    elsewhere.write("a.graphql", "{ locale }")
    result = elsewhere.bff(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"no pyproject.toml with a [tool.bff.apps] table in {tmp_path} or above; run this in the project\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", "nope"],
        ["schema", "export", "nope"],
        ["schema", "check", "nope"],
        ["schema", "publish", "nope"],
        ["explain", "--bff", "nope", "a.graphql"],
        ["doctor", "nope"],
        ["doctor", "desk", "nope"],
    ],
    ids=" ".join,
)
def test_a_bff_that_is_not_there_is_told_with_those_that_are(arguments: list[str], project: Project) -> None:
    """An unknown name is answered with the known ones, and 2."""
    project.write("a.graphql", "{ locale }")
    result = project.bff(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "there is no BFF 'nope'; there are desk\n"


@pytest.mark.parametrize("arguments", COMMANDS_OF_A_PROJECT, ids=" ".join)
def test_a_broken_project_file_is_a_sentence(arguments: list[str], project: Project) -> None:
    """A pyproject.toml that is no TOML ends every command with 2 and its place."""
    project.write("pyproject.toml", "[tool.bff.apps\n")
    project.write("a.graphql", "{ locale }")
    result = project.bff(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{project.root / 'pyproject.toml'} is not TOML in UTF-8: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", COMMANDS_WITH_A_SCHEMA, ids=" ".join)
def test_a_schema_that_may_not_be_served_stops_every_command(arguments: list[str], project: Project) -> None:
    """What the firewall complains of is told by each command that needs the schema, with 2."""
    project.write("pyproject.toml", '[tool.bff.apps]\ndesk = "tests.cli.leaky:LEAKY"\n')
    project.write("a.graphql", "{ locale }")
    project.write("desk/a.graphql", "{ locale }")
    result = project.bff(*[one.replace("a.graphql", "desk/a.graphql") for one in arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Query.word: is a root field that calls a service, so it must be nullable" in result.stderr
