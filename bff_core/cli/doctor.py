"""``bff doctor``: what is in force, what is not well, and what each service takes down."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from bff_core.cli.problems import told

if TYPE_CHECKING:
    from bff_core.contract import Windows
    from bff_core.doctor import Blast, Report, ServiceInForce
    from bff_core.settings import BreakerSettings, CacheSettings, RetrySettings


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--strict", is_flag=True, help="Warnings, too, end with exit code 1.")
def doctor(names: tuple[str, ...], form: str, strict: bool) -> None:
    """Look at each BFF called NAME (all when none is named) as it is declared and set; nothing needs to run.

    Exit code 0: well, or with warnings only. 1: something is dangerous, and `bff serve` would refuse it. 2: nothing can
    be told.
    """
    from bff_core.apps import AppError, app_names, load_app, project_root
    from bff_core.contract import DeclarationError
    from bff_core.doctor import report
    from bff_core.graphql.schema import SchemaError

    with told(AppError, DeclarationError, SchemaError):
        root = project_root()
        reports = [report(load_app(root, name)) for name in dict.fromkeys(names) or app_names(root)]
    click.echo(_as_json(reports) if form == "json" else "\n\n".join("\n".join(_lines(one)) for one in reports))
    if any(one.dangerous or (strict and one.findings) for one in reports):
        raise SystemExit(1)


def _as_json(reports: Sequence[Report]) -> str:
    from pydantic_core import to_jsonable_python

    return json.dumps(to_jsonable_python(reports), indent=2)


def _lines(report: Report) -> Iterator[str]:
    yield report.bff
    if report.in_force is not None:
        edge = report.in_force.edge
        yield f"  a request has {edge.budget_ms} ms, {edge.reserve_ms} ms of them kept back to put the answer together"
        for service in report.in_force.services:
            yield from _service(service)
        yield f"  cache: {_cache(report.in_force.cache)}"
        yield f"  private answers: {report.in_force.private_answers}"
    warnings = len(report.findings) - report.dangerous
    yield f"  findings: {report.dangerous} dangerous, {warnings} warning{'s' * (warnings != 1)}"
    for finding in report.findings:
        yield from (f"    {line}" for line in str(finding).splitlines())
    if report.blast_radius:
        yield "  blast radius"
        yield from _blasts(report.blast_radius)


def _service(service: ServiceInForce) -> Iterator[str]:
    own = service.settings
    lines = {
        "calls": f"{own.in_flight} at once, {service.share} of one request; {own.waiting} more wait, each at most "
        f"{own.longest_wait_ms} ms; {own.max_connections} connections",
        "attempt": f"{own.attempt_timeout_ms} ms, {own.connect_timeout_ms} ms of them to connect",
        "retries": _retries(own.retry),
        "longest call": f"{service.longest_call_ms} ms, with every attempt and every wait",
        "breaker": _breaker(own.breaker),
        "longest URL": f"{own.max_url_bytes} bytes",
    }
    yield f"  {service.name} at {own.url}"
    yield from (f"    {name}: {text}" for name, text in lines.items())
    for kept in service.kept:
        who = "private, " if kept.private else ""
        yield f"    keeps {kept.name}: {who}{_windows(kept.windows)}"


def _retries(retry: RetrySettings) -> str:
    if not retry.retries:
        return "none"
    waits = ", ".join(f"{wait} ms" for wait in retry.longest_backoffs_ms)
    late = "; late ones are hedged" if retry.hedging else ""
    budget = f"{retry.budget_percent:g} % of the first attempts of 10 s, or {retry.budget_minimum}"
    return f"{retry.retries}, after at most {waits}; at most {budget}{late}"


def _breaker(breaker: BreakerSettings) -> str:
    if breaker.forced == "open":
        return "forced open: no call goes through"
    if breaker.mode == "rate":
        rule = (
            f"opens when {breaker.rate_percent:g} % of {breaker.minimum_calls} calls or more within "
            f"{breaker.window_s:g} s failed"
        )
    else:
        forgets = f", counted anew every {breaker.interval_s:g} s" if breaker.interval_s else ""
        rule = f"opens when more than {breaker.trip_after} failures follow one another{forgets}"
    watching = "refuses nobody (metrics_only); " if breaker.metrics_only else ""
    return f"{watching}{rule}; for {breaker.timeout_s:g} s, then {breaker.max_requests} calls try it"


def _windows(windows: Windows) -> str:
    times = {
        "fresh": windows.fresh,
        "stale": windows.stale,
        "stale if error": windows.stale_if_error,
        "negative": windows.negative,
    }
    return ", ".join(f"{name} {seconds:g} s" for name, seconds in times.items())


def _cache(cache: CacheSettings) -> str:
    if not cache.max_bytes:
        return "off"
    workers = f"{cache.workers} worker{'s' * (cache.workers != 1)}"
    return f"{cache.max_bytes} bytes in each process, windows up to {cache.jitter_percent:g} % shorter, {workers}"


def _blasts(blasts: Sequence[Blast]) -> Iterator[str]:
    for number, blast in enumerate(blasts):
        if not number or blasts[number - 1].operation != blast.operation:
            yield f"    {blast.operation}"
        parts = []
        if blast.null:
            parts.append(f"null: {', '.join(path or 'all of the answer' for path in blast.null)}")
        if blast.fallback:
            parts.append(f"falls back: {', '.join(blast.fallback)}")
        yield f"      without {blast.service}, {'; '.join(parts)}"
