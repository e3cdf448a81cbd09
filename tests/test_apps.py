"""The project's table of BFFs: found upwards, read, and every mistake in it told in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from bff_core.apps import AppError, app_names, load_app, project_root
from tests.edge.desk import DESK


def project(folder: Path, *lines: str, table: str = "[tool.bff.apps]") -> Path:
    """A folder with this table in its pyproject.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text("\n".join([table, *lines]), encoding="utf-8")
    return folder


def test_the_nearest_project_upwards_is_found(tmp_path: Path) -> None:
    """From any folder inside, the nearest one upwards with the table is the project's."""
    outer = project(tmp_path / "outer", 'web = "a:b"')
    inner = project(outer / "inner", 'mobile = "c:d"')
    (inner / "deep" / "deeper").mkdir(parents=True)
    assert project_root(inner / "deep" / "deeper") == inner
    assert project_root(inner) == inner
    assert project_root(outer) == outer


@pytest.mark.parametrize("table", ["[project]", "[tool]", "[tool.bff]", "[tool.bff.demo]", "[tool.bff.apps]"])
def test_a_pyproject_without_bffs_is_passed_over(tmp_path: Path, table: str) -> None:
    """A pyproject.toml of something else does not end the search."""
    outer = project(tmp_path / "outer", 'web = "a:b"')
    assert project_root(project(outer / "inner", table=table)) == outer


def test_outside_of_a_project_the_sentence_says_where_to_go(tmp_path: Path) -> None:
    """Without any table the error names the folder and what is looked for."""
    with pytest.raises(AppError) as caught:
        project_root(tmp_path)
    assert str(caught.value) == (
        f"no pyproject.toml with a [tool.bff.apps] table in {tmp_path} or above; run this in the project"
    )


def test_a_bff_is_loaded_by_its_name(tmp_path: Path) -> None:
    """The name leads to the object, and the names stand in the order of the table."""
    root = project(tmp_path, 'z = "tests.edge.desk:DESK"', 'a = "x:y"')
    assert load_app(root, "z") is DESK
    assert app_names(root) == ("z", "a")


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("no_such_module:web", "cannot be imported: No module named 'no_such_module'"),
        ("tests.edge.desk:NOTHING", "cannot be imported: module 'tests.edge.desk' has no attribute 'NOTHING'"),
        ("tests.edge.desk:SECRET", "is a str, not a Bff"),
        ("tests.edge.desk", "is not of the form 'package.module:attribute'"),
        ("tests.edge.desk:", "is not of the form 'package.module:attribute'"),
        (":DESK", "is not of the form 'package.module:attribute'"),
        ("", "is not of the form 'package.module:attribute'"),
    ],
)
def test_a_target_that_leads_nowhere_is_told(tmp_path: Path, target: str, sentence: str) -> None:
    """What the table names and cannot be had is told with the line it stands in."""
    root = project(tmp_path, f'web = "{target}"')
    with pytest.raises(AppError) as caught:
        load_app(root, "web")
    assert str(caught.value) == f"[tool.bff.apps] web = {target!r} {sentence}"


def test_an_unknown_name_is_told_with_those_there_are(tmp_path: Path) -> None:
    """A name that is not in the table is answered with the names that are."""
    root = project(tmp_path, 'web = "a:b"', 'mobile = "c:d"')
    with pytest.raises(AppError, match=r"^there is no BFF 'desk'; there are mobile, web$"):
        load_app(root, "desk")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[tool.bff.apps", "is not TOML in UTF-8"),
        (b"\xff\xfe", "is not TOML in UTF-8"),
        (b"[tool.bff.apps]\nweb = 3", "is a table of names and 'package.module:attribute'"),
        (b"[tool.bff]\napps = 'web'", "is a table of names and 'package.module:attribute'"),
        (b"[tool.bff.apps.web]\nx = 'a:b'", "is a table of names and 'package.module:attribute'"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(tmp_path: Path, content: bytes, sentence: str) -> None:
    """A broken file or table is one sentence that names the file."""
    (tmp_path / "pyproject.toml").write_bytes(content)
    for ask in (lambda: project_root(tmp_path), lambda: app_names(tmp_path), lambda: load_app(tmp_path, "web")):
        with pytest.raises(AppError) as caught:
            ask()
        assert str(caught.value).startswith(str(tmp_path / "pyproject.toml"))
        assert sentence in str(caught.value)


def test_a_folder_in_the_place_of_the_file_is_told(tmp_path: Path) -> None:
    """What cannot be read is told by the system's own word."""
    (tmp_path / "pyproject.toml").mkdir()
    with pytest.raises(AppError, match="cannot be read: Is a directory"):
        project_root(tmp_path)


def test_this_project_s_own_table_holds(root: Path) -> None:
    """Every BFF of this project can be loaded and is called as the table calls it."""
    names = app_names(root)
    assert names
    assert [load_app(root, name).name for name in names] == list(names)
