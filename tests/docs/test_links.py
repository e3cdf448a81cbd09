"""Links and paths of the pages lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, inline_code, links, named, tables

#: What in backticks is a path of the repository, as against a name, a URL or a pattern.
PATH = re.compile(r"(?:[a-z_]+/)+(?:[\w.-]+\.(?:py|md|toml|json|graphql|yml))?|[a-z_-]+\.(?:toml|yml|md)")
#: Names of files that a reader makes, or that stand in each of several folders.
ANYWHERE = {"settings.toml"}
#: Top-level folders that are made and not kept, or that tools own.
MADE = {"node_modules"}


def heading_ids(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    """Every link and picture of a page is a file of the repository, and its anchor a heading there."""
    broken = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in heading_ids(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_paths_exist(page: Path) -> None:
    """Every path in backticks is one, but for those of the README's examples and of what is published."""
    example = {"questions.py", "questions.json", "question.py", "published"}
    missing = [
        code
        for code in inline_code(page)
        if PATH.fullmatch(code)
        and code not in ANYWHERE
        and not example.intersection(Path(code).parts)
        and not (ROOT / code).exists()
        and not any((ROOT / bff / code).exists() for bff in ("bff_web", "bff_mobile", "tests"))
    ]
    assert missing == []


def test_readme_shows_every_folder() -> None:
    """The README's table of folders has each of the project's, and no other."""
    (rows,) = [rows for rows in tables(ROOT / "README.md") if rows and "Folder" in rows[0]]
    told = {name for row in rows for name in re.findall(r"`(\w+)/`", row["Folder"])}
    there = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] not in "._"} - MADE
    assert told == there


def test_decisions_are_indexed() -> None:
    """Every decision record is in the index, in order, under its own title; and has its four parts."""
    folder = ROOT / "docs" / "adr"
    records = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    (rows,) = tables(folder / "README.md")
    assert [row["No."] for row in rows] == [f"[{path.name[:4]}]({path.name})" for path in records]
    for row, path in zip(rows, records, strict=True):
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]} · {row['Decision']}\n")
        assert f"\nStatus: {row['Status']}\n" in text
        assert re.search(r"^Date: \d{4}-\d\d-\d\d$", text, re.MULTILINE)
        for part in ("## Choice", "## Reasons", "## What would change our mind"):
            assert part in text, f"{path.name} lacks {part}"


def test_glossary_has_each_word_once_and_in_order() -> None:
    """A word is found by its place, and stands for one thing."""
    (rows,) = tables(ROOT / "docs" / "glossary.md")
    words = [row["Word"] for row in rows]
    assert words == sorted(set(words), key=str.lower)
    assert all(row["Means"] and row["Where"] for row in rows)
