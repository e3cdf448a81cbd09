"""What every refetchable thing of the web has in common, and its global id."""

from collections.abc import Callable

import strawberry
from strawberry.relay import GlobalID, GlobalIDValueError

from bff_core.errors import BadRequest


@strawberry.interface(description="Something that can be fetched again by its id alone.")
class Node:
    """Relay's Node."""

    id: strawberry.ID = strawberry.field(description="A global id, opaque to clients.")


def encode(type_name: str, key: str) -> strawberry.ID:
    """The global id of the thing that its service calls ``key``."""
    return strawberry.ID(str(GlobalID(type_name, key)))


def decode(value: str) -> GlobalID:
    """The type and key inside a global id. Raises BadRequest for what is none."""
    try:
        return GlobalID.from_id(value)
    except (GlobalIDValueError, ValueError):
        raise BadRequest("The id is not one that this API gave out.") from None


def key_for(type_name: str) -> Callable[[str], str]:
    """A converter from a global id of one type to its service's key; for an argument of a link."""

    def convert(value: str) -> str:
        found = decode(value)
        if found.type_name != type_name:
            raise BadRequest(f"The id is of a {found.type_name}, expected is one of a {type_name}.")
        return found.node_id

    return convert
