"""What a field's declaration says of its cost: ``weight=``, which clients read as ``@cost`` in the SDL."""

from __future__ import annotations

from graphql import GraphQLField

from bff_core.contract import DeclarationError

#: Under this key a field's metadata holds its weight.
WEIGHT = "bff_weight"


def checked_weight(where: str, weight: float | None) -> float | None:
    """The weight that ``where`` declares. Raises DeclarationError for one below 0."""
    if weight is not None and not 0 <= weight <= 1_000_000:
        raise DeclarationError(f"{where}: weight must be from 0 to 1000000, not {weight}")
    return weight


def weight_of(definition: GraphQLField) -> float | None:
    """What a field weighs by its declaration; None where it does not say."""
    strawberry_field = (definition.extensions or {}).get("strawberry-definition")
    found: float | None = strawberry_field.metadata.get(WEIGHT) if strawberry_field is not None else None
    return found
