"""What the README says of adding a field and a service is all that it takes: each block is applied to a copy."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from bff_core.demo.table import load_table
from tests.docs.pages import ROOT, blocks, inline_code
from tests.docs.shell import Folder, section

CONTRACT = "tests/contract/test_services.py"
COPIED = ("bff_web", "bff_mobile", "services", "schema", "pyproject.toml", CONTRACT)
PLACE = re.compile(r"# (?P<file>[\w./]+\.(?:py|toml)), (?P<where>.+)\n")

QUESTION = {
    "type": "object",
    "required": ["id", "product_id", "text"],
    "properties": {
        "id": {"type": "string"},
        "product_id": {"type": "string"},
        "text": {"type": "string"},
        "answer": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
}
IDS = {"type": "array", "maxItems": 50, "items": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,40}$"}}
PAGE = {"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": QUESTION}}}
#: The question service, as it would document itself.
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "questions", "version": "1"},
    "paths": {
        "/questions": {
            "get": {
                "parameters": [{"name": "product_id", "in": "query", "required": True, "schema": IDS}],
                "responses": {"200": {"description": "", "content": {"application/json": {"schema": PAGE}}}},
            }
        }
    },
}
ASKED = "query Questions($id: ID!) { product(id: $id) { questions { text answer } } }"


@pytest.fixture
def copy(tmp_path: Path) -> Folder:
    """All that an addition may change, as it is now."""
    for name in COPIED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ROOT / name, tmp_path / name)
    return Folder(tmp_path, {"PYTHONDONTWRITEBYTECODE": "1"})


def apply(page: Path, folder: Path) -> list[str]:
    """Do what each Python and TOML block says in its first line; the files that were changed, in order."""
    changed = []
    for block in blocks(page):
        if block.language not in ("python", "toml"):
            continue
        text = textwrap.dedent(block.text)
        place = PLACE.match(text)
        assert place, f"where does this go?\n{text}"
        file, where = folder / place["file"], place["where"]
        if where == "a new file":
            assert not file.exists()
            file.write_text(text[place.end() :], encoding="utf-8")
        else:
            file.write_text(put(file.read_text("utf-8"), where, text[place.end() :]), encoding="utf-8")
        changed.append(place["file"])
    return changed


def put(text: str, where: str, new: str) -> str:
    """A file's text with something new at a place that a reader would find by the same words."""
    lines = text.splitlines(keepends=True)
    kind, _, name = where.rpartition(" ")
    match kind:
        case "at the":
            assert name == "end"
            return f"{text}\n{new}"
        case "after the":
            assert name == "imports"
            at = max(
                node.end_lineno or 0 for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)
            )
        case "in" if name.startswith("["):
            at = lines.index(f"{name}\n") + 1
        case "in class":
            at = _class(text, name).end_lineno or 0
            new = textwrap.indent(new, "    ")
        case "above class":
            one = _class(text, name)
            at = min([one.lineno, *(decorator.lineno for decorator in one.decorator_list)]) - 1
            new += "\n\n"
        case _:
            pytest.fail(f"nobody knows where this is: {where}")
    return "".join([*lines[:at], new, *lines[at:]])


def _class(text: str, name: str) -> ast.ClassDef:
    (found,) = (node for node in ast.parse(text).body if isinstance(node, ast.ClassDef) and node.name == name)
    return found


def calls(folder: Folder, command: str) -> list[tuple[str, ...]]:
    """Which endpoints a plan calls."""
    plan = json.loads(folder.told(f".venv/bin/bff explain {command} --format json"))
    return sorted(tuple(call["endpoints"]) for call in plan["calls"])


def new_lines(folder: Folder, file: str) -> list[str]:
    """The lines of a file in the copy that the project's has not, without descriptions."""
    before = (ROOT / file).read_text("utf-8").splitlines()
    after = (folder.path / file).read_text("utf-8").splitlines()
    return [line.strip() for line in after if line not in before and not line.strip().startswith('"')]


def edited(file: Path, before: str, after: str) -> None:
    """One edit that the text, not a block, asks for."""
    text = file.read_text("utf-8")
    assert text.count(before) == 1
    file.write_text(text.replace(before, after), encoding="utf-8")


def test_a_field_is_added_as_the_readme_says(copy: Folder, tmp_path: Path) -> None:
    """Two fields, asked for on their screen, are two fields of the schema and one call more, and nothing else."""
    page = section("Add a field", tmp_path)
    screen = "schema/operations/mobile/ProductScreen.graphql"
    before = calls(copy, screen)
    assert set(apply(page, copy.path)) == {"bff_mobile/types/product_screen.py"}
    assert {"sku category", screen} <= set(inline_code(page))
    edited(copy.path / screen, "    brand\n", "    brand\n    sku category\n")

    more = calls(copy, screen)
    assert more == sorted([*before, ("products GET /categories",)])
    assert copy.told(".venv/bin/bff schema export mobile") == "mobile: schema/mobile.graphql\n"
    assert new_lines(copy, "schema/mobile.graphql") == ["category: String", "sku: String!"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    sku: str", "    sku_number: str", "sku_number"),
        ("    sku: str", "    sku: int", "sku"),
        ("    category: str | None", "    category: str", "category"),
    ],
    ids=["the record lacks it", "its type does not fit", "it could destroy an answer"],
)
def test_what_cannot_be_added_stops_the_start(copy: Folder, tmp_path: Path, old: str, new: str, said: str) -> None:
    """Each of the three mistakes that the README names is a sentence with the field's name, not a trace."""
    page = section("Add a field", tmp_path)
    apply(page, copy.path)
    edited(copy.path / "bff_mobile/types/product_screen.py", f"{old} =", f"{new} =")
    done = copy.run(".venv/bin/bff schema export mobile")
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_service_is_added_as_the_readme_says(copy: Folder, tmp_path: Path) -> None:
    """The five steps give a type, a planned call, a declaration that its document bears out, a place in the demo."""
    page = section("Add a service", tmp_path)
    document = copy.path / "schema/services/questions.json"
    document.write_text(json.dumps(DOCUMENT))
    assert apply(page, copy.path) == [
        "services/questions.py",
        "bff_web/types/question.py",
        "bff_web/types/product.py",
        "bff_web/types/product.py",
        "bff_web/settings.toml",
        "pyproject.toml",
        "pyproject.toml",
    ]
    assert {"schema/services/questions.json", "bff_web/app.py", "questions.questions", "services=("} <= set(
        inline_code(page)
    )
    app = copy.path / "bff_web/app.py"
    edited(app, "services=(", "services=(questions.questions, ")
    app.write_text(put(app.read_text("utf-8"), "after the imports", "from services import questions\n"))

    (copy.path / "asked.graphql").write_text(ASKED)
    assert calls(copy, "asked.graphql --bff web") == [("products GET /products",), ("questions GET /questions",)]
    assert copy.told(".venv/bin/bff schema export web") == "web: schema/web.graphql\n"
    gained = new_lines(copy, "schema/web.graphql")
    shown = "questions: [Question!] @listSize(assumedSize: 20)"  # as many as the page's link says
    assert {shown, "type Question {", "text: String!", "answer: String"} <= set(gained)
    assert "services.questions.url = http://127.0.0.1:9006 (file)" in copy.told(".venv/bin/bff serve web --settings")

    contract = f"{shlex.quote(sys.executable)} -m pytest -q --noconftest {CONTRACT}"
    assert "passed" in copy.told(contract)
    document.write_text(json.dumps(DOCUMENT).replace('"text": {"type": "string"}', '"text": {"type": "integer"}'))
    drifted = copy.run(contract)
    assert drifted.returncode == 1
    assert "questions" in drifted.stdout
    assert "1 failed" in drifted.stdout

    processes = load_table(copy.path, {}, ports={}, hosts={}).processes
    assert processes["questions"].port == 9006
    assert processes["web"].env["BFF_WEB__SERVICES__QUESTIONS__URL"] == processes["questions"].url
