"""A parcel as a card."""

import strawberry

from bff_core.graphql.context import Info
from bff_core.graphql.view import computed, shown, view
from bff_mobile import wording
from bff_mobile.phrases import phrase
from services import orders


def _status(parcel: orders.Parcel, info: Info) -> str:
    return phrase(f"parcel_{parcel.status.value}", info.context.locale)


def _arrival(parcel: orders.Parcel, info: Info) -> str | None:
    locale = info.context.locale
    if parcel.delivered_at is not None:
        return phrase("parcel_arrived", locale, ago=wording.ago(parcel.delivered_at, info.context.now, locale))
    if parcel.expected_at is None or parcel.status is orders.ParcelStatus.DELIVERED:
        return None
    return phrase("parcel_expected", locale, day=wording.day(parcel.expected_at, locale))


def _latest(parcel: orders.Parcel, info: Info) -> str | None:
    if not parcel.events:
        return None
    locale, event = info.context.locale, parcel.events[0]
    ago = wording.ago(event.at, info.context.now, locale)
    if event.status is orders.ParcelStatus.UNKNOWN:
        return phrase("parcel_event_unknown", locale, place=event.place, ago=ago)
    status = phrase(f"parcel_{event.status.value}", locale)
    return phrase("parcel_event", locale, status=status, place=event.place, ago=ago)


@view(orders.Parcel, description="A parcel of an order.")
class ParcelCard:
    """A box on its way."""

    id: strawberry.ID = shown("The parcel's id.")
    carrier: str = shown("Who brings it.")
    tracking_number: str = shown("The carrier's number for it.")
    status: str = computed(_status, "Where it stands, worded for the locale.")
    arrival: str | None = computed(
        _arrival, "The day it is expected, or how long ago it was delivered, worded; null while nobody knows."
    )
    latest: str | None = computed(
        _latest, "What happened to it last, where and how long ago, worded; null before anything has."
    )
