"""Every command that a page names can be given: the make target, the subcommand, its options and its files exist."""

from __future__ import annotations

import contextlib
import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path

import click
import pytest
import yaml

from bff_core.cli import main as bff
from downstream_stubs.cli import main as stubs
from tests.docs.pages import PAGES, ROOT, commands, inline_code, named

#: The module commands, and where each of them is a click command to look into.
MODULES: dict[str, click.Command | None] = {"bff_core": bff, "downstream_stubs": stubs, "pytest": None}
#: Other programs that pages may name in passing.
PROGRAMS = {"curl"}


def targets() -> set[str]:
    """What can be made."""
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def complaint(words: Sequence[str]) -> str | None:
    """Why a command cannot be given; None when it can."""
    program, *arguments = words
    match Path(program).name, arguments:
        case "make", names:
            unknown = [name for name in names if "=" not in name and name not in targets()]
            if not names:
                return "make what?"
            return f"make knows no {unknown[0]}" if unknown else None
        case "bff", _:
            return _refusal(bff, arguments)
        case "python" | "python3", ["-m", module, *rest]:
            command = MODULES.get(module)
            if importlib.util.find_spec(module) is None:
                return f"there is no module {module}"
            return _refusal(command, rest) if command else None
        case "pytest", rest:
            missing = [one for one in rest if not one.startswith("-") and not (ROOT / one).exists()]
            return f"there is no {missing[0]}" if missing else None
        case "docker", ["compose", *rest]:
            known = set(yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"])
            meant = [one for one in rest[1:] if not one.startswith("-") and not re.match(r"\d", one)]
            unknown = [one for one in meant if one not in known]
            return f"compose knows no {unknown[0]}" if unknown else None
        case name, _ if name in PROGRAMS:
            return None
    return f"nobody knows {program}"


def _refusal(command: click.Command, arguments: Sequence[str]) -> str | None:
    """What click says to these arguments, without running anything."""
    rest = list(arguments)
    above = click.Context(command, info_name=command.name, **command.context_settings)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.commands.get(rest[0])
        if found is None:
            return f"{command.name} has no command {rest[0]}"
        command, rest = found, rest[1:]
    try:
        with contextlib.chdir(ROOT):
            command.make_context(command.name, rest, parent=above)
    except click.exceptions.Exit:  # --help
        return None
    except click.ClickException as error:
        return error.format_message()
    return None


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_can_be_given(page: Path) -> None:
    """A line of a ``sh`` block is a command that exists, with options it takes and files that are there."""
    complaints = {" ".join(words): complaint(words) for words in commands(page)}
    assert {line: why for line, why in complaints.items() if why} == {}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_in_passing_exist(page: Path) -> None:
    """A command named within a sentence is one, at least by its first words; the rest may be a placeholder."""
    known = {"make": targets(), "bff": set(bff.commands)}
    wrong = [
        code
        for code in inline_code(page)
        if (words := code.split())[0] in known and len(words) > 1 and words[1] not in known[words[0]]
    ]
    assert wrong == []


def test_readme_shows_every_command_of_bff() -> None:
    """Nobody has to guess that a command of ``bff`` exists: the README has each."""
    readme = ROOT / "README.md"
    lines = [*(" ".join(words) for words in commands(readme)), *inline_code(readme)]
    missing = [name for name in bff.commands if not any(re.search(rf"\bbff {name}\b", line) for line in lines)]
    assert missing == []


@pytest.mark.parametrize(
    "line",
    [
        "make everything",
        "make",
        "bff explode",
        "bff demo pause users",
        "bff explain no/such.graphql",
        "bff fault users --explode",
        "bff fault users --error 2",
        "bff serve",
        "python -m no_such_module",
        "pytest no/such/tests",
        "rm -r docs",
    ],
)
def test_wrong_commands_are_found(line: str) -> None:
    """The check can fail: what does not exist is complained about."""
    assert complaint(line.split())
