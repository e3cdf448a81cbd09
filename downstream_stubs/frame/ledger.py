"""The ledger: what a service was asked, so that a test can say "two calls, not twenty"."""

from collections import deque
from dataclasses import dataclass
from typing import TypedDict


class CallEntry(TypedDict):
    """One call as /_calls shows it."""

    seq: int
    method: str
    path: str
    query: str
    route: str | None
    body_ids: object
    status: int | None
    headers: dict[str, bool | str | None]


@dataclass(slots=True)
class Call:
    """One call, from its arrival on.

    ``query`` is the raw text behind the question mark; ``route`` the route's name; ``body`` the parsed JSON
    body, None without one; ``status`` None until the answer is complete, and for good if the connection was
    lost before.
    """

    seq: int
    method: str
    path: str
    query: str
    route: str | None
    authorized: bool
    request_id: str | None
    deadline_ms: str | None
    body: object = None
    status: int | None = None

    def entry(self) -> CallEntry:
        """The call as /_calls shows it; a credential is only ever said to be there."""
        return {
            "seq": self.seq,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "route": self.route,
            "body_ids": self.body,
            "status": self.status,
            "headers": {
                "authorization": self.authorized,
                "x-request-id": self.request_id,
                "x-deadline-ms": self.deadline_ms,
            },
        }


class Ledger:
    """The last ``kept`` calls of one service, oldest first. Lives as long as the process."""

    def __init__(self, kept: int) -> None:
        self._calls: deque[Call] = deque(maxlen=kept)
        self._seq = 0

    def __repr__(self) -> str:
        return f"<Ledger {len(self._calls)} of {self._calls.maxlen}, last seq {self._seq}>"

    def open(
        self,
        *,
        method: str,
        path: str,
        query: str,
        route: str | None,
        authorized: bool,
        request_id: str | None,
        deadline_ms: str | None,
    ) -> Call:
        """Write a call down when it arrives; its body and status follow on the returned entry."""
        self._seq += 1
        call = Call(self._seq, method, path, query, route, authorized, request_id, deadline_ms)
        self._calls.append(call)
        return call

    def since(self, seq: int) -> list[Call]:
        """Calls with a higher number, oldest first. Numbers go on after a clear."""
        return [call for call in self._calls if call.seq > seq]

    def clear(self) -> None:
        """Forget all calls."""
        self._calls.clear()
