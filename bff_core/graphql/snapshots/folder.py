"""Snapshots: the layout of the schema folder, and reading the documents in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from graphql import (
    DocumentNode,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    Source,
    parse,
    separate_operations,
)

from bff_core.graphql.snapshots.errors import BadDocument, CannotTell

SUFFIX = ".graphql"
IDS = "ids.json"
"""Beside the documents of a client: their names and the ids that it sends, as its manifest said."""


@dataclass(frozen=True, slots=True)
class Document:
    """One GraphQL document as a client sends it: self-contained, with its own fragments.

    `client` is empty for the documents of main; `file` is how reports call it, relative to the repository.
    """

    client: str
    file: str
    ast: DocumentNode


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document with just the fragments it uses; its nodes keep their place in the file.

    `name` of an anonymous operation is the name of its file; `line` starts at 1.
    """

    client: str
    name: str
    file: str
    line: int
    ast: DocumentNode


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the files of one BFF are inside the repository's schema folder `root`."""

    root: Path
    bff: str

    @property
    def snapshot(self) -> Path:
        """The schema that main has."""
        return self.root / f"{self.bff}{SUFFIX}"

    @property
    def operations(self) -> Path:
        """The documents of main."""
        return self.root / "operations" / self.bff

    @property
    def published_schema(self) -> Path:
        """The schema that released clients rely on."""
        return self.root / "published" / self.bff / f"schema{SUFFIX}"

    @property
    def published_operations(self) -> Path:
        """One folder of documents for each released client."""
        return self.root / "published" / self.bff / "operations"

    @property
    def supported_file(self) -> Path:
        """Which released clients are supported, one a line."""
        return self.root / "published" / self.bff / "supported.txt"

    def shown(self, path: Path) -> str:
        """`path` as reports write it: relative to the repository if it is inside, with forward slashes."""
        repository = self.root.resolve().parent
        absolute = path.resolve()
        return (absolute.relative_to(repository) if absolute.is_relative_to(repository) else absolute).as_posix()

    def clients(self) -> tuple[str, ...]:
        """The clients of which operations are published, supported or not, sorted."""
        if not self.published_operations.is_dir():
            return ()
        return tuple(sorted(each.name for each in self.published_operations.iterdir() if each.is_dir()))

    def supported(self) -> tuple[str, ...]:
        """The released clients whose operations must keep working, sorted: those of the file, or all where there is
        none. Errors: `CannotTell` for one of which nothing is published, so that a folder is not lost unnoticed.
        """
        published = self.clients()
        if not self.supported_file.exists():
            return published
        shown = self.shown(self.supported_file)
        named = [line.partition("#")[0].strip() for line in read_text(self.supported_file, shown).splitlines()]
        for client in filter(None, named):
            if client not in published:
                raise CannotTell(
                    f"{shown} says that {client} is supported, and no operations of it are published. Restore them "
                    f"from git, add them with `bff operations add {self.bff}`, or take the line out to end its support."
                )
        return tuple(sorted(set(filter(None, named))))

    def released(self) -> tuple[Operation, ...]:
        """Every operation of every supported client. Errors: `CannotTell` for a document that cannot be
        read."""
        return tuple(
            operation
            for client in self.supported()
            for path in documents_in(self.published_operations / client)
            for operation in operations_of(self.document(path, client))
        )

    def document(self, path: Path, client: str = "") -> Document:
        """The parsed document at `path`. Errors: `CannotTell`, as `BadDocument` when it does not parse."""
        return parse_document(read_text(path, self.shown(path)), self.shown(path), client)


def documents_in(folder: Path) -> tuple[Path, ...]:
    """The documents in a folder and the folders below, sorted; none when there is no such folder."""
    return tuple(sorted(folder.rglob(f"*{SUFFIX}")))


def read_text(path: Path, shown: str) -> str:
    """The text of a file with plain newlines. Errors: `CannotTell`."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CannotTell(f"{shown} does not exist") from None
    except OSError as error:
        raise CannotTell(f"{shown} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CannotTell(f"{shown} is not UTF-8 text (byte {error.start})") from error


def parse_document(text: str, file: str, client: str) -> Document:
    """The parsed document. Errors: `BadDocument` when it does not parse or holds no operation."""
    try:
        ast = parse(Source(text, file))
    except GraphQLSyntaxError as error:
        where = error.locations[0] if error.locations else None
        raise BadDocument(file, where.line if where else 1, where.column if where else 1, error.message) from error
    if not any(isinstance(node, OperationDefinitionNode) for node in ast.definitions):
        raise BadDocument(file, 1, 1, "it holds no operation; each document carries its own fragments")
    return Document(client, file, ast)


def operations_of(document: Document) -> Iterator[Operation]:
    """The operations of a document, in its order."""
    for name, ast in separate_operations(document.ast).items():
        node = next(each for each in ast.definitions if isinstance(each, OperationDefinitionNode))
        line = node.loc.start_token.line if node.loc else 1
        yield Operation(document.client, name or Path(document.file).stem, document.file, line, ast)
