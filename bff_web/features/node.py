"""Fetching anything again by its global id."""

from typing import Annotated, Any

import strawberry

from bff_core.contract import Endpoint
from bff_core.graphql.context import Info
from bff_core.graphql.link import load, opaque
from bff_web.types.node import Node, decode
from services import notifications, orders, products

ENDPOINTS: dict[str, Endpoint[Any]] = {
    "Product": products.by_id,
    "Category": products.categories,
    "Order": orders.by_id,
    "Notification": notifications.by_id,
}


@strawberry.type
class NodeRefetch:
    """Relay's node field."""

    @opaque(*ENDPOINTS.values(), description="Anything that has a global id, by that id; null when it is gone.")
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="A global id.")],
    ) -> Node | None:
        """Read the endpoint from the id's type."""
        found = decode(id)
        endpoint = ENDPOINTS.get(found.type_name)
        node: Node | None = await load(endpoint, found.node_id, info) if endpoint else None
        return node
