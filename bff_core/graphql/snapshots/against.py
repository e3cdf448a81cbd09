"""Snapshots: the schema that breaking changes are measured from: the published one, a file, or one in git."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from graphql import GraphQLSchema

from bff_core.graphql.snapshots.errors import CannotTell
from bff_core.graphql.snapshots.folder import Folder, read_text
from bff_core.graphql.snapshots.sdl import Canonical, read_schema

GIT_SECONDS = 10.0
"""Longest wait for one git command; they read local objects only."""

_QUIET = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
"""Messages in one language, no lock taken, no question asked, no object fetched from a remote."""

_HOOK_VARIABLES = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"})
"""What git sets for its hooks, relative to the repository's top; in the schema folder it would mislead."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A schema to measure from. `label` is how reports call it; `file` where it is in the work tree, if it
    is."""

    label: str
    schema: GraphQLSchema
    file: str | None = None


def published_baseline(folder: Folder, live: Canonical) -> Baseline | None:
    """What released clients rely on, or None when nothing was published. Errors: `CannotTell`."""
    path = folder.published_schema
    label = folder.shown(path)
    if not path.exists():
        if folder.clients():
            raise CannotTell(
                f"{label} does not exist, but operations of {', '.join(folder.clients())} are published. "
                f"Restore it from git, or run `bff schema publish {folder.bff}`."
            )
        return None
    text = read_text(path, label)
    # Reading a large schema is the most expensive step; right after a publication there is nothing to read.
    schema = live.schema if text == live.text else read_schema(text, label)
    return Baseline(label, schema, label)


def chosen_baseline(folder: Folder, against: str) -> Baseline:
    """What `--against` names: a file with a schema, if there is one of that name, else a git reference at
    which the snapshot is taken. Errors: `CannotTell`."""
    path = Path(against)
    if path.is_file():
        label = folder.shown(path)
        return Baseline(label, read_schema(read_text(path, label), label), label)
    if path.is_dir():
        raise CannotTell(f"{against} is a folder; --against takes a schema file or a git reference.")
    commit = _commit(folder, against)
    name = folder.snapshot.name
    label = f"{against}:{folder.shown(folder.snapshot)}"
    shown = _git(folder, "show", f"{commit}:./{name}")
    if shown.returncode != 0:
        raise CannotTell(f"{folder.shown(folder.snapshot)} does not exist at {against}: {_reason(shown)}")
    return Baseline(label, read_schema(shown.stdout, label))


def _commit(folder: Folder, reference: str) -> str:
    found = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}")
    if found.returncode == 0:
        return found.stdout.strip()
    inside = _git(folder, "rev-parse", "--is-inside-work-tree")
    if inside.returncode != 0:
        raise CannotTell(
            f"{reference} is not a file, and {folder.root} cannot be used as a git repository: {_reason(inside)}"
        )
    raise CannotTell(
        f"{reference} is neither a file nor a git reference known here. If it is a branch of the remote, "
        "fetch it first (git fetch origin)."
    )


def _git(folder: Folder, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - no shell; the one outside word follows --end-of-options
            ["git", *arguments],  # noqa: S607 - the git of whoever asks
            cwd=folder.root,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=GIT_SECONDS,
            check=False,
            env={name: value for name, value in os.environ.items() if name not in _HOOK_VARIABLES} | _QUIET,
        )
    except FileNotFoundError as error:
        if error.filename == "git":
            raise CannotTell("--against with a git reference needs git, which is not installed.") from error
        raise CannotTell(f"{folder.root} does not exist.") from error
    except subprocess.TimeoutExpired as error:
        raise CannotTell(f"git {arguments[0]} gave no answer in {GIT_SECONDS:g} seconds.") from error


def _reason(result: subprocess.CompletedProcess[str]) -> str:
    lines = result.stderr.strip().splitlines()
    return lines[0].removeprefix("fatal: ") if lines else f"git ended with {result.returncode}"
