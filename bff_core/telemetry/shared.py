"""Numbers that several workers of one BFF keep in one folder, so that any of them can show those of all.

A worker has a *seat*, a number from 0, and files of its own under it, which it writes as it counts: a number is eight
bytes of a file that is mapped into memory. So what a worker had counted when it was killed is not lost, and the one in
its place, on the same seat, counts on from there: no counter ever falls, and there are no more files than seats. What a
worker *is*, as against what it has counted, ends with it: the gauges of an empty seat are removed by whoever notices
first, the worker that takes it or one that is asked for the numbers.

A seat is held by a lock on a file of its own, which the system takes away from whoever dies.

The format of the files and the adding up are prometheus_client's own (its "multiprocess mode"), with the folder given
in place of a variable of the environment, and seats in place of process ids.
"""

from __future__ import annotations

import fcntl
import os
import struct
from functools import partial
from itertools import count
from pathlib import Path

from prometheus_client import CollectorRegistry, values
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

#: A new file as the library has it: how much of it is used, then room for numbers. Bytes.
_USED = struct.pack("i", 8)
_SIZE = 1 << 16


class SharedNumbers:
    """The numbers of all workers in ``folder``, and this process's part in them. Process lifetime.

    It takes the first free seat when it is made, and keeps it until ``close`` or the end of the process.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, MmapedDict] = {}
        for seat in count():
            lock = os.open(self._lock_of(seat), os.O_RDWR | os.O_CREAT, 0o600)
            if _held(lock, fcntl.LOCK_EX):
                self._seat, self._lock = seat, lock
                break
            os.close(lock)
        self._forget(self._seat)

    @property
    def seat(self) -> int:
        """Its number."""
        return self._seat

    def keep(self) -> None:
        """Have every metric that this process makes from now on keep its numbers here.

        The library knows one kind of number for a whole process, so this is for a process that serves and nothing else.
        """
        values.ValueClass = partial(_Number, self)

    def render(self) -> tuple[bytes, str]:
        """The numbers of all workers in Prometheus' text format, and the content type to send them with."""
        for seat in self._taken():
            if seat != self._seat and self._left(seat):
                self._forget(seat)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(self._folder))  # type: ignore[no-untyped-call]  # the library's
        return generate_latest(registry), CONTENT_TYPE_LATEST

    def file(self, kind: str) -> MmapedDict:
        """This worker's file of one kind of metric."""
        file = self._files.get(kind)
        if file is None:
            path = self._folder / f"{kind}_{self._seat}.db"
            if not path.exists():  # else another worker counted here before
                new = path.with_suffix(".new")
                new.write_bytes(_USED + bytes(_SIZE - len(_USED)))
                new.rename(path)  # whole at once: another worker may be reading at this very instant
            file = self._files[kind] = MmapedDict(str(path))  # type: ignore[no-untyped-call]  # the library's
        return file

    def close(self) -> None:
        """Give the seat up; what was counted stays, and nothing may be counted any more."""
        for file in self._files.values():
            file.close()  # type: ignore[no-untyped-call]  # the library's
        self._files.clear()
        os.close(self._lock)
        self._forget(self._seat)

    def _lock_of(self, seat: int) -> Path:
        return self._folder / f"seat_{seat}.lock"

    def _taken(self) -> list[int]:
        return [int(path.stem.removeprefix("seat_")) for path in self._folder.glob("seat_*.lock")]

    def _left(self, seat: int) -> bool:
        """Whether nobody holds a seat.

        Looking takes it for an instant. A worker that starts in that very instant takes the next one: a seat more, and
        no number less.
        """
        lock = os.open(self._lock_of(seat), os.O_RDWR)
        try:
            return _held(lock, fcntl.LOCK_SH)
        finally:
            os.close(lock)

    def _forget(self, seat: int) -> None:
        mark_process_dead(seat, str(self._folder))  # type: ignore[no-untyped-call]  # the library's

    def __repr__(self) -> str:
        return f"<SharedNumbers {self._folder} seat={self._seat} files={len(self._files)}>"


def _held(lock: int, how: int) -> bool:
    """Whether this process has the lock now; it never waits for it."""
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Number:
    """One number of one series, in place of the library's own kind. Not for threads: one loop counts."""

    _multiprocess = True

    def __init__(
        self,
        numbers: SharedNumbers,
        kind: str,
        metric: str,
        name: str,
        label_names: list[str],
        label_values: list[str],
        help_text: str,
        multiprocess_mode: str = "",
        **_: object,
    ) -> None:
        self._file = numbers.file(f"{kind}_{multiprocess_mode}" if kind == "gauge" else kind)
        self._key = mmap_key(metric, name, label_names, label_values, help_text)
        self._value: float = self._file.read_value(self._key)[0]  # type: ignore[no-untyped-call]  # the library's

    def inc(self, amount: float) -> None:
        """Add to it."""
        self._value += amount
        self._file.write_value(self._key, self._value, 0.0)  # type: ignore[no-untyped-call]  # the library's

    def set(self, value: float, timestamp: float | None = None) -> None:
        """Set it."""
        self._value = value
        self._file.write_value(self._key, value, timestamp or 0.0)  # type: ignore[no-untyped-call]  # the library's

    def get(self) -> float:
        """What this worker has; not the others."""
        return self._value

    def set_exemplar(self, _: object) -> None:
        """There is no place for exemplars in the files."""

    def get_exemplar(self) -> None:
        """None is ever kept."""
