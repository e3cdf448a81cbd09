"""Snapshots: the verdict on one BFF's live schema (`bff schema check`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from graphql import GraphQLSchema, validate

from bff_core.graphql.snapshots.against import Baseline, chosen_baseline, published_baseline
from bff_core.graphql.snapshots.changes import Change, Comparison, Hit, compare
from bff_core.graphql.snapshots.errors import BadDocument, CannotTell
from bff_core.graphql.snapshots.folder import Folder, Operation, documents_in, read_text
from bff_core.graphql.snapshots.sdl import Canonical, Drift, canonical, find_drift, read_schema


@dataclass(frozen=True, slots=True)
class Fault:
    """A document of main that the live schema does not take. `line` and `column` start at 1."""

    file: str
    line: int
    column: int
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """What `check` found for one BFF.

    - `against`: what was named in place of the published schema, if anything.
    - `baseline`: what `changes` are measured from; None when nothing is published and nothing else was named.
    - `baseline_file`: that schema's file in the work tree, if it is one.
    - `drift`: how the snapshot differs from the live schema; None when it does not.
    - `invalid`: documents of main that do not fit the live schema.
    - `changes`: breaking ones first, each with the released operations that it hits.
    - `unexplained`: released operations that are invalid for a reason that no change names.
    - `released`: how many released operations were looked at.
    - `obstacles`: why there is no full verdict; the rest of the report still holds.
    """

    bff: str
    against: str | None = None
    baseline: str | None = None
    baseline_file: str | None = None
    drift: Drift | None = None
    invalid: tuple[Fault, ...] = ()
    changes: tuple[Change, ...] = ()
    unexplained: tuple[Hit, ...] = ()
    released: int = 0
    obstacles: tuple[str, ...] = ()
    allow_unused: bool = False

    @property
    def breaking(self) -> tuple[Change, ...]:
        """The breaking changes, used or not."""
        return tuple(change for change in self.changes if change.breaking)

    @property
    def unused(self) -> tuple[Change, ...]:
        """The breaking changes that no released operation meets."""
        return tuple(change for change in self.breaking if not change.hits)

    @property
    def exit_code(self) -> int:
        """0 same · 1 drift, breaking, or an operation of main that does not fit · 2 cannot tell.

        A breaking change that no released operation meets counts, because clients in development and tools
        that nobody published are not known here. It is accepted by publishing, or passes with `allow_unused`.
        """
        if self.obstacles:
            return 2
        breaking = [change for change in self.breaking if change.hits or not self.allow_unused]
        return 1 if self.drift or self.invalid or breaking or self.unexplained else 0


def check(
    bff: str,
    schema: GraphQLSchema,
    root: Path,
    *,
    against: str | None = None,
    allow_unused: bool = False,
) -> Report:
    """Compares the live schema of `bff` with what the schema folder `root` holds; writes nothing, raises
    nothing.

    `against` names a schema file or a git reference to measure breaking changes from, in place of the
    published schema. Drift is measured from the snapshot in the work tree in either case: with a new field
    and a renewed snapshot, a check against the main branch passes.
    """
    folder = Folder(root, bff)
    live = canonical(schema)
    obstacles: list[str] = []

    drift: Drift | None = None
    try:
        drift = _drift(folder, live)
    except CannotTell as error:
        obstacles.append(str(error))

    invalid: tuple[Fault, ...] = ()
    try:
        invalid = _invalid(folder, schema)
    except CannotTell as error:
        obstacles.append(str(error))

    baseline: Baseline | None = None
    released: tuple[Operation, ...] = ()
    comparison = Comparison((), ())
    try:
        released = folder.released()
        baseline = published_baseline(folder, live) if against is None else chosen_baseline(folder, against)
        if baseline is not None:
            if against is None and baseline.schema is not live.schema:
                _require_consistent(folder, baseline, released)
            comparison = compare(baseline.schema, live.schema, schema, released)
    except CannotTell as error:
        obstacles.append(str(error))

    return Report(
        bff=bff,
        against=against,
        baseline=baseline.label if baseline else None,
        baseline_file=baseline.file if baseline else None,
        drift=drift,
        invalid=invalid,
        changes=comparison.changes,
        unexplained=comparison.unexplained,
        released=len(released),
        obstacles=tuple(obstacles),
        allow_unused=allow_unused,
    )


def _drift(folder: Folder, live: Canonical) -> Drift | None:
    path = folder.snapshot
    shown = folder.shown(path)
    if not path.exists():
        raise CannotTell(f"{shown} does not exist. Run `make snapshots` to write it.")
    drift = find_drift(read_text(path, shown), live.text, file=shown, bff=folder.bff)
    if drift is not None:
        try:
            read_schema(path.read_text(encoding="utf-8"), shown)
        except CannotTell as error:
            raise CannotTell(f"{error} Run `make snapshots` to write it anew.") from error
    return drift


def _invalid(folder: Folder, schema: GraphQLSchema) -> tuple[Fault, ...]:
    faults: list[Fault] = []
    for path in documents_in(folder.operations):
        try:
            document = folder.document(path)
        except BadDocument as error:
            # A document of main is someone's work at hand: that it does not parse is a finding, not an
            # obstacle.
            faults.append(Fault(error.file, error.line, error.column, error.reason))
            continue
        for problem in validate(schema, document.ast):
            where = problem.locations[0] if problem.locations else None
            line, column = (where.line, where.column) if where else (1, 1)
            faults.append(Fault(document.file, line, column, problem.message))
    return tuple(faults)


def _require_consistent(folder: Folder, baseline: Baseline, released: tuple[Operation, ...]) -> None:
    """Released operations fit the schema they were released with; otherwise somebody edited the folder by
    hand, and usage found with that schema would be wrong."""
    for operation in released:
        errors = validate(baseline.schema, operation.ast)
        if errors:
            raise CannotTell(
                f"{operation.file} does not fit {baseline.label}: {errors[0].message} "
                f"Only `bff schema publish {folder.bff}` should write below "
                f"{folder.shown(folder.published_schema.parent)}; restore it from git."
            )
