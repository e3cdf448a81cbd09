"""The writable database: a copy of the seed that remembers writes until it is put back."""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from downstream_stubs.frame.database import WritableDatabase


def fill(connection: sqlite3.Connection) -> None:
    connection.executescript("CREATE TABLE things (n INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL)")
    connection.execute("INSERT INTO things (name) VALUES ('seed')")


def source(directory: Path, text: str = "1") -> ModuleType:
    """A module with this source, as one that decides what is filled in."""
    module = ModuleType("source")
    path = directory / "source.py"
    path.write_text(text)
    module.__file__ = str(path)
    return module


@contextmanager
def opened(directory: Path, text: str = "1") -> Iterator[WritableDatabase]:
    database = WritableDatabase(directory / "things.sqlite3", fill, [source(directory, text)])
    database.open()
    try:
        yield database
    finally:
        database.close()


def names(database: WritableDatabase) -> list[str]:
    return [row["name"] for row in database.rows("SELECT name FROM things ORDER BY n")]


def add(database: WritableDatabase, *some: str | None) -> int | None:
    """Write these in one transaction, None being what a thing cannot be called; the number of the last one."""
    with database.transaction() as connection:
        return [connection.execute("INSERT INTO things (name) VALUES (?)", [name]).lastrowid for name in some][-1]


def test_writes_outlive_the_process(tmp_path: Path) -> None:
    """What was written is there when the file is opened again; the seed beside it has nothing of it."""
    with opened(tmp_path) as database:
        seed = database.seed_path.read_bytes()
        add(database, "mine")
    with opened(tmp_path) as database:
        assert names(database) == ["seed", "mine"]
        assert database.seed_path.read_bytes() == seed
        assert database.seed_path.name == "things.seed.sqlite3"


def test_block_that_raises_writes_nothing(tmp_path: Path) -> None:
    """All writes of a transaction are kept, or none; the next transaction begins as if nothing had been."""
    with opened(tmp_path) as database:
        with pytest.raises(sqlite3.IntegrityError):
            add(database, "half", None)
        assert names(database) == ["seed"]
        add(database, "whole")
        assert names(database) == ["seed", "whole"]


def test_transactions_do_not_nest(tmp_path: Path) -> None:
    """A second transaction inside the first is told as the mistake that it is."""
    with opened(tmp_path) as database, database.transaction(), pytest.raises(RuntimeError, match="awaited"):
        add(database, "inner")


def test_reset_puts_everything_back(tmp_path: Path) -> None:
    """After a reset the same writes get the same numbers as the first time."""
    with opened(tmp_path) as database:
        first = add(database, "one")
        database.reset()
        assert names(database) == ["seed"]
        assert add(database, "two") == first


def test_reset_without_writes_touches_nothing(tmp_path: Path) -> None:
    """Where nobody wrote, or a write was taken back, the seed is not even opened."""
    with opened(tmp_path) as database:
        add(database, "mine")
        database.reset()
        with pytest.raises(sqlite3.IntegrityError):
            add(database, None)
        database.seed_path.unlink()
        database.reset()
        add(database, "mine")
        with pytest.raises(sqlite3.OperationalError):
            database.reset()


def test_two_see_each_other(tmp_path: Path) -> None:
    """Two that have the file open see each other's writes, and either puts back what the other wrote."""
    with opened(tmp_path) as one, opened(tmp_path) as other:
        add(one, "mine")
        assert names(other) == ["seed", "mine"]
        other.reset()
        assert names(one) == names(other) == ["seed"]
        add(one, "again")
        assert names(other) == ["seed", "again"]


def test_two_write_one_after_the_other(tmp_path: Path) -> None:
    """While one writes, the other cannot begin."""
    with opened(tmp_path) as one, contextlib.closing(sqlite3.connect(one.path, timeout=0)) as impatient:
        with one.transaction(), pytest.raises(sqlite3.OperationalError, match="locked"):
            impatient.execute("BEGIN IMMEDIATE")
        impatient.execute("BEGIN IMMEDIATE")


def test_other_version_puts_the_copy_back(tmp_path: Path) -> None:
    """A changed source makes seed and copy anew, in place: who has the old copy open sees the new one."""
    with opened(tmp_path) as old:
        add(old, "mine")
        inode = old.path.stat().st_ino
        with opened(tmp_path, "2") as new:
            assert names(new) == names(old) == ["seed"]
            add(old, "late")
            assert names(new) == ["seed", "late"]
        assert old.path.stat().st_ino == inode


def test_leftover_journal_is_no_part_of_a_new_copy(tmp_path: Path) -> None:
    """A journal whose file is gone is not read into the file that is made in its place."""
    with opened(tmp_path) as database:
        add(database, "mine")
        journal = Path(f"{database.path}-wal").read_bytes()
    database.path.unlink()
    Path(f"{database.path}-wal").write_bytes(journal)
    with opened(tmp_path) as database:
        assert names(database) == ["seed"]


def test_closed_is_told(tmp_path: Path) -> None:
    """A database that is not open says so, for reading, writing and putting back."""
    database = WritableDatabase(tmp_path / "things.sqlite3", fill, [])
    for act in (lambda: names(database), lambda: add(database, "x"), database.reset):
        with pytest.raises(RuntimeError, match="not open"):
            act()
