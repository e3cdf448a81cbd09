"""Snapshots: a report as text for people, as JSON for programs, and as annotations for GitHub's workflows."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from typing import Literal

from bff_core.graphql.snapshots.changes import Change, Hit
from bff_core.graphql.snapshots.check import Report
from bff_core.graphql.snapshots.sdl import Drift

Format = Literal["text", "json", "github"]
FORMATS: tuple[Format, ...] = ("text", "json", "github")

RENEW = "make snapshots"
"""The command that renews every snapshot; each report of a drift prints it."""


def exit_code(reports: Sequence[Report]) -> int:
    """One exit code for several BFFs: the worst of theirs."""
    return max((report.exit_code for report in reports), default=0)


def render(reports: Sequence[Report], format_: Format = "text") -> str:
    """The reports in one format, without a newline at the end."""
    match format_:
        case "text":
            return "\n\n".join("\n".join(_text(report)) for report in reports)
        case "json":
            body = {"exit_code": exit_code(reports), "reports": [_plain(report) for report in reports]}
            return json.dumps(body, indent=2, ensure_ascii=False)
        case "github":
            return "\n".join(line for report in reports for line in _github(report))


def hit_sentence(hit: Hit, breaking: bool = True) -> str:
    """Says which operation of which client is hit, where and how."""
    who = f"operation {hit.operation} of client {hit.client}"
    where = f"({hit.file}:{hit.line}:{hit.column})"
    verb = "Breaks" if breaking else "May surprise"
    match hit.effect:
        case "refused":
            return f"{verb} {who} {where}: {hit.detail}"
        case "answer":
            return f"{verb} {who} {where}, which reads it."
        case "variables":
            return f"{verb} {who} {where}, which may send it in ${hit.detail}."
        case "default":
            return f"{verb} {who} {where}, which may leave it to the default."


# ---- text


def _text(report: Report) -> Iterator[str]:
    if report.exit_code == 0:
        yield f"{report.bff}: ok: {_same(report)}"
    for obstacle in report.obstacles:
        yield f"{report.bff}: cannot tell: {obstacle}"
    if report.drift is not None:
        yield f"{report.bff}: drift: {_drift_sentence(report.drift)}"
        yield from (f"    {line}".rstrip() for line in report.drift.diff.splitlines())
    for fault in report.invalid:
        yield f"{report.bff}: invalid: {fault.file}:{fault.line}:{fault.column}: {fault.message}"
    for change in report.breaking:
        yield f"{report.bff}: breaking: {change.description}"
        if not change.hits:
            yield "    Not used by any released operation."
        yield from (f"    {hit_sentence(hit)}" for hit in change.hits)
    for hit in report.unexplained:
        yield f"{report.bff}: breaking: {hit_sentence(hit)}"
    for change in _surprises(report):
        yield f"{report.bff}: dangerous: {change.description}"
        yield from (f"    {hit_sentence(hit, breaking=False)}" for hit in change.hits)
    yield from (f"{report.bff}: next: {step}" for step in _next(report))


def _same(report: Report) -> str:
    if report.baseline is None:
        return "the schema is its snapshot; nothing is published yet."
    operations = _count(report.released, "released operation")
    return f"the schema is its snapshot, and breaks none of {operations} since {report.baseline}."


def _drift_sentence(drift: Drift) -> str:
    lines = f"{_count(drift.added, 'line')} added, {drift.removed} removed"
    return f"the live schema is not what {drift.file} says ({lines})."


def _surprises(report: Report) -> tuple[Change, ...]:
    """The dangerous changes that meet somebody; the others are in the JSON only."""
    return tuple(change for change in report.changes if not change.breaking and change.hits)


def _next(report: Report) -> Iterator[str]:
    """What to do about it, one sentence each."""
    bff = report.bff
    if report.drift is not None:
        yield f"run `{RENEW}` and commit the result if the change is meant."
    if report.invalid:
        yield "correct these documents, or the schema."
    if report.unexplained or any(change.hits for change in report.breaking):
        yield (
            "keep what released operations use (deprecate it); when a client was released without it, run "
            f"`bff schema publish {bff}` with its new operations, or retire a client that is out of use."
        )
    if report.unused and not report.allow_unused:
        if report.against is None:
            yield f"run `bff schema publish {bff}` to accept what no released operation uses."
        else:
            yield "what no released operation uses passes with `--allow-unused`."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# ---- json


def _plain(report: Report) -> dict[str, object]:
    """The report as JSON: the fields of `Report` by their names, and its exit code."""
    return {
        "bff": report.bff,
        "exit_code": report.exit_code,
        "baseline": report.baseline,
        "released_operations": report.released,
        "cannot_tell": list(report.obstacles),
        "drift": dataclasses.asdict(report.drift) if report.drift else None,
        "invalid_operations": [dataclasses.asdict(fault) for fault in report.invalid],
        "changes": [dataclasses.asdict(change) for change in report.changes],
        "broken_operations": [dataclasses.asdict(hit) for hit in report.unexplained],
        "next": list(_next(report)),
    }


# ---- github


def _github(report: Report) -> Iterator[str]:
    """One annotation for each finding, at the line to look at. The last line of a failing report is plain
    text in the job's log: what to do next."""
    bff = report.bff
    for obstacle in report.obstacles:
        yield _annotation("error", f"{bff}: cannot tell", obstacle)
    if report.drift is not None:
        message = f"{_drift_sentence(report.drift)} Run `{RENEW}`.\n{report.drift.diff}"
        yield _annotation("error", f"{bff}: drift", message, report.drift.file, report.drift.line)
    for fault in report.invalid:
        yield _annotation("error", f"{bff}: invalid operation", fault.message, fault.file, fault.line, fault.column)
    for change in report.changes:
        level = "error" if change.breaking else "warning"
        title = f"{bff}: {'breaking' if change.breaking else 'dangerous'} change"
        for hit in change.hits:
            message = f"{change.description} {hit_sentence(hit, change.breaking)}"
            yield _annotation(level, title, message, hit.file, hit.line, hit.column)
        if change.breaking and not change.hits:
            level = "warning" if report.allow_unused else "error"
            yield _annotation(
                level,
                title,
                f"{change.description} Not used by any released operation.",
                report.baseline_file,
            )
    for hit in report.unexplained:
        yield _annotation("error", f"{bff}: breaking change", hit_sentence(hit), hit.file, hit.line, hit.column)
    if report.exit_code == 0:
        yield f"{bff}: ok: {_same(report)}"
    yield from (f"{bff}: next: {step}" for step in _next(report))


def _annotation(
    level: str,
    title: str,
    message: str,
    file: str | None = None,
    line: int | None = None,
    column: int | None = None,
) -> str:
    """One workflow command. Order and names are GitHub's; an unescaped newline would end the command, and an
    unescaped comma or colon a property."""
    properties = {"file": file, "line": line, "col": column, "title": title}
    given = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items() if value is not None)
    return f"::{level} {given}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
