"""A device that is told things, as the app shows it."""

from enum import Enum

import strawberry

from bff_core.graphql.view import shown, view
from services import notifications


@strawberry.enum(description="The system that a device runs.")
class Platform(Enum):
    """The app's own words for the service's."""

    IOS = strawberry.enum_value("ios", description="iOS or iPadOS.")
    ANDROID = strawberry.enum_value("android", description="Android.")


@view(notifications.Device, description="The device is told things from now on.")
class DeviceRegistered:
    """One device of the signed-in user."""

    id: strawberry.ID = shown("The device's id, as it was sent.")
