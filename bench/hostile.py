"""Bench: what it costs to refuse a hostile document, or to take one that is just not too much.

    python -m bench.hostile                      # a table on standard output, in about a minute
    python -m bench.hostile --rounds 21

Each document goes through the whole of the web's BFF in this process, HTTP and JSON included, with the limits as they
are shipped and every policy open; no service is there, and what is refused asks for none. A comment with the round's
number makes each one new, so that it is never remembered. The target is 50 ms of CPU for each.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.measuring import versions
from bff_core.app import Doubles, create_app
from bff_core.apps import load_app
from bff_core.bff import Bff
from bff_core.graphql.limits.limits import Limits
from bff_core.settings import Settings
from bff_core.testing.client import Client, client_for
from bff_core.testing.transport import ScriptedTransport

ROOT = Path(__file__).parents[1]
MEGABYTE = 1_000_000
TOKENS = Limits().tokens
#: Milliseconds of CPU that no document may cost more of.
TARGET = 50


@dataclass(frozen=True, slots=True)
class Hostile:
    """A document and its variables. ``refused``: the code of its error; None for one that is answered."""

    text: str
    refused: str | None = "TOO_COSTLY"
    variables: Mapping[str, Any] = field(default_factory=dict)


def doubling(levels: int, body: str, leaf: str, on: str) -> str:
    """Fragments of which each spreads the next one twice: 2^levels ways through them."""
    fragments = [f"fragment F{n} on {on} {{ {body.replace('*', f'...F{n + 1}')} }}" for n in range(levels)]
    return f"{' '.join(fragments)} fragment F{levels} on {on} {{ {leaf} }}"


def filled(part: str, bytes_: int, before: str = "{ __typename ", after: str = "}") -> str:
    """A document of so many bytes, nearly all of it the same over and over."""
    return before + part * ((bytes_ - len(before) - len(after)) // len(part)) + after


def names(count: int, form: str) -> str:
    """So many different ones; ``*`` stands for the number."""
    return " ".join(form.replace("*", str(number)) for number in range(count))


PRODUCT = '{ product(id: "UHJvZHVjdDox") { ...F0 } }'
INVALID = "GRAPHQL_VALIDATION_FAILED"
UNREADABLE = "GRAPHQL_PARSE_FAILED"

REFUSALS = frozenset(("TOO_COSTLY", INVALID, UNREADABLE, "BAD_USER_INPUT"))

#: By what they try. The first part is far beyond a limit, the second is as much as the limits let through.
HOSTILE: dict[str, Hostile] = {
    "2^25 spreads in 1 kB": Hostile("{ ...F0 } " + doubling(25, "* *", "__typename", "Query")),
    "2^25 fields in 2 kB": Hostile(f"{PRODUCT} " + doubling(25, "a: related { * } b: related { * }", "id", "Product")),
    "2^12 fields without an alias": Hostile(
        f"{PRODUCT} " + doubling(12, "related { * } category { id } ... { related { * } }", "id", "Product")
    ),
    "pages in pages": Hostile(
        "{ orders(first: 50) { edges { node { lines { product { related { related { related { id } } } } } } } } }"
    ),
    "introspection in circles": Hostile(
        "{ __schema { types" + " { fields { type" * 7 + " { name }" + "} }" * 7 + " } }"
    ),
    "ofType 60 levels deep": Hostile("{ __schema { types {" + " ofType {" * 60 + " name " + "}" * 62 + " }"),
    "500 levels deep": Hostile(
        '{ node(id: "x") ' + "{ ... on Product { related " * 240 + "{ id }" + "} }" * 240 + " }", UNREADABLE
    ),
    "50 writes by alias": Hostile(
        "mutation {" + names(50, 'a*: removeFromCart(input: { productId: "x" }) { __typename }') + "}"
    ),
    "300 root fields by alias": Hostile("{" + names(300, "a*: unreadCount") + "}"),
    "140 directives at one place": Hostile("{ __typename " + "@skip(if: false) " * 140 + "}"),
    "fragments in a circle": Hostile("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", INVALID),
    "1 MB of comments": Hostile(filled("#\n", MEGABYTE)),
    "1 MB: one comment": Hostile("{ __typename } #" + "x" * MEGABYTE),
    "1 MB: one string": Hostile('{ node(id: "' + "x" * MEGABYTE + '") { id } }'),
    "1 MB: one string of escapes": Hostile('{ node(id: "' + "\\n" * (MEGABYTE // 2) + '") { id } }'),
    "1 MB: one block string": Hostile('{ node(id: """' + "x\n" * (MEGABYTE // 2) + '""") { id } }'),
    "1 MB: one name": Hostile("{ " + "x" * MEGABYTE + " }"),
    "1 MB: one number": Hostile("{ node(id: " + "1" * MEGABYTE + ") { id } }"),
    "1 MB of fields": Hostile(filled("a ", MEGABYTE)),
    "1 MB of nesting": Hostile("{ a" * (MEGABYTE // 3)),
    "1 MB of lists": Hostile("{ node(id: " + "[" * MEGABYTE),
    "1 MB of operations": Hostile("{ a }" * (MEGABYTE // 5)),
    "100,000 ids in a variable": Hostile(
        "mutation($i: MarkReadInput!) { markRead(input: $i) { __typename } }", variables={"i": {"ids": ["x"] * 100_000}}
    ),
    # As much as the limits let through.
    "32 kB: one comment": Hostile("{ __typename } #" + "x" * 32_700, None),
    "32 kB: one string of escapes": Hostile('query($x: ID = "' + "\\n" * 16_300 + '") { node(id: $x) { id } }', None),
    "32 kB: one block string": Hostile('query($x: ID = """' + "x\n" * 16_300 + '""") { node(id: $x) { id } }', None),
    "32 kB: one name": Hostile("{ " + "x" * 32_700 + " }", INVALID),
    f"{TOKENS} tokens: unknown fields": Hostile('{ product(id: "x") { ' + names(TOKENS - 12, "u*") + " } }", INVALID),
    f"{TOKENS} tokens: one field again and again": Hostile('{ product(id: "x") { ' + "id " * (TOKENS - 12) + " } }"),
    f"{TOKENS} tokens: one object again and again": Hostile(
        '{ product(id: "x") { ' + "price { amount } " * (TOKENS // 4 - 3) + " } }"
    ),
    f"{TOKENS} tokens: fragments on one type": Hostile(
        '{ product(id: "x") { '
        + names(TOKENS // 10 - 2, "...F*")
        + " } } "
        + names(TOKENS // 10 - 2, "fragment F* on Product { id }")
    ),
    f"{TOKENS} tokens: a chain of fragments": Hostile(
        '{ product(id: "x") { ...F0 } } ' + doubling(TOKENS // 9 - 3, "id *", "sku", "Product")
    ),
    f"{TOKENS} tokens: operations": Hostile(
        names(TOKENS // 5 - 1, "query Q* { __typename }"), "OPERATION_RESOLUTION_FAILURE"
    ),
    f"{TOKENS} tokens: variables": Hostile("query(" + names(TOKENS // 4 - 3, "$v*: Int") + ") { __typename }", INVALID),
    "30 aliases of one page": Hostile(
        "{ product(id: 1) { " + names(30, "a*: reviews(first: 1) { totalCount }") + " } }", None
    ),
    "100 numbers where one is meant": Hostile("{ product(id: [" + "1 " * 100 + "]) { id } }", INVALID),
}


async def everything(rounds: int, subjects: Mapping[str, Hostile] = HOSTILE) -> str:
    """The table."""
    found: dict[str, list[float]] = {name: [] for name in subjects}
    async with client_for(create_app(subject(), settings(), Doubles(transports=lambda _service: nobody()))) as client:
        await cpu_ms(client, Hostile("{ __typename }", None), -1)
        gc.collect()
        gc.freeze()  # as `bff serve` does
        for number in range(rounds):
            for name, hostile in subjects.items():
                found[name].append(await cpu_ms(client, hostile, number))
    return table(subjects, found)


def subject() -> Bff:
    """The web's, by its name in the project's table of applications; the bench itself knows no shop."""
    return load_app(ROOT, "web")


def settings() -> Settings:
    """Production's limits; any document is looked at, and a body may be larger, so that neither keeps these away."""
    return subject().load_settings(
        {
            "BFF_WEB__DOCUMENTS__POLICY": "open",
            "BFF_WEB__EDGE__MAX_BODY_BYTES": str(4 * MEGABYTE),
            "BFF_WEB__LOGS__LEVEL": "error",
        }
    )


def nobody() -> ScriptedTransport:
    """A service that is not there."""
    return ScriptedTransport(lambda _request: httpx.Response(503))


async def cpu_ms(client: Client, hostile: Hostile, number: int) -> float:
    """Milliseconds of CPU for one request, which must end as it should."""
    body = json.dumps({"query": f"{hostile.text} #{number}", "variables": hostile.variables}).encode()
    headers = {"content-type": "application/json"}
    start = time.process_time()
    response = await client.http.post("/graphql", content=body, headers=headers)
    taken = (time.process_time() - start) * 1000
    codes = {error["extensions"]["code"] for error in response.json().get("errors", ())}
    assert codes == {hostile.refused} if hostile.refused else not codes & REFUSALS, (hostile.text[:80], codes)
    return taken


def table(subjects: Mapping[str, Hostile], found: Mapping[str, Sequence[float]]) -> str:
    """Markdown: what each document cost, and how it ended."""
    lines = ["| document | bytes | ends with | CPU ms | rounds |", "|---|---:|---|---:|---:|"]
    for name, figures in found.items():
        hostile = subjects[name]
        median = statistics.median(figures)
        ends = f"`{hostile.refused}`" if hostile.refused else "an answer"
        mark = "" if median <= TARGET else " (over the target)"
        lines.append(
            f"| {name} | {len(hostile.text)} | {ends} | {median:.1f}{mark} | {min(figures):.1f} to {max(figures):.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="measured rounds (default 7)")
    print(asyncio.run(everything(parser.parse_args().rounds)))
    print(f"\n{versions()}")


if __name__ == "__main__":
    main()
