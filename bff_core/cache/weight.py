"""How many bytes a kept value takes in memory, so that a cache can be bounded in them.

Counted is the value and all that it holds, each part once for each place where it stands. What parts share (interned
texts, small numbers) is counted as if it were not, so the weight is rather too large than too small.

Every answer that is kept is weighed, and most of what is in one is text. So texts are weighed together, and what to do
with a type is worked out once: a record of some sixty parts takes 10 µs and not 40.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from functools import lru_cache
from itertools import chain
from sys import getsizeof
from typing import Any

import msgspec

#: What Python takes for a text of ASCII beside its characters, bytes.
_TEXT = getsizeof("")


def weigh(value: Any) -> int:
    """Bytes of ``value`` with everything in it: records, pages, lists, tuples, sets and mappings are looked into.

    So is whatever holds its parts in a ``__dict__``. Of other types only the value itself is counted.
    """
    size = 0
    texts: list[str] = []
    parts = [value]
    for part in parts:  # grows while it is walked; what a service answers with holds no cycle
        kind = type(part)
        if kind is str:
            texts.append(part)
            continue
        fixed, held_by = _plan(kind)  # type: ignore[arg-type]  # mypy takes the hash of an instance for that of its class
        size += getsizeof(part) if fixed is None else fixed
        if held_by is not None:
            parts += held_by(part)
    return size + _of_texts(texts)


def _of_texts(texts: list[str]) -> int:
    joined = "".join(texts)
    if joined.isascii():
        return len(joined) + _TEXT * len(texts)
    # Whoever writes a text of other letters as JSON has Python keep its UTF-8 in it, from then on.
    return sum(
        getsizeof(text) if text.isascii() else getsizeof(text) + len(text.encode(errors="surrogatepass")) + 1
        for text in texts
    )


_Plan = tuple[int | None, Callable[[Any], Iterable[Any]] | None]


@lru_cache(maxsize=1024)
def _plan(kind: type[Any]) -> _Plan:
    """The bytes of every value of a type, None where they differ; and what gives the parts it holds."""
    if issubclass(kind, msgspec.Struct):
        return None if kind.__struct_config__.gc else kind.__basicsize__, msgspec.structs.astuple
    if issubclass(kind, list | tuple | set | frozenset):
        return None, iter
    if issubclass(kind, dict):
        return None, lambda held: chain(held, held.values())
    if kind is bool or kind is type(None) or issubclass(kind, Enum | type):
        return 0, None  # there is one of each in the process
    if kind.__dictoffset__:  # a dataclass, for one
        return None, lambda held: (vars(held),)
    return None, None
