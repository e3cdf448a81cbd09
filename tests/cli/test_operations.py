"""``bff operations``: manifests of released apps are added, listed, checked; sentences and exit codes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bff_core.documents.ids import sha256_of
from tests.cli.conftest import Project

LOCALE = "query Locale { locale }"
ECHO = 'query Echo { echo(text: "a") }'
NOTE = "mutation Note { note }"


def apollo(*texts: str) -> str:
    """A manifest in Apollo's form; a text's name is its second word."""
    operations = [
        {"id": sha256_of(text), "name": text.split()[1], "type": text.split()[0], "body": text} for text in texts
    ]
    return json.dumps({"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations})


def add(project: Project, version: str, manifest: str, *, client: str = "ios") -> Any:
    """Add a release of an app."""
    file = project.write("manifest.json", manifest)
    return project.bff("operations", "add", "desk", "--client", client, "--app-version", version, file)


def lose_echo(project: Project) -> None:
    """As if the field had been there at the last publication, under a name that is gone now."""
    for file in (project.root / "schema" / "published").rglob("*.graphql"):
        file.write_text(file.read_text().replace("echo(", "said("))


@pytest.mark.parametrize("form", ["apollo", "relay"])
def test_a_release_is_added_and_listed(project: Project, form: str) -> None:
    """Each file that was written is a line; doing it again does nothing; the list has the ids."""
    manifest = apollo(LOCALE, NOTE) if form == "apollo" else json.dumps({"l1": LOCALE, sha256_of(NOTE): NOTE})
    first, again = add(project, "4.2", manifest), add(project, "4.2", manifest)
    assert (first.exit_code, again.exit_code, again.stdout) == (0, 0, "nothing to do\n")
    assert "wrote schema/published/desk/operations/ios@4.2/Locale.graphql\n" in first.stdout
    shown = project.bff("operations", "list")
    assert shown.exit_code == 0
    short = f"sha256:{sha256_of(LOCALE)[:12]}…" if form == "apollo" else "l1"
    assert shown.stdout.splitlines() == [
        "desk, ios@4.2",
        f"  query Locale   {short}  schema/published/desk/operations/ios@4.2/Locale.graphql",
        f"  mutation Note  sha256:{sha256_of(NOTE)[:12]}…  schema/published/desk/operations/ios@4.2/Note.graphql",
    ]


def test_the_list_for_tools(project: Project) -> None:
    """JSON has all of it, also what is filed and not supported, and main's own."""
    add(project, "4.1", apollo(LOCALE))
    project.write("schema/published/desk/supported.txt", "")
    project.write("schema/operations/desk/Own.graphql", NOTE)
    (own, old) = json.loads(project.bff("operations", "list", "desk", "--format", "json").stdout)["desk"]
    assert (own["client"], own["supported"], own["operations"]) == (None, True, [{"name": "Note", "type": "mutation"}])
    assert (old["client"], old["supported"], old["id"]) == ("ios@4.1", False, sha256_of(LOCALE))
    assert "desk, ios@4.1, not supported" in project.bff("operations", "list").stdout


def test_check_of_what_is_served_is_exit_code_0(project: Project) -> None:
    """It says how much that is."""
    project.bff("schema", "export")
    project.write("schema/operations/desk/Own.graphql", NOTE)
    add(project, "4.2", apollo(LOCALE))
    result = project.bff("operations", "check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "desk: ok: 2 documents of main and of ios@4.2 are served.\n"


def test_a_break_names_operation_client_and_version(project: Project) -> None:
    """A removal from the schema is 1, for the versions that ask for it and no other."""
    project.bff("schema", "export")
    add(project, "4.1", apollo(LOCALE))
    add(project, "4.2", apollo(LOCALE, ECHO))
    lose_echo(project)
    result = project.bff("operations", "check", "desk")
    assert result.exit_code == 1
    assert "Breaks operation Echo of client ios@4.2" in result.stdout
    assert "ios@4.1" not in result.stdout


def test_an_operation_that_is_gone_is_refused(project: Project) -> None:
    """A file taken out of a supported version is 1, and named; ending the support makes it well again."""
    project.bff("schema", "export")
    add(project, "4.2", apollo(LOCALE, ECHO))
    (project.root / "schema/published/desk/operations/ios@4.2/Echo.graphql").unlink()
    result = project.bff("operations", "check")
    assert result.exit_code == 1
    assert "Operation Echo of client ios@4.2 is gone" in result.stdout
    assert project.bff("schema", "publish", "desk", "--client", "ios@4.2", "--retire").exit_code == 0
    assert project.bff("operations", "check").exit_code == 0


def test_an_operation_beyond_a_limit_is_refused(project: Project) -> None:
    """What fits the schema and asks for more than is allowed here is 1, with the limit; wrong settings are 2."""
    project.bff("schema", "export")
    add(project, "4.2", apollo("query Two { a: locale b: locale }", LOCALE))
    assert project.bff("operations", "check").exit_code == 0
    result = project.bff("operations", "check", environment={"BFF_DESK__LIMITS__ALIASES": "1"})
    assert result.exit_code == 1
    assert "operation Two of client ios@4.2" in result.stdout
    assert "limits.aliases" in result.stdout
    wrong = project.bff("operations", "check", environment={"BFF_DESK__LIMITS__ALIASES": "x"})
    assert (wrong.exit_code, wrong.stdout) == (2, "")


def test_what_cannot_be_told_is_exit_code_2(project: Project) -> None:
    """A supported version of which nothing is filed, or no snapshot."""
    assert project.bff("operations", "check").exit_code == 2
    project.bff("schema", "export")
    project.write("schema/published/desk/supported.txt", "ios@9\n")
    result = project.bff("operations", "check")
    assert result.exit_code == 2
    assert "ios@9 is supported, and no operations of it are published" in result.stdout


@pytest.mark.parametrize(
    ("manifest", "code", "sentence"),
    [
        ("nonsense", 1, "manifest.json is no manifest: it is not JSON"),
        (apollo("query Bad { nowhere }"), 1, "operation Bad: Cannot query field 'nowhere'"),
        (json.dumps({"1": "{ locale }"}), 1, "one operation, and that has a name"),
        (json.dumps({"1": "query {"}), 2, "operation 1:1:8 is not a GraphQL document"),
    ],
)
def test_a_manifest_that_is_refused(project: Project, manifest: str, code: int, sentence: str) -> None:
    """The sentence is on stderr, and nothing is written."""
    result = add(project, "4.2", manifest)
    assert (result.exit_code, result.stdout) == (code, "")
    assert sentence in result.stderr
    assert not (project.root / "schema" / "published").exists()


def test_a_client_is_named_without_its_version(project: Project) -> None:
    """What goes where is said."""
    result = add(project, "4.2", apollo(LOCALE), client="ios@4")
    assert result.exit_code == 2
    assert "say that with --app-version" in result.stderr


def test_the_manifest_of_main(project: Project) -> None:
    """It can be added as it is printed."""
    project.write("schema/operations/desk/Own.graphql", NOTE)
    printed = project.bff("operations", "manifest", "desk")
    assert printed.exit_code == 0
    assert json.loads(printed.stdout)["operations"] == [
        {"id": sha256_of(NOTE), "name": "Note", "type": "mutation", "body": NOTE}
    ]
    assert add(project, "1", printed.stdout, client="kiosk").exit_code == 0


def test_main_must_fit_to_have_a_manifest(project: Project) -> None:
    """An operation of main that does not fit is 1."""
    project.write("schema/operations/desk/Own.graphql", "query Own { nowhere }")
    result = project.bff("operations", "manifest", "desk")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "operation Own of main does not fit the schema" in result.stderr
