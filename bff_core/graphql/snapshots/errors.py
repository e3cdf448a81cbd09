"""Snapshots: the ways in which a schema command ends without doing its work.

SnapshotError        exit_code, message for a terminal (one or more sentences, says what to do next)
├── CannotTell       2: an input is missing or unreadable, so there is no verdict
│   └── BadDocument  2: one GraphQL document does not parse; knows where
├── NotServed        1: a trusted document is gone, is not what its manifest says, or does not fit the schema
└── PublishRefused   1: publishing would break a released client, or what is published is not valid
"""

from __future__ import annotations

from typing import ClassVar


class SnapshotError(Exception):
    """Base of what `export`, `publish`, `retire`, `add` and `trusted` raise; `str(error)` is fit for a terminal."""

    exit_code: ClassVar[int] = 2


class CannotTell(SnapshotError):
    """An input is missing or unreadable: neither "same" nor "breaking" can be said."""


class BadDocument(CannotTell):
    """A document does not parse. `line` and `column` start at 1."""

    def __init__(self, file: str, line: int, column: int, reason: str) -> None:
        super().__init__(f"{file}:{line}:{column} is not a GraphQL document: {reason}")
        self.file = file
        self.line = line
        self.column = column
        self.reason = reason


class NotServed(SnapshotError):
    """A trusted document is gone, is not what its manifest says, or does not fit the schema."""

    exit_code = 1


class PublishRefused(SnapshotError):
    """Nothing was written: the publication would break a released operation or is not valid itself."""

    exit_code = 1
