"""A Backend-for-Frontend, declared: what ``bff_web`` and ``bff_mobile`` say of themselves.

    web = Bff(name="web", query=Query, services=(...), settings=Path(...))   # in bff_web/app.py

The declaration alone is enough for its schema, its snapshots and its call plans; ``app.create_app`` makes it run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import GraphQLSchema

from bff_core.contract import Get, JwkSet, Service
from bff_core.graphql.schema import Schema, SchemaError, build_schema

if TYPE_CHECKING:
    from bff_core.graphql.snapshots import Trusted
    from bff_core.settings import Settings


@dataclass(frozen=True, slots=True)
class DemoUser:
    """A user of the development services to sign in as: the id the token issuer knows, and what the list shows."""

    id: str
    label: str


@dataclass(frozen=True)
class Bff:
    """One Backend-for-Frontend, declared.

    ``mutation``: the root of its writes; None for a BFF that only reads. ``keys``: the endpoint that serves the
    issuer's key set; None for a BFF without sign-in. ``development_token``: an endpoint that issues a token for a user
    id, for GraphiQL alone. ``operations``: the folder of its own operations, which are trusted documents and become
    GraphiQL's tabs. ``published``: the folder of what released clients use, which only ``bff schema publish`` and
    ``bff operations add`` write; their documents are trusted too. ``types``: those that only an interface leads to.
    """

    name: str
    query: type
    services: tuple[Service, ...]
    settings: Path
    mutation: type | None = None
    types: tuple[type, ...] = ()
    keys: Get[JwkSet] | None = None
    development_token: Get[Any] | None = None
    operations: Path | None = None
    published: Path | None = None
    demo_users: tuple[DemoUser, ...] = field(default=())

    @cached_property
    def strawberry_schema(self) -> Schema:
        """The schema, held to the firewall. Raises SchemaError."""
        return build_schema(self.query, self.services, mutation=self.mutation, types=self.types)

    @property
    def schema(self) -> GraphQLSchema:
        """graphql-core's schema inside it; needs no settings and no network."""
        return self.strawberry_schema._schema

    @cached_property
    def trusted(self) -> tuple[Trusted, ...]:
        """The documents of its own operations and of supported clients, each held to the schema. Raises SchemaError."""
        from bff_core.graphql.snapshots import Folder, SnapshotError, trusted  # git and diffs are for commands alone

        if self.published is not None:
            folder = Folder(self.published.parents[1], self.name)
        elif self.operations is not None:
            folder = Folder(self.operations.parent, self.name)
        else:
            return ()
        released = self.published is not None
        try:
            found = trusted(folder, self.schema, operations=self.operations, released=released)
        except SnapshotError as exc:
            raise SchemaError(str(exc)) from exc
        return tuple(found)

    def load_settings(self, environ: Mapping[str, str] | None = None) -> Settings:
        """The settings in force: file, then environment. Raises SettingsError."""
        from bff_core.settings import load  # pydantic is slow to import, and a schema needs no settings

        return load(self.name, [service.name for service in self.services], self.settings, environ)
