"""The image: what can be held true of its recipe without building it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = [line for line in DOCKERFILE.splitlines() if re.match(r"[A-Z]+ ", line)]
LAST_STAGE = INSTRUCTIONS[max(n for n, line in enumerate(INSTRUCTIONS) if line.startswith("FROM ")) :]


def pins(path: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """What a lock file pins: by name (and marker) the version and the hashes."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if match := re.match(r"([\w.-]+)(?:\[[\w,-]+\])?==(\S+)([^#]*)", line):
            found[match[1]] = (match[2], frozenset(re.findall(r"--hash=(\S+)", match[3])))
    return found


def test_the_image_installs_a_part_of_what_was_tested() -> None:
    """Each version and hash of the image's lock is one of the project's lock; the tools of development are
    not in it."""
    ours, all_of_it = pins(ROOT / "deploy" / "requirements.lock"), pins(ROOT / "requirements.lock")
    assert len(ours) > 30
    assert {name: all_of_it.get(name) for name in ours} == ours
    assert all(hashes for _, hashes in ours.values())
    assert not {"pytest", "mypy", "ruff", "playwright", "uv"} & set(ours)


def test_the_image_installs_what_the_project_needs() -> None:
    """Every declared dependency, and those of the services to develop against, are in the image's lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = project["dependencies"] + project["optional-dependencies"]["stubs"]
    names = {re.split(r"[\[<>=~! ]", one)[0].lower().replace("_", "-") for one in declared}
    assert names <= set(pins(ROOT / "deploy" / "requirements.lock"))


def test_hashes_are_demanded() -> None:
    """Nothing is installed without its hash, and nothing that npm brings runs while installing."""
    assert [line for line in INSTRUCTIONS if "pip install" in line and "--require-hashes" not in line] == []
    assert [line for line in INSTRUCTIONS if "npm " in line and "--ignore-scripts" not in line] == []


def test_the_image_runs_as_nobody_special() -> None:
    """The last word on the user is a number that is not root's."""
    users = [line.split()[1] for line in LAST_STAGE if line.startswith("USER ")]
    assert len(users) == 1
    assert int(users[0]) > 0


def test_everything_copied_exists_and_is_sent_to_the_build() -> None:
    """Each source in the project exists and .dockerignore lets it through."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = [line[1:] for line in lines if line.startswith("!")]
    copied = [
        source
        for line in INSTRUCTIONS
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    ]
    assert len(copied) > 8
    assert "*" in lines
    for source in copied:
        assert (ROOT / source).exists(), source
        assert any(source == path or source.startswith(f"{path}/") for path in let_in), source


def test_the_image_holds_every_package_of_the_project() -> None:
    """A package that the project ships is copied into the image."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    for package in build["targets"]["wheel"]["packages"]:
        assert f"COPY {package} ./{package}" in LAST_STAGE


@pytest.mark.parametrize("file", sorted((ROOT / "deploy").glob("**/Dockerfile*")), ids=lambda file: file.name)
def test_hadolint_finds_nothing(file: Path) -> None:
    """The published rules for Dockerfiles, and those of shells inside of it, are kept; none is switched off."""
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), "--failure-threshold", "style", file],
        cwd=file.parent,  # no configuration of anybody
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "hadolint ignore" not in file.read_text(encoding="utf-8")


def test_every_dockerfile_is_looked_at() -> None:
    """Those that git knows are those of deploy/, so that no other one escapes."""
    names = (*ROOT.glob("Dockerfile*"), *ROOT.glob("*/Dockerfile*"), *ROOT.glob("*.Dockerfile"))
    assert {path.parent for path in names} == {ROOT / "deploy"}


def test_no_tool_of_building_is_in_the_image() -> None:
    """The last stage starts from a slim image, runs no installer, and its environment holds none that can build."""
    assert re.fullmatch(r"FROM python:3\.\d+-slim-\w+", LAST_STAGE[0])
    assert [line for line in LAST_STAGE if re.search(r"\b(apt|pip|npm|node|curl|wget|gcc|make)\b", line)] == []
    assert "pip uninstall --yes pip setuptools" in " ".join(DOCKERFILE.split())


def test_every_stage_is_pinned() -> None:
    """Each image that a stage starts from names its version and the release of Debian under it."""
    froms = [line.split()[1] for line in INSTRUCTIONS if line.startswith("FROM ")]
    assert len(froms) == 3
    assert [
        name for name in froms if not re.fullmatch(r"(python|node):\d+(\.\d+)*-(bookworm-slim|slim-bookworm)", name)
    ] == []
