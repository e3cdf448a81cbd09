"""Notices: what users are still to be told about their refunds, until the notification service has taken it.

A notice is written in the transaction of its refund, so none is lost; it is sent under a key of its own, so none is
shown twice. What cannot be delivered waits for the next refund: a refund never fails because nobody can be told.
"""

import logging
from collections.abc import Mapping

from downstream_stubs.frame.database import WritableDatabase
from downstream_stubs.frame.peer import Peer, PeerProblem, PeerUnknown
from downstream_stubs.frame.problems import IDEMPOTENCY_KEY
from downstream_stubs.frame.service_key import HEADER

# A refund waits for its notice to be taken, but not long.
TIMEOUT_S = 0.5
_AT_ONCE = 10
_NEVER = (400, 422)

_log = logging.getLogger("stubs.payments")


class Notices:
    """The notices of one data file, and the service that takes them."""

    def __init__(self, database: WritableDatabase, notifications: Peer, service_key: str) -> None:
        self._database = database
        self._notifications = notifications
        self._service_key = service_key

    async def deliver(self, headers: Mapping[str, str]) -> None:
        """Hand over what waits, oldest first, at most ten; ``headers`` go along. Stops where one is not taken."""
        for row in self._database.rows("SELECT * FROM notices ORDER BY n LIMIT ?", [_AT_ONCE]):
            told = {"user_id": row["user_id"], "kind": "refund_done", "order_id": row["order_id"]}
            own = {HEADER: self._service_key, IDEMPOTENCY_KEY: row["key"]}
            try:
                await self._notifications.ask("POST", "/notifications", json=told, headers={**headers, **own})
            except PeerUnknown as unknown:
                _log.warning("a notice waits: %s", unknown)
                return
            except PeerProblem as problem:
                if problem.status not in _NEVER:
                    _log.warning("a notice waits: %s", problem)
                    return
                _log.warning("a notice is given up: %s", problem)
            with self._database.transaction() as connection:
                connection.execute("DELETE FROM notices WHERE key = ?", [row["key"]])
