"""The devices that are told things."""

from typing import Any

import strawberry

from bff_core.graphql.context import Info
from bff_core.graphql.write import Sent, write
from bff_mobile.types.device import DeviceRegistered, Platform
from bff_mobile.types.outcome import InvalidInput, OutcomeUnknown
from bff_mobile.wording import regional
from services import notifications


@strawberry.input(description="Which device, and where it is reached.")
class RegisterDeviceInput:
    """Everything but the language, which is the request's."""

    device_id: strawberry.ID = strawberry.field(
        description="The installation's own id: 1 to 40 letters, digits, - or _, the same at each start of the app."
    )
    platform: Platform = strawberry.field(description="What it runs.")
    token: str = strawberry.field(description="Its address at the platform's push service, at most 400 characters.")
    app_version: str = strawberry.field(description='The version of the app, such as "3.14.1".')


def _register(input: RegisterDeviceInput, info: Info) -> Sent:
    device = notifications.RegisterDevice(
        platform=notifications.Platform(input.platform.value),
        token=input.token,
        app_version=input.app_version,
        locale=regional(info.context.locale),
    )
    return Sent((input.device_id,), device)


@strawberry.type
class DeviceMutations:
    """What an app does when it starts."""

    register_device: Any = write(
        notifications.register_device,
        name="RegisterDeviceResult",
        input=RegisterDeviceInput,
        send=_register,
        done=DeviceRegistered,
        refusals=(InvalidInput,),
        unknown=OutcomeUnknown,
        ask="It does no harm to send the same mutation again, as at each start of the app.",
        description="Tell this device what the signed-in user is told, in the language of this request.",
    )
