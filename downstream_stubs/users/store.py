"""The store: reads users from their data file, and changes them there."""

import sqlite3
from collections.abc import Sequence

from downstream_stubs.frame.database import Database, as_array
from downstream_stubs.users.models import Address, Preferences, Profile, ProfileChange, PublicProfile
from downstream_stubs.users.people import shown_name


class UserStore:
    """Users by id; None or an empty list for an unknown one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def profile(self, user_id: str) -> Profile | None:
        """The whole profile."""
        rows = self._database.rows("SELECT profile FROM users WHERE id = ?", [user_id])
        return Profile.model_validate_json(rows[0]["profile"]) if rows else None

    def change(self, connection: sqlite3.Connection, before: Profile, change: ProfileChange) -> Profile:
        """Write what changes of a profile, in a transaction; what everyone sees of the user changes with it."""
        given = change.model_dump(exclude_unset=True)
        after = before.model_copy(update=given)
        # The order of the names is the user's culture's, which a change of names or locale leaves alone.
        family_first = before.name == f"{before.family_name} {before.given_name}"
        names = (after.family_name, after.given_name) if family_first else (after.given_name, after.family_name)
        after = after.model_copy(update={"name": " ".join(names)})
        public = PublicProfile(
            id=after.id,
            display_name=shown_name(after.given_name, after.family_name, family_first=family_first),
            avatar_url=after.avatar_url,
            member_since=after.created_at,
        )
        sql = "UPDATE users SET profile = ?, public = ? WHERE id = ?"
        connection.execute(sql, [after.model_dump_json(), public.model_dump_json(), after.id])
        return after

    def preferences(self, user_id: str) -> Preferences | None:
        """The preferences."""
        rows = self._database.rows("SELECT preferences FROM users WHERE id = ?", [user_id])
        return Preferences.model_validate_json(rows[0]["preferences"]) if rows else None

    def addresses(self, user_id: str) -> list[Address]:
        """The addresses, the default one first."""
        rows = self._database.rows("SELECT address FROM addresses WHERE user_id = ? ORDER BY n", [user_id])
        return [Address.model_validate_json(row["address"]) for row in rows]

    def public_profiles(self, ids: Sequence[str]) -> list[PublicProfile]:
        """Those that exist, ordered by id as a number."""
        sql = "SELECT public FROM users WHERE id IN (SELECT value FROM json_each(?)) ORDER BY n"
        rows = self._database.rows(sql, [as_array(ids)])
        return [PublicProfile.model_validate_json(row["public"]) for row in rows]
