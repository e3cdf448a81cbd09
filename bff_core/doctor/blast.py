"""The blast radius: what each of a BFF's own operations loses when one service is down, told from the call plans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from graphql import GraphQLError, OperationDefinitionNode, parse

from bff_core.bff import Bff
from bff_core.doctor.finding import Finding
from bff_core.graphql.callplan import CallPlan
from bff_core.graphql.limits.limits import NO_LIMITS
from bff_core.graphql.operations import InvalidDocument, Operations


@dataclass(frozen=True, slots=True)
class Blast:
    """What one operation loses without one service.

    ``null``: paths that become null, ``[]`` at the end for an element of a list and "" for all of ``data``; those below
    another one are not named. ``fallback``: paths where a fallback stands in.
    """

    operation: str
    service: str
    null: tuple[str, ...]
    fallback: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnPlans:
    """The call plans of a BFF's own operations, in the order of their files; and a line for each that has none."""

    plans: tuple[CallPlan, ...]
    problems: tuple[str, ...]


def own_plans(bff: Bff) -> OwnPlans:
    """Plans for all variables, so that nothing is left out because of one."""
    plans: list[CallPlan] = []
    problems: list[str] = []
    operations = Operations(bff.schema, limits=NO_LIMITS)  # what is too much is the pipeline's to refuse
    for file in sorted(bff.operations.glob("*.graphql")) if bff.operations else ():
        try:
            plans += _plans(operations, file)
        except InvalidDocument as invalid:
            problems += [f"{file}: {error.message}" for error in invalid.errors]
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{file} cannot be read: {error}")
    return OwnPlans(tuple(plans), tuple(problems))


def unplanned(own: OwnPlans) -> Iterator[Finding]:
    """Own operations of which nothing can be told."""
    for problem in own.problems:
        yield Finding("warning", "operations", problem, "a client that sends it gets this error: mend it or remove it")


def blast_radius(own: OwnPlans) -> tuple[Blast, ...]:
    """What is lost, by operation and service; a service that an operation does not need is not named."""
    return tuple(
        _blast(plan, service)
        for plan in own.plans
        for service in sorted({endpoint.service for position in plan.positions for endpoint in position.endpoints})
    )


def _plans(operations: Operations, file: Path) -> Iterator[CallPlan]:
    text = file.read_text(encoding="utf-8")
    for name in names_in(text):
        plan = operations.prepare(text, name).plan
        yield replace(plan, operation=plan.operation or file.stem)


def names_in(text: str) -> list[str | None]:
    """The names of a document's operations; None for the only one, and for a document that is none."""
    try:
        definitions = parse(text, no_location=True).definitions
    except (GraphQLError, RecursionError):
        return [None]
    names = [node.name.value for node in definitions if isinstance(node, OperationDefinitionNode) and node.name]
    return [*names] if len(names) > 1 else [None]


def _blast(plan: CallPlan, service: str) -> Blast:
    positions = [one for one in plan.positions if any(endpoint.service == service for endpoint in one.endpoints)]
    null = _outermost(position.lost for position in positions if position.without != "fallback")
    fallback = _outermost(position.lost for position in positions if position.without == "fallback")
    return Blast(plan.operation, service, null, tuple(path for path in fallback if not _below(path, null)))


def _outermost(paths: Iterable[str]) -> tuple[str, ...]:
    found = list(dict.fromkeys(paths))
    return tuple(path for path in found if not _below(path, found))


def _below(path: str, others: Iterable[str]) -> bool:
    """Whether a path goes with another one that is lost above it."""
    return any(path != one and (not one or path.startswith((f"{one}.", f"{one}[]"))) for one in others)
