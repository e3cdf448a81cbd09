"""Elements: what an answer is when one of its elements is not there, or cannot be read.

The elements of an answer are the rows of its ``items``, at the top or below ``data``. An answer without such a
list is one element as a whole; and so is a page (``cursors`` stand beside its items) when it comes to being there.
"""

from typing import Any, Literal

#: Which element is touched: "one" is the last of a list, or the whole; "one-of-many" spares whatever has only one.
Part = Literal["none", "one", "one-of-many"]

#: Stands in the place of a value: no field of any service is an object with this member.
WRONG: dict[str, object] = {"spoiled": True}


def without_one(answer: Any, part: Part) -> Any:
    """The answer without one element; None where nothing is left to answer with."""
    holder = _holder(answer)
    if holder is None or "cursors" in holder:
        return None if part == "one" else answer
    if len(holder["items"]) >= _least(part):
        holder["items"].pop()
    return answer


def with_one_spoiled(answer: Any, part: Part) -> Any:
    """The answer with one element of which no field but its ids has its type."""
    holder = _holder(answer)
    if holder is None:
        return _spoiled(answer) if part == "one" else answer
    if len(holder["items"]) >= _least(part):
        holder["items"].append(_spoiled(holder["items"].pop()))
    return answer


def _holder(answer: Any) -> dict[str, Any] | None:
    """The object whose ``items`` are the elements."""
    for one in (answer, answer.get("data")) if isinstance(answer, dict) else ():
        if isinstance(one, dict) and isinstance(one.get("items"), list):
            return one
    return None


def _least(part: Part) -> int:
    return 2 if part == "one-of-many" else 1


def _spoiled(element: Any) -> Any:
    if not isinstance(element, dict):
        return WRONG
    return {name: value if name == "id" or name.endswith("_id") else WRONG for name, value in element.items()}
