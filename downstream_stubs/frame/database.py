"""The database: one SQLite file per service, filled once with the same data on every machine."""

import contextlib
import json
import os
import sqlite3
import tempfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType

Fill = Callable[[sqlite3.Connection], None]


class Database:
    """A service's data file, made when it is missing, broken, or written by another version of its sources.

    ``fill`` creates and fills the tables of an empty file; ``sources`` are the modules that decide what it
    writes. Reads take well under a millisecond and happen on the event loop.
    """

    def __init__(self, path: Path, fill: Fill, sources: Iterable[ModuleType]) -> None:
        self.path = path
        self._fill = fill
        self._sources = tuple(sources)
        self._connection: sqlite3.Connection | None = None

    def __repr__(self) -> str:
        return f"<Database {self.path}{'' if self._connection else ' closed'}>"

    @property
    def is_open(self) -> bool:
        """Whether it can be read."""
        return self._connection is not None

    def open(self) -> None:
        """Make the file if need be; open it unless it is open. Raises OSError or sqlite3.Error."""
        if self._connection is not None:
            return
        version = _version(self._sources)
        if _version_of(self.path) != version:
            _make(self.path, self._fill, version)
        # Opened by whoever starts the service, read only on its event loop.
        self._connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row

    def close(self) -> None:
        """Close the file; it can be opened again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def rows(self, sql: str, parameters: Sequence[str | int | float] = ()) -> list[sqlite3.Row]:
        """All rows of one SELECT."""
        if self._connection is None:
            raise RuntimeError(f"{self.path} is not open")
        return self._connection.execute(sql, parameters).fetchall()


def as_array(values: Sequence[str]) -> str:
    """Values as one parameter, for ``IN (SELECT value FROM json_each(?))``."""
    return json.dumps(values)


def _version(sources: Iterable[ModuleType]) -> int:
    """A number that changes with the sources: a changed seed replaces the file by itself."""
    crc = 0
    for module in sources:
        if module.__file__ is None:
            raise RuntimeError(f"{module.__name__} has no file")
        crc = zlib.crc32(Path(module.__file__).read_bytes(), crc)
    return crc & 0x7FFFFFFF or 1


def _version_of(path: Path) -> int:
    if not path.exists():
        return 0
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return int(connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.DatabaseError:
        return 0  # no database at all: replace it


def _make(path: Path, fill: Fill, version: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with contextlib.closing(sqlite3.connect(temporary)) as connection:
            # Half a file is never seen: it gets its name when it is complete. So nothing has to be safe
            # before.
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            with connection:
                fill(connection)
            connection.execute(f"PRAGMA user_version = {version}")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
