"""The store: reads what users were told from the data file, and writes what they are told and have read.

What belongs to another user is not found. Each write takes the connection of its transaction (see
frame/database.py), so that it and the answer kept for its key are one.
"""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from downstream_stubs.frame.cursor import Cursors, Key
from downstream_stubs.frame.database import WritableDatabase, as_array
from downstream_stubs.frame.problems import INVALID_BODY, ProblemError
from downstream_stubs.notifications.models import (
    Device,
    DeviceOrder,
    Notification,
    NotificationOrder,
    NotificationPage,
    ReadOrder,
    ReadOutcome,
)
from downstream_stubs.notifications.seed import notification_id
from downstream_stubs.notifications.words import WORDS

_BEFORE_ALL: list[Key] = [2**62, 0]
# By what `unread` says: all, those that are, those that are not.
_WHICH = {None: "", True: " AND read_s IS NULL", False: " AND read_s IS NOT NULL"}


class NotificationStore:
    """Notifications and devices by their owner. ``now`` tells the time of what is written."""

    def __init__(
        self,
        database: WritableDatabase,
        cursors: Cursors,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._cursors = cursors
        self._now = now

    def page(self, user_id: str, unread: bool | None, limit: int, cursor: str | None) -> NotificationPage:
        """One page, newest first. Raises a 400 problem naming `cursor` for a foreign one, another user's too."""
        question = ("inbox", user_id, None if unread is None else int(unread))
        after = self._cursors.read(question, cursor) if cursor is not None else _BEFORE_ALL
        # Every piece of SQL is one of the constants above; what the client says goes into the values.
        scope = f"FROM notifications WHERE user_id = ?{_WHICH[unread]}"
        total: int = self._database.rows(f"SELECT count(*) {scope}", [user_id])[0][0]
        rows = self._database.rows(
            f"SELECT * {scope} AND (created_s, n) < (?, ?) ORDER BY created_s DESC, n DESC LIMIT ?",
            [user_id, *after, limit + 1],
        )
        shown = rows[:limit]
        cursors = [self._cursors.make(question, (row["created_s"], row["n"])) for row in shown]
        return NotificationPage(
            items=[_notification(row) for row in shown],
            cursors=cursors,
            next=cursors[-1] if len(rows) > limit else None,
            total=total,
        )

    def notifications(self, user_id: str, ids: Sequence[str]) -> list[Notification]:
        """Those of these that are the user's, oldest first."""
        sql = "SELECT * FROM notifications WHERE user_id = ? AND id IN (SELECT value FROM json_each(?)) ORDER BY n"
        return [_notification(row) for row in self._database.rows(sql, [user_id, as_array(ids)])]

    def unread(self, user_id: str) -> int:
        """How many the user has not read."""
        sql = "SELECT count(*) FROM notifications WHERE user_id = ? AND read_s IS NULL"
        count: int = self._database.rows(sql, [user_id])[0][0]
        return count

    def devices(self, user_id: str) -> list[Device]:
        """The user's devices, the first registered one first."""
        return [
            _device(row) for row in self._database.rows("SELECT * FROM devices WHERE user_id = ? ORDER BY n", [user_id])
        ]

    def read(self, connection: sqlite3.Connection, user_id: str, order: ReadOrder) -> ReadOutcome:
        """Mark as read; ids of other users are passed over like unknown ones."""
        before = self.unread(user_id)
        connection.execute(
            "UPDATE notifications SET read_s = ?1 WHERE user_id = ?2 AND read_s IS NULL"
            " AND (?3 IS NULL OR id IN (SELECT value FROM json_each(?3)))",
            [self._second(), user_id, None if order.ids is None else as_array(order.ids)],
        )
        unread = self.unread(user_id)
        return ReadOutcome(updated=before - unread, unread=unread)

    def register(self, user_id: str, device_id: str, order: DeviceOrder) -> Device:
        """Register a device or change what is known of it.

        What delivers to it is one device: whoever signed in on it before is told no more there.
        """
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM devices WHERE token = ? AND NOT (user_id = ? AND id = ?)",
                [order.token, user_id, device_id],
            )
            connection.execute(
                "INSERT INTO devices (user_id, id, platform, token, app_version, locale, registered_s)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user_id, id) DO UPDATE SET"
                " platform = excluded.platform, token = excluded.token,"
                " app_version = excluded.app_version, locale = excluded.locale",
                [user_id, device_id, order.platform, order.token, order.app_version, order.locale, self._second()],
            )
        return next(one for one in self.devices(user_id) if one.id == device_id)

    def tell(self, connection: sqlite3.Connection, order: NotificationOrder) -> Notification:
        """Tell a user something. Raises a 422 problem if what it must be about is missing."""
        about = WORDS[order.kind].about
        given = {"order_id": order.order_id, "product_id": order.product_id}
        if about is not None and given[about] is None:
            reason = f"{order.kind} needs one"
            raise ProblemError(INVALID_BODY, f"Not acceptable: {about} ({reason}).", errors=[(about, reason)])
        n: int = connection.execute("SELECT coalesce(max(n), 0) + 1 FROM notifications").fetchone()[0]
        connection.execute(
            "INSERT INTO notifications VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
            [n, notification_id(n), order.user_id, order.kind, order.order_id, order.product_id, self._second()],
        )
        return self.notifications(order.user_id, [notification_id(n)])[0]

    def _second(self) -> int:
        return int(self._now().timestamp())


def _notification(row: sqlite3.Row) -> Notification:
    words = WORDS[row["kind"]]
    return Notification(
        id=row["id"],
        kind=row["kind"],
        title=words.title,
        body=words.body,
        created_at=_time(row["created_s"]),
        read_at=None if row["read_s"] is None else _time(row["read_s"]),
        order_id=row["order_id"],
        product_id=row["product_id"],
    )


def _device(row: sqlite3.Row) -> Device:
    return Device(
        id=row["id"],
        platform=row["platform"],
        app_version=row["app_version"],
        locale=row["locale"],
        registered_at=_time(row["registered_s"]),
    )


def _time(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)
