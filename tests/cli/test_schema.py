"""``bff schema``: its exit codes and formats, and how little it needs; what it compares is tested in its own room."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.cli.conftest import Project


def test_export_writes_once(project: Project) -> None:
    """The first export writes the snapshot, the second finds nothing to renew."""
    first, second = project.bff("schema", "export"), project.bff("schema", "export", "desk")
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout.startswith("desk: ")
    assert second.stdout == "desk: nothing to renew\n"
    assert "type Query" in (project.root / "schema" / "desk.graphql").read_text()


def test_check_of_what_was_exported_is_exit_code_0(project: Project) -> None:
    """The same schema as its snapshot is 0."""
    project.bff("schema", "export")
    result = project.bff("schema", "check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("desk: ok")


def test_drift_is_exit_code_1(project: Project) -> None:
    """Another schema than the snapshot is 1, with the command that renews it."""
    project.bff("schema", "export")
    snapshot = project.root / "schema" / "desk.graphql"
    snapshot.write_text(snapshot.read_text().replace("locale: String!", "locale: String"))
    result = project.bff("schema", "check", "desk")
    assert result.exit_code == 1
    assert "make snapshots" in result.stdout


def test_a_break_is_exit_code_1(project: Project) -> None:
    """What a released client uses and is gone is 1, with the client and the operation."""
    operation = project.write("ops/Old.graphql", "query Old { locale }")
    project.bff("schema", "export")
    assert project.bff("schema", "publish", "desk", "--client", "ios@4", operation).exit_code == 0
    assert project.bff("schema", "check").exit_code == 0
    published = project.root / "schema" / "published"
    for file in published.rglob("*.graphql"):
        file.write_text(
            file.read_text().replace("  locale: String!", "  locale: String!\n  gone: String")
            if "type Query" in file.read_text()
            else file.read_text().replace("locale", "gone")
        )
    result = project.bff("schema", "check")
    assert result.exit_code == 1
    assert "ios@4" in result.stdout
    assert "Old" in result.stdout


def test_without_a_snapshot_it_is_told(project: Project) -> None:
    """What cannot be compared is not called the same."""
    assert project.bff("schema", "check").exit_code in (1, 2)


def test_against_something_that_is_not_there_is_exit_code_2(project: Project) -> None:
    """Nothing can be told from a schema that cannot be read."""
    project.bff("schema", "export")
    result = project.bff("schema", "check", "--against", "no/such/file.graphql")
    assert result.exit_code == 2
    assert "no/such/file.graphql" in result.output


def test_json_is_json(project: Project) -> None:
    """--format json is one document for tools, whatever the finding."""
    project.bff("schema", "export")
    result = project.bff("schema", "check", "--format", "json")
    assert json.loads(result.stdout)
    snapshot = project.root / "schema" / "desk.graphql"
    snapshot.write_text(snapshot.read_text().replace("locale: String!", "locale: String"))
    drifted = project.bff("schema", "check", "--format", "json")
    assert drifted.exit_code == 1
    assert json.loads(drifted.stdout) != json.loads(result.stdout)


def test_github_is_annotations(project: Project) -> None:
    """--format github is what GitHub shows at the lines of a pull request."""
    project.bff("schema", "export")
    snapshot = project.root / "schema" / "desk.graphql"
    snapshot.write_text(snapshot.read_text().replace("locale: String!", "locale: String"))
    result = project.bff("schema", "check", "--format", "github")
    assert result.exit_code == 1
    assert "::error" in result.stdout


def test_an_unknown_format_is_exit_code_2(project: Project) -> None:
    """A format that is not there is answered with those that are."""
    result = project.bff("schema", "check", "--format", "xml")
    assert result.exit_code == 2
    assert "'text', 'json', 'github'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["desk", "ops"], "operations belong to a client: name it with --client."),
        (["desk", "--retire"], "--retire goes with --client and without operations."),
        (["desk", "--retire", "--client", "ios@4", "ops"], "--retire goes with --client and without operations."),
    ],
)
def test_publish_says_what_goes_with_what(project: Project, arguments: list[str], sentence: str) -> None:
    """Options that do not fit together are 2 with the sentence that says why."""
    project.write("ops/a.graphql", "{ locale }")
    result = project.bff("schema", "publish", *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_publish_tells_what_it_wrote(project: Project) -> None:
    """Each file written or removed is a line, and doing it again does nothing."""
    operation = project.write("ops/Old.graphql", "query Old { locale }")
    first = project.bff("schema", "publish", "desk", "--client", "ios@4", operation)
    assert first.exit_code == 0
    assert all(line.startswith("wrote ") for line in first.stdout.splitlines())
    again = project.bff("schema", "publish", "desk", "--client", "ios@4", operation)
    assert again.stdout == "nothing to do\n"
    retired = project.bff("schema", "publish", "desk", "--retire", "--client", "ios@4")
    assert retired.exit_code == 0
    assert "removed " in retired.stdout


def test_publish_of_an_operation_that_does_not_fit_is_a_finding(project: Project) -> None:
    """An operation that the schema does not answer is not published."""
    operation = project.write("ops/Bad.graphql", "query Bad { nowhere }")
    result = project.bff("schema", "publish", "desk", "--client", "ios@4", operation)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nowhere" in result.stderr
    assert not (project.root / "schema" / "published").exists()


_WITNESS = """
import sys

def no_network(event, arguments):
    if event in ("socket.connect", "socket.bind", "socket.getaddrinfo"):
        raise PermissionError(event)

sys.addaudithook(no_network)
from bff_core.cli import main

try:
    main(["schema", "check"])
except SystemExit as end:
    rooms = {name.partition(".")[0] for name in sys.modules}
    print(end.code, sorted(rooms & {"aiohttp", "httpx", "pydantic", "starlette", "uvicorn", "jwt", "structlog"}))
"""


def test_check_needs_no_environment_and_no_network(project: Project) -> None:
    """A process with an empty environment checks without importing a server, a client or the settings."""
    project.write("pyproject.toml", '[tool.bff.apps]\nlean = "tests.cli.lean:LEAN"\n')
    project.bff("schema", "export")
    done = subprocess.run(
        [sys.executable, "-c", _WITNESS],
        cwd=project.root,
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[0].startswith("lean: ok")
    assert done.stdout.splitlines()[-1] == "0 []"
