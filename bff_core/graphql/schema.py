"""From a BFF's types to a schema that may be served: built by Strawberry, then held to the firewall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import strawberry
from strawberry.schema.config import StrawberryConfig

from bff_core.contract import Service
from bff_core.graphql.firewall import complaints
from bff_core.graphql.scopes import enforce


class Schema(strawberry.Schema):
    """Strawberry's schema, in which what a caller is denied is refused; graphql-core's own stands inside it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        enforce(self._schema)


class SchemaError(Exception):
    """A schema that may not be served; the message has one sentence a line."""


def build_schema(
    query: type, services: Sequence[Service], *, mutation: type | None = None, types: Sequence[type] = ()
) -> Schema:
    """The schema. Raises SchemaError when the firewall complains.

    ``types`` are those that only an interface leads to.
    """
    config = StrawberryConfig(disable_field_suggestions=True)
    schema = Schema(query=query, mutation=mutation, types=list(types), config=config)
    if found := complaints(schema, services):
        raise SchemaError("\n".join(found))
    return schema
