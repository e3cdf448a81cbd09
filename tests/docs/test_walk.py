"""What the README says a command prints is what it prints, for all commands that need nothing running."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from click.testing import CliRunner, Result

from bff_core.cli import main as bff
from bff_core.cli.main import main
from tests.docs.pages import PAGES, ROOT, blocks, commands

#: Commands that neither talk to a process nor become one.
QUIET = (
    "doctor",
    "explain",
    "operations check",
    "operations list",
    "schema check",
    "serve web --settings",
    "serve mobile --settings",
)


def run(arguments: list[str]) -> Result:
    """One command of ``bff`` in the project's folder."""
    with contextlib.chdir(ROOT):
        return CliRunner().invoke(bff, arguments)


def quiet() -> list[str]:
    """Every such command that a page has, once."""
    lines = {" ".join(words[1:]) for page in PAGES for words in commands(page) if words[0].endswith("bff")}
    return sorted(line for line in lines if line.startswith(QUIET))


def test_there_is_something_to_run() -> None:
    """The pages show at least a plan, what the doctor says, the check of the schemas and the settings in force."""
    assert {kind for kind in QUIET if any(line.startswith(kind) for line in quiet())} == set(QUIET)


@pytest.mark.parametrize("line", quiet())
def test_commands_of_the_pages_work(line: str) -> None:
    """A command that needs no server ends with exit code 0 and says something."""
    result = run(line.split())
    assert result.exit_code == 0, result.output
    assert result.stdout.strip()


def test_plan_in_the_readme_is_the_plan() -> None:
    """The plan printed in the README is what ``bff explain`` says of that operation today."""
    page = blocks(ROOT / "README.md")
    shown = [
        (block.text, after.text)
        for block, after in itertools.pairwise(page)
        if block.language == "sh" and " explain " in block.text and after.language == "text"
    ]
    assert len(shown) == 1
    ((command, plan),) = shown
    assert run(command.split()[1:]).stdout == plan


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_helps(name: str) -> None:
    """``--help`` of each command says in a sentence what it is for."""
    result = run([name, "--help"])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: bff {name}") or f" {name} " in result.stdout.splitlines()[0]
    assert main.commands[name].help
