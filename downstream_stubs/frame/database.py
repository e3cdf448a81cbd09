"""The database: one SQLite file per service, filled once with the same data on every machine.

A service that writes has two: what it was filled with, and a copy that is written to and can be put back.
"""

import contextlib
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

Fill = Callable[[sqlite3.Connection], None]
Value = str | int | float | bytes | None
"""What may stand in a row."""

# Answers that are given again for the same key (see idempotency.py): in the file of the data that they are about, so
# that one transaction holds both and a reset forgets both.
_KEPT_ANSWERS = """
CREATE TABLE idempotency (
    subject TEXT NOT NULL, route TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL, media_type TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (subject, route, key)
) WITHOUT ROWID;
"""
_BUSY_S = 5.0
_WRITTEN = 1


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

    def rows(self, sql: str, parameters: Sequence[Value] = ()) -> list[sqlite3.Row]:
        """All rows of one SELECT."""
        return self._opened().execute(sql, parameters).fetchall()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RuntimeError(f"{self.path} is not open")
        return self._connection


class WritableDatabase(Database):
    """A data file that is written to, beside a pristine one that it can be put back to.

    ``fill`` and ``sources`` make ``<name>.seed.sqlite3``, which nobody writes to; ``path`` is a copy of it, made when
    it is missing and put back when it stems from another version. Several processes may have one directory open:
    they see each other's writes, and one writes at a time (the others wait up to five seconds).
    """

    def __init__(self, path: Path, fill: Fill, sources: Iterable[ModuleType]) -> None:
        super().__init__(path, _with_kept_answers(fill), (*sources, sys.modules[__name__]))
        self.seed_path = path.with_suffix(f".seed{path.suffix}")

    def open(self) -> None:
        """Make both files if need be; open the copy unless it is open. Raises OSError or sqlite3.Error."""
        if self._connection is not None:
            return
        version = _version(self._sources)
        if _version_of(self.seed_path) != version:
            _make(self.seed_path, self._fill, version)
        found = _version_of(self.path)
        if found == 0:
            _copy(self.seed_path, self.path)
        connection = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        # A machine that loses its power may lose the last writes, never the file.
        connection.execute("PRAGMA synchronous = NORMAL")
        self._connection = connection
        if found not in (0, version):
            # Put back in place: another process may have the file open, which a new one would leave behind.
            self._restore()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection whose writes are all kept, or none if the block raises. Nothing may be awaited inside.

        Raises sqlite3.OperationalError if another process does not let it begin, RuntimeError inside another one.
        """
        connection = self._opened()
        if connection.in_transaction:
            raise RuntimeError("a transaction is going on; was something awaited inside it?")
        connection.execute("BEGIN IMMEDIATE")
        try:
            # In the file's own header, so that it is undone with the rest and every process sees it.
            connection.execute(f"PRAGMA application_id = {_WRITTEN}")
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def reset(self) -> None:
        """Put back what the file was made with, numbers of new rows included; nothing to do if nobody wrote.

        Raises sqlite3.Error.
        """
        if self._opened().execute("PRAGMA application_id").fetchone()[0] == _WRITTEN:
            self._restore()

    def _restore(self) -> None:
        live = self._opened()
        with contextlib.closing(sqlite3.connect(f"{self.seed_path.absolute().as_uri()}?mode=ro", uri=True)) as seed:
            seed.backup(live)
        live.execute("PRAGMA wal_checkpoint(TRUNCATE)")


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


def _with_kept_answers(fill: Fill) -> Fill:
    def both(connection: sqlite3.Connection) -> None:
        fill(connection)
        connection.executescript(_KEPT_ANSWERS)

    return both


def _copy(seed: Path, path: Path) -> None:
    """Give ``path`` a copy of the seed, unless another process was quicker."""
    handle, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        shutil.copyfile(seed, temporary)
        with contextlib.closing(sqlite3.connect(temporary)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        # What a file that is no more has left in its journal would be read as this one's.
        for stale in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
            if _version_of(path) == 0:
                stale.unlink(missing_ok=True)
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
