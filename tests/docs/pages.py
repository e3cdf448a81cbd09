"""The project's pages as tests read them: fenced blocks, inline code, links and tables."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Every page that speaks to a reader; a new one under docs/ is found by itself.
PAGES = tuple(sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]))

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, "" for none, and its lines as one text."""

    language: str
    text: str


def named(page: Path) -> str:
    """A page as test ids call it."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(match[2], match[3]) for match in _FENCE.finditer(page.read_text(encoding="utf-8"))]


def commands(page: Path) -> list[list[str]]:
    """Every command line of a page's ``sh`` blocks, in words; comments and empty lines are none."""
    lines = (line for block in blocks(page) if block.language == "sh" for line in block.text.splitlines())
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def inline_code(page: Path) -> list[str]:
    """What stands between single backticks outside of fenced blocks, as often as it stands there."""
    return _INLINE.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))


def links(page: Path) -> list[str]:
    """The targets of a page's links and pictures that lead into the repository."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return [target for target in _LINK.findall(text) if not re.match(r"[a-z]+:", target)]


def tables(page: Path) -> Iterator[list[dict[str, str]]]:
    """Each table of a page as its rows, by the header's words."""
    header: list[str] = []
    rows: list[dict[str, str]] = []
    for line in [*page.read_text(encoding="utf-8").splitlines(), ""]:
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not header:
                header = cells
            elif not set(line) <= set("|-: "):
                rows.append(dict(zip(header, cells, strict=True)))
        elif header:
            yield rows
            header, rows = [], []


def code_in(cell: str) -> list[str]:
    """What a cell has between backticks."""
    return _INLINE.findall(cell)
