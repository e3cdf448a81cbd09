"""A parcel on its way, as the web shows it."""

from datetime import datetime
from enum import Enum

import strawberry

from bff_core.graphql.view import computed, shown, view
from services import orders


@strawberry.enum(description="Where a parcel is.")
class ParcelStatus(Enum):
    """The web's own words for the service's."""

    PREPARING = strawberry.enum_value("preparing", description="It is packed and waits for the carrier.")
    IN_TRANSIT = strawberry.enum_value("in_transit", description="The carrier has it.")
    OUT_FOR_DELIVERY = strawberry.enum_value("out_for_delivery", description="It comes today.")
    DELIVERED = strawberry.enum_value("delivered", description="It has arrived.")
    UNKNOWN = strawberry.enum_value("unknown", description="A word of the service that this schema does not know yet.")


def _status(of: orders.Parcel | orders.ParcelEvent) -> ParcelStatus:
    return ParcelStatus(of.status.value)


@view(orders.ParcelEvent, description="Something that happened to a parcel.")
class ParcelEvent:
    """One step of the way."""

    at: datetime = shown("When it happened.")
    place: str = shown("The town it happened in.")
    status: ParcelStatus = computed(_status, "Where the parcel was from then on.")


@view(orders.Parcel, description="A box of an order on its way.")
class Parcel:
    """A parcel with its way so far."""

    id: strawberry.ID = shown("The parcel's id.")
    carrier: str = shown("Who brings it.")
    tracking_number: str = shown("The number it has with the carrier.")
    status: ParcelStatus = computed(_status, "Where it is.")
    shipped_at: datetime | None = shown("When the carrier took it; null before.")
    expected_at: datetime | None = shown("When it should arrive; null while nobody can tell.")
    delivered_at: datetime | None = shown("When it arrived; null before.")
    events: list[ParcelEvent] = shown("Its way so far, the newest step first.")
