"""How long the longest key of a pattern is, as it stands in a URL.

The pattern's own syntax tree is walked, and every character counts with the bytes that quoting makes of it, so the
answer is an upper bound: no text that the pattern matches is longer. Case is ignored at the price of the widest
character; what only looks ahead or behind counts as nothing, so a lookahead does not bound what it looks at.

The tree is the ``re`` module's own and private to it: there is no public one, and a second parser of regular
expressions would differ from the first. A node that is not known here counts as one without an end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import import_module
from typing import Any
from urllib.parse import quote

#: Bytes that the widest character takes: four in UTF-8, three each when quoted.
WIDEST = 12

#: The widest of each class when it is of ASCII alone; any character otherwise.
_ASCII_CLASSES = {"CATEGORY_WORD": 1, "CATEGORY_DIGIT": 1, "CATEGORY_SPACE": 3}


def longest_in_url(pattern: re.Pattern[str]) -> int | None:
    """Bytes that the longest text the whole pattern matches takes in a URL; None where there is no longest."""
    tree = import_module("re._parser").parse(pattern.pattern, pattern.flags)
    return _Walk().all_of(tree, pattern.flags)


class _Walk:
    """One walk; ``groups``: the widths of the groups met so far, for what refers back to them."""

    def __init__(self) -> None:
        self.groups: dict[int, int | None] = {}

    def all_of(self, nodes: Iterable[tuple[Any, Any]], flags: int) -> int | None:
        """What follows one another."""
        total = 0
        for node in nodes:
            width = self.one(str(node[0]), node[1], flags)
            if width is None:
                return None
            total += width
        return total

    def one(self, kind: str, value: Any, flags: int) -> int | None:
        """One node of the tree."""
        match kind:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                return _character(kind, value, flags)
            case "BRANCH":
                return _widest(self.all_of(branch, flags) for branch in value[1])
            case "SUBPATTERN":
                number, added, removed, inner = value
                self.groups[number] = self.all_of(inner, (flags | added) & ~removed)
                return self.groups[number]
            case "ATOMIC_GROUP":
                return self.all_of(value, flags)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                _, most, inner = value
                width = self.all_of(inner, flags)
                if width == 0 or most == 0:
                    return 0
                return None if width is None or str(most) == "MAXREPEAT" else width * int(most)
            case "GROUPREF":
                return self.groups.get(value)
            case "GROUPREF_EXISTS":
                _, there, absent = value
                return _widest(self.all_of(branch, flags) for branch in (there, absent or ()))
            case "AT" | "ASSERT" | "ASSERT_NOT" | "FAILURE":
                return 0
        return None


def _character(kind: str, value: Any, flags: int) -> int:
    match kind:
        case "LITERAL":
            return _folded(value, value, flags)
        case "IN":
            return max(_member(str(inner), one, flags) for inner, one in value)
    return WIDEST


def _member(kind: str, value: Any, flags: int) -> int:
    """One member of a set of characters."""
    match kind:
        case "LITERAL":
            return _folded(value, value, flags)
        case "RANGE":
            first, last = value
            return _folded(first, last, flags)
        case "CATEGORY" if flags & re.ASCII:
            return _ASCII_CLASSES.get(str(value), WIDEST)
    return WIDEST


def _folded(first: int, last: int, flags: int) -> int:
    """The widest character of a range; ignoring case, the other case of a letter may be any other character."""
    if flags & re.IGNORECASE and any(chr(code).isalpha() for code in range(first, last + 1)):
        return WIDEST
    return max(_quoted(code) for code in (*range(first, min(last, 127) + 1), last))


def _quoted(code: int) -> int:
    """Bytes of one character in a URL, where all but ASCII is quoted byte by byte."""
    if code < 128:
        return len(quote(chr(code), safe=":"))
    return 3 * len(chr(code).encode(errors="surrogatepass"))


def _widest(widths: Iterable[int | None]) -> int | None:
    found = list(widths)
    known = [width for width in found if width is not None]
    return max(known, default=0) if len(known) == len(found) else None


__all__ = ["WIDEST", "longest_in_url"]
