"""``bff explain``: the call plan of an operation."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bff_core.cli.problems import stop, told

if TYPE_CHECKING:
    from graphql import GraphQLSchema

    from bff_core.graphql.callplan import CallPlan
    from bff_core.graphql.operations import Operation
    from bff_core.graphql.scopes import Need


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--bff", "name", help="Whose schema; told from a path like schema/operations/NAME/ when left out.")
@click.option("--operation", help="Which operation, where the file holds several.")
@click.option(
    "--variables",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JSON file; page sizes count.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def explain(file: Path, name: str | None, operation: str | None, variables: Path | None, form: str) -> None:
    """Show which calls the operation in FILE makes, without making any."""
    from bff_core.apps import AppError, app_names, load_app, project_root
    from bff_core.contract import DeclarationError
    from bff_core.graphql.operations import InvalidDocument
    from bff_core.graphql.schema import SchemaError

    with told(AppError, DeclarationError, SchemaError):
        root = project_root()
        names = app_names(root)
        name = name or _whose(file, root, names)
        if name is None:
            stop(f"whose operation is {file}? Name it: {' or '.join(f'--bff {one}' for one in names)}", 2)
        bff = load_app(root, name)
        schema = bff.schema
    text, given = _text_of(file), _object_in(variables)
    try:
        found = _look(schema, text, operation, given)
    except InvalidDocument as invalid:
        stop("\n".join(f"{file}: {error}" for error in invalid.errors), 1)
    click.echo(json.dumps(_plain(found), indent=2) if form == "json" else _shown(found))


def _whose(file: Path, root: Path, names: Sequence[str]) -> str | None:
    """The BFF that a folder on the way to the file is named after; only folders inside the project count."""
    folders = file.resolve().parent
    inside = folders.relative_to(root).parts if folders.is_relative_to(root) else ()
    return next((folder for folder in reversed(inside) if folder in names), None)


def _look(schema: GraphQLSchema, text: str, operation: str | None, variables: dict[str, Any] | None) -> Operation:
    """The operation, with the plan and the cost of these variables if there are any; it is shown, not judged."""
    from bff_core.graphql.limits.limits import NO_LIMITS
    from bff_core.graphql.operations import Operations

    operations = Operations(schema, limits=NO_LIMITS)
    found = operations.prepare(text, operation)
    return found if variables is None else operations.with_variables(found, variables)


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as exc:
        stop(f"{file} cannot be read: {exc.strerror}", 2)
    except UnicodeDecodeError:
        stop(f"{file} is not text in UTF-8", 2)


def _object_in(file: Path | None) -> dict[str, Any] | None:
    if file is None:
        return None
    text = _text_of(file)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as exc:
        stop(f"{file} is not JSON: {exc}", 2)
    if not isinstance(value, dict):
        stop(f"{file} must hold a JSON object, not a {type(value).__name__}", 2)
    return value


def _shown(found: Operation) -> str:
    plan, shape = found.plan, found.shape
    who = "private: part of it depends on who asks" if plan.private else "public: the same for everybody"
    lines = [
        f"{plan.operation or 'anonymous operation'}, {who}",
        f"cost {found.cost}; depth {shape.depth}, aliases {shape.aliases}, root fields {shape.fields}",
    ]
    lines += _shared(plan)
    if plan.scopes:
        lines.append(f"scopes: {', '.join(sorted(plan.scopes))}")
        lines += [f"  {need.coordinate} needs {_worded(need)}" for need in plan.needs]
    for wave in range(1, plan.waves + 1):
        lines.append(f"wave {wave}")
        for call in (call for call in plan.calls if call.wave == wave):
            keys = "any number of keys" if call.keys is None else f"at most {call.keys} key{'s' * (call.keys != 1)}"
            calls = "?" if call.calls is None else call.calls
            lines.append(f"  {calls} x {call.name}, {keys}")
            lines += [f"      {p.path}  ({p.coordinate}; without it: {p.without})" for p in call.positions]
    if not plan.calls:
        lines.append("no calls")
    return "\n".join(lines)


def _shared(plan: CallPlan) -> Iterator[str]:
    """What caches that serve many may do with an answer, if anything; as declared, since settings may say otherwise."""
    from bff_core.graphql.freshness import freshness_of

    endpoints = {endpoint for position in plan.positions for endpoint in position.endpoints}
    declared = {endpoint: windows for endpoint in endpoints if (windows := endpoint.policy.windows) is not None}
    freshness = freshness_of(plan, declared)
    if freshness.public:
        fresh, stale, if_error = (f"{seconds:g} s" for seconds in freshness.longest)
        yield f"shared in front: fresh {fresh}, stale {stale}, stale if error {if_error}, as declared"


def _worded(need: Need) -> str:
    return ", or ".join(" and ".join(scopes) or "nothing" for scopes in _any_of(need))


def _any_of(need: Need) -> list[list[str]]:
    """What a need is met by, sorted; what needs nothing comes last."""
    return sorted((sorted(scopes) for scopes in need.any_of), key=lambda scopes: (not scopes, scopes))


def _plain(found: Operation) -> dict[str, Any]:
    plan, shape = found.plan, found.shape
    return {
        "operation": plan.operation,
        "private": plan.private,
        "scopes": sorted(plan.scopes),
        "needs": [{"coordinate": need.coordinate, "any_of": _any_of(need)} for need in plan.needs],
        "cost": {"total": found.cost.total, "fields": found.cost.fields, "calls": found.cost.calls},
        "shape": {"depth": shape.depth, "aliases": shape.aliases, "root_fields": shape.fields},
        "waves": plan.waves,
        "calls": [
            {
                "wave": call.wave,
                "endpoints": [endpoint.name for endpoint in call.endpoints],
                "keys": call.keys,
                "calls": call.calls,
                "positions": [
                    {
                        "path": position.path,
                        "field": position.coordinate,
                        "without": position.without,
                        "private": position.private,
                    }
                    for position in call.positions
                ],
            }
            for call in plan.calls
        ],
    }
