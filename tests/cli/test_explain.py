"""``bff explain``: the call plan of a file, as text or JSON, and every way a file can be wrong."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Project

TWO = """
query Words($id: ID!) { first: word(id: $id) { text } second: word(id: "2") { text } locale }
query Diary { diary { latest } }
"""


def test_a_plan_as_text(project: Project) -> None:
    """Who may see it, what it costs, and by wave each call with its places and what stands there without it."""
    file = project.write("schema/operations/desk/Words.graphql", TWO)
    result = project.bff("explain", file, "--operation", "Words")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "Words, public: the same for everybody\n"
        "cost 12 = 2 of fields + 1 calls x 10; depth 2, aliases 2, root fields 3\n"
        "wave 1\n"
        "  1 x words GET /words, at most 2 keys\n"
        "      first  (Query.word; without it: null)\n"
        "      second  (Query.word; without it: null)\n"
    )


def test_a_plan_whose_answers_are_shared_in_front_says_how_long(project: Project) -> None:
    """The least of the declared windows, where every part has some; nothing where one has none."""
    shared = '{ saying(id: "1") { text } fable(id: "1") { text } }'
    alone = '{ saying(id: "1") { text } word(id: "1") { text } }'
    result = project.bff("explain", project.write("desk/a.graphql", shared))
    line = "shared in front: fresh 10 s, stale 0 s, stale if error 300 s, as declared"
    assert result.stdout.splitlines()[2] == line
    assert "in front" not in project.bff("explain", project.write("desk/b.graphql", alone)).stdout


def test_a_private_plan_says_so(project: Project) -> None:
    """An operation that depends on who asks is private."""
    file = project.write("desk/Diary.graphql", TWO)
    result = project.bff("explain", file, "--operation", "Diary")
    assert result.stdout.splitlines()[:4] == [
        "Diary, private: part of it depends on who asks",
        "cost 11 = 1 of fields + 1 calls x 10; depth 2, aliases 0, root fields 1",
        "wave 1",
        "  1 x diaries GET /diary, at most 1 key",
    ]


def test_a_plan_without_calls(project: Project) -> None:
    """An operation that needs nobody says so."""
    result = project.bff("explain", project.write("desk/a.graphql", "{ locale }"))
    assert result.stdout == (
        "anonymous operation, public: the same for everybody\n"
        "cost 0 = 0 of fields + 0 calls x 10; depth 1, aliases 0, root fields 1\n"
        "no calls\n"
    )


def test_a_plan_as_json(project: Project) -> None:
    """The same as JSON, for tools."""
    file = project.write("desk/a.graphql", TWO)
    result = project.bff("explain", file, "--operation", "Diary", "--format", "json")
    assert json.loads(result.stdout) == {
        "operation": "Diary",
        "private": True,
        "scopes": [],
        "needs": [],
        "cost": {"total": 11.0, "fields": 1.0, "calls": 1},
        "shape": {"depth": 2, "aliases": 0, "root_fields": 1},
        "waves": 1,
        "calls": [
            {
                "wave": 1,
                "endpoints": ["diaries GET /diary"],
                "keys": 1,
                "calls": 1,
                "positions": [{"path": "diary", "field": "Query.diary", "without": "null", "private": True}],
            }
        ],
    }


def test_a_plan_says_which_place_needs_which_scopes(project: Project) -> None:
    """Each place that needs scopes once, with its endpoint's and its view's; where it depends, every way to meet it."""
    project.write("pyproject.toml", '[tool.bff.apps]\nlocked = "tests.edge.locked:LOCKED"\n')
    text = '{ word(id: "1") { text origin } secret(id: "1") { text } notes { owner } either { owner } }'
    file = project.write("locked/a.graphql", text)
    assert project.bff("explain", file).stdout.splitlines()[:7] == [
        "anonymous operation, private: part of it depends on who asks",
        "cost 34 = 4 of fields + 3 calls x 10; depth 2, aliases 0, root fields 4",
        "scopes: notes:read, secret:read, word:origin",
        "  Word.origin needs word:origin",
        "  Query.secret needs secret:read",
        "  Query.notes needs notes:read",
        "  Query.either needs notes:read, or nothing",
    ]
    plan = json.loads(project.bff("explain", file, "--format", "json").stdout)
    assert plan["scopes"] == ["notes:read", "secret:read", "word:origin"]
    assert plan["needs"] == [
        {"coordinate": "Word.origin", "any_of": [["word:origin"]]},
        {"coordinate": "Query.secret", "any_of": [["secret:read"]]},
        {"coordinate": "Query.notes", "any_of": [["notes:read"]]},
        {"coordinate": "Query.either", "any_of": [["notes:read"], []]},
    ]


def test_variables_decide_what_is_left_out(project: Project) -> None:
    """With variables the plan is of that one request."""
    file = project.write("desk/a.graphql", 'query ($no: Boolean!) { word(id: "1") @skip(if: $no) { text } }')
    assert "words GET /words" in project.bff("explain", file).stdout
    variables = project.write("v.json", '{"no": true}')
    assert project.bff("explain", file, "--variables", variables).stdout.endswith("no calls\n")


def test_whose_operation_it_is_stands_in_its_path(project: Project) -> None:
    """The nearest folder named after a BFF says whose schema it is."""
    project.write("pyproject.toml", '[tool.bff.apps]\nother = "no.such:module"\ndesk = "tests.edge.desk:DESK"\n')
    file = project.write("other/desk/deep/a.graphql", "{ locale }")
    assert project.bff("explain", file).exit_code == 0


def test_a_folder_outside_of_the_project_says_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the project lies does not decide whose operation it is."""
    inner = Project(project.root / "desk" / "inner")
    inner.write("pyproject.toml", '[tool.bff.apps]\ndesk = "tests.edge.desk:DESK"\nb = "c:d"\n')
    monkeypatch.chdir(inner.root)
    for file in (inner.write("a.graphql", "{ locale }"), project.write("desk/b.graphql", "{ locale }")):
        result = inner.bff("explain", file)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == f"whose operation is {file}? Name it: --bff desk or --bff b\n"


@pytest.mark.parametrize(
    ("text", "arguments", "sentence"),
    [
        ("{ locale", (), "Syntax Error"),
        ("{ nowhere }", (), "Cannot query field 'nowhere' on type 'Query'."),
        (TWO, (), "The document holds 2 operations: say which one by operationName."),
        (TWO, ("--operation", "Nope"), "operationName names no operation of the document."),
        ("", (), "Syntax Error"),
    ],
)
def test_a_document_that_cannot_run_is_a_finding(
    project: Project, text: str, arguments: tuple[str, ...], sentence: str
) -> None:
    """A document that is not valid is told with its file, and 1."""
    file = project.write("desk/a.graphql", text)
    result = project.bff("explain", file, *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"{file}: ")
    assert sentence in result.stderr


def test_every_error_of_a_document_is_told(project: Project) -> None:
    """Two errors are two sentences."""
    result = project.bff("explain", project.write("desk/a.graphql", "{ nowhere nothere }"))
    assert (result.exit_code, result.stderr.count("Cannot query field")) == (1, 2)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is not JSON: "),
        ("[]", "must hold a JSON object, not a list"),
        ("null", "must hold a JSON object, not a NoneType"),
        ("[" * 100_000, "is not JSON: "),
    ],
)
def test_variables_that_are_none_are_told(project: Project, content: str, sentence: str) -> None:
    """A file of variables that is no JSON object ends with 2."""
    file = project.write("desk/a.graphql", "{ locale }")
    variables = project.write("v.json", content)
    result = project.bff("explain", file, "--variables", variables)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{variables} {sentence}")


def test_files_that_cannot_be_read_are_told(project: Project) -> None:
    """No file, a folder, and bytes that are no text: one sentence each, and 2."""
    binary = project.root / "desk" / "a.graphql"
    binary.parent.mkdir()
    binary.write_bytes(b"\xff\xfe\x00")
    for file, sentence in (
        (project.root / "none.graphql", "does not exist"),
        (binary.parent, "is a directory"),
        (binary, "is not text in UTF-8"),
    ):
        result = project.bff("explain", file)
        assert (result.exit_code, result.stdout) == (2, "")
        assert sentence in result.stderr
