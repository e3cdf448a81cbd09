"""Snapshots: breaking changes measured from a file or from a commit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bff_core.graphql.snapshots import render
from tests.graphql.snapshots.repository import OLD, Repository, changed

NEW = changed(" sku: String", "")


def git(repository: Repository, *arguments: str) -> None:
    """Runs git in the repository, whatever the settings of the machine."""
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *settings, *arguments], cwd=repository.path, check=True, capture_output=True)


@pytest.fixture
def committed(repository: Repository) -> Repository:
    """A git repository whose first commit holds the old schema; its branch is called trunk."""
    git(repository, "init", "-q", "-b", "trunk")
    repository.has()
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "first")
    return repository


def test_a_file(repository: Repository, tmp_path: Path) -> None:
    """Breaking changes are measured from the schema in the file, with the released operations as ever."""
    repository.released("app", "query Page { product(id: 1) { sku } }")
    (tmp_path / "older.graphql").write_text(changed("sku: String", "sku: String colour: String"))

    report = repository.check(NEW, against=str(tmp_path / "older.graphql"))

    assert report.exit_code == 1
    assert report.baseline == "older.graphql"
    assert [(change.coordinate, [hit.operation for hit in change.hits]) for change in report.breaking] == [
        ("Product.colour", []),
        ("Product.sku", ["Page"]),
    ]


def test_an_addition_against_a_file(repository: Repository, tmp_path: Path) -> None:
    """A schema that only gained a field since the file, with a renewed snapshot, passes."""
    (tmp_path / "older.graphql").write_text(NEW)

    assert repository.check(OLD, against=str(tmp_path / "older.graphql")).exit_code == 0


def test_drift_is_found_with_a_file_too(repository: Repository, tmp_path: Path) -> None:
    """Naming a file does not hide that the snapshot was not renewed."""
    (tmp_path / "same.graphql").write_text(NEW)
    repository.has(OLD)

    report = repository.check_as_it_is(NEW, against=str(tmp_path / "same.graphql"))

    assert report.exit_code == 1
    assert report.changes == ()
    assert report.drift is not None


@pytest.mark.parametrize("reference", ["trunk", "HEAD", "HEAD~1", "v1", "refs/tags/v1"])
def test_a_git_reference(committed: Repository, reference: str) -> None:
    """A branch, a tag or a commit names the snapshot that it holds; the work tree does not count."""
    git(committed, "tag", "v1")
    git(committed, "commit", "-q", "--allow-empty", "-m", "second")

    report = committed.check(NEW, against=reference)

    assert report.exit_code == 1
    assert report.baseline == f"{reference}:schema/web.graphql"
    assert [change.coordinate for change in report.unused] == ["Product.sku"]
    assert "web: next: what no released operation uses passes with `--allow-unused`." in render([report])


def test_the_same_at_a_reference(committed: Repository) -> None:
    """The schema of the reference is the same."""
    assert committed.check(OLD, against="trunk").exit_code == 0


def test_a_folder_deep_in_the_repository(tmp_path: Path) -> None:
    """The snapshot is found at the reference when the schema folder is not at the top of the repository."""
    (tmp_path / "apps").mkdir()
    repository = Repository(tmp_path / "apps")
    subprocess.run(["git", "init", "-q", "-b", "trunk"], cwd=tmp_path, check=True)
    repository.has()
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "first")

    assert [each.coordinate for each in repository.check(NEW, against="trunk").breaking] == ["Product.sku"]


@pytest.mark.parametrize("reference", ["nowhere", "--output=stolen", "trunk:schema"])
def test_an_unknown_reference(committed: Repository, reference: str) -> None:
    """A reference that git does not know is an obstacle; one that looks like an option is no option."""
    report = committed.check(OLD, against=reference)

    assert report.exit_code == 2
    assert report.obstacles == (
        f"{reference} is neither a file nor a git reference known here. "
        "If it is a branch of the remote, fetch it first (git fetch origin).",
    )
    assert sorted(each.name for each in committed.root.iterdir()) == ["web.graphql"]


def test_no_snapshot_at_the_reference(committed: Repository) -> None:
    """A commit from before the snapshot is an obstacle that names the file and the reference."""
    git(committed, "rm", "-q", "--cached", "schema/web.graphql")
    git(committed, "commit", "-q", "-m", "none")

    report = committed.check(OLD, against="HEAD")

    assert report.exit_code == 2
    assert len(report.obstacles) == 1
    assert report.obstacles[0].startswith("schema/web.graphql does not exist at HEAD: ")


def test_a_snapshot_that_does_not_parse_at_the_reference(committed: Repository) -> None:
    """A broken snapshot in a commit is an obstacle that names commit and line."""
    (committed.root / "web.graphql").write_text("type Query {\n  a: \n}\n")
    git(committed, "commit", "-q", "-a", "-m", "broken")

    report = committed.check(OLD, against="HEAD")

    assert report.exit_code == 2
    assert report.obstacles[0].startswith("HEAD:schema/web.graphql:3 is not a schema: Syntax Error")


def test_from_a_git_hook(committed: Repository) -> None:
    """Inside a hook, where git's own variables are set, the schema folder's repository counts."""
    script = (
        "import sys; from pathlib import Path; from graphql import build_schema;"
        "from bff_core.graphql.snapshots import check;"
        "report = check('web', build_schema(sys.argv[2]), Path(sys.argv[1]), against='trunk');"
        "print([change.coordinate for change in report.breaking], report.obstacles)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, str(committed.root), NEW],
        env=os.environ | {"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "['Product.sku'] ()"


def test_no_repository(repository: Repository) -> None:
    """A git reference outside of a repository is an obstacle in git's words."""
    report = repository.check(OLD, against="trunk")

    assert report.exit_code == 2
    assert len(report.obstacles) == 1
    assert report.obstacles[0].startswith(
        f"trunk is not a file, and {repository.root} cannot be used as a git repository: not a git repository"
    )


def test_a_folder(repository: Repository) -> None:
    """A folder is neither a file nor a reference."""
    report = repository.check(OLD, against=str(repository.root))

    assert report.exit_code == 2
    assert report.obstacles == (f"{repository.root} is a folder; --against takes a schema file or a git reference.",)
