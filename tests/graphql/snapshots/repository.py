"""A repository to hold schemas to: its schema folder in a temporary directory, filled by sentences."""

from __future__ import annotations

from pathlib import Path

from graphql import build_schema

from bff_core.graphql.snapshots import Report, check, export, publish

OLD = '''
"""What can be asked."""
type Query {
  product(id: ID!, size: Int = 100): Product
  search(filter: Filter, sort: Sort = NEWEST): [Product!]!
  found(text: String): [Found!]!
  node(id: ID!): Node
}

interface Node { id: ID! }

"""One thing to buy."""
type Product implements Node { id: ID! name: String! price: String! stock: Stock! sku: String }
type Shop implements Node { id: ID! name: String! }
type Note { text: String! }

union Found = Product | Shop | Note

enum Stock { PLENTY FEW NONE }
enum Sort { NEWEST CHEAPEST }
input Filter { text: String below: Price stock: Stock }
input Price { amount: String! currency: String = "EUR" }
'''


class Repository:
    """The schema folder of one BFF called "web", before a change."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = path / "schema"
        self.root.mkdir()

    def has(self, sdl: str = OLD) -> Repository:
        """Main has this schema, and its snapshot says so."""
        export("web", build_schema(sdl), self.root)
        return self

    def released(self, client: str, *documents: str, sdl: str = OLD) -> Repository:
        """This client was released with these documents, `A.graphql`, `B.graphql` and so on."""
        folder = self.path / f"from-{client}"
        folder.mkdir()
        for name, document in zip("ABCDEF", documents, strict=False):
            (folder / f"{name}.graphql").write_text(document)
        publish("web", build_schema(sdl), self.root, client=client, operations=[folder])
        return self

    def check(self, sdl: str, *, against: str | None = None, allow_unused: bool = False) -> Report:
        """The verdict on main with this schema, its snapshot renewed."""
        self.has(sdl)
        return check("web", build_schema(sdl), self.root, against=against, allow_unused=allow_unused)

    def check_as_it_is(self, sdl: str = OLD, *, against: str | None = None) -> Report:
        """The verdict with whatever the folder holds."""
        return check("web", build_schema(sdl), self.root, against=against)


def changed(before: str, after: str, sdl: str = OLD) -> str:
    """The schema with one piece of its text replaced; the piece must be there once."""
    assert sdl.count(before) == 1, before
    return sdl.replace(before, after)
